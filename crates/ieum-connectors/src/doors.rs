//! What every connector is built from: the ports it may use, and secrets that do not print.
//!
//! Not a registry and not configuration: the binary reads the file and the environment and hands
//! in checked values. Invariant: a [`Secret`] never shows its text in a log, an error or a panic.

use ieum_core::ports::clock::Clock;
use ieum_core::ports::dial::Dial;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::HttpTransport;
use std::fmt;
use std::sync::Arc;

/// The ports that a connector reaches the world through; cheap to clone.
#[derive(Debug, Clone)]
pub struct Doors {
    /// One HTTP call out, one answer back.
    pub http: Arc<dyn HttpTransport>,
    /// Opens long-lived streams.
    pub dial: Arc<dyn Dial>,
    /// Reads the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for jitter.
    pub entropy: Arc<dyn Entropy>,
}

/// A token or shared secret. It has no `Display` and no `Serialize`, and its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a header is there exactly once, with this as its whole value.
    #[must_use]
    pub fn is_in(&self, headers: &http::HeaderMap, name: &http::HeaderName) -> bool {
        let given: Vec<_> = headers.get_all(name).iter().take(2).collect();
        matches!(&*given, [only] if self.matches(only.as_bytes()))
    }

    /// Compares in constant time for texts of one length.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_its_text() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
    }

    #[test]
    fn a_secret_matches_only_its_own_bytes() {
        let secret = Secret::new("비밀");
        assert!(secret.matches("비밀".as_bytes()));
        for other in ["", "비", "비밀 ", "빌미", "비밀비밀"] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
        }
    }
}
