//! The past: conversations that a messenger wrote to a file, read line by line.
//!
//! Pure. Read are KakaoTalk's text (Android, iOS, Windows; Korean and English) and table (macOS),
//! LINE's text (Korean, English, Japanese) and Telegram's JSON. It stores nothing. Invariant: every
//! line of a file is part of a message, known to be none, or told as not read.

mod kakaotalk;
mod line;
mod moment;
mod telegram;

use crate::time::Timestamp;

/// Largest file that is read.
pub const FILE_BYTES_MAX: usize = 512 << 20;
/// Lines that could not be read and are named by their number; all are counted.
pub const UNREAD_NAMED_MAX: usize = 1_000;

/// One message of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMessage {
    /// Who, as the file names them.
    pub author: String,
    /// When it was said.
    pub at: Timestamp,
    /// What was said; a picture or file is the word that the messenger wrote for it.
    pub text: String,
}

/// Which messenger wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// KakaoTalk's text or table.
    KakaoTalk,
    /// LINE's text.
    Line,
    /// Telegram Desktop's `result.json`.
    Telegram,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Who wrote it.
    pub form: Form,
    /// In the order of the file.
    pub messages: Vec<PastMessage>,
    /// Numbers of lines (in JSON: of messages) that could not be read, from 1.
    pub unread: Vec<usize>,
    /// How many could not be read.
    pub unread_count: usize,
}

/// Why a file was not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastFailure {
    /// It is too large.
    #[error("the file is over {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// No messenger writes such files.
    #[error("this is no export of KakaoTalk, LINE or Telegram")]
    Unknown,
}

/// Reads a file; times without a zone are `utc_offset_minutes` east of UTC.
///
/// # Errors
/// When it is too large, or of no known form.
pub fn read(text: &str, utc_offset_minutes: i32) -> Result<Past, PastFailure> {
    if text.len() > FILE_BYTES_MAX {
        return Err(PastFailure::TooLarge);
    }
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let past = if text.trim_start().starts_with('{') {
        telegram::read(text, utc_offset_minutes).ok_or(PastFailure::Unknown)?
    } else if first.replace(' ', "").eq_ignore_ascii_case("date,user,message") {
        kakaotalk::table(text, utc_offset_minutes)
    } else if first.starts_with("[LINE]") {
        line::read(text, utc_offset_minutes)
    } else {
        kakaotalk::read(text, utc_offset_minutes)
    };
    if past.messages.is_empty() { Err(PastFailure::Unknown) } else { Ok(past) }
}

/// What one line of a text is.
enum Row {
    /// A message begins.
    Message(PastMessage),
    /// A head, a date, or a notice of the messenger.
    Notice,
    /// More of the message before it.
    More,
}

/// Puts rows together.
fn gathered<'t>(
    form: Form,
    lines: impl Iterator<Item = &'t str>,
    mut row: impl FnMut(&'t str) -> Row,
) -> Past {
    let mut past = Past { form, messages: Vec::new(), unread: Vec::new(), unread_count: 0 };
    let mut open = false;
    for (number, line) in (1..).zip(lines) {
        let line = line.trim_end_matches('\r');
        match row(line) {
            Row::Message(message) => {
                past.messages.push(message);
                open = true;
            }
            Row::Notice => open = false,
            Row::More => match past.messages.last_mut().filter(|_| open) {
                Some(message) => {
                    message.text.push('\n');
                    message.text.push_str(line);
                }
                None if line.trim().is_empty() => {}
                None => past.not_read(number),
            },
        }
    }
    for message in &mut past.messages {
        message.text.truncate(message.text.trim_end().len());
    }
    past
}

impl Past {
    fn not_read(&mut self, number: usize) {
        self.unread_count += 1;
        if self.unread.len() < UNREAD_NAMED_MAX {
            self.unread.push(number);
        }
    }
}

#[cfg(test)]
mod tests;
