//! `GET /m/{link}`: a file that came with a message, to whoever holds its link.
//!
//! Networks without uploads fetch from here, and people open what their network does not carry.
//! Invariants: a link is believed by its proof alone and tells nothing when it has none; no file
//! runs anything in a browser, whatever it is and whatever it is called.

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use crate::web::uploads;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_RANGE, RANGE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ieum_core::media::Kept;
use ieum_core::media::link::LinkFault;
use ieum_core::media::sniff::{UNKNOWN_TYPE, is_shown};
use ieum_core::ports::media::{MediaFile, Opened};
use ieum_engine::LinkFailure;
use std::fmt::Write as _;
use std::sync::Arc;

/// Stands for films and large pictures where a network wants a small picture.
const PREVIEW: &[u8] = include_bytes!("web/assets/preview.png");
/// Nothing in the file runs, is framed or loads anything.
const POLICY: &str = "sandbox; default-src 'none'";

/// All routes of this file.
pub(crate) fn router() -> axum::Router<Shared> {
    axum::Router::new()
        .route("/m/preview.png", get(preview))
        .route("/m/{link}", get(file))
        .route("/inbox/{conversation}/files/{message}", get(uploads::file))
}

async fn preview() -> Response {
    let mut response = PREVIEW.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn file(
    State(edge): State<Shared>,
    Path(link): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Response {
    match edge.hub.linked_file(&link).await {
        Ok(opened) => serve(&opened, &asked, method == Method::HEAD),
        Err(failure) => problem(&failure).into_response(),
    }
}

fn problem(failure: &LinkFailure) -> Problem {
    match failure {
        LinkFailure::Fault(LinkFault::Forged) => Problem::not_found("file"),
        LinkFailure::Fault(LinkFault::Expired) => {
            Problem::new(Kind::NotFound, "this link has expired")
        }
        LinkFailure::NotHere => Problem::new(Kind::NotFound, "the file is not here, or not yet"),
        LinkFailure::Unreadable => Problem::unavailable("a linked file was not read"),
    }
}

/// The bytes from `start` up to, but not with, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
}

/// What of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Span),
    /// Nothing of it.
    Beyond,
}

/// A file as a browser may have it, or the part of it that is asked for.
pub(crate) fn serve(opened: &Opened, asked: &HeaderMap, head_only: bool) -> Response {
    let bytes = opened.file.bytes();
    let tag = tag(&opened.kept);
    let (status, span) = match asked_for(asked, &tag, bytes) {
        Asked::Whole => (StatusCode::OK, Span { start: 0, end: bytes }),
        Asked::Part(span) => (StatusCode::PARTIAL_CONTENT, span),
        Asked::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, Span { start: 0, end: 0 }),
    };
    let empty = head_only || status == StatusCode::RANGE_NOT_SATISFIABLE;
    let body = if empty { Body::empty() } else { body(Arc::clone(&opened.file), span) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    describe(headers, &opened.kept, &tag);
    let length = span.end - span.start;
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let range = match status {
        StatusCode::PARTIAL_CONTENT => {
            Some(format!("bytes {}-{}/{bytes}", span.start, span.end - 1))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{bytes}")),
        _ => None,
    };
    if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
        headers.insert(CONTENT_RANGE, range);
    }
    response
}

fn tag(kept: &Kept) -> String {
    let mut tag = "\"".to_owned();
    for byte in kept.hash.iter().take(16) {
        let _never_fails = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

fn describe(headers: &mut HeaderMap, kept: &Kept, tag: &str) {
    let shown = is_shown(&kept.media_type);
    let media_type = if shown { &kept.media_type } else { UNKNOWN_TYPE };
    let disposition = disposition(if shown { "inline" } else { "attachment" }, &kept.name);
    let fixed = [
        (CACHE_CONTROL, "private, max-age=3600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (ACCEPT_RANGES, "bytes"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let told = [(CONTENT_TYPE, media_type), (CONTENT_DISPOSITION, &disposition), (ETAG, tag)];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// A file's name as RFC 6266 has it: in plain letters for old programs, and whole.
fn disposition(how: &str, name: &str) -> String {
    if name.is_empty() {
        return how.to_owned();
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }
    };
    let simple: String = name.chars().map(plain).collect();
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            whole.push(char::from(byte));
        } else {
            let _never_fails = write!(whole, "%{byte:02X}");
        }
    }
    format!("{how}; filename=\"{simple}\"; filename*=UTF-8''{whole}")
}

/// One range is served; of several, or of what is no range, the whole is (RFC 9110, 14.2).
fn asked_for(headers: &HeaderMap, tag: &str, bytes: u64) -> Asked {
    let of_another = headers.get(IF_RANGE).is_some_and(|given| given.as_bytes() != tag.as_bytes());
    let range = headers.get(RANGE).filter(|_| !of_another);
    let Some(range) = range.and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    span(range.trim(), bytes).unwrap_or(Asked::Whole)
}

fn span(range: &str, bytes: u64) -> Option<Asked> {
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(bytes)),
        (Some(first), None) if last.is_empty() => (first, bytes),
        (None, Some(count)) if first.is_empty() => {
            (if count == 0 { bytes } else { bytes.saturating_sub(count) }, bytes)
        }
        _ => return None,
    };
    Some(if start < end { Asked::Part(Span { start, end }) } else { Asked::Beyond })
}

fn body(file: Arc<dyn MediaFile>, span: Span) -> Body {
    let pieces = stream::try_unfold((file, span), |(file, Span { start, end })| async move {
        if start >= end {
            return Ok(None);
        }
        let mut piece: Bytes = file.piece(start).await?;
        let left = usize::try_from(end - start).unwrap_or(usize::MAX);
        piece.truncate(left);
        if piece.is_empty() {
            return Ok(None);
        }
        let start = start + piece.len() as u64;
        Ok::<_, ieum_core::ports::media::MediaFailure>(Some((piece, (file, Span { start, end }))))
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_anything_else_is_the_whole() {
        let part = |start, end| Asked::Part(Span { start, end });
        for (range, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 6)),
            ("bytes=5-", part(5, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=8-99999999999999999999", part(8, 10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-20", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static(range));
            assert_eq!(asked_for(&headers, "\"t\"", 10), expected, "{range}");
            headers.insert(IF_RANGE, HeaderValue::from_static("\"other\""));
            assert_eq!(asked_for(&headers, "\"t\"", 10), Asked::Whole, "{range} of another");
        }
        assert_eq!(asked_for(&HeaderMap::new(), "", 10), Asked::Whole);
    }

    #[test]
    fn names_cannot_leave_their_header() {
        for (name, expected) in [
            ("", "inline"),
            ("a.jpg", "inline; filename=\"a.jpg\"; filename*=UTF-8''a.jpg"),
            (
                "사 진.jpg",
                "inline; filename=\"_ _.jpg\"; filename*=UTF-8''%EC%82%AC%20%EC%A7%84.jpg",
            ),
            ("a\";x=\"", "inline; filename=\"a__x__\"; filename*=UTF-8''a%22%3Bx%3D%22"),
        ] {
            assert_eq!(disposition("inline", name), expected);
        }
    }
}
