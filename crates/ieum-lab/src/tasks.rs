//! Every task of the lab is started here: four servers, three webhook loops, and the pump that
//! lets held things through when they are due. All of them end with the stop signal.

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::shared::Shared;
use crate::{kakaotalk, line, telegram};

/// The longest wait of the pump; changes ring it earlier.
const PUMP_MS_MAX: u64 = 60_000;

/// Starts the loops.
pub(crate) fn start_loops(shared: &Shared) -> Vec<JoinHandle<()>> {
    vec![
        start(pump(shared.clone())),
        start(line::webhook::deliver(shared.clone())),
        start(telegram::webhook::deliver(shared.clone())),
        start(kakaotalk::webhook::deliver(shared.clone())),
    ]
}

/// Starts one server.
pub(crate) fn start_server(
    shared: &Shared,
    listener: TcpListener,
    router: Router,
) -> JoinHandle<()> {
    let stop = shared.clone();
    start(async move {
        let serving = axum::serve(listener, router);
        // The server ends by the stop signal alone; connections that still hang are dropped.
        tokio::select! {
            biased;
            () = stop.stopped() => {}
            _ = serving => {}
        }
    })
}

async fn pump(shared: Shared) {
    let bell = shared.bells.pump();
    loop {
        let next = {
            let world = shared.lock();
            world.next_due().map(|due| due.ms_since(world.now()))
        };
        let wait_ms = next.map_or(PUMP_MS_MAX, |ms| ms.clamp(1, PUMP_MS_MAX));
        tokio::select! {
            biased;
            () = shared.stopped() => return,
            () = bell.notified() => {}
            () = shared.clock.sleep(wait_ms) => shared.bells.wake(),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place of the lab where tasks begin")]
fn start(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}
