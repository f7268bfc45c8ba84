//! XMPP's words: namespaces, addresses, and the ids of our own messages.
//!
//! Sources are named by their number (XEP-0114 and so on). Invariant: an id made here proves
//! itself as ours to whoever knows the component's secret, so that a restart forgets nothing.

use crate::doors::Secret;
use crate::xml::Element;
use hmac::{Hmac, Mac as _};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use std::fmt::Write as _;

/// Of stanzas on a component's stream (XEP-0114).
pub(crate) const COMPONENT: &str = "jabber:component:accept";
/// Of stanzas as archives forward them.
pub(crate) const CLIENT: &str = "jabber:client";
pub(crate) const STREAM: &str = "http://etherx.jabber.org/streams";
pub(crate) const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub(crate) const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// XEP-0030.
pub(crate) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0045.
pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0059.
pub(crate) const RESULT_SET: &str = "http://jabber.org/protocol/rsm";
/// XEP-0066.
pub(crate) const OUT_OF_BAND: &str = "jabber:x:oob";
/// XEP-0080.
pub(crate) const GEOLOC: &str = "http://jabber.org/protocol/geoloc";
/// XEP-0184.
pub(crate) const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0199.
pub(crate) const PING: &str = "urn:xmpp:ping";
/// XEP-0203.
pub(crate) const DELAY: &str = "urn:xmpp:delay";
/// XEP-0249.
pub(crate) const INVITATION: &str = "jabber:x:conference";
/// XEP-0280.
pub(crate) const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0297.
pub(crate) const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0308.
pub(crate) const CORRECTION: &str = "urn:xmpp:message-correct:0";
/// XEP-0313.
pub(crate) const ARCHIVE: &str = "urn:xmpp:mam:2";
/// XEP-0333.
pub(crate) const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0334.
pub(crate) const HINTS: &str = "urn:xmpp:hints";
/// XEP-0359.
pub(crate) const STANZA_ID: &str = "urn:xmpp:sid:0";
/// XEP-0372.
pub(crate) const REFERENCE: &str = "urn:xmpp:reference:0";
/// XEP-0393.
pub(crate) const STYLING: &str = "urn:xmpp:styling:0";
/// XEP-0421.
pub(crate) const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";
/// XEP-0422, used by the first form of XEP-0424.
pub(crate) const FASTENING: &str = "urn:xmpp:fasten:0";
/// XEP-0424, its present and its first form.
pub(crate) const RETRACTION: &str = "urn:xmpp:message-retract:1";
pub(crate) const RETRACTION_FIRST: &str = "urn:xmpp:message-retract:0";
/// XEP-0428.
pub(crate) const FALLBACK: &str = "urn:xmpp:fallback:0";
/// XEP-0444.
pub(crate) const REACTIONS: &str = "urn:xmpp:reactions:0";
/// XEP-0461.
pub(crate) const REPLY: &str = "urn:xmpp:reply:0";

/// The resource of all our addresses.
pub(crate) const RESOURCE: &str = "ieum";
/// Longest address that is taken; the standard allows three times as much.
const ADDRESS_BYTES_MAX: usize = 1_023;
const TAG_HEX_DIGITS: usize = 16;

/// `name@domain/resource` without the resource.
pub(crate) fn bare(address: &str) -> &str {
    address.split_once('/').map_or(address, |(bare, _)| bare)
}

/// The resource of an address; of an occupant, the nickname.
pub(crate) fn resource(address: &str) -> Option<&str> {
    address.split_once('/').map(|(_, resource)| resource)
}

/// The domain of an address.
pub(crate) fn domain(address: &str) -> &str {
    let bare = bare(address);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

/// Whether this is a bare address of somebody or something.
pub(crate) fn is_bare_address(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"&'/:<>".contains(c);
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= ADDRESS_BYTES_MAX
        && [name, domain].iter().all(|part| !part.is_empty() && part.chars().all(plain))
        && !domain.contains('@')
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

/// The proof of knowing the secret on the stream with this id (XEP-0114).
pub(crate) fn handshake(stream_id: &str, secret: &Secret) -> String {
    hex(&Sha1::digest(format!("{stream_id}{}", secret.expose())))
}

/// The id of the message with this key.
pub(crate) fn message_id(secret: &Secret, key: &[u8; 16]) -> String {
    let key = hex(key);
    let tag = tag(secret, &key);
    format!("ieum-{key}-{tag}")
}

/// Whether we made this id.
pub(crate) fn is_ours(secret: &Secret, id: &str) -> bool {
    let parts = id.strip_prefix("ieum-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(key, told)| tag(secret, key) == told)
}

fn tag(secret: &Secret, text: &str) -> String {
    // A key of any length is taken: there is no error that could be met.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(b"message id ");
    mac.update(text.as_bytes());
    let mut tag = hex(&mac.finalize().into_bytes());
    tag.truncate(TAG_HEX_DIGITS);
    tag
}

/// The address of a speaker: their name where it is plain, else a number that stands for it.
pub(crate) fn speaker_address(name: &str, domain: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let local = if !lower.is_empty() && lower.bytes().all(plain) {
        format!("{lower}.guest")
    } else {
        format!("{}.guest", mark(name))
    };
    format!("{local}@{domain}/{RESOURCE}")
}

/// Whether an address is that of somebody who speaks through us.
pub(crate) fn is_speaker(address: &str) -> bool {
    address.split_once('@').is_some_and(|(local, _)| local.ends_with(".guest"))
}

/// A short mark of a text, the same for the same text.
pub(crate) fn mark(text: &str) -> String {
    let mut digest = hex(&Sha256::digest(text.as_bytes()));
    digest.truncate(TAG_HEX_DIGITS);
    digest
}

/// A stanza from one of us.
pub(crate) fn stanza(name: &str, kind: &str, from: &str, to: &str) -> Element {
    let stanza = Element::new(name, COMPONENT).with("from", from).with("to", to);
    if kind.is_empty() { stanza } else { stanza.with("type", kind) }
}

/// What we answer when asked what we are: a gateway, or somebody behind it.
pub(crate) fn what_we_are(is_account: bool) -> Element {
    let (category, kind) = if is_account { ("client", "bot") } else { ("gateway", "ieum") };
    let identity = Element::new("identity", DISCO_INFO);
    let identity = identity.with("category", category).with("type", kind).with("name", "Ieum");
    let features = [
        DISCO_INFO,
        PING,
        RECEIPTS,
        CORRECTION,
        RETRACTION,
        REACTIONS,
        REPLY,
        FALLBACK,
        STANZA_ID,
        OUT_OF_BAND,
        MARKERS,
        INVITATION,
        REFERENCE,
        STYLING,
    ];
    features.into_iter().fold(Element::new("query", DISCO_INFO).child(identity), |query, space| {
        query.child(Element::new("feature", DISCO_INFO).with("var", space))
    })
}

/// The error that answers a question we do not serve.
pub(crate) fn not_served() -> Element {
    let condition = Element::new("service-unavailable", STANZA_ERRORS);
    Element::new("error", COMPONENT).with("type", "cancel").child(condition)
}
