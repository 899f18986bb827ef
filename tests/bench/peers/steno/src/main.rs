//! A saga of four steps on steno with its in-memory store: what remains of the work where nothing is kept. Asked on
//! standard input, one JSON object a line. A step's effect is a line in a file.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steno::{
    Action, ActionContext, ActionError, ActionFunc, ActionRegistry, DagBuilder, InMemorySecStore, Node, SagaDag,
    SagaId, SagaName, SagaType, SecClient,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

#[derive(Debug)]
struct Flow;

impl SagaType for Flow {
    type ExecContextType = Arc<File>;
}

#[derive(Debug, Deserialize, Serialize)]
struct Begun {
    saga: String,
    refused: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Refused {}

#[derive(Deserialize)]
struct Question {
    r#do: String,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    at_once: usize,
    #[serde(default)]
    run: String,
    #[serde(default)]
    refused: bool,
}

fn place(context: &ActionContext<Flow>) -> String {
    // Labels are the places of steps.
    context.node_label()
}

async fn act(context: ActionContext<Flow>) -> Result<(), ActionError> {
    let begun = context.saga_params::<Begun>()?;
    let place = place(&context);
    if begun.refused && place == "3" {
        return Err(ActionError::action_failed(Refused {}));
    }
    write(context.user_data(), &format!("{} {place} do\n", begun.saga));
    Ok(())
}

async fn undo(context: ActionContext<Flow>) -> anyhow::Result<()> {
    let begun = context.saga_params::<Begun>()?;
    write(context.user_data(), &format!("{} {} undo\n", begun.saga, place(&context)));
    Ok(())
}

fn write(mut effects: &File, line: &str) {
    effects.write_all(line.as_bytes()).unwrap();
}

fn dag(step: &dyn Action<Flow>, begun: &Begun) -> Arc<SagaDag> {
    let mut builder = DagBuilder::new(SagaName::new("flow"));
    for place in ["1", "2", "3", "4"] {
        builder.append(Node::action(place, place, step));
    }
    let dag = builder.build().unwrap();
    Arc::new(SagaDag::new(dag, serde_json::to_value(begun).unwrap()))
}

#[derive(Clone)]
struct Flows {
    sec: Arc<SecClient>,
    registry: Arc<ActionRegistry<Flow>>,
    step: Arc<dyn Action<Flow>>,
    effects: Arc<File>,
}

impl Flows {
    async fn see_through(&self, begun: Begun) {
        let id: SagaId = Uuid::new_v4().to_string().parse().unwrap();
        let context = Arc::new(Arc::clone(&self.effects));
        let dag = dag(self.step.as_ref(), &begun);
        let created = self.sec.saga_create(id, context, dag, Arc::clone(&self.registry));
        let end = created.await.unwrap();
        self.sec.saga_start(id).await.unwrap();
        assert_eq!(end.await.kind.is_err(), begun.refused);
    }

    async fn run(&self, question: Question) -> Value {
        let room = Arc::new(Semaphore::new(question.at_once.max(1)));
        let started = Instant::now();
        let mut running = Vec::new();
        for number in 0..question.count {
            let place = Arc::clone(&room).acquire_owned().await.unwrap();
            let (flows, refused) = (self.clone(), question.refused);
            let saga = format!("{}-{number}", question.run);
            running.push(tokio::spawn(async move {
                let began = Instant::now();
                flows.see_through(Begun { saga, refused }).await;
                drop(place);
                began.elapsed().as_secs_f64() * 1000.0
            }));
        }
        let mut times = Vec::new();
        for one in running {
            times.push(one.await.unwrap());
        }
        let seconds = started.elapsed().as_secs_f64();
        times.sort_by(f64::total_cmp);
        let share = |part: f64| times.get(((times.len() as f64 * part).ceil() as usize).saturating_sub(1));
        json!({"seconds": seconds, "p50_ms": share(0.5), "p99_ms": share(0.99)})
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let step: Arc<dyn Action<Flow>> = ActionFunc::new_action("step", act, undo);
    let mut registry = ActionRegistry::new();
    registry.register(Arc::clone(&step));
    let effects = OpenOptions::new().create(true).append(true).open(format!("{folder}/effects")).unwrap();
    let flows = Flows {
        sec: Arc::new(steno::sec(log, Arc::new(InMemorySecStore::new()))),
        registry: Arc::new(registry),
        step,
        effects: Arc::new(effects),
    };
    println!("{}", json!({"ready": true}));
    let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let question: Question = serde_json::from_str(&line.unwrap()).unwrap();
            asked.send(question).unwrap();
        }
    });
    while let Some(question) = questions.recv().await {
        let answer = match question.r#do.as_str() {
            "run" => flows.run(question).await,
            "effects" => json!({"written": true}),
            other => json!({"failed": format!("{other} is nothing that can be asked for")}),
        };
        println!("{answer}");
    }
}
