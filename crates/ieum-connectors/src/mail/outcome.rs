//! What a mail server's reply means: RFC 5321, section 4.2, by the step that it answers.
//!
//! Invariant: until the server has taken the whole letter, every failure is a definite no; after
//! that, silence is `Unknown`.

use super::wire::Silence;
use crate::verdict::refused;
use ieum_core::outgoing::{Fault, Outcome, Scope};

/// How long a letter waits that a server puts off; greylisting asks for minutes.
const PUT_OFF_MS: u64 = 60_000;

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The connection, and who we say we are.
    Greeting,
    /// Our name and password.
    Login,
    /// Who sends.
    Sender,
    /// Who is to get it.
    Recipient,
    /// Whether a letter may follow, and the letter itself.
    Letter,
}

/// A reply that is no yes.
pub(super) fn of_no(step: Step, code: u16) -> Outcome {
    let reason = format!("the mail server answered {code}");
    match (step, code) {
        (Step::Recipient | Step::Letter, 452) | (Step::Greeting | Step::Sender, 450..=452) => {
            Outcome::Deferred { after_ms: PUT_OFF_MS, fault: Fault::Limit, reason }
        }
        (Step::Recipient | Step::Letter, 400..=499) if code != 421 => {
            Outcome::Deferred { after_ms: PUT_OFF_MS, fault: Fault::Request, reason }
        }
        (Step::Greeting | Step::Login | Step::Sender, 500..=599) => refused(Scope::Account, reason),
        (Step::Recipient, 552) | (Step::Letter, 500..=599) => refused(Scope::Message, reason),
        (Step::Recipient, 500..=599) => refused(Scope::Recipient, reason),
        // 421 and everything that no standard knows: nothing was taken.
        _ => Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason },
    }
}

/// Silence before the letter was whole.
pub(super) fn not_handed_over(silence: Silence) -> Outcome {
    let reason = format!("mail server: {silence}");
    Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason }
}

/// Silence, or a reply without a meaning, after the letter was whole.
pub(super) fn in_doubt(reason: String) -> Outcome {
    Outcome::Unknown { reason }
}
