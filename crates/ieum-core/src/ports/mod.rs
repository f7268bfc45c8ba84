//! The doors of the house: traits through which time, randomness, HTTP, streams, the store and
//! the networks come in. No implementation lives in this crate.

pub mod clock;
pub mod connector;
pub mod control;
pub mod dial;
pub mod entropy;
pub mod http;
pub mod media;
pub mod push;
pub mod search;
pub mod store;
pub mod tell;

use std::future::Future;
use std::pin::Pin;

/// A boxed future that may move between threads: what object-safe async methods return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
