//! A Java process that ends with this one, however this one ends.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// How much of the output is shown when a start fails.
const SHOWN_LINES: usize = 15;

/// The shell becomes Java, and leaves a watch behind that reads from a pipe which only this process
/// holds open. The pipe's end says that this process is gone, even by `kill -9`; then the watch
/// kills Java. A line says that this process stops Java itself.
///
/// Killed outright, not asked: the emulators keep nothing on disk, and a JVM out of memory may not
/// answer.
const WATCHED: &str = r#"
exec 3<&0
{ read -r stopped <&3 || kill -KILL $$; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"#;

/// A running Java program. Dropping it kills it.
pub(super) struct JavaProcess {
    child: Child,
    watch: ChildStdin,
    output: PathBuf,
}

impl JavaProcess {
    /// Starts `java` with a small heap. Its output goes to the file `output`, which is emptied
    /// before.
    pub(super) fn start(java: &Path, arguments: &[&str], output: &Path) -> io::Result<Self> {
        let log = File::create(output)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", WATCHED, "sh"])
            .arg(java)
            // By default each emulator would take a quarter of the machine's memory.
            .args(["-Xmx256m", "-XX:+UseSerialGC"])
            // No file in the temporary folder, which a killed JVM leaves behind.
            .arg("-XX:-UsePerfData")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        // Ctrl-C in a terminal goes to the whole group of the program in front. Java must live until
        // the services have drained, so it gets a group of its own.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let watch = child
            .stdin
            .take()
            .ok_or_else(|| io::Error::other("the process has no stdin"))?;
        Ok(Self {
            child,
            watch,
            output: output.to_owned(),
        })
    }

    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(super) fn last_output(&self) -> String {
        let output = fs::read(&self.output).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for JavaProcess {
    fn drop(&mut self) {
        // Each of these fails only if the process, or its watch, is gone already.
        let _ = self.child.kill();
        // Before the process id is given back: from then on the watch must not kill it any more.
        let _ = self.watch.write_all(b"\n");
        let _ = self.child.wait();
    }
}
