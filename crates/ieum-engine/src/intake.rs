//! Steps 1 to 3 of the straight way: bytes -> arrival -> who and where -> plan -> one transaction.
//!
//! Only after that transaction is durable does anybody get an answer. Invariant: an arrival is
//! admitted whole or not at all.

use crate::account::Account;
use crate::compose::{Circumstances, hub_text, seal};
use crate::hearing::{Said, author};
use crate::hush;
use crate::identify::{Place, Scene, is_known_direct, scene, somebody_of};
use crate::membership::membership;
use crate::notices::HUB_CONVERSATION;
use crate::once::{Carrying, Turn};
use crate::pieces::Pieces;
use crate::told::{ReplyPlace, ask_name, tell_unreachable, to_place};
use ieum_core::ids::{AccountId, AddressId, ConversationId, Cursor, PersonId, RoomId};
use ieum_core::inbound::{Arrival, Inbound, InboundKind, Sender};
use ieum_core::media::Wanted;
use ieum_core::message::{Class, NewMessage};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::{HookRefusal, HookRequest, hook_bytes_max};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, ReceiptNote, StoreFailure};
use ieum_core::route::{Plan, PlanFacts, plan};
use ieum_core::time::Timestamp;

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
    /// The body is over [`hook_bytes_max`].
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
    hook: HookRequest<'_>,
) -> Result<HookAnswer, HookFailure> {
    if hook.body.len() > hook_bytes_max(hook.path) {
        return Err(HookFailure::TooLarge);
    }
    let arrival = account.connector.accept(hook)?;
    take(pieces, account, arrival, None).await.map_err(|failure| {
        tracing::error!(account = %account.name, %failure, "arrival not admitted");
        HookFailure::Unavailable
    })
}

/// What one event came to, before it is planned.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) admission: Admission,
    /// Somebody spoke of whom no name is known.
    nameless: Option<AddressId>,
    source_room: Option<RoomId>,
    reply_place: Option<ReplyPlace>,
    unreachable: Vec<PersonId>,
    /// The file to fetch for it.
    wanted: Option<Wanted>,
    /// It changes more than what is said, and is this call's until it is admitted.
    carrying: Option<Carrying>,
}

/// Admits an arrival and, for polled networks, its cursor.
///
/// What seldom happens is boxed in here and below: the future of a call is moved several times on
/// its way from the socket, whole.
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
    let speakers: Vec<_> =
        taken.iter().filter_map(|one| Some((one.nameless?, one.reply_place?))).collect();
    let (admitted, notes) = plan_and_admit(pieces, now, taken, cursor).await?;
    let answer = count(pieces, &admitted);
    for (address, place) in speakers {
        Box::pin(ask_name(pieces, account, address, place)).await?;
    }
    for (answer, (unreachable, place, conversation)) in admitted.iter().zip(notes) {
        if let (Admitted::New { .. }, Some(place), Some(conversation)) =
            (answer, place, conversation)
        {
            Box::pin(tell_unreachable(pieces, conversation, place, &unreachable)).await?;
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
    let wanted: Vec<Wanted> = taken.iter_mut().filter_map(|one| one.wanted.take()).collect();
    if !wanted.is_empty() {
        // Before the message: what is admitted is fetched, whatever happens between the two.
        let noted = pieces.media.want(wanted).await;
        noted.map_err(|failure| StoreFailure::Unavailable(failure.to_string()))?;
        pieces.media_bell.notify_one();
    }
    let notes = taken.iter_mut().map(Taken::note).collect();
    let _carrying: Vec<_> = taken.iter_mut().filter_map(|one| one.carrying.take()).collect();
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

/// Whether an event may be a coming or going: everything else is spared the lock of changes.
fn is_membership(event: &Inbound) -> bool {
    matches!(
        event.kind,
        InboundKind::PeopleJoined(_)
            | InboundKind::PeopleLeft(_)
            | InboundKind::WeJoined
            | InboundKind::WeLeft
            | InboundKind::Migrated { .. }
    )
}

/// Whether somebody says or does something in a room with it.
fn speaks_in_group(event: &Inbound) -> bool {
    event.chat.kind == ChatKind::Group
        && matches!(
            event.kind,
            InboundKind::Message(_) | InboundKind::Reaction { .. } | InboundKind::Button { .. }
        )
}

/// One event on its way in.
pub(crate) struct Taking<'a> {
    pub(crate) pieces: &'a Pieces,
    pub(crate) account: &'a Account,
    pub(crate) now: Timestamp,
    /// The events of the same arrival before this one: answers may point to them.
    pub(crate) before: &'a [Taken],
}

impl Taking<'_> {
    async fn event(&self, mut event: Inbound) -> Result<Taken, StoreFailure> {
        if is_known_direct(self.pieces, self.account, &event) {
            event.chat.kind = ChatKind::Direct;
        }
        match self.turn(&event).await? {
            Turn::Free => self.taken(event).await,
            Turn::Ours(carrying) => {
                let taken = Box::pin(self.taken(event)).await?;
                Ok(Taken { carrying: Some(carrying), ..taken })
            }
            Turn::Repeated => {
                let event = Some((self.account.id, event.event));
                Ok(Taken {
                    admission: Admission { event, ..Admission::default() },
                    ..Taken::default()
                })
            }
        }
    }

    async fn taken(&self, mut event: Inbound) -> Result<Taken, StoreFailure> {
        let nobody_known = event.sender.is_none() && speaks_in_group(&event);
        if nobody_known {
            // Some networks do not say who spoke. It is somebody of that room, and never the hub.
            event.sender = Some(Sender { key: somebody_of(&event.chat), name: None });
        }
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
        if is_membership(&event) && Box::pin(membership(self.pieces, self.account, &event)).await? {
            return Ok(Taken { admission, ..Taken::default() });
        }
        let Some(scene) = scene(self.pieces, self.account, &event).await? else {
            return Ok(Taken { admission, ..Taken::default() });
        };
        let said = self.said(&event, scene).await?;
        let when = (self.now, admission.event.as_ref());
        let said = said.and_then(|said| hush::carried(self.pieces, said, scene, when));
        let mut taken = self.planned(admission, said, scene, event.at);
        // It may be another each time: nobody is asked for a name.
        taken.nameless = taken.nameless.filter(|_| !nobody_known);
        Ok(taken)
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
        let reply_place = place_of(scene);
        let admission = Admission { message: Some(message), ..admission };
        let nameless = scene.address;
        let wanted = said.wanted;
        Taken { admission, nameless, source_room, reply_place, wanted, ..Taken::default() }
    }

    /// The hub's answer to somebody, where they wrote.
    fn answered(&self, admission: Admission, said: Said, scene: Scene) -> Taken {
        let (Some(place), Some(text)) = (place_of(scene), said.answer) else {
            return Taken { admission, ..Taken::default() };
        };
        let message = hub_text(self.pieces, HUB_CONVERSATION, &text, None);
        let deliveries = to_place(self.pieces, place).into_iter().collect();
        Taken {
            admission: Admission { message: Some(message), deliveries, ..admission },
            ..Taken::default()
        }
    }
}

/// Where somebody wrote.
fn place_of(scene: Scene) -> Option<ReplyPlace> {
    match (scene.place, scene.address) {
        (Place::Room(room, _), _) => Some(ReplyPlace::Room(room)),
        (Place::Direct(person), Some(address)) => Some(ReplyPlace::Person(person, address)),
        (Place::Direct(_), None) => None,
    }
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
