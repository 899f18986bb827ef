//! A ride: a driver is looked for in a circle that grows with each attempt, up to a deadline; then
//! the rider is picked up, driven, and pays. Until they drive, whatever fails lets the driver go;
//! after that there is no way back, and the fare is asked for until it is paid.
//!
//! Where drivers are is no event: no process waits for it, and its history is of no use.
//!
//! ```sh
//! cargo run --example ride
//! ```

mod timeline;

use std::sync::Arc;

use fanout_outbox::Draft;
use fanout_processes::{Machine, Pace, Saga, machine};
use fanout_runtime::BoxError;

use timeline::participants::{Conduct, Participants, shown};
use timeline::{Story, Told, events, minutes, print, seconds};

events! {
    RideRequested = "ride.requested" { ride_id };
    MatchRequested = "driver.match_requested" { ride_id, within_km } + step;
    DriverMatched = "driver.matched" { } + step;
    NoDriver = "driver.not_found" { } + step;
    ReleaseRequested = "driver.release_requested" { ride_id } + step;
    DriverReleased = "driver.released" { } + step;
    PickUpRequested = "driver.pick_up_requested" { ride_id } + step;
    PickedUp = "driver.picked_up" { } + step;
    NoShow = "rider.not_there" { } + step;
    CallOffRequested = "driver.call_off_requested" { ride_id } + step;
    CalledOff = "driver.called_off" { } + step;
    DriveRequested = "driver.drive_requested" { ride_id } + step;
    Arrived = "driver.arrived" { } + step;
    FareRequested = "payment.fare_requested" { ride_id } + step;
    FarePaid = "payment.fare_paid" { } + step;
    RideCompleted = "ride.completed" { ride_id };
    RideCancelled = "ride.cancelled" { ride_id, reason };
}

/// How far a driver may be away, for each attempt.
fn within_km(attempt: u64) -> String {
    (2 * attempt).to_string()
}

fn ride() -> Arc<dyn Machine> {
    machine(
        Saga::<RideRequested>::named("ride", 1, Pace::REAL)
            .step("match", |ask| {
                MatchRequested::new(&ask.of.ride_id, within_km(ask.step.attempt), ask.step)
            })
            .done_by::<DriverMatched>()
            .refused_by::<NoDriver>()
            .undo(|ask| ReleaseRequested::new(&ask.of.ride_id, ask.step))
            .undone_by::<DriverReleased>()
            .within(seconds(30))
            .attempts(3)
            .step("pick_up", |ask| {
                PickUpRequested::new(&ask.of.ride_id, ask.step)
            })
            .done_by::<PickedUp>()
            .refused_by::<NoShow>()
            .undo(|ask| CallOffRequested::new(&ask.of.ride_id, ask.step))
            .undone_by::<CalledOff>()
            .within(minutes(10))
            .attempts(1)
            .step("drive", |ask| {
                DriveRequested::new(&ask.of.ride_id, ask.step)
            })
            .done_by::<Arrived>()
            .pivot()
            .within(minutes(120))
            .step("fare", |ask| FareRequested::new(&ask.of.ride_id, ask.step))
            .done_by::<FarePaid>()
            .within(minutes(5))
            .ended(
                |ride| Draft::of(&ride.ride_id, 2, &RideCompleted::new(&ride.ride_id)),
                |ride, why| {
                    let cancelled = RideCancelled::new(&ride.ride_id, &why.reason);
                    Draft::of(&ride.ride_id, 2, &cancelled)
                },
            ),
    )
}

const RIDE: &str = "rid_1";

fn well() -> Participants {
    let all = [
        ("match", "dispatch", Conduct::Does(seconds(8))),
        ("pick_up", "driver", Conduct::Does(minutes(6))),
        ("drive", "driver", Conduct::Does(minutes(22))),
        ("fare", "payment", Conduct::Does(seconds(2))),
    ];
    Participants::of(&ride(), &all)
}

async fn told(mut participants: Participants) -> Result<Told, BoxError> {
    let story = Story {
        machine: ride(),
        key: RIDE,
        fact: &RideRequested::new(RIDE),
        shown,
    };
    story.told(|event| participants.hear(event)).await
}

/// A good run, and each failure.
async fn stories() -> Result<String, BoxError> {
    let further_away = Conduct::IsBackAt(2, seconds(8));
    let no_show = Conduct::Refuses("rider_not_there", minutes(7));
    let tales = [
        ("All goes well", well()),
        (
            "A driver is found further away",
            well().but("match", further_away),
        ),
        ("No driver is found", well().but("match", Conduct::IsAway)),
        (
            "A driver took it, and said so to no one",
            well().but("match", Conduct::AnswerLost),
        ),
        ("The rider is not there", well().but("pick_up", no_show)),
        (
            "The driver never comes",
            well().but("pick_up", Conduct::IsAway),
        ),
        (
            "The fare is paid once payment is back",
            well().but("fare", Conduct::IsBackAt(3, seconds(2))),
        ),
    ];
    let mut all = Vec::new();
    for (title, participants) in tales {
        all.push(format!("{title}\n{}", told(participants).await?.timeline));
    }
    Ok(all.join("\n"))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    print(&stories().await?)
}

#[cfg(test)]
mod tests {
    use fanout_processes::Status;
    use fanout_testkit::saga_laws;

    use super::*;

    #[tokio::test]
    async fn a_good_run_and_each_failure_go_like_this() {
        insta::assert_snapshot!(stories().await.unwrap());
    }

    #[test]
    fn a_ride_keeps_the_laws_of_all_sagas() {
        saga_laws::hold(&ride(), RIDE, &RideRequested::new(RIDE));
    }

    #[tokio::test]
    async fn the_circle_grows_with_each_of_three_attempts() {
        let told = told(well().but("match", Conduct::IsAway)).await.unwrap();
        assert_eq!(told.end.instance.status, Status::Compensated);
        let asked = told.timeline.matches("driver.match_requested").count();
        assert_eq!(asked, 3);
        assert_eq!([1, 2, 3].map(within_km), ["2", "4", "6"]);
    }
}
