//! `post.created`: something was posted.

use chrono::{DateTime, Utc};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version, WrongField};
use schemars::JsonSchema;
use serde::Serialize;

use super::posted_at;

/// The longest content of a post, in characters.
pub const MOST_CHARACTERS: usize = 2000;

/// The data of `post.created` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PostCreated {
    /// The post's id; the event's subject too.
    pub post_id: String,
    /// Who posted it.
    pub author_id: String,
    /// What was posted.
    #[schemars(length(min = 1, max = MOST_CHARACTERS))]
    pub content: String,
    /// When.
    #[serde(serialize_with = "posted_at::write")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub posted_at: DateTime<Utc>,
}

impl EventType for PostCreated {
    const TYPE: &'static str = "post.created";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/post-created/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            post_id: data.identifier("post_id")?.to_owned(),
            author_id: data.identifier("author_id")?.to_owned(),
            content: content(data)?.to_owned(),
            posted_at: posted_at::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("post_id", &self.post_id))
    }
}

fn content<'a>(data: &JsonFields<'a>) -> Result<&'a str, WrongField> {
    let content = data.text("content")?;
    if content.chars().count() > MOST_CHARACTERS {
        let fault = format!("must have at most {MOST_CHARACTERS} characters");
        return Err(data.wrong("content", fault));
    }
    Ok(content)
}
