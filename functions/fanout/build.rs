//! Sets `cfg(emulators)` where tests on Google's emulators can run, or must: without them the tests
//! are listed as ignored, with `REQUIRE_EMULATORS=1` they run and fail.
//!
//! The build script of the tests package is this one too.

use std::env::var_os;

#[path = "src/google_emulators/locate.rs"]
pub mod locate;

/// Sets the flag.
pub fn main() {
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=REQUIRE_EMULATORS");
    println!("cargo::rustc-check-cfg=cfg(emulators)");
    let required = var_os("REQUIRE_EMULATORS").is_some_and(|value| value == "1");
    let installed = match locate::locate(&var_os("PATH").unwrap_or_default()) {
        Ok(sdk) => {
            for file in [sdk.java, sdk.pubsub_jar, sdk.firestore_jar] {
                println!("cargo::rerun-if-changed={}", file.display());
            }
            true
        }
        Err(not_installed) => {
            if let Some(sdk) = not_installed.sdk {
                // Changes when a component is installed.
                println!("cargo::rerun-if-changed={}", sdk.join(".install").display());
            }
            false
        }
    };
    if required || installed {
        println!("cargo::rustc-cfg=emulators");
    }
}
