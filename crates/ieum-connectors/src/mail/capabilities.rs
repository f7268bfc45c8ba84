//! What mail can carry, as data. The figures are ours: no text is too long for mail, and a mailbox
//! that takes ten letters a second is rare.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest text of one letter, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest name of an author, in UTF-16 units.
const NAME_UTF16_MAX: usize = 64;

/// Providers publish limits a day, not a second; this is slow enough not to look like a flood.
pub const RATE_UNPUBLISHED: RateLimits =
    RateLimits { per_second_max: 10, per_room_minute_max: 60, in_flight_max: 8 };

/// Largest file: with base64 around it, below the 20 to 25 MB that providers take.
const FILE_BYTES_MAX: u64 = 14_000_000;

const fn attached(kind: FileKind) -> FileWay {
    FileWay { kind, types: &[], bytes_max: FILE_BYTES_MAX, by: FileDoor::Upload }
}

const FILES: [FileWay; 4] = [
    attached(FileKind::Picture),
    attached(FileKind::Video),
    attached(FileKind::Audio),
    attached(FileKind::File),
];

const DIRECT: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: TEXT_BYTES_MAX,
    text_unit: TextUnit::Bytes,
    parts_per_send_max: 1,
    edit: false,
    withdraw: false,
    react: false,
    reply: ReplySupport::ById,
    author: AuthorSupport::AsSender { name_max: NAME_UTF16_MAX },
    mentions_max: 0,
    formats: Formats::All,
    buttons: false,
    // Some programs show letters with one id once, most do not.
    idempotent_send: false,
    files: &FILES,
    places: Places::Words,
    caption_max: TEXT_BYTES_MAX,
};

/// What it can carry, at the speed that the operator allows. There are no rooms.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities { direct: DIRECT, group: DIRECT, names: NameSource::WithMessage, rate }
}
