//! Telling the operator about incidents: what is owed to each channel, and in which words.
//!
//! Pure; what was told is kept with the incident, so that a hub that is killed neither forgets to
//! tell nor, but for a lost answer, tells twice. Invariant: a channel hears of an incident in the
//! order opened, changed, closed, and of its end once.

use crate::directory::Language;
use crate::health::{Cell, CellState, Function, Surface};
use crate::incident::Incident;
use crate::render::words::{clock_text, network_name};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Most tellings kept of one incident; beyond, the changes told longest ago are left out.
pub const TELLINGS_MAX: usize = 64;
/// Time between two words about changes of one incident: one that flaps is told at its ends.
pub const CHANGED_MS_MIN: u64 = 60_000;
/// Nobody is told of what ended longer ago: a channel that is new does not begin with old news.
pub const TOLD_LATE_MS_MAX: u64 = 24 * 3_600_000;
/// First and longest wait before a channel that failed is tried again.
const RETRY_MS_MIN: u64 = 2_000;
const RETRY_MS_MAX: u64 = 10 * 60_000;

/// What of an incident is told. Stored: numbers are never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Stage {
    /// It began.
    #[n(0)]
    Opened,
    /// A part of it turned.
    #[n(1)]
    Changed,
    /// All works again.
    #[n(2)]
    Closed,
}

impl Stage {
    /// Its word in the interface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Closed => "closed",
        }
    }
}

/// A channel of the operator's was told, and took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Telling {
    /// Which channel, as configured.
    #[n(0)]
    pub channel: Box<str>,
    /// What it was told.
    #[n(1)]
    pub stage: Stage,
    /// How many changes that covers.
    #[n(2)]
    pub turns: u64,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// Keeps a telling with its incident, within [`TELLINGS_MAX`].
pub fn keep(incident: &mut Incident, telling: Telling) {
    if incident.tellings.len() >= TELLINGS_MAX {
        let changed = incident.tellings.iter().position(|one| one.stage == Stage::Changed);
        incident.tellings.remove(changed.unwrap_or_default());
    }
    incident.tellings.push(telling);
}

/// What a channel is owed of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Nothing, until the incident changes.
    Nothing,
    /// Something, but not before this moment.
    At(Timestamp),
    /// This, now.
    Now(Stage),
}

/// What a channel is owed.
#[must_use]
pub fn owed(incident: &Incident, channel: &str, now: Timestamp) -> Owed {
    let last = incident.tellings.iter().rev().find(|told| &*told.channel == channel);
    let stale = incident.closed_at.is_some_and(|at| now.ms_since(at) > TOLD_LATE_MS_MAX);
    match (last, incident.closed_at) {
        (Some(Telling { stage: Stage::Closed, .. }), _) => Owed::Nothing,
        _ if stale => Owed::Nothing,
        (_, Some(_)) => Owed::Now(Stage::Closed),
        (None, None) => Owed::Now(Stage::Opened),
        (Some(told), None) if told.turns >= turns_of(incident) => Owed::Nothing,
        // A clock that went back must not keep the operator waiting.
        (Some(told), None) if now < told.at || now.ms_since(told.at) >= CHANGED_MS_MIN => {
            Owed::Now(Stage::Changed)
        }
        (Some(told), None) => Owed::At(told.at.plus_ms(CHANGED_MS_MIN)),
    }
}

/// How many changes an incident has seen.
#[must_use]
pub fn turns_of(incident: &Incident) -> u64 {
    u64::try_from(incident.turns.len()).unwrap_or(u64::MAX).saturating_add(incident.turns_left_out)
}

/// What one telling is known by; the same however often it is tried.
#[must_use]
pub fn id_of(incident: &Incident, stage: Stage) -> String {
    let opened = incident.opened_at.0;
    format!("{}-{opened}-{}-{}", incident.id, stage.word(), turns_of(incident))
}

/// The wait after so many failures of a channel in a row; `jitter` is from 0 to 1,000.
#[must_use]
pub fn retry_ms(failures: u32, jitter: u64) -> u64 {
    let doubled = RETRY_MS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(12));
    let wait = doubled.min(RETRY_MS_MAX);
    wait - wait / 4 + wait.saturating_mul(jitter.min(1_000)) / 2_000
}

/// The telling in words: what, since when, why; two to five lines.
#[must_use]
pub fn text(
    incident: &Incident,
    stage: Stage,
    utc_offset_minutes: i32,
    language: Language,
) -> String {
    let network = network_name(incident.network, language);
    let clock = |at| clock_text(at, utc_offset_minutes);
    let (onset, number) = (clock(incident.onset), incident.id);
    let mut text = match (stage, language) {
        (Stage::Closed, Language::Ko) => format!(
            "[이음] {network} 장애 #{number} 끝. {onset}부터 {}까지.",
            incident.closed_at.map_or_else(String::new, clock)
        ),
        (Stage::Closed, Language::En) => format!(
            "[Ieum] {network}: incident #{number} is over. From {onset} to {}.",
            incident.closed_at.map_or_else(String::new, clock)
        ),
        (Stage::Opened, Language::Ko) => {
            format!("[이음] {network} 장애 #{number} 시작. {onset}부터.")
        }
        (Stage::Opened, Language::En) => {
            format!("[Ieum] {network}: incident #{number} began. Since {onset}.")
        }
        (Stage::Changed, Language::Ko) => {
            format!("[이음] {network} 장애 #{number} 변화. {onset}부터.")
        }
        (Stage::Changed, Language::En) => {
            format!("[Ieum] {network}: incident #{number} changed. Since {onset}.")
        }
    };
    for record in &incident.cells {
        let state = state_word(record.state, language);
        text.push_str(&format!("\n{}: {state}", part_words(record.cell, language)));
    }
    if let Some(turn) = incident.turns.last() {
        text.push('\n');
        text.push_str(&turn.change.evidence);
    }
    text
}

fn part_words(cell: Cell, language: Language) -> String {
    let function = match (cell.function, language) {
        (Function::Send, Language::Ko) => "보내기",
        (Function::Send, Language::En) => "sending",
        (Function::Receive, Language::Ko) => "받기",
        (Function::Receive, Language::En) => "receiving",
        (Function::Login, Language::Ko) => "로그인",
        (Function::Login, Language::En) => "signing in",
        (Function::Media, Language::Ko) => "사진·파일",
        (Function::Media, Language::En) => "media",
    };
    let surface = match (cell.surface, language) {
        (Surface::Api, _) => return function.to_owned(),
        (Surface::Mobile, Language::Ko) => "모바일",
        (Surface::Mobile, Language::En) => "mobile",
        (Surface::Pc, _) => "PC",
    };
    format!("{function} ({surface})")
}

fn state_word(state: CellState, language: Language) -> &'static str {
    match (state, language) {
        (CellState::Up, Language::Ko) => "정상",
        (CellState::Up, Language::En) => "works",
        (CellState::Degraded, Language::Ko) => "일부 안 됨",
        (CellState::Degraded, Language::En) => "works in part",
        (CellState::Down, Language::Ko) => "안 됨",
        (CellState::Down, Language::En) => "does not work",
        (CellState::Recovering, Language::Ko) => "돌아오는 중",
        (CellState::Recovering, Language::En) => "is coming back",
    }
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
