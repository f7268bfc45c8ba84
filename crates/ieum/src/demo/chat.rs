//! A real log as the script: lines `[HH:MM] <name> text`, and beside it rows `A B -` that say that
//! line B answers line A.

use super::cast::{FAMILY, Talk};
use super::day::{Line, Script, ends_at};
use ieum_lab::Scenario;
use std::collections::BTreeMap;
use std::path::Path;

/// The share of the log after which the outage begins.
const OUTAGE_AFTER: f64 = 0.4;
/// Longest text that is played; longer lines are cut, which a log of chat does not know.
const TEXT_CHARS_MAX: usize = 800;

/// The annotation of `NAME.raw.txt` in `NAME.annotation.txt`.
pub(super) fn annotation_beside(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".raw.txt")?;
    std::fs::read_to_string(file.with_file_name(format!("{name}.annotation.txt"))).ok()
}

/// The log as a script; authors are spread over the family in the order of their appearance.
pub(super) fn script(
    log: &str,
    annotation: Option<&str>,
    scenario: &Scenario,
) -> anyhow::Result<Script> {
    let said: Vec<(usize, i64, &str, &str)> = log
        .lines()
        .enumerate()
        .filter_map(|(number, line)| {
            let (minute, name, text) = said(line)?;
            Some((number, minute, name, text))
        })
        .collect();
    anyhow::ensure!(!said.is_empty(), "the log has no line of the form [HH:MM] <name> text");
    let times = spread(&said.iter().map(|(_, minute, ..)| *minute).collect::<Vec<_>>());
    let span = times.last().copied().unwrap_or(0);
    let outage_at = scenario.happened_at();
    let begins = outage_at.0 - fraction(span, OUTAGE_AFTER);
    let answers = answers(annotation.unwrap_or_default());
    let mut places = BTreeMap::new();
    let mut authors = BTreeMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for ((number, _, name, text), offset) in said.into_iter().zip(times) {
        let next = authors.len() % FAMILY.len();
        let who = *authors.entry(name).or_insert(next);
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let answered = answers.get(&number).and_then(|line| places.get(line)).copied();
        places.insert(number, lines.len());
        let at = ieum_core::time::Timestamp(begins + offset);
        lines.push(Line { at, who, talk: Talk::Family, text, answers: answered });
    }
    let outage_ends_at = ends_at(scenario, outage_at);
    Ok(Script { lines, outage_at, outage_ends_at, hurries: false })
}

fn said(line: &str) -> Option<(i64, &str, &str)> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] <")?;
    let (hour, minute) = time.split_once(':')?;
    let (name, text) = rest.split_once("> ")?;
    let minutes = hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?;
    (!text.trim().is_empty()).then_some((minutes, name, text))
}

/// Milliseconds from the first line: those of one minute are spread over it, midnight is passed.
fn spread(minutes: &[i64]) -> Vec<i64> {
    let mut times = Vec::with_capacity(minutes.len());
    let (mut days, mut before) = (0, minutes.first().copied().unwrap_or(0));
    let first = before;
    let mut start = 0;
    while start < minutes.len() {
        let minute = minutes.get(start).copied().unwrap_or(0);
        let same = minutes.iter().skip(start).take_while(|other| **other == minute).count();
        if minute < before {
            days += 1;
        }
        before = minute;
        let base = (minute + days * 24 * 60 - first) * 60_000;
        for index in 0..same {
            let index = i64::try_from(index).unwrap_or(0);
            let of = i64::try_from(same).unwrap_or(1);
            times.push(base + index * 60_000 / of);
        }
        start += same;
    }
    times
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of a day in milliseconds is exact enough and far below 2^53"
)]
fn fraction(span: i64, share: f64) -> i64 {
    (span as f64 * share) as i64
}

fn answers(annotation: &str) -> BTreeMap<usize, usize> {
    annotation
        .lines()
        .filter_map(|row| {
            let mut words = row.split_whitespace();
            let first = words.next()?.parse::<usize>().ok()?;
            let second = words.next()?.parse::<usize>().ok()?;
            (first < second).then_some((second, first))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_spread_over_their_minute_and_past_midnight() {
        assert_eq!(spread(&[1_439, 1_439, 0]), [0, 30_000, 60_000]);
    }

    #[test]
    fn a_log_becomes_a_script_with_answers() {
        let scenario = Scenario::named("K2").unwrap();
        let log = "[15:01] <gos> hi\n=== emc_ is now known as emc\n[15:02] <ann> <b> yes\n";
        let script = script(log, Some("0 2 -\n2 2 -\n"), &scenario).unwrap();
        assert_eq!(script.lines.len(), 2);
        assert_eq!(script.lines[1].text, "<b> yes");
        assert_eq!(script.lines[1].answers, Some(0));
        assert_ne!(script.lines[0].who, script.lines[1].who);
        assert!(super::script("nothing", None, &scenario).is_err());
    }
}
