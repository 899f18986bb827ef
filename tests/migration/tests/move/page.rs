//! What `docs/MIGRATION.md` shows is what stands in the code.

use std::fs::read_to_string;
use std::path::Path;

const PAGE: &str = include_str!("../../../../docs/MIGRATION.md");

/// The lines of a text without what they are set in by.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).collect()
}

#[test]
fn each_excerpt_of_the_page_stands_in_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for block in PAGE.split("```rust ").skip(1) {
        let (file, rest) = block.split_once('\n').unwrap();
        let excerpt = lines(rest.split("```").next().unwrap().trim_end());
        let code = read_to_string(root.join(file)).unwrap();
        let found = lines(&code)
            .windows(excerpt.len())
            .any(|part| part == excerpt);
        assert!(found, "{file}: {excerpt:#?}");
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn each_test_that_the_page_names_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/move");
    let files = [
        "dual_write.rs",
        "phase_of_the_day.rs",
        "phases.rs",
        "way_back.rs",
    ];
    let code = files.map(|file| read_to_string(folder.join(file)).unwrap());
    let mut seen = 0;
    for name in PAGE.split('`') {
        let Some((file, test)) = name.split_once("::") else {
            continue;
        };
        if let Some(place) = files.iter().position(|it| *it == format!("{file}.rs")) {
            let line = format!("async fn {test}()");
            assert!(code[place].contains(&line), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
