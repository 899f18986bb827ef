//! The corpus of `tests/fuzz`, replayed by the same code, on any toolchain.

#[allow(unreachable_pub, reason = "the fuzz targets take them from outside")]
#[path = "fuzz/targets.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, fuzzed: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert!(files.len() >= 5, "{target}");
    for file in files {
        fuzzed(&std::fs::read(file).unwrap());
    }
}

#[test]
fn what_was_found_in_push_bodies_harms_nothing() {
    replay("push_body", targets::push_body);
}

#[test]
fn what_was_found_in_messages_harms_nothing() {
    replay("envelope", targets::envelope);
}

#[test]
fn what_was_found_in_requests_harms_nothing() {
    replay("http_bodies", targets::http_bodies);
}

#[test]
fn what_was_found_in_filters_harms_nothing() {
    replay("filter", targets::filter);
}
