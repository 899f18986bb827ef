//! What production does to a consumer now and then, on purpose: for trying out consumers.

use fanout_runtime::IdGenerator;

/// Faults to inject; the default injects none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mischief {
    /// How likely an acked message is delivered once more, from 0 to 1.
    pub duplicates: f64,
    /// How likely an acking answer is lost on its way, from 0 to 1: the delivery counts as failed.
    pub errors: f64,
    /// Whether messages that wait together are delivered in random order. Ordered subscriptions
    /// keep theirs.
    pub reorder: bool,
}

/// What becomes of a delivery that the endpoint acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterAck {
    Done,
    DeliverAgain,
    AnswerLost,
}

impl Mischief {
    pub(super) fn after_ack(&self, ids: &dyn IdGenerator) -> AfterAck {
        if ids.fraction() < self.errors {
            AfterAck::AnswerLost
        } else if ids.fraction() < self.duplicates {
            AfterAck::DeliverAgain
        } else {
            AfterAck::Done
        }
    }

    pub(super) fn disturb_order<T>(&self, waiting: &mut [T], ids: &dyn IdGenerator) {
        if !self.reorder {
            return;
        }
        for last in (1..waiting.len()).rev() {
            // The fraction is below 1, so the index is at most `last`.
            let other = (ids.fraction() * (last + 1) as f64) as usize;
            waiting.swap(last, other.min(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use fanout_runtime::SystemIds;

    use super::*;

    #[test]
    fn without_mischief_nothing_happens() {
        let mut waiting: Vec<u32> = (0..100).collect();
        Mischief::default().disturb_order(&mut waiting, &SystemIds);
        assert!(waiting.is_sorted());
        for _ in 0..1000 {
            assert_eq!(Mischief::default().after_ack(&SystemIds), AfterAck::Done);
        }
    }

    #[test]
    fn faults_come_as_often_as_asked_for() {
        let mischief = Mischief {
            duplicates: 0.5,
            errors: 0.2,
            reorder: false,
        };
        let fates: Vec<AfterAck> = (0..10_000)
            .map(|_| mischief.after_ack(&SystemIds))
            .collect();
        let count = |fate| fates.iter().filter(|other| **other == fate).count();
        let lost = count(AfterAck::AnswerLost);
        let again = count(AfterAck::DeliverAgain);
        assert!((1_700..2_300).contains(&lost), "{lost}");
        assert!((3_600..4_400).contains(&again), "{again}");
    }

    #[test]
    fn a_disturbed_order_still_has_every_message_once() {
        let mischief = Mischief {
            reorder: true,
            ..Mischief::default()
        };
        let mut waiting: Vec<u32> = (0..100).collect();
        mischief.disturb_order(&mut waiting, &SystemIds);
        assert!(!waiting.is_sorted());
        waiting.sort_unstable();
        assert_eq!(waiting, (0..100).collect::<Vec<_>>());
    }
}
