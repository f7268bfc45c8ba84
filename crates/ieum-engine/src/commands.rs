//! Words that people say to the hub itself: what they mean is done, and answered where they spoke.
//!
//! What a text means is decided in `ieum_core::people::command`, who may be joined with whom in
//! `ieum_core::people::links`. Invariant: an answer is given only after what it tells is durable.

use crate::codes::{CodeFailure, WantedCode, issue_as};
use crate::compose::hub_text;
use crate::failover::gather;
use crate::intake::Taking;
use crate::notices::HUB_CONVERSATION;
use crate::pieces::{Pieces, lock};
use crate::replies;
use crate::told::{ReplyPlace, tell, to_place};
use crate::{group_chat, linking, operator};
use ieum_core::content::salt_for_native;
use ieum_core::delivery::Route;
use ieum_core::directory::{Change, Consent, ConversationKind, Endpoint, Language, Purpose};
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::{AddressId, ConversationId, PersonId};
use ieum_core::inbound::Inbound;
use ieum_core::network::Network;
use ieum_core::people::code::{CodeId, CodePurpose, Party};
use ieum_core::people::command::{Command, command, yes_or_no};
use ieum_core::people::here::{HERE_MS, Stay};
use ieum_core::ports::store::StoreFailure;

/// How a withdrawal by [`Command::Stop`] is recorded: [`Command::Resume`] gives back these alone.
const STOPPED: &str = "said stop";

/// All purposes of a consent.
const PURPOSES: [Purpose; 3] = [Purpose::Talk, Purpose::Failover, Purpose::Notices];

/// Somebody in their direct chat with our account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker {
    pub(crate) person: PersonId,
    pub(crate) address: AddressId,
    pub(crate) network: Network,
    pub(crate) language: Language,
}

impl Taking<'_> {
    /// Does what a direct message asks of the hub, and gives the answer; `None` when the words are
    /// for somebody else (or only ask for what [`crate::talk`] tells).
    pub(crate) async fn commanded(
        &self,
        event: &Inbound,
        text: &str,
        (person, address): (PersonId, AddressId),
        quotes: bool,
    ) -> Result<Option<String>, StoreFailure> {
        let language = self.pieces.language_of(person);
        let network = self.account.network;
        let speaker = Speaker { person, address, network, language };
        if let Some(yes) = yes_or_no(text).filter(|_| !quotes) {
            return linking::answered(self.pieces, speaker, yes).await;
        }
        let Some(command) = command(text) else {
            return Box::pin(group_chat::asked(self.pieces, speaker, text)).await;
        };
        self.carried_out(event, command, speaker).await
    }

    async fn carried_out(
        &self,
        event: &Inbound,
        command: Command,
        speaker: Speaker,
    ) -> Result<Option<String>, StoreFailure> {
        let pieces = self.pieces;
        Ok(Some(match command {
            Command::Help => return Ok(None),
            Command::Who => return Ok(group_chat::who(pieces, speaker)),
            Command::Resume => return resumed(pieces, speaker).await,
            Command::Status => status(pieces, speaker),
            Command::Link => self.code(event, speaker, CodePurpose::Link).await?,
            Command::RoomCode => self.code(event, speaker, CodePurpose::JoinRoom).await?,
            Command::Enter => self.code(event, speaker, CodePurpose::Enter).await?,
            Command::LinkBy(text) => linking::brought(pieces, speaker, text).await?,
            Command::Unlink(network) => linking::parted(pieces, speaker, network).await?,
            Command::Here => here(pieces, speaker).await?,
            Command::Order(order) => ordered(pieces, speaker, &order).await?,
            Command::Down(network) => down(pieces, speaker, network).await?,
            Command::Stop => stopped(pieces, speaker).await?,
        }))
    }

    /// A code, told in the chat where it was asked for. A network that repeats the asking gets no
    /// second one, which would put an end to the first.
    async fn code(
        &self,
        event: &Inbound,
        speaker: Speaker,
        purpose: CodePurpose,
    ) -> Result<String, StoreFailure> {
        let language = speaker.language;
        let (owner, conversation) = match purpose {
            CodePurpose::JoinRoom => {
                let Some(conversation) = present_group(self.pieces, speaker) else {
                    return Ok(replies::no_group(language).to_owned());
                };
                (Party::Person(speaker.person), Some(conversation))
            }
            CodePurpose::Enter => (Party::Person(speaker.person), None),
            CodePurpose::Link | CodePurpose::SignIn => (Party::Address(speaker.address), None),
        };
        let id = self.code_id(event);
        if self.pieces.read(|directory| directory.codes().waits(id)) {
            return Ok(replies::ask_again(language).to_owned());
        }
        let asked_by = Some(Party::Address(speaker.address));
        let wanted = WantedCode { purpose, owner, asked_by, conversation };
        match issue_as(self.pieces, id, wanted).await {
            Ok(issued) if purpose == CodePurpose::JoinRoom => {
                Ok(replies::room_code(&issued.text.to_string(), language))
            }
            Ok(issued) if purpose == CodePurpose::Enter => {
                Ok(replies::enter_code(&issued.text.to_string(), language))
            }
            Ok(issued) => Ok(replies::link_code(&issued.text.to_string(), language)),
            Err(CodeFailure::Refused(refusal)) => Ok(replies::refused(refusal, language)),
            Err(CodeFailure::NotFound(_)) => Ok(replies::ask_again(language).to_owned()),
            Err(CodeFailure::Unavailable) => Err(StoreFailure::Unavailable("a code".to_owned())),
        }
    }

    /// The number of the code that an event asks for: the same when the event comes again.
    fn code_id(&self, event: &Inbound) -> CodeId {
        let (chat, key) = (event.chat.key.as_str(), event.event.as_str());
        let network = format!("code/{}", self.account.id);
        let salt = salt_for_native(&self.pieces.secret, &network, chat, key);
        let (number, _) = salt.split_at(8);
        CodeId(number.try_into().map_or(0, u64::from_be_bytes))
    }
}

/// The group that somebody's words go to now, if a room may be joined to it.
pub(crate) fn present_group(pieces: &Pieces, speaker: Speaker) -> Option<ConversationId> {
    pieces.read(|directory| {
        let mine = directory.conversations_of(speaker.person);
        let current = directory.address(speaker.address)?.current;
        let present = current.filter(|current| mine.contains(current));
        // Who just left the one that was present is not taken for speaking of the one that is left.
        let only = if let ([only], None) = (mine, current) { Some(*only) } else { None };
        let conversation = directory.conversation(present.or(only)?)?;
        (conversation.kind != ConversationKind::Direct).then_some(conversation.id)
    })
}

/// Says something of the hub's own in somebody's direct chat, where it is open.
pub(crate) async fn say_to(
    pieces: &Pieces,
    person: PersonId,
    address: AddressId,
    text: &str,
) -> Result<(), StoreFailure> {
    let Some(delivery) = to_place(pieces, ReplyPlace::Person(person, address)) else {
        return Ok(());
    };
    tell(pieces, hub_text(pieces, HUB_CONVERSATION, text, None), delivery, None).await.map(drop)
}

fn status(pieces: &Pieces, speaker: Speaker) -> String {
    let networks: Vec<(Network, CellState)> = {
        let health = lock(&pieces.health);
        let mut seen: Vec<Network> = pieces.accounts.values().map(|one| one.network).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter()
            .map(|network| (network, health.detector().network_state(network)))
            .collect()
    };
    let ways = pieces.read(|directory| {
        let person = directory.person(speaker.person)?;
        let order =
            ieum_core::people::here::order_of(directory, person.id, &person.routes).into_iter();
        let network = |id| directory.network_of(directory.address(id)?.account);
        Some(order.filter_map(network).collect::<Vec<_>>())
    });
    replies::status(&networks, &ways.unwrap_or_default(), speaker.language)
}

/// Makes the address first for a while and brings there what waits elsewhere. To say where one is
/// is to agree to be reached there.
async fn here(pieces: &Pieces, speaker: Speaker) -> Result<String, StoreFailure> {
    let (at, network) = (pieces.now(), speaker.network);
    let until = at.plus_ms(HERE_MS);
    let account = pieces
        .change(|directory| {
            let stay = Stay { person: speaker.person, address: speaker.address, until };
            let mut changes = vec![Change::Stay(stay)];
            let person = directory.person(speaker.person).cloned().map(|mut person| {
                for purpose in [Purpose::Talk, Purpose::Failover] {
                    if !person.agreed(network, purpose) {
                        let source = "said here".into();
                        let yes = Consent { network, purpose, given: true, at, source };
                        person
                            .consents
                            .retain(|old| (old.network, old.purpose) != (network, purpose));
                        person.consents.push(yes);
                    }
                }
                Change::Person(person)
            });
            changes.extend(person);
            (changes, directory.address(speaker.address).map(|address| address.account))
        })
        .await?;
    bring(pieces, speaker, account).await;
    let clock = ieum_core::render::words::clock_text(until, pieces.settings.utc_offset_minutes);
    Ok(replies::here(network, &clock, speaker.language))
}

async fn bring(pieces: &Pieces, speaker: Speaker, account: Option<ieum_core::ids::AccountId>) {
    if let Some(account) = account {
        let endpoint = Endpoint::Address(speaker.address);
        gather(pieces, speaker.person, Route { account, endpoint }).await;
    }
}

/// A person's report; who reports from elsewhere is reached there at once, as far as they agreed.
async fn down(pieces: &Pieces, speaker: Speaker, network: Network) -> Result<String, StoreFailure> {
    let cell = Cell { network, function: Function::Send, surface: Surface::Mobile };
    operator::report(pieces, cell, speaker.person).await;
    let language = speaker.language;
    if network == speaker.network {
        return Ok(replies::reported(network, language));
    }
    let agreed = pieces.read(|directory| {
        let person = directory.person(speaker.person);
        person.is_some_and(|person| person.agreed(speaker.network, Purpose::Failover))
    });
    if !agreed {
        return Ok(replies::reported_say_here(network, language));
    }
    here(pieces, speaker).await?;
    Ok(replies::reported_moved(network, speaker.network, language))
}

/// Withdraws everything agreed to on this network; what is queued asks again before it leaves.
async fn stopped(pieces: &Pieces, speaker: Speaker) -> Result<String, StoreFailure> {
    let given = |consent: &Consent| consent.given;
    let changed = restate(pieces, speaker, given, (false, STOPPED)).await?;
    if changed {
        let text = replies::stopped(speaker.network, speaker.language);
        return Ok(text);
    }
    Ok(replies::stopped_before(speaker.network, speaker.language))
}

/// Gives back what [`stopped`] withdrew; without that, the word was for somebody else.
async fn resumed(pieces: &Pieces, speaker: Speaker) -> Result<Option<String>, StoreFailure> {
    let withdrawn = |consent: &Consent| !consent.given && &*consent.source == STOPPED;
    let changed = restate(pieces, speaker, withdrawn, (true, "said resume")).await?;
    Ok(changed.then(|| replies::resumed(speaker.network, speaker.language)))
}

/// Says those consents on the speaker's network anew; whether there were any.
async fn restate(
    pieces: &Pieces,
    speaker: Speaker,
    which: impl Fn(&Consent) -> bool,
    (given, source): (bool, &str),
) -> Result<bool, StoreFailure> {
    let at = pieces.now();
    pieces
        .change(|directory| {
            let Some(mut person) = directory.person(speaker.person).cloned() else {
                return (Vec::new(), false);
            };
            let mut changed = false;
            for purpose in PURPOSES {
                let said =
                    |old: &&mut Consent| old.network == speaker.network && old.purpose == purpose;
                let last = person.consents.iter_mut().rfind(said);
                if let Some(old) = last.filter(|old| which(old)) {
                    (old.given, old.at, old.source) = (given, at, source.into());
                    changed = true;
                }
            }
            if changed { (vec![Change::Person(person)], true) } else { (Vec::new(), false) }
        })
        .await
}

async fn ordered(
    pieces: &Pieces,
    speaker: Speaker,
    order: &[Network],
) -> Result<String, StoreFailure> {
    let networks = pieces
        .change(|directory| {
            let Some(mut person) = directory.person(speaker.person).cloned() else {
                return (Vec::new(), Vec::new());
            };
            let network = |id: &AddressId| directory.network_of(directory.address(*id)?.account);
            person.routes.sort_by_key(|id| {
                let place = network(id).and_then(|one| order.iter().position(|two| *two == one));
                place.unwrap_or(order.len())
            });
            let networks: Vec<Network> = person.routes.iter().filter_map(network).collect();
            (vec![Change::Person(person)], networks)
        })
        .await?;
    Ok(replies::ordered(&networks, speaker.language))
}
