//! Why something cannot be done in the simulated world. Told to whoever drives the lab, never to
//! the bot that is tried against it.

use std::fmt;

use crate::network::{Network, Surface};

/// Why the world refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the sentence that each one displays is its documentation")]
pub enum WorldError {
    NoUser { network: Network, user: String },
    NoRoom { network: Network, room: String },
    NoMessage { message: String },
    NotMember { user: String, room: String },
    NotAuthor { user: String, message: String },
    NotSent { network: Network, surface: Surface, why: &'static str },
    Unsupported { network: Network, what: &'static str },
    Taken { id: String },
    Bad { what: String },
}

impl WorldError {
    /// Did the simulated network itself fail (rather than the caller)?
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::NotSent { .. })
    }

    /// A short constant name, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoUser { .. } => "no_user",
            Self::NoRoom { .. } => "no_room",
            Self::NoMessage { .. } => "no_message",
            Self::NotMember { .. } => "not_member",
            Self::NotAuthor { .. } => "not_author",
            Self::NotSent { .. } => "not_sent",
            Self::Unsupported { .. } => "unsupported",
            Self::Taken { .. } => "taken",
            Self::Bad { .. } => "bad_request",
        }
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser { network, user } => write!(formatter, "no user {user:?} on {network}"),
            Self::NoRoom { network, room } => write!(formatter, "no room {room:?} on {network}"),
            Self::NoMessage { message } => write!(formatter, "no message {message:?} there"),
            Self::NotMember { user, room } => {
                write!(formatter, "{user:?} is not a member of {room:?}")
            }
            Self::NotAuthor { user, message } => {
                write!(formatter, "message {message:?} is not by {user:?}")
            }
            Self::NotSent { network, surface, why } => {
                write!(formatter, "not sent: {network} on {surface} {why}")
            }
            Self::Unsupported { network, what } => {
                write!(formatter, "people on {network} cannot {what}")
            }
            Self::Taken { id } => write!(formatter, "{id:?} is taken"),
            Self::Bad { what } => formatter.write_str(what),
        }
    }
}

impl std::error::Error for WorldError {}
