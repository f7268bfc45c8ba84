//! Our own line: is it the network that fails, or is it us?
//!
//! A turn for the worse needs a witness: some other network, or a control host, that answered
//! since the evidence turned. When others fail too, the fault is on our side: what was seen in that
//! time says nothing about any network. Invariant: a network is never its own witness, and neither
//! is one that is known not to be up.

use super::parameters::Parameters;
use crate::network::Network;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Answers of one witness that are remembered.
const ANSWERS_MAX: usize = 32;
/// A witness that was not heard for this long is not waited for.
const KNOWN_MS: u64 = 600_000;
/// Good answers that speak for our line.
const GOODS_MIN: u32 = 2;
/// Failures, and failing witnesses, that speak against it.
const BADS_MIN: u32 = 2;
/// Witnesses that failed with no answer between them: our own line was cut.
const FAILING_MIN: usize = 2;
/// Our line is sick as long as two witnesses failed within this time.
const SICK_MS: u64 = 10_000;
/// Good answers after which it is well again.
const BACK_GOODS_MIN: u32 = 3;

/// Somebody who can tell whether our line works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// Another network.
    Network(Network),
    /// A host of the operator's choice, by its number in the configuration.
    Control(u32),
}

/// What the witnesses say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is nobody to ask.
    Alone,
    /// So many good answers: our line works.
    Fine(u32),
    /// Others fail as well: it is ours.
    Sick,
    /// Not enough was heard yet.
    Unclear,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    good: u32,
    bad: u32,
    failing: u32,
    control_failing: u32,
    heard: u32,
}

/// What is known of our own line.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    answers: BTreeMap<Witness, VecDeque<(Timestamp, bool)>>,
    /// Who failed since anybody last answered.
    failing: BTreeSet<Witness>,
    sick_since: Option<Timestamp>,
    well_since: Option<Timestamp>,
    /// Who failed together before that and did not answer since.
    suspects: BTreeSet<Witness>,
}

impl Line {
    /// Since when our own line is sick.
    pub(super) fn sick_since(&self) -> Option<Timestamp> {
        self.sick_since
    }

    pub(super) fn hear(&mut self, witness: Witness, good: bool, at: Timestamp) {
        let answers = self.answers.entry(witness).or_default();
        if answers.len() == ANSWERS_MAX {
            answers.pop_front();
        }
        answers.push_back((at, good));
        if !good {
            self.failing.insert(witness);
            return;
        }
        let failing = std::mem::take(&mut self.failing);
        if failing.len() >= FAILING_MIN {
            // Nobody answered for a while: calls that left meanwhile may still fail.
            self.well_since = Some(at);
            self.suspects = failing;
        }
        self.suspects.remove(&witness);
    }

    /// Whether a failure that is seen now says nothing about its network.
    pub(super) fn excuses(&self, now: Timestamp, parameters: &Parameters) -> bool {
        let tail = |well: Timestamp| now.ms_since(well) < parameters.own_tail_ms && now >= well;
        self.sick_since.is_some() || self.well_since.is_some_and(tail)
    }

    /// Whether the failure of one call of `network` says nothing about it. Narrower than
    /// [`Self::excuses`]: a call that left after our line was back counts, once all others that
    /// failed with it answered again.
    pub(super) fn excuses_call(
        &self,
        network: Network,
        (began_at, now): (Timestamp, Timestamp),
        parameters: &Parameters,
    ) -> bool {
        let before = self.well_since.is_some_and(|well| began_at < well);
        let others = self.suspects.iter().any(|one| *one != Witness::Network(network));
        let open = before || others || self.sick_since.is_some();
        open && self.excuses(now, parameters)
    }

    /// Whether somebody answered since then while nobody besides `network` failed.
    pub(super) fn vouches(&self, network: Network, since: Timestamp, now: Timestamp) -> bool {
        let others = self.count(&[network], since, now);
        self.answered_since(since, now) && others.bad == 0
    }

    /// What the witnesses besides `absent` say about the time since `onset`.
    pub(super) fn verdict(
        &self,
        absent: &[Network],
        onset: Timestamp,
        now: Timestamp,
        parameters: &Parameters,
    ) -> Verdict {
        let window = Timestamp(now.0.saturating_sub_unsigned(parameters.witness_window_ms));
        let count = self.count(absent, onset.max(window), now);
        if count.heard == 0 {
            return Verdict::Alone;
        }
        let sick = count.bad >= BADS_MIN && count.bad >= count.good;
        if count.failing > 0 && sick {
            return Verdict::Sick;
        }
        if count.good >= GOODS_MIN && count.bad * 4 <= count.good {
            return Verdict::Fine(count.good);
        }
        Verdict::Unclear
    }

    /// Whether anybody at all answered since then; true as well when nobody was ever there to ask.
    pub(super) fn answered_since(&self, since: Timestamp, now: Timestamp) -> bool {
        let count = self.count(&[], since, now);
        self.sick_since.is_none() && (count.good > 0 || count.heard == 0)
    }

    fn count(&self, absent: &[Network], since: Timestamp, now: Timestamp) -> Count {
        let mut count = Count::default();
        for (witness, answers) in &self.answers {
            if matches!(witness, Witness::Network(network) if absent.contains(network)) {
                continue;
            }
            let Some((last, _)) = answers.back() else { continue };
            count.heard += u32::from(now.ms_since(*last) <= KNOWN_MS);
            let (mut good, mut bad) = (0, 0);
            for (_, answer) in answers.iter().filter(|(at, _)| *at >= since) {
                if *answer { good += 1 } else { bad += 1 }
            }
            count.good += good;
            count.bad += bad;
            let failing = u32::from(bad > good);
            count.failing += failing;
            if matches!(witness, Witness::Control(_)) {
                count.control_failing += failing;
            }
        }
        count
    }

    /// Declares our own line sick.
    pub(super) fn fall_sick(&mut self, at: Timestamp) {
        self.sick_since.get_or_insert(at);
    }

    /// Ends the sickness when it is over; true at that moment.
    pub(super) fn recover(&mut self, now: Timestamp) -> bool {
        if self.sick_since.is_none() {
            return false;
        }
        let since = Timestamp(now.0.saturating_sub_unsigned(SICK_MS));
        let count = self.count(&[], since, now);
        let several = count.failing >= BADS_MIN || count.control_failing > 0;
        if several || count.good < BACK_GOODS_MIN {
            return false;
        }
        self.sick_since = None;
        self.well_since = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAKAO: Network = Network::KakaoTalk;

    fn heard(answers: &[(Witness, bool, i64)]) -> Line {
        let mut line = Line::default();
        for (witness, good, at) in answers {
            line.hear(*witness, *good, Timestamp(*at));
        }
        line
    }

    fn verdict(line: &Line, onset: i64, now: i64) -> Verdict {
        line.verdict(&[KAKAO], Timestamp(onset), Timestamp(now), &Parameters::default())
    }

    #[test]
    fn the_table_of_verdicts() {
        let line_app = Witness::Network(Network::Line);
        let host = Witness::Control(0);
        let own = Witness::Network(KAKAO);
        for (answers, expected, why) in [
            (vec![], Verdict::Alone, "nobody there"),
            (vec![(own, true, 5), (own, true, 6)], Verdict::Alone, "not its own witness"),
            (vec![(line_app, true, 0)], Verdict::Unclear, "heard before the onset only"),
            (vec![(line_app, true, 5)], Verdict::Unclear, "one answer may be luck"),
            (vec![(line_app, true, 5), (host, true, 6)], Verdict::Fine(2), "two others answer"),
            (vec![(line_app, false, 5), (line_app, false, 6)], Verdict::Sick, "another fails too"),
            (vec![(host, false, 5), (host, false, 6)], Verdict::Sick, "the control host fails"),
            (
                vec![(line_app, true, 5), (line_app, false, 6), (host, true, 7)],
                Verdict::Unclear,
                "a third of the answers is missing",
            ),
        ] {
            assert_eq!(verdict(&heard(&answers), 3, 10), expected, "{why}");
        }
    }

    #[test]
    fn one_that_was_not_heard_for_long_is_not_waited_for() {
        let line = heard(&[(Witness::Network(Network::Line), true, 0)]);
        assert_eq!(verdict(&line, 300_000, 300_001), Verdict::Unclear);
        assert_eq!(verdict(&line, 700_000, 700_001), Verdict::Alone);
    }

    #[test]
    fn sickness_ends_with_good_answers_and_excuses_a_little_longer() {
        let parameters = Parameters::default();
        let mut line = Line::default();
        assert!(!line.excuses(Timestamp(0), &parameters));
        line.fall_sick(Timestamp(0));
        for at in 0..3 {
            line.hear(Witness::Control(0), false, Timestamp(at * 1_000));
            line.hear(Witness::Network(KAKAO), false, Timestamp(at * 1_000));
        }
        assert!(!line.recover(Timestamp(3_000)));
        for at in 0..3 {
            line.hear(Witness::Control(0), true, Timestamp(20_000 + at * 1_000));
        }
        assert!(line.recover(Timestamp(22_000)));
        assert!(line.excuses(Timestamp(33_999), &parameters), "calls that hung since");
        assert!(!line.excuses(Timestamp(34_000), &parameters));
    }

    #[test]
    fn after_a_silence_of_all_late_failures_are_excused() {
        let (line_app, host) = (Witness::Network(Network::Line), Witness::Control(0));
        let parameters = Parameters::default();
        let excuses = |line: &Line, at| line.excuses(Timestamp(at), &parameters);
        let one = heard(&[(line_app, false, 0), (line_app, false, 1), (line_app, true, 2)]);
        assert!(!excuses(&one, 3), "one that fails is no silence");
        let all = heard(&[(line_app, false, 0), (host, false, 1), (host, true, 60_000)]);
        assert!(excuses(&all, 60_000) && excuses(&all, 71_999) && !excuses(&all, 72_000));
    }

    #[test]
    fn any_answer_at_all_shows_that_a_single_route_is_to_blame() {
        let answered = |line: &Line| line.answered_since(Timestamp(3), Timestamp(10));
        assert!(answered(&heard(&[])), "nobody to ask");
        assert!(!answered(&heard(&[(Witness::Network(KAKAO), true, 2)])), "before");
        assert!(!answered(&heard(&[(Witness::Network(KAKAO), false, 4)])), "a failure");
        let mut line = heard(&[(Witness::Network(KAKAO), true, 4)]);
        assert!(answered(&line));
        line.fall_sick(Timestamp(5));
        assert!(!answered(&line));
    }

    #[test]
    fn an_answer_vouches_only_while_no_other_fails() {
        let vouches = |line: &Line| line.vouches(KAKAO, Timestamp(3), Timestamp(10));
        let line_app = Witness::Network(Network::Line);
        let table = [
            (&[(line_app, true, 4)][..], true, "another answered"),
            (&[(Witness::Network(KAKAO), true, 4)], true, "it answered elsewhere itself"),
            (&[(Witness::Network(KAKAO), false, 4), (line_app, true, 5)], true, "it alone fails"),
            (&[(line_app, true, 2)], false, "before"),
            (&[(line_app, false, 4), (line_app, true, 5)], false, "the other failed as well"),
            (&[(Witness::Control(0), false, 4), (line_app, true, 5)], false, "a host failed"),
        ];
        for (answers, vouched, why) in table {
            assert_eq!(vouches(&heard(answers)), vouched, "{why}");
        }
    }

    fn excuses_call(line: &Line, began: i64, now: i64) -> bool {
        let times = (Timestamp(began), Timestamp(now));
        line.excuses_call(KAKAO, times, &Parameters::default())
    }

    #[test]
    fn only_calls_that_left_before_our_line_came_back_are_excused() {
        let line_app = Witness::Network(Network::Line);
        let line = heard(&[
            (Witness::Network(KAKAO), false, 0),
            (line_app, false, 1),
            (line_app, true, 9),
        ]);
        assert!(excuses_call(&line, 8, 20));
        assert!(!excuses_call(&line, 9, 20), "it left over a line that works");
        assert!(!excuses_call(&line, 8, 12_009), "the tail is over");
        let mut sick = heard(&[]);
        sick.fall_sick(Timestamp(20));
        assert!(excuses_call(&sick, 30, 40));
        // A third answers, and those that failed together go on failing.
        let telegram = Witness::Network(Network::Telegram);
        let two = [(Witness::Network(KAKAO), false, 0), (line_app, false, 1), (telegram, true, 9)];
        let mut line = heard(&two);
        assert!(excuses_call(&line, 1_000, 1_020), "it may be our line to both");
        line.hear(line_app, true, Timestamp(1_030));
        assert!(!excuses_call(&line, 1_000, 1_040), "the other is back");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut line = Line::default();
        (0..10_000).for_each(|at| line.hear(Witness::Control(0), true, Timestamp(at)));
        assert!(line.failing.len() <= 1);
        assert!(line.answers.values().all(|answers| answers.len() <= ANSWERS_MAX));
    }
}
