//! The page of an incident, for somebody who was not there: what failed, for whom, since when, how
//! we knew, what moved where, when it went back and why.
//!
//! Invariant: everybody may read it, so people are counted and never named.

use super::clock::{Wall, span};
use super::frame::{Tab, page as framed};
use super::reader::Reader;
use super::status::{class, sign, state_word, title, wall};
use super::wrong::Wrong;
use crate::api::incidents::Traces;
use crate::edge::Shared;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ieum_core::health::evidence::{Grounds, Rule};
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::IncidentId;
use ieum_core::incident::{Incident, Touched, Turn};
use ieum_core::network::Network;
use ieum_core::ports::store::TouchCounts;
use ieum_core::render::words::network_name;
use maud::{Markup, html};

/// Touched deliveries that one reading of the page looks at.
const TOUCHED_READ_MAX: usize = 2_000;

/// The page.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    id: Result<Path<u64>, axum::extract::rejection::PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return Wrong::nothing(&reader).into_response() };
    match read(&edge, IncidentId(id)).await {
        Ok(Some(told)) => {
            let heading = title(&reader, &told.incident);
            let body = told.body(&reader, wall(&edge));
            framed(&reader, Tab::Status, &heading, &body).into_response()
        }
        Ok(None) => Wrong::nothing(&reader).into_response(),
        Err(problem) => Wrong::new(&reader, problem).into_response(),
    }
}

async fn read(edge: &Shared, id: IncidentId) -> Result<Option<Told>, Problem> {
    let Some((incident, counts)) = edge.hub.store().incident(id).await? else {
        return Ok(None);
    };
    let traces = Traces::read(edge, id, TOUCHED_READ_MAX).await?;
    Ok(Some(Told { incident, counts, traces }))
}

struct Told {
    incident: Incident,
    counts: TouchCounts,
    traces: Traces,
}

impl Told {
    fn body(&self, reader: &Reader, wall: Wall) -> Markup {
        html! {
            article data-refresh="15" {
                p class="back" { a href="/status" { "‹ " (reader.say("메신저 상태", "Status")) } }
                header class={ "headline " (class(self.now())) } {
                    (sign(self.now()))
                    div { h1 { (title(reader, &self.incident)) } p { (self.lead(reader)) } }
                }
                (self.facts(reader, wall))
                (self.how_we_knew(reader))
                (self.what_moved(reader))
                (self.how_it_went_back(reader, wall))
                (self.timeline(reader, wall))
            }
        }
    }

    /// How it is now: up once it is over.
    fn now(&self) -> CellState {
        let going_on = self.incident.is_open();
        if going_on { self.incident.worst } else { CellState::Up }
    }

    fn lead(&self, reader: &Reader) -> &'static str {
        match self.incident.is_open() {
            true => reader.say("아직 끝나지 않았어요.", "It is not over yet."),
            false => reader.say("끝났어요. 지금은 잘 돼요.", "It is over; it works now."),
        }
    }

    fn facts(&self, reader: &Reader, wall: Wall) -> Markup {
        let incident = &self.incident;
        let end = incident.closed_at.unwrap_or(wall.now);
        let cells = incident.cells.iter().map(|record| part(reader, record.cell));
        let noticed = span(incident.opened_at.ms_since(incident.onset), reader.language);
        html! {
            dl class="facts" {
                div {
                    dt { (reader.say("무엇이", "What")) }
                    dd { (cells.collect::<Vec<_>>().join(", ")) }
                }
                div {
                    dt { (reader.say("언제부터", "Since")) }
                    dd { (wall.moment(incident.onset, reader)) }
                }
                div {
                    dt { (reader.say("알아챈 때", "Noticed")) }
                    dd {
                        (wall.moment(incident.opened_at, reader)) " "
                        span class="quiet" {
                            (reader.say(format!("({noticed} 뒤)"), format!("({noticed} later)")))
                        }
                    }
                }
                div {
                    dt { (reader.say("얼마나", "Lasted")) }
                    dd { (span(end.ms_since(incident.onset), reader.language)) }
                }
            }
        }
    }

    fn how_we_knew(&self, reader: &Reader) -> Markup {
        let first = self.incident.turns.first().and_then(|turn| turn.change.grounds.as_deref());
        html! {
            section {
                h2 { (reader.say("어떻게 알았나요", "How we knew")) }
                @match first {
                    Some(grounds) => {
                        p { (why(reader, grounds.rule)) }
                        (witnesses(reader, grounds))
                    }
                    None => p { (reader.say("증거가 남아 있지 않아요.", "No evidence was kept.")) }
                }
            }
        }
    }

    fn what_moved(&self, reader: &Reader) -> Markup {
        let count = |how| self.counts.get(&how).copied().unwrap_or_default();
        let rows = [
            (Touched::Moved, reader.say("다른 길로 간 메시지", "took another way")),
            (Touched::Held, reader.say("기다린 메시지", "waited")),
            (Touched::InDoubt, reader.say("닿았는지 알 수 없던 메시지", "perhaps arrived")),
            (Touched::Told, reader.say("보낸 안내", "notices told of it")),
        ];
        let people = self.traces.held_people();
        html! {
            section {
                h2 { (reader.say("메시지는 어떻게 됐나요", "What became of messages")) }
                ul class="figures" { @for (how, words) in rows {
                    li { strong { (count(how)) } span { (words) } }
                } }
                @if !self.traces.ways().is_empty() {
                    p { (reader.say("간 길: ", "They went by: ")) (self.ways(reader)) }
                }
                @if people > 0 { p { (reader.say(
                    format!("다른 길이 없어 기다려야 했던 사람이 {people}명 있었어요."),
                    format!("People who had no other way and had to wait: {people}."),
                )) } }
            }
        }
    }

    fn ways(&self, reader: &Reader) -> String {
        let ways = self.traces.ways().iter().map(|(word, count)| {
            let network = Network::ALL.iter().find(|network| network.word() == *word);
            let name = network.map_or(*word, |network| network_name(*network, reader.language));
            format!("{name} {count}")
        });
        ways.collect::<Vec<_>>().join(" · ")
    }

    fn how_it_went_back(&self, reader: &Reader, wall: Wall) -> Markup {
        let last = self.incident.turns.iter().rev().find(|turn| turn.change.to == CellState::Up);
        let back = last.filter(|_| !self.incident.is_open());
        let grounds = back.and_then(|turn| turn.change.grounds.as_deref());
        html! {
            @if let Some(turn) = back {
                section {
                    h2 { (reader.say("언제, 왜 돌아갔나요", "When and why it went back")) }
                    p {
                        (wall.moment(turn.at, reader)) ". "
                        @if let Some(grounds) = grounds { (why(reader, grounds.rule)) }
                    }
                }
            }
        }
    }

    fn timeline(&self, reader: &Reader, wall: Wall) -> Markup {
        let left_out = self.incident.turns_left_out;
        html! {
            section {
                h2 { (reader.say("시간순으로", "Step by step")) }
                ol class="timeline" {
                    @for turn in &self.incident.turns { li { (step(reader, wall, turn)) } }
                }
                @if left_out > 0 { p class="quiet" { (reader.say(
                    format!("그 밖의 변화 {left_out}번은 하나씩 남기지 않았어요."),
                    format!("{left_out} further changes were not kept one by one."),
                )) } }
            }
        }
    }
}

fn step(reader: &Reader, wall: Wall, turn: &Turn) -> Markup {
    let change = &turn.change;
    html! {
        (wall.moment(turn.at, reader))
        p {
            span class={ "state " (class(change.to)) } {
                (sign(change.to)) (state_word(reader, change.to))
            }
            " " (part(reader, change.cell))
        }
        @if let Some(grounds) = change.grounds.as_deref() {
            p class="quiet" { (why(reader, grounds.rule)) }
        }
        details {
            summary { (reader.say("증거 한 줄", "The evidence in one line")) }
            p lang="en" class="evidence" { (change.evidence) }
        }
    }
}

fn witnesses(reader: &Reader, grounds: &Grounds) -> Markup {
    let (sources, others) = (grounds.sources, grounds.witnesses);
    html! {
        @if sources > 0 { p { (reader.say(
            format!("서로 다른 {sources}곳에서 같은 일이 보였어요."),
            format!("It was seen from {sources} different places."),
        )) } }
        @if others > 0 { p { (reader.say(
            format!("그동안 다른 메신저는 {others}번 잘 대답해서, 우리 쪽 문제가 아니었어요."),
            format!("Others answered well {others} times meanwhile, so it was not our own line."),
        )) } }
    }
}

/// A rule in plain words.
fn why(reader: &Reader, rule: Rule) -> &'static str {
    match rule {
        Rule::Canaries => reader.say(
            "우리가 시험 삼아 보낸 메시지가 닿지 않았어요.",
            "Test messages that we sent to ourselves did not arrive.",
        ),
        Rule::Sends => {
            reader.say("메시지 보내기가 잇달아 실패했어요.", "Sending failed again and again.")
        }
        Rule::Together => reader.say(
            "여러 가지 신호가 함께 나빠졌어요.",
            "Several kinds of signs turned bad together.",
        ),
        Rule::Pulses => {
            reader.say("살아 있다는 신호가 오지 않았어요.", "Its signs of life stopped.")
        }
        Rule::Slow => {
            reader.say("일부 메시지가 계속 실패했어요.", "A share of the messages kept failing.")
        }
        Rule::Receipts => reader.say(
            "받았다고는 하는데, 닿았다는 확인이 오지 않았어요.",
            "It took messages, but nothing confirmed that they arrived.",
        ),
        Rule::Silence => reader.say(
            "이 시간에 늘 오던 말이 오지 않았어요.",
            "People wrote less than they do at this hour.",
        ),
        Rule::Reports => reader.say(
            "여러 사람이 안 된다고 알려 줬어요.",
            "Several people reported it, independently.",
        ),
        Rule::Relapse => reader
            .say("돌아가는 동안 다시 실패했어요.", "It failed again while traffic was returning."),
        Rule::Clean => reader.say(
            "한동안 실패가 없고 충분히 잘 됐어요.",
            "Nothing failed for long enough, and enough went well.",
        ),
        Rule::Ramp => reader
            .say("조금씩 돌아가는 단계를 모두 지났어요.", "All steps of the return were passed."),
        Rule::Calm => reader.say("한동안 조용했어요.", "It was calm for long enough."),
        Rule::Operator => reader.say("운영자가 정했어요.", "The operator decided it."),
    }
}

/// A part of a network in plain words.
pub(super) fn part(reader: &Reader, cell: Cell) -> String {
    let function = match cell.function {
        Function::Send => reader.say("보내기", "sending"),
        Function::Receive => reader.say("받기", "receiving"),
        Function::Login => reader.say("로그인", "signing in"),
        Function::Media => reader.say("사진과 파일", "pictures and files"),
    };
    let surface = match cell.surface {
        Surface::Mobile => reader.say("휴대폰에서", "on phones"),
        Surface::Pc => reader.say("PC에서", "on computers"),
        Surface::Api => reader.say("이음에서", "from the hub"),
    };
    reader.say(format!("{surface} {function}"), format!("{function} {surface}"))
}
