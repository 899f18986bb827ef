//! Terraform folders as they are on disk: parsed, with every line number kept.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::{Span, parser};

use crate::doctor::place::Place;

/// One file.
pub(super) struct SourceFile {
    path: PathBuf,
    text: String,
    pub(super) body: Body,
}

/// One folder: a Terraform module.
pub(super) struct Folder {
    pub(super) files: Vec<SourceFile>,
}

/// A root folder and every module folder that it reaches.
pub(super) struct Sources {
    pub(super) root: PathBuf,
    folders: BTreeMap<PathBuf, Folder>,
}

/// A block, and the file it is in.
#[derive(Clone, Copy)]
pub(super) struct BlockIn<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) block: &'a Block,
}

impl Sources {
    /// Reads `root` and the local modules it calls. Modules from elsewhere are not fetched.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let root = tidy(root);
        let mut folders = BTreeMap::new();
        let mut waiting = vec![root.clone()];
        while let Some(path) = waiting.pop() {
            if folders.contains_key(&path) {
                continue;
            }
            let folder = Folder::read(&path)?;
            for call in folder.blocks("module") {
                if let Some(source) = local_source(call.block) {
                    waiting.push(tidy(&path.join(source)));
                }
            }
            folders.insert(path, folder);
        }
        Ok(Self { root, folders })
    }

    /// The folder of a module that was called in `path` with this source.
    pub(super) fn folder(&self, path: &Path) -> Option<&Folder> {
        self.folders.get(path)
    }

    /// Where the module is that a call names, if it is a local one.
    pub(super) fn called(&self, from: &Path, call: &Block) -> Option<PathBuf> {
        let path = tidy(&from.join(local_source(call)?));
        self.folders.contains_key(&path).then_some(path)
    }
}

impl Folder {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?;
        let mut files = Vec::new();
        for entry in entries {
            let file = entry
                .with_context(|| format!("cannot read {shown}"))?
                .path();
            if file.extension().is_some_and(|end| end == "tf") {
                files.push(SourceFile::read(&file)?);
            }
        }
        if files.is_empty() {
            bail!("{shown} holds no Terraform files (*.tf)");
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// All blocks of this kind, in the order of files and lines.
    pub(super) fn blocks<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = BlockIn<'a>> {
        self.files.iter().flat_map(move |file| {
            let blocks = file.body.get_blocks(kind);
            blocks.map(move |block| BlockIn { file, block })
        })
    }

    /// The block of this kind with these labels.
    pub(super) fn block<'a>(&'a self, kind: &'a str, labels: &[&str]) -> Option<BlockIn<'a>> {
        self.blocks(kind)
            .find(|found| found.block.has_exact_labels(labels))
    }

    /// The value of this name in a `locals` block, and its file.
    pub(super) fn local<'a>(&'a self, name: &str) -> Option<(&'a SourceFile, &'a Attribute)> {
        self.blocks("locals").find_map(|locals| {
            let attribute = locals.block.body.get_attribute(name)?;
            Some((locals.file, attribute))
        })
    }
}

impl SourceFile {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let body = parser::parse_body(&text).map_err(|error| {
            let (line, message) = (error.location().line(), error.message().to_owned());
            anyhow::anyhow!("{shown}:{line}: not Terraform's language: {message}")
        })?;
        let path = path.to_owned();
        Ok(Self { path, text, body })
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        let before = span
            .and_then(|span| self.text.get(..span.start))
            .unwrap_or_default();
        Place::File {
            path: self.path.display().to_string(),
            line: before.matches('\n').count() + 1,
        }
    }

    /// The line on which a block begins.
    pub(super) fn place_of_block(&self, block: &Block) -> Place {
        self.place(block.ident.span())
    }

    /// The line on which an attribute begins.
    pub(super) fn place_of_attribute(&self, attribute: &Attribute) -> Place {
        self.place(attribute.key.span())
    }
}

fn local_source(call: &Block) -> Option<&str> {
    let source = call.body.get_attribute("source")?.value.as_str()?;
    (source.starts_with("./") || source.starts_with("../")).then_some(source)
}

/// The same path without `.` in it.
fn tidy(path: &Path) -> PathBuf {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let tidied: PathBuf = parts.collect();
    match tidied.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => tidied,
    }
}
