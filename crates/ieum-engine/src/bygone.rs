//! Messages of the past, brought along from a messenger's own export.
//!
//! They are kept in the conversation and owed to nobody. Invariant: the same line of the same file
//! is kept once, however often it is brought: its message id follows from it.

use crate::compose::{Circumstances, seal, uris};
use crate::identify::short;
use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use ieum_core::content::{Content, salt_for_native};
use ieum_core::directory::{Address, Change, Directory};
use ieum_core::ids::{AccountId, AddressId, ConversationId, UserKey};
use ieum_core::message::{Author, CONTENT_BYTES_MAX, Class};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Messages that one call brings.
pub const PAST_ROWS_MAX: usize = 500;
/// Longest text of one, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1_024;
/// Whom names of the past belong to that are no member's: guests through none of our accounts.
const NO_ACCOUNT: AccountId = AccountId(0);

/// One message of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bygone {
    /// Who, as the export names them: a member of that name, else a guest.
    pub author: String,
    /// When it was said.
    pub at: Timestamp,
    /// What was said.
    pub text: String,
    /// How many like it (same author, time and text) stand before it in the export.
    pub again: u32,
}

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BygoneKept {
    /// New ones.
    pub kept: usize,
    /// Those that had been brought before.
    pub known: usize,
}

/// Keeps messages of the past in a conversation, for nobody to be told of.
pub(crate) async fn keep(
    pieces: &Pieces,
    conversation: ConversationId,
    bygones: Vec<Bygone>,
) -> Result<BygoneKept, ChangeFailure> {
    check(pieces, conversation, &bygones)?;
    let names: BTreeSet<Box<str>> = bygones.iter().map(|one| short(&one.author)).collect();
    let authors = authors(pieces, conversation, names).await?;
    let admissions = bygones.iter().map(|one| admission(pieces, conversation, &authors, one));
    let batch = AdmitBatch { at: pieces.now(), admissions: admissions.collect(), cursor: None };
    let admitted = pieces.admit(batch).await?;
    let known = admitted.iter().filter(|one| **one == Admitted::Known).count();
    Ok(BygoneKept { kept: admitted.len() - known, known })
}

fn check(
    pieces: &Pieces,
    conversation: ConversationId,
    bygones: &[Bygone],
) -> Result<(), ChangeFailure> {
    let invalid = |text: String| Err(ChangeFailure::Invalid(text));
    if bygones.len() > PAST_ROWS_MAX {
        return invalid(format!("at most {PAST_ROWS_MAX} messages at a time"));
    }
    let now = pieces.now();
    for one in bygones {
        if one.text.len() > TEXT_BYTES_MAX || one.text.len() > CONTENT_BYTES_MAX {
            return invalid(format!("a text has at most {TEXT_BYTES_MAX} bytes"));
        }
        if one.author.trim().is_empty() || one.at > now {
            return invalid("a message of the past has an author and was said before".to_owned());
        }
    }
    let there = pieces.read(|directory| directory.conversation(conversation).is_some());
    if there { Ok(()) } else { Err(ChangeFailure::NotFound("conversation")) }
}

/// Who each name is; guests of the past are made durable first.
async fn authors(
    pieces: &Pieces,
    conversation: ConversationId,
    names: BTreeSet<Box<str>>,
) -> Result<BTreeMap<Box<str>, Author>, ChangeFailure> {
    let found = pieces.change(|directory| {
        let mut next = directory.next_ids().address.0;
        let (mut changes, mut authors) = (Vec::new(), BTreeMap::new());
        for name in names {
            let user = UserKey::new(format!("past/{conversation}/{name}"));
            let known = directory.address_of_user(NO_ACCOUNT, &user).map(|address| address.id);
            let author = member(directory, conversation, &name).unwrap_or_else(|| {
                Author::Address(known.unwrap_or_else(|| {
                    let id = AddressId(next);
                    next += 1;
                    changes.push(Change::Address(guest(id, user, name.clone())));
                    id
                }))
            });
            authors.insert(name, author);
        }
        (changes, authors)
    });
    Ok(found.await?)
}

/// The member who is called so, if there is exactly one.
fn member(directory: &Directory, conversation: ConversationId, name: &str) -> Option<Author> {
    let members = directory.conversation(conversation)?.members.clone();
    let called = |id: &ieum_core::ids::PersonId| {
        directory.person(*id).is_some_and(|person| &*person.name == name)
    };
    let mut found = members.into_iter().filter(called);
    found.next().filter(|_| found.next().is_none()).map(Author::Person)
}

fn guest(id: AddressId, user: UserKey, name: Box<str>) -> Address {
    Address {
        id,
        account: NO_ACCOUNT,
        user,
        person: None,
        name,
        icon_url: None,
        direct: None,
        blocked: false,
        current: None,
    }
}

fn admission(
    pieces: &Pieces,
    conversation: ConversationId,
    authors: &BTreeMap<Box<str>, Author>,
    one: &Bygone,
) -> Admission {
    let name = short(&one.author);
    let author = authors.get(&name).copied().unwrap_or(Author::Hub);
    // Named by what the export says, not by who that is now: it stays the same when they join.
    let uris = uris(Author::Hub, conversation);
    let native = format!("{}/{}/{name}/{}", one.at.0, one.again, one.text);
    let salt = salt_for_native(&pieces.secret, "past", &uris.room, &native);
    let content = Content::text(salt, &uris.sender, &uris.room, &one.text);
    let how = Circumstances {
        conversation,
        author,
        source: None,
        accepted_at: pieces.now(),
        origin_at: one.at,
        class: Class::Chat,
    };
    let message = seal(pieces, &content, how);
    Admission { message: Some(message), ..Admission::default() }
}
