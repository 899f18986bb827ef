//! Reads the facts from a Terraform folder: its resources with `for_each`, modules, variables and
//! local values written out. No plan, no state, no provider, nothing but the files.

mod evaluate;
mod functions;
mod module;
mod read_facts;
mod source;
mod types;
mod value;
mod variables;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::facts::Facts;
use module::Module;
use source::Sources;

/// Reads the folder with the values of these files of variables (`*.tfvars`), besides those that
/// Terraform itself takes without being told.
pub(super) fn read(
    folder: &Path,
    variable_files: &[PathBuf],
    project: Option<&str>,
) -> anyhow::Result<Facts> {
    let sources = Sources::read(folder)?;
    let files = variables::files(folder, variable_files)?;
    let mut values = variables::values(&files)?;
    if let Some(project) = project {
        values.insert(
            "project_id".to_owned(),
            value::Value::Text(project.to_owned()),
        );
    }
    let root = Module::root(&sources, values).context("the folder is gone")?;
    Ok(read_facts::of(&root, folder))
}
