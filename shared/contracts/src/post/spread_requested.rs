//! `post.spread_requested`: the request to show a post to a part of its author's followers.

use chrono::{DateTime, Utc};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use super::posted_at;

/// The data of `post.spread_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SpreadRequested {
    /// The post.
    pub post_id: String,
    /// Who posted it.
    pub author_id: String,
    /// When.
    #[serde(serialize_with = "posted_at::write")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub posted_at: DateTime<Utc>,
    /// Which part of the followers, from 1.
    #[schemars(range(min = 1))]
    pub bucket: u64,
    /// Of how many parts.
    #[schemars(range(min = 1))]
    pub buckets: u64,
}

impl EventType for SpreadRequested {
    const TYPE: &'static str = "post.spread_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/post-spread-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            post_id: data.identifier("post_id")?.to_owned(),
            author_id: data.identifier("author_id")?.to_owned(),
            posted_at: posted_at::read(data)?,
            bucket: data.count("bucket")?,
            buckets: data.count("buckets")?,
        })
    }
}
