//! Currencies and how many digits their amounts have after the point.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency of ISO 4217 that is in use for payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: &'static str,
    digits: u32,
}

/// No currency of ISO 4217 that is in use for payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a currency of ISO 4217 in capital letters, such as USD")]
pub struct UnknownCurrency;

/// By the number of digits after the point.
const CODES: &[(u32, &str)] = &[
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
         CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
         GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL \
         MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN \
         PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
         SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

impl Currency {
    /// The dollar of the United States.
    pub const USD: Self = Self {
        code: "USD",
        digits: 2,
    };

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.code
    }

    /// This many minor units as a decimal, however many they are.
    pub fn decimal(self, minor: u64) -> String {
        let unit = 10_u64.pow(self.digits);
        let (whole, fraction) = (minor / unit, minor % unit);
        match self.digits {
            0 => whole.to_string(),
            digits => format!("{whole}.{fraction:0width$}", width = digits as usize),
        }
    }

    /// How many digits an amount has after the point: the minor unit.
    pub fn digits(self) -> u32 {
        self.digits
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let found = CODES.iter().find_map(|(digits, codes)| {
            let code = codes.split(' ').find(|code| *code == text)?;
            Some(Self {
                code,
                digits: *digits,
            })
        });
        found.ok_or(UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let code = String::deserialize(input)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    /// `iso-4217` is no format that JSON Schema knows. Not an enum: the standard's list changes.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "iso-4217", "minLength": 3, "maxLength": 3})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_three_capitals_and_is_there_once() {
        let codes: Vec<&str> = CODES.iter().flat_map(|(_, it)| it.split(' ')).collect();
        for code in &codes {
            assert!(code.len() == 3 && code.bytes().all(|it| it.is_ascii_uppercase()));
            assert_eq!(codes.iter().filter(|it| *it == code).count(), 1, "{code}");
            let read: Currency = code.parse().unwrap();
            assert_eq!(read.code(), *code);
        }
        assert_eq!("USD".parse(), Ok(Currency::USD));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in ["", "usd", "XXX", "EURO", "USD EUR", " "] {
            assert_eq!(bad.parse::<Currency>(), Err(UnknownCurrency), "{bad}");
        }
    }
}
