//! The edge: what all requests of one server share.

use crate::body::BodyReader;
use crate::hooks::HookAnswers;
use crate::setup::{AccountLink, Limits, ServerSetup};
use crate::tokens::Gate;
use crate::web::Pages;
use ieum_engine::Hub;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// One for each server, behind [`Shared`].
#[derive(Debug)]
pub(crate) struct Edge {
    /// The house behind it.
    pub(crate) hub: Hub,
    /// Who may use `/v1`.
    pub(crate) gate: Gate,
    /// Reads bodies.
    pub(crate) bodies: BodyReader,
    /// What hooks were answered.
    pub(crate) hook_answers: HookAnswers,
    /// One permit for each event stream.
    pub(crate) streams: Arc<Semaphore>,
    /// What callers may cost.
    pub(crate) limits: Limits,
    /// What the pages keep.
    pub(crate) pages: Pages,
    /// Where people find our accounts.
    pub(crate) doors: Vec<AccountLink>,
    /// Where people find the pages.
    pub(crate) public_url: Option<String>,
    closing: watch::Sender<bool>,
}

/// How handlers hold the edge.
pub(crate) type Shared = Arc<Edge>;

impl Edge {
    /// An edge in front of `hub`.
    pub(crate) fn new(hub: Hub, setup: ServerSetup) -> Self {
        let now = hub.now();
        Self {
            hub,
            gate: Gate::new(setup.tokens, now),
            bodies: BodyReader::new(&setup.limits),
            hook_answers: HookAnswers::default(),
            streams: Arc::new(Semaphore::new(setup.limits.event_streams_max)),
            limits: setup.limits,
            pages: Pages::default(),
            doors: setup.doors,
            public_url: setup.public_url,
            closing: watch::Sender::new(false),
        }
    }

    /// Ends all event streams.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Completes when event streams have to end.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}
