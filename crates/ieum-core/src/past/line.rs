//! LINE's export: a day, and below it `15:01<tab>name<tab>text`, in three languages.

use super::moment::{Day, Reader};
use super::{Form, Past, PastMessage, Row, gathered};

/// Reads a text.
pub(super) fn read(text: &str, utc_offset_minutes: i32) -> Past {
    let mut today: Option<Day> = None;
    let mut past = gathered(Form::Line, text.lines(), |line| {
        if let Some(day) = day_alone(line) {
            today = Some(day);
            return Row::Notice;
        }
        match (today, said(line, today, utc_offset_minutes)) {
            (_, Some(row)) => row,
            (None, None) => Row::Notice,
            (Some(_), None) => Row::More,
        }
    });
    for message in &mut past.messages {
        unquote(&mut message.text);
    }
    past
}

/// `2023.05.10 수요일`, `2023/05/10(水)`, `Wed, 5/10/2023`.
fn day_alone(line: &str) -> Option<Day> {
    let mut reader = Reader(line.trim());
    let day = reader.day()?;
    let weekday = reader.0.trim().trim_matches(['(', ')', '.', ' ']);
    (!weekday.contains(|c: char| !c.is_alphabetic()) && weekday.chars().count() <= 10)
        .then_some(day)
}

fn said(line: &str, today: Option<Day>, utc_offset_minutes: i32) -> Option<Row> {
    let mut fields = line.splitn(3, '\t');
    let mut reader = Reader(fields.next()?);
    let seconds = reader.time().filter(|_| reader.0.trim().is_empty())?;
    let at = today?.at(seconds, utc_offset_minutes);
    let author = fields.next()?;
    Some(match fields.next() {
        Some(text) if !author.is_empty() => {
            Row::Message(PastMessage { author: author.to_owned(), at, text: text.to_owned() })
        }
        // Somebody came, went, or called.
        Some(_) | None => Row::Notice,
    })
}

/// A text of several lines stands in quotes, quotes in it doubled.
fn unquote(text: &mut String) {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(inner) = inner.filter(|inner| inner.contains('\n')) {
        *text = inner.replace("\"\"", "\"");
    }
}
