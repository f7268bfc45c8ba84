//! The accept loop: the only place of this crate that opens connections and starts tasks.
//!
//! It defends the rest against peers that are slow, silent, greedy or many; what a request means
//! is not its business. Invariant: every wait for a peer ends, by its word or by a limit.

use crate::edge::{Edge, Shared};
use crate::hooks;
use crate::peer::Peer;
use crate::setup::{HEAD_BYTES_MAX, HEADERS_MAX, Limits, ServerSetup, millis};
use crate::stall::StallGuard;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::rt::Timer;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ieum_engine::Hub;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Largest buffer of one connection, for reading and for writing.
const CONNECTION_BUFFER_BYTES_MAX: usize = 64 * 1_024;
/// How long to rest when the system gives no more connections (too many open files).
const ACCEPT_REST_MS: u64 = 100;

/// Serves until `stop` completes; then takes no more connections, ends event streams and lets
/// requests that have begun finish, for at most [`Limits::drain_ms_max`].
pub async fn serve(
    listener: TcpListener,
    hub: Hub,
    setup: ServerSetup,
    stop: impl Future<Output = ()> + Send,
) {
    let limits = setup.limits;
    let edge = Arc::new(Edge::new(hub, setup));
    let doors = Doors {
        edge: Arc::clone(&edge),
        router: crate::router_of(&edge),
        graceful: GracefulShutdown::new(),
        limits,
    };
    let mut connections = JoinSet::new();
    doors.accept_until(&listener, &mut connections, stop).await;
    drop(listener);
    edge.close();
    let drained = tokio::time::timeout(millis(limits.drain_ms_max), doors.graceful.shutdown());
    if drained.await.is_err() {
        tracing::warn!(left = connections.len(), "connections cut off while stopping");
    }
    connections.shutdown().await;
}

struct Doors {
    edge: Shared,
    router: Router,
    graceful: GracefulShutdown,
    limits: Limits,
}

impl Doors {
    async fn accept_until(
        &self,
        listener: &TcpListener,
        connections: &mut JoinSet<()>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let room = connections.len() < self.limits.connections_max;
            tokio::select! {
                biased;
                () = &mut stop => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if room => match accepted {
                    Ok((socket, peer)) => self.open(socket, Peer(peer.ip()), connections),
                    Err(error) => rest_after(&error).await,
                },
            }
        }
    }

    fn open(&self, socket: TcpStream, peer: Peer, connections: &mut JoinSet<()>) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "connection closed at once");
            return;
        }
        let busy = connections.len() > self.limits.connections_max / 4 * 3;
        let socket = StallGuard::new(socket, millis(self.limits.write_stall_ms_max));
        let service = Direct {
            edge: Arc::clone(&self.edge),
            peer,
            router: TowerToHyperService::new(self.router.clone()),
        };
        let connection = self.builder(busy).serve_connection(socket, service);
        let watched = self.graceful.watch(connection);
        // The set ends its tasks when it is dropped: no connection outlives the server.
        connections.spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }

    fn builder(&self, busy: bool) -> http1::Builder {
        let head_ms_max = if busy { self.limits.head_busy_ms_max } else { self.limits.head_ms_max };
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(millis(head_ms_max))
            .max_headers(HEADERS_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
            .keep_alive(true)
            // A caller that hangs up must not tear a change apart between the store and memory:
            // with this, what has begun runs to its end, and the answer finds nobody.
            .half_close(true);
        builder
    }
}

/// The router, with a short way to where nearly all requests go: a webhook call passes no layer
/// and is boxed once.
struct Direct {
    edge: Shared,
    peer: Peer,
    router: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Direct {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if request.method() == Method::POST && hooks::is_hook(request.uri().path()) {
            let edge = Arc::clone(&self.edge);
            let request = request.map(Body::new);
            return Box::pin(async move { Ok(hooks::receive(State(edge), request).await) });
        }
        request.extensions_mut().insert(self.peer);
        Box::pin(self.router.call(request))
    }
}

async fn rest_after(error: &io::Error) {
    let peers =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !peers {
        tracing::warn!(%error, "no connection can be accepted now");
        TokioTimer::new().sleep(millis(ACCEPT_REST_MS)).await;
    }
}
