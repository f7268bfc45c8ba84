//! Outages as timelines of faults: read from TOML, by name from those built in or from a file of
//! the user's. What nobody published is marked in the files as an assumption.

use std::fmt;

use ieum_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::cell::{Backlog, Cell, Function};
use super::mode::Mode;
use crate::network::{Network, Surface};

/// How many cells a scenario may have.
pub const CELLS_MAX: usize = 100;
/// How much slower sending is while everybody comes back (assumption).
const OVERLOAD_DELAY_FACTOR: u32 = 10;

/// The scenarios that come with the lab: id and text.
const BUILT_IN: [(&str, &str); 27] = [
    ("K1", include_str!("../../scenarios/K1.toml")),
    ("K2", include_str!("../../scenarios/K2.toml")),
    ("K3", include_str!("../../scenarios/K3.toml")),
    ("K4", include_str!("../../scenarios/K4.toml")),
    ("K5", include_str!("../../scenarios/K5.toml")),
    ("K6", include_str!("../../scenarios/K6.toml")),
    ("K7", include_str!("../../scenarios/K7.toml")),
    ("K8", include_str!("../../scenarios/K8.toml")),
    ("K9", include_str!("../../scenarios/K9.toml")),
    ("K10A", include_str!("../../scenarios/K10A.toml")),
    ("K10B", include_str!("../../scenarios/K10B.toml")),
    ("K11", include_str!("../../scenarios/K11.toml")),
    ("K12A", include_str!("../../scenarios/K12A.toml")),
    ("K12B", include_str!("../../scenarios/K12B.toml")),
    ("K13", include_str!("../../scenarios/K13.toml")),
    ("F1", include_str!("../../scenarios/F1.toml")),
    ("L1", include_str!("../../scenarios/L1.toml")),
    ("L2", include_str!("../../scenarios/L2.toml")),
    ("L3", include_str!("../../scenarios/L3.toml")),
    ("L4", include_str!("../../scenarios/L4.toml")),
    ("L5", include_str!("../../scenarios/L5.toml")),
    ("L6", include_str!("../../scenarios/L6.toml")),
    ("W1", include_str!("../../scenarios/W1.toml")),
    ("W2", include_str!("../../scenarios/W2.toml")),
    ("T1", include_str!("../../scenarios/T1.toml")),
    ("S1", include_str!("../../scenarios/S1.toml")),
    ("G1", include_str!("../../scenarios/G1.toml")),
];

/// A timeline of faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its short name, for example `K2`.
    pub id: String,
    /// What it replays, in a few words.
    #[serde(default)]
    pub title: String,
    /// What failed in truth, where the lab does not play it: `WhatsApp`. The cells then say on
    /// which networks it is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The network of all cells that name none.
    pub network: Network,
    /// When it happened: `2024-05-20T14:52:00+09:00`. Replays may start at any time.
    pub t0: String,
    /// Seconds over which the shares grow.
    #[serde(default)]
    pub ramp_s: u32,
    /// Seconds from start to end.
    pub dur_s: u32,
    /// What is spoiled.
    pub cells: Vec<Cell>,
    /// How it ends.
    #[serde(default)]
    pub recovery: Recovery,
}

/// How an outage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The shape of the end.
    #[serde(default)]
    pub kind: RecoveryKind,
    /// What happens to what was held back.
    #[serde(default)]
    pub backlog: Backlog,
    /// Seconds of overload after the end: with `slow` the share shrinks over them, otherwise
    /// sending is slower for them.
    #[serde(default)]
    pub overload_s: u32,
}

/// The shape of the end of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryKind {
    /// All at once.
    #[default]
    Step,
    /// Function by function: the cells carry their own `dur_s`.
    Staged,
    /// Room by room over `overload_s`.
    Slow,
}

/// Why a scenario could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioError {
    /// No built-in scenario has this id.
    Unknown(String),
    /// The text is not a scenario.
    Unreadable(String),
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => {
                let known: Vec<&str> = Scenario::ids().collect();
                write!(formatter, "no scenario {id:?}; built in are {}", known.join(", "))
            }
            Self::Unreadable(reason) => write!(formatter, "not a scenario: {reason}"),
        }
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// The ids of the built-in scenarios.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(id, _)| id)
    }

    /// A built-in scenario, by id, whatever the case of its letters.
    pub fn named(id: &str) -> Result<Self, ScenarioError> {
        let found = BUILT_IN.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(id));
        let (_, text) = found.ok_or_else(|| ScenarioError::Unknown(id.to_owned()))?;
        Self::parse(text)
    }

    /// Reads the TOML form.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| ScenarioError::Unreadable(error.to_string()))?;
        match scenario.complaint() {
            Some(complaint) => Err(ScenarioError::Unreadable(complaint)),
            None => Ok(scenario),
        }
    }

    fn complaint(&self) -> Option<String> {
        if self.cells.is_empty() || self.cells.len() > CELLS_MAX {
            return Some(format!("a scenario has 1 to {CELLS_MAX} cells"));
        }
        if self.dur_s == 0 {
            return Some("dur_s must be at least 1".to_owned());
        }
        if moment(&self.t0).is_none() {
            return Some(format!("t0 is not of the form 2024-05-20T14:52:00+09:00: {}", self.t0));
        }
        self.cells.iter().find_map(Cell::complaint)
    }

    /// The same outage played on another network: cells of the scenario's own network move there,
    /// those that name another one stay.
    #[must_use]
    pub fn played_on(mut self, network: Network) -> Self {
        for cell in &mut self.cells {
            if cell.network == Some(self.network) {
                cell.network = None;
            }
        }
        if self.network != network {
            self.of.get_or_insert(self.network.name().to_owned());
        }
        self.network = network;
        self
    }

    /// When it happened.
    #[must_use]
    pub fn happened_at(&self) -> Timestamp {
        moment(&self.t0).unwrap_or_default()
    }

    /// The cells with every default filled in, and for each the milliseconds of its slow end.
    #[must_use]
    pub fn plan(&self) -> Vec<(Network, Cell, u64)> {
        let slow = self.recovery.kind == RecoveryKind::Slow;
        let fall_ms = if slow { u64::from(self.recovery.overload_s) * 1_000 } else { 0 };
        let filled = self.cells.iter().map(|cell| {
            let (network, cell) = self.filled(cell);
            (network, cell, fall_ms)
        });
        let overload = self.cells.iter().filter_map(|cell| self.overload(cell));
        filled.chain(overload).collect()
    }

    fn filled(&self, written: &Cell) -> (Network, Cell) {
        let network = written.network.unwrap_or(self.network);
        let mut cell = written.clone();
        cell.network = Some(network);
        cell.dur_s = Some(written.dur_s.unwrap_or(self.dur_s.saturating_sub(written.start_s)));
        cell.ramp_s = Some(written.ramp_s.unwrap_or(self.ramp_s));
        cell.backlog = Some(written.backlog.unwrap_or(self.recovery.backlog));
        (network, cell)
    }

    /// What sending is like while everybody comes back.
    fn overload(&self, written: &Cell) -> Option<(Network, Cell, u64)> {
        let slow = self.recovery.kind == RecoveryKind::Slow;
        if slow || self.recovery.overload_s == 0 || written.function != Function::Send {
            return None;
        }
        let (network, mut cell) = self.filled(written);
        cell.start_s = cell.start_s.saturating_add(cell.dur_s.unwrap_or(0));
        cell.dur_s = Some(self.recovery.overload_s);
        cell.ramp_s = Some(0);
        cell.mode = Mode::Delay { times: OVERLOAD_DELAY_FACTOR };
        Some((network, cell, 0))
    }

    /// Does it spoil what our bot uses on this network?
    #[must_use]
    pub fn touches_api(&self) -> bool {
        self.cells.iter().any(|cell| cell.surface == Surface::Api)
    }
}

/// Reads `2024-05-20T14:52:00+09:00`.
fn moment(written: &str) -> Option<Timestamp> {
    let (date, rest) = written.split_once('T')?;
    let mut days = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (days.next()??, days.next()??, days.next()??);
    let (time, offset_ms) = match rest.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let at = rest.rfind(['+', '-'])?;
            let (time, offset) = rest.split_at_checked(at)?;
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let ms = (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * 60_000;
            (time, if offset.starts_with('-') { -ms } else { ms })
        }
    };
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let plausible = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (1970..=9_999).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let ms = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    plausible.then_some(Timestamp(ms * 1_000 - offset_ms))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let shifted_month = (month + 9) % 12;
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::cell::ChatFilter;
    use super::*;

    #[test]
    fn every_built_in_scenario_reads_and_bears_its_id() {
        for id in Scenario::ids() {
            let scenario = Scenario::named(&id.to_lowercase()).expect(id);
            assert_eq!(scenario.id, id);
            assert!(scenario.happened_at().0 > 0);
            for (_, cell, _) in scenario.plan() {
                assert!(cell.dur_s.is_some_and(|dur_s| dur_s > 0), "{id}: {cell:?}");
            }
        }
    }

    #[test]
    fn k2_is_the_six_minutes_of_may_2024() {
        let scenario = Scenario::named("K2").expect("K2");
        assert_eq!(scenario.happened_at(), Timestamp(1_716_184_320_000));
        assert_eq!(scenario.dur_s, 360);
        assert!(scenario.touches_api());
        let k3 = Scenario::named("K3").expect("K3");
        assert!(!k3.touches_api());
        assert!(k3.cells.iter().all(|cell| cell.surface == Surface::Pc));
    }

    #[test]
    fn what_the_lab_does_not_play_is_said_and_played_elsewhere() {
        for id in ["W1", "W2", "S1", "G1"] {
            assert!(Scenario::named(id).expect(id).of.is_some(), "{id}");
        }
        let moved = Scenario::named("S1").expect("S1").played_on(Network::Telegram);
        let networks: std::collections::BTreeSet<Network> =
            moved.plan().into_iter().map(|(network, _, _)| network).collect();
        assert_eq!(networks, [Network::Line, Network::Telegram].into());
        let k2 = Scenario::named("K2").expect("K2").played_on(Network::Line);
        assert_eq!((k2.of.as_deref(), k2.network), (Some("kakaotalk"), Network::Line));
        assert!(k2.plan().iter().all(|(network, _, _)| *network == Network::Line));
    }

    #[test]
    fn the_fire_gives_back_in_the_order_in_which_it_was() {
        let plan = Scenario::named("F1").expect("F1").plan();
        let ends = |function, surface, chat| {
            let of = |cell: &&Cell| {
                let same = cell.function == function && cell.surface == surface;
                same && cell.chat == chat && !matches!(cell.mode, Mode::Delay { .. })
            };
            let cells = plan.iter().map(|(_, cell, _)| cell).filter(of);
            cells.map(|cell| cell.start_s + cell.dur_s.unwrap_or(0)).max().expect("a cell")
        };
        let order = [
            ends(Function::Send, Surface::Mobile, Some(ChatFilter::Direct)),
            ends(Function::Send, Surface::Mobile, Some(ChatFilter::Group)),
            ends(Function::Login, Surface::Pc, None),
            ends(Function::Media, Surface::Mobile, None),
            ends(Function::Send, Surface::Api, None),
            ends(Function::Media, Surface::Api, None),
        ];
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!((order[0], order[5]), (36_720, 459_000));
    }

    #[test]
    fn unknown_keys_modes_and_ids_are_refused_with_a_reason() {
        let good = "id='X'\nnetwork='line'\nt0='2024-01-01T00:00:00Z'\ndur_s=60\n\
                    [[cells]]\nfn='send'\nsurface='api'\nshare=0.5\nmode='refuse'\n";
        assert!(Scenario::parse(good).is_ok());
        for (from, to) in [
            ("dur_s=60", "dur_s=0"),
            ("dur_s=60", "dur_s=60\nextra=1"),
            ("refuse", "explode"),
            ("share=0.5", "share=1.5"),
            ("2024-01-01T", "yesterday"),
        ] {
            assert!(Scenario::parse(&good.replace(from, to)).is_err(), "{to}");
        }
        let error = Scenario::named("K99").expect_err("no such");
        assert!(error.to_string().contains("K2"), "{error}");
    }
}
