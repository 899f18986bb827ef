//! The same work, because of an event.

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Plan, StoreEffect, View};
use fanout_events::Envelope;
use fanout_store::{Fields, Write};

use crate::{BookingMade, Stay, Task, WOULD, Way};

/// Does a task because of `booking.made`; where calls do it, says only what it would have done.
pub struct HandleBooking {
    /// The task.
    pub task: &'static Task,
    /// How the handler does it. Written anew, it may be wrong.
    pub work: fn(&Stay) -> Fields,
    /// Where to ask for what the event does not say.
    pub bookings: AskForStay,
}

/// Asks the booking service.
#[derive(Clone)]
pub struct AskForStay {
    /// The client.
    pub http: reqwest::Client,
    /// Where the booking service is.
    pub url: String,
}

#[async_trait]
impl StoreEffect<BookingMade> for HandleBooking {
    async fn plan(&self, event: &Envelope<BookingMade>, _: &View<'_>) -> Result<Plan, Failure> {
        let id = &event.data.booking_id;
        let stay = match &event.data.stay {
            Some(stay) => stay.clone(),
            None => self.bookings.stay_of(id).await.map_err(Failure::retry)?,
        };
        let work = (self.work)(&stay);
        let writes = match event.data.done_by {
            Way::ByCalls => vec![Write::set(self.task.key_in(WOULD, id), work)],
            Way::ByEvents => self.task.writes(id, work),
        };
        Ok(Plan::Apply(writes.into()))
    }
}

impl HandleBooking {
    /// The handler as it should be.
    pub fn of(task: &'static Task, bookings: AskForStay) -> Self {
        let work = task.work;
        Self {
            task,
            work,
            bookings,
        }
    }

    /// The consumer of the task's service.
    pub fn consumer(self) -> Consumer {
        Consumer::named(self.task.name).on::<BookingMade>(self)
    }
}

impl AskForStay {
    async fn stay_of(&self, booking_id: &str) -> Result<Stay, reqwest::Error> {
        let url = format!("{}/bookings/{booking_id}", self.url);
        let answer = self.http.get(url).send().await?.error_for_status()?;
        answer.json().await
    }
}
