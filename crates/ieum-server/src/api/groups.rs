//! `/v1`: groups, invitations, open conversations and their moderation.
//!
//! Without a `by` it is the operator who acts.

use super::{Answer, created, json, no_content};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PathOf};
use crate::words::Word;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::network::Network;
use ieum_core::people::groups::{Actor, Role};
use ieum_core::people::moderation::{JoinKey, Report, Ruling};
use ieum_core::route::roster::Seat;
use ieum_engine::GroupAct;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const FAILS: &[Kind] = &[Kind::NotFound, Kind::Invalid, Kind::Conflict];

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::post("/v1/people/{id}/groups", "A person makes a group and leads it", found)
            .takes::<TitleBody>()
            .gives::<FoundView>(201)
            .fails(FAILS),
        Endpoint::get("/v1/people/{id}/invitations", "Where a person is asked to come in", asked)
            .gives::<InvitationList>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::put(
            "/v1/people/{id}/invitations/{conversation}",
            "A person comes in where they were asked, or does not",
            answer,
        )
        .takes::<AnswerBody>()
        .gives_nothing(204)
        .fails(FAILS),
        Endpoint::get(
            "/v1/conversations/{id}/roster",
            "Who is in a conversation, and where each is reached now",
            roster,
        )
        .gives::<RosterView>(200)
        .fails(&[Kind::NotFound]),
    ];
    endpoints.extend(acts());
    endpoints.extend(reports());
    endpoints
}

fn acts() -> Vec<Endpoint> {
    let act = |endpoint: Endpoint| endpoint.gives_nothing(204).fails(FAILS);
    vec![
        act(Endpoint::put("/v1/conversations/{id}/title", "Gives another title", rename)
            .takes::<NewTitleBody>()),
        Endpoint::post(
            "/v1/conversations/{id}/invitations",
            "Asks by handle; the answer never tells whether there is such a person",
            invite,
        )
        .takes::<InviteBody>()
        .gives_nothing(202)
        .fails(FAILS),
        act(Endpoint::put("/v1/conversations/{id}/roles/{person}", "Gives a role", appoint)
            .takes::<RoleBody>()),
        Endpoint::put(
            "/v1/conversations/{id}/door",
            "Opens a conversation to whoever has the key, or closes it",
            door,
        )
        .takes::<DoorBody>()
        .gives::<DoorView>(200)
        .fails(FAILS),
        act(Endpoint::put("/v1/people/{id}/doors/{key}", "A person comes in by a door", enter)),
        act(Endpoint::put("/v1/conversations/{id}/slow", "Lets members speak so often", slow)
            .takes::<SlowBody>()),
        act(Endpoint::put("/v1/conversations/{id}/bans/{person}", "Bans somebody", ban)
            .takes::<BanBody>()),
        act(Endpoint::delete("/v1/conversations/{id}/bans/{person}", "Lifts a ban", unban)),
    ]
}

fn reports() -> Vec<Endpoint> {
    let act = |endpoint: Endpoint| endpoint.gives_nothing(204).fails(FAILS);
    vec![
        Endpoint::get("/v1/conversations/{id}/reports", "What was reported", list_reports)
            .gives::<ReportList>(200)
            .fails(&[Kind::NotFound]),
        act(Endpoint::post("/v1/conversations/{id}/reports", "Reports a member", report)
            .takes::<ReportBody>()),
        act(Endpoint::put("/v1/conversations/{id}/reports/{report}", "Decides a report", decide)
            .takes::<RulingBody>()),
        act(Endpoint::post(
            "/v1/conversations/{id}/reports/{report}/appeal",
            "Brings a decision before the operator",
            appeal,
        )
        .takes::<AppealBody>()),
        act(Endpoint::put(
            "/v1/conversations/{id}/reports/{report}/appeal",
            "The operator's word on an appeal",
            hear,
        )
        .takes::<HearBody>()),
        Endpoint::get("/v1/appeals", "Appeals that wait for the operator", appeals)
            .gives::<ReportList>(200),
    ]
}

/// A title.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewGroup")]
#[serde(deny_unknown_fields)]
struct TitleBody {
    /// 1 to 100 characters.
    title: String,
}

/// Another title.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewTitle")]
#[serde(deny_unknown_fields)]
struct NewTitleBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    /// 1 to 100 characters.
    title: String,
}

/// The group that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Founded")]
struct FoundView {
    conversation: u64,
}

/// Where a person is asked to come in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Invitations")]
struct InvitationList {
    /// The latest last.
    invitations: Vec<InvitationView>,
}

/// One invitation: the title alone, no text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
struct InvitationView {
    conversation: u64,
    title: Box<str>,
}

/// Whether somebody comes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InvitationAnswer")]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    comes: bool,
}

/// Who is there.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Roster")]
struct RosterView {
    /// In the order in which they came.
    seats: Vec<SeatView>,
    /// How many of them cannot be reached now.
    unreachable: usize,
}

/// One member.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Seat")]
struct SeatView {
    person: u64,
    name: Box<str>,
    role: Word<Role>,
    /// Where they are reached now; null if they cannot be.
    reached: Option<Word<Network>>,
    /// Whether that is in a room.
    in_room: bool,
}

/// Whom to ask.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewInvitation")]
#[serde(deny_unknown_fields)]
struct InviteBody {
    /// The member who asks.
    by: u64,
    handle: String,
}

/// A role to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewRole")]
#[serde(deny_unknown_fields)]
struct RoleBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    role: Word<Role>,
}

/// Whether a conversation is open.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewDoor")]
#[serde(deny_unknown_fields)]
struct DoorBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    /// True draws a new key, whether or not there was one.
    open: bool,
}

/// The key of an open conversation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JoinKey")]
struct DoorView {
    /// Said to the hub on any network behind `join`; null while it is closed.
    key: Option<String>,
}

/// How long members wait.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewSlow")]
#[serde(deny_unknown_fields)]
struct SlowBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    /// Between two messages, in milliseconds; 0 for no wait.
    slow_ms: u64,
}

/// Why somebody is banned.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewBan")]
#[serde(deny_unknown_fields)]
struct BanBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    /// For them to read; at most 500 characters are kept.
    reason: String,
}

/// What is reported.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewReport")]
#[serde(deny_unknown_fields)]
struct ReportBody {
    by: u64,
    about: u64,
    /// The place of a message.
    #[serde(default)]
    message: Option<u64>,
    reason: String,
}

/// A decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewRuling")]
#[serde(deny_unknown_fields)]
struct RulingBody {
    /// Who acts.
    #[serde(default)]
    by: Option<u64>,
    ruling: Word<Ruling>,
}

/// What the reported one says.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewAppeal")]
#[serde(deny_unknown_fields)]
struct AppealBody {
    person: u64,
    text: String,
}

/// The operator's word.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AppealAnswer")]
#[serde(deny_unknown_fields)]
struct HearBody {
    /// Whether the decision stands.
    stands: bool,
}

/// Reports, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Reports")]
struct ReportList {
    reports: Vec<ReportView>,
}

/// One report.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
struct ReportView {
    conversation: u64,
    id: u64,
    by: u64,
    about: u64,
    /// The place of the message that it is about.
    message: Option<u64>,
    reason: Box<str>,
    /// When, in Unix milliseconds.
    at_ms: i64,
    ruling: Word<Ruling>,
    appeal: Option<Box<str>>,
    /// Whether the operator looked at the appeal.
    heard: bool,
}

impl ReportView {
    fn of(conversation: ConversationId, report: &Report) -> Self {
        Self {
            conversation: conversation.0,
            id: report.id,
            by: report.by.0,
            about: report.about.0,
            message: report.message.map(|seq| seq.0),
            reason: report.reason.clone(),
            at_ms: report.at.0,
            ruling: Word(report.ruling),
            appeal: report.appeal.clone(),
            heard: report.heard,
        }
    }
}

fn actor(by: Option<u64>) -> Actor {
    by.map_or(Actor::Operator, |id| Actor::Person(PersonId(id)))
}

async fn acted(edge: &Shared, act: GroupAct) -> Answer {
    edge.hub.group_act(act).await?;
    no_content()
}

async fn found(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<TitleBody>,
) -> Answer {
    let made = edge.hub.group_act(GroupAct::Found(PersonId(id), body.title)).await?;
    created(format!("/v1/conversations/{made}"), &FoundView { conversation: made.0 })
}

async fn asked(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let (id, now) = (PersonId(id), edge.hub.now());
    let found = edge.hub.with_directory(|directory| {
        directory.person(id)?;
        let waiting = directory.charters().inviting(id, now).into_iter();
        let view = |id: ConversationId| {
            let title = directory.conversation(id)?.title.clone();
            Some(InvitationView { conversation: id.0, title })
        };
        Some(waiting.filter_map(view).collect())
    });
    let invitations = found.ok_or_else(|| Problem::not_found("person"))?;
    json(&InvitationList { invitations })
}

async fn answer(
    State(edge): State<Shared>,
    PathOf((id, conversation)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<AnswerBody>,
) -> Answer {
    let conversation = ConversationId(conversation);
    acted(&edge, GroupAct::Answer(conversation, PersonId(id), body.comes)).await
}

async fn roster(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let seats = edge.hub.roster(ConversationId(id));
    let seats = seats.ok_or_else(|| Problem::not_found("conversation"))?;
    let unreachable = seats.iter().filter(|seat| seat.reached.is_none()).count();
    let view = |seat: Seat| SeatView {
        person: seat.person.0,
        name: seat.name,
        role: Word(seat.role),
        reached: seat.reached.map(Word),
        in_room: seat.in_room,
    };
    json(&RosterView { seats: seats.into_iter().map(view).collect(), unreachable })
}

async fn rename(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<NewTitleBody>,
) -> Answer {
    acted(&edge, GroupAct::Rename(ConversationId(id), actor(body.by), body.title)).await
}

async fn invite(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<InviteBody>,
) -> Answer {
    let act = GroupAct::Invite(ConversationId(id), PersonId(body.by), body.handle);
    edge.hub.group_act(act).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn appoint(
    State(edge): State<Shared>,
    PathOf((id, person)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<RoleBody>,
) -> Answer {
    let (id, person) = (ConversationId(id), PersonId(person));
    acted(&edge, GroupAct::Appoint(id, actor(body.by), person, body.role.0)).await
}

async fn door(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<DoorBody>,
) -> Answer {
    let id = ConversationId(id);
    edge.hub.group_act(GroupAct::Open(id, actor(body.by), body.open)).await?;
    let door = edge.hub.with_directory(|all| all.charters().of(id).and_then(|one| one.key));
    json(&DoorView { key: door.map(|door| door.to_string()) })
}

async fn enter(State(edge): State<Shared>, PathOf((id, key)): PathOf<(u64, String)>) -> Answer {
    let door = JoinKey::read(&key).ok_or_else(|| Problem::not_found("conversation"))?;
    acted(&edge, GroupAct::Enter(door, PersonId(id))).await
}

async fn slow(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<SlowBody>,
) -> Answer {
    acted(&edge, GroupAct::Slow(ConversationId(id), actor(body.by), body.slow_ms)).await
}

async fn ban(
    State(edge): State<Shared>,
    PathOf((id, person)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<BanBody>,
) -> Answer {
    let (id, person) = (ConversationId(id), PersonId(person));
    acted(&edge, GroupAct::Ban(id, actor(body.by), person, body.reason)).await
}

async fn unban(State(edge): State<Shared>, PathOf((id, person)): PathOf<(u64, u64)>) -> Answer {
    let (id, person) = (ConversationId(id), PersonId(person));
    acted(&edge, GroupAct::Unban(id, Actor::Operator, person)).await
}

async fn list_reports(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let id = ConversationId(id);
    let reports = edge.hub.with_directory(|directory| {
        directory.conversation(id)?;
        let charter = directory.charters().of(id);
        let all = charter.map_or(&[][..], |charter| &charter.reports);
        Some(all.iter().map(|one| ReportView::of(id, one)).collect())
    });
    json(&ReportList { reports: reports.ok_or_else(|| Problem::not_found("conversation"))? })
}

async fn report(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<ReportBody>,
) -> Answer {
    let (by, about) = (PersonId(body.by), PersonId(body.about));
    let message = body.message.map(MessageSeq);
    acted(&edge, GroupAct::Report(ConversationId(id), by, about, message, body.reason)).await
}

async fn decide(
    State(edge): State<Shared>,
    PathOf((id, report)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<RulingBody>,
) -> Answer {
    let id = ConversationId(id);
    acted(&edge, GroupAct::Decide(id, actor(body.by), report, body.ruling.0)).await
}

async fn appeal(
    State(edge): State<Shared>,
    PathOf((id, report)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<AppealBody>,
) -> Answer {
    let (id, person) = (ConversationId(id), PersonId(body.person));
    acted(&edge, GroupAct::Appeal(id, person, report, body.text)).await
}

async fn hear(
    State(edge): State<Shared>,
    PathOf((id, report)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<HearBody>,
) -> Answer {
    acted(&edge, GroupAct::Hear(ConversationId(id), report, body.stands)).await
}

async fn appeals(State(edge): State<Shared>) -> Answer {
    let reports = edge.hub.with_directory(|directory| {
        let all = directory.charters().all();
        let waiting = all.flat_map(|charter| {
            let id = charter.conversation;
            let open = charter.reports.iter().filter(|one| one.appeal.is_some() && !one.heard);
            open.map(move |one| ReportView::of(id, one))
        });
        waiting.collect()
    });
    json(&ReportList { reports })
}
