//! Where copies are, as it is said in a setting or on the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use fanout_event_sourcing::{CopyError, RootCopies};

use crate::{Bucket, CLOUD_STORAGE, Folder, ReadCopies as _};

/// A bucket, `gs://my-project-audit`, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopiesPlace {
    /// A bucket of this name.
    Bucket(String),
    /// A folder; it is made with the first copy.
    Folder(PathBuf),
}

impl CopiesPlace {
    /// What [`CopiesPlace::parse`] takes, for a message about something else.
    pub const EXPECTS: &'static str = "a bucket such as gs://my-project-audit, or a folder";

    /// Reads a place.
    pub fn parse(text: &str) -> Option<Self> {
        let is_of_name =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        match text.strip_prefix("gs://") {
            Some(name) => {
                let is_name = (3..=222).contains(&name.len()) && name.chars().all(is_of_name);
                is_name.then(|| Self::Bucket(name.to_owned()))
            }
            None => {
                let is_path = !text.is_empty() && !text.contains("://");
                is_path.then(|| Self::Folder(PathBuf::from(text)))
            }
        }
    }

    /// What adds to it. Fails where there are no credentials for a bucket.
    pub fn open(self) -> Result<Arc<dyn RootCopies>, CopyError> {
        Ok(match self {
            Self::Bucket(name) => Arc::new(Bucket::connect(CLOUD_STORAGE, name)?),
            Self::Folder(folder) => Arc::new(Folder::at(folder)),
        })
    }

    /// All copies that are there.
    pub async fn all(self) -> Result<BTreeMap<NaiveDate, String>, CopyError> {
        match self {
            Self::Bucket(name) => Bucket::connect(CLOUD_STORAGE, name)?.all().await,
            Self::Folder(folder) => Folder::at(folder).all().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_or_a_folder() {
        let bucket = CopiesPlace::Bucket("my-project-audit".to_owned());
        assert_eq!(CopiesPlace::parse("gs://my-project-audit"), Some(bucket));
        let folder = CopiesPlace::Folder("/var/roots".into());
        assert_eq!(CopiesPlace::parse("/var/roots"), Some(folder));
        for wrong in ["", "gs://", "gs://a/b", "gs://Upper", "s3://bucket"] {
            assert_eq!(CopiesPlace::parse(wrong), None, "{wrong}");
        }
    }
}
