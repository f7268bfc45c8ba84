//! For whom passkeys are made: the name of this hub as browsers see it ("relying party").
//!
//! Browsers give passkeys to pages over TLS alone, and to a page of one's own machine called
//! localhost. Invariant: without a configured public address no name that a request brought is
//! believed but that one.

use crate::edge::Edge;
use http::{HeaderMap, header};
use webauthn_rp::request::{AsciiDomain, RpId};

/// The name of one's own machine.
const OWN_MACHINE: &str = "localhost";

/// This hub, as a passkey names it.
#[derive(Debug, Clone)]
pub(in crate::web) struct Party {
    pub(super) id: RpId,
    /// Where its pages are: scheme, host and port.
    pub(super) origin: String,
}

impl Party {
    /// The hub behind a request; `None` where browsers have no passkeys.
    pub(in crate::web) fn of(edge: &Edge, headers: &HeaderMap) -> Option<Self> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        Self::named(edge.public_url.as_deref(), host)
    }

    fn named(public_url: Option<&str>, host: &str) -> Option<Self> {
        let own = format!("http://{OWN_MACHINE}");
        let url = match public_url {
            Some(url) => url.to_owned(),
            None => format!("http://{host}"),
        };
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let (name, port) = authority.split_once(':').unwrap_or((&authority, ""));
        let origin = format!("{scheme}://{authority}");
        let sound = scheme == "https" || (origin.starts_with(&own) && name == OWN_MACHINE);
        let port_sound = port.bytes().all(|byte| byte.is_ascii_digit());
        let here = authority.eq_ignore_ascii_case(host);
        if !(sound && port_sound && here) || is_address(name) {
            return None;
        }
        let id = RpId::Domain(AsciiDomain::try_from(name.to_owned()).ok()?);
        Some(Self { id, origin })
    }
}

/// Numbers are no names: no passkey is made for them.
fn is_address(name: &str) -> bool {
    name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public_url: Option<&str>, host: &str) -> Option<String> {
        Party::named(public_url, host).map(|party| party.origin)
    }

    #[test]
    fn a_hub_is_what_its_configuration_says() {
        let hub = Some("https://ieum.example");
        assert_eq!(origin(hub, "ieum.example").as_deref(), hub);
        assert_eq!(origin(hub, "IEUM.example").as_deref(), hub);
        assert_eq!(origin(hub, "evil.example"), None, "a browser would refuse it anyway");
        assert_eq!(origin(hub, "ieum.example:8443"), None);
        let port = Some("https://ieum.example:8443/hub");
        let told = origin(port, "ieum.example:8443");
        assert_eq!(told.as_deref(), Some("https://ieum.example:8443"));
    }

    #[test]
    fn without_one_only_the_own_machine_has_passkeys() {
        assert_eq!(origin(None, "localhost:8080").as_deref(), Some("http://localhost:8080"));
        assert_eq!(origin(None, "localhost").as_deref(), Some("http://localhost"));
        for host in [
            "ieum.example",
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost.evil.example",
            "localhost:80@evil.example",
            "evil.example/localhost",
            "",
        ] {
            assert_eq!(origin(None, host), None, "{host}");
        }
    }

    #[test]
    fn neither_plain_http_nor_a_number_has_any() {
        assert_eq!(origin(Some("http://ieum.example"), "ieum.example"), None);
        assert_eq!(origin(Some("https://203.0.113.7"), "203.0.113.7"), None);
        assert_eq!(origin(Some("http://localhost.example"), "localhost.example"), None);
    }
}
