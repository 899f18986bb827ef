//! Values that a JSON Schema of our dialect describes, at random and at its edges.

use serde_json::{Map, Value, json};

/// Makes values of a schema. The same seed makes the same values.
pub struct Instances {
    state: u64,
}

/// What texts without a format are made of: what parsers and stores trip over.
const LETTERS: &[char] = &[
    'a',
    'Z',
    '0',
    ' ',
    '"',
    '\\',
    '/',
    '\n',
    '\u{0}',
    '\u{7f}',
    'é',
    'e',
    '\u{301}',
    '李',
    '\u{200b}',
    '\u{202e}',
    '𝒜',
    '\u{10ffff}',
    '<',
    '%',
];
/// What a name is made of: letters that show.
const SHOWN: &[char] = &['a', 'B', 'é', '李', 'ß', '-', '\'', '𝒜'];
/// The longest text or list where the schema sets no end.
const LONG: usize = 40;
/// How far numbers go where the schema sets no end.
const FAR: i64 = 9_007_199_254_740_991;

impl Instances {
    /// Values that follow from this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number below `end` (splitmix64).
    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    fn pick<'t, T>(&mut self, among: &'t [T]) -> &'t T {
        let index = self.below(among.len() as u64) as usize;
        &among[index]
    }

    /// A length from `least` to `most`, the ends more often than others.
    fn length(&mut self, least: usize, most: usize) -> usize {
        match self.below(4) {
            0 => least,
            1 => most,
            _ => least + self.below((most - least + 1) as u64) as usize,
        }
    }

    /// A value of this schema. Panics on what is not in the dialect.
    pub fn of(&mut self, schema: &Value) -> Value {
        if let Some(variants) = schema["oneOf"].as_array() {
            let variant = self.pick(variants);
            return self.of(variant);
        }
        if let Some(one) = schema.get("const") {
            return one.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(values).clone();
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        match *self.pick(&kinds) {
            "object" => self.object(schema),
            "array" => self.array(schema),
            "string" => self.text(schema).into(),
            "integer" => self.whole(schema).into(),
            "number" => self.number(schema),
            "boolean" => (self.below(2) == 0).into(),
            "null" => Value::Null,
            other => panic!("the dialect has no type `{other}`"),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required = schema["required"].as_array();
        let mut object = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let always = required.is_some_and(|names| names.iter().any(|it| it == name));
            if always || self.below(3) > 0 {
                object.insert(name.clone(), self.of(field));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &Value) -> Value {
        let (least, most) = ends(schema, "minItems", "maxItems", 4);
        let length = self.length(least, most);
        (0..length).map(|_| self.of(&schema["items"])).collect()
    }

    fn whole(&mut self, schema: &Value) -> i64 {
        let least = schema["minimum"].as_i64().unwrap_or(-FAR);
        let most = schema["maximum"].as_i64().unwrap_or(FAR);
        match self.below(5) {
            0 => least,
            1 => most,
            2 if least <= 0 && most >= 0 => 0,
            _ => least + self.below(most.abs_diff(least).saturating_add(1)) as i64,
        }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().unwrap_or(-1e9);
        let most = schema["maximum"].as_f64().unwrap_or(1e9);
        match self.below(4) {
            0 => json!(least),
            1 => json!(most),
            2 => json!(least.ceil()),
            _ => json!(least + (most - least) * (self.below(1 << 20) as f64 / f64::from(1 << 20))),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        if let Some(pattern) = schema["pattern"].as_str() {
            return self.matching(pattern);
        }
        let (least, most) = ends(schema, "minLength", "maxLength", LONG);
        match schema["format"].as_str() {
            Some("idn-email" | "email") => self.address(most),
            Some("person-name") => self.letters(SHOWN, least, most),
            Some("date") => format!(
                "20{:02}-{:02}-{:02}",
                self.below(100),
                1 + self.below(12),
                1 + self.below(28)
            ),
            Some("date-time") => self.time(),
            // Whole units, which every currency has.
            Some("money") => self.below(1_000_000_000_000).to_string(),
            Some("iso-4217") => (*self.pick(&["USD", "JPY", "KWD"])).to_owned(),
            Some(other) => panic!("the generator has no format `{other}`"),
            None => self.letters(LETTERS, least, most),
        }
    }

    fn letters(&mut self, among: &[char], least: usize, most: usize) -> String {
        let length = self.length(least, most);
        (0..length).map(|_| *self.pick(among)).collect()
    }

    fn address(&mut self, most: usize) -> String {
        let local = self.letters(&['a', 'Q', '7', '_', '+', 'é'], 1, 30);
        let label = self.letters(&['b', '9', 'ü'], 1, 30);
        let address = format!("{local}@x{label}.example");
        assert!(address.len() <= most);
        address
    }

    fn time(&mut self) -> String {
        let (day, hour) = (1 + self.below(28), self.below(24));
        let end = *self.pick(&["Z", ".5Z", ".123456789Z", "+05:30", "-00:01"]);
        format!("2026-02-{day:02}T{hour:02}:59:00{end}")
    }

    /// A text of a pattern that is `^`, characters or classes with `{m,n}` after them, and `$`.
    fn matching(&mut self, pattern: &str) -> String {
        let inner = pattern
            .strip_prefix('^')
            .and_then(|it| it.strip_suffix('$'));
        let mut rest = inner.unwrap_or_else(|| panic!("the generator cannot read `{pattern}`"));
        let mut text = String::new();
        while !rest.is_empty() {
            let (class, after) = class_of(rest);
            let (least, most, after) = times(after);
            text.push_str(&self.letters(&class, least, most));
            rest = after;
        }
        text
    }
}

fn ends(schema: &Value, least: &str, most: &str, long: usize) -> (usize, usize) {
    let end = |keyword: &str| schema[keyword].as_u64().map(|it| it as usize);
    let least = end(least).unwrap_or(0);
    (least, end(most).unwrap_or(least + long))
}

/// The characters that a pattern begins with a choice of, and the rest of it.
fn class_of(pattern: &str) -> (Vec<char>, &str) {
    let Some((class, rest)) = pattern.strip_prefix('[').and_then(|it| it.split_once(']')) else {
        let first = pattern.chars().next();
        return (
            first.into_iter().collect(),
            &pattern[first.map_or(0, char::len_utf8)..],
        );
    };
    let letters: Vec<char> = class.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if at + 2 < letters.len() && letters[at + 1] == '-' {
            found.extend(letters[at]..=letters[at + 2]);
            at += 3;
        } else {
            found.push(letters[at]);
            at += 1;
        }
    }
    (found, rest)
}

/// How often, and the rest of the pattern.
fn times(pattern: &str) -> (usize, usize, &str) {
    let Some((times, rest)) = pattern.strip_prefix('{').and_then(|it| it.split_once('}')) else {
        return (1, 1, pattern);
    };
    let (least, most) = times.split_once(',').unwrap_or((times, times));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{{{times}}}"));
    (number(least), number(most), rest)
}
