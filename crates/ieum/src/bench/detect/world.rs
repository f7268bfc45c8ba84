//! The world that detectors watch: people, pairs, a scenario and the weather.
//!
//! It answers questions about a moment and holds nothing back. It knows the lab's scenario files
//! and not the lab's networks, which would be too slow for months. Invariant: whoever is hit by a
//! fault stays hit until it ends.

use super::chance::{mixed, real, share};
use super::noise::{Place, Weather};
use ieum_core::health::Surface;
use ieum_core::network::Network;
use ieum_lab::Surface::Pc;
use ieum_lab::{Cell, Function, Mode, Scenario, ShareKey};

/// The place of control hosts.
pub(super) const CONTROL: u64 = 99;
/// People whom the hub writes to, on each network.
pub(super) const PEOPLE: u64 = 400;
/// Canary pairs of a surface.
pub(super) const PAIRS: u64 = 4;
/// How long one of our calls waits for its answer.
pub(super) const TIMEOUT_MS: u64 = 10_000;
/// How soon a refusal comes.
const REFUSAL_MS: u64 = 150;

/// Somebody, or a canary pair, by whatever faults choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) network: Network,
    /// The number among people, or beyond [`PEOPLE`] among pairs.
    pub(super) number: u64,
    pub(super) surface: Surface,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// Whether and when the sender is told yes (`true`) or no.
    pub(super) answer: (bool, u64),
    /// When it is seen, if ever.
    pub(super) seen_after_ms: Option<u64>,
}

#[derive(Debug, Clone)]
struct Fault {
    network: Network,
    cell: Cell,
    from_ms: u64,
    to_ms: u64,
    fall_ms: u64,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) weather: Weather,
    pub(super) seed: u64,
    faults: Vec<Fault>,
    /// An outage of PCs alone is judged by the messages to people on PCs.
    pcs_only: bool,
}

impl World {
    pub(super) fn new(weather: Weather, scenario: Option<(&Scenario, u64)>, seed: u64) -> Self {
        let plan = scenario.map_or_else(Vec::new, |(scenario, start_ms)| {
            let plan = scenario.plan().into_iter();
            plan.filter_map(|(network, cell, fall_ms)| {
                fault(network.name(), cell, fall_ms, start_ms)
            })
            .collect()
        });
        let pcs_only = !plan.is_empty() && plan.iter().all(|fault| fault.cell.surface == Pc);
        Self { weather, seed, faults: plan, pcs_only }
    }

    /// When the last fault on this network ends.
    pub(super) fn ends_ms(&self, network: Network) -> u64 {
        let of = self.faults.iter().filter(|fault| fault.network == network && fault.harms());
        of.map(|fault| fault.to_ms + fault.fall_ms).max().unwrap_or(0)
    }

    /// The spans in which something is wrong with a network, joined where they touch.
    pub(super) fn spans(&self, network: Network) -> Vec<(u64, u64)> {
        let of = self.faults.iter().filter(|fault| fault.network == network && fault.harms());
        let mut all: Vec<(u64, u64)> =
            of.map(|fault| (fault.from_ms, fault.to_ms + fault.fall_ms)).collect();
        all.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined
    }

    /// The carrier, the surface and the rooms of a person are fixed.
    pub(super) fn person(&self, network: Network, number: u64) -> Who {
        let phone = !self.pcs_only && share(&[self.seed, 10, number]) < 0.7;
        let surface = if phone { Surface::Mobile } else { Surface::Pc };
        Who { network, number, surface }
    }

    pub(super) fn pair(network: Network, surface: Surface, pair: u64) -> Who {
        let kind = match surface {
            Surface::Mobile => 0,
            Surface::Pc => 1,
            Surface::Api => 2,
        };
        Who { network, number: PEOPLE + kind * PAIRS + pair, surface }
    }

    /// A message of ours to somebody.
    pub(super) fn send(&self, to: Who, media: bool, at_ms: u64) -> Fate {
        let place = place(to);
        let latency = self.weather.latency_ms(place, at_ms);
        if self.weather.fails(self.weather.noise.send, place, at_ms) {
            return Fate { answer: (false, REFUSAL_MS), seen_after_ms: None };
        }
        let function = if media { Function::Media } else { Function::Send };
        let accepted = self.mode(to, function, Surface::Api, at_ms);
        let (answer, carried) = ours(accepted, latency);
        let seen = carried.and_then(|ms| self.seen(to, to.surface, ms, at_ms));
        Fate { answer, seen_after_ms: seen }
    }

    /// A canary from one address of a pair to the other.
    pub(super) fn canary(&self, pair: Who, at_ms: u64) -> Fate {
        let place = place(pair);
        let latency = self.weather.latency_ms(place, at_ms);
        if self.weather.fails(self.weather.noise.canary, place, at_ms) {
            return Fate { answer: (false, REFUSAL_MS), seen_after_ms: None };
        }
        let (answer, carried) = ours(self.mode(pair, Function::Send, pair.surface, at_ms), latency);
        let seen_on = if pair.surface == Surface::Api { Surface::Mobile } else { pair.surface };
        let seen = carried.and_then(|ms| self.seen(pair, seen_on, ms, at_ms));
        Fate { answer, seen_after_ms: seen }
    }

    /// A cheap authenticated call.
    pub(super) fn pulse(&self, network: Network, at_ms: u64) -> bool {
        let me = Who { network, number: 0, surface: Surface::Api };
        let recorded = self.weather.noise.recorded.as_ref();
        let page = network == super::play::WATCHED && recorded.is_some_and(|r| r.is_down(at_ms));
        let sick = self.mode(me, Function::Login, Surface::Api, at_ms);
        let place = Place { network: number(network), source: mixed(&[77]) };
        !page
            && !matches!(sick, Some(Mode::Refuse | Mode::Hang | Mode::Flap { .. }))
            && !self.weather.fails(self.weather.noise.pulse, place, at_ms)
    }

    /// A control host.
    pub(super) fn control(&self, host: u32, at_ms: u64) -> bool {
        let place = Place { network: CONTROL, source: u64::from(host) };
        !self.weather.fails(self.weather.noise.pulse, place, at_ms)
    }

    /// Whether what somebody writes to us arrives now.
    pub(super) fn heard(&self, who: Who, at_ms: u64) -> bool {
        let theirs = self.mode(who, Function::Send, who.surface, at_ms);
        let ours = self.mode(who, Function::Recv, Surface::Api, at_ms);
        let hook = self.mode(who, Function::Webhook, Surface::Api, at_ms);
        [theirs, ours, hook].into_iter().all(|mode| arrives(mode, 0).is_some_and(|ms| ms < 60_000))
    }

    /// Whether somebody notices that something is wrong.
    pub(super) fn notices(&self, who: Who, at_ms: u64) -> bool {
        [Function::Send, Function::Recv, Function::Login].into_iter().any(|function| {
            let mode = self.mode(who, function, who.surface, at_ms);
            mode.is_some_and(|mode| !matches!(mode, Mode::Duplicate { .. } | Mode::DropReceipt))
        })
    }

    fn seen(&self, who: Who, on: Surface, carried_ms: u64, at_ms: u64) -> Option<u64> {
        let shown = self.mode(who, Function::Recv, on, at_ms + carried_ms);
        arrives(shown, 0).map(|ms| carried_ms + ms)
    }

    fn mode(&self, who: Who, function: Function, surface: Surface, at_ms: u64) -> Option<Mode> {
        let hits = |fault: &&Fault| {
            fault.network == who.network
                && fault.cell.function == function
                && surface_of(fault.cell.surface) == surface
                && self.hits(fault, who, at_ms)
        };
        self.faults.iter().find(hits).map(|fault| fault.cell.mode)
    }

    fn hits(&self, fault: &Fault, who: Who, at_ms: u64) -> bool {
        let strength = fault.strength(at_ms);
        if strength <= 0.0 {
            return false;
        }
        let carrier = self.carrier(who.number);
        let place = match fault.cell.key {
            ShareKey::Carrier if !fault.cell.only.is_empty() => {
                return fault.cell.only.iter().any(|one| one == carrier);
            }
            ShareKey::Carrier => mixed(&[carrier.len() as u64]),
            ShareKey::Room => mixed(&[20, who.number]),
            ShareKey::User => mixed(&[21, who.number]),
        };
        share(&[self.seed, number(fault.network), place]) < fault.cell.share * strength
    }

    /// Three carriers in the shares of the country; the pairs of a surface are two, one and one.
    fn carrier(&self, number: u64) -> &'static str {
        let draw = match number.checked_sub(PEOPLE) {
            Some(pair) => [0.1, 0.2, 0.6, 0.9].get((pair % PAIRS) as usize).copied().unwrap_or(0.0),
            None => share(&[self.seed, 11, number]),
        };
        match draw {
            draw if draw < 0.5 => "skt",
            draw if draw < 0.8 => "kt",
            _ => "lgu",
        }
    }
}

/// The answer to our call, and after how long the message is carried on, if at all.
fn ours(mode: Option<Mode>, latency_ms: u64) -> ((bool, u64), Option<u64>) {
    match mode {
        Some(Mode::Refuse | Mode::Flap { .. }) => ((false, REFUSAL_MS), None),
        Some(Mode::Hang) => ((false, TIMEOUT_MS), None),
        Some(Mode::Blackhole) => ((true, latency_ms), None),
        other => {
            let after = arrives(other, latency_ms).unwrap_or(latency_ms);
            ((after < TIMEOUT_MS, after.min(TIMEOUT_MS)), Some(after))
        }
    }
}

fn arrives(mode: Option<Mode>, latency_ms: u64) -> Option<u64> {
    match mode {
        Some(Mode::Refuse | Mode::Flap { .. } | Mode::Hang | Mode::Blackhole) => None,
        Some(Mode::Delay { times }) => Some(latency_ms + u64::from(times) * 200),
        Some(Mode::Duplicate { .. } | Mode::DropReceipt) | None => Some(latency_ms),
    }
}

fn fault(network: &str, cell: Cell, fall_ms: u64, start_ms: u64) -> Option<Fault> {
    let from_ms = start_ms + u64::from(cell.start_s) * 1_000;
    let to_ms = from_ms + u64::from(cell.dur_s.unwrap_or(0)) * 1_000;
    Some(Fault { network: Network::from_word(network)?, cell, from_ms, to_ms, fall_ms })
}

impl Fault {
    fn harms(&self) -> bool {
        !matches!(self.cell.mode, Mode::Delay { times } if times < 20)
    }

    fn strength(&self, at_ms: u64) -> f64 {
        let ramp_ms = u64::from(self.cell.ramp_s.unwrap_or(0)) * 1_000;
        if at_ms < self.from_ms || at_ms >= self.to_ms + self.fall_ms {
            return 0.0;
        }
        if let Mode::Flap { on_s, off_s } = self.cell.mode {
            let round_ms = (u64::from(on_s) + u64::from(off_s)) * 1_000;
            if (at_ms - self.from_ms) % round_ms >= u64::from(on_s) * 1_000 {
                return 0.0;
            }
        }
        if at_ms >= self.to_ms {
            return 1.0 - real(at_ms - self.to_ms) / real(self.fall_ms.max(1));
        }
        let passed = at_ms - self.from_ms;
        if passed >= ramp_ms { 1.0 } else { real(passed) / real(ramp_ms) }
    }
}

fn place(who: Who) -> Place {
    Place { network: number(who.network), source: who.number }
}

fn number(network: Network) -> u64 {
    let place = Network::ALL.into_iter().position(|one| one == network);
    place.map_or(0, |place| place as u64 + 1)
}

fn surface_of(surface: ieum_lab::Surface) -> Surface {
    match surface {
        ieum_lab::Surface::Mobile => Surface::Mobile,
        Pc => Surface::Pc,
        ieum_lab::Surface::Api => Surface::Api,
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise::independent;
    use super::*;

    fn calm(scenario: &str) -> World {
        let noise =
            super::super::noise::Noise { send: 0.0, canary: 0.0, pulse: 0.0, ..independent() };
        let weather = Weather::new(noise, 5, 1_000_000_000);
        World::new(weather, Some((&Scenario::named(scenario).unwrap(), 60_000)), 5)
    }

    fn refused(world: &World, at_ms: u64) -> usize {
        let kakao = Network::KakaoTalk;
        let people = (0..PEOPLE).map(|number| world.person(kakao, number));
        people.filter(|who| !world.send(*who, false, at_ms).answer.0).count()
    }

    #[test]
    fn a_share_of_the_people_is_hit_from_start_to_end() {
        let world = calm("K2");
        assert_eq!(refused(&world, 59_999), 0);
        assert!((290..350).contains(&refused(&world, 60_000)));
        assert_eq!(refused(&world, 60_000), refused(&world, 419_999), "the same all the time");
        assert_eq!(refused(&world, 420_000), 0);
        assert_eq!(world.spans(Network::KakaoTalk), [(60_000, 420_000)]);
        assert_eq!(world.ends_ms(Network::KakaoTalk), 420_000);
    }

    #[test]
    fn a_black_hole_says_yes_and_shows_nothing() {
        let world = calm("K7");
        let fates = (0..PEOPLE)
            .map(|number| world.send(world.person(Network::KakaoTalk, number), false, 100_000));
        let holes = fates.filter(|fate| fate.answer.0 && fate.seen_after_ms.is_none()).count();
        assert!((120..260).contains(&holes), "{holes}");
    }

    #[test]
    fn people_on_pcs_see_late_and_others_at_once() {
        let world = calm("K3");
        let mut late = 0;
        for who in (0..PEOPLE).map(|number| world.person(Network::KakaoTalk, number)) {
            let seen = world.send(who, false, 100_000).seen_after_ms.unwrap();
            late += usize::from(seen > 30_000);
            assert!(seen < 30_000 || who.surface == Surface::Pc);
        }
        assert!((20..45).contains(&late), "8 % of all: {late}");
    }

    #[test]
    fn one_carrier_hits_its_phones_only() {
        let world = calm("K12A");
        let hit = |pair| {
            let who = World::pair(Network::KakaoTalk, Surface::Mobile, pair);
            !world.canary(who, 100_000).answer.0
        };
        assert_eq!([hit(0), hit(1), hit(2), hit(3)], [true, true, false, false]);
    }
}
