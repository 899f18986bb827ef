//! Makes the table of released schemas from the files in `<domain>/schemas/<type>/<version>/`, so that
//! a service can serve them from a container that has no files.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = folder("CARGO_MANIFEST_DIR")?;
    // Not the folders themselves: to cargo, one that is not there yet has changed each time.
    println!("cargo:rerun-if-changed=.");
    let mut lines = Vec::new();
    for domain in folders(&root)? {
        for event_type in folders(&domain.join("schemas"))? {
            for version in folders(&event_type)? {
                lines.push(line(&root, &event_type, &version)?);
            }
        }
    }
    lines.sort();
    let table = format!("&[\n{}]\n", lines.concat());
    fs::write(folder("OUT_DIR")?.join("released.rs"), table)
}

/// By a path that is not known before the compiler runs: the repository may have been moved.
fn line(root: &Path, event_type: &Path, version: &Path) -> io::Result<String> {
    let folder = version.strip_prefix(root).map_err(io::Error::other)?;
    let folder = folder.display();
    let text = |name: &str| {
        format!(r#"include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/{folder}/{name}"))"#)
    };
    Ok(format!(
        "    Released {{ event_type: {:?}, version: {:?}, writer: {}, reader: {} }},\n",
        name(event_type),
        name(version),
        text("writer.json"),
        text("reader.json"),
    ))
}

fn folder(variable: &str) -> io::Result<PathBuf> {
    let value = env::var_os(variable).ok_or_else(|| io::Error::other(variable))?;
    Ok(PathBuf::from(value))
}

/// The folders in a folder, but for the sources; none where it is not there.
fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && name(&path) != "src" {
            found.push(path);
        }
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
