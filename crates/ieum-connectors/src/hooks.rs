//! What is refused of any network's hook call, whatever the network.
//!
//! Not the proof that a call is genuine. Invariant: a refusal's text is short and of one line.

use crate::wire_text::reason;
use ieum_core::ports::connector::{HookRefusal, HookRequest, hook_bytes_max};

/// A genuine call that cannot be read.
pub(crate) fn malformed(text: &str) -> HookRefusal {
    HookRefusal::Malformed(reason(text))
}

/// Whether the hook itself is called, with a body that is small enough to be read.
pub(crate) fn check_plain(hook: HookRequest<'_>) -> Result<(), HookRefusal> {
    if hook.path.is_empty() { check_size(hook) } else { Err(HookRefusal::NotUsed) }
}

/// Whether a body is small enough to be read.
pub(crate) fn check_size(hook: HookRequest<'_>) -> Result<(), HookRefusal> {
    if hook.body.len() > hook_bytes_max(hook.path) {
        return Err(malformed("the body is too large"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ieum_core::ports::connector::{HOOK_BATCH_BYTES_MAX, HOOK_BODY_BYTES_MAX};

    #[test]
    fn a_body_has_a_largest_size() {
        let headers = http::HeaderMap::new();
        for (path, largest) in [("", HOOK_BODY_BYTES_MAX), ("/below", HOOK_BATCH_BYTES_MAX)] {
            let body = Bytes::from(vec![b' '; largest + 1]);
            let checked = |body: &Bytes| check_size(HookRequest { path, headers: &headers, body });
            assert_eq!(checked(&body.slice(1..)), Ok(()), "{path}");
            assert_eq!(checked(&body), Err(malformed("the body is too large")), "{path}");
        }
    }

    #[test]
    fn what_is_below_a_plain_hook_does_not_exist() {
        let (headers, body) = (http::HeaderMap::new(), Bytes::new());
        let checked = |path| check_plain(HookRequest { path, headers: &headers, body: &body });
        assert_eq!(checked(""), Ok(()));
        assert_eq!(checked("/more"), Err(HookRefusal::NotUsed));
    }

    #[test]
    fn a_refusal_has_one_line() {
        assert_eq!(malformed("a\nb"), HookRefusal::Malformed("a b".to_owned()));
    }
}
