//! What those who lead a group see besides: its door, slow mode, bans, reports, its name.
//!
//! Invariant: who reported is named to nobody.

use super::Group;
use crate::edge::Shared;
use crate::web::reader::Reader;
use crate::web::sessions::SignedIn;
use ieum_core::ids::PersonId;
use ieum_core::people::groups::Role;
use maud::{Markup, html};

/// Waits between two messages that can be chosen, in seconds.
const WAITS_S: [u64; 5] = [0, 10, 30, 60, 300];

fn name_of(edge: &Shared, person: PersonId) -> String {
    edge.hub.with_directory(|directory| {
        directory.person(person).map_or_else(|| "?".to_owned(), |one| one.name.to_string())
    })
}

/// How long members wait between two messages.
pub(super) fn wait_words(reader: &Reader, seconds: u64) -> String {
    match seconds {
        0 => reader.say("기다림 없음".to_owned(), "no wait".to_owned()),
        1..60 => reader.say(format!("{seconds}초"), format!("{seconds} s")),
        _ => reader.say(format!("{}분", seconds / 60), format!("{} min", seconds / 60)),
    }
}

impl Group {
    /// Whether it is open, to whom, and how often each may speak.
    pub(super) fn terms(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let now_s = self.charter.slow_ms / 1_000;
        html! { section {
            h2 { (reader.say("누가 들어오나요?", "Who can come in?")) }
            @if self.is_open {
                p { (reader.say(
                    "링크를 가진 누구나 들어올 수 있어요.",
                    "Anybody who has the link can come in.",
                )) }
                (self.link(reader))
            } @else {
                p { (reader.say("초대받은 사람만 들어와요.", "Only who is invited.")) }
            }
            @if self.role() == Role::Owner { (self.door(reader, who)) }
            @if self.leads() {
                h3 { (reader.say("말과 말 사이", "Between two messages")) }
                (self.deed(who, "slow", &html! { @for seconds in WAITS_S {
                    button class="plain" name="number" value=(seconds)
                        aria-pressed=(if seconds == now_s { "true" } else { "false" }) {
                        (wait_words(reader, seconds))
                    }
                } }))
            } @else if now_s > 0 { p class="quiet" {
                (reader.say("말과 말 사이: ", "Between two messages: "))
                (wait_words(reader, now_s))
            } }
            p class="quiet" { (reader.say(
                "이 대화의 말은 이 허브의 운영자와 이어진 메신저들이 읽을 수 있어요. \
                 종단간 암호화가 아니에요.",
                "The operator of this hub and the joined networks can read what is said here. \
                 It is not end-to-end encrypted.",
            )) }
        } }
    }

    fn door(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let one = |deed: &str, words: &str| {
            self.deed(who, deed, &html! { button class="plain" { (words) } })
        };
        html! { @if self.is_open {
            (one("renew", reader.say("새 링크로 바꾸기", "Change the link")))
            (one("close", reader.say("닫기", "Close")))
        } @else { (one("open", reader.say("누구나 들어오게 열기", "Open it to anybody"))) } }
    }

    /// What was reported and waits.
    pub(super) fn queue(&self, edge: &Shared, reader: &Reader, who: &SignedIn) -> Markup {
        let rulings = [
            ("dismissed", reader.say("괜찮아요", "Nothing wrong")),
            ("removed", reader.say("내보내기", "Remove")),
            ("banned", reader.say("차단", "Ban")),
        ];
        html! { @if self.reports().next().is_some() { section {
            h2 { (reader.say("신고", "Reports")) }
            ul class="rows" { @for report in self.reports() { li { div class="row" {
                span class="row-text" {
                    strong { bdi { (name_of(edge, report.about)) } }
                    span { bdi { (report.reason) } }
                    @if let Some(seq) = report.message {
                        a href={ "/inbox/" (self.id) "?before=" (seq.0 + 1) "#m" (seq) } {
                            (reader.say("그 말 보기", "See what was said"))
                        }
                    }
                }
                @for (deed, words) in rulings { (self.deed(who, deed, &html! {
                    input type="hidden" name="number" value=(report.id);
                    button class="plain" { (words) }
                })) }
            } } } }
        } } }
    }

    /// Who may not come in.
    pub(super) fn banned(&self, edge: &Shared, reader: &Reader, who: &SignedIn) -> Markup {
        html! { @if self.bans().next().is_some() { section {
            h2 { (reader.say("차단한 사람", "Banned")) }
            ul class="rows" { @for ban in self.bans() { li { div class="row" {
                span class="row-text" {
                    strong { bdi { (name_of(edge, ban.person)) } }
                    span class="quiet" { bdi { (ban.reason) } }
                }
                (self.deed(who, "unban", &html! {
                    input type="hidden" name="person" value=(ban.person);
                    button class="plain" { (reader.say("풀기", "Lift")) }
                }))
            } } } }
        } } }
    }

    /// Its name.
    pub(super) fn naming(&self, reader: &Reader, who: &SignedIn) -> Markup {
        html! { section {
            h2 { (reader.say("모임 이름", "Name of the group")) }
            (self.deed(who, "rename", &html! {
                label class="unseen-label" for="named" { (reader.say("이름", "Name")) }
                input id="named" name="text" required maxlength="100" autocomplete="off"
                    value=(self.title);
                button { (reader.say("바꾸기", "Change")) }
            }))
        } }
    }
}
