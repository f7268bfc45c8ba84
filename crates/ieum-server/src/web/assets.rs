//! The files of the pages, kept in the binary.
//!
//! Invariant: a file's address does not change, so its tag does with its content, and browsers ask.

use crate::problem::Problem;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
/// How long browsers use a file without asking.
const KEPT: &str = "public, max-age=300, must-revalidate";

const FILES: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("dark.css", "text/css; charset=utf-8", include_str!("assets/dark.css")),
    ("page.js", JAVASCRIPT, include_str!("assets/page.js")),
    ("write.js", JAVASCRIPT, include_str!("assets/write.js")),
    ("attach.js", JAVASCRIPT, include_str!("assets/attach.js")),
    ("notify.js", JAVASCRIPT, include_str!("assets/notify.js")),
    ("passkey.js", JAVASCRIPT, include_str!("assets/passkey.js")),
    ("worker.js", JAVASCRIPT, include_str!("assets/worker.js")),
    ("icon.svg", SVG, include_str!("assets/icon.svg")),
];

const MANIFEST: &str = include_str!("assets/manifest.webmanifest");

/// One file by its name.
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let mut files = FILES.iter().zip(tags());
    let Some(((_, media_type, text), tag)) = files.find(|(file, _)| file.0 == name) else {
        return Problem::not_found("file").into_response();
    };
    let kept = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == tag.as_str());
    let about = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, KEPT)];
    if kept {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, *media_type)], *text).into_response()
}

/// What answers in a browser without a connection. It stands at the root, to reach all pages.
pub(super) async fn worker(headers: HeaderMap) -> Response {
    asset(Path("worker.js".to_owned()), headers).await
}

/// What makes the pages a program on a phone.
pub(super) async fn manifest() -> Response {
    let about =
        [(header::CONTENT_TYPE, "application/manifest+json"), (header::CACHE_CONTROL, KEPT)];
    (about, MANIFEST).into_response()
}

fn tags() -> &'static [String] {
    static TAGS: OnceLock<Vec<String>> = OnceLock::new();
    TAGS.get_or_init(|| FILES.iter().map(|(_, _, text)| tag(text)).collect())
}

fn tag(text: &str) -> String {
    let digest = Sha256::digest(text);
    let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most bytes of script that all pages load together.
    const SCRIPT_BYTES_MAX: usize = 60 * 1_024;

    #[test]
    fn phones_load_little() {
        let scripts = FILES.iter().filter(|(_, media_type, _)| *media_type == JAVASCRIPT);
        let bytes: usize = scripts.map(|(_, _, text)| text.len()).sum();
        assert!((1..=SCRIPT_BYTES_MAX).contains(&bytes), "{bytes}");
    }

    /// Whoever becomes another, or nobody, leaves no page of before on the device.
    #[test]
    fn the_worker_knows_every_door() {
        let worker = include_str!("assets/worker.js");
        let doors = ["/sign-out", "/sign-in/code", "/sign-in/passkey", "/join", "/me/leave"];
        for door in doors {
            assert!(worker.contains(&format!("\"{door}\"")), "{door}");
        }
    }

    #[test]
    fn the_dark_look_says_every_colour_of_the_light_one_and_no_other() {
        let names = |text: &'static str| {
            let root = text.split_once(":root {").unwrap().1.split('}').next().unwrap();
            let lines = root.split(';').filter_map(|one| one.split_once(": #"));
            lines.map(|(name, _)| name.trim()).collect::<std::collections::BTreeSet<_>>()
        };
        let of = |wanted: &str| FILES.iter().find(|file| file.0 == wanted).unwrap().2;
        assert_eq!(names(of("dark.css")), names(of("style.css")));
        assert!(names(of("style.css")).len() > 12);
    }
}
