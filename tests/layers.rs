//! Who may depend on whom: `functions/` depends on `shared/`, and never on each other. Only the table
//! sees all services. It holds for a new folder by itself.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::path::Path;

/// The packages in a folder of the repository, by their folders' names.
fn packages_in(folder: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = read_dir(root.join(folder)).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The functions that a package depends on, tests and all. A package of `functions/` has its folder's
/// name, which its container's image has too.
fn functions_under(package: &str, functions: &BTreeSet<String>) -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(package);
    let manifest = read_to_string(manifest.join("Cargo.toml")).unwrap();
    let depends = |line: &str, name: &str| {
        let after = line.strip_prefix(name).map(str::trim_start);
        let is_key = after.is_some_and(|rest| rest.starts_with(['=', '.']));
        is_key || (line.contains("path") && line.contains(&format!("/{name}\"")))
    };
    let named = |name: &&String| manifest.lines().any(|line| depends(line, name));
    functions.iter().filter(named).cloned().collect()
}

/// What each package of `functions/` may depend on there: the table on every service, the two
/// programs on the table.
fn allowed(package: &str, functions: &BTreeSet<String>) -> BTreeSet<String> {
    let programs = ["fanout", "service"];
    let is_service = |name: &&String| {
        let others = ["system", "consumer-template"];
        !programs.contains(&name.as_str()) && !others.contains(&name.as_str())
    };
    match package {
        "system" => functions.iter().filter(is_service).cloned().collect(),
        program if programs.contains(&program) => BTreeSet::from(["system".to_owned()]),
        _ => BTreeSet::new(),
    }
}

#[test]
fn no_function_depends_on_another_and_nothing_shared_on_any() {
    let functions = packages_in("functions");
    assert!(functions.len() >= 9, "{functions:?}");
    for function in &functions {
        let found = functions_under(&format!("functions/{function}"), &functions);
        // That the table depends on every service shows that this test sees it.
        assert_eq!(found, allowed(function, &functions), "{function}");
    }
    for library in packages_in("shared") {
        let found = functions_under(&format!("shared/{library}"), &functions);
        assert!(found.is_empty(), "{library} depends on {found:?}");
    }
}
