//! What a request says of its body.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// The body's media type, in lower case and without parameters. None if the request does not say
/// one, or says two.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let only = fields.next().filter(|_| fields.next().is_none())?;
    let essence = only.to_str().ok()?.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether the body is encoded (`gzip` and the like). Only `identity` is not.
pub fn is_encoded(headers: &HeaderMap) -> bool {
    let plain = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    };
    let mut fields = headers.get_all(CONTENT_ENCODING).iter();
    !fields.all(|field| field.as_bytes().split(|byte| *byte == b',').all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_media_type_is_known_without_its_parameters_and_only_if_there_is_one() {
        let of = |fields: &[_]| media_type(&headers(fields));
        let json = Some("application/json".to_owned());
        assert_eq!(of(&[("content-type", "application/json")]), json);
        assert_eq!(
            of(&[("content-type", "Application/JSON ; charset=utf-8")]),
            json
        );
        assert_eq!(of(&[]), None);
        let two = [
            ("content-type", "application/json"),
            ("content-type", "text/plain"),
        ];
        assert_eq!(of(&two), None);
    }

    #[test]
    fn whatever_is_not_identity_is_encoded() {
        let of = |fields: &[_]| is_encoded(&headers(fields));
        for plain in ["", "identity", "Identity", "identity, identity"] {
            assert!(!of(&[("content-encoding", plain)]), "{plain}");
        }
        assert!(!of(&[]));
        for encoded in ["gzip", "identity, gzip", "x", "identity;q=1"] {
            assert!(of(&[("content-encoding", encoded)]), "{encoded}");
        }
        assert!(of(&[
            ("content-encoding", "identity"),
            ("content-encoding", "br")
        ]));
    }
}
