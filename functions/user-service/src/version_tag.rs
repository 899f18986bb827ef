//! A user's version as an entity tag: `ETag` out, `If-Match` in (RFC 9110, section 13.1.1).

use http::HeaderMap;
use http::header::IF_MATCH;

use crate::api_error::ApiError;

/// The entity tag of a version: `"3"`.
pub(crate) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Lets a request through whose `If-Match` is absent, is `*` or lists the current version's tag.
/// A weak tag never matches, nor does what is no tag at all.
pub(crate) fn check_if_match(headers: &HeaderMap, version: u64) -> Result<(), ApiError> {
    let current = etag(version);
    let mut fields = headers.get_all(IF_MATCH).iter().peekable();
    if fields.peek().is_none() {
        return Ok(());
    }
    let matches = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag == current);
    if matches {
        Ok(())
    } else {
        Err(ApiError::StaleVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(fields: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(IF_MATCH, field.parse().unwrap());
        }
        check_if_match(&headers, 3).is_ok()
    }

    #[test]
    fn the_current_tag_a_star_or_a_list_with_it_passes() {
        for fields in [
            &[][..],
            &["*"],
            &["\"3\""],
            &["\"1\", \"3\""],
            &["\"1\",\"2\" ,\"3\""],
            &["\"1\"", "\"3\""],
        ] {
            assert!(passes(fields), "{fields:?}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for fields in [
            &["\"2\""][..],
            &["3"],
            &["W/\"3\""],
            &[""],
            &["\"03\""],
            &["\"1\", \"2\""],
            &["\"13\""],
        ] {
            assert!(!passes(fields), "{fields:?}");
        }
    }
}
