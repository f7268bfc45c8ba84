//! The public page of how the networks are: what works now, what went wrong, 90 days of each.
//!
//! Made of the same as `/status.json`. Invariant: nothing about people or messages.

use super::clock::{DAY_MS, Wall, span};
use super::frame::{Tab, page as framed};
use super::reader::Reader;
use super::sessions::SignedIn;
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::public::{Seen, rank};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use ieum_core::health::CellState;
use ieum_core::incident::Incident;
use ieum_core::network::Network;
use ieum_core::render::words::network_name;
use ieum_core::time::Timestamp;
use maud::{Markup, html};

/// Days of the bar.
const DAYS: u64 = 90;
/// Past incidents on the page; the others are in the feed.
const PAST_MAX: usize = 30;
/// Units of a day in the bar's drawing.
const DAY_WIDTH: u64 = 4;

/// The page.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    headers: HeaderMap,
) -> Response {
    let seen = match Seen::read(&edge).await {
        Ok(seen) => seen,
        Err(failure) => return Wrong::new(&reader, failure).into_response(),
    };
    let wall = wall(&edge);
    let title = reader.say("메신저 상태", "How the messengers are");
    let (open, past): (Vec<_>, Vec<_>) = seen.incidents.iter().partition(|one| one.is_open());
    let is_new = SignedIn::of(&headers, &edge).is_none();
    let body = html! {
        @if is_new { (invitation(&reader)) }
        div data-refresh="15" {
            (headline(&reader, &seen))
            (networks(&reader, &seen))
            @if !open.is_empty() {
                section {
                    h2 { (reader.say("지금 일어나는 일", "Happening now")) }
                    (list(&reader, wall, &open))
                }
            }
            section {
                h2 { (reader.say("지난 90일의 장애", "Outages of the last 90 days")) }
                @if past.is_empty() {
                    p class="empty-line" {
                        (reader.say("지난 장애가 없어요.", "There has been none."))
                    }
                } @else {
                    (list(&reader, wall, past.get(..PAST_MAX).unwrap_or(&past)))
                }
            }
        }
    };
    framed(&reader, Tab::Status, title, &body).into_response()
}

/// The way in, for whoever is not signed in.
fn invitation(reader: &Reader) -> Markup {
    html! { div class="card invitation" {
        p { (reader.say(
            "쓰던 메신저 그대로, 하나가 안 되면 다른 길로 이어 드려요.",
            "Keep your messenger. When one fails, your words take another way.",
        )) }
        a class="button" href="/join" { (reader.say("이음 시작하기", "Begin with Ieum")) }
    } }
}

/// The clock of the pages.
pub(super) fn wall(edge: &Shared) -> Wall {
    Wall { now: edge.hub.now(), utc_offset_minutes: edge.hub.utc_offset_minutes() }
}

fn headline(reader: &Reader, seen: &Seen) -> Markup {
    let states = seen.networks.iter().map(|network| (seen.state(*network), *network));
    let worst = states.clone().map(|(state, _)| state).max_by_key(|state| rank(*state));
    let worst = worst.unwrap_or_default();
    let names: Vec<_> = states
        .filter(|(state, _)| *state == worst)
        .map(|(_, network)| network_name(network, reader.language))
        .collect();
    let names = names.join(", ");
    let (title, text) = match worst {
        CellState::Up => (
            reader.say("모두 잘 되고 있어요", "Everything works").to_owned(),
            reader.say("메시지가 평소 길로 가고 있어요.", "Messages go their usual ways."),
        ),
        CellState::Degraded => (
            reader.say(format!("{names}: 일부가 안 돼요"), format!("{names}: not for everybody")),
            reader.say(
                "전해지지 않는 메시지는 하나씩 다른 길로 보내요.",
                "Messages that get stuck take another way, one by one.",
            ),
        ),
        CellState::Down => (
            reader.say(format!("{names}: 지금 안 돼요"), format!("{names}: not working now")),
            reader.say(
                "메시지는 사라지지 않아요. 되는 길로 보내고, 길이 없으면 기다려요.",
                "No message is lost: it takes a way that works, or waits for one.",
            ),
        ),
        CellState::Recovering => (
            reader.say(format!("{names}: 돌아오고 있어요"), format!("{names}: coming back")),
            reader.say(
                "되는지 확인하면서 조금씩 돌아가요.",
                "Traffic returns step by step while we check.",
            ),
        ),
    };
    html! {
        section class={ "headline " (class(worst)) } {
            (sign(worst))
            div { h1 { (title) } p { (text) } }
        }
    }
}

fn networks(reader: &Reader, seen: &Seen) -> Markup {
    html! {
        section {
            h2 { (reader.say("메신저마다", "Each messenger")) }
            @if seen.networks.is_empty() {
                p class="empty-line" {
                    (reader.say(
                        "아직 이어진 메신저가 없어요.",
                        "No messenger is joined yet.",
                    ))
                }
            } @else {
                ul class="cards" { @for network in &seen.networks {
                    li class="card" { (network_card(reader, seen, *network)) }
                } }
            }
        }
    }
}

fn network_card(reader: &Reader, seen: &Seen, network: Network) -> Markup {
    let state = seen.state(network);
    let name = network_name(network, reader.language);
    let percent = seen.uptime_percent(network);
    let told = reader.say(
        format!("{name}, 지난 90일 가동률 {percent:.2}%"),
        format!("{name}, uptime of the last 90 days {percent:.2} %"),
    );
    html! {
        div class="card-head" {
            h3 { (name) }
            p class={ "state " (class(state)) } { (sign(state)) (state_word(reader, state)) }
        }
        (bar(&days(seen, network), &told))
        p class="card-foot" {
            span { (reader.say("90일 전", "90 days ago")) }
            strong { (format!("{percent:.2}%")) }
            span { (reader.say("오늘", "today")) }
        }
    }
}

/// What each of the last days was, the oldest first; `None` where nobody watched.
fn days(seen: &Seen, network: Network) -> Vec<Option<CellState>> {
    let of_network: Vec<_> = seen.incidents.iter().filter(|one| one.network == network).collect();
    let day = |ago: u64| {
        let end = seen.now.0.saturating_sub_unsigned(ago * DAY_MS);
        let (start, end) = (Timestamp(end.saturating_sub_unsigned(DAY_MS)), Timestamp(end));
        let touches = |one: &&&Incident| {
            one.onset <= end && one.closed_at.is_none_or(|closed| closed > start)
        };
        let worst = of_network.iter().filter(touches).map(|one| one.worst);
        let worst = worst.max_by_key(|state| rank(*state)).unwrap_or_default();
        (end >= seen.watched_since || worst != CellState::Up).then_some(worst)
    };
    (0..DAYS).rev().map(day).collect()
}

/// One drawing with a path for each state, so that no element has a style of its own.
fn bar(days: &[Option<CellState>], told: &str) -> Markup {
    let kinds = [None, Some(CellState::Up), Some(CellState::Degraded), Some(CellState::Down)];
    html! {
        svg class="days" viewBox=(format!("0 0 {} 28", DAYS * DAY_WIDTH)) role="img"
            aria-label=(told) preserveAspectRatio="none" {
            @for kind in kinds {
                path class=(kind.map_or("unseen", class)) d=(path(days, kind)) {}
            }
        }
    }
}

fn path(days: &[Option<CellState>], kind: Option<CellState>) -> String {
    let places = days.iter().zip(0_u64..).filter(|(state, _)| **state == kind);
    places.map(|(_, place)| format!("M{} 0h3v28h-3z", place * DAY_WIDTH)).collect()
}

/// Incidents, one a row.
pub(super) fn list(reader: &Reader, wall: Wall, incidents: &[&Incident]) -> Markup {
    html! {
        ul class="rows" { @for incident in incidents {
            li { (row(reader, wall, incident)) }
        } }
    }
}

fn row(reader: &Reader, wall: Wall, incident: &Incident) -> Markup {
    let end = incident.closed_at.unwrap_or(wall.now);
    let lasted = span(end.ms_since(incident.onset), reader.language);
    html! {
        a class="row" href={ "/incidents/" (incident.id) } {
            span class={ "dot " (class(incident.worst)) } aria-hidden="true" {}
            span class="row-text" {
                strong { (title(reader, incident)) }
                span class="quiet" {
                    (wall.moment(incident.onset, reader)) " · "
                    @if incident.is_open() {
                        (reader.say(format!("{lasted}째"), format!("for {lasted}")))
                    } @else { (lasted) }
                }
            }
            span class="chevron" aria-hidden="true" { "›" }
        }
    }
}

/// What an incident is called.
pub(super) fn title(reader: &Reader, incident: &Incident) -> String {
    let name = network_name(incident.network, reader.language);
    match (incident.worst, incident.is_open()) {
        (CellState::Down, true) => {
            reader.say(format!("{name}: 안 돼요"), format!("{name} does not work"))
        }
        (CellState::Down, false) => {
            reader.say(format!("{name}: 안 됐어요"), format!("{name} did not work"))
        }
        (CellState::Up | CellState::Degraded | CellState::Recovering, true) => {
            reader.say(format!("{name}: 일부가 안 돼요"), format!("{name} works for some only"))
        }
        (CellState::Up | CellState::Degraded | CellState::Recovering, false) => {
            reader.say(format!("{name}: 일부가 안 됐어요"), format!("{name} worked for some only"))
        }
    }
}

/// A state in one word.
pub(super) fn state_word(reader: &Reader, state: CellState) -> &'static str {
    match state {
        CellState::Up => reader.say("잘 돼요", "Works"),
        CellState::Degraded => reader.say("일부 안 돼요", "Partly"),
        CellState::Down => reader.say("안 돼요", "Down"),
        CellState::Recovering => reader.say("돌아오는 중", "Returning"),
    }
}

/// The class by which the style tells states apart.
pub(super) fn class(state: CellState) -> &'static str {
    match state {
        CellState::Up => "up",
        CellState::Degraded => "degraded",
        CellState::Down => "down",
        CellState::Recovering => "recovering",
    }
}

/// A shape for each state: colour alone does not tell everybody.
pub(super) fn sign(state: CellState) -> Markup {
    let shape = match state {
        CellState::Up => "M5 12.5l4.5 4.5L19 7.5",
        CellState::Degraded => "M12 6v8M12 17.5v.5",
        CellState::Down => "M7 7l10 10M17 7L7 17",
        CellState::Recovering => "M6 14a6 6 0 1 0 2-6M8 4v4h4",
    };
    html! { svg class="sign" viewBox="0 0 24 24" aria-hidden="true" { path d=(shape) {} } }
}
