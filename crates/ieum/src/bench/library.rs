//! A store for somebody with much to read: very many conversations, and a very long one.
//!
//! Written through the store's own verbs, so that it is what a hub would have left behind.
//! Invariant: in every conversation something was said, and the reader is in all of them.

use super::fill::message;
use super::world::{CHANGES_PER_WRITE_MAX, furnish};
use crate::doors::clock::SystemClock;
use ieum_core::directory::{Change, Conversation, ConversationKind, Language, Person};
use ieum_core::ids::{ConversationId, PersonId, RoomId};
use ieum_core::people::sessions::{Door, Session, SessionMark};
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{Admission, AdmitBatch, Store};
use sha2::{Digest, Sha256};

/// The secret of the reader's session.
pub const SESSION_SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Messages that are written in one transaction.
const MESSAGES_PER_WRITE: u64 = 1_000;
const READER: PersonId = PersonId(1);
const FRIEND: PersonId = PersonId(2);

/// Writes it.
///
/// # Errors
/// When the store fails.
pub async fn fill(store: &dyn Store, conversations: u32, messages: u32) -> anyhow::Result<()> {
    furnish(store, usize::try_from(conversations)?).await?;
    let now = SystemClock.now();
    let mut changes = vec![person(READER, "하나"), person(FRIEND, "민아"), signed_in()];
    changes.extend((0..u64::from(conversations)).map(with_members));
    while !changes.is_empty() {
        let some = changes.drain(..changes.len().min(CHANGES_PER_WRITE_MAX)).collect();
        store.change(now, some).await?;
    }
    // One in each of the others, and then all of the long one.
    let others = (1..u64::from(conversations)).map(|conversation| (conversation, conversation));
    let first = (0..u64::from(messages)).map(|serial| (0, serial));
    let beyond = u64::from(messages);
    let mut all = others.map(|(to, serial)| (to, serial + beyond)).chain(first).peekable();
    while all.peek().is_some() {
        let at = SystemClock.now();
        let some = all.by_ref().take(usize::try_from(MESSAGES_PER_WRITE)?);
        let admission = |(conversation, serial)| Admission {
            message: Some(message(serial, conversation, at)),
            ..Admission::default()
        };
        let admissions = some.map(admission).collect();
        store.admit(AdmitBatch { at, admissions, cursor: None }).await?;
    }
    Ok(())
}

fn person(id: PersonId, name: &str) -> Change {
    let (routes, consents) = (Vec::new(), Vec::new());
    Change::Person(Person {
        id,
        name: name.into(),
        language: Language::default(),
        routes,
        consents,
    })
}

fn signed_in() -> Change {
    let mark = SessionMark(Sha256::digest(SESSION_SECRET).into());
    let session = Session::new(mark, SystemClock.now(), "bench");
    Change::Door(Door { sessions: vec![session], ..Door::unused(READER) })
}

fn with_members(number: u64) -> Change {
    Change::Conversation(Conversation {
        id: ConversationId(number + 1),
        kind: ConversationKind::Group,
        title: format!("대화 {number}").into(),
        members: vec![READER, FRIEND],
        rooms: [number * 2 + 1, number * 2 + 2].map(RoomId).to_vec(),
    })
}
