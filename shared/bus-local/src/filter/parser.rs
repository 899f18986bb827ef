//! Reads a filter by recursive descent.

use super::{Expression, InvalidFilter};

/// A whole text as one expression.
pub(super) fn parse(text: &str) -> Result<Expression, InvalidFilter> {
    let mut parser = Parser { text, at: 0 };
    let expression = parser.joined()?;
    if parser.rest().is_empty() {
        Ok(expression)
    } else {
        Err(parser.expected("AND, OR or the end"))
    }
}

struct Parser<'a> {
    text: &'a str,
    /// A byte position, always on a character's border.
    at: usize,
}

impl<'a> Parser<'a> {
    /// One or more terms joined by AND, or by OR. Pub/Sub wants parentheses between the two, so
    /// that no reader has to know which binds closer.
    fn joined(&mut self) -> Result<Expression, InvalidFilter> {
        let first = self.term()?;
        match self.peek_word() {
            "AND" => Ok(Expression::All(self.chain(first, "AND")?)),
            "OR" => Ok(Expression::Any(self.chain(first, "OR")?)),
            _ => Ok(first),
        }
    }

    fn chain(&mut self, first: Expression, joint: &str) -> Result<Vec<Expression>, InvalidFilter> {
        let mut terms = vec![first];
        while self.take_word(joint) {
            terms.push(self.term()?);
        }
        if matches!(self.peek_word(), "AND" | "OR") {
            return Err(self.expected("parentheses between AND and OR"));
        }
        Ok(terms)
    }

    fn term(&mut self) -> Result<Expression, InvalidFilter> {
        if self.take_word("NOT") || self.take("-") {
            return Ok(Expression::Not(Box::new(self.term()?)));
        }
        if self.take("(") {
            let inner = self.joined()?;
            self.require(")", "`)`")?;
            return Ok(inner);
        }
        if self.take_word("hasPrefix") {
            return self.has_prefix();
        }
        if self.take_word("attributes") {
            return self.comparison();
        }
        Err(self.expected("a comparison"))
    }

    fn has_prefix(&mut self) -> Result<Expression, InvalidFilter> {
        self.require("(", "`(`")?;
        if !self.take_word("attributes") {
            return Err(self.expected("`attributes`"));
        }
        self.require(".", "`.`")?;
        let key = self.key()?;
        self.require(",", "`,`")?;
        let prefix = self.quoted()?;
        self.require(")", "`)`")?;
        Ok(Expression::HasPrefix(key, prefix))
    }

    fn comparison(&mut self) -> Result<Expression, InvalidFilter> {
        if self.take(":") {
            return Ok(Expression::Has(self.key()?));
        }
        self.require(".", "`.` or `:`")?;
        let key = self.key()?;
        if self.take("=") {
            return Ok(Expression::Equals(key, self.quoted()?));
        }
        self.require("!=", "`=` or `!=`")?;
        // An absent attribute is not equal either.
        let equals = Expression::Equals(key, self.quoted()?);
        Ok(Expression::Not(Box::new(equals)))
    }

    fn key(&mut self) -> Result<String, InvalidFilter> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let key = self.peek_word().to_owned();
        if key.is_empty() {
            return Err(self.expected("an attribute's key"));
        }
        self.at += key.len();
        Ok(key)
    }

    fn quoted(&mut self) -> Result<String, InvalidFilter> {
        self.require("\"", "a text in double quotes")?;
        let mut value = String::new();
        let mut characters = self.text[self.at..].char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += offset + 1;
                    return Ok(value);
                }
                '\\' => {
                    let escaped = &self.text[self.at + offset + 1..];
                    let Some((plain, length)) = unescaped(escaped) else {
                        self.at += offset;
                        return Err(self.here(ESCAPES));
                    };
                    value.push(plain);
                    // The escape's first character, and what belongs to it.
                    characters.nth(length - 1);
                }
                plain => value.push(plain),
            }
        }
        self.at = self.text.len();
        Err(self.here("a closing quote"))
    }

    /// What is left, from the next character that is not white space.
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    fn require(&mut self, symbol: &str, expected: &'static str) -> Result<(), InvalidFilter> {
        if self.take(symbol) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    /// The letters, digits, `-` and `_` that come next; may be empty.
    fn peek_word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn expected(&mut self, expected: &'static str) -> InvalidFilter {
        self.rest();
        self.here(expected)
    }

    fn here(&self, expected: &'static str) -> InvalidFilter {
        InvalidFilter(format!(
            "is not in Pub/Sub's filter language: {expected} expected at byte {}",
            self.at
        ))
    }
}

const ESCAPES: &str =
    r#"one of the escapes \\ \" \' \a \b \f \n \r \t \v \OOO \xHH \uHHHH \UHHHHHHHH"#;

/// The character that the text behind a backslash begins with, and how many letters or digits stand
/// for it.
fn unescaped(text: &str) -> Option<(char, usize)> {
    let coded = |start: usize, digits: usize, radix: u32| {
        let code = text.get(start..start + digits)?;
        // A sign would be taken for part of the number.
        let code = Some(code).filter(|code| code.chars().all(|digit| digit.is_digit(radix)))?;
        let code = u32::from_str_radix(code, radix).ok()?;
        Some((char::from_u32(code)?, start + digits))
    };
    let plain = match text.chars().next()? {
        letter @ ('\\' | '"' | '\'') => letter,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '0'..='3' => return coded(0, 3, 8),
        'x' => return coded(1, 2, 16),
        'u' => return coded(1, 4, 16),
        'U' => return coded(1, 8, 16),
        _ => return None,
    };
    Some((plain, 1))
}
