#![doc = include_str!("../README.md")]

mod bucket;
mod folder;
mod place;
mod read_copies;

pub use bucket::{Bucket, CLOUD_STORAGE};
pub use folder::Folder;
pub use place::CopiesPlace;
pub use read_copies::ReadCopies;
