//! The real doors: clock, entropy, HTTP and streams of a running hub.
//!
//! Each file implements one port of `ieum-core`. Invariant: no other file of the workspace reads
//! the time or draws random bits.

pub mod clock;
pub mod control;
pub mod dial;
pub mod entropy;
pub mod http;
pub mod tls;

use ieum_connectors::doors::Doors;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use std::sync::Arc;

/// Doors to real sockets on the given clock; waits are on that clock too.
#[must_use]
pub fn real(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Doors {
    let tls = tls::client_config();
    Doors {
        http: Arc::new(http::HyperTransport::new(&tls, Arc::clone(&clock))),
        dial: Arc::new(dial::TungsteniteDial::new(tls, Arc::clone(&clock))),
        clock,
        entropy,
    }
}
