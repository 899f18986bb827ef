//! Finds out whether Google's emulators are installed, so that the tests that need them can be
//! listed as ignored, with the reason, where they are not. `REQUIRE_EMULATORS=1` runs them anyway:
//! then their absence is a failure.

#[path = "../functions/fanout/src/google_emulators/locate.rs"]
#[allow(dead_code, missing_docs, reason = "compiled for its one function")]
mod locate;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(emulators)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=REQUIRE_EMULATORS");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let required = std::env::var_os("REQUIRE_EMULATORS").is_some_and(|value| value == "1");
    if required || locate::locate(&path).is_ok() {
        println!("cargo::rustc-cfg=emulators");
    }
}
