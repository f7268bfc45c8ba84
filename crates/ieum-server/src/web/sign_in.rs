//! Signing in by a one-time code, sent over any linked network that works now, and signing out.
//!
//! Invariant: whatever somebody types as who they are, the answer, the page and the least time
//! that it takes are the same; nobody learns here who uses this hub.

use super::frame::{Tab, page as framed};
use super::passkeys;
use super::reader::{Reader, cookie, same_site};
use super::sessions::{SignedIn, browser, cookie_line, is_secure, mark, new_secret, not_ours};
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::peer::Peer;
use crate::problem::Problem;
use crate::public::rank;
use crate::setup::millis;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, header};
use ieum_core::directory::{Directory, Person};
use ieum_core::health::{CellState, Function};
use ieum_core::ids::{AddressId, PersonId, UserKey};
use ieum_core::network::Network;
use ieum_core::people::code::{CodeId, CodePurpose, Party};
use ieum_core::render::words::network_name;
use maud::{Markup, html};
use serde::Deserialize;

const TICKET: &str = "ieum_ticket";
/// How long the browser keeps the ticket: as long as a code is good.
const TICKET_KEPT_S: u64 = 600;
/// Shortest time that asking for a code takes, whoever is asked for.
const ASKING_MS_MIN: u64 = 600;
/// Longest text that may say who somebody is.
const WHO_BYTES_MAX: usize = 256;

/// Who wants in, and by which way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    who: String,
    way: String,
}

/// The code that came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    pub(super) code: String,
}

/// The end of a session, or of all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaving {
    csrf: String,
    #[serde(default)]
    everywhere: Option<String>,
}

/// Who are you?
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    headers: HeaderMap,
) -> Response {
    let title = reader.say("들어오기", "Sign in");
    let has_passkeys = passkeys::Party::of(&edge, &headers).is_some();
    framed(&reader, Tab::Inbox, title, &who(&reader, &ways(&edge), has_passkeys)).into_response()
}

fn who(reader: &Reader, ways: &[(Network, CellState)], has_passkeys: bool) -> Markup {
    html! {
        form class="sheet" method="post" action="/sign-in" {
            h1 { (reader.say("들어오기", "Sign in")) }
            p { (reader.say(
                "비밀번호는 없어요. 이어 둔 메신저로 한 번 쓰는 코드를 보내 드려요.",
                "There is no password: a code for one use comes to a messenger you linked.",
            )) }
            label for="who" { (reader.say("이음 번호, @아이디, 메일 주소 중 하나",
                "Your Ieum number, @handle or mail address",
            )) }
            input id="who" name="who" required maxlength="256" autocomplete="username"
                autocapitalize="none" spellcheck="false";
            fieldset class="ways" {
                legend { (reader.say("어디로 보낼까요?", "Where should it go?")) }
                label {
                    input type="radio" name="way" value="any" checked;
                    span { (reader.say("지금 되는 곳으로", "Wherever it works now")) }
                }
                @for (network, state) in ways { label {
                    input type="radio" name="way" value=(network.word());
                    span { (network_name(*network, reader.language)) }
                    @if *state == CellState::Down {
                        span class="quiet" { (reader.say("지금 안 돼요", "not working now")) }
                    }
                } }
            }
            button { (reader.say("코드 받기", "Send the code")) }
            @if has_passkeys { (passkeys::enter_button(reader)) }
            a href="/join" { (reader.say("처음이세요? 여기서 시작하세요", "New here? Begin here")) }
        }
    }
}

/// Sends a code, if there is anybody to send it to.
pub(super) async fn ask(
    State(edge): State<Shared>,
    reader: Reader,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(asking): Form<Asking>,
) -> Response {
    if same_site(&headers).is_err() || asking.who.len() > WHO_BYTES_MAX {
        return not_ours(&reader);
    }
    let rest = tokio::time::timeout(millis(ASKING_MS_MIN), std::future::pending::<()>());
    let (ticket, _) = futures_util::join!(ticket(&edge, &asking, party(peer, &headers)), rest);
    let secure = if is_secure(&headers) { "; Secure" } else { "" };
    let line = format!(
        "{TICKET}={:016x}; Path=/sign-in; HttpOnly; SameSite=Strict; \
         Max-Age={TICKET_KEPT_S}{secure}",
        ticket.0
    );
    let line = HeaderValue::from_str(&line).ok();
    with_cookie(Redirect::to("/sign-in/code").into_response(), line)
}

/// The number of the code that was sent, or one that looks like it.
async fn ticket(edge: &Shared, asking: &Asking, by: Party) -> CodeId {
    let nobodys = CodeId(edge.hub.entropy().next_u64());
    let Some((person, address)) = destination(edge, asking) else {
        return nobodys;
    };
    match edge.hub.send_code(person, address, by).await {
        Ok(sent) => sent.ticket,
        Err(failure) => {
            tracing::info!(%person, %failure, "no code was sent for signing in");
            nobodys
        }
    }
}

/// Whose address a code goes to: by the person's own order, those that work first.
fn destination(edge: &Shared, asking: &Asking) -> Option<(PersonId, AddressId)> {
    let ways = ways(edge);
    let state = |network| ways.iter().find(|(way, _)| *way == network).map(|(_, state)| *state);
    edge.hub.with_directory(|directory| {
        let person = named(directory, asking.who.trim())?;
        let addresses = person.routes.iter().filter_map(|id| directory.address(*id));
        let open = addresses.filter(|address| address.direct.is_some() && !address.blocked);
        let with_state = open.filter_map(|address| {
            let network = directory.network_of(address.account)?;
            let wanted = asking.way == "any" || asking.way == network.word();
            wanted.then(|| (rank(state(network).unwrap_or_default()), address.id))
        });
        // The first of equals is kept: the person's own order.
        let best = with_state.min_by_key(|(rank, _)| *rank)?;
        Some((person.id, best.1))
    })
}

/// The person whom somebody means by a number of the hub's or an address of a network's.
fn named<'d>(directory: &'d Directory, who: &str) -> Option<&'d Person> {
    if let Ok(number) = who.parse() {
        return directory.person(PersonId(number));
    }
    if let Some(found) = directory.cards().person_called(who) {
        return directory.person(found);
    }
    let user = UserKey::new(who.to_lowercase());
    let found = directory
        .accounts()
        .filter(|account| account.network == Network::Mail)
        .find_map(|account| directory.address_of_user(account.id, &user));
    found.and_then(|address| directory.person(address.person?))
}

/// The networks of this hub, those that work first.
pub(super) fn ways(edge: &Shared) -> Vec<(Network, CellState)> {
    let cells = edge.hub.health();
    let mut networks: Vec<_> =
        edge.hub.account_states().iter().map(|account| account.network).collect();
    networks.sort_unstable();
    networks.dedup();
    let state = |network| {
        let of_network = cells
            .iter()
            .filter(|view| (view.cell.network, view.cell.function) == (network, Function::Send));
        of_network.map(|view| view.state).max_by_key(|state| rank(*state)).unwrap_or_default()
    };
    let mut ways: Vec<_> = networks.into_iter().map(|network| (network, state(network))).collect();
    ways.sort_by_key(|(_, state)| rank(*state));
    ways
}

/// From where somebody asks, in one number that tells nobody who it is.
pub(super) fn party(peer: Option<Extension<Peer>>, headers: &HeaderMap) -> Party {
    Party::Peer(peer.map_or(0, |Extension(peer)| peer.number(headers)))
}

/// Which code came?
pub(super) async fn code_page(reader: Reader) -> Response {
    code(&reader, false)
}

/// The form for the code; with a word where the last one was wrong.
fn code(reader: &Reader, is_wrong: bool) -> Response {
    let title = reader.say("코드 넣기", "Enter the code");
    let wrong = is_wrong.then_some("wrong");
    let body = html! {
        form class="sheet" method="post" action="/sign-in/code" {
            h1 { (title) }
            p { (reader.say(
                "이어 둔 메신저가 있으면 코드가 가고 있어요. 10분 동안 쓸 수 있어요.",
                "If a messenger is linked, a code is on its way. It is good for 10 minutes.",
            )) }
            label for="code" { (reader.say("코드", "Code")) }
            input id="code" class="code" name="code" required maxlength="20" autofocus
                autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                placeholder="ABCD-2345" aria-invalid=[is_wrong.then_some("true")]
                aria-describedby=[wrong];
            @if is_wrong { p id="wrong" class="wrong" role="alert" { (reader.say(
                "맞지 않거나 시간이 지난 코드예요. 여러 번 틀렸다면 새 코드를 받아 주세요.",
                "This code is wrong or over. After several tries, ask for a new one.",
            )) } }
            button { (reader.say("들어가기", "Sign in")) }
            a href="/sign-in" { (reader.say("다른 곳으로 다시 받기", "Send it elsewhere")) }
        }
    };
    framed(reader, Tab::Inbox, title, &body).into_response()
}

/// An answer with one more cookie.
fn with_cookie(mut response: Response, line: Option<HeaderValue>) -> Response {
    if let Some(line) = line {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// Takes a code and opens a session.
pub(super) async fn redeem(
    State(edge): State<Shared>,
    reader: Reader,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response {
    if same_site(&headers).is_err() {
        return not_ours(&reader);
    }
    let ticket = cookie(&headers, TICKET).and_then(|text| u64::from_str_radix(text, 16).ok());
    let Some(ticket) = ticket else { return Redirect::to("/sign-in").into_response() };
    let by = party(peer, &headers);
    let redeemed =
        edge.hub.redeem_code(&typed.code, CodePurpose::SignIn, Some(CodeId(ticket)), by).await;
    let Some(Party::Person(person)) = redeemed.ok().map(|code| code.owner) else {
        return code(&reader, true);
    };
    enter(&edge, &reader, person, &headers, "/inbox").await
}

/// Opens a session with a new secret for somebody who proved who they are.
pub(super) async fn enter(
    edge: &Shared,
    reader: &Reader,
    person: PersonId,
    headers: &HeaderMap,
    then: &str,
) -> Response {
    let secret = new_secret(&**edge.hub.entropy());
    // Its cookie is overwritten: nobody could end it from here any more, and its device would go on
    // to hear of messages of whoever was in before.
    if let Some(before) = SignedIn::of(headers, edge)
        && let Err(failure) = edge.hub.close_session(before.mark).await
    {
        tracing::error!(%failure, "the session before was not ended");
    }
    let opened = edge.hub.open_session(person, mark(&secret), &browser(headers)).await;
    if opened.is_err() {
        let problem = Problem::unavailable("the hub did not keep a session");
        return Wrong::new(reader, problem).into_response();
    }
    tracing::info!(%person, "signed in on a page");
    let line = cookie_line(Some(&secret), is_secure(headers));
    with_cookie(Redirect::to(then).into_response(), line)
}

/// Ends this session, or all of the person's.
pub(super) async fn leave(
    State(edge): State<Shared>,
    reader: Reader,
    signed_in: SignedIn,
    headers: HeaderMap,
    Form(leaving): Form<Leaving>,
) -> Response {
    if same_site(&headers).is_err() || !signed_in.sent(&leaving.csrf) {
        return not_ours(&reader);
    }
    let person = signed_in.person;
    let left = match leaving.everywhere {
        Some(_) => edge.hub.close_sessions(person, &browser(&headers)).await,
        None => edge.hub.close_session(signed_in.mark).await,
    };
    if left.is_err() {
        let problem = Problem::unavailable("the hub did not keep the end of a session");
        return Wrong::new(&reader, problem).into_response();
    }
    tracing::info!(%person, "signed out");
    let line = cookie_line(None, is_secure(&headers));
    with_cookie(Redirect::to("/").into_response(), line)
}
