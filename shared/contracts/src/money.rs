//! Amounts of money: whole minor units inside, decimals as text outside, never a float.

use std::borrow::Cow;
use std::fmt;

use fanout_events::{JsonFields, WrongField};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::Currency;

/// The largest amount, in minor units: one digit less than every JSON reader keeps of a number.
const LARGEST: u64 = 999_999_999_999_999;

/// An amount of money, from nothing up. Serialises to its decimal, such as `"1999.98"`: the currency
/// stands beside it, once for all amounts of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    minor: u64,
    currency: Currency,
}

/// Not usable as an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// Something else than digits, at most one point between them.
    #[error("must be a decimal such as 999.99, from 0 up, without sign and exponent")]
    NotADecimal,
    /// More digits after the point than the currency has.
    #[error("has more digits after the point than {0} has")]
    TooPrecise(Currency),
    /// Beyond what is kept.
    #[error("is too large: an amount has at most 15 digits")]
    TooLarge,
}

impl Money {
    /// Nothing, in this currency.
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// This many minor units: cents, where there are such.
    pub fn of_minor(minor: u64, currency: Currency) -> Result<Self, InvalidMoney> {
        if minor > LARGEST {
            return Err(InvalidMoney::TooLarge);
        }
        Ok(Self { minor, currency })
    }

    /// Reads a decimal to its last digit. Zeros beyond the currency's digits change nothing and are
    /// welcome.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(InvalidMoney::NotADecimal);
        }
        let digits = currency.digits() as usize;
        let (kept, beyond) = fraction.split_at(digits.min(fraction.len()));
        if beyond.bytes().any(|digit| digit != b'0') {
            return Err(InvalidMoney::TooPrecise(currency));
        }
        let text = format!("{whole}{kept:0<digits$}");
        let minor = text.parse().map_err(|_| InvalidMoney::TooLarge)?;
        Self::of_minor(minor, currency)
    }

    /// The amount in minor units.
    pub fn minor(self) -> u64 {
        self.minor
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// This amount and the same again, `times` in all.
    pub fn times(self, times: u64) -> Result<Self, InvalidMoney> {
        let minor = self.minor.checked_mul(times);
        Self::of_minor(minor.ok_or(InvalidMoney::TooLarge)?, self.currency)
    }

    /// This and another amount of the same currency.
    pub fn plus(self, other: Self) -> Result<Self, InvalidMoney> {
        debug_assert_eq!(self.currency, other.currency);
        // Both are far below the largest number that there is.
        Self::of_minor(self.minor + other.minor, self.currency)
    }

    /// Reads a field of an event's data, in the currency that stands beside it.
    pub fn read(data: &JsonFields<'_>, name: &str, currency: Currency) -> Result<Self, WrongField> {
        data.parse(name, |text| Self::parse(text, currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.currency.decimal(self.minor))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    /// `money` is no format that JSON Schema knows: how many digits follow the point depends on the
    /// currency beside it.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "money", "maxLength": 16})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Result<Money, InvalidMoney> {
        Money::parse(text, Currency::USD)
    }

    #[test]
    fn a_decimal_is_read_to_its_last_digit_and_written_in_full() {
        for (typed, currency, minor, written) in [
            ("999.99", "USD", 99_999, "999.99"),
            ("0.1", "USD", 10, "0.10"),
            ("7", "USD", 700, "7.00"),
            ("007.50", "USD", 750, "7.50"),
            ("1.5000", "USD", 150, "1.50"),
            ("12", "JPY", 12, "12"),
            ("12.0", "JPY", 12, "12"),
            ("1.234", "KWD", 1_234, "1.234"),
            ("9999999999999.99", "USD", LARGEST, "9999999999999.99"),
        ] {
            let money = Money::parse(typed, currency.parse().unwrap()).unwrap();
            assert_eq!(money.minor(), minor, "{typed}");
            assert_eq!(money.to_string(), written);
            assert_eq!(serde_json::to_value(money).unwrap(), written);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_by_its_reason() {
        for bad in [
            "", "-1", "+1", "1e3", "abc", ".5", "5.", "1,5", "1.2.3", "NaN", " 1",
        ] {
            assert_eq!(usd(bad), Err(InvalidMoney::NotADecimal), "{bad}");
        }
        assert_eq!(usd("0.001"), Err(InvalidMoney::TooPrecise(Currency::USD)));
        let large = ["10000000000000", "99999999999999999999999999"];
        assert_eq!(large.map(usd), [Err(InvalidMoney::TooLarge); 2]);
    }

    proptest! {
        /// Amounts never come out of a sum or a product as anything else than integers do.
        #[test]
        fn written_is_read_again_and_sums_are_those_of_integers(
            minor in 0..=LARGEST,
            times in 1_u64..1_000,
            code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
        ) {
            let currency: Currency = code.parse().unwrap();
            let money = Money::of_minor(minor, currency).unwrap();
            prop_assert_eq!(Money::parse(&money.to_string(), currency), Ok(money));
            let product = money.times(times).map(Money::minor);
            prop_assert_eq!(product.ok(), minor.checked_mul(times).filter(|it| *it <= LARGEST));
            let sum = money.plus(money).map(Money::minor);
            prop_assert_eq!(sum.ok(), Some(2 * minor).filter(|it| *it <= LARGEST));
        }
    }
}
