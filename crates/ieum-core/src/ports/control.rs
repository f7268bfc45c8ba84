//! The port to control hosts: addresses that have nothing to do with any messenger. When they fail
//! together with a network, it is our own line.
//!
//! Invariant: any answer at all is an answer; what it says does not matter.

use super::BoxFuture;

/// An address of the operator's choice.
pub trait ControlHost: Send + Sync + std::fmt::Debug {
    /// Its place in the configuration, by which evidence names it.
    fn number(&self) -> u32;

    /// Whether it answered, within a few seconds. It does not retry.
    fn answers(&self) -> BoxFuture<'_, bool>;
}
