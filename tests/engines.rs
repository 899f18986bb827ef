//! The same test on every engine.

/// Expands into one test per engine, each with a fresh [`crate::support::TestSystem`].
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* async fn $name:ident($system:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every case names something of its file")]
            use super::*;

            $(#[$doc])*
            async fn case($system: crate::support::TestSystem) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_the_embedded_engine() {
                case(crate::support::TestSystem::embedded().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator")]
            async fn on_googles_emulators() {
                case(crate::support::TestSystem::on_emulators().await).await;
            }
        }
    )*};
}

pub(crate) use on_every_engine;
