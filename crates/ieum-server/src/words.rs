//! The core's words in JSON, with the list of them for the OpenAPI file.
//!
//! Invariant: a word is written as the core writes it; this module only names and lists.

use ieum_core::delivery::State;
use ieum_core::directory::{ConversationKind, Language, Purpose};
use ieum_core::health::evidence::{Kind, Rule, Sign};
use ieum_core::health::{CellState, Function, Surface};
use ieum_core::incident::Touched;
use ieum_core::message::Class;
use ieum_core::network::Network;
use ieum_core::people::contacts::Standing;
use ieum_core::people::groups::Role;
use ieum_core::people::moderation::Ruling;
use ieum_core::route::security::SecurityLevel;
use ieum_core::telling::Stage;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A type whose values are a short list of words.
pub(crate) trait Words: Sized + Serialize + 'static {
    /// What the list is called.
    const NAME: &'static str;
    /// The list.
    const ALL: &'static [Self];
}

/// One of the core's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Word<T>(pub(crate) T);

impl<T: Words> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": T::ALL })
    }
}

macro_rules! words {
    ($($name:ident: $($variant:ident)*;)*) => {$(
        impl Words for $name {
            const NAME: &'static str = stringify!($name);
            const ALL: &'static [Self] = &[$($name::$variant),*];
        }
        // Without an arm for each variant this does not compile: no word is left out.
        const _: fn(&$name) = |word| match word { $($name::$variant => (),)* };
    )*};
}

words! {
    Network: KakaoTalk Line Telegram Matrix Xmpp Mail;
    State: Queued Attempting Unsure Held Sent Delivered Read Superseded Expired Dead Withdrawn
        Doubted;
    Class: Urgent Chat OnceOnly;
    Language: Ko En;
    Purpose: Talk Failover Notices;
    ConversationKind: Direct Group Open;
    Standing: Asks Accepted Ignored Blocked;
    SecurityLevel: Plain Transport EndToEnd;
    Role: Member Moderator Owner;
    Ruling: Open Dismissed Removed Banned;
    CellState: Up Degraded Down Recovering;
    Function: Send Receive Login Media;
    Surface: Mobile Pc Api;
    Kind: Send Canary Pulse Receipt;
    Rule: Canaries Sends Together Pulses Slow Receipts Silence Reports Relapse Clean Ramp Calm
        Operator;
    Sign: Good Bad Late;
    Stage: Opened Changed Closed;
    Touched: Moved Held InDoubt Told;
}
