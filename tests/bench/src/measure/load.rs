//! Requests by several clients at once, each sending its next when it has its answer.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::Connection;
use super::statistics::milliseconds;

/// What is sent, and by how many.
pub(crate) struct Load<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) bodies: &'a [Vec<u8>],
    pub(crate) clients: usize,
    /// How often a request is sent at most: one that is not answered with 2xx is sent again, as a bus does with a
    /// delivery.
    pub(crate) attempts: usize,
    /// Requests a second, whatever the answers take; `None`: as many as the clients get answered.
    pub(crate) pace: Option<f64>,
}

/// What came of it.
pub(crate) struct Loaded {
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Milliseconds to each answer of a success, from its first attempt on.
    pub(crate) latencies: Vec<f64>,
    /// Requests that no attempt made a success.
    pub(crate) refused: usize,
    /// Attempts after the first.
    pub(crate) again: usize,
}

impl Loaded {
    /// Successes a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

impl<'a> Load<'a> {
    /// Each of these once to `/`, as fast as they are answered.
    pub(crate) fn to(port: u16, bodies: &'a [Vec<u8>], clients: usize) -> Self {
        Self {
            port,
            path: "/",
            bodies,
            clients,
            attempts: 1,
            pace: None,
        }
    }

    /// Sends everything.
    pub(crate) fn run(&self) -> Loaded {
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let parts: Vec<Loaded> = thread::scope(|scope| {
            let client = || self.client(&next, started);
            let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(client)).collect();
            let ended = clients.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .map(|part| part.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        let mut whole = Loaded {
            took: started.elapsed(),
            latencies: Vec::new(),
            refused: 0,
            again: 0,
        };
        for part in parts {
            whole.latencies.extend(part.latencies);
            whole.refused += part.refused;
            whole.again += part.again;
        }
        whole
    }

    fn client(&self, next: &AtomicUsize, started: Instant) -> Loaded {
        let mut connection = Connection::to(self.port);
        let mut part = Loaded {
            took: Duration::ZERO,
            latencies: Vec::new(),
            refused: 0,
            again: 0,
        };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = self.bodies.get(number) else {
                return part;
            };
            // From when it was due: a late client makes no answer look fast.
            let due = self.due(number, started);
            let mut attempts = 0;
            loop {
                attempts += 1;
                let answer = connection.send("POST", self.path, body);
                let latency = milliseconds(due.elapsed());
                match answer {
                    Ok(answer) if answer.is_success() => {
                        part.latencies.push(latency);
                        break;
                    }
                    Ok(_) | Err(_) if attempts < self.attempts => part.again += 1,
                    Ok(_) | Err(_) => {
                        part.refused += 1;
                        break;
                    }
                }
            }
        }
    }

    /// Waits until it is this request's turn.
    fn due(&self, number: usize, started: Instant) -> Instant {
        let Some(pace) = self.pace else {
            return Instant::now();
        };
        let due = started + Duration::from_secs_f64(number as f64 / pace);
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        due
    }
}
