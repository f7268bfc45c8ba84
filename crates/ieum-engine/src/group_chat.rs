//! Words about the present conversation, said to the hub in a direct chat.
//!
//! What a text means is decided in `ieum_core::people::group_command`; a name that is no member's
//! makes it somebody's words after all. Invariant: a network that repeats an event founds nothing
//! twice.

use crate::commands::{Speaker, present_group};
use crate::group_words;
use crate::groups::{GroupAct, carry_out, roster_of};
use crate::pieces::Pieces;
use crate::talk::title;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::people::group_command::{GroupCommand, group_command};
use ieum_core::people::groups::{Actor, Charter, GroupRefusal, Role, title as kept};
use ieum_core::people::moderation::Ruling;
use ieum_core::ports::store::StoreFailure;

/// Reports that one answer lists.
const REPORTS_SHOWN_MAX: usize = 20;

/// Does what somebody wants of a conversation, and gives the answer; `None` when the words were
/// not for the hub.
pub(crate) async fn asked(
    pieces: &Pieces,
    speaker: Speaker,
    text: &str,
) -> Result<Option<String>, StoreFailure> {
    let Some(command) = group_command(text) else { return Ok(None) };
    let here = present_group(pieces, speaker);
    if command == GroupCommand::Reports {
        return Ok(here.map(|id| reports(pieces, speaker, id)));
    }
    let act = match pieces.read(|directory| meant(directory, &command, speaker, here)) {
        Meant::Act(act) => act,
        Meant::Again(id) => {
            let founded = GroupAct::Found(speaker.person, String::new());
            return Ok(Some(said_done(pieces, speaker, id, &founded)));
        }
        Meant::Refused(refusal) => {
            return Ok(Some(group_words::refused(refusal, speaker.language).to_owned()));
        }
        Meant::Words => return Ok(None),
    };
    let title_before = here.map(|id| title_of(pieces, speaker, id));
    match carry_out(pieces, act.clone()).await? {
        Err(refusal) => Ok(Some(group_words::refused(refusal, speaker.language).to_owned())),
        Ok(id) => {
            if matches!(act, GroupAct::Found(..) | GroupAct::Enter(..) | GroupAct::Answer(.., true))
            {
                turn_to(pieces, speaker, id).await?;
            }
            let left = matches!(act, GroupAct::Leave(..));
            match title_before.filter(|_| left) {
                Some(title) => Ok(Some(group_words::done(&act, &title, speaker.language))),
                None => Ok(Some(said_done(pieces, speaker, id, &act))),
            }
        }
    }
}

/// What a command comes to.
enum Meant {
    Act(GroupAct),
    /// It was founded before, by the same words.
    Again(ConversationId),
    Refused(GroupRefusal),
    /// No member is called so: the words were for the others.
    Words,
}

fn meant(
    directory: &Directory,
    command: &GroupCommand,
    speaker: Speaker,
    here: Option<ConversationId>,
) -> Meant {
    let me = speaker.person;
    match command {
        GroupCommand::Found(title) => {
            let again = kept(title).ok().and_then(|title| led_by(directory, me, &title));
            again.map_or(Meant::Act(GroupAct::Found(me, title.clone())), Meant::Again)
        }
        GroupCommand::Answer(comes) => {
            let waiting = directory.charters().all().filter_map(|charter| {
                let invited = charter.invited.iter().find(|one| one.person == me)?;
                Some((invited.at, charter.conversation))
            });
            match waiting.max() {
                Some((_, id)) => Meant::Act(GroupAct::Answer(id, me, *comes)),
                None => Meant::Refused(GroupRefusal::NotInvited),
            }
        }
        GroupCommand::Enter(door) => Meant::Act(GroupAct::Enter(*door, me)),
        GroupCommand::Rename(_)
        | GroupCommand::Invite(_)
        | GroupCommand::Leave
        | GroupCommand::Remove(_)
        | GroupCommand::Appoint(..)
        | GroupCommand::Open(_)
        | GroupCommand::Slow(_)
        | GroupCommand::Ban(_)
        | GroupCommand::Unban(_)
        | GroupCommand::Report(_)
        | GroupCommand::Reports => match here {
            Some(id) => in_conversation(directory, command, me, id),
            None => Meant::Refused(GroupRefusal::NoConversation),
        },
    }
}

fn led_by(directory: &Directory, person: PersonId, title: &str) -> Option<ConversationId> {
    let mine = directory.conversations_of(person).iter().copied();
    mine.into_iter().find(|id| {
        let named = directory.conversation(*id).is_some_and(|one| &*one.title == title);
        named && Charter::of(directory, *id).owner == Some(person)
    })
}

fn in_conversation(
    directory: &Directory,
    command: &GroupCommand,
    me: PersonId,
    id: ConversationId,
) -> Meant {
    let by = Actor::Person(me);
    let about = |text: &str| named_in(directory, id, text);
    let act = match command {
        GroupCommand::Rename(title) => Some(GroupAct::Rename(id, by, title.clone())),
        GroupCommand::Invite(handle) => Some(GroupAct::Invite(id, me, handle.clone())),
        GroupCommand::Leave => Some(GroupAct::Leave(id, me)),
        GroupCommand::Open(open) => Some(GroupAct::Open(id, by, *open)),
        GroupCommand::Slow(slow_ms) => Some(GroupAct::Slow(id, by, *slow_ms)),
        GroupCommand::Remove(name) => about(name)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(who, _)| GroupAct::Remove(id, by, who)),
        GroupCommand::Appoint(name, role) => about(name)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(who, _)| GroupAct::Appoint(id, by, who, *role)),
        GroupCommand::Ban(text) => {
            about(text).map(|(who, reason)| GroupAct::Ban(id, by, who, reason))
        }
        GroupCommand::Unban(name) => {
            banned_as(directory, id, name).map(|who| GroupAct::Unban(id, by, who))
        }
        GroupCommand::Report(text) => about(text)
            .filter(|(_, reason)| !reason.is_empty())
            .map(|(who, reason)| GroupAct::Report(id, me, who, None, reason)),
        GroupCommand::Found(_)
        | GroupCommand::Answer(_)
        | GroupCommand::Enter(_)
        | GroupCommand::Reports => None,
    };
    act.map_or(Meant::Words, Meant::Act)
}

/// The member with the longest name that a text begins with, and what stands behind it. Two of the
/// same name are neither.
fn named_in(directory: &Directory, id: ConversationId, text: &str) -> Option<(PersonId, String)> {
    let conversation = directory.conversation(id)?;
    let all: Vec<(usize, PersonId, &str)> = conversation
        .members
        .iter()
        .filter_map(|id| directory.person(*id))
        .filter(|person| !person.name.is_empty())
        .filter_map(|person| {
            let rest = text.strip_prefix(&*person.name)?;
            let rest = rest.strip_prefix('님').unwrap_or(rest);
            let ends = rest.is_empty() || rest.starts_with(' ');
            ends.then_some((person.name.len(), person.id, rest.trim()))
        })
        .collect();
    let longest = all.iter().map(|(length, ..)| *length).max()?;
    let mut found = all.into_iter().filter(|(length, ..)| *length == longest);
    let (_, person, rest) = found.next()?;
    found.next().is_none().then(|| (person, rest.to_owned()))
}

fn banned_as(directory: &Directory, id: ConversationId, name: &str) -> Option<PersonId> {
    let charter = Charter::of(directory, id);
    let mut found = charter.bans.iter().map(|ban| ban.person).filter(|person| {
        directory.person(*person).is_some_and(|person| &*person.name == name.trim())
    });
    found.next().filter(|_| found.next().is_none())
}

/// What goes on in the chat goes to this conversation now.
async fn turn_to(
    pieces: &Pieces,
    speaker: Speaker,
    id: ConversationId,
) -> Result<(), StoreFailure> {
    pieces
        .change(|directory| {
            let turned = directory.address(speaker.address).cloned().map(|mut address| {
                address.current = Some(id);
                Change::Address(address)
            });
            (turned.into_iter().collect(), ())
        })
        .await
}

fn title_of(pieces: &Pieces, speaker: Speaker, id: ConversationId) -> String {
    pieces.read(|directory| title(directory, id, speaker.person, speaker.language))
}

fn said_done(pieces: &Pieces, speaker: Speaker, id: ConversationId, act: &GroupAct) -> String {
    let title = title_of(pieces, speaker, id);
    let door = pieces.read(|directory| directory.charters().of(id).and_then(|one| one.key));
    match (act, door) {
        (GroupAct::Open(.., true), Some(door)) => {
            group_words::door(&title, &door.to_string(), speaker.language)
        }
        _ => group_words::done(act, &title, speaker.language),
    }
}

/// Who is in the present conversation; `None` when it is not clear which one that is.
pub(crate) fn who(pieces: &Pieces, speaker: Speaker) -> Option<String> {
    let here = pieces.read(|directory| {
        let mine = directory.conversations_of(speaker.person);
        let current = directory.address(speaker.address)?.current;
        let only = if let [only] = mine { Some(*only) } else { None };
        current.filter(|current| mine.contains(current)).or(only)
    })?;
    let seats = roster_of(pieces, here)?;
    let title = title_of(pieces, speaker, here);
    Some(group_words::roster(&title, &seats, speaker.language))
}

/// The reports that wait, for who may decide them.
fn reports(pieces: &Pieces, speaker: Speaker, id: ConversationId) -> String {
    pieces.read(|directory| {
        let charter = Charter::of(directory, id);
        if charter.role(speaker.person) == Role::Member {
            return group_words::refused(GroupRefusal::NotAllowed, speaker.language).to_owned();
        }
        let open = charter.reports.iter().filter(|one| one.ruling == Ruling::Open);
        let named = |id| directory.person(id).map_or_else(String::new, |one| one.name.to_string());
        let waiting: Vec<_> =
            open.take(REPORTS_SHOWN_MAX).map(|one| (one, named(one.about))).collect();
        group_words::reports(&waiting, speaker.language)
    })
}
