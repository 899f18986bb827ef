#![allow(clippy::too_many_lines, reason = "tables of cases, one line each")]

use super::Blame::{Passing, Recipient, Us};
use super::*;

fn reply(code: u16, words: &str) -> Reply {
    let lines = words.split('\n').map(str::to_owned).collect();
    Reply { code, lines }
}

/// What servers say: Postfix, Exim, qmail, Exchange, Gmail, Amazon's.
#[test]
fn a_refusal_is_the_recipients_fault_only_where_it_speaks_of_the_mailbox() {
    let cases = [
        (Stage::Opening, 421, "4.7.0 too many connections", Passing),
        (Stage::Opening, 454, "4.7.0 temporary failure", Passing),
        (Stage::Opening, 535, "5.7.8 bad credentials", Us),
        (
            Stage::Opening,
            534,
            "5.7.9 application password required",
            Us,
        ),
        (Stage::Opening, 554, "no SMTP service here", Us),
        (Stage::Opening, 550, "5.1.1 user unknown", Us),
        (Stage::Sender, 451, "4.3.0 try again", Passing),
        (Stage::Sender, 530, "5.7.0 authentication required", Us),
        (Stage::Sender, 550, "5.7.1 not allowed to send as", Us),
        (Stage::Sender, 550, "5.1.1 user unknown", Us),
        (Stage::Sender, 550, "no such user", Us),
        (Stage::Recipient, 450, "4.2.0 greylisted", Passing),
        (Stage::Recipient, 450, "5.1.1 user unknown", Passing),
        (Stage::Recipient, 452, "4.2.2 mailbox full", Passing),
        (Stage::Recipient, 550, "5.1.1 user unknown", Recipient),
        (
            Stage::Recipient,
            550,
            "5.1.1 <a@b.c>: User unknown in relay recipient table",
            Recipient,
        ),
        (
            Stage::Recipient,
            550,
            "5.1.1 <a@b.c>: Sender address rejected: User unknown",
            Us,
        ),
        (
            Stage::Recipient,
            550,
            "Sender verify failed: no such user",
            Us,
        ),
        (Stage::Recipient, 550, "5.1.0 Sender address rejected", Us),
        (Stage::Recipient, 553, "5.1.8 sender's domain not found", Us),
        (Stage::Recipient, 550, "5.1.20 Multiple From addresses", Us),
        (Stage::Recipient, 550, "No such user", Recipient),
        (
            Stage::Recipient,
            550,
            "Requested action not taken: mailbox unavailable",
            Recipient,
        ),
        (Stage::Recipient, 550, "Unrouteable address", Recipient),
        (
            Stage::Recipient,
            550,
            "sorry, no mailbox here by that name",
            Recipient,
        ),
        (Stage::Recipient, 551, "over there", Recipient),
        (Stage::Recipient, 556, "no", Recipient),
        (Stage::Recipient, 550, "5.4.1 recipient rejected", Recipient),
        (Stage::Recipient, 550, "5.4.4 unable to route", Recipient),
        (
            Stage::Recipient,
            550,
            "5.4.310 DNS domain does not exist",
            Recipient,
        ),
        (
            Stage::Recipient,
            550,
            "DNS domain b.example does not exist",
            Recipient,
        ),
        (Stage::Recipient, 550, "5.2.1 disabled", Recipient),
        (Stage::Recipient, 552, "5.2.2 mailbox full", Recipient),
        (Stage::Recipient, 553, "5.1.3 bad syntax", Recipient),
        (Stage::Recipient, 550, "5.1.6 has moved", Recipient),
        (Stage::Recipient, 556, "5.1.10 null MX", Recipient),
        (
            Stage::Recipient,
            550,
            "5.4.5 Daily SMTP relay sending limit exceeded",
            Us,
        ),
        (Stage::Recipient, 550, "Daily limit exceeded", Us),
        (
            Stage::Recipient,
            553,
            "sorry, that domain isn't in my list of allowed rcpthosts",
            Us,
        ),
        (Stage::Recipient, 554, "5.7.1 relay access denied", Us),
        (Stage::Recipient, 554, "relay access denied", Us),
        (
            Stage::Recipient,
            550,
            "relay not permitted for unknown user",
            Us,
        ),
        (Stage::Recipient, 550, "your account is disabled", Us),
        (Stage::Recipient, 550, "5.7.1 blocked by policy", Us),
        (Stage::Recipient, 530, "5.7.0 authentication required", Us),
        (Stage::Recipient, 503, "5.5.1 bad sequence", Us),
        (Stage::Recipient, 550, "", Us),
        (
            Stage::Recipient,
            550,
            "<no.such.user@b.example> refused",
            Us,
        ),
        (Stage::Data, 554, "5.5.1 no valid recipients", Us),
        (Stage::Data, 550, "5.1.1 no such user", Recipient),
        (Stage::Content, 451, "4.7.1 greylisted", Passing),
        (Stage::Content, 550, "5.1.1 no such user", Recipient),
        (Stage::Content, 552, "5.2.2 mailbox full", Recipient),
        (Stage::Content, 552, "mailbox full", Recipient),
        (
            Stage::Content,
            554,
            "delivery error: dd This user doesn't have an account",
            Recipient,
        ),
        (
            Stage::Content,
            552,
            "Message would take you over your relay quota of 500",
            Us,
        ),
        (Stage::Content, 552, "5.3.4 too big", Us),
        (
            Stage::Content,
            550,
            "5.4.5 Daily user sending limit exceeded\n5.4.5 gsmtp",
            Us,
        ),
        (Stage::Content, 554, "5.4.6 Too many hops", Us),
        (
            Stage::Content,
            554,
            "5.2.0 STOREDRV.Submission.Exception:OutboundSpamException",
            Us,
        ),
        (
            Stage::Content,
            554,
            "5.2.252 SendAsDenied; not allowed to send as",
            Us,
        ),
        (
            Stage::Content,
            554,
            "Message rejected: Email address is not verified.",
            Us,
        ),
        (Stage::Content, 550, "5.7.1 looks like spam", Us),
        (Stage::Content, 554, "5.7.1 rejected", Us),
        (Stage::Content, 550, "rejected", Us),
    ];
    for (stage, code, words, expected) in cases {
        let blame = reply(code, words).refusal(stage).blame;
        assert_eq!(blame, expected, "{code} {words} {stage}");
    }
}

#[test]
fn a_refusal_shows_its_codes_and_nothing_of_its_text() {
    for (words, shown) in [
        ("5.1.1 <a@b.c>: unknown", "550 5.1.1"),
        ("5.7.509 dmarc", "550 5.7.509"),
        ("no\n5.7.1 policy", "550 5.7.1"),
        ("", "550"),
        ("no", "550"),
        ("5.1", "550"),
        ("5.1.1.1 x", "550"),
        ("192.168.0.1 x", "550"),
        ("5..1", "550"),
        ("+5.1.1", "550"),
    ] {
        let refusal = reply(550, words).refusal(Stage::Recipient);
        assert_eq!(refusal.to_string(), shown, "{words}");
    }
}
