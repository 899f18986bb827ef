//! What the club does.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_events::{Envelope, EventType};
use fanout_outbox::Draft;
use fanout_store::{Collection, Document, Fields, Key, Precondition, Value, Write};

use super::{CardPrinted, CardRequested, MembershipNoted, membership_of};

/// The collection of members, with the events of each in the order in which they came.
const MEMBERS: &Collection = &Collection::named("club_members");

/// Notes an event of a user. Its place is the next there is, or the one that it had when it came
/// before: an event that comes again emits the same as it did then.
pub(super) struct NoteMembership;

#[async_trait]
impl<T: EventType> StoreEffect<T> for NoteMembership {
    async fn plan(&self, event: &Envelope<T>, view: &View<'_>) -> Result<Plan, Failure> {
        let key = Key::new(MEMBERS, &event.subject);
        let stored = view.get(&key).await?;
        let mut events = stored.as_ref().map(events_in).unwrap_or_default();
        let mut work = UnitOfWork::default();
        let this = Value::from(event.id.as_str());
        if !events.contains(&this) {
            events.push(this.clone());
            let version = stored.map(|stored| Precondition::UpdatedAt(stored.update_time));
            let fields = Fields::new().with("events", Value::Array(events.clone()));
            let write = Write::set(key, fields).only_if(version.unwrap_or(Precondition::Absent));
            work.writes.push(write);
        }
        let place = 1 + events.iter().position(|it| *it == this).unwrap() as u64;
        let (subject, user_id) = (membership_of(&event.subject), event.subject.clone());
        if T::TYPE == UserCreated::TYPE {
            let user_id = user_id.clone();
            let request = Draft::of(&subject, place, &CardRequested { user_id })?;
            work = work.emit(request.unordered());
        }
        let noted = Draft::of(subject, place, &MembershipNoted { user_id })?;
        Ok(Plan::Apply(work.emit(noted)))
    }
}

fn events_in(member: &Document) -> Vec<Value> {
    match member.fields.get("events") {
        Some(Value::Array(events)) => events.clone(),
        other => panic!("a member's events are {other:?}"),
    }
}

/// Takes note of a card that was printed, and does nothing more.
pub(super) struct FileCard;

#[async_trait]
impl StoreEffect<CardPrinted> for FileCard {
    async fn plan(&self, _: &Envelope<CardPrinted>, _: &View<'_>) -> Result<Plan, Failure> {
        Ok(Plan::Apply(UnitOfWork::default()))
    }
}
