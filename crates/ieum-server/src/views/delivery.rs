//! A delivery as `/v1` shows it.

use crate::words::Word;
use ieum_core::delivery::{Delivery, Label, Recipient, Route, State};
use ieum_core::directory::{Directory, Endpoint};
use ieum_core::network::Network;
use schemars::JsonSchema;
use serde::Serialize;

/// One message owed to one recipient.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub(crate) struct DeliveryView {
    seq: u64,
    /// The place of its message.
    message: u64,
    conversation: u64,
    recipient: RecipientView,
    /// By which way it goes now; null if there is none.
    route: Option<RouteView>,
    state: Word<State>,
    /// Attempts on the present route.
    attempts: u32,
    /// The first part that was not yet accepted.
    part: u32,
    /// When it is looked at again, in Unix milliseconds.
    due_at_ms: i64,
    /// When it was first tried on the present route, in Unix milliseconds.
    tried_at_ms: Option<i64>,
    label: Option<LabelView>,
    /// The delivery that it stands in for.
    stands_in_for: Option<u64>,
    /// The network's ids of the accepted parts.
    copies: Vec<Box<str>>,
}

/// Whom a message is owed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Recipient")]
#[serde(rename_all = "snake_case")]
pub(super) enum RecipientView {
    Person(u64),
    Room(u64),
}

/// Why a copy says that it is not an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Label")]
#[serde(rename_all = "snake_case")]
enum LabelView {
    /// It takes the place of a copy on this network, which may have arrived.
    InsteadOf(Word<Network>),
    /// It comes after the fact.
    Late,
    /// The same route again after an answer that never came.
    Again,
}

/// An address or a room, and the account that serves it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub(super) struct RouteView {
    account: Option<Box<str>>,
    network: Option<Word<Network>>,
    address: Option<u64>,
    room: Option<u64>,
}

impl RecipientView {
    pub(super) fn of(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Person(id) => Self::Person(id.0),
            Recipient::Room(id) => Self::Room(id.0),
        }
    }
}

impl RouteView {
    pub(super) fn of(route: Route, directory: &Directory) -> Self {
        let account = directory.account(route.account);
        let (address, room) = match route.endpoint {
            Endpoint::Address(id) => (Some(id.0), None),
            Endpoint::Room(id) => (None, Some(id.0)),
        };
        Self {
            account: account.map(|account| account.name.clone()),
            network: account.map(|account| Word(account.network)),
            address,
            room,
        }
    }
}

impl DeliveryView {
    /// A delivery with the names that its accounts have now.
    pub(crate) fn of(delivery: &Delivery, directory: &Directory) -> Self {
        let label = delivery.label.map(|label| match label {
            Label::InsteadOf(network) => LabelView::InsteadOf(Word(network)),
            Label::Late => LabelView::Late,
            Label::Again => LabelView::Again,
        });
        Self {
            seq: delivery.seq.0,
            message: delivery.message.0,
            conversation: delivery.conversation.0,
            recipient: RecipientView::of(delivery.recipient),
            route: delivery.route.map(|route| RouteView::of(route, directory)),
            state: Word(delivery.state),
            attempts: delivery.attempts,
            part: delivery.part,
            due_at_ms: delivery.due_at.0,
            tried_at_ms: delivery.tried_at.map(|at| at.0),
            label,
            stands_in_for: delivery.stands_in_for.map(|seq| seq.0),
            copies: delivery.copies.iter().map(|copy| copy.native.0.clone()).collect(),
        }
    }
}
