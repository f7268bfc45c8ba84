//! What Matrix can carry, as data.
//!
//! Sources: Client-Server API 1.11 ("Size limits", "Rich replies", "Event replacements"). In a room
//! each author is a user of their own; a direct chat is with our bot alone, who names them.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest text. An event has 65,536 bytes; an edit holds its text twice, and a quotation mark
/// takes two bytes.
pub(super) const TEXT_BYTES_MAX: usize = 12_000;
/// Longest name of a ghost, in UTF-16 units.
const NAME_UTF16_MAX: usize = 80;

/// An application service is not limited by its homeserver; this is our own wish.
pub const RATE_UNPUBLISHED: RateLimits =
    RateLimits { per_second_max: 500, per_room_minute_max: 60_000, in_flight_max: 16 };

/// Largest file: what the usual homeserver takes when nobody says otherwise.
const FILE_BYTES_MAX: u64 = 50_000_000;

const fn uploaded(kind: FileKind) -> FileWay {
    FileWay { kind, types: &[], bytes_max: FILE_BYTES_MAX, by: FileDoor::Upload }
}

const FILES: [FileWay; 4] = [
    uploaded(FileKind::Picture),
    uploaded(FileKind::Video),
    uploaded(FileKind::Audio),
    uploaded(FileKind::File),
];

const GROUP: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: TEXT_BYTES_MAX,
    text_unit: TextUnit::Bytes,
    parts_per_send_max: 1,
    edit: true,
    withdraw: true,
    react: true,
    reply: ReplySupport::ById,
    author: AuthorSupport::AsUser { name_max: NAME_UTF16_MAX },
    mentions_max: 50,
    formats: Formats::All,
    buttons: false,
    idempotent_send: true,
    files: &FILES,
    places: Places::WithText,
    caption_max: TEXT_BYTES_MAX,
};

const DIRECT: ChatCapabilities = ChatCapabilities { author: AuthorSupport::InText, ..GROUP };

/// Matrix's capabilities at the given speed.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities { direct: DIRECT, group: GROUP, names: NameSource::ByProfile, rate }
}
