//! An exporter that says when the collector goes away, and when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanout_runtime::error_chain;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::{info, warn};

/// Says so once, not for each batch.
#[derive(Debug)]
pub(super) struct Telling<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E> Telling<E> {
    pub(super) fn new(exporter: E) -> Self {
        let failing = AtomicBool::new(false);
        Self { exporter, failing }
    }
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => {
                let error = error_chain(error);
                warn!(
                    error,
                    "spans could not be sent, and are lost until they can"
                );
            }
            Ok(()) if failed_before => info!("spans can be sent again"),
            Ok(()) | Err(_) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
