//! Google Firestore.
