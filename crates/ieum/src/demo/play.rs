//! The play: everybody says their lines at their time, as people do.
//!
//! Somebody whose app cannot send tries their other app a moment later; who has no other app
//! tries again and again until it works.

use super::cast::{FAMILY, ROOM, Role, Talk, in_lab};
use super::day::{Line, Script};
use super::stage::Stage;
use super::view::View;
use crate::mark::{marked, number_of};
use ieum_core::network::Network;
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use ieum_lab::world::Say;
use ieum_lab::world::event::Told;
use std::collections::BTreeMap;

/// How long it takes somebody to open their other app.
const OTHER_APP_MS: u64 = 3_000;
/// How long somebody without another app waits before they press *send* again.
const AGAIN_MS: u64 = 30_000;
/// The longest wait for what is still under way after the last line and the outage.
const SETTLING_MS_MAX: u64 = 3 * 3_600_000;
/// Nothing has changed on any screen for so long: the play is over.
const CALM_MS: u64 = 90_000;
/// How far before the next line a hurrying clock slows down again.
const SLOW_BEFORE_MS: u64 = 90_000;
/// How much faster a quiet stretch passes.
const HURRY: f64 = 10.0;

/// What became of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    /// When its author pressed *send* first.
    pub(super) tried_at: Timestamp,
    /// When a network took it.
    pub(super) at: Timestamp,
    /// By which network.
    pub(super) network: Network,
    /// The network told the hub nothing of it and never will, though it called it sent.
    pub(super) swallowed: bool,
}

/// What became of all lines; a line that no network took is not there.
pub(super) type Played = BTreeMap<usize, Accepted>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Try {
    at: Timestamp,
    line: usize,
    /// Which of the author's networks.
    app: usize,
}

/// Plays the script to its end, and waits until everything arrived.
pub(super) async fn play(stage: &Stage, script: &Script, mut view: View) -> anyhow::Result<Played> {
    let base = stage.clock.speed();
    let mut played = Played::new();
    let mut tries: std::collections::BTreeSet<Try> = script
        .lines
        .iter()
        .enumerate()
        .map(|(line, said)| Try { at: said.at, line, app: 0 })
        .collect();
    while let Some(next) = tries.pop_first() {
        wait_until(stage, script, next.at, base, &mut view).await;
        let Some(line) = script.lines.get(next.line) else {
            continue;
        };
        match say(stage, &played, next, line)? {
            Some(accepted) => {
                played.insert(next.line, Accepted { tried_at: line.at, ..accepted });
                view.said(line, accepted.network);
            }
            None => {
                tries.insert(tried_again(stage, next, line));
                view.could_not_say(line);
            }
        }
    }
    stage.clock.set_speed(base);
    settle(stage, script, &mut view).await;
    view.end();
    Ok(played)
}

fn tried_again(stage: &Stage, failed: Try, line: &Line) -> Try {
    let now = stage.clock.now();
    let apps = FAMILY.get(line.who).map_or(1, |role| role.networks.len());
    let app = (failed.app + 1) % apps;
    let wait = if apps > 1 { OTHER_APP_MS } else { AGAIN_MS };
    Try { at: now.plus_ms(wait), line: failed.line, app }
}

/// Waits for the next line; a long stretch without one passes faster.
async fn wait_until(stage: &Stage, script: &Script, at: Timestamp, base: f64, view: &mut View) {
    loop {
        let now = stage.clock.now();
        let left = at.ms_since(now);
        if left == 0 {
            stage.clock.set_speed(base);
            return;
        }
        let quiet = script.hurries
            && left > SLOW_BEFORE_MS
            && (now < script.outage_at || now > script.outage_ends_at.plus_ms(SLOW_BEFORE_MS));
        let speed = if quiet { (base * HURRY).min(super::SPEED_MAX) } else { base };
        stage.clock.set_speed(speed.max(base));
        let step = if quiet { left - SLOW_BEFORE_MS } else { left };
        stage.clock.sleep(step.min(view.refresh_ms(speed))).await;
        view.draw(stage);
    }
}

fn say(
    stage: &Stage,
    played: &Played,
    tried: Try,
    line: &Line,
) -> anyhow::Result<Option<Accepted>> {
    let Some(role) = FAMILY.get(line.who) else {
        return Ok(None);
    };
    let network = role.networks.get(tried.app).copied().unwrap_or(Network::KakaoTalk);
    let place = Place::of(role, network, line.talk);
    let text = marked(&line.text, tried.line);
    let mut world = stage.lab.world();
    let mut say = Say::text(in_lab(network), role.id, place.room(), &place.words(line, &text));
    if let Some(answered) = line.answers.filter(|answered| played.contains_key(answered)) {
        say.reply_to = copy_on_screen(&mut world, role, network, place, answered);
    }
    match world.say(say) {
        Ok(said) => {
            let at = stage.clock.now();
            let swallowed = said.bot == Told::Swallowed;
            Ok(Some(Accepted { tried_at: line.at, at, network, swallowed }))
        }
        Err(error) if error.is_outage() => Ok(None),
        Err(error) => Err(anyhow::anyhow!("{} cannot say line {}: {error}", role.id, tried.line)),
    }
}

/// Where in an app a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Room,
    Direct,
}

impl Place {
    fn of(role: &Role, network: Network, talk: Talk) -> Self {
        let at_home = role.networks.first() == Some(&network);
        if talk == Talk::Family && at_home { Self::Room } else { Self::Direct }
    }

    fn room(self) -> Option<&'static str> {
        (self == Self::Room).then_some(ROOM)
    }

    /// In a room of KakaoTalk our account hears only what is said to it; in a direct chat the
    /// conversation is named.
    fn words(self, line: &Line, text: &str) -> String {
        match self {
            Self::Room
                if FAMILY
                    .get(line.who)
                    .is_some_and(|role| role.networks.first() == Some(&Network::KakaoTalk)) =>
            {
                format!("@이음 {text}")
            }
            Self::Room => text.to_owned(),
            Self::Direct => format!("@{} {text}", line.talk.title_for(line.who)),
        }
    }
}

/// The wire id of an earlier line as this person sees it in this chat.
fn copy_on_screen(
    world: &mut ieum_lab::World,
    role: &Role,
    network: Network,
    place: Place,
    answered: usize,
) -> Option<String> {
    // KakaoTalk tells our account nothing of answers.
    if network == Network::KakaoTalk {
        return None;
    }
    let chat = match place {
        Place::Room => ROOM.to_owned(),
        Place::Direct => super::cast::direct_chat(role),
    };
    let lines = world.screen(in_lab(network), role.id)?;
    lines
        .into_iter()
        .rev()
        .find(|line| line.chat == chat && number_of(&line.text) == Some(answered))
        .map(|line| line.message)
}

/// Waits until the outage is over and nothing moves any more.
async fn settle(stage: &Stage, script: &Script, view: &mut View) {
    let now = stage.clock.now();
    let give_up = script.outage_ends_at.plus_ms(SETTLING_MS_MAX).max(now.plus_ms(SETTLING_MS_MAX));
    let mut calm_since = now;
    let mut shown = 0;
    loop {
        stage.clock.sleep(view.refresh_ms(stage.clock.speed()).min(5_000)).await;
        view.draw(stage);
        let now = stage.clock.now();
        let open = stage.hub.store().counts().await.map(|counts| counts.open.values().sum::<u64>());
        let shown_now = super::tally::lines_shown(stage);
        if shown_now != shown || open.is_ok_and(|open| open > 0) || now < script.outage_ends_at {
            calm_since = now;
        }
        shown = shown_now;
        if now.ms_since(calm_since) >= CALM_MS || now >= give_up {
            return;
        }
    }
}
