//! What a course is worth: how soon, how often for nothing, and how the return went.
//!
//! Invariant: a figure that no course gave is absent, never zero.

use super::play::Course;
use ieum_core::health::CellState;
use ieum_lab::{Function, Mode, Scenario, Surface};
use serde::Serialize;

/// After a fault ended, a turn within this time still belongs to it.
const TAIL_MS: u64 = 60_000;

/// A ramp of this length makes an outage partial for a while.
const RAMP_S_MIN: u32 = 60;

/// What an outage asks of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    /// Four fifths of the messages and more fail: down.
    Hard,
    /// A share, one surface, one function: degraded is right.
    Partial,
}

impl Shape {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let hard = scenario.plan().into_iter().any(|(network, cell, _)| {
            network == scenario.network
                && cell.start_s == 0
                && cell.function == Function::Send
                && cell.surface != Surface::Pc
                && cell.share >= 0.8
                && cell.only.is_empty()
                && matches!(cell.mode, Mode::Refuse | Mode::Hang | Mode::Blackhole)
        });
        // What grows is a partial outage first.
        if hard && scenario.ramp_s < RAMP_S_MIN { Self::Hard } else { Self::Partial }
    }
}

/// One judge in one scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// From the start of the outage to the verdict that its shape asks for.
    pub(super) found_ms: Option<u64>,
    /// From the third independent report to the first verdict.
    pub(super) after_report_ms: Option<u64>,
    /// From the end of the outage until traffic begins to return.
    pub(super) back_ms: Option<u64>,
    /// From the end of the outage until all traffic is back.
    pub(super) whole_ms: Option<u64>,
    /// Whether it was still away when the play ended.
    pub(super) stuck: bool,
    /// The most episodes of down within one span of the outage.
    pub(super) episodes: u64,
    /// Turns to down outside of it.
    pub(super) switches: u64,
    /// Messages lost, late, doubled; canaries.
    pub(super) cost: [u64; 4],
}

/// Scores a course against the truth.
pub(super) fn score(course: &Course, spans: &[(u64, u64)], shape: Shape) -> Score {
    let from = spans.first().map_or(0, |span| span.0);
    let to = spans.last().map_or(0, |span| span.1);
    let asked = |state: CellState| match shape {
        Shape::Hard => state == CellState::Down,
        Shape::Partial => state != CellState::Up,
    };
    let found = since(course, from, asked);
    let any = since(course, from, |state| state != CellState::Up);
    let after_report = course.third_report_ms.zip(any);
    let was_down = course.turns.iter().any(|(at, state)| *state == CellState::Down && *at <= to);
    let back = course.shares.iter().find(|(at, share)| *at >= to && *share > 0);
    let whole = course.shares.iter().find(|(at, share)| *at >= to && *share >= 1_000);
    let after = |turn: Option<&(u64, u32)>| turn.filter(|_| was_down).map(|turn| turn.0 - to);
    let within = |(start, end): &(u64, u64)| {
        let falls = falls(course).filter(|at| (*start..end + TAIL_MS).contains(at));
        falls.count() as u64
    };
    Score {
        found_ms: found.filter(|at| *at <= to + TAIL_MS).map(|at| at.saturating_sub(from)),
        after_report_ms: after_report.map(|(third, any)| any.saturating_sub(third)),
        back_ms: after(back),
        whole_ms: after(whole),
        stuck: course.shares.last().is_some_and(|(_, share)| *share < 1_000),
        episodes: spans.iter().map(within).max().unwrap_or(0),
        switches: false_switches(course, spans),
        cost: [course.lost, course.late, course.doubled, course.canaries],
    }
}

/// Turns to down that no span explains.
pub(super) fn false_switches(course: &Course, spans: &[(u64, u64)]) -> u64 {
    let explained = |at: u64| spans.iter().any(|(from, to)| (*from..to + TAIL_MS).contains(&at));
    falls(course).filter(|at| !explained(*at)).count() as u64
}

/// Turns from up to anything else.
pub(super) fn alarms(course: &Course) -> u64 {
    let mut before = CellState::Up;
    let mut alarms = 0;
    for (_, state) in &course.turns {
        alarms += u64::from(before == CellState::Up && *state != CellState::Up);
        before = *state;
    }
    alarms
}

/// Moments at which an episode of down begins; a relapse while it returns is the same episode.
fn falls(course: &Course) -> impl Iterator<Item = u64> {
    let mut away = false;
    course.turns.iter().filter_map(move |(at, state)| {
        let was = away;
        away = match state {
            CellState::Down => true,
            CellState::Recovering => away,
            CellState::Up | CellState::Degraded => false,
        };
        (away && !was).then_some(*at)
    })
}

/// When the judged state first held at or after `from`.
fn since(course: &Course, from: u64, asked: impl Fn(CellState) -> bool) -> Option<u64> {
    let before = course.turns.iter().take_while(|turn| turn.0 <= from).last();
    if before.is_some_and(|turn| asked(turn.1)) {
        return Some(from);
    }
    course.turns.iter().find(|(at, state)| *at >= from && asked(*state)).map(|turn| turn.0)
}

/// The value at a share of the sorted list; `None` when it is empty.
pub(super) fn quantile(sorted: &[u64], share: f64) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    let at = super::chance::whole((super::chance::real(last as u64) * share).round());
    sorted.get(usize::try_from(at).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(turns: &[(u64, CellState)], shares: &[(u64, u32)]) -> Course {
        Course { turns: turns.to_vec(), shares: shares.to_vec(), ..Course::default() }
    }

    #[test]
    fn an_outage_that_was_found_and_left() {
        use CellState::{Degraded, Down, Recovering, Up};
        let turns = [(5_000, Degraded), (8_000, Down), (170_000, Recovering), (260_000, Up)];
        let shares = [(8_000, 0), (170_000, 10), (260_000, 1_000)];
        let course = course(&turns, &shares);
        let hard = score(&course, &[(4_000, 100_000)], Shape::Hard);
        assert_eq!((hard.found_ms, hard.episodes, hard.switches), (Some(4_000), 1, 0));
        assert_eq!((hard.back_ms, hard.whole_ms, hard.stuck), (Some(70_000), Some(160_000), false));
        let partial = score(&course, &[(4_000, 100_000)], Shape::Partial);
        assert_eq!(partial.found_ms, Some(1_000));
        assert_eq!(alarms(&course), 1);
    }

    #[test]
    fn a_relapse_is_no_new_episode_and_a_turn_for_nothing_counts() {
        use CellState::{Down, Recovering, Up};
        let turns = [
            (10, Down),
            (20, Recovering),
            (30, Down),
            (40, Recovering),
            (50, Up),
            (900_000, Down),
            (950_000, Up),
        ];
        let course = course(&turns, &[]);
        let found = score(&course, &[(5, 45)], Shape::Hard);
        assert_eq!((found.episodes, found.switches), (1, 1));
        assert_eq!(false_switches(&course, &[]), 2);
    }

    #[test]
    fn what_was_never_found_has_no_time() {
        let missed = score(&course(&[], &[]), &[(5, 45)], Shape::Hard);
        assert_eq!((missed.found_ms, missed.back_ms, missed.episodes), (None, None, 0));
    }

    #[test]
    fn quantiles_of_a_short_list() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.95), Some(7));
        assert_eq!(quantile(&[1, 2, 3, 4, 5], 0.5), Some(3));
    }

    #[test]
    fn shapes_of_the_known_outages() {
        for (id, shape) in [
            ("K1", Shape::Hard),
            ("K2", Shape::Hard),
            ("K3", Shape::Partial),
            ("K7", Shape::Partial),
            ("K12A", Shape::Partial),
            ("F1", Shape::Hard),
            ("L5", Shape::Hard),
            ("L3", Shape::Partial),
        ] {
            assert_eq!(Shape::of(&Scenario::named(id).unwrap()), shape, "{id}");
        }
    }
}
