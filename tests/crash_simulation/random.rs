//! Many users, and everything at once: each seed draws who does what, how unkind the bus is, how
//! often calls go wrong, and how far clocks are off.

use std::time::Duration;

use order_service::OrderFlow;

use super::bank::{BOOKED, Booking};
use super::broken::Broken;
use super::bus::Mischief;
use super::dice::Dice;
use super::feed::{Deed, moments};
use super::mailbox::{FIRST_FULL, FIRST_REFUSED};
use super::parallel;
use super::plan::Faults;
use super::report::{Figures, command};
use super::script::{Step, Timed};
use super::services::Service;
use super::shop::{Build, Kind, Word};
use super::stories::OF_FEEDS;
use super::ticks::Ticks;
use super::world::Case;

const MINUTE: Duration = Duration::from_secs(60);
/// How long a call takes at most, there and back each.
const A_MOMENT: Duration = Duration::from_millis(40);
/// The same where everything is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(2);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const CONSUMERS: &[Service] = &[
    Service::Email,
    Service::Analytics,
    Service::Crm,
    Service::Club,
    Service::Desk,
];

/// The case of a seed.
pub(crate) fn case(seed: u64, broken: Option<Broken>) -> Case {
    // Other draws than those within the run, which begin from the seed itself.
    let dice = Dice::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(1));
    let people: Vec<u64> = (0..=dice.below(4))
        .map(|number| number + dice.pick(&[0, 0, 0, FIRST_REFUSED, FIRST_FULL]))
        .collect();
    let busy_for = dice.pick(&[Duration::from_secs(1), MINUTE, 5 * MINUTE]);
    let script = people
        .iter()
        .flat_map(|person| life_of(*person, busy_for, &dice));
    let script = script.collect();
    let likely = || dice.pick(&[0.0, 0.05, 0.3]);
    let on_one_machine = dice.chance(0.2);
    Case {
        seed,
        script,
        afterwards: afterwards(&people, on_one_machine, &dice),
        consumers: CONSUMERS,
        with_past: false,
        on_one_machine,
        faults: Faults::AtRandom {
            chance: dice.pick(&[0.0, 0.02, 0.05, 0.1, 0.25]),
            at_first: 10 * MINUTE,
            afterwards: dice.pick(&[Duration::ZERO, 5 * MINUTE]),
            latency: dice.pick(&[A_MOMENT, A_MOMENT, SLOW]),
        },
        mischief: Mischief {
            twice: likely(),
            renumbered: likely(),
            delay: dice.pick(&[Duration::ZERO, Duration::from_secs(1), 2 * MINUTE]),
            lost_answer: dice.pick(&[0.0, 0.05, 0.2]),
            cut: dice.pick(&[0.0, 0.5, 1.0]),
            hangs: dice.pick(&[0.0, 0.0, 0.1]),
        },
        ticks: Ticks::default(),
        skewed: !on_one_machine && dice.chance(0.5),
        tries: 1 + dice.below(5) as usize,
        broken,
        flow: OrderFlow::Orchestrated,
    }
}

/// Those that see orders through.
const OF_THE_SHOP: &[Service] = &[
    Service::Order,
    Service::Inventory,
    Service::Payment,
    Service::Shipping,
    Service::Email,
];

/// The case of a seed with orders in place of people.
pub(crate) fn shop_case(seed: u64, broken: Option<Broken>) -> Case {
    let dice = Dice::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(2));
    let busy_for = dice.pick(&[Duration::from_secs(1), MINUTE, 5 * MINUTE]);
    let mut script = Vec::new();
    for number in 1..=1 + dice.below(4) {
        let at = dice.duration(busy_for);
        script.extend(life_of_order(number, at, &dice));
    }
    if dice.chance(0.5) {
        script.extend(deploys(busy_for, &dice));
    }
    for _ in 0..dice.below(3) {
        let (at, step) = (dice.duration(busy_for), Step::Shard(1 + dice.below(4)));
        script.push(Timed { at, step });
    }
    Case {
        script,
        afterwards: Vec::new(),
        consumers: OF_THE_SHOP,
        ticks: Ticks {
            skipped: dice.pick(&[0.0, 0.2, 0.5]),
            doubled: dice.pick(&[0.0, 0.2, 1.0]),
            late: dice.pick(&[Duration::ZERO, MINUTE / 2, MINUTE]),
        },
        ..case(seed, broken)
    }
}

/// The same orders, seen through by participants that react to each other.
pub(crate) fn twin_case(seed: u64, broken: Option<Broken>) -> Case {
    Case {
        flow: OrderFlow::Choreographed,
        ..shop_case(seed, broken)
    }
}

/// The case of a seed with accounts in place of people.
pub(crate) fn bank_case(seed: u64, broken: Option<Broken>) -> Case {
    let dice = Dice::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(3));
    let busy_for = dice.pick(&[Duration::from_secs(1), MINUTE, 5 * MINUTE]);
    let owners = 1 + dice.below(3);
    let opened = (1..=owners).map(|number| Timed {
        at: dice.duration(Duration::from_secs(1)),
        step: Step::OpenAccount(number),
    });
    let opened: Vec<Timed> = opened.collect();
    let with_past = dice.chance(0.5);
    let first = if with_past { 0 } else { 1 };
    let account = || first + dice.below(owners + 1 - first);
    let booked = (BOOKED + 1..BOOKED + 4 + dice.below(10)).map(|number| Timed {
        at: MINUTE / 60 + dice.duration(busy_for),
        step: Step::Book(number, booking(account(), account(), &dice)),
    });
    Case {
        script: opened.iter().copied().chain(booked).collect(),
        afterwards: Vec::new(),
        consumers: &[],
        with_past,
        ..case(seed, broken)
    }
}

/// The case of a seed with posts and feeds in place of people.
pub(crate) fn feed_case(seed: u64, broken: Option<Broken>) -> Case {
    let dice = Dice::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(4));
    let busy_for = dice.pick(&[2 * MINUTE, 4 * MINUTE, 8 * MINUTE]);
    let of = |deed| Step::Feed(deed);
    let someone = || 1 + dice.below(3);
    let mut script = Vec::new();
    let mut within = |most: Duration, deed| {
        let at = dice.duration(most);
        script.push(Timed { at, step: of(deed) });
    };
    for _ in 0..2 + dice.below(4) {
        within(MINUTE / 10, Deed::Follow(someone(), someone()));
    }
    for number in 1..=3 + dice.below(6) {
        within(busy_for, Deed::Post(number, someone()));
        if dice.chance(0.2) {
            within(busy_for, Deed::Delete(number));
        }
    }
    for _ in 0..dice.below(5) {
        let changes: [fn(u64, u64) -> Deed; 2] = [Deed::Follow, Deed::Unfollow];
        within(busy_for, dice.pick(&changes)(someone(), someone()));
    }
    for _ in 0..1 + dice.below(4) {
        within(busy_for / 2, Deed::Rebuild);
    }
    for _ in 0..dice.below(3) {
        within(busy_for, Deed::RollBack);
    }
    for _ in 0..5 + dice.below(10) {
        within(busy_for, Deed::Read(someone(), dice.below(2) as usize));
    }
    let later = [
        of(Deed::Rebuild),
        of(Deed::RollBack),
        of(Deed::Post(10, someone())),
        // The way back has ended, or rows have.
        Step::SendAgainAfter(dice.pick(&[2 * DAY, 40 * DAY, 46 * DAY])),
    ];
    let at = Duration::ZERO;
    let later = later.into_iter().filter(|_| dice.chance(0.4));
    Case {
        script,
        afterwards: later.map(|step| Timed { at, step }).collect(),
        consumers: OF_FEEDS,
        ..case(seed, broken)
    }
}

fn booking(from: u64, to: u64, dice: &Dice) -> Booking {
    let alone = [Booking::Deposit(from), Booking::Withdraw(from)];
    match from == to {
        true => dice.pick(&alone),
        false => dice.pick(&[alone[0], alone[1], Booking::Transfer(from, to)]),
    }
}

/// What becomes of one order, by its customer and by operators.
fn life_of_order(number: u64, at: Duration, dice: &Dice) -> Vec<Timed> {
    let kind = match dice.chance(0.5) {
        true => Kind::Fine,
        false => dice.pick(&Kind::ALL),
    };
    let later = || at + dice.duration(dice.pick(&[Duration::from_secs(1), 3 * MINUTE]));
    let step = Step::Order(number, kind);
    let mut steps = vec![Timed { at, step }];
    if dice.chance(0.3) {
        let (at, step) = (later(), Step::CancelOrder(number));
        steps.push(Timed { at, step });
    }
    if dice.chance(0.3) {
        for _ in 0..=dice.below(2) {
            let late = dice.chance(0.2);
            let at = later() + if late { 100 * MINUTE } else { Duration::ZERO };
            let step = Step::Operate(number, dice.pick(&Word::ALL));
            steps.push(Timed { at, step });
        }
    }
    if kind == Kind::Unrefundable {
        // Its process is stuck by then; the provider gives back again, and an operator has been told.
        let (at, step) = (at + 180 * MINUTE, Step::Operate(number, Word::Retry));
        steps.push(Timed { at, step });
    }
    steps
}

/// A build that knows one more version of the process: comes, perhaps to some instances first, perhaps
/// goes again, and is everywhere in the end.
fn deploys(busy_for: Duration, dice: &Dice) -> Vec<Timed> {
    let mut at = Duration::ZERO;
    let mut steps = Vec::new();
    let mut next = |step| {
        at += dice.duration(busy_for / 2);
        steps.push(Timed { at, step });
    };
    if dice.chance(0.7) {
        next(Step::Deploy(Some(dice.below(2) as usize), Build::Both));
    }
    if dice.chance(0.5) {
        next(Step::Deploy(None, Build::Both));
        next(Step::Deploy(None, Build::First));
    }
    next(Step::Deploy(None, Build::Both));
    steps
}

/// What one person does, and what else arrives meanwhile.
fn life_of(person: u64, busy_for: Duration, dice: &Dice) -> Vec<Timed> {
    let start = dice.duration(busy_for);
    let mut steps = vec![(start, Step::SignUp(person))];
    for _ in 0..dice.below(4) {
        let change = dice.pick(&[Step::Rename(person), Step::Move(person)]);
        steps.push((start + dice.duration(busy_for), change));
    }
    if dice.chance(0.2) {
        let end = start + dice.duration(2 * busy_for);
        let last = dice.pick(&[Step::Delete(person), delete_and_type(person, dice)]);
        steps.push((end, last));
    }
    if dice.chance(0.2) {
        let later = start + dice.duration(2 * busy_for);
        steps.push((later, Step::TypeByHand(person)));
    }
    if dice.chance(0.1) {
        steps.push((start, Step::Nonsense));
    }
    let timed = |(at, step)| Timed { at, step };
    steps.into_iter().map(timed).collect()
}

fn delete_and_type(person: u64, dice: &Dice) -> Step {
    Step::DeleteAndType(person, dice.pick(&[A_MOMENT / 2, 10 * A_MOMENT, SLOW]))
}

/// What happens once all that has settled, one after the other.
fn afterwards(people: &[u64], on_one_machine: bool, dice: &Dice) -> Vec<Timed> {
    let mut steps = Vec::new();
    let first_person = people[0];
    let is_refused = |person: &u64| *person >= FIRST_REFUSED;
    if people.iter().any(is_refused) || dice.chance(0.1) {
        steps.push(Step::OpenMailboxes);
    }
    if dice.chance(0.3) {
        steps.push(Step::Rename(first_person));
    }
    if dice.chance(0.2) {
        steps.push(Step::ReuseId(first_person));
    }
    if dice.chance(0.25) {
        steps.push(delete_and_type(first_person, dice));
    }
    // A file's marks go soon after they have expired, and with them what they prove.
    let long = match on_one_machine {
        true => 30 * DAY,
        false => 100 * DAY,
    };
    // Not both of these: rows are kept for 90 days, and keep what is emitted from being emitted again.
    let last = dice.pick(&[
        None,
        None,
        // Within a mark's life of 45 days, or beyond it.
        Some(Step::SendAgainAfter(40 * DAY)),
        Some(Step::SendAgainAfter(46 * DAY)),
        Some(Step::Outage(first_person, 30 * MINUTE)),
        Some(Step::LongOutage(first_person, long)),
    ]);
    steps.extend(last);
    let at = Duration::ZERO;
    steps.into_iter().map(|step| Timed { at, step }).collect()
}

/// Runs these seeds.
pub(crate) fn run(seeds: std::ops::Range<u64>) -> Figures {
    run_each(seeds, case, "SIM_SEED")
}

/// Runs these seeds of the bank.
pub(crate) fn run_bank(seeds: std::ops::Range<u64>) -> Figures {
    run_each(seeds, bank_case, "SIM_BANK_SEED")
}

/// Runs these seeds of feeds.
pub(crate) fn run_feed(seeds: std::ops::Range<u64>) -> Figures {
    run_each(seeds, feed_case, "SIM_FEED_SEED")
}

/// Runs rebuilds with an event at each of these moments.
pub(crate) fn run_moments() -> Figures {
    run_each(0..moments::CASES, moments::case, "SIM_FEED_MOMENT")
}

/// Runs these seeds of the shop.
pub(crate) fn run_shop(seeds: std::ops::Range<u64>) -> Figures {
    run_each(seeds, shop_case, "SIM_SHOP_SEED")
}

/// Runs these seeds of the shop whose participants react to each other.
pub(crate) fn run_twin(seeds: std::ops::Range<u64>) -> Figures {
    run_each(seeds, twin_case, "SIM_TWIN_SEED")
}

fn run_each(
    seeds: std::ops::Range<u64>,
    case: fn(u64, Option<Broken>) -> Case,
    variable: &str,
) -> Figures {
    let seeds: Vec<u64> = seeds.collect();
    let each = parallel::each(&seeds, |seed| {
        let mut figures = Figures::default();
        let replay = || command(&format!("{variable}={seed}"));
        let case = case(*seed, None);
        figures.add(&case, &case.run(), replay);
        figures
    });
    each.into_iter().fold(Figures::default(), Figures::merge)
}
