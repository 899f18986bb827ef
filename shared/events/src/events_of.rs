//! Which events an operator looks up.

/// Which events. Each is one equality on one field of what is stored of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOf<'a> {
    /// The event of this id.
    Event(&'a str),
    /// All about this subject.
    Subject(&'a str),
    /// All that this request led to.
    Correlation(&'a str),
    /// All that this event caused.
    Causation(&'a str),
}

impl<'a> EventsOf<'a> {
    /// The field, and what it holds.
    pub fn field(self) -> (&'static str, &'a str) {
        match self {
            Self::Event(id) => ("event_id", id),
            Self::Subject(id) => ("subject", id),
            Self::Correlation(id) => ("correlation_id", id),
            Self::Causation(id) => ("causation_id", id),
        }
    }
}
