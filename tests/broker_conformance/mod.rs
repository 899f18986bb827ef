//! What Pub/Sub does, said once, and held by the embedded broker and by Google's emulator. Both are
//! spoken to in the same way: Google's REST paths, and push endpoints that answer as the case says.
//!
//! Where the two differ, the case names the [`Difference`](differences::Difference) and says what
//! each of them does. A difference that has gone makes its case fail.

mod acks;
mod administration;
mod bodies;
mod bus;
mod dead_letters;
mod differences;
mod filters;
mod limits;
mod load;
mod ordering;
mod proto_json;
mod pull;
mod retries;
mod seek;

/// Expands into one test on the embedded broker and one on Google's emulator, each on a
/// [`bus::Bus`] whose topics and subscriptions no other case has.
macro_rules! on_both_buses {
    ($($(#[$doc:meta])* async fn $name:ident($bus:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every case names something of its file")]
            use super::*;

            $(#[$doc])*
            async fn case($bus: crate::broker_conformance::bus::Bus) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_the_embedded_broker() {
                case(crate::broker_conformance::bus::Bus::embedded().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator")]
            async fn on_googles_emulator() {
                case(crate::broker_conformance::bus::Bus::on_emulator().await).await;
            }
        }
    )*};
}

pub(crate) use on_both_buses;
