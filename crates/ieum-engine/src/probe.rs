//! Probes: a cheap authenticated call, more often when something looks wrong.

use crate::account::Account;
use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::health::book::{OurCall, api_cell};
use ieum_core::health::cadence::Suspicion;
use ieum_core::health::{BEAT_MS, Function};
use ieum_core::ports::connector::Pulse;
use ieum_core::time::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// Time between two probes that a failing send asked for.
const PROBE_AT_ONCE_MS: u64 = 1_000;

/// Runs until `stop`.
pub(crate) async fn probe(
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    mut stop: watch::Receiver<bool>,
) {
    let settings = pieces.settings.clone();
    loop {
        let cell = api_cell(account.network, Function::Send);
        let suspicion = lock(&pieces.health).suspicion(cell, pieces.now());
        let calm = suspicion == Suspicion::None;
        let wait = if calm { settings.probe_ms } else { settings.probe_down_ms };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = account.probe_bell.notified() => {}
            () = pieces.clock.sleep(wait) => {}
        }
        let began_at = pieces.now();
        let asked = account.connector.probe();
        let pulse = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            probe = asked => probe.pulse,
        };
        take(&pieces, &account, (Function::Send, began_at), pulse).await;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = pieces.clock.sleep(PROBE_AT_ONCE_MS) => {}
        }
    }
}

/// Beats until `stop`: the measure of whether this hub gets the processor.
pub(crate) async fn beat(pieces: Arc<Pieces>, mut stop: watch::Receiver<bool>) {
    loop {
        lock(&pieces.health).beat(pieces.now());
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = pieces.clock.sleep(BEAT_MS) => {}
        }
    }
}

/// Takes a pulse in as evidence, of a call that left at `began_at`.
pub(crate) async fn take(
    pieces: &Pieces,
    account: &Account,
    (function, began_at): (Function, Timestamp),
    pulse: Pulse,
) {
    let at = pieces.now();
    account.sign(&pulse, at);
    let good = match pulse {
        Pulse::Good { .. } => true,
        Pulse::Bad { .. } => false,
        // The network works and tells us that we are wrong: that is for the operator.
        Pulse::Refused { .. } => return,
    };
    if function == Function::Send && account.reached(good) {
        pieces.sweep_bell.notify_one();
    }
    let cell = api_cell(account.network, function);
    let call = OurCall { cell, account: account.id, route: None, id: 0, good, began_at, at };
    let changes = lock(&pieces.health).observe(call);
    failover::follow(pieces, changes).await;
}
