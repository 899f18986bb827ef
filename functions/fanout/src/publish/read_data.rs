//! Where the data of `fanout publish` comes from.

use std::fs::File;
use std::io::Read;

use anyhow::Context;

use crate::answer::WrongUse;

/// What Pub/Sub takes in one message, in bytes.
const MOST_BYTES: u64 = 10_000_000;

/// The text itself, what is in the file after `@`, or stdin for `-`.
pub(super) fn read(data: &str) -> anyhow::Result<Vec<u8>> {
    let read = match data.strip_prefix('@') {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| WrongUse(format!("--data @{path} cannot be read: {error}")))?;
            read_all(file).with_context(|| format!("--data @{path} cannot be read"))?
        }
        None if data == "-" => read_all(std::io::stdin().lock()).context("stdin cannot be read")?,
        None => data.as_bytes().to_vec(),
    };
    if read.len() as u64 > MOST_BYTES {
        let fault = format!("the data has more than the {MOST_BYTES} bytes that Pub/Sub takes");
        return Err(WrongUse(fault).into());
    }
    Ok(read)
}

fn read_all(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    source.take(MOST_BYTES + 1).read_to_end(&mut read)?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_the_text_itself_or_a_files() {
        assert_eq!(read("{}").unwrap(), b"{}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file").unwrap();
        let read_it = read(&format!("@{}", file.path().display())).unwrap();
        assert_eq!(read_it, b"from a file");
    }

    #[test]
    fn a_file_that_is_not_there_and_data_that_is_too_large_are_wrong_use() {
        let error = read("@/no/such/file").unwrap_err();
        assert!(error.is::<WrongUse>(), "{error}");
        let error = read(&"x".repeat(10_000_001)).unwrap_err();
        assert!(error.is::<WrongUse>(), "{error}");
    }
}
