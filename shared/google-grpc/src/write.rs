//! Messages in the binary form of Protocol Buffers, field by field. A `tag` is the field's number in
//! Google's `.proto` file.

/// How long the usual message is at most, in bytes.
pub const USUAL: usize = 2048;

/// How a field is written: what its number is followed by.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;

/// The most that a number of 64 bits takes, at seven bits a byte.
const LONGEST_VARINT: usize = 10;

/// A message within another: its length is known, and put before it, once it is written.
pub fn put_nested(out: &mut Vec<u8>, tag: u64, put: impl FnOnce(&mut Vec<u8>)) {
    put_varint(out, tag << 3 | LENGTH_DELIMITED);
    // Most messages are so short that their length is one byte.
    out.push(0);
    let start = out.len();
    put(out);
    let end = out.len();
    put_varint(out, (end - start) as u64);
    match out.len() - end {
        1 => out[start - 1] = out.pop().unwrap_or_default(),
        more => {
            let mut length = [0; LONGEST_VARINT];
            length[..more].copy_from_slice(&out[end..]);
            out.truncate(end + more - 1);
            out.copy_within(start..end, start + more - 1);
            out[start - 1..][..more].copy_from_slice(&length[..more]);
        }
    }
}

/// Bytes or text.
pub fn put_bytes(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    put_varint(out, tag << 3 | LENGTH_DELIMITED);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// An integer, a flag or one of an enumeration.
pub fn put_number(out: &mut Vec<u8>, tag: u64, number: u64) {
    put_varint(out, tag << 3 | VARINT);
    put_varint(out, number);
}

/// A number with a fraction.
pub fn put_double(out: &mut Vec<u8>, tag: u64, number: f64) {
    put_varint(out, tag << 3 | FIXED_64);
    out.extend(number.to_le_bytes());
}

/// Seven bits a byte, the lowest first; all but the last have the highest bit set.
fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use gcloud_sdk::prost::encoding::{WireType, decode_key, decode_varint};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_nested_message_of_any_length_is_as_it_was_put(
            tag in 1_u32..1000,
            before in prop::collection::vec(any::<u8>(), 0..9),
            content in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                (120_usize..40_000).prop_map(|length| vec![7; length]),
            ],
        ) {
            let mut out = before.clone();
            put_nested(&mut out, tag.into(), |out| out.extend(&content));
            let mut rest = &out[before.len()..];
            prop_assert_eq!(&out[..before.len()], &before);
            prop_assert_eq!(decode_key(&mut rest).unwrap(), (tag, WireType::LengthDelimited));
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), content.len() as u64);
            prop_assert_eq!(rest, content);
        }
    }
}
