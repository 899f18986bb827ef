//! How mails leave.

use std::sync::Arc;
use std::time::Duration;

use fanout_consume::{Attempt, Failure, OUTCOME_UNKNOWN};
use fanout_mail::{Letterhead, Mail, MailError, Mailer};
use fanout_runtime::{Clock, error_chain};
use fanout_telemetry::mail_span;
use tracing::Instrument as _;

/// How many tries may have sent a mail before an operator is asked.
const MOST_UNANSWERED: u64 = 2;
/// How long before the end of its time an act has to end by itself.
const MARGIN: Duration = Duration::from_millis(500);

/// What every mail takes.
#[derive(Clone)]
pub(crate) struct Mails {
    pub(crate) mailer: Arc<dyn Mailer>,
    /// The time, for a mail's date and its record.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) letterhead: Letterhead,
}

impl Mails {
    /// Hands a mail over. One that will never be taken, or may have been taken before, is to be parked.
    pub(crate) async fn send(&self, mail: &Mail, attempt: &Attempt) -> Result<(), Failure> {
        if attempt.unanswered >= MOST_UNANSWERED {
            return Err(Failure::Park {
                reason: OUTCOME_UNKNOWN,
                detail: "two tries may have sent the mail, and neither came to an end".to_owned(),
            });
        }
        // An act that is cut off tells nothing of how far the mail was.
        let until = attempt.until - MARGIN;
        let sending = self.mailer.send(mail, until).instrument(mail_span());
        sending.await.map_err(|error| failure(error, attempt))
    }
}

/// What a mail that was not sent, or may not have been, means for its event. One that may have been
/// sent before is not risked a third time.
fn failure(error: MailError, attempt: &Attempt) -> Failure {
    match error {
        MailError::Deferred(cause) => Failure::Later(cause),
        MailError::NotSent(_) | MailError::Misconfigured(_) => Failure::retry(error),
        MailError::Unknown(_) if attempt.may_have_repeated => Failure::Park {
            reason: OUTCOME_UNKNOWN,
            detail: error_chain(&error),
        },
        MailError::Unknown(_) => Failure::Retry {
            cause: error.into(),
            may_have_acted: true,
        },
        MailError::Refused(detail) => Failure::Park {
            reason: "mailbox_refused",
            detail,
        },
        MailError::Unsupported(detail) => Failure::Park {
            reason: "address_not_supported",
            detail,
        },
    }
}
