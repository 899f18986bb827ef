//! One thing that is wrong, as it is told.

use std::fmt;

use serde::Serialize;

/// What is wrong with the schemas, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    /// The rule's stable id.
    pub(super) rule: &'static str,
    /// The event type, or a file.
    pub(super) of: String,
    /// Where in the schema, as a JSON pointer.
    pub(super) pointer: String,
    /// The version that writes, where two are compared.
    pub(super) writer: Option<String>,
    /// The version that reads.
    pub(super) reader: Option<String>,
    /// What is wrong.
    pub(super) sentence: String,
    /// What to do.
    pub(super) way_out: String,
}

impl Finding {
    /// Something that is wrong with a type or a file as such.
    pub(super) fn of(
        rule: &'static str,
        of: impl Into<String>,
        sentence: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            of: of.into(),
            pointer: String::new(),
            writer: None,
            reader: None,
            sentence: sentence.into(),
            way_out: way_out.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.rule, self.of)?;
        if !self.pointer.is_empty() {
            write!(out, " {}", self.pointer)?;
        }
        if let (Some(writer), Some(reader)) = (&self.writer, &self.reader) {
            write!(out, ": {writer} writes, {reader} reads")?;
        }
        writeln!(out, "\n  {}", self.sentence)?;
        writeln!(out, "  way out: {}", self.way_out)
    }
}
