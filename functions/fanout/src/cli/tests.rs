use std::collections::BTreeSet;

use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_subcommand_shows_an_example() {
    fn check(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string);
        let shown = help.is_some_and(|help| help.contains("  fanout "));
        assert!(shown, "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

/// What says what is meant has none: it would outlive the line that it was set for.
#[test]
fn every_setting_has_a_variable_of_its_name_and_nothing_else_has_one() {
    fn look(path: &str, command: &clap::Command, without: &mut BTreeSet<String>) {
        let path = format!("{path} {}", command.get_name());
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or(argument.get_id().as_str());
            match argument.get_env() {
                Some(variable) => assert_eq!(
                    variable.to_str().unwrap(),
                    format!("FANOUT_{}", name.to_uppercase().replace('-', "_"))
                ),
                None => drop(without.insert(format!("{path} {name}"))),
            }
        }
        let subcommands = command.get_subcommands();
        subcommands.for_each(|it| look(&path, it, without));
    }
    let mut without = BTreeSet::new();
    look("", &Cli::command(), &mut without);
    insta::assert_debug_snapshot!(without);
}

#[test]
fn flags_work_with_and_without_the_subcommand() {
    let bare = Cli::parse_from(["fanout", "--fresh", "--max-backoff", "2s"]);
    assert!(bare.up.fresh && bare.command.is_none());
    assert_eq!(bare.up.delivery.max_backoff, Duration::from_secs(2));
    let named = Cli::parse_from(["fanout", "up", "--port", "user=0,crm=1"]);
    assert!(
        matches!(named.command, Some(Command::Up(flags)) if flags.port("user", 8080) == 0 && flags.port("crm", 8083) == 1)
    );
}

#[test]
fn a_port_of_nobody_is_refused_with_the_names_there_are() {
    let error = "mail=1".parse::<PortOf>().unwrap_err();
    assert_eq!(
        error,
        "`mail` is none of pubsub, console, user, email, analytics, crm, order, inventory, payment, shipping, search, account, post, feed, ticker"
    );
}

#[test]
fn all_ports_can_be_free_ones_and_what_comes_later_counts() {
    let up = |ports| Cli::parse_from(["fanout", "--port", ports]).up;
    let free = up("all=0,crm=9083");
    assert_eq!((free.port("user", 8080), free.port("crm", 8083)), (0, 9083));
    assert_eq!(up("crm=9083,all=0").port("crm", 8083), 0);
    assert!("all=8080".parse::<PortOf>().is_err());
}

#[test]
fn by_default_a_mail_server_may_be_away_for_ten_minutes() {
    /// Every wait is as short as it can be.
    struct Impatient;

    impl fanout_runtime::IdGenerator for Impatient {
        fn new_id(&self, prefix: &str) -> String {
            prefix.to_owned()
        }

        fn fraction(&self) -> f64 {
            0.0
        }
    }

    let redelivery = Cli::parse_from(["fanout"]).up.delivery.redelivery();
    let waits = 1..redelivery.max_attempts;
    let waits = waits.map(|failures| redelivery.backoff.wait(failures, &Impatient));
    let away: Duration = waits.sum();
    assert!(away >= Duration::from_secs(600), "{away:?}");
}

#[test]
fn the_sign_up_runs_and_what_is_named_beside_it() {
    let meant = |arguments: &[&str]| {
        let flags = Cli::parse_from([&["fanout"], arguments].concat()).up;
        let mut meant: Vec<_> = flags.systems.roles().map(|spec| spec.system).collect();
        meant.dedup();
        meant
    };
    let (sign_up, shop) = (Some("sign-up"), Some("shop"));
    assert_eq!(meant(&[]), [sign_up, None]);
    assert_eq!(meant(&["--system", "shop"]), [sign_up, shop, None]);
    assert_eq!(meant(&["--system", "sign-up"]), [sign_up, None]);
    assert!(meant(&["--all"]).contains(&shop));
    assert!(Cli::try_parse_from(["fanout", "up", "--system", "ship"]).is_err());
}

#[test]
fn a_probability_beyond_one_is_refused() {
    assert!(Cli::try_parse_from(["fanout", "up", "--duplicates", "2"]).is_err());
}
