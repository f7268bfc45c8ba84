//! What LINE can carry, as data.
//!
//! Sources: Messaging API reference ("Text character count", "Rate limits", `Sender`). An official
//! account can neither edit nor unsend nor react; it answers by quote token.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest text message, in UTF-16 units.
pub(super) const TEXT_UTF16_MAX: usize = 5_000;
/// Most people whom one message can call.
pub(super) const MENTIONS_MAX: usize = 20;
/// Most messages of one push.
pub(super) const PARTS_PER_PUSH_MAX: usize = 5;
/// Longest sender name, in UTF-16 units.
pub(super) const SENDER_NAME_UTF16_MAX: usize = 20;
/// Longest address of a sender's picture.
pub(super) const ICON_URL_BYTES_MAX: usize = 2_000;
/// Longest address of a file.
pub(super) const URL_BYTES_MAX: usize = 2_000;
/// Most quick-reply buttons of one message.
pub(super) const BUTTONS_MAX: usize = 13;
/// Longest text on a button, in UTF-16 units.
pub(super) const BUTTON_LABEL_UTF16_MAX: usize = 20;
/// Longest payload of a button, in UTF-16 units.
pub(super) const BUTTON_PAYLOAD_UTF16_MAX: usize = 300;
/// Pushes a second over all chats.
const PUSHES_PER_SECOND_MAX: u32 = 2_000;

/// What LINE publishes for pushes. It sets no limit for one chat; calls under way are our own wish.
pub const RATE_PUBLISHED: RateLimits = RateLimits {
    per_second_max: PUSHES_PER_SECOND_MAX,
    per_room_minute_max: PUSHES_PER_SECOND_MAX * 60,
    in_flight_max: 100,
};

/// Largest picture; largest film or sound.
const PICTURE_BYTES_MAX: u64 = 10_000_000;
const FILM_BYTES_MAX: u64 = 200_000_000;

/// LINE takes nothing from us: its apps fetch what we serve. Files of other kinds go as links.
const FILES: [FileWay; 3] = [
    FileWay {
        kind: FileKind::Picture,
        types: &["image/jpeg", "image/png"],
        bytes_max: PICTURE_BYTES_MAX,
        by: FileDoor::PublicLink,
    },
    FileWay {
        kind: FileKind::Video,
        types: &["video/mp4"],
        bytes_max: FILM_BYTES_MAX,
        by: FileDoor::PublicLink,
    },
    FileWay {
        kind: FileKind::Audio,
        types: &["audio/mpeg", "audio/mp4"],
        bytes_max: FILM_BYTES_MAX,
        by: FileDoor::PublicLink,
    },
];

const CHAT: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: TEXT_UTF16_MAX,
    text_unit: TextUnit::Utf16,
    parts_per_send_max: PARTS_PER_PUSH_MAX,
    edit: false,
    withdraw: false,
    react: false,
    reply: ReplySupport::ByQuoteKey,
    author: AuthorSupport::AsSender { name_max: SENDER_NAME_UTF16_MAX },
    mentions_max: 0,
    formats: Formats::Words,
    buttons: true,
    idempotent_send: true,
    files: &FILES,
    places: Places::Alone,
    caption_max: 0,
};

/// LINE's capabilities at the given speed.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities {
        direct: CHAT,
        group: ChatCapabilities { mentions_max: MENTIONS_MAX, ..CHAT },
        names: NameSource::ByProfile,
        rate,
    }
}
