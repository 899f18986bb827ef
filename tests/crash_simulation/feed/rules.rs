//! What feeds must show, whatever has failed. What that is we work out ourselves, from the posts and
//! follows that are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanout_dedup::PROCESSED_EVENTS;
use fanout_outbox::EVENTS;
use fanout_posts::{FOLLOWS, POSTS};
use fanout_projections::PROJECTIONS;
use fanout_runtime::Timestamp;
use fanout_store::{Content, Fields, Value, Write};
use feed_service::FEED_ITEMS;

struct Post {
    author: String,
    content: String,
    posted_at: Timestamp,
    deleted: Option<Duration>,
}

struct Follow {
    reader: String,
    author: String,
    /// Since when, if it goes on.
    since: Option<Duration>,
    /// When it last ended.
    ended: Option<Duration>,
}

#[derive(Default)]
pub(crate) struct Feeds {
    /// By id.
    posts: BTreeMap<String, Post>,
    /// By id.
    follows: BTreeMap<String, Follow>,
    /// A reader and a post: since when an event has had that effect.
    spread: BTreeMap<(String, String), Duration>,
    /// What posts say whose making was answered 201.
    pub(crate) accepted: BTreeSet<String>,
    /// Whether generations are being built or deleted.
    is_moving: bool,
    /// Until when the generation before is fed.
    way_back: Option<Timestamp>,
}

/// A reader who reads.
pub(crate) struct Asked {
    reader: String,
    at: Duration,
    /// Posts that must be in the answer, unless they go meanwhile.
    must: Vec<String>,
}

impl Feeds {
    pub(crate) fn is_empty(&self) -> bool {
        self.posts.is_empty() && self.follows.is_empty()
    }

    /// The post that says this, once it is stored.
    pub(crate) fn post_of(&self, content: &str) -> Option<String> {
        let mut posts = self.posts.iter();
        let post = posts.find(|(_, post)| post.content == content);
        post.map(|(id, _)| id.clone())
    }

    /// Whether generations are to be moved on by then.
    pub(crate) fn is_any_due(&self, now: Timestamp) -> bool {
        self.is_moving || self.way_back.is_some_and(|until| until <= now)
    }

    /// Notes a commit that took effect; gives what is broken now.
    pub(crate) fn note(&mut self, writes: &[Write], now: Duration) -> Vec<String> {
        let has = |collection| writes.iter().any(|it| it.key.is_in(collection));
        let mut found = Vec::new();
        for write in writes {
            let (key, id) = (&write.key, write.key.id());
            match &write.content {
                Content::Set(fields) if key.is_in(POSTS) => {
                    found.extend(self.posted(id, fields));
                }
                Content::Delete if key.is_in(POSTS) => {
                    self.posts.get_mut(id).unwrap().deleted = Some(now);
                }
                Content::Set(fields) if key.is_in(FOLLOWS) => self.followed(id, fields, now),
                Content::Set(row) if key.is_in(FEED_ITEMS) && has(PROCESSED_EVENTS) => {
                    self.spread.entry(pair(row)).or_insert(now);
                }
                Content::Set(standing) if key.is_in(PROJECTIONS) => {
                    found.extend(self.moved(standing));
                }
                Content::Set(_) | Content::Merge(..) | Content::Delete => {}
            }
        }
        // P6
        if (has(FEED_ITEMS) || has(PROJECTIONS)) && has(EVENTS) {
            found.push("a projection emits".to_owned());
        }
        found
    }

    fn posted(&mut self, id: &str, fields: &Fields) -> Option<String> {
        let text = |name| fields.text(name).unwrap().to_owned();
        let twice = self.post_of(&text("content"));
        let post = Post {
            author: text("author_id"),
            content: text("content"),
            posted_at: fields.timestamp("posted_at").unwrap(),
            deleted: None,
        };
        self.posts.insert(id.to_owned(), post);
        twice.map(|first| format!("{id} says what {first} says"))
    }

    /// A pair that has ended names neither.
    fn followed(&mut self, id: &str, fields: &Fields, now: Duration) {
        let text = |name| fields.text(name).map(str::to_owned);
        match (text("follower"), text("followee")) {
            (Ok(reader), Ok(author)) => {
                let ended = self.follows.get(id).and_then(|it| it.ended);
                let since = Some(now);
                let follow = Follow {
                    reader,
                    author,
                    since,
                    ended,
                };
                self.follows.insert(id.to_owned(), follow);
            }
            _ => {
                let follow = self.follows.get_mut(id).unwrap();
                (follow.since, follow.ended) = (None, Some(now));
            }
        }
    }

    fn moved(&mut self, standing: &Fields) -> Option<String> {
        let map = |name| match standing.get(name) {
            Some(Value::Map(map)) => Some(map),
            _ => None,
        };
        let drops = matches!(standing.get("dropped"), Some(Value::Array(it)) if !it.is_empty());
        self.is_moving = drops || map("building").is_some();
        self.way_back = map("previous").map(|it| it.timestamp("until").unwrap());
        map("refused").map(|it| format!("a generation lacks {} rows", it.count("missing").unwrap()))
    }

    /// Of each feed, the posts that it has now.
    fn shown(&self) -> impl Iterator<Item = (&Follow, &str, &Post)> {
        let follows = self.follows.values().filter(|it| it.since.is_some());
        follows.flat_map(|follow| {
            let posts = self.posts.iter().filter(|(_, it)| it.deleted.is_none());
            let theirs = posts.filter(|(_, it)| it.author == follow.author);
            theirs.map(move |(id, post)| (follow, id.as_str(), post))
        })
    }

    /// What a reader must be shown who reads now: all that an event has brought there. Where all is
    /// `settled`, that is every post of those who are followed.
    pub(crate) fn asked(&self, reader: &str, now: Duration, settled: bool) -> Asked {
        let is_there = |id: &str| {
            let row = (reader.to_owned(), id.to_owned());
            settled || self.spread.contains_key(&row)
        };
        let theirs = self.shown().filter(|(it, ..)| it.reader == reader);
        let must = theirs.filter(|(_, id, _)| is_there(id));
        Asked {
            reader: reader.to_owned(),
            at: now,
            must: must.map(|(_, id, _)| id.to_owned()).collect(),
        }
    }

    /// P2, P3 and P7: what is wrong with an answer that has just come.
    pub(crate) fn misread(&self, asked: &Asked, ids: &[String]) -> Vec<String> {
        let reader = &asked.reader;
        let follow = |post: &Post| {
            let mut follows = self.follows.values();
            follows.find(|it| it.reader == *reader && it.author == post.author)
        };
        let must_show = |id: &&String| {
            let post = &self.posts[*id];
            let follows = follow(post).and_then(|it| it.since);
            post.deleted.is_none() && follows.is_some_and(|since| since <= asked.at)
        };
        let may_show = |id: &String| {
            self.posts.get(id).is_some_and(|post| {
                let was = |ended: Option<Duration>| ended.is_some_and(|at| at >= asked.at);
                let followed = follow(post).is_some_and(|it| it.since.is_some() || was(it.ended));
                followed && (post.deleted.is_none() || was(post.deleted))
            })
        };
        let lacks = asked.must.iter().filter(must_show);
        let lacks = lacks.filter(|id| !ids.contains(id));
        let mut found: Vec<String> = lacks
            .map(|id| format!("the feed of {reader} lacks {id}"))
            .collect();
        let wrong = ids.iter().filter(|id| !may_show(id));
        found.extend(wrong.map(|id| format!("the feed of {reader} shows {id}")));
        let each: BTreeSet<&String> = ids.iter().collect();
        let posted = |id: &String| self.posts.get(id).map(|it| it.posted_at);
        let newest_first = ids.is_sorted_by(|one, other| posted(one) >= posted(other));
        if each.len() < ids.len() || !newest_first {
            found.push(format!("the feed of {reader} is out of order: {ids:?}"));
        }
        found
    }

    /// P1 at rest: what is wrong with the rows of a generation. Those of posts before `since` may be
    /// gone.
    pub(super) fn misfolded(
        &self,
        rows: &BTreeSet<(String, String)>,
        since: Timestamp,
    ) -> Vec<String> {
        let due = self.shown().filter(|(_, _, it)| it.posted_at >= since);
        let due = due.map(|(follow, id, _)| (follow.reader.clone(), id.to_owned()));
        let lacks = due.filter(|row| !rows.contains(row));
        let lacks = lacks.map(|row| format!("lacks {row:?}"));
        let ever = |(reader, id): &(String, String)| {
            let author = self.posts.get(id).map(|it| &it.author);
            let mut follows = self.follows.values();
            follows.any(|it| it.reader == *reader && Some(&it.author) == author)
        };
        let invented = rows.iter().filter(|row| !ever(row));
        let invented = invented.map(|row| format!("has {row:?}"));
        lacks.chain(invented).collect()
    }

    pub(super) fn readers(&self) -> BTreeSet<String> {
        self.follows.values().map(|it| it.reader.clone()).collect()
    }
}

/// Whose row it is, and of which post.
pub(super) fn pair(row: &Fields) -> (String, String) {
    let text = |name| row.text(name).unwrap().to_owned();
    (text("owner"), text("post_id"))
}
