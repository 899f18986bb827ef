//! The services that there are: the real ones and those of the club.

use fanout_contracts::user::TOPIC as USER_EVENTS;
use fanout_kernel::Subscriber;

use super::club::{self, CLUB_EVENTS};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    User,
    Email,
    Analytics,
    Crm,
    Club,
    Desk,
    Order,
    Inventory,
    Payment,
    Shipping,
    Account,
    Post,
    Feed,
}

impl Service {
    const ALL: [Self; 13] = [
        Self::User,
        Self::Email,
        Self::Analytics,
        Self::Crm,
        Self::Club,
        Self::Desk,
        Self::Order,
        Self::Inventory,
        Self::Payment,
        Self::Shipping,
        Self::Account,
        Self::Post,
        Self::Feed,
    ];

    /// Those that there are, with those of feeds or without.
    pub(crate) fn there(with_feeds: bool) -> impl Iterator<Item = Self> {
        let of_feeds = |it: &Self| matches!(it, Self::Post | Self::Feed);
        let all = Self::ALL.into_iter();
        all.filter(move |it| with_feeds || !of_feeds(it))
    }

    /// The name; of a consumer, also the one in its marks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Account => "account",
            Self::Email => email_service::NAME,
            Self::Analytics => analytics_service::NAME,
            Self::Crm => crm_service::NAME,
            Self::Club => club::CLUB,
            Self::Desk => club::DESK,
            Self::Order => order_service::PROCESS,
            Self::Inventory => inventory_service::NAME,
            Self::Payment => payment_service::NAME,
            Self::Shipping => shipping_service::NAME,
            Self::Post => post_service::CONSUMER,
            Self::Feed => feed_service::FEED,
        }
    }

    /// The event types it reacts to.
    pub(crate) fn handles(self) -> Vec<&'static str> {
        match self {
            Self::User | Self::Account => Vec::new(),
            Self::Club => club::CLUB_HANDLES.to_vec(),
            Self::Desk => club::DESK_HANDLES.to_vec(),
            Self::Email
            | Self::Analytics
            | Self::Crm
            | Self::Order
            | Self::Inventory
            | Self::Payment
            | Self::Shipping
            | Self::Post
            | Self::Feed => self.subscriber().types().collect(),
        }
    }

    /// Whether its subscription to this topic lets events of this flow through.
    pub(crate) fn hears(self, topic: &str, flow: Option<&str>) -> bool {
        let filter = system::filter(self.name(), topic);
        filter.is_none_or(|filter| flow.is_some_and(|flow| filter.contains(flow)))
    }

    /// Whether it is sent an event of this type and flow on this topic, and handles it.
    pub(crate) fn wants(self, topic: &str, event_type: &str, flow: Option<&str>) -> bool {
        let handles = self.handles().contains(&event_type) && self.topics().contains(&topic);
        handles && self.hears(topic, flow)
    }

    /// The topics it listens to.
    pub(crate) fn topics(self) -> Vec<&'static str> {
        match self {
            Self::User | Self::Account => Vec::new(),
            Self::Club => vec![USER_EVENTS, CLUB_EVENTS],
            Self::Desk => vec![CLUB_EVENTS],
            Self::Email
            | Self::Analytics
            | Self::Crm
            | Self::Order
            | Self::Inventory
            | Self::Payment
            | Self::Shipping
            | Self::Post
            | Self::Feed => self.subscriber().topics.iter().map(|it| it.topic).collect(),
        }
    }

    /// As the table has it.
    fn subscriber(self) -> &'static Subscriber {
        system::consumer(self.name()).unwrap()
    }

    /// Its dead-letter topic.
    pub(crate) fn dead_letters(self) -> String {
        let topics = self.topics();
        let first = topics.first().unwrap_or(&"none");
        format!("{first}-{}-dead-letters", self.name())
    }
}
