//! What somebody means in their direct chat with our account, where several conversations share
//! one place. Pure. Invariant: a recipient is never guessed; what is not clear is asked.

use crate::notices::{self, HUB_CONVERSATION};
use ieum_core::directory::{ConversationKind, Directory, Language};
use ieum_core::ids::{AddressId, ConversationId, PersonId};
use ieum_core::people::command::{Command, command};

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Say this in that conversation.
    Say {
        /// Where.
        conversation: ConversationId,
        /// What, without the address in front.
        text: String,
        /// Whether that conversation becomes the present one.
        switch: bool,
    },
    /// That conversation becomes the present one, and the hub says so.
    Turn {
        /// Which.
        conversation: ConversationId,
        /// What the hub says.
        answer: String,
    },
    /// The hub answers.
    Answer(String),
}

/// Reads one direct message; `quoted` is the conversation of the message that it answers.
pub(crate) fn meaning(
    directory: &Directory,
    person: PersonId,
    address: AddressId,
    text: &str,
    quoted: Option<ConversationId>,
) -> Meaning {
    let language = directory.person(person).map_or(Language::Ko, |person| person.language);
    let mine = directory.conversations_of(person);
    let current = directory.address(address).and_then(|address| address.current);
    let present = match (quoted, current, mine) {
        (Some(quoted), _, _) if mine.contains(&quoted) => Some(quoted),
        // An answer to what they are not in any more is meant for nobody else.
        (Some(quoted), _, _) if quoted != HUB_CONVERSATION => None,
        (_, Some(current), _) if mine.contains(&current) => Some(current),
        (_, _, [only]) => Some(*only),
        _ => None,
    };
    let asked = command(text);
    if asked == Some(Command::Help) {
        return Meaning::Answer(notices::help(language).to_owned());
    }
    if let (Some(Command::Who), Some(conversation)) = (asked, present) {
        return Meaning::Answer(who(directory, conversation, person, language));
    }
    let addressed = addressed(directory, person, mine, text);
    if let [(first, _), (second, _), ..] = addressed.as_slice() {
        let titles = [*first, *second].map(|id| title(directory, id, person, language));
        return Meaning::Answer(notices::which(&titles, language));
    }
    if let Some((conversation, rest)) = addressed.first().copied() {
        if rest.is_empty() {
            let title = title(directory, conversation, person, language);
            return Meaning::Turn { conversation, answer: notices::turned(&title, language) };
        }
        return Meaning::Say { conversation, text: rest.to_owned(), switch: true };
    }
    match present {
        Some(conversation) => Meaning::Say { conversation, text: text.to_owned(), switch: false },
        None if mine.is_empty() => Meaning::Answer(notices::nowhere(language).to_owned()),
        None => {
            let titles: Vec<String> =
                mine.iter().map(|id| title(directory, *id, person, language)).collect();
            Meaning::Answer(notices::which(&titles, language))
        }
    }
}

/// `@title words`: the conversation with that title (or, for a direct one, the other's name), the
/// longest that fits. Several when they are called alike: then nobody knows which is meant.
fn addressed<'t>(
    directory: &Directory,
    person: PersonId,
    mine: &[ConversationId],
    text: &'t str,
) -> Vec<(ConversationId, &'t str)> {
    let Some(rest) = text.trim_start().strip_prefix('@') else { return Vec::new() };
    let fitting: Vec<_> = mine
        .iter()
        .filter_map(|id| {
            let title = title(directory, *id, person, Language::Ko);
            let words = rest.strip_prefix(title.as_str())?;
            let ends = words.is_empty() || words.starts_with([' ', '\n', ':', ',']);
            (ends && !title.is_empty()).then_some((*id, title.len(), words))
        })
        .collect();
    let longest = fitting.iter().map(|(_, length, _)| *length).max();
    let longest = fitting.into_iter().filter(|(_, length, _)| Some(*length) == longest);
    longest.map(|(id, _, words)| (id, words.trim_start_matches([' ', '\n', ':', ',']))).collect()
}

/// What a conversation is called by one of its people.
pub(crate) fn title(
    directory: &Directory,
    conversation: ConversationId,
    reader: PersonId,
    language: Language,
) -> String {
    let Some(conversation) = directory.conversation(conversation) else {
        return notices::untitled(language).to_owned();
    };
    if conversation.kind != ConversationKind::Direct && !conversation.title.is_empty() {
        return conversation.title.to_string();
    }
    let others: Vec<&str> = conversation
        .members
        .iter()
        .filter(|member| **member != reader)
        .filter_map(|member| directory.person(*member))
        .map(|person| &*person.name)
        .collect();
    if others.is_empty() { notices::untitled(language).to_owned() } else { others.join(", ") }
}

fn who(
    directory: &Directory,
    conversation: ConversationId,
    reader: PersonId,
    language: Language,
) -> String {
    let names: Vec<String> = directory
        .conversation(conversation)
        .map(|conversation| conversation.members.as_slice())
        .unwrap_or_default()
        .iter()
        .filter_map(|member| directory.person(*member))
        .map(|person| person.name.to_string())
        .collect();
    notices::who(&title(directory, conversation, reader, language), &names, language)
}
