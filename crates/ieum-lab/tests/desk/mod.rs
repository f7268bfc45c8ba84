//! What the lab's tests share: a clock that stands until it is moved, a seeded generator, and
//! calls to the routers.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::time::Timestamp;
use ieum_lab::{Desk, Network, World};
use serde_json::Value;
use tokio::sync::Notify;
use tower::ServiceExt;

pub(crate) const START_MS: i64 = 1_800_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct StillClock {
    passed_ms: AtomicI64,
    moved: Arc<Notify>,
}

impl StillClock {
    pub(crate) fn advance(&self, ms: i64) {
        self.passed_ms.fetch_add(ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

/// The clock behind an `Arc`, so that sleepers can outlive a borrow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Still(pub(crate) Arc<StillClock>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(START_MS + self.0.passed_ms.load(Ordering::SeqCst))
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let due = self.now().plus_ms(ms);
        Box::pin(async move {
            loop {
                let moved = clock.0.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                if clock.now() >= due {
                    return;
                }
                moved.await;
            }
        })
    }
}

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Seeded {
    fn next_u64(&self) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.0.fetch_add(step, Ordering::SeqCst).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

pub(crate) fn family_world(clock: &Still, seed: u64) -> World {
    let mut world = World::new(Arc::new(clock.clone()), Arc::new(Seeded::new(seed)));
    world.add_family().expect("the family is well formed");
    world
}

pub(crate) fn family_desk(clock: &Still) -> Desk {
    Desk::new(family_world(clock, 7))
}

pub(crate) fn native(desk: &Desk, network: Network, room: &str) -> String {
    desk.world().find_chat(network, room).expect("a room").native.clone()
}

pub(crate) fn user(desk: &Desk, network: Network, user: &str) -> String {
    desk.world().find_user(network, user).expect("a user").native.clone()
}

/// One call; a body that is no JSON comes back as a string.
pub(crate) async fn call(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("routers do not fail");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (parts.status, parts.headers, value)
}

/// One JSON call.
pub(crate) async fn post(
    router: &Router,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> (StatusCode, HeaderMap, Value) {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    call(router, "POST", path, &all, body.to_string()).await
}

/// The texts on a screen.
pub(crate) fn texts(desk: &Desk, network: Network, user: &str) -> Vec<String> {
    let lines = desk.world().screen(network, user).expect("a screen");
    lines.into_iter().map(|line| line.text).collect()
}
