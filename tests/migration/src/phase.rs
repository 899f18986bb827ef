//! How far the move is.

/// A phase of the move. From each there is one step to its neighbours, there and back: a setting of
/// the booking service, changed by a roll-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Where it begins: the service calls three others, one after the other.
    Calls,
    /// It calls, and publishes what has happened. No service has to listen.
    PublishAlongside,
    /// It calls. Handlers work out what they would do, and that is compared.
    HandleAlongside,
    /// It publishes; handlers do the work.
    EventsOnly,
    /// Events carry what handlers need, who ask for nothing.
    Optimised,
}

/// Who does the work of a booking. It is decided once, in the commit that makes the booking, and
/// stands in the booking and in its event. So whatever is under way at a switch goes on as it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The booking service calls.
    ByCalls,
    /// Handlers of the event.
    ByEvents,
}

impl Phase {
    /// All, in the order of the move.
    pub const ALL: [Self; 5] = [
        Self::Calls,
        Self::PublishAlongside,
        Self::HandleAlongside,
        Self::EventsOnly,
        Self::Optimised,
    ];

    /// Who does the work of a booking that is made now.
    pub fn way(self) -> Way {
        match self {
            Self::Calls | Self::PublishAlongside | Self::HandleAlongside => Way::ByCalls,
            Self::EventsOnly | Self::Optimised => Way::ByEvents,
        }
    }

    /// Whether a booking that is made now is published.
    pub fn publishes(self) -> bool {
        self != Self::Calls
    }

    /// Whether its event says all that handlers need.
    pub fn carries_stay(self) -> bool {
        self == Self::Optimised
    }
}

impl Way {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByCalls => "calls",
            Self::ByEvents => "events",
        }
    }

    /// As it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::ByCalls, Self::ByEvents]
            .into_iter()
            .find(|way| way.as_str() == text)
    }
}
