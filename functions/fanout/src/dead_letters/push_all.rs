//! Pushing many letters at once, and settling each by its answer.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::{JoinError, JoinSet};

use super::hold::Held;
use super::interrupt::Interrupt;
use super::letter::DeadLetter;
use super::outcomes::{Outcome, Outcomes};
use super::pace::{Pace, Rate};
use super::push_to_consumer::{ConsumerEndpoint, Pushed};

/// How many pushes are under way at once, at most. The first goes alone, and each answer makes room
/// for one more.
const MOST: usize = 256;

/// Pushes all letters that are held. Stops at an error that every further push would meet too; what
/// is under way then still gets its answer.
pub(super) async fn push_all(
    held: &Held,
    endpoint: ConsumerEndpoint,
    rate: Rate,
    outcomes: &mut Outcomes,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let mut pushing = Pushing {
        held,
        endpoint: Arc::new(endpoint),
        waiting: LettersByKey::of(&held.letters),
        under_way: JoinSet::new(),
        answered: 0,
        outcomes,
    };
    let pushed = pushing.go_on(&mut Pace::of(rate), interrupt).await;
    let last = interrupt.let_end(pushing.end()).await;
    let not_pushed = held.letters.len() - pushing.answered;
    outcomes.count(Outcome::NotPushed, not_pushed);
    pushed.and(last.map_err(anyhow::Error::from).flatten())
}

struct Pushing<'a> {
    held: &'a Held,
    endpoint: Arc<ConsumerEndpoint>,
    waiting: LettersByKey<'a>,
    under_way: JoinSet<Answered>,
    answered: usize,
    outcomes: &'a mut Outcomes,
}

/// The place of a letter among those that are held, and its answer.
type Answered = (usize, anyhow::Result<Pushed>);

impl Pushing<'_> {
    /// Pushes until all is answered, or something ends it.
    async fn go_on(&mut self, pace: &mut Pace, interrupt: &Interrupt) -> anyhow::Result<()> {
        while !(self.under_way.is_empty() && self.waiting.ready.is_empty()) {
            let room = self.under_way.len() < MOST.min(1 + self.answered);
            let may_start = room && !self.waiting.ready.is_empty();
            tokio::select! {
                biased;
                Err(stopped) = interrupt.or(pending::<()>()) => return Err(stopped.into()),
                () = pace.turn(), if may_start => self.start(),
                Some(first) = self.under_way.join_next() => self.settle(first).await?,
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        let mut ended = Ok(());
        while let Some(first) = self.under_way.join_next().await {
            ended = ended.and(self.settle(first).await);
        }
        ended
    }

    fn start(&mut self) {
        if let Some(index) = self.waiting.ready.pop_front() {
            let message = self.held.letters[index].original.clone();
            let endpoint = Arc::clone(&self.endpoint);
            self.under_way
                .spawn(async move { (index, endpoint.push(&message).await) });
        }
    }

    /// Acks what the consumer is done with, and gives the rest back: of all that have been answered
    /// meanwhile, in two requests.
    async fn settle(&mut self, first: Result<Answered, JoinError>) -> anyhow::Result<()> {
        let (mut settled, mut left) = (Vec::new(), Vec::new());
        let mut ended = Ok(());
        let mut next = Some(first);
        while let Some(answered) = next {
            let (index, pushed) = answered?;
            let letter = &self.held.letters[index];
            self.waiting.go_on_behind(letter);
            match pushed {
                Ok((outcome, why)) => {
                    self.answered += 1;
                    let settles = outcome.is_settled();
                    if settles { &mut settled } else { &mut left }.push(letter);
                    self.outcomes.pushed(&letter.event_id, outcome, why);
                }
                Err(error) => ended = ended.and(Err(error)),
            }
            next = self.under_way.try_join_next();
        }
        if !settled.is_empty() {
            self.held.ack(settled).await.context(
                "the consumer has taken letters that could not be acked; redriven again they are duplicates",
            )?;
        }
        if !left.is_empty() {
            self.held.give_back(left).await;
        }
        ended
    }
}

/// Which letters may be pushed, and which wait for an earlier one of their subject.
struct LettersByKey<'a> {
    ready: VecDeque<usize>,
    behind: HashMap<&'a str, VecDeque<usize>>,
}

impl<'a> LettersByKey<'a> {
    fn of(letters: &'a [DeadLetter]) -> Self {
        let (mut ready, mut behind) = (VecDeque::new(), HashMap::new());
        for (index, letter) in letters.iter().enumerate() {
            match behind.get_mut(letter.key()) {
                Some(others) => VecDeque::push_back(others, index),
                None => {
                    ready.push_back(index);
                    if !letter.key().is_empty() {
                        behind.insert(letter.key(), VecDeque::new());
                    }
                }
            }
        }
        Self { ready, behind }
    }

    /// This one is answered: the next of its subject comes first.
    fn go_on_behind(&mut self, letter: &DeadLetter) {
        let behind = self.behind.get_mut(letter.key());
        if let Some(next) = behind.and_then(VecDeque::pop_front) {
            self.ready.push_front(next);
        }
    }
}
