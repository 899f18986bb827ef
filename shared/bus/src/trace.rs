//! The trace that a message belongs to.

use std::collections::BTreeMap;

use fanout_events::{GOOGLES_TRACEPARENT, TRACEPARENT};
use fanout_runtime::TraceContext;

/// The trace that a message continues, by either name.
pub fn trace_of(attributes: &BTreeMap<String, String>) -> Option<TraceContext> {
    let names = [TRACEPARENT, GOOGLES_TRACEPARENT];
    let mut found = names.iter().filter_map(|name| attributes.get(*name));
    found.find_map(|value| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_continued_by_either_name_and_by_the_standards_first() {
        let context = |digit: &str| format!("00-{}-{}-01", digit.repeat(32), digit.repeat(16));
        let cases = [
            (context("1"), context("2"), Some("1")),
            ("garbage".to_owned(), context("2"), Some("2")),
            (String::new(), String::new(), None),
        ];
        for (standard, googles, digit) in cases {
            let attributes = BTreeMap::from([
                (TRACEPARENT.to_owned(), standard),
                (GOOGLES_TRACEPARENT.to_owned(), googles),
            ]);
            let trace = trace_of(&attributes).map(|context| context.trace_id().to_owned());
            assert_eq!(trace, digit.map(|digit| digit.repeat(32)));
        }
    }
}
