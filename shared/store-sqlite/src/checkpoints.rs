//! Takes what was committed from the write-ahead log into the file, beside the commits.
//!
//! SQLite does it within every commit that finds a thousand pages in the log, and that commit waits
//! for its fsync. In a file of gigabytes these pages lie anywhere, so it waits long.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

const PAUSE: Duration = Duration::from_millis(250);
/// How many pages the log may have before a commit takes care of what is left, so that it ends: 32
/// MiB, which a start after a crash reads in some 50 ms.
pub(super) const LOG_PAGES: u32 = 8192;

/// The thread; ends when this is dropped.
pub(super) struct Checkpoints {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("sqlite-log".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    // What cannot be done now is left to the next time, and at last to a commit,
                    // which reports what ails the file.
                    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // An error says that the thread has panicked; the file is closed then too.
            let _ = thread.join();
        }
    }
}
