//! What was logged while a future ran, as Cloud Logging gets it.

use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex};

use fanout_runtime::cloud_logging_to;
use tracing::instrument::WithSubscriber;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the future and gives what it logged, one JSON object a line.
pub(crate) async fn captured_logs<T>(future: impl Future<Output = T>) -> (T, String) {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = cloud_logging_to(move || writer.clone());
    let output = future.with_subscriber(subscriber).await;
    let bytes = captured.0.lock().unwrap().clone();
    (output, String::from_utf8(bytes).unwrap())
}
