//! Feeds, against the merge of what was posted: before, during and after a rebuild under load, and
//! after the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanout_projections::{Freshness, Rebuilds};
use fanout_runtime::{Environment as _, ProcessEnvironment, SystemClock, SystemIds};
use fanout_store_sqlite::{Database, SqliteDocuments};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::operated::{Ended, operator_command};
use crate::running::{Running, fanout, request, wait_until};

const CLIENTS: usize = 4;
/// How many posts, unless `FANOUT_TEST_POSTS` says so: 3,000 take a minute.
const POSTS: usize = 240;
/// How many posts there are to a user.
const POSTS_OF_EACH: usize = 6;
/// How many authors a user follows.
const FOLLOWED: usize = 7;
/// How long a rebuild of a thousand posts may take: 2 s, and twice that without the optimiser.
const REBUILD: Duration = Duration::from_secs(if cfg!(debug_assertions) { 4 } else { 2 });

/// By when and by which id a post comes.
type Place = (String, String);

/// What was posted and who follows whom: the write model, as the test knows it.
#[derive(Default)]
struct Written {
    posts: BTreeMap<Place, String>,
    follows: BTreeMap<usize, BTreeSet<String>>,
}

struct Social {
    /// Where posts and follows go.
    posts_at: String,
    /// Where feeds are.
    feeds_at: String,
    data: TempDir,
    users: usize,
    written: Mutex<Written>,
}

fn name(user: usize) -> String {
    format!("user-{user}")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

impl Social {
    /// With the process that it is.
    fn start(users: usize) -> (Running, Self) {
        let mut social = Self {
            posts_at: String::new(),
            feeds_at: String::new(),
            data: tempfile::tempdir().unwrap(),
            users,
            written: Mutex::default(),
        };
        (social.start_again(), social)
    }

    fn start_again(&mut self) -> Running {
        let mut command = fanout(self.data.path());
        command.args(["--system", "social"]);
        let running = Running::of(command);
        self.posts_at = running.url("post", "");
        self.feeds_at = running.url("feed", "");
        running
    }

    /// What the first commit of a rebuild leaves behind, if the process dies after it.
    fn begin_a_rebuild(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let clock = Arc::new(SystemClock);
            let file = self.data.path().join("fanout.db");
            let database = Database::open(&file).unwrap();
            let documents = SqliteDocuments::open(database, clock.clone()).await;
            let documents = Arc::new(documents.unwrap());
            let table = system::projections(Freshness::EachTime, |_| true);
            let rebuilds = Rebuilds::new(table, documents, clock, Arc::new(SystemIds));
            rebuilds.begin("feed", false).await.unwrap();
        });
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.posts_at);
        request(method, &url, Some(&body.to_string())).unwrap()
    }

    /// The `number`th of something that looks like chance.
    fn pick(&self, number: usize) -> usize {
        number.wrapping_mul(2_654_435_761) / 7 % self.users
    }

    fn follow(&self, user: usize, author: usize, follows: bool) {
        let path = format!("/users/{}/following/{}", name(user), name(author));
        let method = if follows { "PUT" } else { "DELETE" };
        assert_eq!(self.call(method, &path, &json!({})).0, 204);
        let mut written = self.written.lock().unwrap();
        let of_user = written.follows.entry(user).or_default();
        if follows {
            of_user.insert(name(author));
        } else {
            of_user.remove(&name(author));
        }
    }

    fn post(&self, number: usize) {
        let author = name(self.pick(number));
        let body = json!({"author_id": author, "content": format!("post {number} #feed")});
        let (status, post) = self.call("POST", "/posts", &body);
        assert_eq!(status, 201, "{post}");
        let place = (
            text(&post, "posted_at").to_owned(),
            text(&post, "id").to_owned(),
        );
        self.written.lock().unwrap().posts.insert(place, author);
    }

    fn delete(&self, place: &Place) {
        let path = format!("/posts/{}", place.1);
        assert_eq!(self.call("DELETE", &path, &json!({})).0, 204);
        self.written.lock().unwrap().posts.remove(place);
    }

    /// Posts and follows by several clients at once.
    fn by_all(&self, numbers: std::ops::Range<usize>, act: impl Fn(usize) + Sync) {
        let next = AtomicUsize::new(numbers.start);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= numbers.end {
                            return;
                        }
                        act(number);
                    }
                });
            }
        });
    }

    fn follow_all(&self) {
        self.by_all(0..self.users, |user| {
            for other in 1..=FOLLOWED {
                self.follow(user, self.pick(user * FOLLOWED + other), true);
            }
        });
    }

    /// All follow some, so many is posted, and some of both is taken back.
    fn write(&self, posts: usize) {
        self.follow_all();
        self.by_all(0..posts, |number| self.post(number));
        for user in 0..self.users / 10 {
            self.follow(user, self.pick(user * FOLLOWED + 1), false);
        }
        let some: Vec<Place> = {
            let written = self.written.lock().unwrap();
            written.posts.keys().step_by(20).cloned().collect()
        };
        some.iter().for_each(|place| self.delete(place));
    }

    /// A user's feed, over all its pages.
    fn feed(&self, user: usize) -> Vec<Place> {
        let (mut feed, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/feeds/{}?limit=100&page_token={token}", name(user));
            let url = format!("{}{path}", self.feeds_at);
            let (status, page) = request("GET", &url, None).unwrap();
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap();
            feed.extend(items.iter().map(|item| {
                (
                    text(item, "posted_at").to_owned(),
                    text(item, "post_id").to_owned(),
                )
            }));
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => return feed,
            }
        }
    }

    /// The posts of all that a user follows, the newest first.
    fn merged(&self, user: usize) -> Vec<Place> {
        let written = self.written.lock().unwrap();
        let followed = written.follows.get(&user).cloned().unwrap_or_default();
        let posts = written.posts.iter().rev();
        let shown = posts.filter(|(_, author)| followed.contains(*author));
        shown.map(|(place, _)| place.clone()).collect()
    }

    /// Waits until every feed is the merge.
    fn all_settle(&self) {
        for user in 0..self.users {
            wait_until("a feed that is the merge", || {
                self.feed(user) == self.merged(user)
            });
        }
    }

    /// No feed misses a post that was in it, or has one twice or out of order.
    fn nothing_is_missed(&self, before: &BTreeMap<usize, Vec<Place>>, user: usize) {
        let feed = self.feed(user);
        assert!(feed.is_sorted_by(|one, next| one > next), "{feed:?}");
        let old: BTreeSet<&Place> = before[&user].iter().collect();
        let still: Vec<&Place> = feed.iter().filter(|it| old.contains(it)).collect();
        assert_eq!(still, before[&user].iter().collect::<Vec<_>>(), "{user}");
    }

    fn list(&self) -> String {
        let data = self.data.path().to_str().unwrap();
        let command = ["projections", "list", "--data-dir", data];
        Ended::of(operator_command(&command)).stdout
    }

    fn projections(&self, verb: &[&str]) -> Ended {
        let url = self.feeds_at.as_str();
        let data = self.data.path().to_str().unwrap();
        let flags = ["--data-dir", data, "--service-url", url];
        Ended::of(operator_command(&[&["projections"], verb, &flags].concat()))
    }
}

fn posts() -> usize {
    let asked = ProcessEnvironment.get("FANOUT_TEST_POSTS");
    asked.map_or(POSTS, |number| number.parse().unwrap())
}

#[test]
fn feeds_are_the_merge_before_during_and_after_a_rebuild_under_load_and_after_the_way_back() {
    let posts = posts();
    let (most, all) = (posts * 3 / 4, posts);
    let (_running, social) = Social::start(posts / POSTS_OF_EACH);
    social.write(most);
    social.all_settle();

    let before = (0..social.users)
        .map(|user| (user, social.merged(user)))
        .collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for user in (0..social.users).cycle() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                social.nothing_is_missed(&before, user);
            }
        });
        let posting = scope.spawn(|| social.by_all(most..all, |number| social.post(number)));
        let rebuilt = social.projections(&["rebuild", "feed"]);
        posting.join().unwrap();
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(
            rebuilt.code,
            Some(0),
            "{}{}",
            rebuilt.stdout,
            rebuilt.stderr
        );
        assert!(
            rebuilt.stdout.contains("generation 2 is live"),
            "{}",
            rebuilt.stdout
        );
    });
    social.all_settle();
    let back = social.projections(&["rollback", "feed", "--json"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    let back: Value = serde_json::from_str(&back.stdout).unwrap();
    assert_eq!((&back["live"], &back["previous"]), (&json!(1), &json!(2)));
    social.all_settle();

    // Quiet now: how long it takes alone, for as many posts as there are.
    let begun = Instant::now();
    let again = social.projections(&["rebuild", "feed"]);
    let took = begun.elapsed();
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let may = REBUILD.mul_f64((posts as f64 / 1000.0).max(1.0));
    assert!(took < may, "{took:?} for {posts} posts");
    let list = social.list();
    assert_eq!(
        list,
        "feed  feed-service  generation 3 is live, 1 was before\n"
    );
    social.all_settle();

    let nothing = social.projections(&["cancel", "feed"]);
    assert_eq!(nothing.code, Some(1), "{}", nothing.stdout);
    let said = "no generation is being built";
    assert!(nothing.stderr.contains(said), "{}", nothing.stderr);
}

#[test]
fn a_rebuild_whose_process_was_killed_goes_on_with_the_next_start() {
    let (mut running, mut social) = Social::start(10);
    social.follow_all();
    social.by_all(0..40, |number| social.post(number));
    social.all_settle();
    running.kill_nine();
    social.begin_a_rebuild();
    let begun = "feed  feed-service  generation 1 is live, 2 is being built: settling, 0 %\n";
    assert_eq!(social.list(), begun);
    let _running = social.start_again();
    social.by_all(40..60, |number| social.post(number));
    let live = "feed  feed-service  generation 2 is live, 1 was before\n";
    wait_until("the switch", || social.list() == live);
    social.all_settle();
}
