//! The command line. Every setting can be set as `FANOUT_<FLAG>` too. What picks out an event or
//! decides its fate cannot: a variable left over from yesterday must not choose what is dropped.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use fanout_bus::Backoff;
use fanout_kernel::ServiceSpec;
use fanout_runtime::LogFormat;
use system::{MAIN_SYSTEM, OrderFlow, Redelivery, roles, systems};

use crate::capacity::CapacityFlags;
use crate::completions::CompletionsFlags;
use crate::console::TRACE_ID;
use crate::dead_letters::DeadLettersArgs;
use crate::doctor::DoctorFlags;
use crate::ledger::LedgerArgs;
use crate::manifest::ManifestFlags;
use crate::new_service::NewFlags;
use crate::processes::ProcessesArgs;
use crate::projections::ProjectionsArgs;
use crate::publish::PublishArgs;
use crate::replay::ReplayFlags;
use crate::schema::SchemaArgs;
use crate::status::StatusFlags;
use crate::stock::StockArgs;
use crate::trace::TraceFlags;

/// The Pub/Sub REST face's name in `--port`.
pub const PUBSUB: &str = "pubsub";
/// Where that face listens, unless `--port` says otherwise.
pub const PUBSUB_PORT: u16 = 8085;
/// The page's name in `--port`.
pub const CONSOLE: &str = "console";
/// Where the page is, unless `--port` says otherwise.
pub const CONSOLE_PORT: u16 = 8090;
/// What listens on one machine beside the services of the table: names in `--port`, and the ports.
pub(crate) const BESIDE_SERVICES: [(&str, u16); 2] =
    [(PUBSUB, PUBSUB_PORT), (CONSOLE, CONSOLE_PORT)];
/// Stands for every name in `--port`, with 0 only.
const ALL: &str = "all";

const EXAMPLES: &str = "Examples:
  fanout                                   the whole system on this machine
  fanout up --fresh --log json             the same with empty data and JSON logs
  fanout up --system shop                  the shop too: orders, stock, payment, shipping
  fanout up --system bank                  the bank too: accounts as the sum of their events
  fanout up --system social                posts, follows and feeds too
  fanout up --duplicates 0.1 --errors 0.05 try consumers against a bus that misbehaves
  fanout up --emulators                    the same services on Google's emulators
  SMTP_URL=smtp://localhost:1025 MAIL_FROM='Fanout <hello@example.com>' fanout
                                           mails go to a server, not to files

Then, in another terminal:
  curl -X POST localhost:8080/users -H 'Content-Type: application/json' \\
       -d '{\"email\":\"test@example.com\",\"name\":\"Test User\"}'";

/// Event-driven user sign-up: one event, many reactions.
#[derive(Debug, Parser)]
#[command(name = "fanout", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; without it, `up`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `up`.
    #[command(flatten)]
    pub up: UpFlags,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system on this machine (the default)
    #[command(after_help = EXAMPLES)]
    Up(UpFlags),
    /// Show on one screen what waits, what failed and what is blocked
    Status(StatusFlags),
    /// Publish an event by hand, or give one up that waits
    Publish(PublishArgs),
    /// List, show, redrive or discard dead letters
    DeadLetters(DeadLettersArgs),
    /// Push stored events to one consumer again, as they were published
    Replay(ReplayFlags),
    /// List, show or move flows of many steps
    Processes(ProcessesArgs),
    /// List read models, rebuild one from the stored events, or go back
    Projections(ProjectionsArgs),
    /// Show how the stock of a product lies in the store, or divide it anew
    Stock(StockArgs),
    /// Show an event's life: stored, published, and what each consumer made of it
    Trace(TraceFlags),
    /// Check that the bank's events are as they were written
    Ledger(LedgerArgs),
    /// Check the table of services against itself, and a live project against the table
    Doctor(DoctorFlags),
    /// Make a service from the template
    New(NewFlags),
    /// List the types of events, and check that no change breaks a consumer
    Schema(SchemaArgs),
    /// Write what follows from the code: Terraform's variables, schemas, docs/EVENTS.md; or check it
    Manifest(ManifestFlags),
    /// Say what so many sign-ups a day need, cost, and break first
    Capacity(CapacityFlags),
    /// Print the completions of a shell
    Completions(CompletionsFlags),
}

/// The flags of `fanout up`.
#[derive(Debug, Clone, Args)]
pub struct UpFlags {
    /// Where the embedded engine and the mails are kept
    #[arg(long, env = "FANOUT_DATA_DIR", default_value = ".fanout")]
    pub data_dir: PathBuf,
    /// Empty the data directory first, but for the files of discarded dead letters
    #[arg(long)]
    pub fresh: bool,
    /// How log lines are written: `text` or `json`
    #[arg(long, env = "FANOUT_LOG", default_value = "text")]
    pub log: LogFormat,
    /// Start Google's emulators from an installed Google Cloud SDK, and run on them
    #[arg(long, env = "FANOUT_EMULATORS")]
    pub emulators: bool,
    /// Listen on another port; repeat for several, 0 picks a free one, `all=0` picks all of them.
    /// Names: pubsub, console and the services' (user, email, analytics, crm, order, inventory, payment, shipping, search, account, post, feed, ticker)
    #[arg(
        long = "port",
        env = "FANOUT_PORT",
        value_name = "NAME=PORT",
        value_delimiter = ','
    )]
    pub ports: Vec<PortOf>,
    /// Let the deadlines of processes' steps come this many times sooner
    #[arg(
        long,
        env = "FANOUT_STEP_DEADLINES",
        default_value = "20",
        value_name = "DIVISOR"
    )]
    pub step_deadlines: NonZeroU32,
    /// How new orders are seen through: `orchestrated`, a process asks for each step, or
    /// `choreographed`, the services react to each other's events
    #[arg(long, env = "FANOUT_ORDER_FLOW", value_name = "FLOW")]
    pub order_flow: Option<OrderFlow>,
    /// The page at localhost:8090: `on`, `read-only` (it changes nothing), or `off`
    #[arg(long, env = "FANOUT_CONSOLE", default_value = "on")]
    pub console: ConsoleMode,
    /// Where the page leads to for a trace: a URL with `{trace_id}` in it, such as `http://localhost:16686/trace/{trace_id}`
    #[arg(long, env = "FANOUT_TRACE_URL", value_name = "URL", value_parser = trace_url)]
    pub trace_url: Option<String>,
    /// Which systems run
    #[command(flatten)]
    pub systems: SystemsFlags,
    /// How the embedded broker delivers
    #[command(flatten)]
    pub delivery: DeliveryFlags,
}

fn trace_url(text: &str) -> Result<String, &'static str> {
    let of_a_web_page = text.starts_with("http://") || text.starts_with("https://");
    if of_a_web_page && text.contains(TRACE_ID) {
        return Ok(text.to_owned());
    }
    Err("it is no URL of a web page with {trace_id} in it")
}

/// What the page may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConsoleMode {
    /// There is none.
    Off,
    /// It shows, and changes nothing.
    ReadOnly,
    /// It shows and acts.
    On,
}

/// Which systems of the table are meant.
#[derive(Debug, Clone, Default, Args)]
pub struct SystemsFlags {
    /// Another system beside the sign-up, such as `shop`; repeat for several
    #[arg(
        long = "system",
        env = "FANOUT_SYSTEM",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(systems())
    )]
    pub systems: Vec<String>,
    /// All systems
    #[arg(long, env = "FANOUT_ALL")]
    pub all: bool,
}

impl SystemsFlags {
    /// Whether a service belongs to what is meant.
    pub fn mean(&self, spec: &ServiceSpec) -> bool {
        spec.system.is_none_or(|system| {
            self.all || system == MAIN_SYSTEM || self.systems.iter().any(|it| it == system)
        })
    }

    /// The roles that are meant, in the table's order.
    pub fn roles(&self) -> impl Iterator<Item = &'static ServiceSpec> {
        roles().filter(|spec| self.mean(spec))
    }
}

/// The port of one listener: `email=9081`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOf {
    /// `pubsub`, a service's name without `-service`, or `all`.
    pub name: String,
    /// 0 for a free one.
    pub port: u16,
}

impl FromStr for PortOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let services = roles().map(|spec| spec.short_name());
        let beside = BESIDE_SERVICES.map(|(name, _)| name);
        let names: Vec<&str> = beside.into_iter().chain(services).collect();
        let (name, port) = text
            .split_once('=')
            .ok_or("write it as NAME=PORT, for example email=9081")?;
        if name == ALL && port != "0" {
            return Err("not everything can listen on one port: write all=0".to_owned());
        }
        if name != ALL && !names.contains(&name) {
            return Err(format!("`{name}` is none of {}", names.join(", ")));
        }
        let port = port.parse();
        Ok(Self {
            name: name.to_owned(),
            port: port.map_err(|_| "a port is a number from 0 to 65535")?,
        })
    }
}

impl UpFlags {
    /// The port asked for, or this one.
    pub fn port(&self, name: &str, default: u16) -> u16 {
        let names = [name, ALL];
        let mut asked = self.ports.iter().rev();
        let asked = asked.find(|port| names.contains(&port.name.as_str()));
        asked.map_or(default, |asked| asked.port)
    }
}

/// How the embedded broker delivers. By default a mail server may be away for ten minutes before a
/// mail becomes a dead letter.
#[derive(Debug, Clone, Copy, Args)]
pub struct DeliveryFlags {
    /// Wait before the second delivery of a message that fails
    #[arg(long, env = "FANOUT_MIN_BACKOFF", default_value = "1s", value_parser = humantime::parse_duration)]
    pub min_backoff: Duration,
    /// Longest wait between deliveries
    #[arg(long, env = "FANOUT_MAX_BACKOFF", default_value = "1m", value_parser = humantime::parse_duration)]
    pub max_backoff: Duration,
    /// Deliveries before a message goes to the dead-letter topic
    #[arg(long, env = "FANOUT_MAX_ATTEMPTS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_attempts: u32,
    /// How likely a delivered message is delivered again, from 0 to 1
    #[arg(long, env = "FANOUT_DUPLICATES", default_value_t = 0.0, value_parser = probability)]
    pub duplicates: f64,
    /// How likely a consumer's answer is lost, from 0 to 1
    #[arg(long, env = "FANOUT_ERRORS", default_value_t = 0.0, value_parser = probability)]
    pub errors: f64,
    /// Deliver waiting messages in random order, within what their ordering keys allow
    #[arg(long, env = "FANOUT_REORDER")]
    pub reorder: bool,
}

impl DeliveryFlags {
    /// How what fails is delivered again.
    pub fn redelivery(&self) -> Redelivery {
        Redelivery {
            backoff: Backoff {
                min: self.min_backoff,
                max: self.max_backoff,
            },
            max_attempts: self.max_attempts,
        }
    }
}

fn probability(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests;
