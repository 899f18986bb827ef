//! Feeds under crashes: posts and follows, and a read model of them that is built anew, switched and
//! rolled back while it is written and read by instances of which each knows generations of another age.

pub(crate) mod end;
pub(crate) mod moments;
mod rules;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

pub(crate) use rules::Feeds;

use super::script::Clients;
use super::services::Service;

/// What authors, readers and operators do. Each goes by a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// The post of this number, by an author.
    Post(u64, u64),
    /// The post of this number goes.
    Delete(u64),
    /// A reader follows an author.
    Follow(u64, u64),
    /// No more.
    Unfollow(u64, u64),
    /// A reader reads, on the instance of this number at first.
    Read(u64, usize),
    /// An operator has the next generation built; what is being built is moved on.
    Rebuild,
    /// An operator goes back to the generation before.
    RollBack,
}

/// How many posts a page of a feed has: fewer than feeds have.
const PAGE: u32 = 3;

fn content(number: u64) -> String {
    format!("post-{number}")
}

fn author(number: u64) -> String {
    format!("author_{number}")
}

fn reader(number: u64) -> String {
    format!("reader_{number}")
}

/// What a post says is its request's key, too.
fn asking(method: Method, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header(
            "idempotency-key",
            body["content"].as_str().unwrap_or("none"),
        )
        .body(Body::from(body.to_string()))
        .unwrap()
}

impl Clients {
    pub(super) async fn take_deed(&self, deed: Deed) {
        let following =
            |of, whom| format!("/users/{}/following/{}", reader(of), self::author(whom));
        match deed {
            Deed::Post(number, author) => {
                let text = content(number);
                let body = json!({"author_id": self::author(author), "content": text});
                if self.ask_posts(Method::POST, "/posts", body).await == Some(StatusCode::CREATED) {
                    self.sim.facts().feeds.accepted.insert(text);
                }
            }
            Deed::Delete(number) => {
                let post = self.sim.facts().feeds.post_of(&content(number));
                if let Some(post) = post {
                    let path = format!("/posts/{post}");
                    self.ask_posts(Method::DELETE, &path, Value::Null).await;
                }
            }
            Deed::Follow(of, whom) => {
                let path = following(of, whom);
                self.ask_posts(Method::PUT, &path, Value::Null).await;
            }
            Deed::Unfollow(of, whom) => {
                let path = following(of, whom);
                self.ask_posts(Method::DELETE, &path, Value::Null).await;
            }
            Deed::Read(of, first) => drop(self.read_feed(&reader(of), first).await),
            Deed::Rebuild => self.say("rebuild").await,
            Deed::RollBack => self.say("rollback").await,
        }
    }

    async fn ask_posts(&self, method: Method, path: &str, body: Value) -> Option<StatusCode> {
        let request = || asking(method.clone(), path, &body);
        let answer = self.ask_of(Service::Post, request).await;
        answer.map(|(status, _)| status)
    }

    async fn say(&self, verb: &str) {
        let path = format!("/projections/{}/{verb}", feed_service::FEED);
        let request = || asking(Method::POST, &path, &json!({}));
        self.ask_of(Service::Feed, request).await;
    }

    /// Reads a feed to its end, and notes what it should not be; false if that is not answered.
    async fn read_feed(&self, reader: &str, first: usize) -> bool {
        let asked = {
            let facts = self.sim.facts();
            let settled = self.bus.outstanding() == 0 && !facts.outbox.is_any_waiting();
            facts.feeds.asked(reader, self.sim.now(), settled)
        };
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/feeds/{reader}?limit={PAGE}{after}");
            let request = || asking(Method::GET, &path, &Value::Null);
            let Some((status, mut page)) = self.ask_from(Service::Feed, first, request).await
            else {
                return false;
            };
            if status != StatusCode::OK {
                let what = format!("the feed of {reader} is answered {status}");
                self.sim.violation(what);
                return true;
            }
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_page_token"].take() {
                Value::String(next) => after = format!("&page_token={next}"),
                _ => break,
            }
        }
        let ids = items.iter().map(|item| item["post_id"].as_str().unwrap());
        let ids: Vec<String> = ids.map(str::to_owned).collect();
        let found = self.sim.facts().feeds.misread(&asked, &ids);
        found.into_iter().for_each(|what| self.sim.violation(what));
        true
    }
}
