//! The calls of Telegram that put something into a chat.

use bytes::Bytes;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Outcome, Problem, wire};
use crate::network::Network;
use crate::reading::{list, text};
use crate::world::message::{Button, Draft, Kind, Media, Mention, Message, utf16_len};
use crate::world::people::Chat;
use crate::world::{Posted, World};

/// UTF-16 units of a text.
pub(crate) const TEXT_UNITS_MAX: usize = 4_096;
/// UTF-16 units of a caption.
const CAPTION_UNITS_MAX: usize = 1_024;

/// What a call sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Text,
    File(&'static str, Kind),
    Place,
    Copy,
    Forward,
}

impl Sending {
    /// The call with this lower-case name.
    pub(crate) fn named(method: &str) -> Option<Self> {
        Some(match method {
            "sendmessage" => Self::Text,
            "sendphoto" => Self::File("photo", Kind::Image),
            "sendvideo" => Self::File("video", Kind::Video),
            "sendanimation" => Self::File("animation", Kind::Video),
            "sendvoice" => Self::File("voice", Kind::Audio),
            "sendaudio" => Self::File("audio", Kind::Audio),
            "senddocument" => Self::File("document", Kind::File),
            "sendsticker" => Self::File("sticker", Kind::Sticker),
            "sendlocation" => Self::Place,
            "copymessage" => Self::Copy,
            "forwardmessage" => Self::Forward,
            _ => return None,
        })
    }

    pub(crate) fn is_media(self) -> bool {
        matches!(self, Self::File(_, kind) if kind.is_media())
    }
}

/// Carries out a call that sends.
pub(crate) fn send(
    world: &mut World,
    kind: Sending,
    arguments: &Arguments,
    how: Posted,
) -> Outcome {
    let chat = open_chat(world, arguments)?.clone();
    let mut draft = match kind {
        Sending::Text => words(world, arguments)?,
        Sending::File(field, kind) => file(world, arguments, field, kind)?,
        Sending::Place => place(arguments)?,
        Sending::Copy | Sending::Forward => copied(world, arguments)?,
    };
    draft.reply_to = answered(world, &chat, arguments)?;
    draft.quote = quote(arguments)?;
    draft.buttons = buttons(arguments)?;
    let now = world.now();
    let rules = world.rules;
    let limits = &mut world.telegram.limits;
    let counted = limits.count(&rules, &chat.id, !chat.is_direct(), now);
    counted.map_err(Problem::retry_after)?;
    let bytes = draft.media.as_ref().map(|media| media.bytes.clone());
    let sent = world.bot_send(Network::Telegram, &chat.id, draft, how);
    let sent = sent.cloned().ok_or_else(|| Problem::bad("chat not found"))?;
    if let Some(bytes) = bytes {
        let path = format!("documents/file_{}", sent.key);
        world.telegram.files.insert(wire::file_id(&sent), (path, bytes));
    }
    if kind == Sending::Copy {
        return Ok(json!({ "message_id": wire::id(&sent.native) }));
    }
    Ok(wire::message(world, &sent))
}

/// The chat of a call, if our bot may write there.
pub(crate) fn open_chat<'a>(world: &'a World, arguments: &Arguments) -> Result<&'a Chat, Problem> {
    let chat = known_chat(world, arguments)?;
    let kind = wire::chat_kind(chat);
    if !chat.bot {
        let why =
            if chat.bot_removed { "bot was kicked from the" } else { "bot is not a member of the" };
        let chat = if kind == "group" { "group" } else { "supergroup" };
        return Err(Problem::forbidden(&format!("{why} {chat} chat")));
    }
    let person = chat.members.first().filter(|_| chat.is_direct());
    match person.and_then(|person| world.find_user(Network::Telegram, person)) {
        Some(user) if user.blocked => Err(Problem::forbidden("bot was blocked by the user")),
        Some(user) if !user.follows => {
            Err(Problem::forbidden("bot can't initiate conversation with a user"))
        }
        _ => Ok(chat),
    }
}

/// The chat of a call, by its present id.
pub(crate) fn known_chat<'a>(world: &'a World, arguments: &Arguments) -> Result<&'a Chat, Problem> {
    let native = arguments.text("chat_id").filter(|native| !native.is_empty());
    let native = native.ok_or_else(|| Problem::bad("chat_id is empty"))?;
    if let Some(new) = world.telegram.migrated.get(&native) {
        let problem = Problem::bad("group chat was upgraded to a supergroup chat");
        return Err(problem.with(json!({ "migrate_to_chat_id": wire::id(new) })));
    }
    let chat = world.find_chat(Network::Telegram, &native);
    chat.filter(|chat| chat.native == native).ok_or_else(|| Problem::bad("chat not found"))
}

fn words(world: &World, arguments: &Arguments) -> Result<Draft, Problem> {
    let written = plain(arguments, "text")?;
    if written.trim().is_empty() {
        return Err(Problem::bad("message text is empty"));
    }
    if utf16_len(&written) > TEXT_UNITS_MAX {
        return Err(Problem::bad("message is too long"));
    }
    let mentions = mentions(world, arguments, &written)?;
    Ok(Draft { mentions, ..Draft::text(written) })
}

/// Whom the entities of a text call by a link to them.
fn mentions(world: &World, arguments: &Arguments, text: &str) -> Result<Vec<Mention>, Problem> {
    let entities = arguments.nested("entities")?.unwrap_or(Value::Null);
    let entities = entities.as_array().map_or(&[][..], Vec::as_slice);
    let each = entities.iter().filter_map(|entity| {
        let number = |name| entity.get(name).and_then(Value::as_u64);
        let place = |name| number(name).and_then(|place| usize::try_from(place).ok());
        let (index, length) = (place("offset")?, place("length")?);
        let id = entity.get("user")?.get("id")?.as_i64()?.to_string();
        let user = world.find_user(Network::Telegram, &id)?.id.clone();
        (index + length <= utf16_len(text)).then_some(Mention { user, index, length })
    });
    Ok(each.collect())
}

/// The words as shown: without the marks of a parse mode.
pub(crate) fn plain(arguments: &Arguments, field: &str) -> Result<String, Problem> {
    let written = arguments.text(field).unwrap_or_default();
    match arguments.text("parse_mode").as_deref().map(str::to_lowercase).as_deref() {
        None | Some("") => Ok(written),
        Some("html") => Ok(without_tags(&written)),
        Some("markdown" | "markdownv2") => Ok(without_marks(&written)),
        Some(_) => Err(Problem::bad("unsupported parse_mode")),
    }
}

fn without_tags(written: &str) -> String {
    let mut shown = String::new();
    let mut in_tag = false;
    for letter in written.chars() {
        match letter {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if in_tag => {}
            _ => shown.push(letter),
        }
    }
    let shown = shown.replace("&lt;", "<").replace("&gt;", ">");
    shown.replace("&quot;", "\"").replace("&amp;", "&")
}

fn without_marks(written: &str) -> String {
    let mut shown = String::new();
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => shown.extend(letters.next()),
            '*' | '_' | '`' | '~' | '|' => {}
            _ => shown.push(letter),
        }
    }
    shown
}

fn caption(arguments: &Arguments) -> Result<String, Problem> {
    let caption = plain(arguments, "caption")?;
    if utf16_len(&caption) > CAPTION_UNITS_MAX {
        return Err(Problem::bad("message caption is too long"));
    }
    Ok(caption)
}

fn file(world: &World, arguments: &Arguments, field: &str, kind: Kind) -> Result<Draft, Problem> {
    let mut media = Media::default();
    if let Some(upload) = arguments.upload(field) {
        media.file_name.clone_from(&upload.name);
        media.content_type.clone_from(&upload.content_type);
        media.bytes.clone_from(&upload.bytes);
    } else {
        let given = arguments.text(field).unwrap_or_default();
        match world.telegram.files.get(&given) {
            Some((path, bytes)) => {
                media.file_name.clone_from(path);
                media.bytes.clone_from(bytes);
            }
            None if given.starts_with("http://") || given.starts_with("https://") => {
                media.url = Some(given);
                media.bytes = Bytes::new();
            }
            None if given.is_empty() => {
                return Err(Problem::bad(&format!("there is no {field} in the request")));
            }
            None => {
                let why = "wrong file identifier/HTTP URL specified";
                return Err(Problem::bad(why));
            }
        }
    }
    Ok(Draft { kind, media: Some(media), ..Draft::text(caption(arguments)?) })
}

fn place(arguments: &Arguments) -> Result<Draft, Problem> {
    let degrees = |name| arguments.float(name).filter(|degrees: &f64| degrees.abs() <= 180.0);
    let (Some(latitude), Some(longitude)) = (degrees("latitude"), degrees("longitude")) else {
        return Err(Problem::bad("latitude and longitude are required"));
    };
    let media = Media { latitude, longitude, ..Media::default() };
    Ok(Draft { kind: Kind::Location, media: Some(media), ..Draft::default() })
}

fn copied(world: &World, arguments: &Arguments) -> Result<Draft, Problem> {
    let missing = || Problem::bad("message to copy not found");
    let from = arguments.text("from_chat_id").unwrap_or_default();
    let from = world.find_chat(Network::Telegram, &from).ok_or_else(missing)?;
    let native = arguments.text("message_id").unwrap_or_default();
    let found = world.find_message(Network::Telegram, &from.id, &native);
    let found = found.filter(|message| !message.withdrawn).ok_or_else(missing)?;
    Ok(Draft {
        kind: found.kind,
        text: found.text.clone(),
        media: found.media.clone(),
        ..Draft::default()
    })
}

fn answered(world: &World, chat: &Chat, arguments: &Arguments) -> Result<Option<u64>, Problem> {
    let parameters = arguments.nested("reply_parameters")?;
    let (native, lenient) = match &parameters {
        Some(parameters) => {
            let lenient = parameters.get("allow_sending_without_reply");
            let native = parameters.get("message_id").and_then(Value::as_i64);
            let native =
                native.ok_or_else(|| Problem::bad("message identifier is not specified"))?;
            (native, lenient.and_then(Value::as_bool).unwrap_or(false))
        }
        None => match arguments.number("reply_to_message_id") {
            Some(native) => (native, arguments.truth("allow_sending_without_reply")),
            None => return Ok(None),
        },
    };
    let found = world.find_message(Network::Telegram, &chat.id, &native.to_string());
    match found.filter(|message| !message.withdrawn) {
        Some(message) => Ok(Some(message.key)),
        None if lenient => Ok(None),
        None => Err(Problem::bad("message to be replied not found")),
    }
}

fn quote(arguments: &Arguments) -> Result<Option<String>, Problem> {
    let parameters = arguments.nested("reply_parameters")?;
    Ok(parameters.and_then(|parameters| text(&parameters, "quote").map(str::to_owned)))
}

fn buttons(arguments: &Arguments) -> Result<Vec<Button>, Problem> {
    let markup = arguments.nested("reply_markup")?.unwrap_or(Value::Null);
    let rows = list(&markup, "inline_keyboard").iter().chain(list(&markup, "keyboard"));
    let each = rows.filter_map(Value::as_array).flatten().filter_map(|button| {
        let label = text(button, "text").or_else(|| button.as_str())?;
        let link = text(button, "url").map(|url| ("link", url));
        let data = text(button, "callback_data").map(|data| ("postback", data));
        let (action, value) = link.or(data).unwrap_or(("message", label));
        Some(Button { label: label.to_owned(), action: action.into(), value: value.into() })
    });
    Ok(each.collect())
}

/// The message that a call names, in the chat that it names.
pub(crate) fn named_message<'a>(
    world: &'a World,
    arguments: &Arguments,
    missing: &str,
) -> Result<&'a Message, Problem> {
    let chat = open_chat(world, arguments)?;
    let native = arguments.text("message_id").unwrap_or_default();
    let found = world.find_message(Network::Telegram, &chat.id, &native);
    found.filter(|message| !message.withdrawn).ok_or_else(|| Problem::bad(missing))
}
