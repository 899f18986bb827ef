//! A place in a feed: behind a post. The same in every generation, and where no rows are.

use fanout_runtime::Timestamp;
use fanout_store::{Cursor, Value};
use fanout_web::{InvalidPageToken, open_page_token, page_token_time, seal_page_token};

/// Names the listing.
const FEED: &str = "feed:";

/// Behind this post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) posted_at: Timestamp,
    pub(crate) post_id: String,
}

impl Position {
    /// Behind this document of a query that ends with the time of posting.
    pub(crate) fn cursor(&self, id: String) -> Cursor {
        let values = vec![Value::from(self.posted_at)];
        Cursor { values, id }
    }

    pub(crate) fn token(&self) -> String {
        let at = self.posted_at.timestamp_millis();
        seal_page_token(FEED, &format!("{at}:{}", self.post_id))
    }

    pub(crate) fn parse(token: &str) -> Result<Self, InvalidPageToken> {
        let rest = open_page_token(FEED, token)?;
        let (at, post_id) = rest.split_once(':').ok_or(InvalidPageToken)?;
        Ok(Self {
            posted_at: page_token_time(at)?,
            post_id: post_id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_time_that_no_store_takes_is_none() {
        let token = |at: i64| seal_page_token(FEED, &format!("{at}:pst_1"));
        assert!(Position::parse(&token(1_795_176_000_000)).is_ok());
        for at in [7_000_000_000_000_000, -70_000_000_000_000, i64::MAX] {
            assert!(Position::parse(&token(at)).is_err(), "{at}");
        }
    }
}
