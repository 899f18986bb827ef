//! `fanout completions`, in the shell that is everywhere.

use std::process::Command;

fn completions(shell: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fanout"))
        .args(["completions", shell])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

fn bash(arguments: &[&str]) -> String {
    let output = Command::new("bash").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_can_source_them_and_completes_subcommands_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("fanout.bash");
    std::fs::write(&script, completions("bash")).unwrap();
    let script = script.to_str().unwrap();
    bash(&["-n", script]);
    for (line, place, wanted) in [
        ("fanout tr", 1, "trace\n"),
        ("fanout doc", 1, "doctor\n"),
        ("fanout trace --corr", 2, "--correlation\n"),
        ("fanout completions ba", 2, "bash\n"),
    ] {
        let current = line.rsplit(' ').next().unwrap();
        let complete = format!(
            "source {script}; COMP_WORDS=({line}); COMP_CWORD={place}; _fanout fanout {current} x; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        assert_eq!(bash(&["-c", &complete]), wanted, "{line}");
    }
}

#[test]
fn zsh_and_fish_get_theirs() {
    for shell in ["zsh", "fish"] {
        let script = completions(shell);
        assert!(
            script.contains("trace") && script.contains("doctor"),
            "{script}"
        );
    }
}

#[test]
fn another_shell_is_wrong_use() {
    let output = Command::new(env!("CARGO_BIN_EXE_fanout"))
        .args(["completions", "cmd"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_subcommand_s_help_has_an_example() {
    for subcommand in ["up", "trace", "doctor", "completions"] {
        let output = Command::new(env!("CARGO_BIN_EXE_fanout"))
            .args([subcommand, "--help"])
            .output()
            .unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(help.contains("Examples:\n  "), "{help}");
    }
}
