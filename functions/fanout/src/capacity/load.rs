//! What is asked for, and what one sign-up does.

/// What comes in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Load {
    pub(super) signups_per_day: f64,
    pub(super) consumers: u32,
    pub(super) mail_seconds: f64,
    /// The busiest second's, as times the average's.
    pub(super) peak: f64,
}

impl Load {
    /// Sign-ups in the average second.
    pub(super) fn a_second(&self) -> f64 {
        self.signups_per_day / 86_400.0
    }

    /// Sign-ups in the busiest second.
    pub(super) fn at_peak(&self) -> f64 {
        self.a_second() * self.peak
    }

    /// A month has 30 days here.
    pub(super) fn a_month(&self) -> f64 {
        self.signups_per_day * 30.0
    }

    /// Who reacts.
    pub(super) fn reactions(&self) -> impl Iterator<Item = Reaction> {
        let further = std::iter::repeat(FURTHER);
        let all = REACTIONS.iter().copied().chain(further);
        all.take(self.consumers as usize)
    }

    /// What one sign-up costs in the store until the last of it has expired.
    pub(super) fn operations(&self) -> Operations {
        let marks = u64::from(self.consumers);
        let expired = Operations {
            reads: 0,
            writes: 0,
            deletes: marks + 1,
        };
        let reactions = self.reactions().map(|reaction| reaction.operations);
        reactions.fold(SIGN_UP.and(expired), Operations::and)
    }

    /// The same, many times as much.
    pub(super) fn times(self, times: f64) -> Self {
        Self {
            signups_per_day: self.signups_per_day * times,
            ..self
        }
    }
}

/// Billed operations of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Operations {
    /// Documents read.
    pub reads: u64,
    /// Documents written.
    pub writes: u64,
    /// Documents deleted, by TTL too.
    pub deletes: u64,
}

impl Operations {
    fn and(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            deletes: self.deletes + other.deletes,
        }
    }
}

/// `POST /users`: user, address, event and lease; then the event's row is marked and the lease goes.
pub const SIGN_UP: Operations = Operations {
    reads: 0,
    writes: 5,
    deletes: 1,
};

/// What a consumer does about a sign-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reaction {
    /// The service's name.
    pub service: &'static str,
    /// Without its mark's end.
    pub operations: Operations,
    /// How often it waits for the store.
    pub round_trips: u32,
}

/// The system's own consumers. The counts are held by `tests/capacity.rs`.
pub const REACTIONS: [Reaction; 3] = [
    Reaction {
        service: "email-service",
        operations: written(1, 4),
        round_trips: 2,
    },
    Reaction {
        service: "analytics-service",
        operations: written(0, 3),
        round_trips: 1,
    },
    Reaction {
        service: "crm-service",
        operations: written(0, 2),
        round_trips: 1,
    },
];

/// A consumer that is still to be written: a mark and one document, as `fanout new` makes it.
const FURTHER: Reaction = Reaction {
    service: "a further one",
    operations: written(0, 2),
    round_trips: 1,
};

const fn written(reads: u64, writes: u64) -> Operations {
    Operations {
        reads,
        writes,
        deletes: 0,
    }
}
