//! What happens to posts, and who follows whom.

mod author_followed;
mod author_unfollowed;
mod created;
mod deleted;
mod posted_at;
mod spread_requested;

use fanout_events::{Domain, KnownType};

pub use author_followed::AuthorFollowed;
pub use author_unfollowed::AuthorUnfollowed;
pub use created::{MOST_CHARACTERS, PostCreated};
pub use deleted::PostDeleted;
pub use spread_requested::SpreadRequested;

/// The domain's topic.
pub const TOPIC: &str = "post-events";

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<PostCreated>(),
    KnownType::of::<PostDeleted>(),
    KnownType::of::<SpreadRequested>(),
    KnownType::of::<AuthorFollowed>(),
    KnownType::of::<AuthorUnfollowed>(),
];

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "post",
    topic: TOPIC,
    types: TYPES,
};
