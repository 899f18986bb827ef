#![doc = include_str!("../README.md")]

mod bucket;
mod folder;
mod place;

pub use bucket::{Bucket, CLOUD_STORAGE};
pub use folder::Folder;
pub use place::CopiesPlace;
