//! The same day without Ieum: everybody on KakaoTalk alone, as nearly everybody in Korea is.
//!
//! The lab's world is driven directly, on a clock that jumps from line to line. People press *send*
//! again every half minute until it works; what the app claims to have sent is not said again.

use super::cast::{self, FAMILY, PAIRS, ROOM, Talk};
use super::day::Script;
use crate::doors::entropy::SeededEntropy;
use crate::mark::{marked, number_of};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use ieum_lab::world::Say;
use ieum_lab::world::people::NewRoom;
use ieum_lab::{Scenario, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How long somebody waits before they press *send* again.
const AGAIN_MS: u64 = 30_000;
/// What comes later than this is counted as delayed.
pub(super) const DELAYED_MS: u64 = 60_000;
/// How long after the end the screens are read.
const AFTER_MS: u64 = 6 * 3_600_000;

/// What people would have gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(super) struct Without {
    /// Pairs of a message and a reader that never came together.
    pub(super) lost: usize,
    /// Pairs that came together more than a minute after *send*.
    pub(super) delayed_over_60s: usize,
}

/// A clock that stands where it is put.
#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl HandClock {
    fn put(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, _ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Plays the script without the hub.
pub(super) fn without(seed: u64, script: &Script, scenario: &Scenario) -> anyhow::Result<Without> {
    let clock = Arc::new(HandClock::default());
    clock.put(script.lines.first().map_or(script.outage_at, |line| line.at));
    let entropy = Arc::new(SeededEntropy::new(seed));
    let mut world = World::new(Arc::clone(&clock) as Arc<dyn Clock>, entropy);
    furnish(&mut world)?;
    world.play(scenario, script.outage_at);
    let last = speak(&mut world, &clock, script)?;
    clock.put(last.max(script.outage_ends_at).plus_ms(AFTER_MS));
    Ok(count(&mut world, script))
}

fn furnish(world: &mut World) -> anyhow::Result<()> {
    for role in &FAMILY {
        cast::add_user(world, role, ieum_core::network::Network::KakaoTalk)?;
    }
    let everybody = FAMILY.iter().map(|role| role.id.to_owned()).collect();
    add_room(world, ROOM.to_owned(), everybody)?;
    for (number, pair) in PAIRS.iter().enumerate() {
        let members = pair.iter().filter_map(|place| FAMILY.get(*place));
        add_room(world, room_of(Talk::Pair(number)), members.map(|r| r.id.to_owned()).collect())?;
    }
    Ok(())
}

fn add_room(world: &mut World, id: String, members: BTreeSet<String>) -> anyhow::Result<()> {
    world.add_room(NewRoom {
        network: ieum_lab::Network::Kakaotalk,
        id,
        title: None,
        kind: None,
        members: members.into_iter().collect(),
        bot: Some(false),
        bot_admin: false,
    })?;
    Ok(())
}

fn room_of(talk: Talk) -> String {
    match talk {
        Talk::Family => ROOM.to_owned(),
        Talk::Pair(number) => format!("pair-{number}"),
    }
}

/// Everybody says their lines; returns the moment of the last one.
fn speak(world: &mut World, clock: &HandClock, script: &Script) -> anyhow::Result<Timestamp> {
    let mut tries: BTreeSet<(Timestamp, usize)> =
        script.lines.iter().enumerate().map(|(number, line)| (line.at, number)).collect();
    let mut last = script.outage_at;
    let give_up = script.outage_ends_at.plus_ms(AFTER_MS);
    while let Some((at, number)) = tries.pop_first() {
        clock.put(at);
        last = at;
        let Some(line) = script.lines.get(number) else {
            continue;
        };
        let Some(role) = FAMILY.get(line.who) else {
            continue;
        };
        let text = marked(&line.text, number);
        let room = room_of(line.talk);
        let say = Say::text(ieum_lab::Network::Kakaotalk, role.id, Some(&room), &text);
        match world.say(say) {
            Ok(_said) => {}
            Err(error) if error.is_outage() && at < give_up => {
                tries.insert((at.plus_ms(AGAIN_MS), number));
            }
            Err(error) if error.is_outage() => {}
            Err(error) => return Err(anyhow::anyhow!("without the hub: {error}")),
        }
    }
    Ok(last)
}

fn count(world: &mut World, script: &Script) -> Without {
    let mut without = Without::default();
    for (who, role) in FAMILY.iter().enumerate() {
        let lines = world.screen(ieum_lab::Network::Kakaotalk, role.id).unwrap_or_default();
        let mut seen: BTreeMap<usize, Timestamp> = BTreeMap::new();
        for line in &lines {
            if let Some(number) = number_of(&line.text) {
                seen.entry(number).or_insert(line.shown_at);
            }
        }
        for (number, line) in script.lines.iter().enumerate() {
            if line.who == who || !line.talk.people().contains(&who) {
                continue;
            }
            match seen.get(&number) {
                None => without.lost += 1,
                Some(at) if at.ms_since(line.at) > DELAYED_MS => without.delayed_over_60s += 1,
                Some(_) => {}
            }
        }
    }
    without
}
