//! Redriving and discarding dead letters: those that a plan showed, and no others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use fanout_kernel::Subscriber;
use fanout_runtime::{IdGenerator as _, SystemIds};
use fanout_web::Problem;
use tokio::sync::{OnceCell, watch};
use tracing::info;

use super::{Came, answer};
use crate::answer::counted;
use crate::console::Page;
use crate::console::guard::Fields;
use crate::dead_letters::{Interrupt, Outcome, Outcomes, Rate, chosen};

/// How many plans and jobs are kept.
const MOST: usize = 50;
/// How many letters are pushed in a second.
const RATE: Rate = Rate { per_second: 100 };

/// Exactly these letters of a consumer.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) consumer: &'static Subscriber,
    /// The bus's id of each, and its event's.
    pub(crate) letters: Vec<(String, String)>,
}

/// Kept by a name that cannot be guessed.
struct Latest<T>(Mutex<VecDeque<(String, T)>>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Latest<T> {
    fn keep(&self, prefix: &str, one: T) -> String {
        let name = SystemIds.new_id(prefix);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((name.clone(), one));
        if all.len() > MOST {
            all.pop_front();
        }
        name
    }

    fn get(&self, name: &str) -> Option<T> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(known, _)| known == name);
        found.map(|(_, one)| one.clone())
    }
}

/// Plans that were shown.
#[derive(Default)]
pub(crate) struct Plans(Latest<Plan>);

impl Plans {
    pub(crate) fn keep(&self, plan: Plan) -> String {
        self.0.keep("plan", plan)
    }
}

/// Redrives, under way or ended.
#[derive(Default)]
pub(crate) struct Jobs(Latest<Arc<Job>>);

impl Jobs {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Job>> {
        self.0.get(name)
    }
}

/// One redrive.
pub(crate) struct Job {
    pub(crate) consumer: &'static str,
    pub(crate) total: usize,
    pub(crate) events: Vec<String>,
    progress: watch::Receiver<BTreeMap<Outcome, usize>>,
    ended: OnceCell<Ended>,
}

/// How a redrive ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) failures: Vec<String>,
    pub(crate) error: Option<String>,
    pub(crate) well: bool,
}

impl Job {
    pub(crate) fn outcomes(&self) -> BTreeMap<Outcome, usize> {
        self.progress.borrow().clone()
    }

    /// How it ended, if it has.
    pub(crate) fn state(&self) -> Option<Ended> {
        self.ended.get().cloned()
    }
}

/// `POST /dead-letters/redrive`: begins, and shows how far it comes.
pub(crate) async fn redrive(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let Some(plan) = page.plans.0.get(fields.get("plan")) else {
        return gone();
    };
    let (sender, progress) = watch::channel(BTreeMap::new());
    let job = Arc::new(Job {
        consumer: plan.consumer.consumer,
        total: plan.letters.len(),
        events: plan
            .letters
            .iter()
            .map(|(_, event)| event.clone())
            .collect(),
        progress,
        ended: OnceCell::new(),
    });
    let (consumer, letters) = (job.consumer, job.total);
    info!(consumer, letters, "console: a redrive begins");
    let name = page.jobs.0.keep("job", Arc::clone(&job));
    tokio::spawn(run(page, plan, job, sender));
    Redirect::to(&format!("/jobs/{name}")).into_response()
}

async fn run(
    page: Arc<Page>,
    plan: Plan,
    job: Arc<Job>,
    progress: watch::Sender<BTreeMap<Outcome, usize>>,
) {
    let ids: BTreeSet<String> = plan.letters.into_iter().map(|(id, _)| id).collect();
    let mut outcomes = Outcomes {
        progress: Some(progress),
        ..Outcomes::default()
    };
    let interrupt = Interrupt::new(page.shutdown.clone());
    let pushed = chosen::redrive(
        &page.operator,
        plan.consumer,
        &ids,
        RATE,
        &mut outcomes,
        &interrupt,
    );
    let error = pushed.await.err().map(|error| format!("{error:#}"));
    let ended = Ended {
        well: error.is_none() && outcomes.all_is_well(),
        failures: outcomes.failures,
        error,
    };
    let (consumer, well) = (job.consumer, ended.well);
    info!(consumer, well, "console: a redrive has ended");
    // The only error is "set already", and only this sets it.
    let _ = job.ended.set(ended);
    page.forget_backlogs().await;
}

/// `POST /dead-letters/discard`
pub(crate) async fn discard(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let Some(plan) = page.plans.0.get(fields.get("plan")) else {
        return gone();
    };
    let ids: BTreeSet<String> = plan.letters.iter().map(|(id, _)| id.clone()).collect();
    let interrupt = Interrupt::new(page.shutdown.clone());
    let folder = page.data_dir.as_path();
    let dropped = chosen::discard(&page.operator, plan.consumer, &ids, folder, &interrupt).await;
    let consumer = plan.consumer.consumer;
    let meant = counted(ids.len(), "letter");
    let (_, why) = Outcome::NotHeld.words();
    let came = match dropped {
        Ok(Some((count, file))) if count == ids.len() => {
            let file = file.display();
            let said = format!("discarded {meant} of {consumer}: kept in {file}");
            Came::well(said, None)
        }
        Ok(Some((count, file))) => {
            let file = file.display();
            Came::badly(format!(
                "discarded {count} of {meant} of {consumer}: kept in {file}; the rest: {why}"
            ))
        }
        Ok(None) => Came::badly(format!("discarded 0 of {meant} of {consumer}: {why}")),
        Err(error) => Came::badly(format!(
            "{meant} of {consumer} could not be discarded: {error:#}"
        )),
    };
    page.forget_backlogs().await;
    answer(&page, &fields, "discard", came)
}

fn gone() -> Response {
    let detail = "Look at the dead letters again: this plan is not known any more.";
    Problem::new(
        http::StatusCode::CONFLICT,
        "plan_gone",
        "The plan is gone",
        detail,
    )
    .into_response()
}
