//! The checkers: what stands on people's screens against what was acknowledged.
//!
//! They know nothing of the hub. Copies that a network showed twice or held back by itself are the
//! network's; everything else is ours. Invariant: a line is looked at once.

use super::ledger::Ledger;
use super::network::in_lab;
use crate::mark;
use ieum_core::directory::Language;
use ieum_core::network::Network;
use ieum_core::render::words::network_name;
use ieum_core::time::Timestamp;
use ieum_lab::world::screen::Line;
use std::collections::BTreeMap;

/// What was on its way when somebody took back their consent may still arrive, in milliseconds.
const WITHDRAWN_MS: u64 = 15_000;
/// Broken promises that are told in words.
const TOLD_MAX: usize = 20;
/// A copy that comes later than this is late, in milliseconds.
const LATE_MS: u64 = 60_000;

/// What the screens say.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) duplicates_unlabelled: u64,
    pub(super) out_of_order: u64,
    pub(super) without_consent: u64,
    pub(super) bounced: u64,
    pub(super) early_failovers: u64,
    pub(super) first_moved_at: Option<Timestamp>,
    /// The first broken promises, in words.
    pub(super) told: Vec<String>,
    chats: BTreeMap<(usize, Network, bool), Chat>,
}

/// What is remembered of one chat on one screen.
#[derive(Debug, Clone, Copy, Default)]
struct Chat {
    /// The newest message id looked at.
    newest: u64,
    /// When the youngest of the plain copies so far was said.
    said_at: Timestamp,
}

/// The figures that only the end of a run can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) messages: u64,
    pub(super) duplicates_labelled: u64,
    pub(super) late_over_60s: u64,
    pub(super) failed_over: u64,
}

impl Checks {
    /// Looks at what is new on everybody's screens.
    pub(super) fn look(
        &mut self,
        ledger: &mut Ledger,
        screens: Vec<((ieum_lab::Network, String), Vec<Line>)>,
    ) {
        for ((there, name), lines) in screens {
            let network = Network::ALL.into_iter().find(|one| in_lab(*one) == Some(there));
            let (Some(network), Some(person)) = (network, ledger.people().named(&name)) else {
                continue;
            };
            for line in lines.into_iter().filter(|line| !line.own) {
                self.line(ledger, person, network, &line);
            }
        }
    }

    fn line(&mut self, ledger: &mut Ledger, person: usize, network: Network, line: &Line) {
        let ours = line.author == "bot";
        if ours && line.chat.starts_with("direct:") {
            self.consent(ledger, person, network, line);
        }
        let doubted = moved_from(&line.text).filter(|_| ours);
        if let Some(doubted) = doubted {
            self.first_moved_at.get_or_insert(line.sent_at);
            let refused = ledger.withdrawn_at(person).is_some_and(|at| at <= line.sent_at);
            if !refused && !ledger.was_blamed(doubted, line.sent_at) {
                self.early_failovers += 1;
                self.tell(person, line, "was moved before there was any evidence");
            }
        }
        // The network showed the same message again by itself.
        if line.copy > 1 {
            return;
        }
        let labelled = mark::labelled(&line.text) && ours;
        let place = ledger.people().all.get(person).and_then(|someone| {
            let group = ledger.people().groups.get(someone.group)?;
            group.people.iter().position(|other| *other == person)
        });
        let Some((_, entry)) = ledger.of_text(&line.text) else {
            return;
        };
        if entry.author == person {
            // What somebody wrote to our account alone stands in their own room with the others'.
            let room = !line.chat.starts_with("direct:");
            if !room || (entry.in_room && entry.network == network) {
                self.bounced += 1;
                self.tell(person, line, "came back to its author");
            }
            return;
        }
        let acknowledged_at = entry.acknowledged_at;
        let said_at = entry.said_at;
        if let Some(place) = place {
            let members = place + 1;
            if entry.sights.len() < members {
                entry.sights.resize_with(members, Default::default);
            }
            let Some(sights) = entry.sights.get_mut(place) else { return };
            sights.first_at =
                Some(sights.first_at.map_or(line.shown_at, |first| first.min(line.shown_at)));
            sights.moved += u16::from(doubted.is_some());
            if labelled {
                sights.labelled += 1;
            } else {
                sights.plain += 1;
            }
            if !labelled && sights.plain > 1 {
                self.duplicates_unlabelled += 1;
                self.tell(person, line, "was seen twice without a label");
            }
        }
        if ours && !labelled {
            self.order((person, network), line, said_at, acknowledged_at);
        }
    }

    /// Within one chat, no copy of what was acknowledged before something else was even said may
    /// stand behind a copy of that.
    fn order(
        &mut self,
        (person, network): (usize, Network),
        line: &Line,
        said_at: Timestamp,
        acknowledged_at: Option<Timestamp>,
    ) {
        let direct = line.chat.starts_with("direct:");
        let chat = self.chats.entry((person, network, direct)).or_default();
        let number = line.message.parse().unwrap_or(0);
        // The network itself held it back behind newer ones.
        if number < chat.newest {
            return;
        }
        chat.newest = number;
        let overtaken = acknowledged_at.is_some_and(|at| at < chat.said_at);
        chat.said_at = chat.said_at.max(said_at);
        if overtaken {
            self.out_of_order += 1;
            self.tell(person, line, "stands behind a later one");
        }
    }

    fn consent(&mut self, ledger: &Ledger, person: usize, network: Network, line: &Line) {
        let Some(someone) = ledger.people().all.get(person) else { return };
        let withdrawn =
            ledger.withdrawn_at(person).is_some_and(|at| line.sent_at > at.plus_ms(WITHDRAWN_MS));
        let second = someone.second == Some(network) && someone.agreed && !withdrawn;
        if someone.home != network && !second {
            self.without_consent += 1;
            self.tell(person, line, "came without consent");
        }
    }

    fn tell(&mut self, person: usize, line: &Line, what: &str) {
        if self.told.len() < TOLD_MAX {
            let number = mark::number_of(&line.text).map_or(String::new(), |n| format!(" {n}"));
            let text = mark::plain(&line.text);
            self.told.push(format!(
                "message{number} {what}: p{person} saw {text:?} on {} in {} at {}",
                line.network, line.chat, line.shown_at.0
            ));
        }
    }
}

/// The network whose place a copy takes, by the words of its label.
fn moved_from(text: &str) -> Option<Network> {
    Network::ALL.into_iter().find(|network| {
        let name = network_name(*network, Language::Ko);
        let rest = text.strip_prefix('[').and_then(|text| text.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(" 지연 · 대신 보냄 #"))
    })
}

/// Adds up what everybody saw.
pub(super) fn totals(ledger: &Ledger) -> Totals {
    let mut totals = Totals::default();
    for entry in ledger.entries() {
        let Some(acknowledged_at) = entry.acknowledged_at else { continue };
        totals.messages += 1;
        for (place, _) in ledger.owed(entry) {
            let Some(sights) = entry.sights.get(place) else { continue };
            let Some(first_at) = sights.first_at else { continue };
            totals.late_over_60s += u64::from(first_at.ms_since(acknowledged_at) > LATE_MS);
            totals.failed_over += u64::from(sights.moved > 0);
            // The first sight may itself be labelled: it is no double then.
            let first = u16::from(sights.plain == 0);
            totals.duplicates_labelled += u64::from(sights.labelled.saturating_sub(first));
        }
    }
    totals
}

#[cfg(test)]
mod tests;
