//! What a process asks of the system at its start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files and connections to the highest that the system lets it have. Most
/// shells start programs with 1,024, which a few hundred waiting clients use up.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where the system does not let it, the old limit is still good for something.
    if let Err(error) = setrlimit(Resource::Nofile, highest) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// Files and folders that the process makes from now on can be read by its own user alone.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}
