//! What every delivery is made of, one piece at a time.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use chrono::{DateTime, Utc};
use fanout_contracts::user::UserCreated;
use fanout_events::{Decoded, Envelope, Fingerprint, Received, decode};
use fanout_runtime::{Latency, cloud_logging_to};
use serde_json::json;
use tracing::{Dispatch, dispatcher, info};

use crate::dialogue::{Questions, say};

/// A sign-up as user-service publishes it.
const EVENT: &str = r#"{"id":"evt_01JD2V7Q4K0000000000000001","type":"user.created","source":"user-service","subject":"usr_01JD2V7Q4K0000000000000001","sequence":1,"timestamp":"2026-11-20T12:00:00.000Z","correlation_id":"req_01JD2V7Q4K0000000000000001","causation_id":null,"data":{"user_id":"usr_01JD2V7Q4K0000000000000001","email":"ada@example.com","name":"Ada Lovelace"},"metadata":{"version":"1.0","schema":"https://schemas.example.com/user-created/v1"}}"#;

/// Answers until it is asked for nothing more.
pub(crate) async fn answer(_: &Path) -> anyhow::Result<()> {
    let pieces = Pieces::new()?;
    let mut questions = Questions::open();
    while let Some(question) = questions.next().await? {
        let took = pieces.made(&question.r#do, question.count)?;
        say(&json!({"seconds": took.as_secs_f64()}));
    }
    Ok(())
}

struct Pieces {
    published_at: DateTime<Utc>,
    decoded: Decoded,
    event: Envelope<UserCreated>,
    log: Dispatch,
}

impl Pieces {
    fn new() -> anyhow::Result<Self> {
        let published_at = DateTime::UNIX_EPOCH;
        let decoded = decode(&received(published_at))?;
        Ok(Self {
            event: decoded.event.read::<UserCreated>()?,
            log: Dispatch::new(cloud_logging_to("bench", std::io::sink)),
            decoded,
            published_at,
        })
    }

    /// How long it takes to do this so many times.
    fn made(&self, what: &str, count: usize) -> anyhow::Result<Duration> {
        let timed = |piece: &dyn Fn() -> anyhow::Result<()>| {
            let started = Instant::now();
            for _ in 0..count {
                piece()?;
            }
            Ok(started.elapsed())
        };
        match what {
            "decode" => timed(&|| {
                let decoded = decode(&black_box(received(self.published_at)))?;
                black_box(decoded.event.read::<UserCreated>()?);
                Ok(())
            }),
            "fingerprint" => timed(&|| {
                black_box(Fingerprint::of(black_box(&self.decoded.event)));
                Ok(())
            }),
            "encode" => timed(&|| {
                black_box(black_box(&self.event).to_json()?);
                Ok(())
            }),
            "log" => dispatcher::with_default(&self.log, || {
                timed(&|| {
                    self.log_line();
                    Ok(())
                })
            }),
            other => bail!("{other} is nothing that can be asked for"),
        }
    }

    /// The line of a delivery, with the fields that a consumer writes.
    fn log_line(&self) {
        let took = black_box(Duration::from_micros(1_234));
        let event = black_box(&self.event);
        info!(
            event_id = event.id.as_str(),
            event_type = event.event_type.as_str(),
            subject = event.subject.as_str(),
            consumer = "crm",
            attempt = 1_u32,
            outcome = "done",
            duration_ms = took.as_secs_f64() * 1_000.0,
            correlation_id = event.correlation_id.as_deref(),
            message_id = "1234567890123456",
            httpRequest.requestMethod = "POST",
            httpRequest.requestUrl = "/pubsub/push",
            httpRequest.status = 204_u16,
            httpRequest.latency = %Latency(took),
            "delivered"
        );
    }
}

fn received(publish_time: DateTime<Utc>) -> Received<'static> {
    Received {
        data: EVENT.as_bytes(),
        message_id: "1234567890123456",
        publish_time,
    }
}
