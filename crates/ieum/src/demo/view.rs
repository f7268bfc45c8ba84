//! The live view: who sees what where, which networks work, what is moving.
//!
//! On a terminal it is drawn over itself; elsewhere each line is printed as it is said. With
//! `--json` nothing is drawn.

use super::DemoArguments;
use super::cast::{FAMILY, PLAYED, in_lab};
use super::day::Line;
use super::stage::Stage;
use crate::mark::plain;
use ieum_core::directory::Language;
use ieum_core::network::Network;
use ieum_core::ports::clock::Clock;
use ieum_core::render::words::{clock_text, network_name};
use ieum_lab::Scenario;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Wall time between two pictures.
const PICTURE_MS: f64 = 120.0;
/// Columns of one phone.
const PHONE_COLUMNS: usize = 38;
/// Lines shown of one phone.
const PHONE_LINES: usize = 5;
/// Korea's distance from UTC.
const KST_MINUTES: i32 = 540;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Nothing,
    Plain,
    Picture,
}

/// The view.
#[derive(Debug)]
pub(super) struct View {
    style: Style,
    title: String,
    drawn: bool,
    last: String,
}

impl View {
    pub(super) fn new(arguments: &DemoArguments, scenario: &Scenario) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let style = match (arguments.json, terminal) {
            (true, _) => Style::Nothing,
            (false, true) => Style::Picture,
            (false, false) => Style::Plain,
        };
        let title = format!("{} — {}", scenario.id, scenario.title);
        Self { style, title, drawn: false, last: String::new() }
    }

    /// Scenario time between two pictures.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of milliseconds below 2^53"
    )]
    pub(super) fn refresh_ms(&self, speed: f64) -> u64 {
        match self.style {
            Style::Picture => (PICTURE_MS * speed).max(1.0) as u64,
            Style::Nothing | Style::Plain => 60_000,
        }
    }

    /// Somebody said something.
    pub(super) fn said(&mut self, line: &Line, network: Network) {
        let who = FAMILY.get(line.who).map_or("", |role| role.name);
        let place = network_name(network, Language::Ko);
        let place = format!("{}/{place}", line.talk.title_for(line.who));
        self.last = format!("{who} → {place}: {}", line.text);
        if self.style == Style::Plain {
            let clock = clock_text(line.at, KST_MINUTES);
            self.print(&format!("{clock} {}\n", self.last));
        }
    }

    /// Somebody's app could not send.
    pub(super) fn could_not_say(&mut self, line: &Line) {
        let who = FAMILY.get(line.who).map_or("", |role| role.name);
        self.last = format!("{who}: ✗ {}", line.text);
        if self.style == Style::Plain {
            let clock = clock_text(line.at, KST_MINUTES);
            self.print(&format!("{clock} {} (전송 실패 / not sent)\n", self.last));
        }
    }

    /// Draws the present moment over the last picture.
    pub(super) fn draw(&mut self, stage: &Stage) {
        if self.style != Style::Picture {
            return;
        }
        let mut picture = String::from(if self.drawn { "\x1b[H" } else { "\x1b[2J\x1b[H" });
        self.drawn = true;
        for line in self.picture(stage) {
            picture.push_str(&line);
            picture.push_str("\x1b[K\n");
        }
        picture.push_str("\x1b[J");
        self.print(&picture);
    }

    /// Leaves the last picture standing.
    pub(super) fn end(&self) {
        if self.style == Style::Picture {
            self.print("\n");
        }
    }

    fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A closed pipe only ends the picture; the figures still come.
        let _shown_or_closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn picture(&self, stage: &Stage) -> Vec<String> {
        let clock = clock_text(stage.clock.now(), KST_MINUTES);
        let mut lines = vec![
            format!("\x1b[1m이음 Ieum\x1b[0m  {}   \x1b[1m{clock}\x1b[0m", self.title),
            health(stage),
            format!("\x1b[2m{}\x1b[0m", cut(&self.last, PHONE_COLUMNS * 3)),
        ];
        for row in FAMILY.chunks(3) {
            let phones: Vec<Vec<String>> = row.iter().map(|role| phone(stage, role)).collect();
            for line in 0..=PHONE_LINES {
                let cells = phones.iter().map(|phone| {
                    let text = phone.get(line).map_or("", String::as_str);
                    padded(text, PHONE_COLUMNS)
                });
                lines.push(cells.collect::<Vec<_>>().join(" │ "));
            }
            lines.push("─".repeat(PHONE_COLUMNS * 3 + 6));
        }
        lines
    }
}

/// One word a network: works, or not.
fn health(stage: &Stage) -> String {
    let down: BTreeMap<Network, bool> = stage
        .hub
        .health()
        .into_iter()
        .filter(|view| view.cell.function == ieum_core::health::Function::Send)
        .map(|view| (view.cell.network, view.state != ieum_core::health::CellState::Up))
        .collect();
    let words = PLAYED.map(|network| {
        let name = network_name(network, Language::Ko);
        if down.get(&network).copied().unwrap_or(false) {
            format!("\x1b[31m● {name} 안 됨\x1b[0m")
        } else {
            format!("\x1b[32m● {name}\x1b[0m")
        }
    });
    words.join("   ")
}

/// A head and the newest lines of everything that one person sees.
fn phone(stage: &Stage, role: &super::cast::Role) -> Vec<String> {
    let networks = role.networks.iter().map(|network| network_name(*network, Language::Ko));
    let head = format!("[{}] {}", role.name, networks.collect::<Vec<_>>().join("+"));
    let mut seen = Vec::new();
    let mut world = stage.lab.world();
    for network in role.networks {
        let lines = world.screen(in_lab(*network), role.id).unwrap_or_default();
        let newest = lines.into_iter().rev().take(PHONE_LINES);
        seen.extend(newest.map(|line| (line.shown_at, *network, line)));
    }
    drop(world);
    seen.sort_by_key(|(at, ..)| *at);
    let start = seen.len().saturating_sub(PHONE_LINES);
    let mut lines = vec![head];
    for (_, network, line) in seen.into_iter().skip(start) {
        let sign = sign(network);
        let own = if line.own { "나: " } else { "" };
        let text = plain(&line.text).replace('\n', " ");
        lines.push(cut(&format!("{sign} {own}{text}"), PHONE_COLUMNS));
    }
    lines
}

fn sign(network: Network) -> char {
    network.word().chars().next().unwrap_or(' ').to_ascii_uppercase()
}

/// The longest beginning that fits into so many columns.
fn cut(text: &str, columns: usize) -> String {
    let mut width = 0;
    text.chars()
        .take_while(|character| {
            width += character.width().unwrap_or(0);
            width <= columns
        })
        .collect()
}

/// Filled up with blanks; wide characters count two.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(blanks))
}
