//! What is asked, and what is answered: JSON, one object a line.

use std::io::Write as _;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

/// What a side is asked for. What a question does not use, it leaves out.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    /// What is to be done.
    pub(crate) r#do: String,
    /// How often.
    #[serde(default)]
    pub(crate) count: usize,
    /// How many at once.
    #[serde(default)]
    pub(crate) at_once: usize,
    /// What the names of this question's things begin with.
    #[serde(default)]
    pub(crate) run: String,
    /// Whether sagas are refused at their third step.
    #[serde(default)]
    pub(crate) refused: bool,
    /// Whether all writers write to one stream.
    #[serde(default)]
    pub(crate) one_stream: bool,
    /// How many readers an author has.
    #[serde(default)]
    pub(crate) followers: usize,
    /// Posts a second.
    #[serde(default)]
    pub(crate) rate: usize,
}

/// Standard input.
pub(crate) struct Questions(Lines<BufReader<Stdin>>);

impl Questions {
    /// Says that questions can be asked.
    pub(crate) fn open() -> Self {
        say(&serde_json::json!({"ready": true}));
        Self(BufReader::new(tokio::io::stdin()).lines())
    }

    /// The next one; `None` at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Question>> {
        let line = self.0.next_line().await?;
        Ok(line.map(|line| serde_json::from_str(&line)).transpose()?)
    }
}

/// Answers.
pub(crate) fn say(answer: &Value) {
    let mut out = std::io::stdout().lock();
    // Where this fails, `bench` has gone.
    let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
}
