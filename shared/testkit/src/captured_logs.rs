//! What was logged while a future ran, as Cloud Logging gets it.

use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use fanout_runtime::cloud_logging_to;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::set_global_default;

/// The project that the traces of tests belong to.
const PROJECT: &str = "test";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the future and gives what it logged, one JSON object a line.
pub async fn captured_logs<T>(future: impl Future<Output = T>) -> (T, String) {
    // Where all subscribers come and go, a line that is reached for the first time while one comes
    // may be taken for one that none wants. This one stays, and wants what the others want.
    static STAYS: Once = Once::new();
    STAYS.call_once(|| {
        let _ = set_global_default(cloud_logging_to(PROJECT, std::io::sink));
    });
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = cloud_logging_to(PROJECT, move || writer.clone());
    let output = future.with_subscriber(subscriber).await;
    let logged = String::from_utf8_lossy(&captured.bytes()).into_owned();
    (output, logged)
}
