//! What Telegram can carry, as data.
//!
//! Sources: Bot API 10.1; the bots FAQ for speed. A group is heard in full only with privacy mode
//! off or as an administrator; that is the operator's to set and cannot be seen here.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest text message, in UTF-16 units.
pub(super) const TEXT_UTF16_MAX: usize = 4_096;
/// Longest payload of a button.
pub(super) const BUTTON_PAYLOAD_BYTES_MAX: usize = 64;

/// What Telegram publishes. Calls under way are our own wish.
pub const RATE_PUBLISHED: RateLimits =
    RateLimits { per_second_max: 30, per_room_minute_max: 20, in_flight_max: 30 };

/// Longest text that goes with a file, in UTF-16 units.
pub(super) const CAPTION_UTF16_MAX: usize = 1_024;
/// Largest picture, and largest file of any other kind, that a bot may send.
const PICTURE_BYTES_MAX: u64 = 10_000_000;
const FILE_BYTES_MAX: u64 = 50_000_000;

const FILES: [FileWay; 4] = [
    FileWay {
        kind: FileKind::Picture,
        types: &["image/jpeg", "image/png", "image/webp"],
        bytes_max: PICTURE_BYTES_MAX,
        by: FileDoor::Upload,
    },
    FileWay {
        kind: FileKind::Video,
        types: &["video/mp4"],
        bytes_max: FILE_BYTES_MAX,
        by: FileDoor::Upload,
    },
    FileWay {
        kind: FileKind::Audio,
        types: &["audio/ogg", "audio/mpeg", "audio/mp4"],
        bytes_max: FILE_BYTES_MAX,
        by: FileDoor::Upload,
    },
    FileWay { kind: FileKind::File, types: &[], bytes_max: FILE_BYTES_MAX, by: FileDoor::Upload },
];

const CHAT: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: TEXT_UTF16_MAX,
    text_unit: TextUnit::Utf16,
    parts_per_send_max: 1,
    edit: true,
    withdraw: true,
    react: true,
    reply: ReplySupport::ById,
    author: AuthorSupport::InText,
    mentions_max: 50,
    formats: Formats::All,
    buttons: true,
    idempotent_send: false,
    files: &FILES,
    places: Places::Alone,
    caption_max: CAPTION_UTF16_MAX,
};

/// Telegram's capabilities at the given speed.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities { direct: CHAT, group: CHAT, names: NameSource::WithMessage, rate }
}
