//! What a collector gets, read by the protocol's own messages.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fanout_runtime::Settings;
use fanout_telemetry::{
    TraceSettings, Traced, Traces, context_of, created, request_span, send_span,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// What was posted, and what is answered to the next posts; 200 when nothing is said.
#[derive(Clone, Default)]
struct Collector {
    posted: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let answer = collector.answers.lock().unwrap().pop_front();
    let answer = answer.unwrap_or(StatusCode::OK);
    if answer.is_success() {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        collector.posted.lock().unwrap().push((headers, request));
    }
    answer
}

impl Collector {
    /// Answers the next posts with these.
    fn start(answers: &[StatusCode]) -> (Self, SocketAddr) {
        let collector = Self::default();
        collector.answers.lock().unwrap().extend(answers);
        let routes = Router::new().route("/v1/traces", post(take));
        let routes = routes.with_state(collector.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await
            })
        });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        let posted = self.posted.lock().unwrap();
        let scopes = posted
            .iter()
            .flat_map(|(_, request)| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

fn sending_to(endpoint: &str, more: &[(&str, &str)]) -> Option<Traces> {
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
    let given = endpoint
        .iter()
        .chain(more)
        .filter(|(_, value)| !value.is_empty());
    let environment: HashMap<String, String> = given
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let mut settings = Settings::new(&environment);
    let read = TraceSettings::read(&mut settings);
    let settings = settings.finish(read).unwrap()?;
    Some(Traces::start(&settings, "user-service").unwrap())
}

/// A request that creates an event and sends it.
fn one_request(traces: &Traces) {
    one_request_of(traces, None);
}

/// The same by this caller.
fn one_request_of(traces: &Traces, caller: Option<&str>) {
    let caller = caller.map(|caller| caller.parse().unwrap());
    let reading = tracing_subscriber::registry().with(vec![traces.reading()]);
    tracing::subscriber::with_default(reading, || {
        let request = request_span("POST", "/users", || caller);
        let _within = request.enter();
        let event = Traced {
            topic: "user-events",
            event_id: "evt_1",
            event_type: "user.created",
            correlation_id: Some("req_1"),
            ordering_key: "",
        };
        let context = created(&event, None);
        assert_eq!(
            context.as_ref().map(|it| it.trace_id().to_owned()),
            context_of(&request).map(|it| it.trace_id().to_owned()),
        );
        drop(send_span("user-events", || context));
    });
}

#[test]
fn spans_arrive_as_protobuf_with_their_resource_links_and_no_credentials() {
    let (collector, address) = Collector::start(&[]);
    let endpoint = format!("http://{address}");
    let project = [("GOOGLE_CLOUD_PROJECT", "my-project")];
    let traces = sending_to(&endpoint, &project).unwrap();
    one_request(&traces);
    traces.stop();
    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (request, create) = (named("POST /users"), named("create user-events"));
    let send = named("send user-events");
    assert_eq!(spans.len(), 3);
    assert_eq!(create.parent_span_id, request.span_id);
    assert_eq!(send.links[0].span_id, create.span_id);
    let posted = collector.posted.lock().unwrap();
    let (headers, body) = &posted[0];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    for secret in ["authorization", "x-goog-user-project"] {
        assert!(!headers.contains_key(secret), "{headers:?}");
    }
    let resource = body.resource_spans[0].resource.as_ref().unwrap();
    let resource = format!("{:?}", resource.attributes);
    for part in [
        "service.name",
        "user-service",
        "gcp.project_id",
        "my-project",
    ] {
        assert!(resource.contains(part), "{resource}");
    }
}

#[test]
fn a_method_that_a_caller_makes_up_is_in_no_span() {
    let (collector, address) = Collector::start(&[]);
    let traces = sending_to(&format!("http://{address}"), &[]).unwrap();
    let reading = tracing_subscriber::registry().with(vec![traces.reading()]);
    tracing::subscriber::with_default(reading, || {
        drop(request_span("MADE-UP", "/users", || None));
    });
    traces.stop();
    let spans = collector.spans();
    assert_eq!(spans[0].name, "HTTP /users");
    let said = format!("{:?}", spans[0].attributes);
    assert!(
        said.contains("_OTHER") && !said.contains("MADE-UP"),
        "{said}"
    );
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    for busy in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
    ] {
        let (collector, address) = Collector::start(&[busy]);
        let traces = sending_to(&format!("http://{address}"), &[]).unwrap();
        one_request(&traces);
        let deadline = Instant::now() + Duration::from_secs(30);
        while collector.spans().is_empty() {
            assert!(Instant::now() < deadline, "{busy}");
            std::thread::yield_now();
        }
        traces.stop();
        assert_eq!(collector.spans().len(), 3, "{busy}");
    }
}

#[test]
fn at_the_end_all_that_waits_is_sent() {
    let (collector, address) = Collector::start(&[]);
    let traces = sending_to(&format!("http://{address}"), &[]).unwrap();
    for _ in 0..200 {
        one_request(&traces);
    }
    traces.stop();
    assert_eq!(collector.spans().len(), 600);
}

#[test]
fn a_collector_that_hangs_keeps_no_process_from_ending() {
    // It takes connections, and never answers.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", hanging.local_addr().unwrap());
    let traces = sending_to(&endpoint, &[]).unwrap();
    one_request(&traces);
    let stopping = Instant::now();
    traces.stop();
    assert!(stopping.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_part_of_traces_is_kept_whole_and_the_others_not_at_all() {
    let (collector, address) = Collector::start(&[]);
    let half = [("OTEL_TRACES_SAMPLER_ARG", "0.5")];
    let traces = sending_to(&format!("http://{address}"), &half).unwrap();
    for _ in 0..100 {
        one_request(&traces);
    }
    traces.stop();
    let mut by_trace: HashMap<Vec<u8>, usize> = HashMap::new();
    for span in collector.spans() {
        *by_trace.entry(span.trace_id).or_default() += 1;
    }
    assert!((10..90).contains(&by_trace.len()), "{}", by_trace.len());
    assert!(by_trace.values().all(|spans| *spans == 3), "{by_trace:?}");
}

#[test]
fn a_caller_that_keeps_its_trace_has_ours_kept_and_for_any_other_the_traces_id_decides() {
    let caller =
        |flags: &str| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    let (keeping, not_keeping) = (caller("01"), caller("00"));
    for (ratio, caller, kept) in [
        ("0", Some(keeping.as_str()), 3),
        ("0", Some(not_keeping.as_str()), 0),
        ("0", None, 0),
        // Cloud Run keeps hardly any.
        ("1", Some(not_keeping.as_str()), 3),
    ] {
        let (collector, address) = Collector::start(&[]);
        let ratio = [("OTEL_TRACES_SAMPLER_ARG", ratio)];
        let traces = sending_to(&format!("http://{address}"), &ratio).unwrap();
        one_request_of(&traces, caller);
        traces.stop();
        assert_eq!(collector.spans().len(), kept, "{ratio:?} {caller:?}");
    }
}

#[test]
fn without_an_endpoint_there_are_no_traces() {
    assert!(sending_to("", &[]).is_none());
}

#[test]
fn where_an_answer_waits_for_its_spans_they_are_there_before_it() {
    let (collector, address) = Collector::start(&[]);
    let endpoint = format!("http://{address}");
    assert!(
        sending_to(&endpoint, &[])
            .unwrap()
            .before_answers()
            .is_none()
    );
    let traces = sending_to(&endpoint, &[("TRACE_FLUSH", "request")]).unwrap();
    one_request(&traces);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(traces.before_answers().unwrap().flush());
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn an_answer_does_not_wait_for_a_collector_that_hangs() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", hanging.local_addr().unwrap());
    let traces = sending_to(&endpoint, &[("TRACE_FLUSH", "request")]).unwrap();
    one_request(&traces);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = Instant::now();
    runtime.block_on(traces.before_answers().unwrap().flush());
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    runtime.shutdown_background();
}
