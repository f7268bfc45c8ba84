//! Linking by chat: a code that was sent back, the question that follows, its answer; parting.
//!
//! Invariant: everybody who loses or gains an address by it is told at all addresses they have.

use crate::commands::{Speaker, say_to};
use crate::pieces::Pieces;
use crate::replies;
use ieum_core::directory::{Change, Directory, Gone};
use ieum_core::ids::{AddressId, PersonId};
use ieum_core::network::Network;
use ieum_core::people::code::{CodePurpose, CodeText, Party};
use ieum_core::people::codes::{Attempt, CodeRefusal};
use ieum_core::people::here::order_of;
use ieum_core::people::links::{self, LinkRefusal};
use ieum_core::ports::store::StoreFailure;
use ieum_core::time::Timestamp;

/// What a code that came back leads to.
enum Brought {
    /// This address is asked whether the two are one.
    Asked(AddressId),
    /// This address itself is asked whether it is that of whose page showed the code.
    AskedHere(PersonId),
    Wrong(CodeRefusal),
    Refused(LinkRefusal),
}

/// A code came back from this address.
pub(crate) async fn brought(
    pieces: &Pieces,
    speaker: Speaker,
    text: CodeText,
) -> Result<String, StoreFailure> {
    let (language, now) = (speaker.language, pieces.now());
    let purpose = CodePurpose::Link;
    let mark = text.mark(purpose, &pieces.secret);
    let by = Party::Address(speaker.address);
    let attempt = Attempt { mark, purpose, ticket: None, owner: None, by };
    let brought = pieces.change(|directory| decide(directory, attempt, speaker, now)).await?;
    Ok(match brought {
        Brought::Asked(asked) => {
            ask(pieces, asked, speaker.address).await?;
            let network = network_of(pieces, asked);
            replies::say_yes_there(network, language)
        }
        Brought::AskedHere(page) => {
            let name = pieces.read(|all| all.person(page).map(|one| one.name.to_string()));
            replies::is_that_your_page(&name.unwrap_or_default(), language)
        }
        Brought::Wrong(refusal) => replies::refused(refusal, language),
        Brought::Refused(refusal) => replies::not_linked(refusal, language),
    })
}

/// Only a code that its bringer may use is used up: sent from the chat that it was told in, it
/// stays good for the other one.
fn decide(
    directory: &Directory,
    attempt: Attempt,
    speaker: Speaker,
    now: Timestamp,
) -> (Vec<Change>, Brought) {
    let known = directory.codes().peek(attempt, now).map(|code| code.owner);
    let same = match known {
        Some(Party::Address(owner)) => person_of(directory, owner) == Some(speaker.person),
        Some(Party::Person(owner)) => owner == speaker.person,
        Some(Party::Peer(_)) | None => false,
    };
    if same {
        return (Vec::new(), Brought::Refused(LinkRefusal::Same));
    }
    let (mut changes, answer) = directory.codes().redeem(attempt, now);
    let code = match answer {
        Ok(code) => code,
        Err(refusal) => return (changes, Brought::Wrong(refusal)),
    };
    match follows(directory, code.owner, speaker, now) {
        Ok((more, brought)) => {
            changes.extend(more);
            (changes, brought)
        }
        Err(refusal) => (changes, Brought::Refused(refusal)),
    }
}

fn follows(
    directory: &Directory,
    owner: Party,
    speaker: Speaker,
    now: Timestamp,
) -> Result<(Vec<Change>, Brought), LinkRefusal> {
    let asked = match owner {
        Party::Address(address) => Some(address),
        Party::Person(id) => {
            let person = directory.person(id).ok_or(LinkRefusal::Unknown)?;
            order_of(directory, id, &person.routes).first().copied()
        }
        Party::Peer(_) => return Err(LinkRefusal::Unknown),
    };
    if let Some(asked) = asked {
        let question = links::question(directory, asked, speaker.address, now)?;
        return Ok((vec![question], Brought::Asked(asked)));
    }
    let Party::Person(id) = owner else { return Err(LinkRefusal::Unknown) };
    let question = links::page_question(directory, id, speaker.address, now)?;
    Ok((vec![question], Brought::AskedHere(id)))
}

fn person_of(directory: &Directory, address: AddressId) -> Option<PersonId> {
    directory.address(address)?.person
}

fn network_of(pieces: &Pieces, address: AddressId) -> Option<Network> {
    pieces.read(|directory| directory.network_of(directory.address(address)?.account))
}

/// How an address is called by people: its network and the name there.
fn called(pieces: &Pieces, address: AddressId) -> (Option<Network>, String) {
    let name =
        pieces.read(|directory| directory.address(address).map(|address| address.name.to_string()));
    (network_of(pieces, address), name.unwrap_or_default())
}

async fn ask(pieces: &Pieces, asked: AddressId, about: AddressId) -> Result<(), StoreFailure> {
    let Some(person) = pieces.read(|directory| person_of(directory, asked)) else {
        return Ok(());
    };
    let (network, name) = called(pieces, about);
    let text = replies::is_that_you(network, &name, pieces.language_of(person));
    say_to(pieces, person, asked, &text).await
}

/// A yes or no: `None` when nobody asked, and the word is for somebody else.
pub(crate) async fn answered(
    pieces: &Pieces,
    speaker: Speaker,
    yes: bool,
) -> Result<Option<String>, StoreFailure> {
    let now = pieces.now();
    let settled = pieces
        .change(|directory| {
            let waits = |question: &&links::Question| now < question.expires_at;
            let question = directory.question_to(speaker.address).filter(waits).copied();
            let Some(question) = question else { return (Vec::new(), None) };
            let over = Change::Gone(Gone::Question(speaker.address));
            if !yes {
                return (vec![over], Some((question, Ok(None))));
            }
            match links::answered(directory, question, now) {
                Ok((changes, person)) => (changes, Some((question, Ok(Some(person))))),
                Err(refusal) => (vec![over], Some((question, Err(refusal)))),
            }
        })
        .await?;
    let Some((question, came)) = settled else { return Ok(None) };
    let language = speaker.language;
    Ok(Some(match came {
        Ok(Some(_)) if question.page.is_some() => replies::adopted(speaker.network, language),
        Ok(None) if question.page.is_some() => replies::not_you(language).to_owned(),
        Ok(Some(person)) => {
            tell_linked(pieces, person, speaker.address, question.about).await?;
            replies::linked(network_of(pieces, question.about), language)
        }
        Ok(None) => {
            let (network, person) = (speaker.network, owner(pieces, question.about));
            if let Some(person) = person {
                let text = replies::said_no(network, pieces.language_of(person));
                say_to(pieces, person, question.about, &text).await?;
            }
            replies::not_you(language).to_owned()
        }
        Err(refusal) => replies::not_linked(refusal, language),
    }))
}

fn owner(pieces: &Pieces, address: AddressId) -> Option<PersonId> {
    pieces.read(|directory| person_of(directory, address))
}

/// Tells every address of a person but the one that knows that there is a new one.
async fn tell_linked(
    pieces: &Pieces,
    person: PersonId,
    knows: AddressId,
    new: AddressId,
) -> Result<(), StoreFailure> {
    let (network, name) = called(pieces, new);
    let text = replies::new_link(network, &name, pieces.language_of(person));
    for address in others(pieces, person, knows) {
        say_to(pieces, person, address, &text).await?;
    }
    Ok(())
}

fn others(pieces: &Pieces, person: PersonId, but: AddressId) -> Vec<AddressId> {
    let routes = pieces.read(|directory| directory.person(person).map(|one| one.routes.clone()));
    routes.unwrap_or_default().into_iter().filter(|id| *id != but).collect()
}

/// Parts an address of the speaker's: that on `network`, or the one they write from.
pub(crate) async fn parted(
    pieces: &Pieces,
    speaker: Speaker,
    network: Option<Network>,
) -> Result<String, StoreFailure> {
    let wanted = network.unwrap_or(speaker.network);
    let (which, before) = pieces.read(|directory| {
        let on = |id: &AddressId| {
            let address = directory.address(*id);
            address.and_then(|address| directory.network_of(address.account)) == Some(wanted)
        };
        let routes = directory.person(speaker.person).map(|one| one.routes.clone());
        let routes = routes.unwrap_or_default();
        let own = Some(speaker.address).filter(on);
        (own.or_else(|| routes.iter().copied().find(on)), routes)
    });
    let Some(which) = which else {
        return Ok(replies::not_linked(LinkRefusal::Unknown, speaker.language));
    };
    let parted = pieces
        .change(|directory| match links::parted(directory, which) {
            Ok(changes) => (changes, Ok(())),
            Err(refusal) => (Vec::new(), Err(refusal)),
        })
        .await?;
    if let Err(refusal) = parted {
        return Ok(replies::not_linked(refusal, speaker.language));
    }
    let text = replies::link_gone(wanted, speaker.language);
    for address in before.into_iter().filter(|id| *id != speaker.address) {
        say_to(pieces, speaker.person, address, &text).await?;
    }
    Ok(text)
}
