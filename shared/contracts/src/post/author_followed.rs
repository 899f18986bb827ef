//! `post.author_followed`: a reader follows an author now.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `post.author_followed` 1.x. Its subject is the pair of the two.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AuthorFollowed {
    /// Who follows.
    pub follower_id: String,
    /// Whom.
    pub followee_id: String,
}

impl EventType for AuthorFollowed {
    const TYPE: &'static str = "post.author_followed";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/post-author-followed/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            follower_id: data.identifier("follower_id")?.to_owned(),
            followee_id: data.identifier("followee_id")?.to_owned(),
        })
    }
}
