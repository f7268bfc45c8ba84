//! Message objects of LINE: their rules, and what of them stands on a screen.

use serde_json::{Value, json};

use crate::network::Network;
use crate::reading::{list, text};
use crate::world::World;
use crate::world::message::{Button, Draft, Kind, Media, Mention, utf16_len};

/// UTF-16 units of one text message.
const TEXT_UNITS_MAX: usize = 5_000;
/// Messages in one request.
const MESSAGES_MAX: usize = 5;
/// Quick replies under one message.
const QUICK_REPLIES_MAX: usize = 13;
/// Characters of the name in place of the account's own.
const SENDER_NAME_CHARS_MAX: usize = 20;
/// Characters of an address.
const ADDRESS_CHARS_MAX: usize = 2_000;

/// What is wrong with the `messages` of a request; empty when nothing is.
pub(crate) fn complaints(body: &Value) -> Vec<Value> {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return vec![complaint("May not be empty", "messages")];
    };
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        return vec![complaint("Size must be between 1 and 5", "messages")];
    }
    let each = messages.iter().enumerate();
    each.flat_map(|(index, message)| check(message, &format!("messages[{index}]"))).collect()
}

fn complaint(message: &str, property: &str) -> Value {
    json!({ "message": message, "property": property })
}

fn check(message: &Value, at: &str) -> Vec<Value> {
    let mut found = Vec::new();
    match text(message, "type") {
        Some("text" | "textV2") => check_text(message, at, &mut found),
        Some("image" | "video") => {
            check_address(message, "originalContentUrl", at, &mut found);
            check_address(message, "previewImageUrl", at, &mut found);
        }
        Some("audio") => {
            check_address(message, "originalContentUrl", at, &mut found);
            need(message, "duration", at, &mut found);
        }
        Some("sticker") => need_all(message, &["packageId", "stickerId"], at, &mut found),
        Some("location") => {
            need_all(message, &["title", "address", "latitude", "longitude"], at, &mut found);
        }
        Some("flex") => need_all(message, &["altText", "contents"], at, &mut found),
        Some("template") => need_all(message, &["altText", "template"], at, &mut found),
        Some("imagemap") => {
            need_all(message, &["altText", "baseUrl", "baseSize", "actions"], at, &mut found);
        }
        Some("coupon") => need(message, "couponId", at, &mut found),
        Some(_) => found.push(complaint("Must be one of the message types", &join(at, "type"))),
        None => found.push(complaint("May not be empty", &join(at, "type"))),
    }
    check_around(message, at, &mut found);
    found
}

fn check_text(message: &Value, at: &str, found: &mut Vec<Value>) {
    match text(message, "text") {
        None | Some("") => found.push(complaint("May not be empty", &join(at, "text"))),
        Some(words) if utf16_len(words) > TEXT_UNITS_MAX => {
            found.push(complaint("Length must be between 0 and 5000", &join(at, "text")));
        }
        Some(_) => {}
    }
}

fn check_around(message: &Value, at: &str, found: &mut Vec<Value>) {
    let items = message.get("quickReply").map_or(&[][..], |quick| list(quick, "items"));
    if items.len() > QUICK_REPLIES_MAX {
        let at = join(at, "quickReply.items");
        found.push(complaint("Size must be between 1 and 13", &at));
    }
    let Some(name) = message.get("sender").and_then(|sender| text(sender, "name")) else {
        return;
    };
    if name.chars().count() > SENDER_NAME_CHARS_MAX {
        let at = join(at, "sender.name");
        found.push(complaint("Length must be between 0 and 20", &at));
    }
    if name.to_lowercase().contains("line") {
        found.push(complaint("The name contains a reserved word", &join(at, "sender.name")));
    }
}

fn check_address(message: &Value, key: &str, at: &str, found: &mut Vec<Value>) {
    match text(message, key) {
        None | Some("") => found.push(complaint("May not be empty", &join(at, key))),
        Some(url) if !url.starts_with("https://") => {
            found.push(complaint("invalid uri scheme", &join(at, key)));
        }
        Some(url) if url.chars().count() > ADDRESS_CHARS_MAX => {
            found.push(complaint("Length must be between 0 and 2000", &join(at, key)));
        }
        Some(_) => {}
    }
}

fn need_all(message: &Value, keys: &[&str], at: &str, found: &mut Vec<Value>) {
    keys.iter().for_each(|key| need(message, key, at, found));
}

fn need(message: &Value, key: &str, at: &str, found: &mut Vec<Value>) {
    let missing = match message.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(words)) => words.is_empty(),
        Some(_) => false,
    };
    if missing {
        found.push(complaint("May not be empty", &join(at, key)));
    }
}

fn join(at: &str, key: &str) -> String {
    format!("{at}.{key}")
}

/// What stands on the screens of a message object that passed [`complaints`].
pub(crate) fn draft(world: &World, message: &Value) -> Draft {
    let kind = text(message, "type").unwrap_or_default();
    let mut draft = match kind {
        "text" => Draft::text(text(message, "text").unwrap_or_default()),
        "textV2" => substituted(world, message),
        "image" => media(Kind::Image, message),
        "video" => media(Kind::Video, message),
        "audio" => media(Kind::Audio, message),
        "sticker" => sticker(message),
        "location" => place(message),
        _ => card(message),
    };
    let sender = message.get("sender").and_then(|sender| text(sender, "name"));
    draft.sender = sender.map(str::to_owned);
    let quick = message.get("quickReply").map_or(&[][..], |quick| list(quick, "items"));
    draft.buttons.extend(quick.iter().filter_map(|item| button(item.get("action")?)));
    draft
}

fn media(kind: Kind, message: &Value) -> Draft {
    let url = text(message, "originalContentUrl").map(str::to_owned);
    let media = Media { url: url.clone(), ..Media::default() };
    Draft { kind, text: url.unwrap_or_default(), media: Some(media), ..Draft::default() }
}

fn sticker(message: &Value) -> Draft {
    let id = |key| text(message, key).unwrap_or_default();
    let words = format!("{}/{}", id("packageId"), id("stickerId"));
    Draft { kind: Kind::Sticker, ..Draft::text(words) }
}

fn place(message: &Value) -> Draft {
    let degrees = |key| message.get(key).and_then(Value::as_f64).unwrap_or_default();
    let media = Media {
        latitude: degrees("latitude"),
        longitude: degrees("longitude"),
        ..Media::default()
    };
    let words = [text(message, "title"), text(message, "address")];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Draft { kind: Kind::Location, media: Some(media), ..Draft::text(words) }
}

fn card(message: &Value) -> Draft {
    let words = text(message, "altText").unwrap_or_default();
    let mut draft = Draft { kind: Kind::Card, ..Draft::text(words) };
    let actions = message.get("template").map_or(&[][..], |template| list(template, "actions"));
    draft.buttons = actions.iter().filter_map(button).collect();
    draft
}

fn button(action: &Value) -> Option<Button> {
    let kind = text(action, "type")?;
    let value = match kind {
        "message" => text(action, "text"),
        "postback" => text(action, "data"),
        "uri" => text(action, "uri"),
        _ => None,
    };
    Some(Button {
        label: text(action, "label").or(value)?.to_owned(),
        action: if kind == "uri" { "link" } else { kind }.to_owned(),
        value: value.unwrap_or_default().to_owned(),
    })
}

/// Fills the `{name}` places of a `textV2` message.
fn substituted(world: &World, message: &Value) -> Draft {
    let mut words = String::new();
    let mut mentions = Vec::new();
    let mut rest = text(message, "text").unwrap_or_default();
    while let Some((before, after)) = rest.split_once('{') {
        words.push_str(&before.replace("}}", "}"));
        if let Some(later) = after.strip_prefix('{') {
            words.push('{');
            rest = later;
            continue;
        }
        let Some((key, later)) = after.split_once('}') else {
            break;
        };
        rest = later;
        let place = message.get("substitution").and_then(|all| all.get(key));
        match place.and_then(|place| mentioned(world, place)) {
            Some((user, name)) => {
                let index = utf16_len(&words);
                words.push('@');
                words.push_str(&name);
                mentions.push(Mention { user, index, length: utf16_len(&name) + 1 });
            }
            None => words.push('$'),
        }
    }
    words.push_str(&rest.replace("}}", "}"));
    Draft { mentions, ..Draft::text(words) }
}

fn mentioned(world: &World, place: &Value) -> Option<(String, String)> {
    let whom = place.get("mentionee")?;
    if text(whom, "type") == Some("all") {
        return Some(("all".to_owned(), "All".to_owned()));
    }
    let user = world.find_user(Network::Line, text(whom, "userId")?)?;
    Some((user.id.clone(), user.name.clone()))
}
