//! A group in its parts, and the list of groups.
//!
//! Invariant: every deed is a form of its own, so that the page needs no script; names stand in
//! `bdi`, so that a mark of direction in one turns nothing around it.

use super::Group;
use crate::edge::Shared;
use crate::web::picture;
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, csrf_field};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::people::groups::Role;
use ieum_core::people::moderation::REASON_CHARS_MAX;
use ieum_core::render::words::network_name;
use ieum_core::route::roster::Seat;
use maud::{Markup, html};

fn told(reader: &Reader, done: Option<&str>) -> Markup {
    let words = match done {
        Some("kept") => reader.say("그렇게 했어요.", "Done."),
        Some("left") => reader.say("모임에서 나왔어요.", "You left the group."),
        Some("invited") => reader.say(
            "초대했어요. 받아들이면 여기에 나타나요.",
            "Invited. Once they accept, they are here.",
        ),
        Some("reported") => reader.say(
            "신고했어요. 모임을 이끄는 사람들이 볼게요.",
            "Reported. Those who lead the group will look at it.",
        ),
        Some("title") => reader.say("이름은 1자에서 100자예요.", "A name has 1 to 100 characters."),
        Some("refused") => reader.say(
            "지금은 할 수 없어요. 할 수 있는 사람이 따로 있거나, 가득 찼거나, 너무 자주 했어요.",
            "Not now: it is for others to do, it is full, or it was done too often.",
        ),
        _ => return html! {},
    };
    html! { p class="told" role="status" { (words) } }
}

/// The groups of the reader.
pub(super) fn list(
    reader: &Reader,
    who: &SignedIn,
    invitations: &[(ConversationId, Box<str>, usize)],
    groups: &[(ConversationId, Box<str>, usize)],
    done: Option<&str>,
) -> Markup {
    html! {
        h1 { (reader.say("모임", "Groups")) }
        (told(reader, done))
        @if !invitations.is_empty() { section {
            h2 { (reader.say("초대받았어요", "You are invited")) }
            ul class="rows" { @for (id, title, _) in invitations { li { div class="row" {
                span class="row-text" { strong { bdi { (title) } } }
                form class="deeds" method="post" action={ "/groups/" (id) "/invitation" } {
                    (csrf_field(who))
                    button name="comes" value="yes" { (reader.say("들어가기", "Come in")) }
                    button class="plain" name="comes" value="no" {
                        (reader.say("넘기기", "Decline"))
                    }
                }
            } } } }
        } }
        section {
            h2 { (reader.say("새 모임", "New group")) }
            form class="line" method="post" action="/groups" {
                (csrf_field(who))
                label class="unseen-label" for="title" { (reader.say("이름", "Name")) }
                input id="title" name="title" required maxlength="100" autocomplete="off"
                    placeholder=(reader.say("모임 이름", "Name of the group"));
                button { (reader.say("만들기", "Make it")) }
            }
        }
        section {
            h2 { (reader.say("내 모임", "Your groups")) }
            @if groups.is_empty() { p class="empty-line" { (reader.say(
                "아직 모임이 없어요. 이름을 정해 하나 만들어 보세요.",
                "No group yet. Choose a name and make one.",
            )) } } @else {
                ul class="rows" { @for (id, title, people) in groups { li {
                    a class="row" href={ "/groups/" (id) } {
                        span class="row-text" {
                            strong { bdi { (title) } }
                            span class="quiet" { (people_words(reader, *people)) }
                        }
                        span class="chevron" aria-hidden="true" { "›" }
                    }
                } } }
            }
        }
    }
}

/// How many people.
pub(super) fn people_words(reader: &Reader, people: usize) -> String {
    let some = if people == 1 { "1 person".to_owned() } else { format!("{people} people") };
    reader.say(format!("{people}명"), some)
}

/// The page with a code for a room.
pub(super) fn code(reader: &Reader, id: ConversationId, title: &str, code: &str) -> Markup {
    html! {
        p class="back" { a href={ "/groups/" (id) } { "‹ " bdi { (title) } } }
        h1 { (reader.say("방 잇기", "Join a room")) }
        section {
            ol class="steps" {
                li { (reader.say(
                    "카카오톡, LINE, 텔레그램의 단체방에 이음을 초대하세요.",
                    "Invite Ieum to the group chat on KakaoTalk, LINE or Telegram.",
                )) }
                li { (reader.say(
                    "그 방에서 직접 이렇게 말하세요.",
                    "Say this in that room, yourself.",
                )) }
            }
            p class="shown-code" { (reader.say("연결", "join")) " " strong { (code) } }
            p class="quiet" { (reader.say(
                "10분 동안 한 번만 쓸 수 있고, 다른 사람이 말하면 아무 일도 일어나지 않아요.",
                "It works once, for ten minutes, and does nothing when somebody else says it.",
            )) }
        }
    }
}

/// What a role is called.
fn role_word(reader: &Reader, role: Role) -> &'static str {
    match role {
        Role::Owner => reader.say("방장", "owner"),
        Role::Moderator => reader.say("부방장", "moderator"),
        Role::Member => reader.say("구성원", "member"),
    }
}

impl Group {
    /// The whole page.
    pub(super) fn body(
        &self,
        edge: &Shared,
        reader: &Reader,
        who: &SignedIn,
        done: Option<&str>,
    ) -> Markup {
        html! {
            p class="back" { a href={ "/inbox/" (self.id) } {
                "‹ " (reader.say("대화로", "To the conversation"))
            } }
            h1 { bdi { (self.title) } }
            (told(reader, done))
            (self.missing(reader))
            @if self.leads() { (self.queue(edge, reader, who)) }
            (self.people(reader, who))
            (self.inviting(reader, who))
            (self.joined(reader, who))
            (self.terms(reader, who))
            @if self.leads() { (self.banned(edge, reader, who)) (self.naming(reader, who)) }
            (self.leaving(reader, who))
        }
    }

    /// A form for one deed: what is in it, and its button.
    pub(super) fn deed(&self, who: &SignedIn, deed: &str, inside: &Markup) -> Markup {
        html! {
            form class="deeds" method="post" action={ "/groups/" (self.id) } {
                (csrf_field(who))
                input type="hidden" name="deed" value=(deed);
                (inside)
            }
        }
    }

    fn missing(&self, reader: &Reader) -> Markup {
        let away = self.seats.iter().filter(|seat| seat.reached.is_none()).count();
        html! { @if away > 0 { p class="told" { (reader.say(
            format!("{away}명에게는 지금 닿지 않아요."),
            format!("{} cannot be reached now.", people_words(reader, away)),
        )) } } }
    }

    fn people(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let more = self.seats.len().saturating_sub(super::ROWS_MAX);
        html! { section {
            h2 { (reader.say("사람", "People")) " · " (self.seats.len()) }
            ul class="rows" { @for seat in self.seats.iter().take(super::ROWS_MAX) { li {
                (self.seat(reader, who, seat))
            } } }
            @if more > 0 { p class="quiet" { (reader.say(
                format!("그리고 {more}명 더"),
                format!("and {more} more"),
            )) } }
        } }
    }

    fn seat(&self, reader: &Reader, who: &SignedIn, seat: &Seat) -> Markup {
        let place = seat.reached.map(|network| {
            let name = network_name(network, reader.language);
            match seat.in_room {
                true => reader.say(format!("{name} 방에서"), format!("in the {name} room")),
                false => name.to_owned(),
            }
        });
        html! { div class="row" {
            span class="row-text" {
                strong {
                    bdi { (seat.name) }
                    @if seat.person == self.me { " (" (reader.say("나", "you")) ")" }
                }
                span class="quiet" {
                    (role_word(reader, seat.role)) " · "
                    @if let Some(place) = place { (place) } @else {
                        span class="wrong" {
                            (reader.say("지금 닿지 않아요", "cannot be reached now"))
                        }
                    }
                }
            }
            @if seat.person != self.me { (self.about(reader, who, seat)) }
        } }
    }

    /// What can be done about a member.
    fn about(&self, reader: &Reader, who: &SignedIn, seat: &Seat) -> Markup {
        let person = html! { input type="hidden" name="person" value=(seat.person); };
        let one = |deed: &str, words: &str| {
            let inside = html! { (person) button class="plain" { (words) } };
            self.deed(who, deed, &inside)
        };
        let above = self.leads() && self.role() > seat.role;
        html! { details {
            summary { (reader.say("더 보기", "More")) }
            @if self.role() == Role::Owner {
                @if seat.role == Role::Member {
                    (one("moderator", reader.say("부방장으로", "Make moderator")))
                } @else { (one("member", reader.say("부방장 해제", "No moderator any more"))) }
                (one("owner", reader.say("방장 넘기기", "Hand the group over")))
            }
            @if above { (one("remove", reader.say("내보내기", "Remove"))) }
            @if above { (self.with_reason(reader, who, seat.person, true)) }
            (self.with_reason(reader, who, seat.person, false))
        } }
    }

    fn with_reason(&self, reader: &Reader, who: &SignedIn, person: PersonId, ban: bool) -> Markup {
        let (deed, words) = match ban {
            true => ("ban", reader.say("차단", "Ban")),
            false => ("report", reader.say("신고", "Report")),
        };
        let field = format!("{deed}-{person}");
        let inside = html! {
            input type="hidden" name="person" value=(person);
            label class="unseen-label" for=(field) { (reader.say("까닭", "Reason")) }
            input id=(field) name="text" required maxlength=(REASON_CHARS_MAX) autocomplete="off"
                placeholder=(reader.say("까닭", "Reason"));
            button class="plain" { (words) }
        };
        self.deed(who, deed, &inside)
    }

    fn inviting(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let typed = html! {
            label class="unseen-label" for="invited" { (reader.say("아이디", "Handle")) }
            input id="invited" name="text" required maxlength="24" autocomplete="off"
                autocapitalize="none" spellcheck="false"
                placeholder=(reader.say("@아이디", "@handle"));
            button { (reader.say("초대", "Invite")) }
        };
        html! { section {
            h2 { (reader.say("초대하기", "Invite")) }
            (self.deed(who, "invite", &typed))
            @if !self.contacts.is_empty() { ul class="rows" {
                @for (person, name) in &self.contacts { li { div class="row" {
                    span class="row-text" { strong { bdi { (name) } } }
                    (self.deed(who, "contact", &html! {
                        input type="hidden" name="person" value=(person);
                        button class="plain" { (reader.say("초대", "Invite")) }
                    }))
                } } }
            } }
        } }
    }

    fn joined(&self, reader: &Reader, who: &SignedIn) -> Markup {
        html! { section {
            h2 { (reader.say("이어진 방", "Joined rooms")) }
            @if self.rooms.is_empty() { p class="empty-line" { (reader.say(
                "아직 이어진 단체방이 없어요.",
                "No network's room is joined yet.",
            )) } } @else { ul class="rows" {
                @for (room, network, title) in &self.rooms { li { div class="row" {
                    span class="row-text" {
                        strong { (network_name(*network, reader.language)) }
                        span class="quiet" { bdi { (title) } }
                    }
                    @if self.leads() { (self.deed(who, "part", &html! {
                        input type="hidden" name="number" value=(room);
                        button class="plain" { (reader.say("떼기", "Part")) }
                    })) }
                } } }
            } }
            form method="post" action={ "/groups/" (self.id) "/code" } {
                (csrf_field(who))
                button { (reader.say("방 잇기", "Join a room")) }
            }
        } }
    }

    fn leaving(&self, reader: &Reader, who: &SignedIn) -> Markup {
        html! { details class="section" {
            summary { (reader.say("모임에서 나가기", "Leave the group")) }
            (self.deed(who, "leave", &html! {
                button class="plain" { (reader.say("나가기", "Leave")) }
            }))
        } }
    }

    /// The public page's address and picture.
    pub(super) fn link(&self, reader: &Reader) -> Markup {
        html! { @if let Some(link) = &self.link {
            p class="link" { a href=(link) { (link) } }
            @let name = reader.say("링크의 QR 코드", "QR code of the link");
            @if let Some(picture) = picture::of(link, name) { (picture) }
        } }
    }
}
