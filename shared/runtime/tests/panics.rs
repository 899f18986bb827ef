//! A panic in a process that logs JSON. Alone in its binary, since a panic hook is the process's.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use fanout_runtime::{cloud_logging_to, log_panics};
use serde_json::Value;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_one_line_with_its_place_and_without_the_values_in_it() {
    let captured = Captured::default();
    let writer = captured.clone();
    log_panics();
    tracing::subscriber::with_default(cloud_logging_to("test", move || writer.clone()), || {
        let secret = "ada@example.com";
        assert!(std::panic::catch_unwind(|| panic!("broken")).is_err());
        assert!(std::panic::catch_unwind(|| panic!("broken by {secret}")).is_err());
    });
    let _ = std::panic::take_hook();
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [literal, with_a_value] = lines.as_slice() else {
        panic!("{text}");
    };
    assert_eq!(literal["severity"], "ERROR");
    assert_eq!(literal["reason"], "broken");
    assert!(literal["place"].as_str().unwrap().contains("panics.rs:"));
    assert!(
        with_a_value["place"]
            .as_str()
            .unwrap()
            .contains("panics.rs:")
    );
    assert!(!text.contains("ada@"), "{text}");
}
