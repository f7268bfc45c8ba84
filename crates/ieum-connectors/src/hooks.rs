//! What is refused of any network's hook call, whatever the network.
//!
//! Not the proof that a call is genuine. Invariant: a refusal's text is short and of one line.

use crate::wire_text::reason;
use ieum_core::ports::connector::{HOOK_BODY_BYTES_MAX, HookRefusal};

/// A genuine call that cannot be read.
pub(crate) fn malformed(text: &str) -> HookRefusal {
    HookRefusal::Malformed(reason(text))
}

/// Whether a body is small enough to be read.
pub(crate) fn check_size(body: &[u8]) -> Result<(), HookRefusal> {
    if body.len() > HOOK_BODY_BYTES_MAX {
        return Err(malformed("the body is too large"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_a_largest_size() {
        let mut body = vec![b' '; HOOK_BODY_BYTES_MAX];
        assert_eq!(check_size(&body), Ok(()));
        body.push(b' ');
        assert_eq!(check_size(&body), Err(malformed("the body is too large")));
    }

    #[test]
    fn a_refusal_has_one_line() {
        assert_eq!(malformed("a\nb"), HookRefusal::Malformed("a b".to_owned()));
    }
}
