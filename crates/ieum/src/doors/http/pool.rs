//! Connections that wait for their next request.
//!
//! Invariant: nothing is kept longer or in larger number than its limits say; the one that was
//! used last goes out first, so that the others grow old and are dropped.

use super::connection::Connection;
use crate::doors::clock::Stopwatch;
use http::uri::Authority;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Kept-alive connections to one host that wait for work.
pub const IDLE_PER_HOST_MAX: usize = 128;
/// How long such a connection is kept, in real time; shorter than servers keep theirs, so that
/// a request seldom meets a connection that is just being closed.
pub const IDLE_KEPT_MS: u64 = 15_000;

/// Where a connection leads: encrypted or not, and to which host and port.
pub(super) type Host = (bool, Authority);

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Stopwatch,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<HashMap<Host, VecDeque<Idle>>>);

impl Pool {
    /// Takes the one that was used last.
    pub(super) fn take(&self, host: &Host) -> Option<Connection> {
        let mut hosts = self.lock();
        let idle = hosts.get_mut(host)?.pop_back()?;
        (!idle.old()).then_some(idle.connection)
    }

    /// Puts one back, and drops what grew old, of every host.
    pub(super) fn keep(&self, host: Host, connection: Connection) {
        let mut old = Vec::new();
        let mut hosts = self.lock();
        hosts.retain(|_, idle| {
            while let Some(one) = idle.pop_front_if(|one| one.old()) {
                old.push(one);
            }
            !idle.is_empty()
        });
        let idle = hosts.entry(host).or_default();
        idle.push_back(Idle { connection, since: Stopwatch::start() });
        if idle.len() > IDLE_PER_HOST_MAX {
            old.extend(idle.pop_front());
        }
        drop(hosts);
        // Closing sockets takes a while: not under the lock.
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Host, VecDeque<Idle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn old(&self) -> bool {
        self.since.elapsed() > Duration::from_millis(IDLE_KEPT_MS)
    }
}
