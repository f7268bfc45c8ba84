//! The clock port: the only way to read the time or to wait.

use super::BoxFuture;
use crate::time::Timestamp;

/// Reads the time and waits. Implementations may run faster than the wall clock, stand still
/// (tests), or jump; callers must not assume that two readings grow.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Completes when `ms` milliseconds of this clock have passed. Dropping it cancels the wait.
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;
}
