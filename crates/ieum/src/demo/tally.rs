//! The tally: what everybody saw, read from the screens.

use super::cast::{FAMILY, in_lab};
use super::day::Script;
use super::play::Played;
use super::stage::Stage;
use crate::mark::{labelled, number_of};
use ieum_core::content::{Content, What};
use ieum_core::ids::{ConversationId, MessageSeq};
use ieum_core::ports::store::PAGE_ROWS_MAX;
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A copy of a line on a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    line: usize,
    shown_at: Timestamp,
    labelled: bool,
    /// Our account said it, not a person in the room.
    ours: bool,
    /// The network showed the same message again by itself.
    network_double: bool,
}

/// What everybody saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Lines that a network took.
    pub(super) messages: usize,
    /// Pairs of a message and somebody else who belongs to its conversation.
    pub(super) expected: usize,
    /// Pairs that were seen.
    pub(super) seen: usize,
    /// Pairs that were not, although the hub had heard the message.
    pub(super) lost: usize,
    /// Pairs that were not, of messages that a network called sent and never told the hub of: no
    /// hub can carry what it never heard.
    pub(super) swallowed: usize,
    /// Further copies that say what they are.
    pub(super) duplicates_labelled: usize,
    /// Further copies that do not.
    pub(super) duplicates_unlabelled: usize,
    /// Further copies that a network made by itself; no hub can prevent those.
    pub(super) network_doubles: usize,
    /// Copies that stand before an earlier message of the same conversation in the same chat.
    pub(super) out_of_order: usize,
    /// People who could not be reached by any way at some time.
    pub(super) unreachable: usize,
    /// The longest that somebody with a second link waited, from the network's taking it.
    pub(super) linked_delay_ms_max: u64,
    /// From the first press of *send* to the sight, sorted, in milliseconds.
    pub(super) delays_ms: Vec<u64>,
}

impl Tally {
    /// The `share` quantile of the delays; zero when there are none.
    pub(super) fn delay_ms(&self, share: f64) -> u64 {
        quantile(&self.delays_ms, share)
    }
}

/// The value at `share` of a sorted list.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a list of far fewer than 2^53 entries"
)]
pub(super) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(0)
}

/// All lines on all screens, as a number that changes when anything new is shown.
pub(super) fn lines_shown(stage: &Stage) -> usize {
    let mut world = stage.lab.world();
    let mut shown = 0;
    for role in &FAMILY {
        for network in role.networks {
            shown += world.screen(in_lab(*network), role.id).map_or(0, |lines| lines.len());
        }
    }
    shown
}

/// Reads the screens.
pub(super) async fn tally(
    stage: &Stage,
    script: &Script,
    played: &Played,
) -> anyhow::Result<Tally> {
    let mut tally = Tally { messages: played.len(), ..Tally::default() };
    let order = order_of(stage).await?;
    let mut late_for: BTreeSet<usize> = BTreeSet::new();
    for (who, role) in FAMILY.iter().enumerate() {
        let mut sights: BTreeMap<usize, Vec<Sight>> = BTreeMap::new();
        for network in role.networks {
            let chats = chats_of(stage, role.id, *network);
            for lines in chats.into_values() {
                tally.out_of_order += out_of_order(&lines, script, &order);
                for sight in lines {
                    sights.entry(sight.line).or_default().push(sight);
                }
            }
        }
        person(&mut tally, script, played, who, &sights, &mut late_for);
    }
    tally.unreachable = late_for.len();
    tally.delays_ms.sort_unstable();
    Ok(tally)
}

/// The place of each line in the hub's order of acceptance, which everybody is to see it in.
async fn order_of(stage: &Stage) -> anyhow::Result<BTreeMap<usize, MessageSeq>> {
    let conversations: Vec<ConversationId> =
        stage.hub.with_directory(|directory| directory.conversations().map(|c| c.id).collect());
    let mut order = BTreeMap::new();
    for conversation in conversations {
        let mut before = MessageSeq(u64::MAX);
        loop {
            let store = stage.hub.store();
            let page = store.page_messages(conversation, before, PAGE_ROWS_MAX).await?;
            for message in &page {
                let content = Content::decode(&message.new.content)?;
                if let What::Text(text) = content.what()
                    && let Some(number) = number_of(text)
                {
                    order.insert(number, message.seq);
                }
            }
            let Some(last) = page.last() else { break };
            before = last.seq;
        }
    }
    Ok(order)
}

/// What one person saw on one network, by chat, without their own words.
fn chats_of(
    stage: &Stage,
    user: &str,
    network: ieum_core::network::Network,
) -> BTreeMap<String, Vec<Sight>> {
    let mut chats: BTreeMap<String, Vec<Sight>> = BTreeMap::new();
    let lines = stage.lab.world().screen(in_lab(network), user).unwrap_or_default();
    for line in lines.into_iter().filter(|line| !line.own) {
        let Some(number) = number_of(&line.text) else {
            continue;
        };
        chats.entry(line.chat.clone()).or_default().push(Sight {
            line: number,
            shown_at: line.shown_at,
            labelled: labelled(&line.text),
            ours: line.author == "bot",
            network_double: line.copy > 1,
        });
    }
    chats
}

fn person(
    tally: &mut Tally,
    script: &Script,
    played: &Played,
    who: usize,
    sights: &BTreeMap<usize, Vec<Sight>>,
    late_for: &mut BTreeSet<usize>,
) {
    for (number, accepted) in played {
        let Some(line) = script.lines.get(*number) else {
            continue;
        };
        if line.who == who || !line.talk.people().contains(&who) {
            continue;
        }
        tally.expected += 1;
        let Some(copies) = sights.get(number) else {
            *if accepted.swallowed { &mut tally.swallowed } else { &mut tally.lost } += 1;
            late_for.insert(who);
            continue;
        };
        tally.seen += 1;
        count_copies(tally, copies);
        let first = copies.iter().map(|copy| copy.shown_at).min().unwrap_or(accepted.at);
        let delay = first.ms_since(accepted.tried_at);
        tally.delays_ms.push(delay);
        let waited = first.ms_since(accepted.at);
        if waited > UNREACHABLE_MS {
            late_for.insert(who);
        }
        if FAMILY.get(who).is_some_and(|role| role.networks.len() > 1) {
            tally.linked_delay_ms_max = tally.linked_delay_ms_max.max(waited);
        }
    }
}

/// Somebody who got a message only after so long had no way at that time.
const UNREACHABLE_MS: u64 = 60_000;

fn count_copies(tally: &mut Tally, copies: &[Sight]) {
    let doubles = copies.iter().filter(|copy| copy.network_double).count();
    let ours: Vec<&Sight> = copies.iter().filter(|copy| !copy.network_double).collect();
    let labelled = ours.iter().filter(|copy| copy.labelled).count();
    let plain = ours.len() - labelled;
    tally.network_doubles += doubles;
    tally.duplicates_unlabelled += plain.saturating_sub(1);
    // The first sight may itself be labelled: it is no double then.
    tally.duplicates_labelled += if plain == 0 { labelled.saturating_sub(1) } else { labelled };
}

/// Copies of the hub that stand after a later message of the same conversation in one chat, and
/// do not say that they are late.
fn out_of_order(lines: &[Sight], script: &Script, order: &BTreeMap<usize, MessageSeq>) -> usize {
    let mut newest = BTreeMap::new();
    let mut wrong = 0;
    for sight in lines.iter().filter(|sight| sight.ours && !sight.labelled) {
        let (Some(line), Some(place)) = (script.lines.get(sight.line), order.get(&sight.line))
        else {
            continue;
        };
        let newest = newest.entry(line.talk).or_insert(*place);
        if place < newest && !sight.network_double {
            wrong += 1;
        } else {
            *newest = *place;
        }
    }
    wrong
}
