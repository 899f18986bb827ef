//! `fanout capacity`: what so many sign-ups a day need, cost, and break first. Nothing is asked: it
//! is arithmetic over the table of services, what a sign-up does, and what Google publishes.

mod cost;
mod estimate;
mod limits;
mod load;
mod text;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;

use crate::answer::write;

pub use load::{Operations, REACTIONS, Reaction, SIGN_UP};

const EXAMPLES: &str = "Examples:
  fanout capacity --signups-per-day 10M --consumers 3
  fanout capacity --signups-per-day 200k --consumers 3 --mail-seconds 0.3 --peak 10 --json

What a sign-up reads and writes is counted by a test, list prices and limits are Google's as known in
November 2026 (docs/COST.md), and the rest is arithmetic. It is no bill and no load test.";

/// The flags of `fanout capacity`.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = EXAMPLES)]
pub struct CapacityFlags {
    /// Sign-ups a day, such as 200000, 200k or 10M
    #[arg(long, env = "FANOUT_SIGNUPS_PER_DAY", value_name = "COUNT")]
    pub signups_per_day: Count,
    /// How many consumers react to each: mail, analytics, CRM, and then such as write one document
    #[arg(long, env = "FANOUT_CONSUMERS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub consumers: u32,
    /// How long the mail server takes for a mail
    #[arg(long, env = "FANOUT_MAIL_SECONDS", default_value_t = Positive(0.5), value_name = "SECONDS")]
    pub mail_seconds: Positive,
    /// How many times the average the busiest second has
    #[arg(long, env = "FANOUT_PEAK", default_value_t = Positive(3.0), value_name = "TIMES")]
    pub peak: Positive,
    /// Answer as JSON
    #[arg(long, env = "FANOUT_JSON")]
    pub json: bool,
}

/// Writes the estimate.
pub fn run(flags: &CapacityFlags) -> anyhow::Result<ExitCode> {
    let estimate = estimate::Estimate::of(&load::Load {
        signups_per_day: flags.signups_per_day.0,
        consumers: flags.consumers,
        mail_seconds: flags.mail_seconds.0,
        peak: flags.peak.0,
    });
    write(&estimate, flags.json, text::of)?;
    Ok(ExitCode::SUCCESS)
}

/// How many, as people write it: 1 to 10^12.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count(f64);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, times) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1e3),
            Some((at, 'M')) => (&text[..at], 1e6),
            Some((at, 'G')) => (&text[..at], 1e9),
            Some(_) | None => (text, 1.0),
        };
        let number = f64::from_str(digits).map(|number| number * times);
        number
            .ok()
            .filter(|number| (1.0..=1e12).contains(number))
            .map(Self)
            .ok_or_else(|| "expected a number from 1 to 1000G, such as 200000, 200k or 10M".into())
    }
}

/// A number above 0 and up to a thousand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Positive(f64);

impl std::fmt::Display for Positive {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for Positive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = f64::from_str(text).ok();
        number
            .filter(|number| *number > 0.0 && *number <= 1_000.0)
            .map(Self)
            .ok_or_else(|| "expected a number above 0 and up to 1000".into())
    }
}
