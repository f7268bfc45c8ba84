//! Steps 1 to 3 of the straight way: bytes -> arrival -> who and where -> plan -> one transaction.
//!
//! Only after that transaction is durable does anybody get an answer. Invariant: an arrival is
//! admitted whole or not at all.

use crate::account::Account;
use crate::compose::{Circumstances, native_salt, seal, uris};
use crate::identify::{Draft, Place, Scene, scene};
use crate::notices::{self, HUB_CONVERSATION};
use crate::pieces::{Pieces, lock};
use crate::talk::{Meaning, meaning};
use bytes::Bytes;
use ieum_core::content::{Content, MessageId};
use ieum_core::delivery::{NewDelivery, Recipient, Route, State};
use ieum_core::directory::{Change, Endpoint, Language};
use ieum_core::ids::{
    AccountId, AddressId, ConversationId, Cursor, NativeMessageId, PersonId, RoomId,
};
use ieum_core::inbound::{Arrival, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::{HOOK_BODY_BYTES_MAX, HookRefusal, HookRequest};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, ReceiptNote, StoreFailure};
use ieum_core::route::{Plan, PlanFacts, author_person, plan};
use ieum_core::time::Timestamp;

/// Longest text that is taken from a network, in bytes; networks' own limits are far below.
const TEXT_BYTES_MAX: usize = 128 * 1024;

/// What a genuine webhook call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookAnswer {
    /// Events that were new.
    pub admitted: usize,
    /// Events that had been admitted before.
    pub repeated: usize,
}

/// Why a webhook call is turned away; nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFailure {
    /// No account has this name.
    #[error("unknown account")]
    UnknownAccount,
    /// The connector would not have it.
    #[error(transparent)]
    Refused(#[from] HookRefusal),
    /// The body is over [`HOOK_BODY_BYTES_MAX`].
    #[error("the body is too large")]
    TooLarge,
    /// The store cannot write now; the network is to try again.
    #[error("not available now")]
    Unavailable,
}

/// Takes one webhook call.
pub(crate) async fn hook(
    pieces: &Pieces,
    account: &Account,
    headers: &http::HeaderMap,
    body: &Bytes,
) -> Result<HookAnswer, HookFailure> {
    if body.len() > HOOK_BODY_BYTES_MAX {
        return Err(HookFailure::TooLarge);
    }
    let arrival = account.connector.accept(HookRequest { headers, body })?;
    take(pieces, account, arrival, None).await.map_err(|failure| {
        tracing::error!(account = %account.name, %failure, "arrival not admitted");
        HookFailure::Unavailable
    })
}

/// What one event came to, before it is planned.
#[derive(Debug, Default)]
struct Taken {
    admission: Admission,
    source_room: Option<RoomId>,
    reply_place: Option<ReplyPlace>,
    unreachable: Vec<PersonId>,
}

/// Where the author is to be told what concerns their message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReplyPlace {
    /// In the room where they wrote.
    Room(RoomId),
    /// In their direct chat.
    Person(PersonId, AddressId),
}

/// Admits an arrival and, for polled networks, its cursor.
pub(crate) async fn take(
    pieces: &Pieces,
    account: &Account,
    arrival: Arrival,
    cursor: Option<Cursor>,
) -> Result<HookAnswer, StoreFailure> {
    let now = pieces.now();
    pieces.metrics.count(&pieces.metrics.ignored, u64::from(arrival.ignored));
    let mut taken = Vec::with_capacity(arrival.events.len());
    for event in arrival.events {
        let one = Taking { pieces, account, now, before: &taken }.event(event).await?;
        taken.push(one);
    }
    let cursor = cursor.map(|cursor| (account.id, cursor));
    if taken.is_empty() && cursor.is_none() {
        return Ok(HookAnswer { admitted: 0, repeated: 0 });
    }
    let (admitted, notes) = plan_and_admit(pieces, now, taken, cursor).await?;
    let answer = count(pieces, &admitted);
    for (answer, (unreachable, place, conversation)) in admitted.iter().zip(notes) {
        if let (Admitted::New { .. }, Some(place), Some(conversation)) =
            (answer, place, conversation)
        {
            tell_unreachable(pieces, conversation, place, &unreachable).await?;
        }
    }
    Ok(answer)
}

type Note = (Vec<PersonId>, Option<ReplyPlace>, Option<ConversationId>);

/// Steps 2 and 3 behind the gate: planned and durable before anything else moves.
async fn plan_and_admit(
    pieces: &Pieces,
    at: Timestamp,
    mut taken: Vec<Taken>,
    cursor: Option<(AccountId, Cursor)>,
) -> Result<(Vec<Admitted>, Vec<Note>), StoreFailure> {
    let _planning = pieces.gate.read().await;
    for one in &mut taken {
        one.plan(pieces);
    }
    let notes = taken.iter_mut().map(Taken::note).collect();
    let admissions = taken.into_iter().map(|one| one.admission).collect();
    let admitted = pieces.admit(AdmitBatch { at, admissions, cursor }).await?;
    Ok((admitted, notes))
}

impl Taken {
    fn plan(&mut self, pieces: &Pieces) {
        let Some(message) = &self.admission.message else {
            return;
        };
        if message.conversation == HUB_CONVERSATION {
            return;
        }
        let plan = plan_of(pieces, message, self.source_room);
        self.admission.deliveries = plan.deliveries;
        self.unreachable = plan.unreachable;
    }

    fn note(&mut self) -> Note {
        let conversation = self.admission.message.as_ref().map(|message| message.conversation);
        (std::mem::take(&mut self.unreachable), self.reply_place, conversation)
    }
}

fn count(pieces: &Pieces, admitted: &[Admitted]) -> HookAnswer {
    let repeated = admitted.iter().filter(|answer| **answer == Admitted::Known).count();
    let new = admitted.len() - repeated;
    let metrics = &pieces.metrics;
    metrics.count(&metrics.admitted, u64::try_from(new).unwrap_or(u64::MAX));
    metrics.count(&metrics.repeated, u64::try_from(repeated).unwrap_or(u64::MAX));
    HookAnswer { admitted: new, repeated }
}

/// One event on its way in.
struct Taking<'a> {
    pieces: &'a Pieces,
    account: &'a Account,
    now: Timestamp,
    /// The events of the same arrival before this one: answers may point to them.
    before: &'a [Taken],
}

impl Taking<'_> {
    async fn event(&self, event: Inbound) -> Result<Taken, StoreFailure> {
        let mut admission = Admission {
            event: Some((self.account.id, event.event.clone())),
            ..Admission::default()
        };
        if let InboundKind::Receipt { native, level } = event.kind {
            admission.receipts.push(ReceiptNote {
                account: self.account.id,
                chat: event.chat.key,
                native,
                level,
                at: event.at,
            });
            return Ok(Taken { admission, ..Taken::default() });
        }
        if self.membership(&event).await? {
            return Ok(Taken { admission, ..Taken::default() });
        }
        let Some(scene) = scene(self.pieces, self.account, &event).await? else {
            return Ok(Taken { admission, ..Taken::default() });
        };
        let said = self.said(&event, scene).await?;
        Ok(self.planned(admission, said, scene, event.at))
    }

    /// Comings and goings; true when the event was one.
    async fn membership(&self, event: &Inbound) -> Result<bool, StoreFailure> {
        let (pieces, account) = (self.pieces, self.account);
        let now = self.now;
        match &event.kind {
            InboundKind::PeopleJoined(people) => {
                pieces.change(|d| (joined(Draft::new(d, account, now), event, people), ())).await?;
            }
            InboundKind::PeopleLeft(people) => {
                pieces.change(|d| (left(Draft::new(d, account, now), event, people), ())).await?;
            }
            InboundKind::WeLeft => {
                pieces.change(|d| (we_left(Draft::new(d, account, now), event), ())).await?;
            }
            InboundKind::Migrated { to } => {
                pieces
                    .change(|directory| {
                        let moved = directory.room_of_chat(account.id, &event.chat.key).cloned();
                        let change = moved.map(|mut room| {
                            room.chat = to.clone();
                            Change::Room(room)
                        });
                        (change.into_iter().collect(), ())
                    })
                    .await?;
            }
            InboundKind::WeJoined if event.chat.kind == ChatKind::Group => {
                pieces
                    .change(|directory| {
                        let mut draft = Draft::new(directory, account, now);
                        let mut room = draft.room(&event.chat.key);
                        room.joined = true;
                        if let Some(title) = &event.title {
                            room.title = crate::identify::short(title);
                        }
                        draft.put_room(room);
                        (draft.changes, ())
                    })
                    .await?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The canonical content of what was said, and where it belongs.
    async fn said(&self, event: &Inbound, scene: Scene) -> Result<Option<Said>, StoreFailure> {
        match &event.kind {
            InboundKind::Message(message) if message.text.len() <= TEXT_BYTES_MAX => {
                self.message(event, message, scene).await
            }
            InboundKind::Edit { native, text } => {
                let Some(target) = self.earlier(event, native).await? else {
                    return Ok(None);
                };
                let uris = uris(author(scene), target.conversation);
                let salt = self.salt(event, event.event.as_str());
                let content = Content::edit(salt, &uris.sender, &uris.room, target.id, text);
                Ok(Some(Said::new(target.conversation, content)))
            }
            InboundKind::Withdrawal { native } => {
                let Some(target) = self.earlier(event, native).await? else {
                    return Ok(None);
                };
                let uris = uris(author(scene), target.conversation);
                let salt = self.salt(event, event.event.as_str());
                let content = Content::withdrawal(salt, &uris.sender, &uris.room, target.id);
                Ok(Some(Said::new(target.conversation, content)))
            }
            InboundKind::Reaction { native, emoji } => {
                self.reaction(event, native, emoji.as_deref(), scene).await
            }
            InboundKind::Button { payload } => {
                let message =
                    InboundMessage { text: payload.to_string(), ..InboundMessage::default() };
                self.message(event, &message, scene).await
            }
            InboundKind::WeJoined => Ok(self.greeting(scene)),
            _ => Ok(None),
        }
    }

    async fn message(
        &self,
        event: &Inbound,
        message: &InboundMessage,
        scene: Scene,
    ) -> Result<Option<Said>, StoreFailure> {
        let answered = match &message.reply_to {
            Some(native) => self.earlier(event, native).await?,
            None => None,
        };
        let Some(meant) = self.meant(message, scene, answered).await? else {
            return Ok(None);
        };
        let Meaning::Say { conversation, text, .. } = meant else {
            let Meaning::Answer(answer) = meant else {
                return Ok(None);
            };
            return Ok(Some(Said::answer(self.pieces, answer)));
        };
        let native = if message.native.as_str().is_empty() {
            event.event.as_str()
        } else {
            message.native.as_str()
        };
        let uris = uris(author(scene), conversation);
        let salt = self.salt(event, native);
        let mut content = match &message.file {
            Some(file) => Content::file_placeholder(salt, &uris.sender, &uris.room, file, &text),
            None => Content::text(salt, &uris.sender, &uris.room, &text),
        };
        if let Some(answered) = answered.filter(|earlier| earlier.conversation == conversation) {
            content = content.reply_to(answered.id);
        }
        let source = Source {
            account: self.account.id,
            chat: event.chat.key.clone(),
            native: NativeMessageId::new(native),
            quote: message.quote.clone(),
        };
        Ok(Some(Said { source: Some(source), ..Said::new(conversation, content) }))
    }

    /// Which conversation is meant, and with which words.
    async fn meant(
        &self,
        message: &InboundMessage,
        scene: Scene,
        answered: Option<Earlier>,
    ) -> Result<Option<Meaning>, StoreFailure> {
        let (person, address) = match (scene.place, scene.address) {
            (Place::Room(_, conversation), _) => {
                let text = message.text.clone();
                return Ok(conversation.map(|conversation| Meaning::Say {
                    conversation,
                    text,
                    switch: false,
                }));
            }
            (Place::Direct(person), Some(address)) => (person, address),
            (Place::Direct(_), None) => return Ok(None),
        };
        let quoted = answered.map(|earlier| earlier.conversation);
        let meant = self
            .pieces
            .read(|directory| meaning(directory, person, address, &message.text, quoted));
        if let Meaning::Say { conversation, switch: true, .. } = &meant {
            self.switch(address, *conversation).await?;
        }
        Ok(Some(meant))
    }

    async fn switch(&self, address: AddressId, to: ConversationId) -> Result<(), StoreFailure> {
        self.pieces
            .change(|directory| {
                let address = directory.address(address).filter(|a| a.current != Some(to));
                let change = address.cloned().map(|mut address| {
                    address.current = Some(to);
                    Change::Address(address)
                });
                (change.into_iter().collect(), ())
            })
            .await
    }

    async fn reaction(
        &self,
        event: &Inbound,
        native: &NativeMessageId,
        emoji: Option<&str>,
        scene: Scene,
    ) -> Result<Option<Said>, StoreFailure> {
        let Some(target) = self.earlier(event, native).await? else {
            return Ok(None);
        };
        let uris = uris(author(scene), target.conversation);
        let salt = self.salt(event, event.event.as_str());
        let who = event.sender.as_ref().map_or("", |sender| sender.key.as_str());
        let standing = NativeMessageId::new(format!("{}#{who}", native.as_str()));
        let content = match emoji {
            Some(emoji) => Content::reaction(salt, &uris.sender, &uris.room, target.id, emoji),
            None => {
                let Some(earlier) = self.earlier(event, &standing).await? else {
                    return Ok(None);
                };
                Content::reaction_withdrawal(salt, &uris.sender, &uris.room, earlier.id, target.id)
            }
        };
        let source = emoji.map(|_| Source {
            account: self.account.id,
            chat: event.chat.key.clone(),
            native: standing,
            quote: None,
        });
        Ok(Some(Said { source, ..Said::new(target.conversation, content) }))
    }

    fn greeting(&self, scene: Scene) -> Option<Said> {
        let Place::Direct(person) = scene.place else {
            return None;
        };
        let language = self.pieces.read(|directory| {
            directory.person(person).map_or(Language::Ko, |person| person.language)
        });
        Some(Said::answer(self.pieces, notices::help(language).to_owned()))
    }

    fn salt(&self, event: &Inbound, native: &str) -> [u8; 16] {
        native_salt(self.pieces, self.account.network.word(), event.chat.key.as_str(), native)
    }

    /// The message of ours that a native id stands for, in this arrival or in the store.
    async fn earlier(
        &self,
        event: &Inbound,
        native: &NativeMessageId,
    ) -> Result<Option<Earlier>, StoreFailure> {
        let here = self.before.iter().rev().find_map(|taken| {
            let message = taken.admission.message.as_ref()?;
            let source = message.source.as_ref()?;
            let same = source.chat == event.chat.key && source.native == *native;
            same.then_some(Earlier { id: message.id, conversation: message.conversation })
        });
        if here.is_some() {
            return Ok(here);
        }
        let (account, chat) = (self.account.id, event.chat.key.clone());
        let found = self.pieces.store.message_by_copy(account, chat, native.clone()).await?;
        Ok(found
            .map(|message| Earlier { id: message.new.id, conversation: message.new.conversation }))
    }

    /// Turns what was said into an admission with its plan.
    fn planned(
        &self,
        admission: Admission,
        said: Option<Said>,
        scene: Scene,
        event_at: Timestamp,
    ) -> Taken {
        let Some(said) = said else {
            return Taken { admission, ..Taken::default() };
        };
        if said.conversation == HUB_CONVERSATION {
            return self.answered(admission, said, scene);
        }
        let author = author(scene);
        let how = Circumstances {
            conversation: said.conversation,
            author,
            source: said.source,
            accepted_at: self.now,
            origin_at: event_at,
            class: Class::Chat,
        };
        let message = seal(self.pieces, &said.content, how);
        let source_room = match scene.place {
            Place::Room(room, _) => Some(room),
            Place::Direct(_) => None,
        };
        let reply_place = match (scene.place, scene.address) {
            (Place::Room(room, _), _) => Some(ReplyPlace::Room(room)),
            (Place::Direct(person), Some(address)) => Some(ReplyPlace::Person(person, address)),
            (Place::Direct(_), None) => None,
        };
        let admission = Admission { message: Some(message), ..admission };
        Taken { admission, source_room, reply_place, unreachable: Vec::new() }
    }

    /// The hub's answer to somebody in their direct chat.
    fn answered(&self, admission: Admission, said: Said, scene: Scene) -> Taken {
        let (Place::Direct(person), Some(address)) = (scene.place, scene.address) else {
            return Taken { admission, ..Taken::default() };
        };
        let place = ReplyPlace::Person(person, address);
        let Some(text) = said.answer else {
            return Taken { admission, ..Taken::default() };
        };
        let message = crate::compose::hub_text(self.pieces, HUB_CONVERSATION, &text, None);
        let deliveries = to_place(self.pieces, place).into_iter().collect();
        Taken {
            admission: Admission { message: Some(message), deliveries, ..admission },
            ..Taken::default()
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Earlier {
    id: MessageId,
    conversation: ConversationId,
}

/// What was said, before it is sealed.
struct Said {
    conversation: ConversationId,
    content: Content,
    source: Option<Source>,
    answer: Option<String>,
}

impl Said {
    fn new(conversation: ConversationId, content: Content) -> Self {
        Self { conversation, content, source: None, answer: None }
    }

    fn answer(pieces: &Pieces, text: String) -> Self {
        let uris = uris(Author::Hub, HUB_CONVERSATION);
        let content = Content::text(pieces.entropy.next_16(), &uris.sender, &uris.room, &text);
        Self { answer: Some(text), ..Self::new(HUB_CONVERSATION, content) }
    }
}

fn author(scene: Scene) -> Author {
    scene.address.map_or(Author::Hub, Author::Address)
}

/// Plans a message by what is known now.
pub(crate) fn plan_of(pieces: &Pieces, message: &NewMessage, source_room: Option<RoomId>) -> Plan {
    pieces.read_with_health(|directory, health| {
        let Some(conversation) = directory.conversation(message.conversation) else {
            return Plan::default();
        };
        let author = message.author;
        plan(PlanFacts { directory, health, conversation, author, source_room })
    })
}

/// A delivery of the hub's own words to the place where somebody wrote.
pub(crate) fn to_place(pieces: &Pieces, place: ReplyPlace) -> Option<NewDelivery> {
    let (recipient, endpoint) = match place {
        ReplyPlace::Room(room) => (Recipient::Room(room), Endpoint::Room(room)),
        ReplyPlace::Person(person, address) => {
            (Recipient::Person(person), Endpoint::Address(address))
        }
    };
    let account = pieces.read(|directory| directory.locate(endpoint)).map(|(id, _)| id)?;
    let route = Some(Route { account, endpoint });
    Some(NewDelivery { recipient, route, state: State::Queued, label: None, stands_in_for: None })
}

/// Tells the author, once for each change, who cannot be reached.
pub(crate) async fn tell_unreachable(
    pieces: &Pieces,
    conversation: ConversationId,
    place: ReplyPlace,
    unreachable: &[PersonId],
) -> Result<(), StoreFailure> {
    let now_out: std::collections::BTreeSet<PersonId> = unreachable.iter().copied().collect();
    {
        let mut told = lock(&pieces.told);
        let before = told.get(&conversation);
        if before == Some(&now_out) || (before.is_none() && now_out.is_empty()) {
            return Ok(());
        }
        told.insert(conversation, now_out.clone());
    }
    if now_out.is_empty() {
        return Ok(());
    }
    let text = pieces.read(|directory| {
        let names: Vec<&str> = now_out
            .iter()
            .filter_map(|id| directory.person(*id))
            .map(|person| &*person.name)
            .collect();
        notices::unreachable(&names, pieces.settings.language)
    });
    let Some(delivery) = to_place(pieces, place) else {
        return Ok(());
    };
    let message = crate::compose::hub_text(pieces, conversation, &text, None);
    let admission =
        Admission { message: Some(message), deliveries: vec![delivery], ..Admission::default() };
    let at = pieces.now();
    pieces.admit(AdmitBatch { at, admissions: vec![admission], cursor: None }).await?;
    Ok(())
}

/// The place where the author of a message is told about it.
pub(crate) fn place_of_author(pieces: &Pieces, message: &NewMessage) -> Option<ReplyPlace> {
    let source = message.source.as_ref()?;
    pieces.read(|directory| {
        if let Some(room) = directory.room_of_chat(source.account, &source.chat) {
            return Some(ReplyPlace::Room(room.id));
        }
        let address = directory.address_of_chat(source.account, &source.chat)?;
        let person = author_person(directory, message.author)?;
        Some(ReplyPlace::Person(person, address.id))
    })
}

fn joined(mut draft: Draft<'_>, event: &Inbound, people: &[Sender]) -> Vec<Change> {
    let mut room = draft.room(&event.chat.key);
    room.joined = true;
    for person in people {
        let address = draft.address(person, None);
        if !room.present.contains(&address.id) {
            room.present.push(address.id);
        }
        draft.put_address(Some(address));
    }
    draft.put_room(room);
    draft.changes
}

fn left(mut draft: Draft<'_>, event: &Inbound, people: &[Sender]) -> Vec<Change> {
    let mut room = draft.room(&event.chat.key);
    for person in people {
        let address = draft.address(person, None);
        room.present.retain(|present| *present != address.id);
    }
    draft.put_room(room);
    draft.changes
}

fn we_left(mut draft: Draft<'_>, event: &Inbound) -> Vec<Change> {
    match event.chat.kind {
        ChatKind::Group => {
            let mut room = draft.room(&event.chat.key);
            room.joined = false;
            draft.put_room(room);
        }
        ChatKind::Direct => {
            if let Some(sender) = &event.sender {
                let mut address = draft.address(sender, None);
                address.blocked = true;
                draft.put_address(Some(address));
            }
        }
    }
    draft.changes
}
