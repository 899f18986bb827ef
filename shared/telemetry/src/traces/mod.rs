//! Traces: spans that services make, sent as OTLP where an endpoint is set.

mod exporter;
mod http_client;
mod settings;

use std::time::Duration;

use fanout_runtime::{MoreLogs, SPANS};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SdkTracerProvider,
    SpanExporter,
};
use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;

use exporter::Telling;
use http_client::CollectorClient;
pub use settings::TraceSettings;

/// How long spans wait for others to go with, at most.
const SCHEDULE: Duration = Duration::from_secs(1);
/// How long a collector may take.
const EXPORT_LIMIT: Duration = Duration::from_secs(2);
/// How long an answer waits for its spans, where it does.
const FLUSH_LIMIT: Duration = Duration::from_millis(300);
/// How long the end waits for the last spans: what Cloud Run leaves after the drain.
const STOP_LIMIT: Duration = Duration::from_millis(1_500);

/// Traces that are being sent.
pub struct Traces {
    provider: SdkTracerProvider,
    before_answers: bool,
}

/// Sends the spans of a request before it is answered: on Cloud Run a container may have no CPU after
/// that.
#[derive(Clone)]
pub struct BeforeAnswers(SdkTracerProvider);

impl BeforeAnswers {
    /// Sends what waits, for 300 ms at most. What is not sent by then goes with the next.
    pub async fn flush(&self) {
        let provider = self.0.clone();
        let sent = tokio::task::spawn_blocking(move || provider.force_flush());
        // The exporter says itself what it could not send.
        let _ = tokio::time::timeout(FLUSH_LIMIT, sent).await;
    }
}

/// Traces cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// What the environment says of the exporter contradicts itself.
    #[error("traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT")]
    Exporter(#[from] ExporterBuildError),
    /// No client, or no credentials.
    #[error("there is no way to reach the collector")]
    Client(#[source] fanout_runtime::BoxError),
}

impl Traces {
    /// Starts to send spans of the process `service` in the background. Its thread is not tokio's.
    pub fn start(settings: &TraceSettings, service: &'static str) -> Result<Self, TracesError> {
        let client = CollectorClient::new(settings, EXPORT_LIMIT).map_err(TracesError::Client)?;
        Self::sent_by(client, settings, service)
    }

    fn sent_by(
        client: CollectorClient,
        settings: &TraceSettings,
        service: &'static str,
    ) -> Result<Self, TracesError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(settings.traces_url())
            .with_timeout(EXPORT_LIMIT)
            .build()?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(SCHEDULE);
        let processor = BatchSpanProcessor::builder(Telling::new(exporter));
        let processor = processor.with_batch_config(batches.build()).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(sampler(settings.ratio))
            .with_resource(settings.resource(service));
        Ok(Self {
            provider: provider.build(),
            before_answers: settings.before_answers,
        })
    }

    /// What each answer is to wait for, if it is to.
    pub fn before_answers(&self) -> Option<BeforeAnswers> {
        self.before_answers
            .then(|| BeforeAnswers(self.provider.clone()))
    }

    /// All spans, each to this exporter as soon as it ends. For tests.
    pub fn all_to(exporter: impl SpanExporter + 'static) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter)
            .with_sampler(sampler(1.0));
        Self {
            provider: provider.build(),
            before_answers: false,
        }
    }

    /// The reader of the spans.
    pub fn reading(&self) -> MoreLogs {
        let spans = FilterFn::new(|it: &Metadata<'_>| it.is_span() && it.target() == SPANS);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("fanout"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(spans)
            .boxed()
    }

    /// Sends what has not been sent, for 1.5 s at most. Blocks: not to be called on a runtime.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(STOP_LIMIT) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the last spans may not have been sent");
        }
    }
}

/// A caller decides for its whole trace; where it decides against, as Cloud Run does for nearly all
/// requests, or there is none, the trace's id decides. It decides the same in every service.
fn sampler(ratio: f64) -> ParentBasedSampler {
    let by_id = || Sampler::TraceIdRatioBased(ratio);
    Sampler::parent_based(by_id()).with_remote_parent_not_sampled(by_id())
}

impl TraceSettings {
    fn resource(&self, service: &'static str) -> Resource {
        let project = self.project.as_deref();
        let project = project.map(|project| KeyValue::new("gcp.project_id", project.to_owned()));
        let resource = Resource::builder().with_service_name(service);
        resource.with_attributes(project).build()
    }
}

#[cfg(test)]
mod tests;
