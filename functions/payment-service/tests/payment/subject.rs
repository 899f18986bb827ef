//! A payment provider under test, with the books of whoever moves the money.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanout_contracts::{Currency, Money};
use fanout_runtime::{Settings, SystemClock};
use fanout_store::{Documents, Query, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use payment_service::{
    Charge, PaymentProvider, ProviderError, Stripe, StripeSettings, TEST_CHARGES, TestProvider,
};

use crate::stand_in::{Call, SECRET_KEY, StandIn, Trouble};

/// A call that is not answered within this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) provider: Arc<dyn PaymentProvider>,
    /// A payment method that is paid, and one that is declined.
    pub(crate) methods: [&'static str; 2],
    pub(crate) stripe: Option<StandIn>,
}

pub(crate) async fn documents() -> Arc<dyn Documents> {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    Arc::new(documents.unwrap())
}

pub(crate) fn stripe_settings(stand_in: &StandIn) -> StripeSettings {
    let environment: HashMap<String, String> = HashMap::from([
        ("STRIPE_SECRET_KEY".to_owned(), SECRET_KEY.to_owned()),
        (
            "STRIPE_API_URL".to_owned(),
            format!("http://{}", stand_in.address),
        ),
    ]);
    StripeSettings::read(&mut Settings::new(&environment)).unwrap()
}

pub(crate) fn stripe_at(stand_in: &StandIn, documents: &Arc<dyn Documents>) -> Stripe {
    Stripe::new(Arc::clone(documents), stripe_settings(stand_in)).unwrap()
}

/// Stripe, whose calls go wrong as planned.
pub(crate) async fn troubled(
    plan: impl Fn(&Call) -> Option<Trouble> + Send + Sync + 'static,
) -> Subject {
    let stand_in = StandIn::open(plan).await;
    let documents = documents().await;
    Subject {
        name: "stripe",
        provider: Arc::new(stripe_at(&stand_in, &documents)),
        documents,
        methods: ["pm_card_visa", "pm_card_chargeDeclined"],
        stripe: Some(stand_in),
    }
}

/// Every adapter of the port.
pub(crate) async fn all() -> [Subject; 2] {
    let documents = documents().await;
    let test = Subject {
        name: "test",
        provider: Arc::new(TestProvider::new(Arc::clone(&documents))),
        documents,
        methods: ["tok_ok", "tok_declined"],
        stripe: None,
    };
    [test, troubled(|_| None).await]
}

impl Subject {
    pub(crate) fn paid(&self) -> Charge {
        charge(self.methods[0], 1_999)
    }

    pub(crate) fn declined(&self) -> Charge {
        charge(self.methods[1], 1_999)
    }

    /// How often money was captured, and how often it was and was not given back.
    pub(crate) async fn captures(&self) -> (usize, usize) {
        if let Some(stripe) = &self.stripe {
            return stripe.captures();
        }
        let rows = all_documents(self.documents.as_ref(), Query::of(TEST_CHARGES)).await;
        let rows = rows.unwrap();
        let count = |states: &[&str]| {
            let states = rows
                .iter()
                .filter(|row| states.contains(&row.fields.text("state").unwrap()));
            states.count()
        };
        (count(&["captured", "refunded"]), count(&["captured"]))
    }
}

pub(crate) fn charge(method: &str, minor: u64) -> Charge {
    Charge {
        amount: Money::of_minor(minor, Currency::USD).unwrap(),
        method: method.to_owned(),
    }
}

/// Asks until it is answered, as a process does.
pub(crate) async fn answered<T, C: Future<Output = Result<T, ProviderError>>>(
    call: impl Fn() -> C,
) -> T {
    let asking = async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(ProviderError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error @ (ProviderError::Pending(_) | ProviderError::Refused(_))) => {
                    panic!("{error:?}")
                }
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, asking).await;
    in_time.expect("it is answered in time")
}
