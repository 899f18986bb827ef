//! What the command says of what was found.

use super::*;

#[test]
fn what_is_broken_is_named_by_account_and_event() {
    let mut report = Report {
        streams: 2,
        events: 201,
        snapshots: 2,
        roots: 1,
        ..Report::default()
    };
    assert_eq!(
        Answer::of(&report).text(),
        "2 accounts, 201 events, 2 snapshots, 1 daily roots\nall is as it was written\n"
    );
    report.copies = 3;
    let text = Answer::of(&report).text();
    assert!(
        text.contains("1 daily roots\n3 copies of daily roots\nall is"),
        "{text}"
    );
    report.outdated = 1;
    report.faults.push(Fault::Event {
        stream: "acc_1".to_owned(),
        sequence: 7,
        what: "is missing".to_owned(),
    });
    let text = Answer::of(&report).text();
    assert!(text.ends_with(
        "1 snapshots are of another schema, and not used\nBROKEN acc_1, event 7: is missing\n"
    ));
}
