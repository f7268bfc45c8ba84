//! Control hosts: asked now and then whether our own line works, and at once when a network fails.
//!
//! They speak for nobody but our line: no network turns because of them, and none fails to turn
//! because they were not asked. Invariant: a host is asked by one call at a time, and at most once
//! a second.

use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::ports::control::ControlHost;
use std::sync::Arc;
use tokio::sync::watch;

/// Time between two calls that a failure asked for.
const ASK_AT_ONCE_MS: u64 = 1_000;

/// Asks one host until `stop`.
pub(crate) async fn ask(
    pieces: Arc<Pieces>,
    host: Arc<dyn ControlHost>,
    mut stop: watch::Receiver<bool>,
) {
    let mut bell = pieces.control_bell.subscribe();
    loop {
        let wait_ms = wait_ms(&pieces);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            _ = bell.changed() => {}
            () = pieces.clock.sleep(wait_ms) => {}
        }
        bell.borrow_and_update();
        let began_at = pieces.now();
        let good = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            good = host.answers() => good,
        };
        let span = (began_at, pieces.now());
        let changes = lock(&pieces.health).control(host.number(), good, span);
        failover::follow(&pieces, changes).await;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = pieces.clock.sleep(ASK_AT_ONCE_MS) => {}
        }
    }
}

/// As seldom as a network that works, as often as one that does not while our line is in doubt.
fn wait_ms(pieces: &Pieces) -> u64 {
    let health = lock(&pieces.health);
    let detector = health.detector();
    let doubtful = detector.wants_witness() || detector.own_line_sick_since().is_some();
    if doubtful { pieces.settings.probe_down_ms } else { pieces.settings.probe_ms }
}
