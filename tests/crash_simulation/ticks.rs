//! The scheduler that calls the ticker each minute, or should.

use std::time::Duration;

use super::sim::Sim;

/// How unreliable it is. All zero: one call each minute.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ticks {
    /// How likely a call is left out, as long as anything may go wrong.
    pub(crate) skipped: f64,
    /// How likely it is made twice at the same moment.
    pub(crate) doubled: f64,
    /// How late it may be, as long as anything may go wrong.
    pub(crate) late: Duration,
}

impl Ticks {
    /// How often the ticker is called this minute, once that is due. `is_calm`: nothing goes wrong
    /// any more.
    pub(crate) async fn next(self, sim: &Sim, is_calm: bool) -> u32 {
        if !is_calm {
            tokio::time::sleep(sim.dice.duration(self.late)).await;
            if sim.dice.chance(self.skipped) {
                sim.note(format_args!("the scheduler forgets the ticker"));
                return 0;
            }
        }
        1 + u32::from(sim.dice.chance(self.doubled))
    }
}
