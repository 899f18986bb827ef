//! `fanout new`: makes a service from the template.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use system::SERVICES;

use crate::answer::{WrongUse, write_text};
use crate::cli::BESIDE_SERVICES;

const TEMPLATE: &str = "functions/consumer-template";
/// What the template says where a service has its own.
const TEMPLATE_PORT: &str = "8099";
const TEMPLATE_DESCRIPTION: &str = "A consumer to start from; built and tested, never deployed.";
/// Longer, and NAME-service would be no service account's id, which takes 30 characters.
const LONGEST: usize = 22;

const EXAMPLES: &str = "Example:
  fanout new loyalty     makes functions/loyalty-service, and says what is left to do

The new service counts each user's events, once each, with the tests that every consumer must pass.
Run it from the repository's root.";

/// The flags of `fanout new`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct NewFlags {
    /// What the service is about: its folder is functions/NAME-service, its consumer NAME
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The repository's root
    #[arg(long, env = "FANOUT_ROOT", value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
}

/// Makes the folder.
pub fn run(flags: &NewFlags) -> anyhow::Result<ExitCode> {
    let name = checked(&flags.name)?;
    let service = format!("{name}-service");
    let template = flags.root.join(TEMPLATE);
    let folder = flags.root.join("functions").join(&service);
    if folder.exists() {
        let shown = folder.display();
        return Err(WrongUse(format!("{shown} is there already: choose another name")).into());
    }
    let port = free_port(SERVICES.iter().map(|spec| spec.port)).to_string();
    let package = service.replace('-', "_");
    let replaced = [
        ("consumer-template", service.as_str()),
        ("template-service", &service),
        ("consumer_template", &package),
        ("\"template\"", &format!("\"{name}\"")),
        (TEMPLATE_DESCRIPTION, &format!("The {name} service.")),
        (TEMPLATE_PORT, &port),
    ];
    copy(&template, &folder, &replaced).with_context(|| {
        let shown = template.display();
        format!("cannot copy {shown}: is --root the repository's root?")
    })?;
    write_text(&format!(
        "made functions/{service}, on port {port}

Two steps are left:
  cargo add --package system --path functions/{service}
  in functions/system/src/lib.rs, a line in SERVICES: &{package}::SERVICE,

Then `cargo test -p {service}`, `cargo run -- manifest`, `cargo run`.
"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn checked(name: &str) -> anyhow::Result<&str> {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let fits = (2..=LONGEST).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.ends_with("-service")
        && name.bytes().all(known);
    if !fits {
        let sentence = format!(
            "NAME must be 2 to {LONGEST} lower-case letters, digits and hyphens, a letter first, no hyphen last, without `-service`"
        );
        return Err(WrongUse(sentence).into());
    }
    Ok(name)
}

/// The first port that neither a service nor what runs beside them listens on.
fn free_port(services: impl Iterator<Item = u16>) -> u16 {
    let beside = BESIDE_SERVICES.map(|(_, port)| port).into_iter();
    let beside = beside.chain([system::TICKER.port]);
    let taken: Vec<u16> = services.chain(beside).collect();
    let mut free = (8081..u16::MAX).filter(|port| !taken.contains(port));
    free.next().unwrap_or(0)
}

fn copy(from: &Path, to: &Path, replaced: &[(&str, &str)]) -> std::io::Result<()> {
    let entries = fs::read_dir(from)?;
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target, replaced)?;
            continue;
        }
        let mut text = fs::read_to_string(&source)?;
        for (old, new) in replaced {
            text = text.replace(old, new);
        }
        fs::write(&target, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, name: &str) -> anyhow::Result<ExitCode> {
        run(&NewFlags {
            name: name.to_owned(),
            root: root.to_owned(),
        })
    }

    #[test]
    fn names_that_google_would_refuse_are_refused_first() {
        let root = tempfile::tempdir().unwrap();
        let long = "x".repeat(LONGEST + 1);
        for name in [
            "",
            "x",
            "Loyalty",
            "1st",
            "a_b",
            "a-",
            "email-service",
            &long,
        ] {
            let error = make(root.path(), name).unwrap_err();
            assert!(error.is::<WrongUse>(), "{name}: {error}");
        }
    }

    #[test]
    fn the_template_says_what_is_replaced() {
        let manifest = include_str!("../../consumer-template/Cargo.toml");
        assert!(manifest.contains(TEMPLATE_DESCRIPTION));
        let spec = include_str!("../../consumer-template/src/lib.rs");
        assert!(spec.contains(&format!("port: {TEMPLATE_PORT}")));
    }

    #[test]
    fn no_service_gets_the_port_of_the_bus_the_page_or_the_ticker() {
        let mut ports = Vec::new();
        for _ in 8081..=8091 {
            ports.push(free_port(ports.iter().copied()));
        }
        let expected = [
            8081, 8082, 8083, 8084, 8086, 8087, 8088, 8091, 8092, 8093, 8094,
        ];
        assert_eq!(ports, expected);
    }

    #[test]
    fn outside_the_repository_it_says_so() {
        let root = tempfile::tempdir().unwrap();
        let error = make(root.path(), "loyalty").unwrap_err();
        assert!(format!("{error:#}").contains("is --root the repository's root?"));
        assert!(!root.path().join("functions").exists());
    }

    #[test]
    fn the_template_s_names_become_the_service_s_and_nothing_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let template = root.path().join(TEMPLATE).join("src");
        fs::create_dir_all(&template).unwrap();
        let text = format!(
            r#"consumer_template "template-service" "template" 8099 consumer-template {TEMPLATE_DESCRIPTION}"#
        );
        fs::write(template.join("lib.rs"), text).unwrap();
        make(root.path(), "big-loyalty").unwrap();
        let made = root.path().join("functions/big-loyalty-service/src/lib.rs");
        let port = free_port(SERVICES.iter().map(|spec| spec.port));
        let expected = format!(
            r#"big_loyalty_service "big-loyalty-service" "big-loyalty" {port} big-loyalty-service The big-loyalty service."#
        );
        assert_eq!(fs::read_to_string(made).unwrap(), expected);
        assert!(
            make(root.path(), "big-loyalty")
                .unwrap_err()
                .is::<WrongUse>()
        );
    }
}
