//! Tokens: who may use `/v1`, and how often.
//!
//! Only digests are kept; comparing looks at all of them, and each in constant time, so that the
//! time of an answer tells nothing. Invariant: without a token nobody gets in.

use crate::bucket::{Bucket, Rate};
use ieum_core::time::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Mutex;
use subtle::ConstantTimeEq;

/// Shortest secret of a token.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Longest secret of a token; longer ones are not even digested.
pub const TOKEN_BYTES_MAX: usize = 512;

/// A token of `/v1`: a name for logs and idempotency keys, and the digest of its secret.
#[derive(Clone)]
pub struct Token {
    name: Box<str>,
    digest: [u8; 32],
    rate: Rate,
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token")
            .field("name", &self.name)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// Why a token cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Easily guessed, or unusually long.
    #[error(
        "the secret of token `{0}` must have {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} visible \
         ASCII characters"
    )]
    Secret(Box<str>),
}

impl Token {
    /// A token with its secret, which is digested at once.
    ///
    /// # Errors
    /// When the secret cannot be sent in a header or is too short or too long.
    pub fn new(name: &str, secret: &str, rate: Rate) -> Result<Self, TokenFault> {
        let fits = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&secret.len());
        if !fits || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenFault::Secret(name.into()));
        }
        Ok(Self { name: name.into(), digest: Sha256::digest(secret).into(), rate })
    }
}

/// A caller that was let in: the place of its token among all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's name.
    pub(crate) name: Box<str>,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// No such token.
    Unknown,
    /// The token's rate is used up for so long.
    WaitMs(u64),
}

/// All tokens, with what each has left.
#[derive(Debug)]
pub(crate) struct Gate {
    tokens: Vec<(Token, Mutex<Bucket>)>,
}

impl Gate {
    /// A gate for these tokens.
    pub(crate) fn new(tokens: Vec<Token>, now: Timestamp) -> Self {
        let with_bucket = |token: Token| {
            let bucket = Bucket::full(token.rate, now);
            (token, Mutex::new(bucket))
        };
        Self { tokens: tokens.into_iter().map(with_bucket).collect() }
    }

    /// Lets a caller in by the secret it showed, and counts the call.
    pub(crate) fn enter(&self, secret: &[u8], now: Timestamp) -> Result<Caller, Turned> {
        if secret.len() > TOKEN_BYTES_MAX {
            return Err(Turned::Unknown);
        }
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut found = None;
        for entry in &self.tokens {
            if bool::from(entry.0.digest.ct_eq(&digest)) {
                found = Some(entry);
            }
        }
        let (token, bucket) = found.ok_or(Turned::Unknown)?;
        // A bucket is two numbers: a thread that died with it left nothing half done.
        let mut bucket = bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bucket.take(token.rate, now).map_err(Turned::WaitMs)?;
        Ok(Caller { name: token.name.clone() })
    }
}

/// The secret in an `Authorization` header; the scheme's name is not case-sensitive (RFC 9110).
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 1, burst: 2 };

    #[test]
    fn secrets_are_checked_and_never_printed() {
        let secret = "correct-horse-battery";
        let token = Token::new("cli", secret, RATE).unwrap();
        assert!(!format!("{token:?}").contains(secret));
        for bad in ["", "short", "with blanks in between!", "한글한글한글한글한글한글"]
        {
            assert!(Token::new("cli", bad, RATE).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_token_has_its_own_rate() {
        let one = Token::new("one", "0123456789abcdef-1", RATE).unwrap();
        let two = Token::new("two", "0123456789abcdef-2", RATE).unwrap();
        let gate = Gate::new(vec![one, two], Timestamp(0));
        let enter = |secret: &str| gate.enter(secret.as_bytes(), Timestamp(0));
        assert_eq!(&*enter("0123456789abcdef-1").unwrap().name, "one");
        assert!(enter("0123456789abcdef-1").is_ok());
        assert_eq!(enter("0123456789abcdef-1"), Err(Turned::WaitMs(1_000)));
        assert_eq!(&*enter("0123456789abcdef-2").unwrap().name, "two");
        assert_eq!(enter("0123456789abcdef-3"), Err(Turned::Unknown));
        assert_eq!(enter(""), Err(Turned::Unknown));
    }

    #[test]
    fn nobody_enters_a_gate_without_tokens() {
        let gate = Gate::new(Vec::new(), Timestamp(0));
        assert_eq!(gate.enter(b"", Timestamp(0)), Err(Turned::Unknown));
    }

    #[test]
    fn bearer_is_read_in_any_case() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bEARER  abc "), Some(&b"abc"[..]));
        for other in [&b"Basic abc"[..], b"Bearer", b"", b"Bearerabc"] {
            assert_eq!(bearer(other), None);
        }
    }
}
