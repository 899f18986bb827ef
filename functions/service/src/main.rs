//! The container's binary: `service email-service` reads the environment of that role, serves and
//! drains. It has no engine of its own, and no way to switch the check of pushes off.

use std::io::Write as _;
use std::process::ExitCode;

use fanout_google_cloud::RoleSettings;
use fanout_processes::Pace;
use fanout_projections::Freshness;
use fanout_web::run_service;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["--help" | "-h"] => {
            // A reader who has gone away is no failure.
            let _ = write!(std::io::stdout(), "{}", usage());
            ExitCode::SUCCESS
        }
        [name] => match system::role(name) {
            Some(spec) => run_service(
                spec.name,
                |settings| {
                    let role = RoleSettings::read(spec, settings)?;
                    let role = role.with_processes(system::processes(Pace::REAL, |_| true));
                    Some(role.with_projections(system::projections(Freshness::CLOUD, |_| true)))
                },
                RoleSettings::start,
            ),
            None => refuse(&format!("there is no role `{name}`")),
        },
        [] | [_, _, ..] => refuse("say which role to serve, and nothing else"),
    }
}

fn refuse(why: &str) -> ExitCode {
    let _ = write!(std::io::stderr(), "service: {why}\n\n{}", usage());
    ExitCode::from(2)
}

fn usage() -> String {
    let roles: Vec<&str> = system::roles().map(|spec| spec.name).collect();
    format!(
        "Usage: service ROLE\n\n\
         Serves one role of the system on PORT (8080), with the rest of its settings from the environment.\n\
         A role that misses some says which.\n\n\
         Roles: {}\n\n\
         Example:\n  GOOGLE_CLOUD_PROJECT=my-project service user-service\n",
        roles.join(", ")
    )
}
