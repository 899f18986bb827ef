//! Sets `cfg(emulators)` where tests on Google's emulators can run, or must: without them the tests
//! are listed as ignored, with `REQUIRE_EMULATORS=1` they run and fail.
//!
//! The build script of the tests package is this one too.

use std::env::var_os;
use std::path::{Path, PathBuf};

#[path = "src/google_emulators/locate.rs"]
pub mod locate;

/// What changes with what is installed. To cargo, a file that is not there has changed each time.
fn installed(sdk: &Path) -> PathBuf {
    let list = sdk.join(".install");
    match list.exists() {
        true => list,
        false => sdk.join("bin/gcloud"),
    }
}

/// Sets the flag.
pub fn main() {
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=REQUIRE_EMULATORS");
    println!("cargo::rustc-check-cfg=cfg(emulators)");
    let required = var_os("REQUIRE_EMULATORS").is_some_and(|value| value == "1");
    let located = locate::locate(&var_os("PATH").unwrap_or_default());
    let seen = match &located {
        Ok(sdk) => vec![
            sdk.java.clone(),
            sdk.pubsub_jar.clone(),
            sdk.firestore_jar.clone(),
        ],
        Err(not) => not.sdk.iter().map(|sdk| installed(sdk)).collect(),
    };
    for file in seen {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    if required || located.is_ok() {
        println!("cargo::rustc-cfg=emulators");
    }
}
