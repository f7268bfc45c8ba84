//! What KakaoTalk's bot can carry, as data. Where the official limit is unknown the figure is
//! ours and errs on the careful side.

use ieum_core::inbound::FileKind;
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, FileDoor, FileWay, Formats, Hears, NameSource,
    Places, RateLimits, ReplySupport,
};
use ieum_core::render::measure::TextUnit;

/// Longest `simpleText`, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 1_000;
/// Most bubbles (`outputs`) in one call.
pub(super) const PARTS_PER_SEND_MAX: usize = 3;
/// Most people that one call can notify.
pub(super) const MENTIONS_PER_SEND_MAX: usize = 15;

/// KakaoTalk publishes no rate for bots; these stay far below what its other APIs allow.
pub const RATE_UNPUBLISHED: RateLimits =
    RateLimits { per_second_max: 20, per_room_minute_max: 60, in_flight_max: 16 };

/// KakaoTalk takes nothing from us: it fetches pictures that we serve. The largest size is ours.
const PICTURE: FileWay = FileWay {
    kind: FileKind::Picture,
    types: &["image/jpeg", "image/png", "image/gif"],
    bytes_max: 10_000_000,
    by: FileDoor::PublicLink,
};

const GROUP: ChatCapabilities = ChatCapabilities {
    hears: Hears::MentionsOnly,
    text_max: TEXT_CHARS_MAX,
    text_unit: TextUnit::Chars,
    parts_per_send_max: PARTS_PER_SEND_MAX,
    edit: false,
    withdraw: false,
    react: false,
    reply: ReplySupport::Quoted,
    author: AuthorSupport::InText,
    mentions_max: MENTIONS_PER_SEND_MAX,
    formats: Formats::Words,
    buttons: true,
    idempotent_send: false,
    files: &[PICTURE],
    places: Places::Words,
    caption_max: 0,
};

/// A direct chat with our account: what KakaoTalk calls a channel chat.
const DIRECT: ChatCapabilities =
    ChatCapabilities { hears: Hears::Everything, mentions_max: 0, ..GROUP };

/// What it can carry, at the speed that the operator was granted.
#[must_use]
pub fn capabilities(rate: RateLimits) -> Capabilities {
    Capabilities { direct: DIRECT, group: GROUP, names: NameSource::AskedOnce, rate }
}
