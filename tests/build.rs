//! Google's emulators are found as `fanout` itself finds them.

#[path = "../functions/fanout/build.rs"]
pub mod fanout_build;

fn main() {
    fanout_build::main();
}
