//! Amounts as Stripe counts them, which is not everywhere by the minor unit of ISO 4217.

use fanout_contracts::Money;

/// How many of Stripe's units it is; `None` where Stripe cannot be asked for just this much.
///
/// Stripe has hundredths of ISK and UGX, which are always 00, and none of MGA; where there are
/// thousandths, the last digit has to be 0.
pub(super) fn stripe_units(amount: Money) -> Option<u64> {
    let (minor, currency) = (amount.minor(), amount.currency());
    match (currency.code(), currency.digits()) {
        ("ISK" | "UGX", _) => minor.checked_mul(100),
        ("MGA", _) => minor.is_multiple_of(100).then_some(minor / 100),
        (_, 3) => minor.is_multiple_of(10).then_some(minor),
        (_, _) => Some(minor),
    }
}
