//! Verdicts that are the same whatever the network: a refusal of ours, and no answer at all.
//!
//! What a network answers is judged in its own folder. Invariant: a failure's own words are not
//! passed on, because they may hold the address and with it a token.

use ieum_core::outgoing::{Fault, Outcome, Scope};
use ieum_core::ports::http::HttpFailure;

/// A definite no.
pub(crate) fn refused(scope: Scope, reason: impl Into<String>) -> Outcome {
    Outcome::Refused { scope, moved_to: None, reason: reason.into() }
}

/// What came of a call that was not answered: only what never left may be repeated.
pub(crate) fn of_silence(failure: &HttpFailure) -> Outcome {
    let reason = told(failure).to_owned();
    match failure {
        HttpFailure::NotSent(_) => Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason },
        HttpFailure::NoAnswer(_) | HttpFailure::AnswerTooLarge => Outcome::Unknown { reason },
    }
}

/// A failure without its details.
pub(crate) fn told(failure: &HttpFailure) -> &'static str {
    match failure {
        HttpFailure::NotSent(_) => "the network could not be reached",
        HttpFailure::NoAnswer(_) => "no answer from the network",
        HttpFailure::AnswerTooLarge => "the network's answer was too large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_without_its_details() {
        let address = || "http://api.test/bot1:secret".to_owned();
        for (failure, unsure) in [
            (HttpFailure::NotSent(address()), false),
            (HttpFailure::NoAnswer(address()), true),
            (HttpFailure::AnswerTooLarge, true),
        ] {
            let outcome = of_silence(&failure);
            assert_eq!(matches!(outcome, Outcome::Unknown { .. }), unsure, "{outcome:?}");
            assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
        }
    }
}
