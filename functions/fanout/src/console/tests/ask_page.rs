//! What a browser asks the page of a scene for.

use http::StatusCode;

use super::scene::Scene;

impl Scene {
    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.get_with(path, &[]).await
    }

    pub(super) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut asked = client().get(format!("{}{path}", self.url));
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        asked.send().await.unwrap()
    }

    /// Sends a form as the page itself does; answers where that leads.
    pub(super) async fn post(&self, path: &str, fields: &str) -> String {
        let asked = { client().post(format!("{}{path}", self.url)) }
            .header("Origin", &self.url)
            .header("X-Fanout-Token", &self.page.token)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(fields.to_owned());
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path} {fields}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// What is in the `main` of the page at this path, a line for each element.
    pub(super) async fn main(&self, path: &str) -> String {
        let answer = self.get(path).await;
        let html = answer.text().await.unwrap();
        let (_, rest) = html
            .split_once("<main id=\"main\" tabindex=\"-1\">")
            .unwrap();
        let (main, _) = rest.split_once("</main>").unwrap();
        let lines = main.replace("><", ">\n<");
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = lines.map(without_plan);
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn client() -> reqwest::Client {
    let stays = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().no_proxy().redirect(stays);
    client.build().unwrap()
}

/// A plan's id is the one thing that differs each time.
fn without_plan(line: &str) -> String {
    match line.split_once(r#"name="plan" value="plan_"#) {
        Some((head, _)) => format!(r#"{head}name="plan" value="[plan]">"#),
        None => line.to_owned(),
    }
}
