//! `ieum import`: a messenger's own export brought into a conversation of a running hub.
//!
//! Invariant: it may be repeated: what was brought before is known and not kept twice.

use super::client::{Caller, HubAddress};
use anyhow::Context;
use http::Method;
use ieum_core::past::{FILE_BYTES_MAX, Past, PastMessage, read};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Messages in one call.
const ROWS_PER_CALL: usize = 200;
/// Bytes of text in one call: well below what the hub takes.
const BYTES_PER_CALL: usize = 128 * 1_024;

/// What to bring where.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArguments {
    #[command(flatten)]
    hub: HubAddress,
    /// The number of the conversation.
    #[arg(long, value_name = "NUMBER")]
    conversation: u64,
    /// How far east of UTC the times in the file are, in minutes; Korea unless told.
    #[arg(long, value_name = "MINUTES", default_value_t = 540, allow_negative_numbers = true)]
    utc_offset: i32,
    /// Only read the file, and tell what it holds.
    #[arg(long)]
    check: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The export: `.txt` or `.csv` of KakaoTalk, `.txt` of LINE, `result.json` of Telegram.
    file: PathBuf,
}

/// Runs `ieum import`; `false` when lines were left that could not be read.
///
/// # Errors
/// When the file is no export, or the hub does not take it.
pub fn main(arguments: &ImportArguments) -> anyhow::Result<bool> {
    let name = arguments.file.display();
    let bytes = std::fs::metadata(&arguments.file).with_context(|| format!("{name}"))?.len();
    anyhow::ensure!(bytes <= FILE_BYTES_MAX as u64, "{name} is over {FILE_BYTES_MAX} bytes");
    let text = std::fs::read(&arguments.file).with_context(|| format!("{name}"))?;
    let text = String::from_utf8_lossy(&text);
    let past = read(&text, arguments.utc_offset).with_context(|| format!("{name}"))?;
    let mut totals = (0, 0);
    if !arguments.check {
        let runtime = crate::runtime::build()?;
        let caller = Caller::new(&arguments.hub)?;
        totals = runtime.block_on(bring(&caller, arguments.conversation, &past))?;
    }
    if arguments.json {
        let report = json!({
            "messages": past.messages.len(),
            "kept": totals.0,
            "known": totals.1,
            "unread": past.unread_count,
            "unread_lines": past.unread,
        });
        super::say(&report.to_string())?;
    } else {
        super::say(&told(&past, totals))?;
    }
    Ok(past.unread_count == 0)
}

fn told(past: &Past, (kept, known): (u64, u64)) -> String {
    let mut text = format!("{} messages: {kept} kept, {known} known before", past.messages.len());
    if past.unread_count > 0 {
        let lines: Vec<String> = past.unread.iter().take(20).map(usize::to_string).collect();
        let (count, lines) = (past.unread_count, lines.join(", "));
        text.push_str(&format!("\n{count} lines could not be read: {lines}"));
    }
    text
}

async fn bring(caller: &Caller, conversation: u64, past: &Past) -> anyhow::Result<(u64, u64)> {
    let path = format!("/v1/conversations/{conversation}/past");
    let (mut kept, mut known, mut done) = (0, 0, 0);
    for call in calls(&past.messages) {
        done += call.len();
        let answer = caller.set(Method::POST, &path, &json!({ "messages": call })).await?;
        let count = |key| answer.get(key).and_then(Value::as_u64).unwrap_or_default();
        kept += count("kept");
        known += count("known");
        progress(done, past.messages.len());
    }
    Ok((kept, known))
}

/// One line that is written over, where somebody looks.
fn progress(done: usize, all: usize) {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let percent = done * 100 / all.max(1);
        let end = if done == all { "\n" } else { "" };
        // Who cannot see the progress loses nothing.
        drop(write!(screen, "\r{done} of {all} ({percent} %){end}"));
    }
}

/// Messages in calls of a bounded size, each with how many like it came before.
fn calls(messages: &[PastMessage]) -> Vec<Vec<Value>> {
    let mut seen: BTreeMap<(&str, i64, &str), u32> = BTreeMap::new();
    let mut calls: Vec<Vec<Value>> = Vec::new();
    let mut bytes = usize::MAX;
    for one in messages {
        let again = seen.entry((&one.author, one.at.0, &one.text)).or_default();
        let line = json!({
            "author": one.author, "at_ms": one.at.0, "text": one.text, "again": *again,
        });
        *again += 1;
        let full = calls.last().is_none_or(|call| call.len() >= ROWS_PER_CALL);
        if full || bytes.saturating_add(one.text.len()) > BYTES_PER_CALL {
            calls.push(Vec::new());
            bytes = 0;
        }
        bytes += one.text.len();
        if let Some(call) = calls.last_mut() {
            call.push(line);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::time::Timestamp;

    fn message(text: &str) -> PastMessage {
        PastMessage { author: "민지".to_owned(), at: Timestamp(1), text: text.to_owned() }
    }

    #[test]
    fn calls_are_bounded_and_what_is_alike_is_numbered() {
        let mut messages = vec![message("ㅋㅋ"); 450];
        messages.push(message(&"가".repeat(BYTES_PER_CALL)));
        messages.push(message("끝"));
        let calls = calls(&messages);
        let sizes: Vec<usize> = calls.iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 200, 50, 1, 1]);
        assert_eq!(calls[2][49]["again"], 449);
        assert_eq!(calls[4][0]["again"], 0);
    }

    #[test]
    fn the_report_names_lines_that_could_not_be_read() {
        let mut past = read("2023년 5월 10일 오후 3:01, 민지 : 안녕", 540).unwrap();
        assert_eq!(told(&past, (1, 0)), "1 messages: 1 kept, 0 known before");
        (past.unread, past.unread_count) = (vec![3, 9], 2);
        assert!(told(&past, (1, 0)).ends_with("2 lines could not be read: 3, 9"));
    }
}
