//! A store with a long past: messages that were admitted, delivered and settled.
//!
//! Written through the store's own verbs, so that it is what a hub would have left behind.

use super::world::furnish;
use crate::doors::clock::SystemClock;
use ieum_core::content::{Content, SALT_BYTES};
use ieum_core::delivery::{Claim, NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::Endpoint;
use ieum_core::ids::{AccountId, ChatKey, ConversationId, EventKey, NativeMessageId, RoomId};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{
    Admission, AdmitBatch, Advance, CLAIM_ROWS_MAX, ClaimRequest, Store,
};
use ieum_core::time::Timestamp;
use std::sync::Arc;

/// Conversations that the messages are spread over; one claim takes at most one of each.
pub const CONVERSATIONS: u64 = 256;
const LINE: AccountId = AccountId(1);
const TELEGRAM: AccountId = AccountId(2);
const LIFETIME_MS: u64 = 86_400_000;
/// How often progress is told.
const TOLD_EVERY: u64 = 200_000;

/// Writes `messages` messages (rounded up to whole rounds), each sent.
///
/// # Errors
/// When the store fails.
pub async fn fill(store: &dyn Store, messages: u64) -> anyhow::Result<()> {
    furnish(store, usize::try_from(CONVERSATIONS)?).await?;
    let mut settled = Vec::new();
    for first in (0..messages).step_by(usize::try_from(CONVERSATIONS)?) {
        let at = SystemClock.now();
        let admissions = (first..first + CONVERSATIONS).map(|serial| admission(serial, at));
        let batch = AdmitBatch { at, admissions: admissions.collect(), cursor: None };
        store.admit(batch).await?;
        let advance = Advance { settled: std::mem::take(&mut settled), claim: Some(claim(at)) };
        let advanced = store.advance(advance).await?;
        settled = advanced.claims.iter().map(|claim| sent(claim, at)).collect();
        if first % TOLD_EVERY < CONVERSATIONS {
            tracing::warn!(done = first, of = messages, "filling the store");
        }
    }
    store.advance(Advance { settled, claim: None }).await?;
    Ok(())
}

fn claim(now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        account: TELEGRAM,
        lanes_max: CLAIM_ROWS_MAX,
        rows_max: CLAIM_ROWS_MAX,
        run_max: 1,
        now,
        durable: false,
    }
}

fn sent(claim: &Claim, at: Timestamp) -> Settlement {
    let native = NativeMessageId::new(claim.delivery.seq.to_string());
    Settlement {
        delivery: claim.delivery.seq,
        step: Step::Sent { copies: vec![CopyKey { native, quote: None }] },
        evidence: "200".into(),
        at,
        plus: Vec::new(),
    }
}

fn admission(serial: u64, at: Timestamp) -> Admission {
    let conversation = serial % CONVERSATIONS;
    let route = Route { account: TELEGRAM, endpoint: Endpoint::Room(RoomId(conversation * 2 + 2)) };
    let delivery = NewDelivery {
        recipient: Recipient::Room(RoomId(conversation * 2 + 2)),
        route: Some(route),
        state: State::Queued,
        label: None,
        stands_in_for: None,
    };
    Admission {
        event: Some((LINE, EventKey::new(format!("01HZ{serial:022}")))),
        message: Some(message(serial, conversation, at)),
        deliveries: vec![delivery],
        ..Admission::default()
    }
}

/// A message of a conversation, by its number in the run.
pub(super) fn message(serial: u64, conversation: u64, at: Timestamp) -> NewMessage {
    let mut salt = [0; SALT_BYTES];
    salt.iter_mut().zip(serial.to_be_bytes()).for_each(|(place, byte)| *place = byte);
    let room = format!("ieum:room/{}", conversation * 2 + 1);
    let text = format!("오늘 저녁 일곱 시에 역 앞에서 만나요 #{serial}");
    let content = Content::text(salt, "ieum:hub", &room, &text);
    let (id, content) = content.seal();
    NewMessage {
        id,
        conversation: ConversationId(conversation + 1),
        author: Author::Hub,
        source: Some(Source {
            account: LINE,
            chat: ChatKey::new(super::calls::group_id(usize::try_from(conversation).unwrap_or(0))),
            native: NativeMessageId::new((540_000_000_000_000_000 + serial).to_string()),
            quote: None,
        }),
        accepted_at: at,
        origin_at: at,
        expires_at: at.plus_ms(LIFETIME_MS),
        class: Class::Chat,
        content: Arc::from(content),
    }
}
