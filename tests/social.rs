//! Posts, follows and feeds, on every engine.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestSystem, eventually, get_json};

impl TestSystem {
    async fn call(&self, method: Method, service: &str, path: &str) -> StatusCode {
        let request = self.client.request(method, self.url(service, path));
        request.send().await.unwrap().status()
    }

    async fn follow(&self, reader: &str, author: &str) {
        let path = format!("/users/{reader}/following/{author}");
        let answer = self.call(Method::PUT, "post", &path).await;
        assert_eq!(answer, StatusCode::NO_CONTENT);
    }

    async fn post_of(&self, author: &str, content: &str) -> String {
        let request = self.client.post(self.url("post", "/posts"));
        let body = json!({"author_id": author, "content": content});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let post: Value = answer.json().await.unwrap();
        post["id"].as_str().unwrap().to_owned()
    }

    async fn page(&self, reader: &str, rest: &str) -> (Vec<String>, Option<String>) {
        let url = self.url("feed", &format!("/feeds/{reader}{rest}"));
        let (status, page) = get_json(&self.client, &url).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        let posts = items.map(|item| item["post_id"].as_str().unwrap().to_owned());
        let next = page["next_page_token"].as_str().map(str::to_owned);
        (posts.collect(), next)
    }

    /// Waits until the first page of a feed holds these.
    async fn shows(&self, reader: &str, posts: &[&String]) {
        eventually("the feed", || async {
            let (page, _) = self.page(reader, "").await;
            (page.iter().collect::<Vec<_>>() == posts).then_some(())
        })
        .await;
    }

    async fn finds(&self, question: &str, posts: &[&String]) {
        eventually("what is found", || async {
            let path = format!("/search?q={question}");
            let (_, found) = get_json(&self.client, &self.url("search", &path)).await;
            let found = found["results"].as_array()?.iter();
            let found: Vec<_> = found.map(|it| it["id"].as_str().unwrap()).collect();
            (found == posts.iter().map(|it| it.as_str()).collect::<Vec<_>>()).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_follows_posts_follows_deletions_a_rebuild_and_the_way_back() {
    follows_all(TestSystem::social().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn the_same_on_googles_emulators() {
    follows_all(TestSystem::social_on_emulators().await).await;
}

async fn follows_all(system: TestSystem) {
    let early = system
        .post_of("alice", "Before anybody followed #rust")
        .await;
    system.follow("bob", "alice").await;
    system.follow("bob", "carol").await;
    system.shows("bob", &[&early]).await;
    let of_carol = system.post_of("carol", "From carol").await;
    let late = system.post_of("alice", "Hello #world").await;
    system.shows("bob", &[&late, &of_carol, &early]).await;
    system.finds("%23rust", &[&early]).await;

    // A page at a time, in one order whatever the generation.
    let (first, next) = system.page("bob", "?limit=2").await;
    assert_eq!(first, [late.clone(), of_carol.clone()]);
    for (verb, live) in [("rebuild", 2), ("rollback", 1)] {
        let url = system.url("feed", &format!("/projections/feed/{verb}"));
        let asked = system.client.post(url).json(&json!({}));
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{verb}");
        let standing: Value = answer.json().await.unwrap();
        assert_eq!(standing["live"], live, "{verb}: {standing}");
        let token = next.clone().unwrap();
        let (second, _) = system.page("bob", &format!("?page_token={token}")).await;
        assert_eq!(second, std::slice::from_ref(&early), "{verb}");
        system.shows("bob", &[&late, &of_carol, &early]).await;
    }

    let deleted = system
        .call(Method::DELETE, "post", &format!("/posts/{early}"))
        .await;
    assert_eq!(deleted, StatusCode::NO_CONTENT);
    let again = system
        .call(Method::DELETE, "post", &format!("/posts/{early}"))
        .await;
    assert_eq!(again, StatusCode::NOT_FOUND);
    system.shows("bob", &[&late, &of_carol]).await;
    system.finds("%23rust", &[]).await;
    let path = "/users/bob/following/carol";
    assert_eq!(
        system.call(Method::DELETE, "post", path).await,
        StatusCode::NO_CONTENT
    );
    system.shows("bob", &[&late]).await;
    system.follow("bob", "carol").await;
    system.shows("bob", &[&late, &of_carol]).await;
    system.stop().await;
}

#[tokio::test]
async fn what_cannot_be_posted_followed_or_read_is_refused_with_its_reason() {
    let system = TestSystem::social().await;
    let url = system.url("post", "/posts");
    let long = "x".repeat(2001);
    let bad = [
        (json!({"author_id": "a b", "content": "x"}), "author_id"),
        (json!({"author_id": "alice", "content": " "}), "content"),
        (json!({"author_id": "alice", "content": long}), "content"),
        (json!({"author_id": "alice"}), "content"),
    ];
    for (body, field) in bad {
        let answer = system.client.post(&url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field);
    }
    for path in [
        "/feeds/a%20b",
        "/feeds/bob?limit=101",
        "/feeds/bob?page_token=x",
    ] {
        let status = system.call(Method::GET, "feed", path).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    let path = "/users/a%20b/following/alice";
    let status = system.call(Method::PUT, "post", path).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    // A repeat of a request makes no second post.
    let post = || async {
        let request = system.client.post(&url).header("Idempotency-Key", "k-1");
        let body = json!({"author_id": "alice", "content": "once"});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json::<Value>().await.unwrap()
    };
    let first = post().await;
    assert_eq!(post().await, first);
    // And is answered as it was, even if the post is gone.
    let path = format!("/posts/{}", first["id"].as_str().unwrap());
    let status = system.call(Method::DELETE, "post", &path).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(post().await, first);
    system.stop().await;
}
