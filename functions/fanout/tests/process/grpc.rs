//! A client that speaks gRPC, on the embedded broker, which does not.

use fanout_bus::{OutgoingMessage, Publisher as _};
use fanout_bus_pubsub::{Options, PubsubPublisher};
use fanout_runtime::error_chain;

use crate::running::Running;

#[test]
fn a_client_that_speaks_grpc_is_told_to_use_rest_or_the_emulator() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let url = running.url("pubsub", "");
    let options = Options {
        project: "fanout-local".to_owned(),
        emulator_host: url.strip_prefix("http://").map(str::to_owned),
    };
    let message = OutgoingMessage {
        data: "hello".into(),
        ..OutgoingMessage::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(async {
        let publisher = PubsubPublisher::new(options).unwrap();
        publisher.publish("user-events", message).await.unwrap_err()
    });
    let error = error_chain(&error);
    assert!(
        error.contains("speaks Pub/Sub's REST API and no gRPC"),
        "{error}"
    );
}
