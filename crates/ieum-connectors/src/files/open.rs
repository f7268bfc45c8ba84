//! Opening a file at an address, with redirects looked at one by one.
//!
//! Invariants: a redirect to another host carries no credential and reaches only the public
//! internet; one from https to http is not followed.

use super::IDLE_MS_MAX;
use crate::doors::Doors;
use crate::retry_after;
use crate::verdict;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use ieum_core::ports::connector::{FetchFailure, Fetched};
use ieum_core::ports::http::{CarryLimits, Reach, Upload};
use percent_encoding::percent_decode_str;

/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Longest address that is followed.
const URL_BYTES_MAX: usize = 4_096;

/// Where a file is and what proves us there.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its address.
    pub(crate) uri: Uri,
    /// Proves us to that host and to no other.
    pub(crate) authorization: Option<HeaderValue>,
    /// Where the address came from.
    pub(crate) reach: Reach,
}

impl Source {
    /// A file at an address that a stranger named.
    pub(crate) fn named_by_stranger(url: &str) -> Option<Self> {
        let uri = Uri::try_from(url).ok().filter(|_| url.len() <= URL_BYTES_MAX)?;
        let fits = matches!(uri.scheme_str(), Some("http" | "https")) && plain_authority(&uri);
        fits.then_some(Self { uri, authorization: None, reach: Reach::PublicOnly })
    }

    /// The same file where this answer sends us; `None` where we do not follow.
    fn moved(&self, headers: &HeaderMap) -> Option<Self> {
        let to = headers.get(LOCATION)?.to_str().ok()?;
        let absolute = match to.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => {
                format!("{}://{}{to}", self.uri.scheme_str()?, self.uri.authority()?)
            }
            Some(_) => format!("{}:{to}", self.uri.scheme_str()?),
            None => to.to_owned(),
        };
        let there = Self::named_by_stranger(&absolute)?;
        if self.uri.scheme_str() == Some("https") && there.uri.scheme_str() != Some("https") {
            return None;
        }
        if there.uri.authority() == self.uri.authority() {
            return Some(Self { uri: there.uri, ..self.clone() });
        }
        Some(there)
    }

    fn request(&self) -> Request<Upload> {
        let mut request = Request::new(Upload::Whole(bytes::Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.uri.clone();
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// A host without a name and password before it, which could hide where it leads.
fn plain_authority(uri: &Uri) -> bool {
    uri.authority().is_some_and(|host| !host.as_str().contains('@') && !host.host().is_empty())
}

/// The last part of an address, as a file's name.
pub(crate) fn name_in(url: &str) -> Option<Box<str>> {
    let path = url.split(['?', '#']).next()?;
    let last = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    Some(percent_decode_str(last).decode_utf8_lossy().into())
}

/// Opens a file.
pub(crate) async fn open(doors: &Doors, mut source: Source) -> Result<Fetched, FetchFailure> {
    for _ in 0..=REDIRECTS_MAX {
        let limits = CarryLimits { idle_ms: IDLE_MS_MAX, reach: source.reach };
        let answer = doors.http.carry(source.request(), limits).await;
        let answer = answer.map_err(|failure| FetchFailure::Later {
            after_ms: 0,
            reason: verdict::told(&failure).to_owned(),
        })?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(opened(answer));
        }
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Err(refused(status, answer.headers(), doors));
        }
        let moved = source.moved(answer.headers());
        source = moved.ok_or_else(|| gone("it moved to where we do not follow"))?;
    }
    Err(gone("it moved too often"))
}

fn opened(answer: http::Response<Box<dyn ieum_core::ports::http::PieceStream>>) -> Fetched {
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    Fetched {
        media_type: text(CONTENT_TYPE).map(Into::into),
        bytes: text(CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok()),
        pieces: answer.into_body(),
    }
}

fn gone(reason: &str) -> FetchFailure {
    FetchFailure::Gone(reason.to_owned())
}

/// What a status says of a file.
fn refused(status: StatusCode, headers: &HeaderMap, doors: &Doors) -> FetchFailure {
    let reason = format!("status {}", status.as_u16());
    match status.as_u16() {
        413 => FetchFailure::TooLarge,
        // Not ready yet, or not now.
        202 | 408 | 425 | 429 | 500..=599 => {
            let after_ms = retry_after::wait_ms(headers, doors.clock.now());
            FetchFailure::Later { after_ms, reason }
        }
        _ => FetchFailure::Gone(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Script, run};
    use http::Response;

    fn own(url: &str) -> Source {
        let authorization = Some(HeaderValue::from_static("Bearer secret"));
        Source { uri: url.parse().unwrap(), authorization, reach: Reach::Anywhere }
    }

    fn redirect(script: &Script, status: u16, to: &str) {
        let answer = Response::builder().status(status).header(LOCATION, to);
        script.respond_with(answer.body(bytes::Bytes::new()).unwrap());
    }

    fn authorized(script: &Script) -> Vec<(String, bool)> {
        let told = |call: &Request<bytes::Bytes>| {
            (call.uri().to_string(), call.headers().contains_key(AUTHORIZATION))
        };
        script.calls().iter().map(told).collect()
    }

    #[test]
    fn a_file_is_opened_with_our_proof() {
        let script = Script::default();
        script.answer(200, "bytes");
        let mut opened = run(open(&script.doors(), own("http://api.test/file/1"))).unwrap();
        assert_eq!(run(opened.pieces.next()).unwrap().unwrap(), "bytes");
        assert_eq!(authorized(&script), [("http://api.test/file/1".to_owned(), true)]);
    }

    #[test]
    fn another_host_gets_no_proof_and_must_be_public() {
        let script = Script::default();
        redirect(&script, 302, "/moved");
        redirect(&script, 307, "https://cdn.example/x");
        script.answer(200, "bytes");
        run(open(&script.doors(), own("https://api.test/file"))).unwrap();
        let expected = [
            ("https://api.test/file".to_owned(), true),
            ("https://api.test/moved".to_owned(), true),
            ("https://cdn.example/x".to_owned(), false),
        ];
        assert_eq!(authorized(&script), expected);
        let reaches = [Reach::Anywhere, Reach::Anywhere, Reach::PublicOnly];
        assert_eq!(script.reaches(), reaches);
    }

    #[test]
    fn what_leads_astray_is_not_followed() {
        for to in ["http://api.test/x", "ftp://host/x", "file:///etc/passwd", "", "//u:p@h/x"] {
            let script = Script::default();
            redirect(&script, 301, to);
            let opened = run(open(&script.doors(), own("https://api.test/file")));
            assert!(matches!(opened, Err(FetchFailure::Gone(_))), "{to}: {opened:?}");
            assert_eq!(script.calls().len(), 1, "{to}");
        }
        let script = Script::default();
        for _ in 0..9 {
            redirect(&script, 302, "/again");
        }
        let opened = run(open(&script.doors(), own("https://api.test/file")));
        assert!(matches!(opened, Err(FetchFailure::Gone(_))));
        assert_eq!(script.calls().len(), REDIRECTS_MAX + 1);
    }

    #[test]
    fn statuses_say_whether_to_ask_again() {
        for (status, again) in [
            (202, true),
            (429, true),
            (500, true),
            (503, true),
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (410, false),
        ] {
            let script = Script::default();
            script.answer(status, "");
            let failed = run(open(&script.doors(), own("https://api.test/file"))).unwrap_err();
            assert_eq!(matches!(failed, FetchFailure::Later { .. }), again, "{status}: {failed}");
        }
        let script = Script::default();
        script.answer(413, "");
        let opened = run(open(&script.doors(), own("https://api.test/file")));
        assert!(matches!(opened, Err(FetchFailure::TooLarge)));
    }

    #[test]
    fn strangers_name_plain_addresses_only() {
        for good in ["https://files.example/a/b.jpg", "http://files.example:5280/x?y=z"] {
            assert!(Source::named_by_stranger(good).is_some(), "{good}");
        }
        let long = format!("https://files.example/{}", "x".repeat(URL_BYTES_MAX));
        for bad in ["", "b.jpg", "ftp://h/x", "https://u:p@h/x", "aesgcm://h/x#key", &long] {
            assert!(Source::named_by_stranger(bad).is_none(), "{bad}");
        }
        assert_eq!(name_in("https://h/a/%EC%82%AC%EC%A7%84.jpg?x#y").as_deref(), Some("사진.jpg"));
        assert_eq!(name_in("https://h/"), None);
    }
}
