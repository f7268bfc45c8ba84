//! Who is at the other end of a connection, as far as it matters for limits.

use http::HeaderMap;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Where somebody comes from, as a number that does not tell it. A proxy on this machine says
    /// who is behind it; anybody else's word on that is not taken.
    pub(crate) fn number(self, headers: &HeaderMap) -> u64 {
        let told = headers.get_all("x-forwarded-for").into_iter().next_back();
        let told =
            told.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        let from = told.filter(|_| self.0.is_loopback()).unwrap_or(self.0);
        let digest = Sha256::digest(place(from));
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// What counts of an address: whoever has one of IPv6 has the 2^64 beside it, too.
fn place(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn number(peer: [u8; 4], told: Option<&'static str>) -> u64 {
        let mut headers = HeaderMap::new();
        if let Some(told) = told {
            headers.insert("x-forwarded-for", HeaderValue::from_static(told));
        }
        Peer(peer.into()).number(&headers)
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_place() {
        let of = |address: &str| Peer(address.parse().unwrap()).number(&HeaderMap::new());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:203.0.113.9"), of("203.0.113.9"));
        assert_ne!(of("203.0.113.9"), of("203.0.113.10"));
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let (proxy, stranger) = ([127, 0, 0, 1], [203, 0, 113, 9]);
        let behind = number(proxy, Some("10.9.8.7, 198.51.100.4"));
        assert_eq!(behind, number([198, 51, 100, 4], None));
        assert_ne!(behind, number(proxy, None));
        assert_eq!(number(stranger, Some("198.51.100.4")), number(stranger, None));
        assert_eq!(number(proxy, Some("nobody")), number(proxy, None));
    }
}
