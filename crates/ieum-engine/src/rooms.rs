//! Joining a room to a conversation by a code that is said in the room.
//!
//! Invariant: only the person who asked for the code can say it to any effect, so neither a code
//! that others read nor a stranger's room brings a conversation anywhere else.

use crate::intake::Taking;
use crate::replies;
use crate::talk::title;
use ieum_core::directory::{Change, Conversation, Directory, ROOMS_PER_CONVERSATION_MAX};
use ieum_core::ids::{AddressId, ConversationId, PersonId, RoomId};
use ieum_core::people::code::{CodePurpose, Party};
use ieum_core::people::codes::{Attempt, CodeRefusal};
use ieum_core::people::command::join_code;
use ieum_core::ports::store::StoreFailure;

impl Taking<'_> {
    /// What the hub answers to a code that was said in a room; `None` when it was no code.
    pub(crate) async fn room_said(
        &self,
        text: &str,
        room: RoomId,
        address: AddressId,
    ) -> Result<Option<String>, StoreFailure> {
        let Some(code) = join_code(text) else { return Ok(None) };
        let (pieces, now) = (self.pieces, self.pieces.now());
        let owner = pieces.read(|directory| directory.address(address)?.person);
        let purpose = CodePurpose::JoinRoom;
        let attempt = Attempt {
            mark: code.mark(purpose, &pieces.secret),
            purpose,
            ticket: None,
            // A guest is nobody yet: no code is theirs.
            owner: Some(owner.map_or(Party::Address(address), Party::Person)),
            by: Party::Address(address),
        };
        let joined = pieces
            .change(|directory| {
                let (mut changes, answer) = directory.codes().redeem(attempt, now);
                let wanted = answer.map(|code| code.conversation);
                let joined = match (wanted, owner) {
                    (Ok(Some(id)), Some(owner)) => joining(directory, id, room, owner),
                    (Err(refusal), _) => Err(refusal),
                    (Ok(_), _) => Err(CodeRefusal::Wrong),
                };
                let answer = joined.map(|(more, conversation)| {
                    changes.extend(more);
                    conversation
                });
                (changes, answer)
            })
            .await?;
        let own = |person| pieces.language_of(person);
        let language = owner.map_or(pieces.settings.language, own);
        Ok(Some(match (joined, owner) {
            (Ok(id), Some(owner)) => {
                let title = pieces.read(|directory| title(directory, id, owner, language));
                replies::room_joined(&title, language)
            }
            (Err(refusal), _) => replies::refused(refusal, language),
            (Ok(_), None) => replies::refused(CodeRefusal::Wrong, language),
        }))
    }
}

/// The changes that join a room, if who asked is still a member and there is room.
fn joining(
    directory: &Directory,
    id: ConversationId,
    room: RoomId,
    owner: PersonId,
) -> Result<(Vec<Change>, ConversationId), CodeRefusal> {
    let conversation = directory.conversation(id).ok_or(CodeRefusal::Wrong)?;
    let mut room = directory.room(room).cloned().ok_or(CodeRefusal::Wrong)?;
    let free = room.conversation.is_none() && conversation.rooms.len() < ROOMS_PER_CONVERSATION_MAX;
    if !free || !conversation.members.contains(&owner) {
        return Err(CodeRefusal::Wrong);
    }
    let mut conversation: Conversation = conversation.clone();
    room.conversation = Some(id);
    conversation.rooms.push(room.id);
    Ok((vec![Change::Room(room), Change::Conversation(conversation)], id))
}
