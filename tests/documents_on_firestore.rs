//! Firestore's documents keep the port's promises, through the real client on Google's emulator.

use std::sync::Arc;

use fanout_store::Documents;

use crate::support::emulators;

async fn on_firestore() -> Arc<dyn Documents> {
    Arc::new(emulators().await.documents().await.unwrap())
}

fanout_testkit::documents_conformance_tests!(
    #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install cloud-firestore-emulator")] =>
    on_firestore()
);
