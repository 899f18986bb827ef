//! `post.deleted`: a post is gone.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `post.deleted` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PostDeleted {
    /// The post's id; the event's subject too.
    pub post_id: String,
    /// Who had posted it.
    pub author_id: String,
}

impl EventType for PostDeleted {
    const TYPE: &'static str = "post.deleted";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/post-deleted/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            post_id: data.identifier("post_id")?.to_owned(),
            author_id: data.identifier("author_id")?.to_owned(),
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("post_id", &self.post_id))
    }
}
