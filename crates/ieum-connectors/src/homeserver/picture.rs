//! An author's picture, fetched where their own network shows it to everybody.
//!
//! Not media of messages. Invariant: nothing is fetched but a small picture, by https, from a host
//! that has a public name; what it is is known by its bytes, not by what the other side says.

use bytes::Bytes;
use http::{Request, Uri};
use ieum_core::ports::http::{HttpLimits, HttpTransport};
use std::net::IpAddr;

/// A message waits for the picture of its author no longer than this.
const LIMITS: HttpLimits = HttpLimits { timeout_ms: 3_000, answer_bytes_max: 512 * 1024 };
/// How the bytes of pictures begin, and what that is called.
const KINDS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// The picture and its media type; `None` when there is none to be had.
pub(super) async fn fetch(http: &dyn HttpTransport, url: &str) -> Option<(Bytes, &'static str)> {
    let uri = public(url)?;
    let request = Request::get(uri).body(Bytes::new()).ok()?;
    let answer = http.call(request, LIMITS).await.ok()?;
    let bytes = answer.status().is_success().then(|| answer.into_body())?;
    let kind = KINDS.iter().find(|(start, _)| bytes.starts_with(start))?.1;
    Some((bytes, kind))
}

fn public(url: &str) -> Option<Uri> {
    let uri = Uri::try_from(url).ok()?;
    let host = uri.host()?;
    let is_number = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_named = host.contains('.') && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    let private = ["local", "localhost", "internal", "lan", "home", "arpa"].contains(&last);
    (uri.scheme_str() == Some("https") && !is_number && is_named && !private).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_names_are_asked() {
        assert!(public("https://profile.line-scdn.net/0h1").is_some());
        for bad in [
            "http://profile.line-scdn.net/0h1",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://localhost/x",
            "https://printer.local/x",
            "https://2130706433/x",
            "https://10.0.0.1.5/x",
            "/x",
            "",
        ] {
            assert_eq!(public(bad), None, "{bad}");
        }
    }
}
