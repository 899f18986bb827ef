//! Who follows whom.

use fanout_runtime::id_of;
use fanout_store::{
    Collection, Comparison, Direction, Document, Fields, Key, MalformedDocument, Query, ascending,
};
use sha2::{Digest, Sha256};

/// The collection of follows, by the pair. One that has ended keeps its version only, and so is in no
/// answer.
pub const FOLLOWS: &Collection = &Collection::named("follows")
    .indexes(&[
        &[ascending("followee"), ascending("bucket")],
        &[ascending("follower")],
    ])
    .no_automatic_indexes();

/// How many buckets followers are spread over, by a hash of their ids.
pub const BUCKETS: u64 = 256;

/// A reader and an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Who follows.
    pub follower: String,
    /// Whom.
    pub followee: String,
}

/// What is stored of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// How often that has begun and ended.
    pub version: u64,
    /// Whether it goes on.
    pub now: bool,
}

impl Follow {
    /// The pair's id: the subject of its events.
    pub fn id(&self) -> String {
        let pair = format!("{}\n{}", self.follower, self.followee);
        id_of("fol", &Sha256::digest(pair))
    }

    /// Where it is.
    pub fn key(&self) -> Key {
        Key::new(FOLLOWS, &self.id())
    }

    /// As a document.
    pub fn to_fields(&self, followed: Followed) -> Fields {
        let fields = Fields::new().with("version", followed.version);
        if !followed.now {
            return fields;
        }
        fields
            .with("follower", self.follower.as_str())
            .with("followee", self.followee.as_str())
            .with("bucket", bucket_of(&self.follower))
    }

    /// The document as a pair that goes on.
    pub fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        Ok(Self {
            follower: document.fields.text("follower")?.to_owned(),
            followee: document.fields.text("followee")?.to_owned(),
        })
    }
}

impl Followed {
    /// What a document says, or its absence.
    pub fn of(document: Option<&Document>) -> Result<Self, MalformedDocument> {
        let Some(document) = document else {
            let (version, now) = (0, false);
            return Ok(Self { version, now });
        };
        Ok(Self {
            version: document.fields.count("version")?,
            now: document.fields.get("bucket").is_some(),
        })
    }
}

fn bucket_of(follower: &str) -> u64 {
    let digest = Sha256::digest(follower);
    digest.first().map_or(0, |byte| u64::from(*byte))
}

/// The `part`th of `parts` equal parts of an author's followers, from 1. A part's number that there is
/// not has none.
pub fn followers_of(author: &str, part: u64, parts: u64) -> Query {
    let parts = parts.clamp(1, BUCKETS);
    // Also where they do not divide evenly: every bucket is in one part.
    let first = |part: u64| part.saturating_mul(BUCKETS).div_ceil(parts);
    Query::of(FOLLOWS)
        .only("followee", Comparison::Equal, author)
        .only("bucket", Comparison::AtLeast, first(part.saturating_sub(1)))
        .only("bucket", Comparison::Less, first(part))
        .order_by("bucket", Direction::Ascending)
        .limit(500)
}

/// Whom a reader follows.
pub fn followed_by(reader: &str) -> Query {
    Query::of(FOLLOWS)
        .only("follower", Comparison::Equal, reader)
        .limit(500)
}

#[cfg(test)]
mod tests {
    use fanout_store::Value;
    use proptest::prelude::*;

    use super::*;

    fn range(part: u64, parts: u64) -> std::ops::Range<i64> {
        let filters = followers_of("a", part, parts).filters;
        let bound = |comparison| {
            let of_bucket = filters.iter().find(|it| it.comparison == comparison);
            match of_bucket.map(|it| &it.value) {
                Some(Value::Integer(bound)) => *bound,
                _ => panic!("no such bound"),
            }
        };
        bound(Comparison::AtLeast)..bound(Comparison::Less)
    }

    proptest! {
        #[test]
        fn every_bucket_is_in_exactly_one_part(parts in 1..=BUCKETS, bucket in 0..BUCKETS) {
            let bucket = i64::try_from(bucket).unwrap();
            let holding = (1..=parts).filter(|part| range(*part, parts).contains(&bucket));
            prop_assert_eq!(holding.count(), 1);
        }
    }

    #[test]
    fn pairs_are_told_apart_whatever_their_names() {
        let pair = |follower: &str, followee: &str| Follow {
            follower: follower.to_owned(),
            followee: followee.to_owned(),
        };
        assert_ne!(pair("a", "b").id(), pair("b", "a").id());
        assert_ne!(pair("a", "bc").id(), pair("ab", "c").id());
    }
}
