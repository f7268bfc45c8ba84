//! What an XMPP component can carry, as data. No limit is published: these are what usual servers
//! let pass (a stanza of a client may have 64 KiB and more), with room for escapes.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest text of one message, in bytes.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Longest nickname of a speaker, in UTF-16 units.
const NICK_UTF16_MAX: usize = 64;

/// Most people who are called in one message.
const MENTIONS_MAX: usize = 50;

/// Servers publish no rate for components.
pub const RATE_UNPUBLISHED: RateLimits =
    RateLimits { per_second_max: 10_000, per_room_minute_max: 60_000, in_flight_max: 128 };

/// Apps fetch what an address leads to (XEP-0066): the same limit as our own.
const FILE_BYTES_MAX: u64 = 1 << 30;

const fn linked(kind: FileKind) -> FileWay {
    FileWay { kind, types: &[], bytes_max: FILE_BYTES_MAX, by: FileDoor::PublicLink }
}

const FILES: [FileWay; 4] = [
    linked(FileKind::Picture),
    linked(FileKind::Video),
    linked(FileKind::Audio),
    linked(FileKind::File),
];

const DIRECT: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: TEXT_BYTES_MAX,
    text_unit: TextUnit::Bytes,
    parts_per_send_max: 1,
    edit: true,
    withdraw: true,
    react: true,
    reply: ReplySupport::ById,
    author: AuthorSupport::InText,
    mentions_max: 0,
    formats: Formats::Styles,
    buttons: false,
    // Nobody can be asked what of ours a person has got.
    idempotent_send: false,
    files: &FILES,
    places: Places::Alone,
    caption_max: 0,
};

/// A room tells what it holds, so a repetition is recognised before it leaves.
const GROUP: ChatCapabilities = ChatCapabilities {
    author: AuthorSupport::AsSender { name_max: NICK_UTF16_MAX },
    idempotent_send: true,
    mentions_max: MENTIONS_MAX,
    ..DIRECT
};

/// What it can carry, at the speed that the operator allows.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities { direct: DIRECT, group: GROUP, names: NameSource::WithMessage, rate }
}
