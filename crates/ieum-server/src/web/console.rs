//! The operator's console: how parts and accounts stand and why, what waits, and the operator's
//! word on a part of a network.
//!
//! Whoever has a token of `/v1` gets in; what they do is told to the log by the token's name.
//! Invariant: no name, address or word of anybody's is on these pages.

mod ended;
mod operators;
mod shown;

pub(super) use operators::Operators;

use super::form::{NotOurs, Sent};
use super::frame::{Tab, page as framed};
use super::reader::{Reader, same_site};
use super::sessions::{is_secure, new_secret, not_ours};
use super::status::wall;
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::setup::millis;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, header};
use ieum_core::delivery::{Delivery, State as Stands};
use ieum_core::health::book::CellView;
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::{DeliverySeq, IncidentId};
use ieum_core::incident::Incident;
use ieum_core::network::Network;
use ieum_core::ports::store::{Counts, OpenFilter, StoreFailure};
use ieum_engine::AccountState;
use operators::{Operator, cookie_line};
use serde::Deserialize;

/// Shortest time that trying a token takes.
const TRYING_MS_MIN: u64 = 600;
/// Incidents on the page.
const INCIDENTS_MAX: usize = 10;
/// Deliveries of each kind on the page: the oldest.
const WAITING_MAX: usize = 20;

/// Everything on the page.
struct Console {
    cells: Vec<CellView>,
    accounts: Vec<AccountState>,
    counts: Counts,
    incidents: Vec<Incident>,
    /// What is in doubt, and what waits for its network.
    waiting: [(Stands, Vec<Delivery>); 2],
    /// What ended dead lately.
    dead: Vec<ended::Ended>,
}

impl Console {
    async fn read(edge: &Shared) -> Result<Self, StoreFailure> {
        let store = edge.hub.store();
        let mut cells = edge.hub.health();
        // A part that nothing was heard of yet can be held as well.
        for account in edge.hub.account_states() {
            let (function, surface) = (Function::Send, Surface::Api);
            let cell = Cell { network: account.network, function, surface };
            if !cells.iter().any(|view| view.cell == cell) {
                let evidence = "".into();
                let (state, since) = (CellState::default(), edge.hub.now());
                cells.push(CellView { cell, state, since, evidence, grounds: None, held: false });
            }
        }
        cells.sort_by_key(|view| view.cell);
        let waiting = async |state| {
            let filter = OpenFilter { state: Some(state), ..OpenFilter::default() };
            let mut found = store.page_open(filter, DeliverySeq(0)).await?;
            found.truncate(WAITING_MAX);
            Ok::<_, StoreFailure>((state, found))
        };
        Ok(Self {
            cells,
            accounts: edge.hub.account_states(),
            counts: store.counts().await?,
            incidents: store.page_incidents(IncidentId(u64::MAX), INCIDENTS_MAX).await?,
            waiting: [waiting(Stands::Unsure).await?, waiting(Stands::Held).await?],
            dead: ended::read(edge).await?,
        })
    }
}

/// The page, or the way in.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    operator: Option<Operator>,
) -> Response {
    let title = reader.say("운영", "Console");
    let Some(operator) = operator else {
        let body = shown::way_in(&reader, false);
        return framed(&reader, Tab::Elsewhere, title, &body).into_response();
    };
    match Console::read(&edge).await {
        Ok(console) => {
            let body = console.body(&reader, &operator, &edge, wall(&edge));
            framed(&reader, Tab::Elsewhere, title, &body).into_response()
        }
        Err(failure) => Wrong::new(&reader, failure).into_response(),
    }
}

/// A token that somebody brings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Brought {
    token: String,
}

/// Lets an operator in by one of the tokens of `/v1`.
pub(super) async fn enter(
    State(edge): State<Shared>,
    reader: Reader,
    headers: HeaderMap,
    Form(brought): Form<Brought>,
) -> Response {
    if same_site(&headers).is_err() {
        return not_ours(&reader);
    }
    let rest = tokio::time::timeout(millis(TRYING_MS_MIN), std::future::pending::<()>());
    let entered = edge.gate.enter(brought.token.trim().as_bytes(), edge.hub.now());
    let _elapsed = rest.await;
    let Ok(caller) = entered else {
        tracing::warn!("somebody brought a wrong token to the console");
        let title = reader.say("운영", "Console");
        let body = shown::way_in(&reader, true);
        return framed(&reader, Tab::Elsewhere, title, &body).into_response();
    };
    let secret = new_secret(&**edge.hub.entropy());
    tracing::info!(operator = %caller.name, "entered the console");
    edge.pages.operators.open(&secret, caller.name, edge.hub.now());
    let mut response = Redirect::to("/console").into_response();
    if let Some(line) = cookie_line(Some(&secret), is_secure(&headers)) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// What becomes of a part of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CellDeed {
    Down,
    Up,
    Release,
}

/// A part of a network and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneCell {
    csrf: String,
    network: Network,
    function: Function,
    surface: Surface,
    deed: CellDeed,
}

impl Sent for OneCell {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Holds a part of a network in a state, or lets it be what the hub's own evidence says.
pub(super) async fn cell(
    State(edge): State<Shared>,
    reader: Reader,
    operator: Option<Operator>,
    headers: HeaderMap,
    Form(one): Form<OneCell>,
) -> Result<Response, Response> {
    let operator = heard(&reader, operator, &headers, &one)?;
    let cell = Cell { network: one.network, function: one.function, surface: one.surface };
    tracing::info!(operator = %operator.name, ?cell, deed = ?one.deed, "a word from the console");
    let said = match one.deed {
        CellDeed::Down => edge.hub.hold_cell(cell, CellState::Down, &operator.name).await,
        CellDeed::Up => edge.hub.hold_cell(cell, CellState::Up, &operator.name).await,
        CellDeed::Release => edge.hub.release_cell(cell).await,
    };
    said.map_err(|failure| Wrong::new(&reader, failure).into_response())?;
    Ok(Redirect::to("/console").into_response())
}

/// The end of an operator's session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaving {
    csrf: String,
}

impl Sent for Leaving {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// The operator whose own page sent a form; everybody else is shown the way in, or out.
fn heard(
    reader: &Reader,
    operator: Option<Operator>,
    headers: &HeaderMap,
    form: &impl Sent,
) -> Result<Operator, NotOurs> {
    let way_in = || NotOurs::showing(Redirect::to("/console").into_response());
    let operator = operator.ok_or_else(way_in)?;
    if same_site(headers).is_err() || !operator.sent(form.csrf()) {
        return Err(NotOurs::showing(not_ours(reader)));
    }
    Ok(operator)
}

/// Ends it.
pub(super) async fn leave(
    State(edge): State<Shared>,
    reader: Reader,
    operator: Option<Operator>,
    headers: HeaderMap,
    Form(leaving): Form<Leaving>,
) -> Result<Response, Response> {
    let operator = heard(&reader, operator, &headers, &leaving)?;
    edge.pages.operators.close(operator.mark);
    let mut response = Redirect::to("/").into_response();
    if let Some(line) = cookie_line(None, is_secure(&headers)) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    Ok(response)
}
