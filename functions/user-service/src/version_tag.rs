//! A user's version as an entity tag: `ETag` out, `If-Match` and `If-None-Match` in (RFC 9110, sections
//! 8.8.3 and 13.1).

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};

use crate::api_error::ApiError;

/// The entity tag of a version: `"3"`.
pub(crate) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

#[derive(Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

/// A condition that is there, and is no list of tags.
struct Unreadable;

/// Whether the caller has this version already, so that a reading request need not get it again.
pub(crate) fn check_read(headers: &HeaderMap, version: u64) -> Result<bool, ApiError> {
    check_if_match(headers, version)?;
    let known = lists(headers, IF_NONE_MATCH, version, true);
    Ok(matches!(known, Ok(Some(true))))
}

/// Lets a request through that may change this version. A condition that cannot be read does not
/// hold.
pub(crate) fn check_change(headers: &HeaderMap, version: u64) -> Result<(), ApiError> {
    check_if_match(headers, version)?;
    let known = lists(headers, IF_NONE_MATCH, version, true);
    let holds = matches!(known, Ok(None | Some(false)));
    holds.then_some(()).ok_or(ApiError::StaleVersion)
}

/// A weak tag never matches here: it does not say that the user is the same in every byte.
fn check_if_match(headers: &HeaderMap, version: u64) -> Result<(), ApiError> {
    let listed = lists(headers, IF_MATCH, version, false);
    let holds = matches!(listed, Ok(None | Some(true)));
    holds.then_some(()).ok_or(ApiError::StaleVersion)
}

/// Whether one of a header's tags, or a weak one too, names this version, or it is `*`; `None` without
/// the header. Its lines are one list.
fn lists(
    headers: &HeaderMap,
    name: HeaderName,
    version: u64,
    weak_too: bool,
) -> Result<Option<bool>, Unreadable> {
    let lines = headers.get_all(name).iter().map(|it| it.as_bytes());
    let lines: Vec<&[u8]> = lines.collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let list = lines.join(&b',');
    if list.trim_ascii() == b"*" {
        return Ok(Some(true));
    }
    let tags = tags(&list).ok_or(Unreadable)?;
    let version = version.to_string();
    let names = |tag: &Tag<'_>| (weak_too || !tag.weak) && tag.opaque == version.as_bytes();
    Ok(Some(tags.iter().any(names)))
}

/// A list of entity tags, of which some may be left empty. What is between the quotes of a tag may be
/// anything but quotes, spaces and controls: a comma, and a star too.
fn tags(mut list: &[u8]) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_ascii_start();
        if list.is_empty() {
            return Some(tags);
        }
        if let Some(after) = list.strip_prefix(b",") {
            list = after;
            continue;
        }
        let strong = list.strip_prefix(b"W/");
        let (weak, quoted) = (strong.is_some(), strong.unwrap_or(list));
        let mut parts = quoted.strip_prefix(b"\"")?.splitn(2, |byte| *byte == b'"');
        let opaque = parts.next()?;
        let fits = |byte: &u8| matches!(byte, 0x21..=0x7e | 0x80..);
        if !opaque.iter().all(fits) {
            return None;
        }
        tags.push(Tag { weak, opaque });
        list = parts.next()?.trim_ascii_start();
        if !list.is_empty() && !list.starts_with(b",") {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(name: HeaderName, fields: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(&name, http::HeaderValue::from_str(field).unwrap());
        }
        headers
    }

    fn changes(name: HeaderName, fields: &[&str]) -> bool {
        check_change(&of(name, fields), 3).is_ok()
    }

    #[test]
    fn the_current_tag_a_star_or_a_list_with_it_lets_a_change_through() {
        for fields in [
            &[][..],
            &["*"],
            &[" * "],
            &["\"3\""],
            &["\"1\", \"3\""],
            &["\"1\",\"2\" ,\"3\""],
            &["\"1\"", "\"3\""],
            &[",, \"3\" ,"],
            &["\"a,b\",\"*\",\"3\""],
            &["W/\"1\", \"\", \"é\", \"3\""],
        ] {
            assert!(changes(IF_MATCH, fields), "{fields:?}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for fields in [
            &["\"2\""][..],
            &["3"],
            &["W/\"3\""],
            &["w/\"3\""],
            &[""],
            &["\"03\""],
            &["\"1\", \"2\""],
            &["\"13\""],
            &["\"a,*,b\""],
            &["\"1,\"3\""],
            &["\"a,\"3\",b\""],
            &["*, \"3\""],
            &["\"3\", *"],
            &["*", "\"3\""],
            &["\"3\" \"4\""],
            &["\"3\";x"],
            &["\"3"],
            &["\"a b\", \"3\""],
            &["W/ \"1\", \"3\""],
        ] {
            assert!(!changes(IF_MATCH, fields), "{fields:?}");
        }
    }

    #[test]
    fn none_of_the_tags_means_none_strong_or_weak() {
        for fields in [
            &["\"3\""][..],
            &["W/\"3\""],
            &["*"],
            &["\"1\"", "\"3\""],
            &["3"],
            &["\"1\", x"],
        ] {
            assert!(!changes(IF_NONE_MATCH, fields), "{fields:?}");
        }
        for fields in [
            &[][..],
            &["\"2\""],
            &["\"a,*,b\""],
            &[""],
            &["\"13\", W/\"2\""],
        ] {
            assert!(changes(IF_NONE_MATCH, fields), "{fields:?}");
        }
    }

    #[test]
    fn a_caller_that_has_the_version_need_not_get_it_again() {
        let has = |fields: &[&str]| check_read(&of(IF_NONE_MATCH, fields), 3).ok();
        for fields in [&["\"3\""][..], &["W/\"3\""], &["*"], &["\"1\", \"3\""]] {
            assert_eq!(has(fields), Some(true), "{fields:?}");
        }
        for fields in [&[][..], &["\"2\""], &["3"], &["*, \"3\""], &["\"a,*,b\""]] {
            assert_eq!(has(fields), Some(false), "{fields:?}");
        }
        assert!(check_read(&of(IF_MATCH, &["\"2\""]), 3).is_err());
    }

    proptest! {
        #[test]
        fn every_list_of_tags_is_read_as_it_was_written(
            tags in prop::collection::vec((any::<bool>(), "[!#-~]{0,8}"), 1..6)
        ) {
            let write = |(weak, opaque): &(bool, String)| format!("{}\"{opaque}\"", if *weak { "W/" } else { "" });
            let written: Vec<String> = tags.iter().map(write).collect();
            let expected = tags.iter().map(|(weak, opaque)| Tag { weak: *weak, opaque: opaque.as_bytes() });
            let list = written.join(" , ");
            prop_assert_eq!(super::tags(list.as_bytes()), Some(expected.collect::<Vec<_>>()));
        }
    }
}
