//! Skill responses of KakaoTalk: their limits, and what of them stands on a screen.

use serde_json::Value;

use crate::network::Network;
use crate::reading::{list, text};
use crate::world::World;
use crate::world::message::{Button, Draft, Kind, Media, Mention, utf16_len};
use crate::world::people::{Chat, ChatKind};

/// Bubbles in one response.
const OUTPUTS_MAX: usize = 3;
/// Quick replies under a response.
const QUICK_REPLIES_MAX: usize = 10;
/// Mentions in a response.
const MENTIONS_MAX: usize = 15;
/// Characters of a text bubble.
const TEXT_CHARS_MAX: usize = 1_000;
/// Items of a list card.
const LIST_ITEMS_MAX: usize = 5;
/// The bubbles that there are.
const BUBBLES: [&str; 8] = [
    "simpleText",
    "simpleImage",
    "textCard",
    "basicCard",
    "listCard",
    "itemCard",
    "commerceCard",
    "carousel",
];

/// A refusal: the code and why.
type Refusal = (i64, String);

/// Reads a skill response into what stands on the screens, one draft a bubble.
pub(crate) fn drafts(world: &World, chat: &Chat, body: &Value) -> Result<Vec<Draft>, Refusal> {
    let message = |why: &str| (-870, why.to_owned());
    let skill = body.get("skillResponse").ok_or_else(|| message("skillResponse is required"))?;
    if text(skill, "version") != Some("2.0") {
        return Err(message("skillResponse.version must be 2.0"));
    }
    let template = skill.get("template").ok_or_else(|| message("template is required"))?;
    let outputs = list(template, "outputs");
    if outputs.is_empty() || outputs.len() > OUTPUTS_MAX {
        return Err(message("template.outputs must have 1 to 3 bubbles"));
    }
    let quick = list(template, "quickReplies");
    if quick.len() > QUICK_REPLIES_MAX {
        return Err(message("template.quickReplies must have at most 10 items"));
    }
    let mentions = mentions(world, chat, skill)?;
    let each = outputs.iter().map(|output| bubble(output, chat, &mentions));
    let mut drafts = each.collect::<Result<Vec<Draft>, Refusal>>()?;
    // Quick replies are not drawn in team chats.
    let draws_quick_replies = chat.kind != ChatKind::Team;
    if let Some(last) = drafts.last_mut().filter(|_| draws_quick_replies) {
        last.buttons.extend(quick.iter().filter_map(button));
    }
    Ok(drafts)
}

/// Key in the response, short name, shown name.
type Mentioned = (String, String, String);

fn mentions(world: &World, chat: &Chat, skill: &Value) -> Result<Vec<Mentioned>, Refusal> {
    let given = skill.get("extra").and_then(|extra| extra.get("mentions"));
    let Some(given) = given.and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    if given.len() > MENTIONS_MAX {
        return Err((-870, "at most 15 mentions".to_owned()));
    }
    if chat.is_direct() && !given.is_empty() {
        return Err((-870, "no mentions in channel chats".to_owned()));
    }
    let each = given.iter().map(|(key, whom)| {
        let user = text(whom, "id").and_then(|id| world.find_user(Network::Kakaotalk, id));
        let known =
            user.filter(|user| text(whom, "type") == Some("botUserKey") && !user.id.is_empty());
        match known {
            Some(user) => Ok((key.clone(), user.id.clone(), user.name.clone())),
            None => Err((-876, format!("invalid key in mentions.{key}"))),
        }
    });
    each.collect()
}

fn bubble(output: &Value, chat: &Chat, mentions: &[Mentioned]) -> Result<Draft, Refusal> {
    let invalid = |why: &str| (-878, why.to_owned());
    let map = output.as_object().filter(|map| map.len() == 1);
    let (kind, content) = map
        .and_then(|map| map.iter().next())
        .ok_or_else(|| invalid("a bubble has exactly one kind"))?;
    if !BUBBLES.contains(&kind.as_str()) {
        return Err(invalid("unknown bubble"));
    }
    match kind.as_str() {
        "simpleText" => simple_text(content, mentions),
        "simpleImage" => simple_image(content),
        "carousel" if !chat.is_direct() => Err(invalid("carousel only in channel chats")),
        "listCard" if list(content, "items").len() > LIST_ITEMS_MAX => {
            Err(invalid("a list card has at most 5 items"))
        }
        _ => Ok(card(content)),
    }
}

fn simple_text(content: &Value, mentions: &[Mentioned]) -> Result<Draft, Refusal> {
    let words = text(content, "text").unwrap_or_default();
    if words.is_empty() {
        return Err((-878, "simpleText.text is required".to_owned()));
    }
    if words.chars().count() > TEXT_CHARS_MAX {
        return Err((-878, "simpleText.text must have at most 1000 characters".to_owned()));
    }
    let mut shown = String::new();
    let mut marks = Vec::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once("{{#mentions.") {
        let Some((key, later)) = after.split_once("}}") else {
            break;
        };
        shown.push_str(before);
        rest = later;
        match mentions.iter().find(|one| one.0 == key) {
            Some((_, user, name)) => {
                let (index, length) = (utf16_len(&shown), utf16_len(name) + 1);
                marks.push(Mention { user: user.clone(), index, length });
                shown.push('@');
                shown.push_str(name);
            }
            None => return Err((-876, format!("mentions.{key} is not given"))),
        }
    }
    shown.push_str(rest);
    Ok(Draft { mentions: marks, ..Draft::text(shown) })
}

fn simple_image(content: &Value) -> Result<Draft, Refusal> {
    let url = text(content, "imageUrl").filter(|url| url.starts_with("http"));
    let Some(url) = url else {
        return Err((-878, "simpleImage.imageUrl is required".to_owned()));
    };
    let words = text(content, "altText").unwrap_or(url);
    let media = Media { url: Some(url.to_owned()), ..Media::default() };
    Ok(Draft { kind: Kind::Image, media: Some(media), ..Draft::text(words) })
}

fn card(content: &Value) -> Draft {
    let header = content.get("header").and_then(|header| text(header, "title"));
    let mut lines: Vec<&str> = header.into_iter().collect();
    lines.extend(text(content, "title"));
    lines.extend(text(content, "description"));
    let items = list(content, "items");
    lines.extend(items.iter().filter_map(|item| text(item, "title")));
    let mut draft = Draft { kind: Kind::Card, ..Draft::text(lines.join("\n")) };
    draft.buttons = list(content, "buttons").iter().filter_map(button).collect();
    let tappable = items.iter().filter(|item| text(item, "action").is_some());
    draft.buttons.extend(tappable.filter_map(|item| {
        let label = text(item, "title")?.to_owned();
        Some(Button { value: label.clone(), label, action: "message".to_owned() })
    }));
    draft
}

/// A tapped button or list item arrives as a mention with the visible words.
fn button(written: &Value) -> Option<Button> {
    let label = text(written, "label").or_else(|| text(written, "title"))?.to_owned();
    let action = match text(written, "action").unwrap_or("message") {
        "webLink" => "link",
        "mention" => "message",
        other => other,
    };
    let link = text(written, "webLinkUrl").or_else(|| text(written, "phoneNumber"));
    let value = link.or_else(|| text(written, "messageText")).unwrap_or_default().to_owned();
    Some(Button { label, action: action.to_owned(), value })
}
