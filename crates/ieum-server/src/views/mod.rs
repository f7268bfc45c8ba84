//! Messages and deliveries as `/v1` shows them.

pub(crate) mod delivery;
pub(crate) mod incident;
pub(crate) mod message;
