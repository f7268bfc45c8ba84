//! The address under which a network's API stands.
//!
//! Not a client. Invariant: what is joined to it is an absolute address on the same host.

use http::{HeaderValue, Uri};

/// Said of an `api_url` that is none.
pub(crate) const API_URL_COMPLAINT: &str =
    "api_url must be an absolute http or https address without a query";

/// What proves us by a token; `None` when it is empty or no header can carry it.
pub(crate) fn bearer(access_token: &str) -> Option<HeaderValue> {
    let token = Some(access_token).filter(|token| !token.is_empty())?;
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    authorization.set_sensitive(true);
    Some(authorization)
}

/// An absolute `http` or `https` address without a query; kept without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiBase(String);

impl ApiBase {
    /// Takes the address as configured.
    pub(crate) fn new(url: &str) -> Option<Self> {
        let trimmed = url.trim_end_matches('/');
        let uri = Uri::try_from(trimmed).ok()?;
        let host = uri.host().filter(|host| !host.is_empty());
        let fits = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
        (fits && host.is_some() && !trimmed.contains('#')).then(|| Self(trimmed.to_owned()))
    }

    /// The address of `path`, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Option<Uri> {
        path.starts_with('/').then(|| Uri::try_from(format!("{}{path}", self.0)).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_absolute_and_plain() {
        for good in ["https://api.line.me", "http://127.0.0.1:8080/", "http://[::1]:1/lab/"] {
            assert!(ApiBase::new(good).is_some(), "{good}");
        }
        for bad in
            ["", "api.line.me", "ftp://host", "/path", "http://host?x=1", "http://", "http://h#f"]
        {
            assert_eq!(ApiBase::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_are_joined_with_one_slash() {
        let base = ApiBase::new("http://host/lab/").unwrap();
        assert_eq!(base.join("/v2/x").unwrap(), "http://host/lab/v2/x");
        assert_eq!(base.join("@evil"), None);
        assert_eq!(base.join("/a b"), None);
    }
}
