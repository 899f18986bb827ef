//! Where something is said.

use std::fmt;

/// Where a fact comes from, for whoever has to change it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A line of a file.
    File {
        /// As it was named on the command line, and below that.
        path: String,
        /// From 1.
        line: usize,
    },
    /// Something that is missing from a whole folder.
    Folder(String),
    /// A resource of a project, by its full name.
    Project(String),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(out, "{path}:{line}"),
            Self::Folder(name) | Self::Project(name) => out.write_str(name),
        }
    }
}
