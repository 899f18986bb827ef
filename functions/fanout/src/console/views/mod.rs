//! The screens.

pub(crate) mod biography;
mod charts;
pub(crate) mod events;
pub(crate) mod flow;
pub(crate) mod letter;
pub(crate) mod letters;
mod needs;
pub(crate) mod payload;
pub(crate) mod processes;
pub(crate) mod projections;
pub(crate) mod related;
mod timeline;
pub(crate) mod try_it;
pub(crate) mod wire;
