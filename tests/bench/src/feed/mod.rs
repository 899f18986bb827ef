//! Feeds of posts side by side: how soon a post is seen, and a rebuild that readers should notice nothing of.

mod contender;

use crate::Options;
use crate::measure::{Contender, Report, interleaved, redis_server};
use crate::sides::Peers;

use contender::{Feeds, METRICS};

const TEXT: &str = "\
Posts one after the other, each looked for by 10 of its author's followers until all see it. Then all feeds are built \
anew from stored posts of 100 authors, while 200 posts a second arrive and a reader reads one whole feed after the \
other: \"missing\" is what a feed lacked at worst of posts that had been in it; effects are what is missing or doubled \
at the end. Ours: post-service, feed-service and the embedded broker in one process, each commit synced. Redis: a list \
of posts' ids for each reader, filled by a consumer of a stream of posts, `appendfsync always`; a rebuild there empties \
the lists and reads the stream. Both rebuild the rows of the posts that were looked for, too.";

/// The benchmark.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut peers = Peers::new(options, "feed")?;
    let sizes = contender::Sizes::of(options);
    let mut all: Vec<Box<dyn Contender>> =
        vec![Box::new(Feeds::new("fanout", peers.own("feed")?, sizes))];
    match redis_server() {
        Ok(version) => {
            report.version("Redis", Some(version));
            if let Some(redis) = peers.python("redis-feed", "feed.py") {
                all.push(Box::new(Feeds::new("Redis lists, in Python", redis, sizes)));
            }
        }
        Err(error) => peers.is_absent("Redis", &error),
    }
    let text = peers.told(&format!("{TEXT} {} posts are rebuilt.", sizes.rebuilt()));
    interleaved("Feeds", &text, &METRICS, &mut all, options.rounds(), report)
}
