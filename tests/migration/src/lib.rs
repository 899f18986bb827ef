//! The code of `docs/MIGRATION.md`: a hotel's booking service, which calls three others over HTTP, on
//! its way to events in four phases.
//!
//! [`Bookings`] is what moves; [`Task`] is what each of the three does for a booking; [`HandleBooking`]
//! does the same because of an event. [`Hotel`] runs them all on ports of this machine.

mod booking_made;
mod compare;
mod dual_write;
mod handle_booking;
mod hotel;
mod make_booking;
mod phase;
mod stay;
mod task;
mod weather;

pub use booking_made::{BOOKING_EVENTS, BookingMade};
pub use compare::{Compared, compare};
pub use dual_write::{DualWriteError, commit_then_publish};
pub use handle_booking::{AskForStay, HandleBooking};
pub use hotel::Hotel;
pub use make_booking::{BOOKINGS, BookError, Bookings};
pub use phase::{Phase, Way};
pub use stay::Stay;
pub use task::{CALLED, Task, WOULD};
pub use weather::Weather;
