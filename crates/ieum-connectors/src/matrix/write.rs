//! [`Outgoing`] -> one call of the Client-Server API, made as one of our users.
//!
//! Invariants: the same outgoing gives the same transaction id, so that a repetition is shown once;
//! every id that stands in an address is escaped; no address leaves this folder in a reason.

use super::capabilities::TEXT_BYTES_MAX;
use super::wire;
use super::wire::Words;
use crate::homeserver::marks;
use crate::homeserver::users::DEVICE;
use crate::homeserver::{Call, client, escaped};
use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, move_on};
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
        Act::Edit { target, text, marks } => {
            let new = words(text, marks, name)?;
            ("send/m.room.message", wire::edit(target.as_str(), &new, is_notice))
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
    let mut message = match (&part.file, url) {
        (Some(file), Some(url)) => wire::file(file, url, &caption(part, name)?),
        (Some(_), None) => return Err("the file was not handed over"),
        (None, _) if part.place.is_some() => {
            let words = caption(part, name)?;
            part.place.as_ref().map(|place| wire::place(place, &words)).unwrap_or_default()
        }
        (None, _) => wire::text(&words(&part.text, &part.marks, name)?, is_notice),
    };
    if let (Some(fields), Some(reply)) = (message.as_object_mut(), &part.reply) {
        fields.insert("m.relates_to".to_owned(), wire::answers(reply.native.as_str()));
    }
    Ok(message)
}

/// The same for words that go with a file, which may be none.
fn caption(part: &Part, name: Option<&str>) -> Result<Words, Unsendable> {
    match (part.text.is_empty(), name) {
        (true, None) => Ok(Words::default()),
        (true, Some(name)) => Ok(Words { text: name.to_owned(), ..Words::default() }),
        (false, name) => words(&part.text, &part.marks, name),
    }
}

/// The text without what no event may hold, behind the name of its author where that is needed.
fn words(text: &str, marks: &[Mark<UserKey>], name: Option<&str>) -> Result<Words, Unsendable> {
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let plain: String = text.chars().filter(shown).collect();
    if plain.is_empty() || plain.len() > TEXT_BYTES_MAX {
        return Err("a text has 1 to 12000 bytes");
    }
    let called = marks::called(marks).into_iter().map(str::to_owned).collect();
    // Where something was taken out, the marks do not fit any more.
    let mut marks = if plain.len() == text.len() { marks.to_vec() } else { Vec::new() };
    let text = match name {
        Some(name) => {
            move_on(&mut marks, name.len() + 2);
            format!("{name}: {plain}")
        }
        None => plain,
    };
    let formatted = marks::formatted(&text, &marks);
    Ok(Words { text, formatted, called })
}
