//! The hub of a benchmark: joined rooms, connectors that speak to the sink, no speed limits.
//!
//! It is a real hub: the same engine, server, connectors and store as `ieum serve`. Invariant:
//! conversation `n` joins LINE group `n` and Telegram group `n`, and nothing else.

use super::calls::{
    CHANNEL_SECRET, LINE_ACCOUNT, SECRET_TOKEN, TELEGRAM_ACCOUNT, chat_id, group_id,
};
use crate::doors;
use crate::doors::clock::SystemClock;
use crate::doors::entropy::SystemEntropy;
use ieum_connectors::doors::Secret;
use ieum_connectors::line::{Line, LineConfig};
use ieum_connectors::telegram::{Receive, Telegram, TelegramConfig};
use ieum_core::content::HubSecret;
use ieum_core::directory::{Account, Change, Conversation, ConversationKind, Room};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, RoomId};
use ieum_core::network::{Network, RateLimits};
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::Connector;
use ieum_core::ports::store::Store;
use ieum_engine::{AccountSetup, Hub, HubSetup, Settings};
use ieum_store::MemoryMedia;
use std::net::SocketAddr;
use std::sync::Arc;

const TIMEOUT_MS: u64 = 10_000;
/// Changes of the directory that are written in one transaction.
pub(super) const CHANGES_PER_WRITE_MAX: usize = 3_000;

/// No limit that a benchmark could reach, but a bound on calls under way.
pub const RATE: RateLimits =
    RateLimits { per_second_max: 1_000_000, per_room_minute_max: 60_000_000, in_flight_max: 64 };

/// Makes `conversations` conversations durable, each with its two rooms.
///
/// # Errors
/// When the store fails.
pub async fn furnish(store: &dyn Store, conversations: usize) -> anyhow::Result<()> {
    let now = SystemClock.now();
    store.load(now).await?;
    let mut changes = vec![
        account(1, LINE_ACCOUNT, Network::Line),
        account(2, TELEGRAM_ACCOUNT, Network::Telegram),
    ];
    for conversation in 0..conversations {
        changes.extend(joined(conversation));
        if changes.len() >= CHANGES_PER_WRITE_MAX {
            store.change(now, std::mem::take(&mut changes)).await?;
        }
    }
    Ok(store.change(now, changes).await?)
}

fn account(id: u64, name: &str, network: Network) -> Change {
    Change::Account(Account { id: AccountId(id), name: name.into(), network })
}

fn joined(conversation: usize) -> [Change; 3] {
    let number = conversation as u64;
    let id = ConversationId(number + 1);
    let room = |id_of_room: u64, account: u64, chat: String| {
        Change::Room(Room {
            id: RoomId(id_of_room),
            account: AccountId(account),
            chat: ChatKey::new(chat),
            title: "bench".into(),
            conversation: Some(id),
            joined: true,
            present: Vec::new(),
        })
    };
    let rooms = [number * 2 + 1, number * 2 + 2];
    [
        room(rooms[0], 1, group_id(conversation)),
        room(rooms[1], 2, chat_id(conversation)),
        Change::Conversation(Conversation {
            id,
            kind: ConversationKind::Group,
            title: "bench".into(),
            members: Vec::new(),
            rooms: rooms.map(RoomId).to_vec(),
        }),
    ]
}

/// Starts the hub over a furnished store; both networks are at `sink`.
///
/// # Errors
/// When the hub does not start.
pub async fn start(store: Arc<dyn Store>, sink: SocketAddr) -> anyhow::Result<Hub> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy::new()?);
    let doors = doors::real(Arc::clone(&clock), entropy.clone());
    let api_url = format!("http://{sink}");
    let line = LineConfig {
        api_url: api_url.clone(),
        access_token: Secret::new("bench"),
        channel_secret: Secret::new(CHANNEL_SECRET),
        timeout_ms: TIMEOUT_MS,
        rate: RATE,
    };
    let telegram = TelegramConfig {
        api_url,
        bot_token: Secret::new("1:bench"),
        bot_name: Some("bench_bot".to_owned()),
        receive: Receive::Webhook { secret_token: Secret::new(SECRET_TOKEN) },
        timeout_ms: TIMEOUT_MS,
        rate: RATE,
    };
    let wrong = |complaints| anyhow::anyhow!("{complaints:?}");
    let line = Line::new(&line, doors.clone()).map_err(|found| wrong(format!("{found:?}")))?;
    let telegram = Telegram::new(telegram, doors).map_err(|found| wrong(format!("{found:?}")))?;
    let setup = HubSetup {
        store,
        media: Arc::new(MemoryMedia::default()),
        search: None,
        clock,
        entropy,
        secret: HubSecret::new(*b"the salt of a benchmark, 32 byte"),
        accounts: vec![
            account_setup(LINE_ACCOUNT, Arc::new(line)),
            account_setup(TELEGRAM_ACCOUNT, Arc::new(telegram)),
        ],
        tellers: Vec::new(),
        settings: Settings::default(),
    };
    Ok(Hub::start(setup).await?)
}

fn account_setup(name: &str, connector: Arc<dyn Connector>) -> AccountSetup {
    AccountSetup { name: name.to_owned(), connector, rate: Some(RATE) }
}
