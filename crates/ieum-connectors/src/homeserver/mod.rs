//! A homeserver of Matrix as an application service calls it: requests, answers, and the users of
//! ours that live there.
//!
//! No messages: what is said and heard is the connector's. Invariant: every id that stands in an
//! address is escaped, and no address leaves this folder in a reason.

pub(crate) mod answer;
mod errands;
pub(crate) mod files;
pub(crate) mod marks;
mod picture;
mod rooms;
mod upgrades;
pub(crate) mod users;

use crate::api_base::ApiBase;
use crate::doors::{Doors, Secret};
use answer::{Called, Failed};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use ieum_core::outgoing::ShownSender;
use ieum_core::ports::http::{HttpFailure, HttpLimits};
use ieum_core::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Largest answer that is read: the rooms of a first sync.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// What may stand in an address as it is (RFC 3986, "unreserved").
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One homeserver, called with the token of one application service.
#[derive(Debug)]
pub(crate) struct Homeserver {
    pub(crate) doors: Doors,
    api: ApiBase,
    bearer: HeaderValue,
    limits: HttpLimits,
    bot: Box<str>,
    /// How our users are shown, to save calls; a restart may lose it.
    shown: Mutex<BTreeMap<Box<str>, ShownSender>>,
}

impl Homeserver {
    /// The homeserver at `api`; `bearer` is what [`bearer`] made, `bot` the user who invites.
    pub(crate) fn new(
        (api, bearer): (ApiBase, HeaderValue),
        bot: Box<str>,
        timeout_ms: u64,
        doors: Doors,
    ) -> Self {
        let limits = HttpLimits { timeout_ms, answer_bytes_max: ANSWER_BYTES_MAX };
        Self { doors, api, bearer, limits, bot, shown: Mutex::default() }
    }

    /// One call, and what it gives.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failed> {
        let called = match self.request(call) {
            Some(request) => self.send(request).await,
            None => Err(HttpFailure::NotSent("no address".to_owned())),
        };
        answer::read(called, self.now())
    }

    /// One call of which only the success matters.
    async fn run(&self, call: &Call) -> Result<(), Failed> {
        self.ask::<IgnoredAny>(call).await.map(drop)
    }

    async fn send(&self, request: Request<Bytes>) -> Called {
        self.doors.http.call(request, self.limits).await
    }

    /// The time by the clock port.
    pub(crate) fn now(&self) -> Timestamp {
        self.doors.clock.now()
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<Box<str>, ShownSender>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request of a call; `None` when it cannot stand in an address.
    fn request(&self, call: &Call) -> Option<Request<Bytes>> {
        let has_body = call.method != Method::GET;
        let bytes = if has_body { call.body.to_string().into() } else { Bytes::new() };
        let mut request = Request::new(bytes);
        *request.uri_mut() = self.api.join(&call.path)?;
        *request.method_mut() = call.method.clone();
        request.headers_mut().insert(AUTHORIZATION, self.bearer.clone());
        if has_body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        Some(request)
    }
}

/// What proves us to the homeserver; `None` when the token is empty or no header can carry it.
pub(crate) fn bearer(token: &Secret) -> Option<HeaderValue> {
    crate::api_base::bearer(token.expose())
}

/// A method, a path with its query, and a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Call {
    /// Asks.
    pub(crate) fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Value::Null }
    }

    /// Does.
    pub(crate) fn post(path: String, body: Value) -> Self {
        Self { method: Method::POST, path, body }
    }

    /// Sets.
    pub(crate) fn put(path: String, body: Value) -> Self {
        Self { method: Method::PUT, path, body }
    }
}

/// An id as it may stand in an address.
pub(crate) fn escaped(id: &str) -> String {
    utf8_percent_encode(id, ESCAPED).to_string()
}

/// A path below the Client-Server API.
pub(crate) fn client(path: &str, user: &str) -> String {
    format!("/_matrix/client/v3/{path}?user_id={}", escaped(user))
}
