//! `Outgoing` -> letter. Pure.
//!
//! Every letter to a person hangs in one thread, asks to be answered to an address that only they
//! were told, and says of itself that a program wrote it, so that other programs keep silent
//! (RFC 3834). Invariant: the whole text of the part stands in it, plain and as HTML.

use super::MailConfig;
use super::attach;
use super::read::FILE_MARK;
use super::wire::{Us, is_address};
use crate::markup;
use crate::verdict::refused;
use ieum_core::ids::NativeMessageId;
use ieum_core::outgoing::{Act, FileContent, Outcome, Outgoing, Part, PartFile, Scope};
use ieum_core::render::in_words;
use ieum_core::time::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

/// Marks our letters.
pub(super) const OUR_HEADER: &str = "X-Ieum";

/// A letter ready to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) to: String,
    pub(super) id: NativeMessageId,
    /// All of it, or what stands before its file.
    pub(super) text: String,
    pub(super) file: Option<Attached>,
}

/// A file of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) content: FileContent,
    /// What stands behind it.
    pub(super) tail: String,
}

/// Writes the letter that `outgoing` asks for.
///
/// # Errors
/// A refusal when there is no such letter; nothing was sent.
pub(super) fn letter(
    config: &MailConfig,
    outgoing: &Outgoing,
    now: Timestamp,
) -> Result<Letter, Outcome> {
    let Act::Say(parts) = &outgoing.act else {
        return Err(refused(Scope::Message, "a letter that was sent cannot be changed"));
    };
    let [part] = &**parts else {
        return Err(refused(Scope::Message, "a letter carries one part"));
    };
    let to = outgoing.chat.key.as_str();
    if !is_address(to) {
        return Err(refused(Scope::Recipient, "not an address that can be written to"));
    }
    let us = config.us();
    let id = us.letter_id(&outgoing.key, to);
    let unwritten = || refused(Scope::Message, "the letter cannot be written");
    let marked = part.file.as_ref().map(|file| (file, attach::mark(&outgoing.key)));
    let text = written(config, us, (part, marked), (to, &id), now).ok_or_else(unwritten)?;
    let (text, file) = match &part.file {
        None => (text, None),
        Some(file) => {
            let (text, tail) = attach::around(&text, &outgoing.key).ok_or_else(unwritten)?;
            (text, Some(Attached { content: file.content.clone(), tail }))
        }
    };
    Ok(Letter { to: to.to_owned(), id: NativeMessageId::new(id), text, file })
}

fn written(
    config: &MailConfig,
    us: Us<'_>,
    (part, marked): (&Part, Option<(&PartFile, Vec<u8>)>),
    (to, id): (&str, &str),
    now: Timestamp,
) -> Option<String> {
    let thread = us.thread_id(to);
    let answered = part.reply.as_ref().map(|reply| letter_of(reply.native.as_str()).to_owned());
    let mut references = vec![thread.clone()];
    references.extend(answered.clone());
    let name = part.sender.as_ref().map_or(&*config.name, |sender| &*sender.name);
    let back = us.return_address(to);
    let leave = format!("<mailto:{back}?subject=unsubscribe>");
    let boundary = format!("ieum-{}", id.split_once('@').map_or(id, |(own, _)| own));
    let mixed = ContentType::new("multipart/mixed").attribute("boundary", format!("{boundary}-m"));
    let kind = ContentType::new("multipart/alternative").attribute("boundary", boundary);
    let bodies = vec![
        MimePart::new("text/plain; charset=utf-8", in_words(&part.text, &part.marks).0),
        MimePart::new("text/html; charset=utf-8", html(part)),
    ];
    let words = MimePart::new(kind, bodies);
    let body = match marked {
        None => words,
        Some((file, mark)) => {
            let file = MimePart::new(&*file.media_type, mark).attachment(file.name.as_str());
            MimePart::new(mixed, vec![words, file])
        }
    };
    MessageBuilder::new()
        .from((name, config.address.as_str()))
        .to(to)
        .reply_to(back.as_str())
        .subject(config.subject.as_str())
        .date(now.0.div_euclid(1_000))
        .message_id(id)
        .in_reply_to(answered.unwrap_or(thread))
        .references(MessageId::from(references))
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header("List-Unsubscribe", Raw::new(leave))
        .header(OUR_HEADER, Raw::new("1"))
        .body(body)
        .write_to_string()
        .ok()
}

/// The id of the letter that a message, or a file of one, came in.
fn letter_of(native: &str) -> &str {
    native.split(FILE_MARK).next().unwrap_or(native)
}

fn html(part: &Part) -> String {
    let words = markup::html::write(&part.text, &part.marks, |_| None);
    format!("<!DOCTYPE html><html><body><div>{words}</div></body></html>")
}
