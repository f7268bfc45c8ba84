//! [`Outgoing`] -> one call of the Client-Server API, made as one of our users.
//!
//! Invariants: the same outgoing gives the same transaction id, so that a repetition is shown once;
//! every id that stands in an address is escaped; no address leaves this folder in a reason.

use super::capabilities::TEXT_BYTES_MAX;
use super::wire;
use crate::homeserver::users::DEVICE;
use crate::homeserver::{Call, client, escaped};
use ieum_core::outgoing::{Act, Outgoing, Part};
use serde_json::{Value, json};

/// Why something cannot be said on Matrix at all.
pub(super) type Unsendable = &'static str;

/// The one call that does `outgoing` as `user`. With `named` the author stands in front of the
/// text: it is how our bot speaks for a ghost that a room does not let in. `file` is where the
/// file of what is said was handed over.
pub(super) fn act(
    outgoing: &Outgoing,
    (user, named): (&str, bool),
    file: Option<&str>,
) -> Result<Call, Unsendable> {
    let author = outgoing.author.as_ref();
    let name = author.filter(|_| named).map(|author| author.shown.name.as_str());
    let is_notice = author.is_none();
    let (kind, body) = match &outgoing.act {
        Act::Say(parts) => ("send/m.room.message", message(parts, name, is_notice, file)?),
        Act::Edit { target, text } => {
            let text = words(text, name)?;
            ("send/m.room.message", wire::edit(target.as_str(), &text, is_notice))
        }
        Act::Withdraw { target } => return Ok(redact(outgoing, user, target.as_str())),
        Act::React { emoji: None, own, .. } => {
            let own = own.as_ref().ok_or("the reaction has no id of its own")?;
            return Ok(redact(outgoing, user, own.as_str()));
        }
        Act::React { target, emoji: Some(emoji), .. } => {
            ("send/m.reaction", wire::reaction(target.as_str(), emoji))
        }
    };
    Ok(Call::put(in_room(outgoing, user, kind), body))
}

fn redact(outgoing: &Outgoing, user: &str, target: &str) -> Call {
    Call::put(in_room(outgoing, user, &format!("redact/{}", escaped(target))), json!({}))
}

/// A path with the room before `what` and our transaction id behind it.
fn in_room(outgoing: &Outgoing, user: &str, what: &str) -> String {
    let room = escaped(outgoing.chat.key.as_str());
    let transaction = u128::from_be_bytes(outgoing.key);
    let path = client(&format!("rooms/{room}/{what}/{transaction:032x}"), user);
    format!("{path}&device_id={}", DEVICE)
}

fn message(
    parts: &[Part],
    name: Option<&str>,
    is_notice: bool,
    url: Option<&str>,
) -> Result<Value, Unsendable> {
    let [part] = parts else {
        return Err("a call carries one message");
    };
    let mentioned: Vec<&str> = part.mentions.iter().map(|user| user.as_str()).collect();
    let mut message = match (&part.file, url) {
        (Some(file), Some(url)) => wire::file(file, url, &caption(&part.text, name)?, &mentioned),
        (Some(_), None) => return Err("the file was not handed over"),
        (None, _) => wire::text(&words(&part.text, name)?, is_notice, &mentioned),
    };
    if let (Some(fields), Some(reply)) = (message.as_object_mut(), &part.reply) {
        fields.insert("m.relates_to".to_owned(), wire::answers(reply.native.as_str()));
    }
    Ok(message)
}

/// The same for words that go with a file, which may be none.
fn caption(text: &str, name: Option<&str>) -> Result<String, Unsendable> {
    match (text.is_empty(), name) {
        (true, None) => Ok(String::new()),
        (true, Some(name)) => Ok(name.to_owned()),
        (false, name) => words(text, name),
    }
}

/// The text without what no event may hold, behind the name of its author where that is needed.
fn words(text: &str, name: Option<&str>) -> Result<String, Unsendable> {
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(shown).collect();
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err("a text has 1 to 12000 bytes");
    }
    Ok(name.map_or_else(|| text.clone(), |name| format!("{name}: {text}")))
}
