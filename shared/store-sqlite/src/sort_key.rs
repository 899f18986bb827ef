//! A value as bytes that compare as the values do: what the columns of indexed fields hold.
//!
//! The order is Firestore's: by the kind first, so that values of different kinds never match, then
//! numbers by their size, whether whole or not, and texts by their bytes. Not as in Firestore: arrays
//! and maps sort by their JSON.

use fanout_store::{Comparison, Direction, Value};

use super::codec;

/// After the last kind.
const BEHIND: u8 = 7;

const SIGN: u64 = 1 << 63;

/// The keys from one on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub(super) from: Vec<u8>,
    pub(super) before: Vec<u8>,
}

/// The key of a value.
pub(super) fn sort_key(value: &Value) -> Vec<u8> {
    let of = |rest: &[u8]| [&[kind(value)], rest].concat();
    match value {
        Value::Null => of(&[]),
        Value::Boolean(flag) => of(&[u8::from(*flag)]),
        Value::Integer(number) => of(&whole(*number)),
        Value::Double(number) => of(&key_of_double(*number, 0)),
        // As exact as it is stored.
        Value::Timestamp(time) => of(&ordered(time.timestamp_millis()).to_be_bytes()),
        Value::Text(text) => of(text.as_bytes()),
        Value::Array(_) | Value::Map(_) | Value::Foreign(_) => of(codec::to_json(value).as_bytes()),
    }
}

/// The place of a value's kind in the order of all kinds.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) => 2,
        Value::Timestamp(_) => 3,
        Value::Text(_) => 4,
        Value::Array(_) => 5,
        Value::Map(_) => 6,
        Value::Foreign(_) => 7,
    }
}

/// A whole number: the greatest double that is not above it, and what is left, so that it is equal to
/// the double of the same size and lies between the two that it lies between.
fn whole(number: i64) -> [u8; 10] {
    let near = number as f64;
    let below = if near as i128 > i128::from(number) {
        near.next_down()
    } else {
        near
    };
    // Doubles of this size lie 1,024 apart at the most.
    let left = u16::try_from(i128::from(number) - below as i128).unwrap_or(u16::MAX);
    key_of_double(below, left)
}

fn key_of_double(number: f64, and: u16) -> [u8; 10] {
    let bits = if number.is_nan() {
        // Before all other numbers.
        0
    } else {
        // Zero has two signs and is one number.
        let bits = (number + 0.0).to_bits();
        if bits & SIGN == 0 { bits | SIGN } else { !bits }
    };
    let mut key = [0; 10];
    let (first, last) = key.split_at_mut(8);
    first.copy_from_slice(&bits.to_be_bytes());
    last.copy_from_slice(&and.to_be_bytes());
    key
}

fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ SIGN
}

/// The first that comes after a key.
fn next(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

impl KeyRange {
    /// All that there can be.
    pub(super) fn whole() -> Self {
        Self {
            from: Vec::new(),
            before: vec![BEHIND],
        }
    }

    /// Those of the value's kind that compare so with it.
    pub(super) fn compared(self, comparison: Comparison, value: &Value) -> Self {
        let (kind, key) = (kind(value), sort_key(value));
        let of_kind = self.from(vec![kind]).before(vec![kind.saturating_add(1)]);
        match comparison {
            Comparison::Equal => of_kind.before(next(&key)).from(key),
            Comparison::Less => of_kind.before(key),
            Comparison::AtMost => of_kind.before(next(&key)),
            Comparison::Greater => of_kind.from(next(&key)),
            Comparison::AtLeast => of_kind.from(key),
        }
    }

    /// Those that come later than a key.
    pub(super) fn behind(self, direction: Direction, key: &[u8]) -> Self {
        match direction {
            Direction::Ascending => self.from(next(key)),
            Direction::Descending => self.before(key.to_vec()),
        }
    }

    fn from(mut self, key: Vec<u8>) -> Self {
        self.from = self.from.max(key);
        self
    }

    fn before(mut self, key: Vec<u8>) -> Self {
        self.before = self.before.min(key);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use fanout_store::Fields;
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Value> {
        let near = [-1_i64 << 53, 0, 1 << 53, 1 << 62, i64::MIN, i64::MAX];
        let near = (proptest::sample::select(near.to_vec()), -2_000_i64..2_000);
        let near = near.prop_map(|(number, by)| number.saturating_add(by));
        let whole = prop_oneof![any::<i64>(), near.clone(), -3_i64..3];
        let doubles = near.prop_map(|number| number as f64);
        let doubles = prop_oneof![any::<f64>(), doubles, -3.0..3.0_f64];
        prop_oneof![whole.prop_map(Value::from), doubles.prop_map(Value::Double)]
    }

    /// As mathematics has it.
    fn compared(a: &Value, b: &Value) -> Ordering {
        match (a, b) {
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => a.partial_cmp(b).unwrap(),
            (Value::Double(_), _) => compared(b, a).reverse(),
            (Value::Integer(a), Value::Double(b)) => {
                // Beyond all whole numbers, or exact as one of them and what is left.
                if *b >= 9.3e18 || *b <= -9.3e18 {
                    return 0.0.partial_cmp(b).unwrap();
                }
                let whole = i128::from(*a).cmp(&(b.floor() as i128));
                whole.then(0.0.partial_cmp(&(b - b.floor())).unwrap())
            }
            _ => unreachable!("numbers only"),
        }
    }

    proptest! {
        #[test]
        fn numbers_are_ordered_by_their_size(a in numbers(), b in numbers()) {
            let is_nan = |it: &Value| matches!(it, Value::Double(it) if it.is_nan());
            prop_assume!(!is_nan(&a) && !is_nan(&b));
            prop_assert_eq!(sort_key(&a).cmp(&sort_key(&b)), compared(&a, &b));
        }

        #[test]
        fn moments_are_ordered_by_their_time(a in any::<i32>(), b in any::<i32>()) {
            let moment = |it: i32| {
                let time = chrono::DateTime::from_timestamp_millis(i64::from(it) * 1_000_003);
                sort_key(&Value::from(time.unwrap()))
            };
            prop_assert_eq!(moment(a).cmp(&moment(b)), a.cmp(&b));
        }
    }

    #[test]
    fn what_is_no_number_comes_before_all_numbers_and_kinds_have_an_order() {
        let ordered = [
            Value::Null,
            false.into(),
            true.into(),
            Value::Double(f64::NAN),
            Value::Double(f64::NEG_INFINITY),
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Double(f64::INFINITY),
            chrono::DateTime::UNIX_EPOCH.into(),
            "".into(),
            "a".into(),
            Value::Array(Vec::new()),
            Value::Map(Fields::new()),
        ];
        assert!(ordered.map(|it| sort_key(&it)).is_sorted());
        assert_eq!(sort_key(&Value::Double(-0.0)), sort_key(&0_i64.into()));
    }
}
