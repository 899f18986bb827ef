//! The estimate against examples that were worked by hand, and against docs/COST.md.

use super::estimate::Estimate;
use super::load::Load;
use super::{Count, text};

fn load(signups_per_day: f64, consumers: u32) -> Load {
    Load {
        signups_per_day,
        consumers,
        mail_seconds: 0.5,
        peak: 3.0,
    }
}

fn close(found: f64, wanted: f64) {
    assert!(
        (found - wanted).abs() <= wanted * 0.01,
        "{found} instead of {wanted}"
    );
}

#[test]
fn ten_million_a_day_are_what_a_person_would_calculate() {
    let estimate = Estimate::of(&Load {
        mail_seconds: 0.3,
        ..load(10e6, 3)
    });
    // 10,000,000 / 86,400 = 115.7; three times that at the peak; 3 deliveries each.
    close(estimate.signups_a_second.average, 115.7);
    close(estimate.signups_a_second.peak, 347.2);
    close(estimate.deliveries_a_second.peak, 1_041.7);
    // 14 writes, 1 read and 5 deletes each.
    close(estimate.firestore.writes_a_second.average, 1_620.4);
    close(estimate.firestore.reads_a_second.average, 115.7);
    close(estimate.firestore.deletes_a_second.average, 578.7);
    // 694 a second into `events`: one step of half as much again (750).
    assert_eq!(estimate.firestore.ramp_minutes, 5);
    // 3 marks for 45 days, and an event for 90.
    close(estimate.stored.marks, 1.35e9);
    close(estimate.stored.events, 9e8);
    // Mail: 347.2 a second, 0.36 s each are 125 at once; 80 an instance, 60 % filled: 2.6.
    let mail = estimate
        .instances
        .iter()
        .find(|of| of.service == "email-service");
    let mail = mail.unwrap();
    assert_eq!((mail.needed, mail.allowed), (3, Some(10)));
    // 300 million a month, 14 writes each, 9 cents for 100,000.
    close(estimate.dollars_a_month[0].dollars, 3_780.0);
    // The day's count has 16 documents: 21.7 writes a second each, where one is the limit.
    let first = &estimate.breaks[0].what[0];
    close(first.used, 21.7);
    assert!(first.what.contains("the day's count"), "{}", first.what);
}

#[test]
fn a_hundred_a_day_break_nothing_even_at_a_hundred_times() {
    let estimate = Estimate::of(&load(100.0, 3));
    assert!(estimate.breaks.iter().all(|at| at.what.is_empty()));
    assert!(estimate.instances.iter().all(|of| of.needed == 1));
    assert_eq!(estimate.firestore.ramp_minutes, 0);
}

#[test]
fn each_further_consumer_costs_a_request_two_writes_and_a_delete() {
    let [three, thirty] = [3, 30].map(|consumers| Estimate::of(&load(1e6, consumers)));
    let [few, many] = [&three, &thirty].map(|of| of.firestore.per_signup);
    assert_eq!(many.writes - few.writes, 27 * 2);
    assert_eq!(many.deletes - few.deletes, 27);
    close(
        thirty.deliveries_a_second.average,
        three.deliveries_a_second.average * 10.0,
    );
    assert!(thirty.together_a_month > three.together_a_month);
}

#[test]
fn a_slower_mail_server_needs_more_instances_of_mail_alone() {
    let [fast, slow] = [0.3, 30.0].map(|mail_seconds| {
        Estimate::of(&Load {
            mail_seconds,
            ..load(10e6, 3)
        })
    });
    for (fast, slow) in fast.instances.iter().zip(&slow.instances) {
        assert_eq!(slow.needed > fast.needed, fast.service == "email-service");
    }
}

/// The page's table is of a million sign-ups; CPU depends on how they are spread.
#[test]
fn the_lines_are_those_of_the_page_of_costs() {
    let page = include_str!("../../../../docs/COST.md");
    let estimate = Estimate::of(&load(1e6 / 30.0, 3));
    let mut found = 0;
    for line in page
        .lines()
        .skip_while(|line| !line.starts_with("## A million sign-ups"))
    {
        let cells: Vec<_> = line.split(" | ").collect();
        let [first, _, _, dollars] = cells[..] else {
            continue;
        };
        let what = first.trim_start_matches("| ");
        let Ok(dollars) = dollars.trim_end_matches(" |").parse::<f64>() else {
            continue;
        };
        let of = estimate.dollars_a_month.iter();
        let of = of.filter(|of| what.starts_with(of.what));
        let near = of
            .map(|of| (of.dollars - dollars).abs())
            .fold(f64::MAX, f64::min);
        assert!(
            near <= 0.011,
            "{what}: the page says {dollars}, and it is {near} away"
        );
        found += 1;
    }
    assert_eq!(found, 9);
    let cpu = estimate
        .dollars_a_month
        .iter()
        .find(|of| of.what.ends_with("CPU and memory"));
    assert!((0.03..19.70).contains(&cpu.unwrap().dollars));
}

#[test]
fn an_estimate_is_told_in_lines() {
    insta::assert_snapshot!(text::of(&Estimate::of(&load(10e6, 3))));
}

#[test]
fn numbers_are_taken_as_people_write_them() {
    for (text, number) in [
        ("1", 1.0),
        ("200k", 2e5),
        ("10M", 1e7),
        ("0.5M", 5e5),
        ("1G", 1e9),
    ] {
        assert_eq!(text.parse(), Ok(Count(number)));
    }
    for text in [
        "", "M", "0", "-1", "1e99", "10 M", "ten", "NaN", "inf", "2000G", "1é",
    ] {
        assert!(text.parse::<Count>().is_err(), "{text}");
    }
}
