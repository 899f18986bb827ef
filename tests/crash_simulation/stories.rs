//! What is told with every fault.

use std::time::Duration;

use order_service::OrderFlow;

use super::bank::{BOOKED, Booking};
use super::exhaustive::Pairs;
use super::feed::Deed;
use super::mailbox::{FIRST_FULL, FIRST_REFUSED};
use super::script::Step;
use super::services::Service;
use super::shop::{Build, Kind, Word};

/// A story that is told with every fault.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    /// With pairs of faults too.
    pub(crate) pairs: Pairs,
    /// With no single fault but crashes: it takes long, and another one begins like it.
    pub(super) only_crashes: bool,
    pub(super) script: &'static [Step],
    /// How long after each step of it the next one comes.
    pub(super) apart: Duration,
    /// Each once the one before has settled.
    pub(super) afterwards: &'static [Step],
    pub(super) consumers: &'static [Service],
    /// Each message is delivered twice at the same moment, and the ticker called twice.
    pub(super) twice: bool,
    pub(super) on_one_machine: bool,
    /// An account was moved often before.
    pub(super) with_past: bool,
    pub(super) flow: OrderFlow,
}

/// The consumers of sign-up, none of which emits.
const OF_SIGN_UP: &[Service] = &[Service::Email, Service::Analytics, Service::Crm];
/// Those that see orders through.
const OF_THE_SHOP: &[Service] = &[
    Service::Order,
    Service::Inventory,
    Service::Payment,
    Service::Shipping,
    Service::Email,
];
/// Those that keep feeds.
pub(super) const OF_FEEDS: &[Service] = &[Service::Post, Service::Feed];
/// Those between which one event causes others.
const THAT_EMIT: &[Service] = &[Service::Club, Service::Desk];

const SIGN_UP: Story = Story {
    name: "sign-up",
    pairs: Pairs::None,
    only_crashes: false,
    script: &[Step::SignUp(1)],
    apart: Duration::from_secs(1),
    afterwards: &[],
    consumers: OF_SIGN_UP,
    twice: false,
    on_one_machine: false,
    with_past: false,
    flow: OrderFlow::Orchestrated,
};

/// The first booking after those of the account that was moved often.
const FIRST: u64 = BOOKED + 1;

/// Amid an order that nothing holds up.
const AMID: Duration = Duration::from_millis(40);

const ORDER: Story = Story {
    name: "order",
    consumers: OF_THE_SHOP,
    ..SIGN_UP
};

/// The same, seen through by participants that react to each other.
const TWIN: Story = Story {
    flow: OrderFlow::Choreographed,
    ..ORDER
};

/// The one event of each kind and each way through the pipeline.
pub(crate) static STORIES: [Story; 32] = [
    Story {
        pairs: Pairs::WithACrash,
        ..SIGN_UP
    },
    Story {
        name: "change",
        pairs: Pairs::OfCrashes,
        afterwards: &[Step::Rename(1)],
        ..SIGN_UP
    },
    Story {
        name: "change-at-once",
        script: &[Step::SignUp(1), Step::Rename(1)],
        consumers: &[Service::Crm],
        ..SIGN_UP
    },
    Story {
        name: "delete",
        afterwards: &[Step::Delete(1)],
        ..SIGN_UP
    },
    Story {
        name: "twice-at-once",
        twice: true,
        ..SIGN_UP
    },
    Story {
        name: "nonsense",
        script: &[Step::Nonsense],
        afterwards: &[Step::OpenMailboxes],
        ..SIGN_UP
    },
    Story {
        name: "refused",
        pairs: Pairs::OfCrashes,
        script: &[Step::SignUp(FIRST_REFUSED)],
        afterwards: &[Step::OpenMailboxes],
        ..SIGN_UP
    },
    Story {
        name: "full-mailbox",
        script: &[Step::SignUp(FIRST_FULL)],
        afterwards: &[Step::OpenMailboxes],
        consumers: &[Service::Email],
        ..SIGN_UP
    },
    Story {
        name: "second-mail",
        // As often as a call takes: between any two calls of the deletion a mail is committed.
        afterwards: &[Step::DeleteAndType(1, Duration::from_millis(3))],
        consumers: &[Service::Email],
        ..SIGN_UP
    },
    Story {
        name: "emission",
        pairs: Pairs::OfCrashes,
        consumers: THAT_EMIT,
        ..SIGN_UP
    },
    Story {
        name: "cause-again",
        afterwards: &[Step::SendAgainAfter(Duration::from_secs(46 * 24 * 60 * 60))],
        consumers: THAT_EMIT,
        ..SIGN_UP
    },
    Story {
        name: "outage",
        afterwards: &[Step::Outage(1, Duration::from_secs(3 * 60))],
        consumers: &[Service::Crm],
        ..SIGN_UP
    },
    Story {
        name: "long-outage",
        afterwards: &[Step::LongOutage(1, Duration::from_secs(100 * 24 * 60 * 60))],
        consumers: &[Service::Crm],
        ..SIGN_UP
    },
    Story {
        name: "order",
        script: &[Step::Order(1, Kind::Fine)],
        ..ORDER
    },
    Story {
        name: "order-declined",
        script: &[Step::Order(1, Kind::Declined)],
        ..ORDER
    },
    Story {
        name: "order-to-nowhere",
        script: &[Step::Order(1, Kind::Nowhere)],
        ..ORDER
    },
    Story {
        name: "order-of-nothing",
        script: &[Step::Order(1, Kind::Unknown)],
        ..ORDER
    },
    Story {
        name: "order-called-off",
        script: &[Step::Order(1, Kind::Fine), Step::CancelOrder(1)],
        ..ORDER
    },
    Story {
        name: "order-silent",
        only_crashes: true,
        script: &[Step::Order(1, Kind::Silent)],
        ..ORDER
    },
    Story {
        name: "order-turned-by-hand",
        script: &[
            Step::Order(1, Kind::Silent),
            Step::Operate(1, Word::Compensate),
        ],
        // Once the process was woken.
        apart: Duration::from_secs(150),
        ..ORDER
    },
    Story {
        name: "order-outlives-a-deploy",
        script: &[Step::Order(1, Kind::Fine), Step::Deploy(None, Build::Both)],
        apart: AMID,
        ..ORDER
    },
    Story {
        name: "order-of-two-versions",
        script: &[
            Step::Deploy(Some(0), Build::Both),
            Step::Order(1, Kind::Fine),
            Step::Deploy(None, Build::First),
            Step::Deploy(None, Build::Both),
        ],
        apart: AMID,
        ..ORDER
    },
    Story {
        name: "order-of-divided-stock",
        only_crashes: true,
        // Two of the five are in no shard together.
        script: &[Step::Shard(4), Step::Order(1, Kind::Nowhere)],
        ..ORDER
    },
    Story {
        name: "twin",
        script: &[Step::Order(1, Kind::Fine)],
        ..TWIN
    },
    Story {
        name: "twin-to-nowhere",
        only_crashes: true,
        script: &[Step::Order(1, Kind::Nowhere)],
        ..TWIN
    },
    Story {
        name: "twin-called-off",
        script: &[Step::Order(1, Kind::Fine), Step::CancelOrder(1)],
        apart: AMID,
        ..TWIN
    },
    Story {
        name: "twin-silent",
        only_crashes: true,
        script: &[Step::Order(1, Kind::Silent)],
        ..TWIN
    },
    Story {
        name: "bank",
        script: &[
            Step::OpenAccount(1),
            Step::OpenAccount(2),
            Step::Book(3, Booking::Deposit(1)),
            Step::Book(4, Booking::Withdraw(1)),
            Step::Book(5, Booking::Transfer(1, 2)),
        ],
        consumers: &[],
        ..SIGN_UP
    },
    Story {
        name: "bank-at-once",
        script: &[
            Step::Book(FIRST, Booking::Withdraw(0)),
            Step::Book(FIRST + 1, Booking::Withdraw(0)),
        ],
        apart: Duration::ZERO,
        consumers: &[],
        with_past: true,
        ..SIGN_UP
    },
    Story {
        name: "bank-transfer",
        script: &[
            Step::OpenAccount(1),
            Step::Book(FIRST, Booking::Transfer(0, 1)),
        ],
        consumers: &[],
        with_past: true,
        ..SIGN_UP
    },
    Story {
        name: "feed",
        only_crashes: true,
        script: &[
            Step::Feed(Deed::Post(1, 1)),
            Step::Feed(Deed::Follow(1, 1)),
            Step::Feed(Deed::Rebuild),
            Step::Feed(Deed::Post(2, 1)),
            Step::Feed(Deed::Read(1, 1)),
            Step::Feed(Deed::Delete(2)),
            Step::Feed(Deed::Post(3, 1)),
            Step::Feed(Deed::Rebuild),
            Step::Feed(Deed::Post(4, 1)),
            Step::Feed(Deed::RollBack),
            Step::Feed(Deed::Read(1, 1)),
        ],
        // Twice that is less than knowledge of generations may be old, and five times more than it takes
        // until all know.
        apart: Duration::from_secs(13),
        consumers: OF_FEEDS,
        ..SIGN_UP
    },
    Story {
        name: "one-machine",
        consumers: &[Service::Email, Service::Club, Service::Desk],
        on_one_machine: true,
        ..SIGN_UP
    },
];
