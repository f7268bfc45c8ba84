//! Which requests, messages and events are spoiled at a moment. Pure: it is asked with a time and
//! answers; it holds nothing back itself. Invariant: whoever is hit by a fault stays hit until it
//! ends, because the share is compared with a fixed hash of the room, person or carrier.

pub mod cell;
pub mod mode;
pub mod scenario;

use ieum_core::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::network::{Network, Surface};
use cell::{Backlog, Cell, ChatFilter, Function, ShareKey};
use mode::{Mode, ORDINARY_LATENCY_MS};

/// How many faults may be set at a time.
pub const FAULTS_MAX: usize = 1_000;
/// How many ends of faults are followed when one takes over from another.
const CHAIN_MAX: usize = 64;

/// A cell with its place in time.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Names the fault for `DELETE /fault/{id}`.
    pub id: u64,
    /// The network.
    pub network: Network,
    /// What is spoiled and how.
    pub cell: Cell,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends; never by itself when absent.
    pub end: Option<Timestamp>,
    /// Milliseconds over which the share shrinks to nothing after the end.
    pub fall_ms: u64,
}

/// What the lab wants to know: is this one spoiled?
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) network: Network,
    pub(crate) functions: &'a [Function],
    pub(crate) surface: Surface,
    pub(crate) room: &'a str,
    pub(crate) user: &'a str,
    pub(crate) carrier: &'a str,
}

/// All faults that are set.
#[derive(Debug, Default)]
pub struct Faults {
    set: Vec<Fault>,
    next_id: u64,
    salt: u64,
}

impl Faults {
    pub(crate) const fn new(salt: u64) -> Self {
        Self { set: Vec::new(), next_id: 1, salt }
    }

    /// All faults, ended ones too until they are cleared.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.set
    }

    pub(crate) fn add(
        &mut self,
        network: Network,
        cell: Cell,
        origin: Timestamp,
        fall_ms: u64,
    ) -> u64 {
        let start = origin.plus_ms(u64::from(cell.start_s) * 1_000);
        let end = cell.dur_s.map(|dur_s| start.plus_ms(u64::from(dur_s) * 1_000));
        let id = self.next_id;
        self.next_id += 1;
        self.set.push(Fault { id, network, cell, start, end, fall_ms });
        id
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.set.len();
        self.set.retain(|fault| fault.id != id);
        self.set.len() != before
    }

    /// The first fault that hits now, if any.
    pub(crate) fn hit(&self, asked: &Asked<'_>, now: Timestamp) -> Option<&Fault> {
        self.set.iter().find(|fault| fault.hits(asked, now, self.salt))
    }

    /// The first moment from `from` on at which nothing is held back; `None` when no end is set.
    pub(crate) fn clear_at(&self, asked: &Asked<'_>, from: Timestamp) -> Option<Timestamp> {
        let mut moment = from;
        for _ in 0..CHAIN_MAX {
            let blocker = self.set.iter().find(|fault| {
                matches!(fault.cell.mode, Mode::Refuse | Mode::Hang | Mode::Flap { .. })
                    && fault.hits(asked, moment, self.salt)
            });
            let Some(fault) = blocker else {
                return Some(moment);
            };
            moment = fault.releases_after(asked, moment, self.salt)?;
        }
        Some(moment)
    }

    /// The next moment after `now` at which a fault begins, ends, or changes its share.
    pub(crate) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.set.iter().filter_map(|fault| fault.next_change(now)).min()
    }
}

impl Fault {
    /// Is the fault on at this moment, for anybody?
    #[must_use]
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.strength(now) > 0.0
    }

    /// The part of the full share that is in force: 0 outside, growing over the ramp.
    fn strength(&self, now: Timestamp) -> f64 {
        if now < self.start {
            return 0.0;
        }
        match self.end {
            Some(end) if now >= end => {
                let past_ms = now.ms_since(end);
                if past_ms >= self.fall_ms { 0.0 } else { 1.0 - ratio(past_ms, self.fall_ms) }
            }
            _ => {
                let ramp_ms = self.ramp_ms();
                let passed_ms = now.ms_since(self.start);
                if passed_ms >= ramp_ms { 1.0 } else { ratio(passed_ms, ramp_ms) }
            }
        }
    }

    fn ramp_ms(&self) -> u64 {
        u64::from(self.cell.ramp_s.unwrap_or(0)) * 1_000
    }

    fn hits(&self, asked: &Asked<'_>, now: Timestamp, salt: u64) -> bool {
        if self.network != asked.network
            || self.cell.surface != asked.surface
            || !asked.functions.contains(&self.cell.function)
        {
            return false;
        }
        let direct = asked.room.starts_with("direct:");
        if self.cell.chat.is_some_and(|chat| (chat == ChatFilter::Direct) != direct) {
            return false;
        }
        let strength = self.strength(now);
        if strength <= 0.0 || self.flapped_off(now) {
            return false;
        }
        let key = self.key_of(asked);
        if !self.cell.only.is_empty() {
            return self.cell.only.iter().any(|one| one == key);
        }
        position(self.network, key, salt) < self.cell.share * strength
    }

    fn key_of<'a>(&self, asked: &Asked<'a>) -> &'a str {
        match self.cell.key {
            ShareKey::Room => asked.room,
            ShareKey::User => asked.user,
            ShareKey::Carrier => asked.carrier,
        }
    }

    fn flapped_off(&self, now: Timestamp) -> bool {
        let Mode::Flap { on_s, off_s } = self.cell.mode else {
            return false;
        };
        let round_ms = (u64::from(on_s) + u64::from(off_s)) * 1_000;
        now.ms_since(self.start) % round_ms >= u64::from(on_s) * 1_000
    }

    /// When this fault, which hits at `moment`, lets go.
    fn releases_after(&self, asked: &Asked<'_>, moment: Timestamp, salt: u64) -> Option<Timestamp> {
        if let Mode::Flap { on_s, off_s } = self.cell.mode {
            let round_ms = (u64::from(on_s) + u64::from(off_s)) * 1_000;
            let within_ms = moment.ms_since(self.start) % round_ms;
            return Some(moment.plus_ms(u64::from(on_s) * 1_000 - within_ms));
        }
        let end = self.end?;
        if self.fall_ms == 0 || !self.cell.only.is_empty() || self.cell.share <= 0.0 {
            return Some(end.plus_ms(self.fall_ms));
        }
        let kept = position(self.network, self.key_of(asked), salt) / self.cell.share;
        let fall_ms = whole((1.0 - kept).clamp(0.0, 1.0) * real(self.fall_ms));
        Some(end.plus_ms(fall_ms + 1).max(moment.plus_ms(1)))
    }

    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let ramped = self.start.plus_ms(self.ramp_ms());
        let fallen = self.end.map(|end| end.plus_ms(self.fall_ms));
        let sliding = (now >= self.start && now < ramped)
            || self.end.is_some_and(|end| now >= end && fallen.is_some_and(|last| now < last));
        let step = sliding.then(|| now.plus_ms(1_000));
        let is_flap = matches!(self.cell.mode, Mode::Flap { .. });
        let flaps = is_flap && now >= self.start && fallen.is_none_or(|last| now < last);
        let flap = flaps.then(|| now.plus_ms(1_000 - now.ms_since(self.start) % 1_000));
        [Some(self.start), Some(ramped), self.end, fallen, step, flap]
            .into_iter()
            .flatten()
            .filter(|moment| *moment > now)
            .min()
    }
}

/// What happens to one request of our bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out and answered.
    Pass,
    /// It gets the network's own answer for its outages.
    Refuse {
        /// It is carried out all the same.
        carried_out: bool,
    },
    /// It gets no answer in any useful time.
    Hang {
        /// It is carried out all the same.
        carried_out: bool,
    },
    /// It is answered with a yes, and nobody ever sees it.
    Blackhole,
    /// It is carried out and answered late.
    Delay {
        /// Milliseconds until it is carried out.
        ms: u64,
    },
    /// It is carried out twice and answered once.
    Duplicate,
}

impl Verdict {
    /// `draw` is uniform in `0..1` and decides for `dup`.
    pub(crate) fn of(fault: Option<&Fault>, draw: f64) -> Self {
        let Some(fault) = fault else {
            return Self::Pass;
        };
        let carried_out = fault.cell.after_accept;
        match fault.cell.mode {
            Mode::Refuse | Mode::Flap { .. } => Self::Refuse { carried_out },
            Mode::Hang => Self::Hang { carried_out },
            Mode::Blackhole => Self::Blackhole,
            Mode::Delay { times } => Self::Delay { ms: u64::from(times) * ORDINARY_LATENCY_MS },
            Mode::Duplicate { chance } if draw < chance => Self::Duplicate,
            Mode::Duplicate { .. } | Mode::DropReceipt => Self::Pass,
        }
    }
}

impl Fault {
    pub(crate) fn backlog(&self) -> Backlog {
        self.cell.backlog.unwrap_or_default()
    }
}

/// A number in `0..1` that is fixed for a room, person or carrier of a network.
fn position(network: Network, key: &str, salt: u64) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(salt.to_le_bytes());
    hasher.update(network.name().as_bytes());
    hasher.update([0]);
    hasher.update(key.as_bytes());
    let digest = hasher.finalize();
    let number = digest.iter().take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

fn ratio(part: u64, whole: u64) -> f64 {
    real(part) / real(whole)
}

fn real(ms: u64) -> f64 {
    u32::try_from(ms).map_or(f64::from(u32::MAX), f64::from)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is a share of a duration in ms: never negative, far below 2^53"
)]
fn whole(ms: f64) -> u64 {
    ms as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(room: &str) -> Asked<'_> {
        Asked {
            network: Network::Kakaotalk,
            functions: &[Function::Send],
            surface: Surface::Api,
            room,
            user: "bot",
            carrier: "",
        }
    }

    fn one(cell: Cell, fall_ms: u64) -> Faults {
        let mut faults = Faults::new(7);
        faults.add(Network::Kakaotalk, cell, Timestamp(0), fall_ms);
        faults
    }

    fn refusing(share: f64, dur_s: u32) -> Cell {
        let mut cell = Cell::new(Network::Kakaotalk, Function::Send, Surface::Api, Mode::Refuse);
        cell.share = share;
        cell.dur_s = Some(dur_s);
        cell
    }

    #[test]
    fn a_share_hits_that_part_of_the_rooms_and_always_the_same() {
        let faults = one(refusing(0.8, 60), 0);
        let rooms: Vec<String> = (0..1_000).map(|number| format!("room{number}")).collect();
        let hit = |at| {
            rooms
                .iter()
                .filter(|room| faults.hit(&asked(room), Timestamp(at)).is_some())
                .collect::<Vec<_>>()
        };
        let early = hit(1);
        assert!((750..850).contains(&early.len()), "{}", early.len());
        assert_eq!(early, hit(59_999));
        assert!(hit(60_000).is_empty());
    }

    #[test]
    fn a_ramp_only_ever_adds() {
        let mut cell = refusing(1.0, 100);
        cell.ramp_s = Some(100);
        let faults = one(cell, 0);
        let mut before = 0;
        for second in 1..100 {
            let count = (0..200)
                .filter(|room| {
                    faults.hit(&asked(&room.to_string()), Timestamp(second * 1_000)).is_some()
                })
                .count();
            assert!(count >= before);
            before = count;
        }
        assert!(before > 180);
    }

    #[test]
    fn what_is_held_is_let_go_at_the_end_or_in_the_pause_of_a_flap() {
        let faults = one(refusing(1.0, 60), 0);
        assert_eq!(faults.clear_at(&asked("a"), Timestamp(5)), Some(Timestamp(60_000)));
        assert_eq!(faults.clear_at(&asked("a"), Timestamp(70_000)), Some(Timestamp(70_000)));
        let mut cell = refusing(1.0, 600);
        cell.mode = Mode::Flap { on_s: 60, off_s: 30 };
        let faults = one(cell, 0);
        assert_eq!(faults.clear_at(&asked("a"), Timestamp(10)), Some(Timestamp(60_000)));
        assert_eq!(faults.clear_at(&asked("a"), Timestamp(61_000)), Some(Timestamp(61_000)));
        assert_eq!(faults.clear_at(&asked("a"), Timestamp(91_000)), Some(Timestamp(150_000)));
    }

    #[test]
    fn a_slow_recovery_lets_rooms_go_one_by_one() {
        let faults = one(refusing(1.0, 60), 60_000);
        let ends: std::collections::BTreeSet<i64> = (0..50)
            .filter_map(|room| faults.clear_at(&asked(&room.to_string()), Timestamp(0)))
            .map(|moment| moment.0)
            .collect();
        assert!(ends.len() > 40);
        assert!(ends.iter().all(|end| (60_000..=120_001).contains(end)));
    }

    #[test]
    fn a_fault_of_groups_spares_direct_chats_and_the_other_way_round() {
        for (chat, direct) in [(ChatFilter::Direct, true), (ChatFilter::Group, false)] {
            let faults = one(Cell { chat: Some(chat), ..refusing(1.0, 60) }, 0);
            assert_eq!(faults.hit(&asked("direct:minji"), Timestamp(0)).is_some(), direct);
            assert_eq!(faults.hit(&asked("family"), Timestamp(0)).is_some(), !direct);
        }
    }

    #[test]
    fn only_names_are_hit_when_names_are_given() {
        let mut cell = refusing(0.0, 60);
        cell.only = vec!["family".to_owned()];
        let faults = one(cell, 0);
        assert!(faults.hit(&asked("family"), Timestamp(0)).is_some());
        assert!(faults.hit(&asked("other"), Timestamp(0)).is_none());
    }
}
