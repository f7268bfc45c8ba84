//! Matrix's formatted bodies and mentions <-> marks. Pure.
//!
//! Invariant: whoever stands in `m.mentions` is called, and nobody else: a pill alone, in a quoted
//! text or of an app that tells no mentions, calls who it shows.

use crate::markup::{html, html_read};
use crate::matrix::read::Us;
use crate::matrix::wire;
use crate::wire_text::{ID_BYTES_MAX, into_id};
use ieum_core::ids::{AuthorKey, UserKey};
use ieum_core::marks::{MARKS_MAX, Mark, MarkKind, Named, tidy};

/// The format of formatted bodies.
const HTML: &str = "org.matrix.custom.html";
const PERSON: &str = "https://matrix.to/#/";

/// The text of a message and its marks: of its HTML where it has some.
pub(crate) fn read(message: &wire::Message, us: &Us) -> (String, Vec<Mark<Named>>) {
    let html = message.formatted_body.as_deref().filter(|html| {
        message.format.as_deref() == Some(HTML) && html.len() <= html_read::HTML_BYTES_MAX
    });
    let (text, mut marks) = match html {
        Some(html) => {
            let (text, marks) = html_read::read(html);
            let marks = marks.into_iter().filter_map(|mark| with_people(mark, us)).collect();
            let marks = tidy(&text, marks);
            (text, marks)
        }
        None => (message.body.as_deref().unwrap_or_default().to_owned(), Vec::new()),
    };
    let told = message.mentions.as_ref().map(|mentions| mentions.user_ids.as_slice());
    let placed: Vec<_> = marks.iter().map(|mark| mark.kind.clone()).collect();
    for user in told.unwrap_or_default().iter().take(MARKS_MAX) {
        let kind = named(user, us).map(MarkKind::Mention);
        if let Some(kind) = kind.filter(|kind| !placed.contains(kind)) {
            marks.push(Mark::new(0..0, kind));
        }
    }
    (text, marks)
}

/// Links to people are people; one to our bot is nothing.
fn with_people(mark: Mark<Named>, us: &Us) -> Option<Mark<Named>> {
    match mark.kind.link().and_then(user_behind) {
        Some(user) => Some(Mark { kind: MarkKind::Mention(named(&user, us)?), ..mark }),
        None => Some(mark),
    }
}

/// Who a user stands for: a ghost for whoever speaks through it.
fn named(user: &str, us: &Us) -> Option<Named> {
    if *user == *us.bot {
        return None;
    }
    let author = user.strip_prefix(&*us.ghosts).and_then(|rest| rest.strip_suffix(&*us.server));
    if let Some(author) = author {
        return Some(Named::Author(AuthorKey::new(author)));
    }
    into_id(user.into(), ID_BYTES_MAX).map(|user| Named::User(UserKey(user)))
}

/// `https://matrix.to/#/@kim:example.org`, escaped or not, or `matrix:u/kim:example.org`.
fn user_behind(to: &str) -> Option<String> {
    if let Some(user) = to.strip_prefix("matrix:u/") {
        let user = user.split(['?', '/']).next()?;
        return Some(format!("@{user}"));
    }
    let user = to.strip_prefix(PERSON)?.split(['?', '/']).next()?;
    let user = user.replace("%40", "@").replace("%3A", ":").replace("%3a", ":");
    (user.starts_with('@') && user.contains(':')).then_some(user)
}

/// The HTML of a text, where its marks need one.
pub(crate) fn formatted(text: &str, marks: &[Mark<UserKey>]) -> Option<(&'static str, String)> {
    let person = |user: &UserKey| Some(format!("{PERSON}{}", user.as_str()));
    (!marks.is_empty()).then(|| (HTML, html::write(text, marks, person)))
}

/// Who is called in these marks.
pub(crate) fn called(marks: &[Mark<UserKey>]) -> Vec<&str> {
    let mut users: Vec<&str> =
        marks.iter().filter_map(|mark| mark.kind.called().map(UserKey::as_str)).collect();
    users.sort_unstable();
    users.dedup();
    users
}
