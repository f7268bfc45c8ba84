//! Problems: every error answer of the hub, as `application/problem+json` (RFC 9457).
//!
//! What the caller reads (`detail`) and what the operator reads (`cause`) are two fields that
//! never mix. Invariant: a problem's status is 4xx or 5xx; another one does not compile.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;

/// The media type of problems.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// Longest detail, in characters: a caller's own words may be in it.
const DETAIL_CHARS_MAX: usize = 300;
/// When to come back if the store is out of order.
const UNAVAILABLE_RETRY_S: u64 = 1;

/// A status that says that something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorStatus(u16);

impl ErrorStatus {
    const fn new(code: u16) -> Self {
        assert!(code >= 400 && code <= 599, "a problem is 4xx or 5xx");
        Self(code)
    }

    /// The number.
    pub(crate) const fn code(self) -> u16 {
        self.0
    }
}

/// What kind of problem; each has its own type URI and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Not what the endpoint reads.
    Malformed,
    /// No token, or not one of ours.
    Unauthorized,
    /// Nothing there.
    NotFound,
    /// Something there, but not for this method.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// It contradicts what is there.
    Conflict,
    /// The body is over its limit.
    TooLarge,
    /// Not JSON in UTF-8.
    UnsupportedMedia,
    /// Readable, but it breaks a rule.
    Invalid,
    /// The token's rate is used up.
    TooMany,
    /// A defect of ours.
    Internal,
    /// The hub cannot do it now.
    Unavailable,
}

impl Kind {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 12] = [
        Self::Malformed,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::Invalid,
        Self::TooMany,
        Self::Internal,
        Self::Unavailable,
    ];

    const fn facts(self) -> (&'static str, &'static str, ErrorStatus) {
        const fn facts(
            slug: &'static str,
            title: &'static str,
            status: u16,
        ) -> (&'static str, &'static str, ErrorStatus) {
            (slug, title, ErrorStatus::new(status))
        }
        match self {
            Self::Malformed => const { facts("malformed", "Malformed request", 400) },
            Self::Unauthorized => const { facts("unauthorized", "Not authorized", 401) },
            Self::NotFound => const { facts("not-found", "Not found", 404) },
            Self::MethodNotAllowed => const { facts("method", "Method not allowed", 405) },
            Self::Timeout => const { facts("timeout", "The request took too long", 408) },
            Self::Conflict => const { facts("conflict", "Conflict", 409) },
            Self::TooLarge => const { facts("too-large", "Too large", 413) },
            Self::UnsupportedMedia => const { facts("media-type", "Unsupported media type", 415) },
            Self::Invalid => const { facts("invalid", "Invalid value", 422) },
            Self::TooMany => const { facts("too-many", "Too many requests", 429) },
            Self::Internal => const { facts("internal", "Internal error", 500) },
            Self::Unavailable => const { facts("unavailable", "Unavailable", 503) },
        }
    }

    /// The status that goes with it.
    pub(crate) const fn status(self) -> ErrorStatus {
        self.facts().2
    }

    /// What it is called, for people.
    pub(crate) const fn title(self) -> &'static str {
        self.facts().1
    }

    /// The URI by which programs tell kinds apart.
    pub(crate) fn uri(self) -> String {
        format!("urn:ieum:problem:{}", self.facts().0)
    }
}

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    cause: Option<String>,
    retry_after_s: Option<u64>,
}

/// What is sent of a problem.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// `urn:ieum:problem:…`: one for each kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: Cow<'static, str>,
    /// The HTTP status again.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What was wrong this time.
    detail: String,
}

impl Problem {
    /// A problem of this kind, with words for the caller.
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), cause: None, retry_after_s: None }
    }

    /// Something of the caller's is not there.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no such {what}"))
    }

    /// The store does not answer as it should; the cause goes to the log only.
    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(Kind::Unavailable, "the hub cannot do this now; nothing was changed")
        }
        .retry_after_s(UNAVAILABLE_RETRY_S)
    }

    /// A defect; the cause goes to the log only.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(Kind::Internal, "the hub has a defect; the log says more")
        }
    }

    /// Says when to come back.
    pub(crate) fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Which kind it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: self.kind.uri(),
            title: Cow::Borrowed(self.kind.title()),
            status: self.kind.status().code(),
            detail: self.detail.chars().take(DETAIL_CHARS_MAX).collect(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::warn!(problem = self.kind.facts().0, %cause, "request failed");
        }
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let code = self.kind.status().code();
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.kind {
            Kind::Unauthorized => {
                let scheme = HeaderValue::from_static("Bearer realm=\"ieum\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            // What is left of such a body is not read: the connection cannot be used again.
            Kind::Timeout | Kind::TooLarge => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Kind::Malformed
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::Conflict
            | Kind::UnsupportedMedia
            | Kind::Invalid
            | Kind::TooMany
            | Kind::Internal
            | Kind::Unavailable => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_its_own_uri_and_status() {
        let uris: BTreeSet<String> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
        let codes: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.status().code()).collect();
        assert_eq!((uris.len(), codes.len()), (Kind::ALL.len(), Kind::ALL.len()));
    }

    #[test]
    fn the_cause_is_never_sent_and_the_detail_is_bounded() {
        let problem = Problem::unavailable("disk /dev/secret is full");
        let sent = serde_json::to_string(&problem.body()).unwrap();
        assert!(!sent.contains("secret"), "{sent}");
        let long = Problem::new(Kind::Invalid, "가".repeat(10_000));
        assert_eq!(long.body().detail.chars().count(), DETAIL_CHARS_MAX);
    }
}
