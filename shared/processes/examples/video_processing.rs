//! A video is made in three versions at once, then published. A version takes as long as it takes: as
//! long as it comes further, its deadline moves; if it stands still it is asked for again, and then
//! given up. If one fails, all are deleted by their keys, finished or not, and the video has failed.
//!
//! ```sh
//! cargo run --example video_processing
//! ```

mod timeline;

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_events::{Event, EventType, StepRef};
use fanout_outbox::Draft;
use fanout_processes::saga::{Asked, Asking, Steps};
use fanout_processes::{Machine, Pace, Saga, machine};
use fanout_runtime::BoxError;

use timeline::participants::{Conduct, Effect, Participants, shown};
use timeline::{Said, Story, Told, events, minutes, print, seconds};

events! {
    Uploaded = "video.uploaded" { video_id };
    TranscodeRequested = "version.transcode_requested" { key } + step;
    Progressed = "version.progressed" { } + step;
    Finished = "version.finished" { } + step;
    Failed = "version.failed" { } + step;
    DeletionRequested = "version.deletion_requested" { key } + step;
    Deleted = "version.deleted" { } + step;
    PublicationRequested = "video.publication_requested" { video_id } + step;
    Listed = "video.listed" { } + step;
    Published = "video.published" { video_id };
    VideoFailed = "video.failed" { video_id, reason };
}

const VIDEO: &str = "vid_1";

/// Where a version lies: the same for whoever makes it, at whatever attempt, and for its undo.
fn key(asking: &Asking<'_, Uploaded>) -> String {
    format!("{}/{}", asking.of.video_id, asking.step.name)
}

fn transcode(asking: Asking<'_, Uploaded>) -> TranscodeRequested {
    TranscodeRequested::new(key(&asking), asking.step)
}

fn delete(asking: Asking<'_, Uploaded>) -> DeletionRequested {
    DeletionRequested::new(key(&asking), asking.step)
}

/// What is said of each version.
fn version(asked: Asked<Uploaded>) -> Steps<Uploaded> {
    asked
        .done_by::<Finished>()
        .refused_by::<Failed>()
        .progressed_by::<Progressed>()
        .undo(delete)
        .undone_by::<Deleted>()
        .within(minutes(10))
        .attempts(2)
}

/// With these versions, beside each other.
fn video_in(first: &'static str, others: &[&'static str]) -> Arc<dyn Machine> {
    let named = Saga::<Uploaded>::named("video", 1, Pace::REAL);
    let first = version(named.step(first, transcode));
    let others = others.iter();
    let versions = others.fold(first, |steps, name| version(steps.beside(name, transcode)));
    machine(
        versions
            .step("publish", |asking| {
                PublicationRequested::new(&asking.of.video_id, asking.step)
            })
            .done_by::<Listed>()
            .pivot()
            .ended(
                |video| Draft::of(&video.video_id, 2, &Published::new(&video.video_id)),
                |video, why| {
                    let failed = VideoFailed::new(&video.video_id, &why.reason);
                    Draft::of(&video.video_id, 2, &failed)
                },
            ),
    )
}

fn video() -> Arc<dyn Machine> {
    video_in("4k", &["1080p", "720p"])
}

fn well() -> Participants {
    let all = [
        ("4k", "transcoder", Conduct::Does(minutes(31))),
        ("1080p", "transcoder", Conduct::Does(minutes(9))),
        ("720p", "transcoder", Conduct::Does(minutes(4))),
        ("publish", "catalogue", Conduct::Does(seconds(1))),
    ];
    Participants::of(&video(), &all)
}

/// What the work at a version says until it ends, if it comes further so many times.
fn progress(event: &Event, times: u64) -> Vec<Said> {
    let step = StepRef::named_by(event);
    let is_4k = event.event_type == TranscodeRequested::TYPE;
    let step = step.filter(|step| is_4k && step.name == "4k");
    let said = step.into_iter().flat_map(|step| {
        (1..=times).map(move |time| {
            let progressed = Progressed::new(step.clone());
            Said::new("transcoder", minutes(8 * time), &progressed)
        })
    });
    said.collect()
}

async fn told(participants: &mut Participants, times: u64) -> Result<Told, BoxError> {
    let story = Story {
        machine: video(),
        key: VIDEO,
        fact: &Uploaded::new(VIDEO),
        shown,
    };
    let hear = |event: &Event| {
        let mut said = participants.hear(event);
        said.extend(progress(event, times));
        said
    };
    story.told(hear).await
}

/// The keys of the versions that there are in the end.
fn stored(effects: &[Effect]) -> BTreeSet<String> {
    let mut stored = BTreeSet::new();
    for effect in effects {
        let (Effect::Did(event) | Effect::Undid(event)) = effect;
        let key = event.data.0.get("key").and_then(|key| key.as_str());
        let Some(key) = key.map(str::to_owned) else {
            continue;
        };
        match effect {
            Effect::Did(_) => stored.insert(key),
            Effect::Undid(_) => stored.remove(&key),
        };
    }
    stored
}

/// A good run, and each failure.
async fn stories() -> Result<String, BoxError> {
    let broken = Conduct::Refuses("unknown_codec", minutes(5));
    let back = Conduct::IsBackAt(2, minutes(4));
    let tales = [
        ("All goes well: the deadline of 4k moves", well(), 3),
        (
            "720p fails: what there is, is deleted",
            well().but("720p", broken),
            3,
        ),
        (
            "1080p is lost, and made when asked again",
            well().but("1080p", back),
            3,
        ),
        ("4k stands still", well().but("4k", Conduct::IsAway), 1),
    ];
    let mut all = Vec::new();
    for (title, mut participants, times) in tales {
        let timeline = told(&mut participants, times).await?.timeline;
        let stored = stored(&participants.effects);
        all.push(format!(
            "{title}\n{timeline}  stored in the end: {stored:?}\n"
        ));
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

    /// With two versions: all orders of what three say are too many.
    #[test]
    fn a_video_keeps_the_laws_of_all_sagas() {
        let video = video_in("4k", &["720p"]);
        saga_laws::hold(&video, VIDEO, &Uploaded::new(VIDEO));
    }

    #[tokio::test]
    async fn work_that_says_that_it_comes_further_is_not_asked_for_again() {
        let asked = async |times| {
            let told = told(&mut well(), times).await.unwrap();
            assert_eq!(
                told.end.instance.status,
                Status::Completed,
                "{}",
                told.timeline
            );
            told.end.instance.step("4k").unwrap().attempt
        };
        assert_eq!(asked(3).await, 1);
        assert_eq!(asked(0).await, 2);
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_video_that_failed_wherever_it_did() {
        for step in ["4k", "1080p", "720p"] {
            let ways = [
                Conduct::IsAway,
                Conduct::Refuses("unknown_codec", minutes(3)),
                Conduct::Refuses("unknown_codec", minutes(9)),
            ];
            for conduct in ways {
                let mut participants = well().but(step, conduct);
                let told = told(&mut participants, 3).await.unwrap();
                assert_eq!(told.end.instance.status, Status::Compensated);
                assert!(
                    stored(&participants.effects).is_empty(),
                    "{step} {conduct:?}"
                );
            }
        }
    }
}
