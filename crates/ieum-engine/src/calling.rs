//! Who is called in a message: whom a network or a person named, and whom a chat can notify.
//!
//! Invariant: nobody is called whom the network, or an `@` with their whole name, did not name.

use crate::account::Account;
use crate::pieces::Pieces;
use crate::speak::{author_key, author_name};
use ieum_core::delivery::Recipient;
use ieum_core::directory::{Address, Directory, Language};
use ieum_core::ids::{AccountId, AuthorKey, ConversationId, RoomId, UserKey};
use ieum_core::marks::{
    CALLED_NAMES_MAX, Mark, MarkKind, Named, Whom, called, move_back, placed, tidy,
};
use ieum_core::message::Author;
use ieum_core::network::{AuthorSupport, ChatCapabilities, ChatKind};
use ieum_core::render::{Called, Speaker, shown_sender};

/// What a network read, and where it is meant to go.
pub(crate) struct Heard<'a> {
    pub(crate) pieces: &'a Pieces,
    pub(crate) account: &'a Account,
    pub(crate) conversation: ConversationId,
}

impl Heard<'_> {
    /// A text as canonical content has it, and its marks. `said` is the text as it was read, of
    /// which `text` is the end: what stood before it was for the hub.
    pub(crate) fn marked(
        &self,
        (said, marks): (&str, &[Mark<Named>]),
        text: String,
    ) -> (String, Vec<Mark<Whom>>) {
        if marks.is_empty() && !text.contains('@') {
            return (text, Vec::new());
        }
        let cut = if said.ends_with(&text) { said.len() - text.len() } else { said.len() };
        let marks = move_back(marks, cut);
        self.pieces.read(|directory| {
            let mut found = self.found(directory, &text, marks);
            if text.contains('@') {
                add_by_hand(directory, self.conversation, &text, &mut found);
            }
            let found = tidy(&text, found);
            let (text, found) = with_names(directory, text, found);
            let found = tidy(&text, found);
            (text, found)
        })
    }

    /// Marks with whom they mean in the hub; somebody who has no place in the text is looked for.
    fn found(&self, directory: &Directory, text: &str, marks: Vec<Mark<Named>>) -> Vec<Mark<Whom>> {
        let named = |mark: Mark<Named>| {
            let has_place = mark.start < mark.end;
            let mark = mark.named(|named| self.whom(directory, &named))?;
            match (&mark.kind, has_place) {
                (_, true) => Some(mark),
                (MarkKind::Mention(whom), false) => {
                    let names = names_of(directory, *whom);
                    let range = names.into_iter().find_map(|name| placed(text, name))?;
                    Some(Mark::new(range, mark.kind))
                }
                (_, false) => None,
            }
        };
        marks.into_iter().filter_map(named).collect()
    }

    fn whom(&self, directory: &Directory, named: &Named) -> Option<Whom> {
        match named {
            Named::User(user) => {
                let address = directory.address_of_user(self.account.id, user)?;
                Some(Whom::Address(address.id))
            }
            Named::Author(key) => self.author_of(directory, key),
            Named::Shown(name) => self.shown_as(directory, name),
        }
    }

    fn author_of(&self, directory: &Directory, key: &AuthorKey) -> Option<Whom> {
        let of = |author| author_key(self.pieces, directory, author).as_ref() == Some(key);
        let all = everybody(directory, self.conversation).take(CALLED_NAMES_MAX);
        all.into_iter().find(|whom| of(author(*whom)))
    }

    /// The only one who is shown by this name.
    fn shown_as(&self, directory: &Directory, name: &str) -> Option<Whom> {
        let chat = self.account.connector.capabilities().of(ChatKind::Group);
        let (AuthorSupport::AsSender { name_max } | AuthorSupport::AsUser { name_max }) =
            chat.author
        else {
            return None;
        };
        let language = self.pieces.settings.language;
        let is_shown = |whom: &Whom| {
            let shown = speaker_name(directory, author(*whom), (name_max, language));
            shown.is_some_and(|shown| shown == name)
        };
        let all = everybody(directory, self.conversation).take(CALLED_NAMES_MAX);
        let mut shown = all.filter(is_shown);
        let first = shown.next()?;
        shown
            .all(|other| person_of(directory, other) == person_of(directory, first))
            .then_some(first)
    }
}

fn speaker_name(
    directory: &Directory,
    author: Author,
    (name_max, language): (usize, Language),
) -> Option<String> {
    let name = author_name(directory, author, language)?;
    let network = match author {
        Author::Address(id) => directory.network_of(directory.address(id)?.account),
        Author::Person(_) | Author::Hub => None,
    };
    let speaker = Speaker { name: &name, network, icon_url: None };
    shown_sender(speaker, name_max, language).map(|shown| shown.name)
}

fn author(whom: Whom) -> Author {
    match whom {
        Whom::Person(id) => Author::Person(id),
        Whom::Address(id) => Author::Address(id),
    }
}

/// One and the same for all ways to a person.
fn person_of(directory: &Directory, whom: Whom) -> Whom {
    match whom {
        Whom::Person(_) => whom,
        Whom::Address(id) => {
            let person = directory.address(id).and_then(|address| address.person);
            person.map_or(whom, Whom::Person)
        }
    }
}

/// Members of a conversation, and who is seen in its rooms.
fn everybody(
    directory: &Directory,
    conversation: ConversationId,
) -> impl Iterator<Item = Whom> + '_ {
    let conversation = directory.conversation(conversation);
    let members = conversation.into_iter().flat_map(|found| &found.members);
    let rooms = conversation.into_iter().flat_map(|found| &found.rooms);
    let rooms = rooms.filter_map(|room| directory.room(*room));
    let present = rooms.flat_map(|room| &room.present);
    members.map(|id| Whom::Person(*id)).chain(present.map(|id| Whom::Address(*id)))
}

/// By which names somebody may be called.
fn names_of(directory: &Directory, whom: Whom) -> Vec<&str> {
    let address = match whom {
        Whom::Address(id) => directory.address(id),
        Whom::Person(_) => None,
    };
    let person = match person_of(directory, whom) {
        Whom::Person(id) => directory.person(id),
        Whom::Address(_) => None,
    };
    let names = [person.map(|person| &*person.name), address.map(|address| &*address.name)];
    names.into_iter().flatten().filter(|name| !name.is_empty()).collect()
}

/// Who is called by `@` and their name, where no network named somebody.
fn add_by_hand(
    directory: &Directory,
    conversation: ConversationId,
    text: &str,
    marks: &mut Vec<Mark<Whom>>,
) {
    let all = everybody(directory, conversation).take(CALLED_NAMES_MAX);
    let names: Vec<(Whom, &str)> = all
        .flat_map(|whom| {
            let person = person_of(directory, whom);
            names_of(directory, whom).into_iter().map(move |name| (person, name))
        })
        .collect();
    for mark in called(text, &names) {
        let free = |other: &Mark<Whom>| {
            let holds = matches!(
                other.kind,
                MarkKind::Mention(_) | MarkKind::Link(_) | MarkKind::Code | MarkKind::Pre
            );
            !holds || other.end <= mark.start || other.start >= mark.end
        };
        if marks.iter().all(free) {
            marks.push(mark);
        }
    }
}

/// Who is called by hand in what somebody says on the hub's own page.
pub(crate) fn by_hand(
    pieces: &Pieces,
    conversation: ConversationId,
    text: &str,
) -> Vec<Mark<Whom>> {
    let mut marks = Vec::new();
    if text.contains('@') {
        pieces.read(|directory| add_by_hand(directory, conversation, text, &mut marks));
    }
    tidy(text, marks)
}

/// The text with everybody called by `@` and the name that the hub knows, whatever their network
/// writes.
fn with_names(
    directory: &Directory,
    mut text: String,
    mut marks: Vec<Mark<Whom>>,
) -> (String, Vec<Mark<Whom>>) {
    for at in (0..marks.len()).rev() {
        let Some(Mark { start, end, kind: MarkKind::Mention(whom) }) = marks.get(at).cloned()
        else {
            continue;
        };
        let Some(name) = names_of(directory, whom).into_iter().next() else { continue };
        let name = format!("@{name}");
        if text.get(start..end).is_none_or(|now| now == name) {
            continue;
        }
        text.replace_range(start..end, &name);
        let moved = |place: usize, inside: usize| match place {
            _ if place >= end => place - end + start + name.len(),
            _ if place > start => inside,
            _ => place,
        };
        for mark in &mut marks {
            mark.start = moved(mark.start, start);
            mark.end = moved(mark.end, start + name.len());
        }
    }
    (text, marks)
}

/// The marks of a message with the users whom the chat of `recipient` can notify.
pub(crate) fn in_chat(
    pieces: &Pieces,
    (account, chat): (AccountId, &ChatCapabilities),
    recipient: Recipient,
    marks: Vec<Mark<Whom>>,
) -> Vec<Called> {
    if marks.is_empty() {
        return Vec::new();
    }
    let room = match recipient {
        Recipient::Room(room) if chat.mentions_max > 0 => Some(room),
        Recipient::Room(_) | Recipient::Person(_) => None,
    };
    pieces.read(|directory| {
        let user = |whom| room.and_then(|room| user_in(directory, room, account, whom));
        marks.into_iter().filter_map(|mark| mark.named(|whom| Some(user(whom)))).collect()
    })
}

/// The user of this account's network by whom somebody is in a room.
fn user_in(directory: &Directory, room: RoomId, account: AccountId, whom: Whom) -> Option<UserKey> {
    let person = person_of(directory, whom);
    let is_meant = |address: &&Address| {
        let own = Whom::Address(address.id);
        address.account == account && (own == whom || person_of(directory, own) == person)
    };
    let present = directory.room(room)?.present.iter();
    let found = present.filter_map(|id| directory.address(*id)).find(is_meant)?;
    (!crate::identify::is_somebody(&found.user)).then(|| found.user.clone())
}
