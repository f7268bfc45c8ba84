//! Reading calls to `/v1`: path, query and JSON, each with a problem when it does not fit.
//!
//! Unknown fields are errors everywhere: a misspelt one must not be silently without effect.

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use crate::setup::API_BODY_BYTES_MAX;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Rows of a page when the caller names none.
const PAGE_ROWS: usize = 50;
/// Most rows of a page.
pub(crate) const PAGE_ROWS_MAX: usize = 200;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Shared) -> Result<Self, Problem> {
        media_type_is_json(request.headers())?;
        let body = edge.bodies.read(request.into_body(), API_BODY_BYTES_MAX).await?;
        parse(&body.bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::new(Kind::Malformed, "the body is not UTF-8"))?;
    serde_json::from_str(text).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => Kind::Invalid,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => Kind::Malformed,
        };
        Problem::new(kind, error.to_string())
    })
}

fn media_type_is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let problem = |detail: &'static str| Problem::new(Kind::UnsupportedMedia, detail);
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| problem("the body must be application/json"))?;
    let mut pieces = value.split(';').map(str::trim);
    if !pieces.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json")) {
        return Err(problem("the body must be application/json"));
    }
    let foreign = pieces
        .filter_map(|piece| piece.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .any(|(_, charset)| !charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if foreign {
        return Err(problem("JSON is UTF-8 here; no other charset is read"));
    }
    Ok(())
}

/// The query of a call.
#[derive(Debug)]
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(Kind::Malformed, rejection.body_text())),
        }
    }
}

/// What stands in the path: a number, or several.
#[derive(Debug)]
pub(crate) struct PathOf<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Shared) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, edge).await {
            Ok(Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(Problem::new(Kind::Malformed, rejection.body_text())),
        }
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the page before; the first page without.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// Rows of the page, 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub(crate) limit: Option<usize>,
}

/// How many rows a caller wants.
pub(crate) fn rows(limit: Option<usize>, rows_max: usize) -> Result<usize, Problem> {
    match limit {
        None => Ok(PAGE_ROWS.min(rows_max)),
        Some(rows) if (1..=rows_max).contains(&rows) => Ok(rows),
        Some(_) => Err(Problem::new(Kind::Invalid, format!("limit must be 1 to {rows_max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn judged(media_type: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        media_type_is_json(&headers).is_ok()
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(judged(good), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=euc-kr",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert!(!judged(bad), "{bad}");
        }
        assert!(media_type_is_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn what_is_not_json_is_malformed_and_what_does_not_fit_is_invalid() {
        let kind = |bytes: &[u8]| parse::<PageQuery>(bytes).unwrap_err().kind();
        assert_eq!(kind(b"{"), Kind::Malformed);
        assert_eq!(kind(b""), Kind::Malformed);
        assert_eq!(kind(b"\xc7\xd1\xb1\xdb"), Kind::Malformed);
        assert_eq!(kind(b"{\"limit\":\"many\"}"), Kind::Invalid);
        assert_eq!(kind(b"{\"limti\":5}"), Kind::Invalid);
        let deep = format!("{{\"cursor\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        parse::<PageQuery>(deep.as_bytes()).unwrap_err();
        let deep = "[".repeat(500_000);
        assert_eq!(
            parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().kind(),
            Kind::Malformed
        );
    }
}
