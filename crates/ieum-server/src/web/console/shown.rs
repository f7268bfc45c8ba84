//! The console in its parts.
//!
//! Invariant: every deed is a form of its own, so that the page needs no script.

use super::{Console, Operator};
use crate::api::status::open_by_name;
use crate::edge::Shared;
use crate::web::clock::Wall;
use crate::web::incident::part;
use crate::web::reader::Reader;
use crate::web::status::{class, list as incidents, sign, state_word};
use crate::web::thread::state_words;
use ieum_core::delivery::{Delivery, State};
use ieum_core::health::Cell;
use ieum_core::health::book::CellView;
use ieum_core::render::words::network_name;
use ieum_engine::AccountState;
use maud::{Markup, html};
use serde::Serialize;

/// The form for a token.
pub(super) fn way_in(reader: &Reader, is_wrong: bool) -> Markup {
    let wrong = is_wrong.then_some("wrong");
    html! {
        form class="sheet" method="post" action="/console" {
            h1 { (reader.say("운영자로 들어가기", "Enter as operator")) }
            label for="token" { (reader.say("설정에 적은 토큰", "A token from the configuration")) }
            input id="token" name="token" type="password" required maxlength="512"
                autocomplete="current-password" aria-invalid=[is_wrong.then_some("true")]
                aria-describedby=[wrong];
            @if is_wrong { p id="wrong" class="wrong" role="alert" { (reader.say(
                "맞지 않는 토큰이에요.",
                "This is none of the tokens.",
            )) } }
            button { (reader.say("들어가기", "Enter")) }
        }
    }
}

impl Console {
    /// The whole page.
    pub(super) fn body(
        &self,
        reader: &Reader,
        operator: &Operator,
        edge: &Shared,
        wall: Wall,
    ) -> Markup {
        let open: Vec<_> = self.incidents.iter().collect();
        html! {
            h1 { (reader.say("운영", "Console")) }
            (self.figures(reader, edge))
            section {
                h2 { (reader.say("메신저의 부분들", "Parts of the networks")) }
                @for view in &self.cells { (cell(reader, operator, (edge, wall), view)) }
            }
            section {
                h2 { (reader.say("계정", "Accounts")) }
                ul class="rows" { @for one in &self.accounts { li {
                    (account(reader, wall, one))
                } } }
            }
            @for (state, found) in &self.waiting {
                (waiting(reader, edge, wall, *state, found))
            }
            (super::ended::list(reader, wall, &self.dead))
            section {
                h2 { (reader.say("장애", "Incidents")) }
                @if open.is_empty() { p class="empty-line" {
                    (reader.say("장애가 없었어요.", "There has been none."))
                } } @else { (incidents(reader, wall, &open)) }
            }
            section {
                form method="post" action="/console/leave" {
                    (csrf(operator))
                    p class="quiet" { (reader.say("토큰: ", "Token: ")) (operator.name) }
                    button class="plain" { (reader.say("나가기", "Leave")) }
                }
            }
        }
    }

    fn figures(&self, reader: &Reader, edge: &Shared) -> Markup {
        let (open, nowhere) = open_by_name(edge, &self.counts);
        let ended = [
            (reader.say("길이 없음", "without a way"), nowhere),
            (reader.say("보내지 못함", "could not be sent"), self.counts.dead),
            (reader.say("시간이 지남", "too late"), self.counts.expired),
        ];
        html! { section {
            h2 { (reader.say("기다리는 것", "What waits")) }
            ul class="figures" {
                @for (name, count) in open { li { strong { (count) } span { (name) } } }
                @for (name, count) in ended { li { strong { (count) } span { (name) } } }
            }
        } }
    }
}

fn csrf(operator: &Operator) -> Markup {
    html! { input type="hidden" name="csrf" value=(operator.csrf); }
}

/// A word of the core's as it writes it.
fn word<T: Serialize>(value: T) -> String {
    let told = serde_json::to_value(value).ok();
    told.and_then(|told| told.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Whose word holds a part of a network, since when.
fn holder(reader: &Reader, edge: &Shared, wall: Wall, cell: Cell) -> Markup {
    let hold = edge.hub.with_directory(|directory| directory.hold_of(cell).cloned());
    html! { @if let Some(hold) = hold { p class="quiet" {
        (reader.say("붙들어 둔 사람: ", "Held by "))
        bdi { (hold.by) } " · " (wall.moment(hold.at, reader))
    } } }
}

fn cell(
    reader: &Reader,
    operator: &Operator,
    (edge, wall): (&Shared, Wall),
    view: &CellView,
) -> Markup {
    let deeds = [
        ("down", reader.say("안 되는 것으로", "Hold down")),
        ("up", reader.say("되는 것으로", "Hold up")),
        ("release", reader.say("놓아주기", "Release")),
    ];
    html! { div class="card cell" {
        div class="card-head" {
            h3 { (network_name(view.cell.network, reader.language)) " · "
                (part(reader, view.cell)) }
            span class={ "state " (class(view.state)) } {
                (sign(view.state)) (state_word(reader, view.state))
                @if view.held { " · " (reader.say("붙들어 둠", "held")) }
            }
        }
        @if !view.evidence.is_empty() {
            p class="quiet" { (wall.moment(view.since, reader)) }
            p class="evidence" { (view.evidence) }
        }
        (holder(reader, edge, wall, view.cell))
        form class="deeds" method="post" action="/console/cell" {
            (csrf(operator))
            input type="hidden" name="network" value=(word(view.cell.network));
            input type="hidden" name="function" value=(word(view.cell.function));
            input type="hidden" name="surface" value=(word(view.cell.surface));
            @for (deed, words) in deeds {
                button class="plain" name="deed" value=(deed) { (words) }
            }
        }
    } }
}

fn account(reader: &Reader, wall: Wall, account: &AccountState) -> Markup {
    let way = match account.listening {
        Some(true) => reader.say("듣는 중", "listening"),
        Some(false) => reader.say("듣지 못함", "not listening"),
        None => reader.say("웹훅", "webhooks"),
    };
    html! { div class="row" {
        span class="row-text" {
            strong { (account.name) }
            span class="quiet" { (network_name(account.network, reader.language)) " · " (way) }
            @if let Some(bad) = &account.last_bad { span class="wrong small" { (bad) } }
        }
        @if let Some(good) = account.last_good {
            span class="quiet" { (wall.moment(good, reader)) }
        }
    } }
}

fn waiting(reader: &Reader, edge: &Shared, wall: Wall, state: State, found: &[Delivery]) -> Markup {
    let named = |delivery: &Delivery| {
        let network = edge.hub.with_directory(|directory| {
            delivery.route.and_then(|route| directory.network_of(route.account))
        });
        network.map_or(reader.say("길 없음", "no way"), |one| network_name(one, reader.language))
    };
    html! { @if !found.is_empty() { section {
        h2 { (state_words(state, reader.language)) }
        ul class="rows" { @for delivery in found { li { div class="row" {
            span class="row-text" {
                strong { "#" (delivery.seq) " · " (named(delivery)) }
                span class="quiet" {
                    (reader.say("대화 ", "conversation ")) (delivery.conversation) " · "
                    (reader.say("시도 ", "attempts ")) (delivery.attempts)
                }
            }
            span class="quiet" { (wall.moment(delivery.due_at, reader)) }
        } } } }
    } } }
}
