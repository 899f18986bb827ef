//! Settings from environment variables, with every fault in one report.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Where environment variables come from. A `HashMap` stands in for the process in tests.
pub trait Environment: Send + Sync {
    /// The variable's value; an empty one counts as not set.
    fn get(&self, name: &str) -> Option<String>;
}

/// The variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that asks the process"
    )]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

impl Environment for HashMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        HashMap::get(self, name)
            .filter(|value| !value.is_empty())
            .cloned()
    }
}

/// Reads settings one by one and remembers what is wrong, so that one start reports all faults.
///
/// The value of a bad variable is never shown: it may be a secret.
pub struct Settings<'a> {
    environment: &'a dyn Environment,
    faults: Vec<String>,
}

/// What a variable says that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting<T> {
    /// It is not set.
    Absent,
    /// It is set to something that cannot be used, which is among the faults.
    Bad,
    /// It is set to this.
    Is(T),
}

impl<T> Setting<T> {
    /// The setting, where it is absent the default; `None` if it is bad.
    pub fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent => Some(default),
            Self::Bad => None,
            Self::Is(value) => Some(value),
        }
    }

    /// The setting if there is one. With a bad one [`Settings::finish`] gives the faults.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Bad => None,
            Self::Is(value) => Some(value),
        }
    }

    /// The setting as something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        match self {
            Self::Absent => Setting::Absent,
            Self::Bad => Setting::Bad,
            Self::Is(value) => Setting::Is(change(value)),
        }
    }
}

/// All that is wrong with the environment, a line each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// One full sentence for each fault.
    pub faults: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the environment is not complete:")?;
        for fault in &self.faults {
            write!(out, "\n  - {fault}")?;
        }
        Ok(())
    }
}

impl<'a> Settings<'a> {
    /// Starts reading from `environment`.
    pub fn new(environment: &'a dyn Environment) -> Self {
        Self {
            environment,
            faults: Vec::new(),
        }
    }

    /// A variable that must be set; `expects` says what belongs there, as in "the topic's name".
    pub fn required<T: FromStr>(&mut self, name: &str, expects: &str) -> Option<T> {
        self.required_as(name, expects, |text| text.parse().ok())
    }

    /// The same, as `check` takes it.
    pub fn required_as<T>(
        &mut self,
        name: &str,
        expects: &str,
        check: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let setting = self.optional_as(name, expects, check);
        if let Setting::Absent = setting {
            self.fault(format!("{name} is not set; it must be {expects}."));
        }
        setting.value()
    }

    /// A variable that may be absent.
    pub fn optional<T: FromStr>(&mut self, name: &str, expects: &str) -> Setting<T> {
        self.optional_as(name, expects, |text| text.parse().ok())
    }

    /// The same, as `check` takes it.
    pub fn optional_as<T>(
        &mut self,
        name: &str,
        expects: &str,
        check: impl FnOnce(&str) -> Option<T>,
    ) -> Setting<T> {
        let Some(value) = self.environment.get(name) else {
            return Setting::Absent;
        };
        let checked = check(value.trim()).map_or(Setting::Bad, Setting::Is);
        if let Setting::Bad = checked {
            self.fault(format!(
                "{name} is set to something else than {expects} (its value is not shown)."
            ));
        }
        checked
    }

    /// A variable with a safe default.
    pub fn or_default<T: FromStr>(&mut self, name: &str, expects: &str, default: T) -> Option<T> {
        self.optional(name, expects).or(default)
    }

    /// Notes a fault that only shows when settings are seen together.
    pub fn fault(&mut self, sentence: impl Into<String>) {
        self.faults.push(sentence.into());
    }

    /// The settings, or every fault found. `settings` is `None` only after a fault.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(SettingsError {
                faults: self.faults,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn every_missing_or_bad_variable_is_in_one_report() {
        let variables = environment(&[("PORT", "eighty"), ("EMPTY", "")]);
        let mut settings = Settings::new(&variables);
        let port = settings.required::<u16>("PORT", "a port number");
        let topic = settings.required::<String>("TOPIC", "a topic's name");
        let empty = settings.required::<String>("EMPTY", "anything");
        let complete = port.zip(topic).zip(empty);
        insta::assert_snapshot!(settings.finish(complete).unwrap_err(), @r"
        the environment is not complete:
          - PORT is set to something else than a port number (its value is not shown).
          - TOPIC is not set; it must be a topic's name.
          - EMPTY is not set; it must be anything.
        ");
    }

    #[test]
    fn a_default_stands_in_for_a_variable_that_is_not_set_but_not_for_a_bad_one() {
        let variables = environment(&[("BAD", "x")]);
        let mut settings = Settings::new(&variables);
        assert_eq!(settings.or_default("ABSENT", "a number", 7), Some(7));
        assert_eq!(settings.or_default("BAD", "a number", 7), None);
    }

    #[test]
    fn a_complete_environment_gives_the_settings() {
        let variables = environment(&[("PORT", " 8080 ")]);
        let mut settings = Settings::new(&variables);
        let port = settings.required::<u16>("PORT", "a port number");
        assert_eq!(settings.finish(port), Ok(8080));
    }
}
