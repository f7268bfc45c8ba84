//! Beginning: which messenger somebody has, a word to our account there, the code that comes back.
//!
//! Nobody is asked who they are: the account that writes to ours is. Invariant: what opens a
//! session is told in that account's own chat and nowhere else, so that no page can be made ready
//! for somebody else to come in by.

use super::frame::{Tab, page as framed};
use super::picture;
use super::reader::{Reader, same_site};
use super::sessions::{SignedIn, csrf_field, not_ours};
use super::sign_in::{self, Typed, party, ways};
use crate::edge::Shared;
use crate::peer::Peer;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use ieum_core::health::CellState;
use ieum_core::network::Network;
use ieum_core::people::code::{CodePurpose, Party};
use ieum_core::render::words::network_name;
use maud::{Markup, html};

/// One messenger by which somebody may begin.
struct Door {
    network: Network,
    state: CellState,
    /// Opens a chat with our account on a phone.
    link: Option<String>,
}

impl Door {
    /// One for each network of this hub, those that work first.
    fn all(edge: &Shared) -> Vec<Self> {
        let accounts = edge.hub.account_states();
        let link = |network| {
            let own = accounts.iter().filter(|account| account.network == network);
            let named = own.flat_map(|account| {
                edge.doors.iter().filter(|door| *door.account == *account.name)
            });
            named.map(|door| saying(network, &door.link)).next()
        };
        let door = |(network, state)| Self { network, state, link: link(network) };
        ways(edge).into_iter().map(door).collect()
    }

    fn row(&self, reader: &Reader) -> Markup {
        let name = network_name(self.network, reader.language);
        html! {
            div class="row" {
                span class="row-text" {
                    strong { (name) }
                    @if self.state == CellState::Down { span class="quiet" {
                        (reader.say("지금 안 돼요", "not working now"))
                    } }
                }
                @if let Some(link) = &self.link {
                    a class="button" href=(link) rel="noreferrer" {
                        (reader.say(format!("{name} 열기"), format!("Open {name}")))
                    }
                } @else { span class="quiet" {
                    (reader.say("이음을 찾아 주세요", "look for Ieum there"))
                } }
            }
            @if let Some(link) = &self.link { details {
                summary { (reader.say("다른 기기의 QR 코드로", "By QR code from another device")) }
                @let told = reader.say(format!("{name} QR 코드"), format!("QR code of {name}"));
                @if let Some(picture) = picture::of(link, &told) { (picture) }
            } }
        }
    }
}

/// Telegram says the word itself when somebody begins by the link
/// (core.telegram.org/bots/features#deep-linking).
fn saying(network: Network, link: &str) -> String {
    if network == Network::Telegram && !link.contains('?') {
        return format!("{link}?start=in");
    }
    link.to_owned()
}

/// Where somebody begins.
pub(super) async fn page(State(edge): State<Shared>, reader: Reader) -> Response {
    begin(&edge, &reader, false)
}

fn begin(edge: &Shared, reader: &Reader, is_wrong: bool) -> Response {
    let title = reader.say("이음 시작하기", "Begin with Ieum");
    let doors = Door::all(edge);
    let body = html! {
        h1 { (title) }
        p class="quiet" { (reader.say(
            "가입 양식도 비밀번호도 없어요. 쓰던 메신저 하나면 돼요.",
            "No form and no password: a messenger that you use already is enough.",
        )) }
        ol class="begin" {
            li {
                h2 { (reader.say("1. 메신저를 고르세요", "1. Choose your messenger")) }
                @if doors.is_empty() { p class="empty-line" { (reader.say(
                    "아직 이 허브에 이어진 메신저가 없어요.",
                    "This hub has no messenger yet.",
                )) } } @else {
                    ul class="rows" { @for door in &doors { li { (door.row(reader)) } } }
                }
            }
            li {
                h2 { (reader.say("2. 이음에게 이렇게 보내세요", "2. Send this to Ieum there")) }
                p class="shown-code" { strong { (reader.say("들어가기", "sign in")) } }
            }
            li { (code_form(reader, is_wrong)) }
        }
        p class="quiet" { a href="/sign-in" { (reader.say(
            "이미 쓰고 있어요: 번호나 아이디로 들어가기",
            "I am here already: sign in by number or handle",
        )) } }
    };
    framed(reader, Tab::Inbox, title, &body).into_response()
}

fn code_form(reader: &Reader, is_wrong: bool) -> Markup {
    let wrong = is_wrong.then_some("wrong");
    html! {
        h2 { (reader.say("3. 받은 코드를 넣으세요", "3. Type the code that comes")) }
        form class="sheet" method="post" action="/join" {
            label class="unseen-label" for="code" { (reader.say("코드", "Code")) }
            input id="code" class="code" name="code" required maxlength="20"
                autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                placeholder="ABCD-2345" aria-invalid=[is_wrong.then_some("true")]
                aria-describedby=[wrong];
            @if is_wrong { p id="wrong" class="wrong" role="alert" { (reader.say(
                "맞지 않거나 시간이 지난 코드예요. 메신저에서 다시 보내면 새 코드가 와요.",
                "This code is wrong or over. Send the words again for a new one.",
            )) } }
            button { (reader.say("들어가기", "Sign in")) }
        }
    }
}

/// Takes the code that came in somebody's own chat.
pub(super) async fn enter(
    State(edge): State<Shared>,
    reader: Reader,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response {
    if same_site(&headers).is_err() {
        return not_ours(&reader);
    }
    let by = party(peer, &headers);
    let code = edge.hub.redeem_code(&typed.code, CodePurpose::Enter, None, by).await;
    let Some(Party::Person(person)) = code.ok().map(|code| code.owner) else {
        return begin(&edge, &reader, true);
    };
    sign_in::enter(&edge, &reader, person, &headers, "/welcome").await
}

/// What is worth doing first, for whoever just came.
pub(super) async fn welcome(State(edge): State<Shared>, reader: Reader, who: SignedIn) -> Response {
    let (name, handle, ways) = edge.hub.with_directory(|directory| {
        let person = directory.person(who.person);
        let card = directory.cards().of(who.person);
        let handle = card.and_then(|card| card.handle.clone()).map(String::from);
        let name = person.map(|person| person.name.to_string());
        (name.unwrap_or_default(), handle, person.map_or(0, |person| person.routes.len()))
    });
    let title = reader.say("어서 오세요", "Welcome");
    let body = html! {
        // KakaoTalk tells nobody's name.
        h1 { (title) @if !name.is_empty() { ", " (name) } }
        p class="quiet" { (reader.say(
            "세 가지만 해 두면 장애가 나도 말이 이어져요.",
            "Three things keep your words going through an outage.",
        )) }
        ol class="begin" {
            li { (second_way(&reader, &who, ways)) }
            li { (own_handle(&reader, &who, handle.as_deref())) }
            li { (friend(&reader, &who)) }
        }
        p class="back" { a href="/inbox" { (reader.say("대화로 가기", "To the inbox")) " ›" } }
    };
    framed(&reader, Tab::Me, title, &body).into_response()
}

fn second_way(reader: &Reader, who: &SignedIn, ways: usize) -> Markup {
    html! {
        h2 { (reader.say("메신저를 하나 더 이으세요", "Link a second messenger")) }
        @if ways > 1 { p class="told" { (reader.say(
            format!("✓ 메신저 {ways}개가 이어져 있어요."),
            format!("✓ {ways} messengers are linked."),
        )) } } @else { p { (reader.say(
            "하나가 안 되면 다른 하나로 받아요.",
            "When one fails, you are reached by the other.",
        )) } }
        form class="deeds" method="post" action="/me/link" {
            (csrf_field(who))
            button { (reader.say("이을 코드 받기", "Get a code to link")) }
        }
    }
}

fn own_handle(reader: &Reader, who: &SignedIn, handle: Option<&str>) -> Markup {
    html! {
        h2 { (reader.say("나를 찾을 아이디를 정하세요", "Choose how you are found")) }
        @if let Some(handle) = handle { p class="told" { "✓ @" (handle) } } @else {
            form class="line" method="post" action="/me/handle" {
                (csrf_field(who))
                input type="hidden" name="then" value="welcome";
                label class="unseen-label" for="own" { (reader.say("아이디", "Handle")) }
                input id="own" name="handle" required maxlength="24" autocomplete="off"
                    autocapitalize="none" spellcheck="false"
                    placeholder=(reader.say("아이디", "handle"));
                button { (reader.say("저장", "Keep")) }
            }
        }
    }
}

fn friend(reader: &Reader, who: &SignedIn) -> Markup {
    html! {
        h2 { (reader.say("친구를 찾으세요", "Find a friend")) }
        form class="line" method="post" action="/people" {
            (csrf_field(who))
            label class="unseen-label" for="friend" {
                (reader.say("친구의 아이디", "Your friend's handle"))
            }
            input id="friend" name="handle" required maxlength="24" autocomplete="off"
                autocapitalize="none" spellcheck="false"
                placeholder=(reader.say("@친구", "@friend"));
            button { (reader.say("청하기", "Ask")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_says_the_word_by_itself_and_no_link_is_broken() {
        let table = [
            (Network::Telegram, "https://t.me/IeumBot", "https://t.me/IeumBot?start=in"),
            (Network::Telegram, "https://t.me/IeumBot?start=x", "https://t.me/IeumBot?start=x"),
            (Network::Line, "https://line.me/R/ti/p/%40a", "https://line.me/R/ti/p/%40a"),
            (Network::KakaoTalk, "https://pf.kakao.com/_a/chat", "https://pf.kakao.com/_a/chat"),
        ];
        for (network, link, shown) in table {
            assert_eq!(saying(network, link), shown);
        }
    }
}
