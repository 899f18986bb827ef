//! Reading the body of `POST /orders`, with errors that say where and never show a value.

use axum::body::Body;
use fanout_contracts::order::{OrderCreated, OrderItem};
use fanout_contracts::{Currency, InvalidMoney, MOST_LINES, Money};
use fanout_events::is_identifier;
use fanout_web::{FieldError, is_encoded, media_type, read_body, read_json_object};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api_error::ApiError;
use crate::order_flow::OrderFlow;

/// The largest request body.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The largest quantity: the last whole number that every JSON reader keeps.
pub(crate) const LARGEST_QUANTITY: u64 = (1 << 53) - 1;

/// The fields that a body can have, whatever is in them; others are ignored, and `null` is as good
/// as none. Numbers stay text: a price is read to its last digit.
#[derive(Deserialize)]
struct OrderFields<'a> {
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    // The short form: one item, without the array.
    #[serde(borrow)]
    product_id: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    currency: Option<&'a RawValue>,
    #[serde(borrow)]
    payment_method: Option<&'a RawValue>,
    #[serde(borrow)]
    ship_to: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ItemFields<'a> {
    #[serde(borrow)]
    product_id: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ShipTo<'a> {
    #[serde(borrow)]
    country: Option<&'a RawValue>,
}

/// What is ordered, by whom.
pub(crate) struct NewOrder {
    user_id: String,
    items: Vec<OrderItem>,
    total: Money,
    payment_method: String,
    country: String,
}

impl NewOrder {
    /// Reads the body: all fields, or every fault at once.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let is_json = |media: String| media == "application/json" || media.ends_with("+json");
        if is_encoded(headers) || !media_type(headers).is_some_and(is_json) {
            return Err(ApiError::NotJsonMedia);
        }
        let body = read_body(body, MAX_BODY_BYTES).await?;
        let mut faults = Faults::default();
        let order = Self::check(&read_json_object(&body)?, &mut faults);
        match order {
            Some(order) if faults.0.is_empty() => Ok(order),
            Some(_) | None => Err(faults.into()),
        }
    }

    fn check(fields: &OrderFields<'_>, faults: &mut Faults) -> Option<Self> {
        let user_id = faults.check("user_id", required(fields.user_id, id));
        let currency = faults.or("currency", fields.currency, Currency::USD, currency);
        let payment_method = faults.or(
            "payment_method",
            fields.payment_method,
            "tok_ok".to_owned(),
            identifier,
        );
        let country = faults.or("ship_to", fields.ship_to, "US".to_owned(), country);
        // Without a currency there is no telling how many digits a price may have.
        let items = items(fields, currency.unwrap_or(Currency::USD), faults)?;
        let total = faults.check("items", total(&items, currency?))?;
        Some(Self {
            user_id: user_id?,
            items,
            total,
            payment_method: payment_method?,
            country: country?,
        })
    }

    /// All that is asked, for recognising a repeat.
    pub(crate) fn asks(&self) -> Vec<String> {
        let head = [
            &self.user_id,
            self.total.currency().code(),
            &self.payment_method,
            &self.country,
        ];
        let mut asks = head.map(str::to_owned).to_vec();
        for item in &self.items {
            asks.push(item.product_id.clone());
            asks.push(item.quantity.to_string());
            asks.push(item.price.to_string());
        }
        asks
    }

    /// The order, under this id.
    pub(crate) fn into_order(self, order_id: String, flow: OrderFlow) -> OrderCreated {
        OrderCreated {
            step: flow.first_step(&order_id),
            order_id,
            user_id: self.user_id,
            currency: self.total.currency(),
            items: self.items,
            total: self.total,
            payment_method: self.payment_method,
            country: self.country,
        }
    }
}

fn items(
    fields: &OrderFields<'_>,
    currency: Currency,
    faults: &mut Faults,
) -> Option<Vec<OrderItem>> {
    let one = ItemFields {
        product_id: fields.product_id,
        quantity: fields.quantity,
        price: fields.price,
    };
    let given = [one.product_id, one.quantity, one.price];
    let is_short = given.iter().any(Option::is_some);
    match (fields.items, is_short) {
        (Some(_), true) => {
            faults.add(
                "items",
                "must not stand beside `product_id`, `quantity` or `price`",
            );
            None
        }
        (None, true) => {
            let names = ["product_id", "quantity", "price"];
            Some(vec![item(&one, names, "", currency, faults)?])
        }
        (None, false) => {
            faults.add("items", "is required");
            None
        }
        (Some(items), false) => listed(items, currency, faults),
    }
}

fn listed(items: &RawValue, currency: Currency, faults: &mut Faults) -> Option<Vec<OrderItem>> {
    let elements: Option<Vec<&RawValue>> = serde_json::from_str(items.get()).ok();
    let right = elements.filter(|elements| (1..=MOST_LINES).contains(&elements.len()));
    let Some(elements) = right else {
        faults.add(
            "items",
            format!("must be an array of 1 to {MOST_LINES} items"),
        );
        return None;
    };
    let names = ["items[].product_id", "items[].quantity", "items[].price"];
    let mut read = Vec::new();
    for (place, element) in elements.iter().enumerate() {
        let prefix = format!("item {}: ", place + 1);
        let is_object = element.get().starts_with('{');
        match serde_json::from_str(element.get()) {
            Ok(fields) if is_object => read.push(item(&fields, names, &prefix, currency, faults)),
            Ok(_) | Err(_) => {
                let must = "must be an object in which each field occurs at most once";
                faults.add("items", format!("{prefix}{must}"));
            }
        }
    }
    read.into_iter().collect()
}

fn item(
    fields: &ItemFields<'_>,
    names: [&'static str; 3],
    place: &str,
    currency: Currency,
    faults: &mut Faults,
) -> Option<OrderItem> {
    let [of_product, of_quantity, of_price] = names;
    let said = |fault| format!("{place}{fault}");
    let product_id = required(fields.product_id, id).map_err(said);
    let product_id = faults.check(of_product, product_id);
    let count = required(fields.quantity, quantity).map_err(said);
    let count = faults.check(of_quantity, count);
    let amount = required(fields.price, |raw| price(raw, currency)).map_err(said);
    let amount = faults.check(of_price, amount);
    Some(OrderItem {
        product_id: product_id?,
        quantity: count?,
        price: amount?,
    })
}

fn required<T>(
    raw: Option<&RawValue>,
    parse: impl Fn(&RawValue) -> Result<T, String>,
) -> Result<T, String> {
    raw.map_or_else(|| Err("is required".to_owned()), parse)
}

fn total(items: &[OrderItem], currency: Currency) -> Result<Money, InvalidMoney> {
    let lines = items.iter().map(|item| item.price.times(item.quantity));
    { lines }.try_fold(Money::zero(currency), |sum, line| sum.plus(line?))
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A whole number counts as its digits.
fn id(raw: &RawValue) -> Result<String, String> {
    let digits = raw.get().bytes().all(|byte| byte.is_ascii_digit());
    let id = if digits {
        Some(raw.get().to_owned())
    } else {
        text(raw)
    };
    let must = "must be a whole number from 0, or a text of 1 to 128 characters, each a letter, a digit or one of `_-.:/`";
    id.filter(|id| is_identifier(id))
        .ok_or_else(|| must.to_owned())
}

fn identifier(raw: &RawValue) -> Result<String, String> {
    let must = "must be a text of 1 to 128 characters, each a letter, a digit or one of `_-.:/`";
    text(raw)
        .filter(|id| is_identifier(id))
        .ok_or_else(|| must.to_owned())
}

fn currency(raw: &RawValue) -> Result<Currency, String> {
    let code = text(raw).unwrap_or_default();
    code.parse()
        .map_err(|error: fanout_contracts::UnknownCurrency| error.to_string())
}

fn country(raw: &RawValue) -> Result<String, String> {
    let must = "must be an object with a `country`: two capital letters of ISO 3166, such as US";
    let is_object = raw.get().starts_with('{');
    let ship_to: Option<ShipTo<'_>> = serde_json::from_str(raw.get()).ok().filter(|_| is_object);
    let ship_to = ship_to.ok_or_else(|| must.to_owned())?;
    let Some(country) = ship_to.country else {
        return Ok("US".to_owned());
    };
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|it| it.is_ascii_uppercase());
    text(country).filter(is_code).ok_or_else(|| must.to_owned())
}

fn quantity(raw: &RawValue) -> Result<u64, String> {
    let quantity = raw.get().parse().ok();
    let quantity = quantity.filter(|quantity| (1..=LARGEST_QUANTITY).contains(quantity));
    quantity.ok_or_else(|| "must be a whole number from 1, below 2^53".to_owned())
}

/// From a JSON number or a text alike, digit by digit.
fn price(raw: &RawValue, currency: Currency) -> Result<Money, String> {
    let decimal = text(raw).unwrap_or_else(|| raw.get().to_owned());
    Money::parse(&decimal, currency).map_err(|error| error.to_string())
}

/// What is wrong with a body's fields.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: &'static str, message: impl ToString) {
        self.0.push(FieldError::new(field, message.to_string()));
    }

    fn check<T, E: ToString>(&mut self, field: &'static str, read: Result<T, E>) -> Option<T> {
        read.map_err(|fault| self.add(field, fault)).ok()
    }

    fn or<T>(
        &mut self,
        field: &'static str,
        raw: Option<&RawValue>,
        default: T,
        parse: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let read = raw.map_or(Ok(default), parse);
        self.check(field, read)
    }
}

impl From<Faults> for ApiError {
    fn from(mut faults: Faults) -> Self {
        faults.0.sort_by_key(|fault| fault.field);
        Self::Invalid(faults.0)
    }
}
