//! KakaoTalk's exports: text of telephones and of Windows, the table of macOS.

use super::moment::{Day, Reader};
use super::{Form, Past, PastMessage, Row, gathered};

/// What the head of a text says before its date, in Korean and English.
const HEADS: [&str; 4] = ["저장한 날짜", "Date Saved", "Date saved", "Saved on"];

/// Reads a text.
pub(super) fn read(text: &str, utc_offset_minutes: i32) -> Past {
    let mut today: Option<Day> = None;
    let mut begun = false;
    gathered(Form::KakaoTalk, text.lines(), |line| {
        let found = of_windows(line, &mut today, utc_offset_minutes)
            .or_else(|| of_telephones(line, utc_offset_minutes));
        let head = !begun && (found.is_none() || HEADS.iter().any(|head| line.starts_with(head)));
        match found {
            _ if head => Row::Notice,
            Some(row) => {
                begun = true;
                row
            }
            None => Row::More,
        }
    })
}

/// `[민지] [오후 3:01] 안녕`, below `--------------- 2023년 5월 10일 수요일 ---------------`.
fn of_windows(line: &str, today: &mut Option<Day>, utc_offset_minutes: i32) -> Option<Row> {
    if line.starts_with("-----") && line.ends_with("-----") {
        let inner = line.trim_matches('-').trim();
        *today = Some(Reader(inner).day()?);
        return Some(Row::Notice);
    }
    let (author, rest) = line.strip_prefix('[')?.split_once("] [")?;
    let (time, text) = rest.split_once(']')?;
    let mut reader = Reader(time);
    let seconds = reader.time().filter(|_| reader.0.trim().is_empty())?;
    let at = (*today)?.at(seconds, utc_offset_minutes);
    let text = text.strip_prefix(' ').unwrap_or(text);
    Some(Row::Message(PastMessage { author: author.to_owned(), at, text: text.to_owned() }))
}

/// `2023년 5월 10일 오후 3:01, 민지 : 안녕` and its like.
fn of_telephones(line: &str, utc_offset_minutes: i32) -> Option<Row> {
    let mut reader = Reader(line);
    let day = reader.day()?;
    reader.word(",").or_else(|| reader.word(" at")).unwrap_or_default();
    let Some(seconds) = reader.time() else {
        // A day alone, with its weekday at most.
        let rest = reader.0.trim();
        return (rest.split_whitespace().count() <= 1).then_some(Row::Notice);
    };
    if reader.0.trim().is_empty() || reader.0.starts_with(": ") {
        // A heading; or, of an iPhone: `2023. 5. 10. 오후 3:03: 지수님이 나갔습니다.`
        return Some(Row::Notice);
    }
    let rest = reader.0.strip_prefix(',')?.trim_start();
    let Some((author, text)) = rest.split_once(" : ").or(rest.split_once(" :")) else {
        return Some(Row::Notice);
    };
    let at = day.at(seconds, utc_offset_minutes);
    Some(Row::Message(PastMessage { author: author.to_owned(), at, text: text.to_owned() }))
}

/// Reads the table `Date,User,Message`; a field in quotes may hold lines.
pub(super) fn table(text: &str, utc_offset_minutes: i32) -> Past {
    let mut past =
        Past { form: Form::KakaoTalk, messages: Vec::new(), unread: Vec::new(), unread_count: 0 };
    let mut line = 1;
    for record in Records(text) {
        let begins = line;
        line += record.lines;
        if begins == 1 || record.fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let message = match &record.fields[..] {
            [date, author, text] => said(date, author, text, utc_offset_minutes),
            _ => None,
        };
        match message {
            Some(message) => past.messages.push(message),
            None => past.not_read(begins),
        }
    }
    past
}

fn said(date: &str, author: &str, text: &str, utc_offset_minutes: i32) -> Option<PastMessage> {
    let mut reader = Reader(date.trim());
    let day = reader.day()?;
    let at = day.at(reader.time()?, utc_offset_minutes);
    let text = text.trim_end().to_owned();
    Some(PastMessage { author: author.to_owned(), at, text })
}

/// Records of a table, by RFC 4180.
struct Records<'t>(&'t str);

struct Record {
    fields: Vec<String>,
    lines: usize,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.0.is_empty() {
            return None;
        }
        let mut record = Record { fields: vec![String::new()], lines: 1 };
        let (mut quoted, mut end) = (false, self.0.len());
        let mut symbols = self.0.char_indices().peekable();
        while let Some((at, symbol)) = symbols.next() {
            let Some(field) = record.fields.last_mut() else { break };
            match symbol {
                '"' if quoted && symbols.peek().is_some_and(|(_, next)| *next == '"') => {
                    symbols.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => record.fields.push(String::new()),
                '\n' if !quoted => {
                    end = at + 1;
                    break;
                }
                '\r' => {}
                '\n' => {
                    record.lines += 1;
                    field.push('\n');
                }
                other => field.push(other),
            }
        }
        self.0 = self.0.get(end..).unwrap_or_default();
        Some(record)
    }
}
