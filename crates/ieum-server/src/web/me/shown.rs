//! The page of a person about themselves, in its parts.
//!
//! Invariant: every change is a form of its own, so that the page needs no script.

use super::{Me, Way};
use crate::web::clock::Wall;
use crate::web::passkeys;
use crate::web::picture;
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, csrf_field};
use crate::web::status::{class, state_word};
use ieum_core::directory::Purpose;
use ieum_core::health::CellState;
use ieum_core::network::Network;
use ieum_core::people::passkeys::Passkey;
use ieum_core::people::sessions::{Door, Session, Visit, VisitKind};
use ieum_core::render::words::network_name;
use maud::{Markup, html};

impl Me {
    /// The whole page.
    pub(super) fn body(
        &self,
        reader: &Reader,
        who: &SignedIn,
        wall: Wall,
        done: Option<&str>,
        devices: &Markup,
    ) -> Markup {
        html! {
            h1 { (self.name) }
            p class="quiet" { (reader.say("이음 번호", "Ieum number")) " " (who.person) }
            @if let Some(told) = done.and_then(|done| told(reader, done)) {
                p class="told" role="status" { (told) }
            }
            (self.handle(reader, who))
            (self.ways(reader, who))
            (self.agreements(reader, who))
            (devices)
            (passkeys::section(reader, who, wall, self.passkeys(), self.has_passkeys))
            (self.sessions(reader, who, wall))
            (super::own::section(reader))
        }
    }

    fn passkeys(&self) -> &[Passkey] {
        self.door.as_ref().map_or(&[], |door| &door.passkeys)
    }

    fn handle(&self, reader: &Reader, who: &SignedIn) -> Markup {
        html! { section {
            h2 { (reader.say("나를 찾는 아이디", "How you are found")) }
            form class="line" method="post" action="/me/handle" {
                (csrf_field(who))
                label class="unseen-label" for="handle" { (reader.say("아이디", "Handle")) }
                input id="handle" name="handle" maxlength="24" autocomplete="off"
                    autocapitalize="none" spellcheck="false" value=[self.handle.as_deref()]
                    placeholder=(reader.say("아이디", "handle"));
                button { (reader.say("저장", "Keep")) }
            }
            p class="quiet" { (reader.say(
                "아이디를 정확히 아는 사람만 나에게 청할 수 있어요. 비워 두면 아무도 찾지 못해요.",
                "Only who knows it exactly can ask for you. Left empty, nobody finds you.",
            )) }
            @if let Some(link) = &self.link { details class="section" {
                summary { (reader.say("내 링크와 QR", "Your link and QR code")) }
                p class="link" { (link) }
                @let name = reader.say("내 링크의 QR 코드", "QR code of your link");
                @if let Some(picture) = picture::of(link, name) { (picture) }
            } }
        } }
    }

    fn ways(&self, reader: &Reader, who: &SignedIn) -> Markup {
        html! { section {
            h2 { (reader.say("나에게 오는 길", "Ways to you")) }
            @if self.ways.is_empty() {
                p class="empty-line" { (reader.say(
                    "아직 이어 둔 메신저가 없어요.",
                    "No messenger is linked yet.",
                )) }
            } @else {
                ol class="rows" { @for (place, way) in self.ways.iter().enumerate() { li {
                    (way.row(reader, who, place, self.ways.len()))
                } } }
                p class="quiet" { (reader.say(
                    "위에서부터 보내고, 안 되면 다음 길로 가요.",
                    "The first is used; when it fails, the next.",
                )) }
            }
            form method="post" action="/me/link" {
                (csrf_field(who))
                button { (reader.say("메신저 더 잇기", "Link another messenger")) }
            }
        } }
    }

    fn agreements(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let mut networks: Vec<Network> = self.agreed.iter().map(|one| one.0).collect();
        networks.dedup();
        html! { @if !networks.is_empty() { section {
            h2 { (reader.say("허락한 것", "What you agreed to")) }
            @for network in networks { div class="card agreed" {
                h3 { (network_name(network, reader.language)) }
                @for (_, purpose, given) in self.agreed.iter().filter(|one| one.0 == network) {
                    (agreement(reader, who, network, *purpose, *given))
                }
            } }
        } } }
    }

    fn sessions(&self, reader: &Reader, who: &SignedIn, wall: Wall) -> Markup {
        html! { section {
            h2 { (reader.say("들어와 있는 곳", "Where you are signed in")) }
            @if let Some(door) = &self.door {
                ul class="rows" { @for session in door.sessions.iter().rev() { li {
                    (row_of(reader, who, wall, session))
                } } }
                (visits(reader, wall, door))
            }
            form class="deeds" method="post" action="/sign-out" {
                (csrf_field(who))
                button class="plain" { (reader.say("나가기", "Sign out")) }
                button class="plain" name="everywhere" value="yes" {
                    (reader.say("모든 곳에서 나가기", "Sign out everywhere"))
                }
            }
        } }
    }
}

impl Way {
    fn row(&self, reader: &Reader, who: &SignedIn, place: usize, all: usize) -> Markup {
        let words = match (self.is_open, self.state) {
            (false, _) => reader.say("대화가 닫혀 있어요", "the chat is closed"),
            (true, state) => state_word(reader, state),
        };
        let class = if self.is_open { class(self.state) } else { class(CellState::Down) };
        html! { div class="row" {
            span class="row-text" {
                strong { (network_name(self.network, reader.language)) }
                span class="quiet" { (self.name) }
                span class={ "small " (class) } { (words) }
            }
            form class="deeds" method="post" action="/me/ways" {
                (csrf_field(who))
                input type="hidden" name="address" value=(self.address);
                @if place > 0 {
                    button class="plain" name="deed" value="first" {
                        (reader.say("먼저", "First"))
                    }
                }
                @if all > 1 {
                    button class="plain" name="deed" value="part" {
                        (reader.say("끊기", "Unlink"))
                    }
                }
            }
        } }
    }
}

fn agreement(
    reader: &Reader,
    who: &SignedIn,
    network: Network,
    purpose: Purpose,
    given: bool,
) -> Markup {
    let words = purpose_words(reader, purpose);
    let (next, checked) = if given { ("no", "true") } else { ("yes", "false") };
    let state = if given { reader.say("켬", "on") } else { reader.say("끔", "off") };
    html! { form class="agreement" method="post" action="/me/consents" {
        (csrf_field(who))
        input type="hidden" name="network" value=(network.word());
        input type="hidden" name="purpose" value=(purpose_word(purpose));
        span { (words) }
        button class="switch" role="switch" aria-checked=(checked) name="given" value=(next)
            aria-label={ (words) } { (state) }
    } }
}

const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Talk => "talk",
        Purpose::Failover => "failover",
        Purpose::Notices => "notices",
    }
}

fn purpose_words(reader: &Reader, purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Talk => reader.say("대화를 받기", "Conversations reach me here"),
        Purpose::Failover => {
            reader.say("다른 메신저가 안 될 때 받기", "They come here when another messenger fails")
        }
        Purpose::Notices => reader.say("알림 받기", "Public notices reach me here"),
    }
}

fn row_of(reader: &Reader, who: &SignedIn, wall: Wall, session: &Session) -> Markup {
    html! { div class="row" {
        span class="row-text" {
            strong { (browser(reader, &session.browser)) }
            @if session.mark == who.mark {
                span class="quiet" { (reader.say("지금 이 브라우저", "this browser")) }
            }
            @if session.push.is_some() {
                span class="quiet small" { (reader.say("알림 켬", "notifications on")) }
            }
        }
        span class="quiet" { (wall.moment(session.opened_at, reader)) }
    } }
}

fn visits(reader: &Reader, wall: Wall, door: &Door) -> Markup {
    html! { details class="section" {
        summary { (reader.say("드나든 기록", "Sign-ins and sign-outs")) }
        ul class="plain-list" { @for visit in door.visits.iter().rev() { li class="quiet" {
            (wall.moment(visit.at, reader)) " · " (visit_words(reader, visit)) " · "
            (browser(reader, &visit.browser))
        } } }
    } }
}

fn visit_words(reader: &Reader, visit: &Visit) -> &'static str {
    match visit.kind {
        VisitKind::Opened => reader.say("들어옴", "signed in"),
        VisitKind::Closed => reader.say("나감", "signed out"),
        VisitKind::ClosedAll => reader.say("모든 곳에서 나감", "signed out everywhere"),
        VisitKind::OpenedByPasskey => reader.say("패스키로 들어옴", "signed in by a passkey"),
        VisitKind::PasskeyAdded => reader.say("패스키 더함", "passkey added"),
        VisitKind::PasskeyRemoved => reader.say("패스키 없앰", "passkey removed"),
    }
}

fn browser<'b>(reader: &Reader, name: &'b str) -> &'b str {
    if name.is_empty() { reader.say("다른 브라우저", "another browser") } else { name }
}

fn told(reader: &Reader, done: &str) -> Option<&'static str> {
    Some(match done {
        "kept" => reader.say("바꿔 두었어요.", "Kept."),
        "not-a-handle" => reader.say(
            "아이디는 글자, 숫자, 밑줄로 3자에서 20자예요.",
            "A handle has 3 to 20 letters, digits or underscores.",
        ),
        "taken" => reader.say("다른 사람이 쓰는 아이디예요.", "Somebody has this handle."),
        "last-way" => {
            reader.say("하나 남은 길은 끊을 수 없어요.", "The last way to you cannot be unlinked.")
        }
        "too-many" => reader.say(
            "코드를 너무 자주 받았어요. 한 시간 뒤에 다시 해 주세요.",
            "Too many codes. Please try again in an hour.",
        ),
        _ => return None,
    })
}
