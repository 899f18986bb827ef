//! How numbers, times and ids look on the page.

use chrono::SecondsFormat;
use fanout_runtime::Timestamp;

/// `14:03:12.480`, in UTC as everything on the page.
pub(crate) fn clock(at: Timestamp) -> String {
    at.format("%H:%M:%S%.3f").to_string()
}

/// The same, with the day where that is not today's.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    match at.date_naive() == now.date_naive() {
        true => clock(at),
        false => at.format("%Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// The same with its day, for a title.
pub(crate) fn full(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `usr_…7H8`: enough to tell ids apart in a table.
pub(crate) fn short(id: &str) -> String {
    let characters: Vec<char> = id.chars().collect();
    if characters.len() <= 14 {
        return id.to_owned();
    }
    let head: String = characters.iter().take(4).collect();
    let tail: String = characters.iter().skip(characters.len() - 5).collect();
    format!("{head}…{tail}")
}

/// `42/s`, `0.3/s`; nothing is a dash.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second <= 0.0 {
        "–".to_owned()
    } else if per_second < 10.0 {
        format!("{per_second:.1}/s")
    } else {
        format!("{per_second:.0}/s")
    }
}

/// `480 ms`, `3.2 s`, `4 min`, `2 h`
pub(crate) fn span(milliseconds: i64) -> String {
    match milliseconds.max(0) {
        short @ 0..1_000 => format!("{short} ms"),
        some @ 1_000..60_000 => format!("{:.1} s", some as f64 / 1_000.0),
        long @ 60_000..7_200_000 => format!("{} min", long / 60_000),
        longer => format!("{} h", longer / 3_600_000),
    }
}

/// `1 letter`, `2 letters`
pub(crate) fn plural(count: u64, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// A text as part of a path or a query.
pub(crate) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_between_characters() {
        assert_eq!(short("usr_01JD2V7Q4KA1B2C3D4E5F6G7H8"), "usr_…6G7H8");
        assert_eq!(short("test-123"), "test-123");
        assert_eq!(short(&"ü".repeat(20)), "üüüü…üüüüü");
    }

    #[test]
    fn spans_and_rates_are_as_short_as_they_can_be() {
        let spans = [-5, 480, 3_240, 250_000, 7_200_000].map(span);
        assert_eq!(spans, ["0 ms", "480 ms", "3.2 s", "4 min", "2 h"]);
        assert_eq!([0.0, 0.3, 42.4].map(rate), ["–", "0.3/s", "42/s"]);
    }

    #[test]
    fn nothing_in_an_id_ends_a_path() {
        assert_eq!(escaped("a/b?c d+é"), "a%2Fb%3Fc%20d%2B%C3%A9");
    }
}
