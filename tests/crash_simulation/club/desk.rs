//! What the desk does.

use async_trait::async_trait;
use fanout_consume::{
    Acted, Attempt, End, Failure, Fencing, OutsideEffect, Plan, StoreEffect, UnitOfWork, View,
};
use fanout_events::Envelope;
use fanout_outbox::Draft;
use fanout_runtime::error_chain;
use fanout_store::{Collection, Fields, Key, ReadError, StoreError, Write};

use super::printer::Printer;
use super::{CardPrinted, CardRequested, MembershipNoted};

/// The collection of counts: how many events of a membership have come.
pub(crate) const NOTES: &Collection = &Collection::named("desk_notes");
/// The collection of cards, each known by the event that asked for it.
pub(crate) const CARDS: &Collection = &Collection::named("desk_cards");

/// Counts what is noted of a membership.
pub(super) struct CountNote;

#[async_trait]
impl StoreEffect<MembershipNoted> for CountNote {
    async fn plan(&self, event: &Envelope<MembershipNoted>, _: &View<'_>) -> Result<Plan, Failure> {
        let fields = Fields::new().with("user_id", event.data.user_id.as_str());
        let note = Write::merge(Key::new(NOTES, &event.subject), fields);
        Ok(Plan::Apply(vec![note.increment("count", 1)].into()))
    }
}

/// Prints a card: an act with a fence, an output, and an event that follows from it.
pub(super) struct PrintCard {
    pub(super) printer: Printer,
}

#[async_trait]
impl OutsideEffect<CardRequested> for PrintCard {
    type Output = String;

    /// A card is begun once. Usually there is none, so that is planned without a read.
    async fn fence(
        &self,
        event: &Envelope<CardRequested>,
        view: &View<'_>,
    ) -> Result<Fencing, Failure> {
        let key = card_key(event);
        let begun = match view.conflicts() {
            0 => None,
            _ => view.get(&key).await?,
        };
        let write = match begun {
            None => Write::create(key, Fields::new().with("number", "")),
            Some(card) => Write::verify(key, card.update_time),
        };
        Ok(vec![write].into())
    }

    async fn act(
        &self,
        event: &Envelope<CardRequested>,
        _: &Attempt,
        _: &View<'_>,
    ) -> Result<Acted<String>, Failure> {
        let printed = self.printer.print(&event.id).await;
        printed.map(Acted::Done).map_err(|silent| Failure::Retry {
            may_have_acted: silent.may_have_printed,
            cause: "the printer did not say that it has printed".into(),
        })
    }

    async fn remember(
        &self,
        event: &Envelope<CardRequested>,
        end: End<'_, String>,
        _: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let End::Done(number) = end else {
            panic!("a printer refuses nothing");
        };
        let number = number.clone();
        let card = Fields::new().with("number", number.as_str());
        let card = Write::merge(card_key(event), card);
        let printed = Draft::of(format!("crd_{}", event.id), 1, &CardPrinted { number });
        let printed = printed.map_err(|error| StoreError::Refused(error_chain(&error).into()))?;
        Ok(UnitOfWork::from(vec![card]).emit(printed))
    }
}

fn card_key(event: &Envelope<CardRequested>) -> Key {
    Key::new(CARDS, &event.id)
}
