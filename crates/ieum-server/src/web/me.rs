//! What is a person's own: name and handle, ways and their order, what they agreed to, who is
//! signed in as them.
//!
//! Shows and passes on; what is allowed is decided in `ieum_core::people`. Invariant: nothing of
//! anybody else is on this page or changed by it.

mod deeds;
mod own;
mod shown;

pub(super) use deeds::{agree, call, link, way};
pub(super) use own::{leave, leaving, lines, readable};

use super::devices;
use super::frame::{Tab, page as framed};
use super::passkeys;
use super::reader::Reader;
use super::sessions::{SignedIn, is_secure};
use super::status::wall;
use super::wrong::Wrong;
use crate::edge::Shared;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use ieum_core::directory::{Directory, Purpose};
use ieum_core::health::{CellState, Function};
use ieum_core::ids::{AddressId, PersonId};
use ieum_core::network::Network;
use ieum_core::people::here::order_of;
use ieum_core::people::push::Subscription;
use ieum_core::people::sessions::Door;
use serde::Deserialize;

/// What is asked for each network that somebody is on.
const PURPOSES: [Purpose; 3] = [Purpose::Talk, Purpose::Failover, Purpose::Notices];

/// What the address of the page may carry.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    /// A word about what was just done: one of a few that are known.
    #[serde(default)]
    done: Option<String>,
}

/// One way to the person.
struct Way {
    address: AddressId,
    network: Network,
    name: String,
    is_open: bool,
    state: CellState,
}

/// Everything on the page.
struct Me {
    name: String,
    handle: Option<String>,
    ways: Vec<Way>,
    agreed: Vec<(Network, Purpose, bool)>,
    door: Option<Door>,
    /// The address that others open to ask for them.
    link: Option<String>,
    /// Whether browsers have passkeys here.
    has_passkeys: bool,
}

impl Me {
    fn of(edge: &Shared, person: PersonId, origin: Option<&str>) -> Option<Self> {
        let cells = edge.hub.health();
        let state = |network| {
            let sends = cells.iter().filter(|view| {
                (view.cell.network, view.cell.function) == (network, Function::Send)
            });
            sends.map(|view| view.state).max_by_key(|state| crate::public::rank(*state))
        };
        edge.hub.with_directory(|directory| {
            let own = directory.person(person)?;
            let mut ways = ways(directory, person, &own.routes);
            for way in &mut ways {
                way.state = state(way.network).unwrap_or_default();
            }
            let mut networks: Vec<_> = ways.iter().map(|way| way.network).collect();
            networks.sort_unstable();
            networks.dedup();
            let each = networks.into_iter().flat_map(|one| PURPOSES.map(|purpose| (one, purpose)));
            let handle = directory.cards().of(person).and_then(|card| card.handle.clone());
            Some(Self {
                name: own.name.to_string(),
                link: handle.as_ref().zip(origin).map(|(handle, origin)| own_link(origin, handle)),
                handle: handle.map(String::from),
                ways,
                agreed: each
                    .map(|(network, purpose)| (network, purpose, own.agreed(network, purpose)))
                    .collect(),
                door: directory.doors().of(person).cloned(),
                has_passkeys: false,
            })
        })
    }

    /// What the browser of this session hears.
    fn heard_here(&self, who: &SignedIn) -> Option<&Subscription> {
        let sessions = self.door.as_ref().map(|door| &door.sessions);
        let own = sessions?.iter().find(|session| session.mark == who.mark);
        own?.push.as_ref()
    }
}

fn ways(directory: &Directory, person: PersonId, routes: &[AddressId]) -> Vec<Way> {
    let order = order_of(directory, person, routes);
    let known = order.iter().filter_map(|id| directory.address(*id));
    known
        .filter_map(|address| {
            Some(Way {
                address: address.id,
                network: directory.network_of(address.account)?,
                name: address.name.to_string(),
                is_open: address.direct.is_some() && !address.blocked,
                state: CellState::default(),
            })
        })
        .collect()
}

/// Hangul in a handle is written in percent, as addresses are.
fn own_link(origin: &str, handle: &str) -> String {
    let mut link = format!("{origin}/people?ask=");
    for byte in handle.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => link.push(char::from(byte)),
            _ => link.push_str(&format!("%{byte:02X}")),
        }
    }
    link
}

/// Where the browser found us; nothing where what it says cannot be a name and port.
fn origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let scheme = if is_secure(headers) { "https" } else { "http" };
    host.bytes().all(sound).then(|| format!("{scheme}://{host}"))
}

/// The page.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Query(done): Query<Done>,
) -> Response {
    let Some(mut me) = Me::of(&edge, who.person, origin(&headers).as_deref()) else {
        return Wrong::nothing(&reader).into_response();
    };
    me.has_passkeys = passkeys::Party::of(&edge, &headers).is_some();
    let devices = devices::section(&edge, &reader, &who, me.heard_here(&who));
    let body = me.body(&reader, &who, wall(&edge), done.done.as_deref(), &devices);
    framed(&reader, Tab::Me, reader.say("나", "Me"), &body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_own_link_is_an_address_whatever_the_handle() {
        let link = own_link("https://hub.example", "민지_1");
        assert_eq!(link, "https://hub.example/people?ask=%EB%AF%BC%EC%A7%80_1");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let told = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            origin(&headers)
        };
        assert_eq!(told("hub.example:8080").as_deref(), Some("http://hub.example:8080"));
        for bad in ["hub.example/evil", "a\"b", "user@evil.example", "a b"] {
            assert_eq!(told(bad), None, "{bad}");
        }
    }
}
