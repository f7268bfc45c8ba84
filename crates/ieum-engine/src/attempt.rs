//! Step 5 of the straight way, and the decision of step 6: render, one attempt, settle.
//!
//! Invariant: whatever happens in here ends in exactly one settlement of the claimed delivery.

use crate::account::Account;
use crate::failover::{self, Moving};
use crate::notices::HUB_CONVERSATION;
use crate::pieces::{Pieces, lock};
use crate::talk;
use ieum_core::content::{Content, MessageId, What};
use ieum_core::delivery::{Claim, Delivery, Label, Recipient, Route, Settlement, Step};
use ieum_core::directory::{Endpoint, Language};
use ieum_core::health::Function;
use ieum_core::health::book::api_cell;
use ieum_core::ids::{ChatKey, ConversationId, PersonId};
use ieum_core::inbound::ChatRef;
use ieum_core::message::{Author, Message, NewMessage};
use ieum_core::network::{Network, ReplySupport};
use ieum_core::outgoing::{Act, Outcome, Outgoing, Part, ReplyTarget, Scope};
use ieum_core::ports::store::CopyNote;
use ieum_core::render::words;
use ieum_core::render::{LabelFacts, Quote, RenderFacts, Speaker, render};
use ieum_core::route::{author_person, next_route};
use ieum_core::settle::{SettleFacts, settle};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A call ready to be made.
struct Call {
    outgoing: Outgoing,
    parts: u32,
    carried: u32,
}

/// Why no call is made.
enum NoCall {
    /// It comes to the same as this answer of the network.
    As(Outcome),
    /// The room's pace allows it only later.
    Later(ieum_core::time::Timestamp),
}

/// Makes the attempt of one claim.
pub(crate) async fn attempt(pieces: Arc<Pieces>, account: Arc<Account>, claim: Claim) -> Moving {
    account.in_flight.fetch_add(1, Ordering::Relaxed);
    let (settlement, good) = run(&pieces, &account, &claim).await;
    account.in_flight.fetch_sub(1, Ordering::Relaxed);
    Moving { delivery: claim.delivery, settlement, good }
}

/// The settlement, and whether the network proved to work (`None`: it says nothing about that).
async fn run(pieces: &Pieces, account: &Account, claim: &Claim) -> (Settlement, Option<bool>) {
    let delivery = claim.delivery.seq;
    let call = match prepare(pieces, account, claim).await {
        Ok(call) => call,
        Err(NoCall::Later(at)) => {
            let step = Step::RetryAt { at, label: None };
            let evidence = "the room's pace".into();
            let (at, plus) = (pieces.now(), Vec::new());
            return (Settlement { delivery, step, evidence, at, plus }, None);
        }
        Err(NoCall::As(outcome)) => {
            return (conclude(pieces, account, claim, (1, 1), outcome), None);
        }
    };
    let outcome = account.connector.send(&call.outgoing).await;
    pieces.metrics.outcome(&outcome);
    if let Outcome::Refused { moved_to: Some(to), .. } = &outcome {
        follow_move(pieces, claim.delivery.route, to.clone()).await;
    }
    let good = outcome.blames_network().map(|blamed| !blamed);
    (conclude(pieces, account, claim, (call.parts, call.carried), outcome), good)
}

async fn follow_move(pieces: &Pieces, route: Option<Route>, to: ChatKey) {
    let Some(Route { endpoint: Endpoint::Room(room), .. }) = route else {
        return;
    };
    let moved = pieces
        .change(|directory| {
            let change = directory.room(room).cloned().map(|mut room| {
                room.chat = to;
                ieum_core::directory::Change::Room(room)
            });
            (change.into_iter().collect(), ())
        })
        .await;
    if let Err(failure) = moved {
        tracing::error!(%failure, "a room's new id was not kept; the next refusal repeats it");
    }
}

fn conclude(
    pieces: &Pieces,
    account: &Account,
    claim: &Claim,
    (parts, carried): (u32, u32),
    outcome: Outcome,
) -> Settlement {
    let now = pieces.now();
    let evidence = evidence_of(&outcome);
    let mut facts = settle_facts(pieces, account, &claim.delivery, &claim.message.new);
    if outcome.blames_network() == Some(true) {
        // The book takes this in only after the settlement is durable; the decision looks ahead.
        facts.route_down |= would_be_down(pieces, account, claim.delivery.route);
    }
    let step = settle(SettleFacts { parts, carried, ..facts }, outcome);
    if let Step::Sent { .. } = step {
        pieces.metrics.latency(now.ms_since(claim.message.new.accepted_at));
    }
    let plus = failover::stand_ins_for(pieces, &claim.delivery, &claim.message.new, &step);
    Settlement { delivery: claim.delivery.seq, step, evidence: evidence.into(), at: now, plus }
}

fn would_be_down(pieces: &Pieces, account: &Account, route: Option<Route>) -> bool {
    let cell = api_cell(account.network, Function::Send);
    route.is_some_and(|route| lock(&pieces.health).would_be_down(cell, route))
}

/// The facts of settling but for the parts.
pub(crate) fn settle_facts<'a>(
    pieces: &Pieces,
    account: &Account,
    delivery: &'a Delivery,
    message: &NewMessage,
) -> SettleFacts<'a> {
    let (next, route_down) = pieces.read_with_health(|directory, health| {
        let next = match delivery.recipient {
            Recipient::Person(person) if message.conversation != HUB_CONVERSATION => {
                next_route(directory, health, person, delivery.route)
            }
            Recipient::Person(_) | Recipient::Room(_) => None,
        };
        let down = delivery.route.is_none_or(|route| health.route_down(account.network, route));
        (next, down)
    });
    SettleFacts {
        delivery,
        class: message.class,
        accepted_at: message.accepted_at,
        expires_at: message.expires_at,
        now: pieces.now(),
        jitter: pieces.entropy.below(1_001),
        network: account.network,
        idempotent: account.connector.capabilities().idempotent_send,
        parts: 1,
        carried: 1,
        route_down,
        next,
    }
}

fn evidence_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { .. } => "accepted".to_owned(),
        Outcome::Deferred { reason, .. } => format!("deferred: {reason}"),
        Outcome::Refused { reason, .. } => format!("refused: {reason}"),
        Outcome::Unknown { reason } => format!("unknown: {reason}"),
    }
}

async fn prepare(pieces: &Pieces, account: &Account, claim: &Claim) -> Result<Call, NoCall> {
    let refused = |scope, reason: &str| {
        NoCall::As(Outcome::Refused { scope, moved_to: None, reason: reason.to_owned() })
    };
    let now = pieces.now();
    let chat = claim
        .delivery
        .route
        .and_then(|route| pieces.read(|directory| directory.locate(route.endpoint)))
        .filter(|(owner, _)| *owner == account.id)
        .map(|(_, chat)| chat)
        .ok_or_else(|| refused(Scope::Recipient, "the chat is closed to us"))?;
    if !still_agreed(pieces, account, &claim.delivery) {
        return Err(refused(Scope::Recipient, "consent withdrawn"));
    }
    if let Recipient::Room(_) = claim.delivery.recipient {
        account.room_pace(&chat.key, now).map_err(NoCall::Later)?;
    }
    let content = Content::decode(&claim.message.new.content)
        .map_err(|error| refused(Scope::Message, &format!("content: {error}")))?;
    let spoken = Spoken { pieces, account, claim, chat: &chat };
    let (act, parts, carried) = spoken.act(&content).await;
    let key = call_key(pieces, claim);
    Ok(Call { outgoing: Outgoing { chat, key, answer_token: None, act }, parts, carried })
}

/// Consent is asked again at the last moment: withdrawing it acts on what is queued.
fn still_agreed(pieces: &Pieces, account: &Account, delivery: &Delivery) -> bool {
    use ieum_core::directory::Purpose;
    let Recipient::Person(person) = delivery.recipient else {
        return true;
    };
    let purpose = match delivery.label {
        Some(Label::InsteadOf(_)) => Purpose::Failover,
        Some(Label::Late | Label::Again) | None => Purpose::Talk,
    };
    if delivery.conversation == HUB_CONVERSATION {
        return true;
    }
    pieces.read(|directory| {
        directory.person(person).is_some_and(|person| {
            person.agreed(account.network, purpose)
                || person.agreed(account.network, Purpose::Talk) && purpose == Purpose::Talk
        })
    })
}

/// The same for every repetition of this part on this route, different for everything else.
fn call_key(pieces: &Pieces, claim: &Claim) -> [u8; 16] {
    let delivery = &claim.delivery;
    let route = delivery.route.map_or_else(String::new, |route| format!("{route:?}"));
    crate::compose::native_salt(
        pieces,
        "call",
        &route,
        &format!("{}/{}", delivery.seq, delivery.part),
    )
}

/// One message on its way into one chat.
struct Spoken<'a> {
    pieces: &'a Pieces,
    account: &'a Account,
    claim: &'a Claim,
    chat: &'a ChatRef,
}

impl Spoken<'_> {
    /// What to do in the chat, how many parts there are in all, how many this call carries.
    async fn act(&self, content: &Content) -> (Act, u32, u32) {
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        let language = self.language();
        match content.what() {
            What::Edit { replaces, text } if caps.edit => {
                if let Some(target) = self.our_copy(replaces).await {
                    let body = self.one_text(text);
                    return (Act::Edit { target: target.key.native, text: body }, 1, 1);
                }
                self.words(&format!("{}{text}", words::edited_word(language)), Some(replaces)).await
            }
            What::Edit { replaces, text } => {
                self.words(&format!("{}{text}", words::edited_word(language)), Some(replaces)).await
            }
            What::Withdrawal { replaces } => {
                if let (true, Some(target)) = (caps.withdraw, self.our_copy(replaces).await) {
                    return (Act::Withdraw { target: target.key.native }, 1, 1);
                }
                self.words(words::withdrawn_text(language), Some(replaces)).await
            }
            What::Reaction { target, emoji, .. } => {
                if let (true, Some(copy)) = (caps.react, self.any_copy(target).await) {
                    let emoji = Some(emoji.into());
                    return (Act::React { target: copy.key.native, emoji }, 1, 1);
                }
                self.words(&words::reaction_text(Some(emoji), language), Some(target)).await
            }
            What::ReactionWithdrawal { target, .. } => {
                let copy = match target {
                    Some(target) if caps.react => self.any_copy(target).await,
                    Some(_) | None => None,
                };
                if let Some(copy) = copy {
                    return (Act::React { target: copy.key.native, emoji: None }, 1, 1);
                }
                self.words(&words::reaction_text(None, language), target).await
            }
            What::Text(text) => self.words(text, content.in_reply_to).await,
            What::File { file, .. } => {
                let mut text = words::file_text(file.kind(), &file.filename, file.size, language);
                if !file.description.is_empty() {
                    text.push('\n');
                    text.push_str(&file.description);
                }
                self.words(&text, content.in_reply_to).await
            }
            What::Other => {
                let other = ieum_core::inbound::FileKind::Other;
                self.words(&words::file_text(other, "", 0, language), content.in_reply_to).await
            }
        }
    }

    /// A text, as the parts of this call.
    async fn words(&self, body: &str, answers: Option<MessageId>) -> (Act, u32, u32) {
        let (reply, quoted) = self.answered(answers).await;
        let all = self.rendered(body, reply, quoted.as_ref());
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let start = usize::try_from(self.claim.delivery.part).unwrap_or(usize::MAX);
        let parts: Vec<Part> =
            all.into_iter().skip(start).take(caps.parts_per_send_max.max(1)).collect();
        let carried = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        (Act::Say(parts), total, carried)
    }

    /// A changed text keeps its head but not its label, quote or second parts.
    fn one_text(&self, text: &str) -> String {
        let parts = self.rendered(text, None, None);
        parts.into_iter().next().map(|part| part.text).unwrap_or_default()
    }

    fn rendered(
        &self,
        body: &str,
        reply: Option<ReplyTarget>,
        quoted: Option<&(String, String)>,
    ) -> Vec<Part> {
        let message = &self.claim.message.new;
        let short_id = message.id.short();
        let speaker = self.speaker(message.author);
        let place = self.place(message.conversation);
        render(&RenderFacts {
            chat: self.account.connector.capabilities().of(self.chat.kind),
            language: self.language(),
            speaker: speaker.as_ref().map(|(name, network, icon_url)| Speaker {
                name,
                network: *network,
                icon_url: icon_url.as_deref(),
            }),
            place: place.as_deref(),
            label: self.claim.delivery.label.map(|label| LabelFacts {
                label,
                short_id: &short_id,
                said_at: message.origin_at,
                utc_offset_minutes: self.pieces.settings.utc_offset_minutes,
            }),
            quote: quoted.map(|(name, text)| Quote { name, text }),
            reply,
            body,
            buttons: Vec::new(),
        })
    }

    /// How an earlier message is pointed to: natively, or by name and words.
    async fn answered(
        &self,
        answers: Option<MessageId>,
    ) -> (Option<ReplyTarget>, Option<(String, String)>) {
        let Some(answers) = answers else {
            return (None, None);
        };
        let support = self.account.connector.capabilities().of(self.chat.kind).reply;
        if support != ReplySupport::Quoted
            && let Some(copy) = self.any_copy(answers).await
            && (support == ReplySupport::ById || copy.key.quote.is_some())
        {
            let reply = ReplyTarget { native: copy.key.native, quote: copy.key.quote };
            return (Some(reply), None);
        }
        let Ok(Some(earlier)) = self.pieces.store.message_by_id(answers).await else {
            return (None, None);
        };
        let name = self.speaker(earlier.new.author).map(|(name, ..)| name).unwrap_or_default();
        (None, Some((name, text_of(&earlier))))
    }

    async fn any_copy(&self, id: MessageId) -> Option<CopyNote> {
        let message = self.pieces.store.message_by_id(id).await.ok()??;
        let copies = self.pieces.store.copies_of(message.seq).await.ok()?;
        copies.into_iter().find(|copy| {
            copy.account == self.account.id
                && copy.chat == self.chat.key
                && !copy.key.native.as_str().is_empty()
        })
    }

    /// A copy that we made ourselves: only those can be changed or taken back.
    async fn our_copy(&self, id: MessageId) -> Option<CopyNote> {
        self.any_copy(id).await.filter(|copy| copy.delivery.is_some())
    }

    fn language(&self) -> Language {
        match self.claim.delivery.recipient {
            Recipient::Room(_) => self.pieces.settings.language,
            Recipient::Person(id) => self.pieces.read(|directory| {
                directory.person(id).map_or(self.pieces.settings.language, |p| p.language)
            }),
        }
    }

    /// The author's name, network and picture; none when the hub itself speaks.
    fn speaker(&self, author: Author) -> Option<(String, Option<Network>, Option<Box<str>>)> {
        let language = self.language();
        self.pieces.read(|directory| {
            let person = author_person(directory, author).and_then(|id| directory.person(id));
            let known = person.map(|person| person.name.to_string()).filter(|n| !n.is_empty());
            match author {
                Author::Hub => None,
                Author::Person(PersonId(id)) => {
                    let name = known.unwrap_or_else(|| crate::notices::nameless(id, language));
                    Some((name, None, None))
                }
                Author::Address(id) => {
                    let address = directory.address(id)?;
                    let named = Some(address.name.to_string()).filter(|name| !name.is_empty());
                    let name =
                        known.or(named).unwrap_or_else(|| crate::notices::nameless(id.0, language));
                    let network = directory.network_of(address.account);
                    Some((name, network, address.icon_url.clone()))
                }
            }
        })
    }

    /// The conversation's title, where the reader has several in one direct chat.
    fn place(&self, conversation: ConversationId) -> Option<String> {
        let Recipient::Person(reader) = self.claim.delivery.recipient else {
            return None;
        };
        if conversation == HUB_CONVERSATION {
            return None;
        }
        self.pieces.read(|directory| {
            let direct = directory
                .conversation(conversation)
                .is_some_and(|c| c.kind == ieum_core::directory::ConversationKind::Direct);
            let several = directory.conversations_of(reader).len() > 1;
            (several && !direct)
                .then(|| talk::title(directory, conversation, reader, self.language_of(reader)))
        })
    }

    fn language_of(&self, reader: PersonId) -> Language {
        self.pieces.read(|directory| {
            directory.person(reader).map_or(self.pieces.settings.language, |p| p.language)
        })
    }
}

/// The words of a message, for a quote.
fn text_of(message: &Message) -> String {
    let Ok(content) = Content::decode(&message.new.content) else {
        return String::new();
    };
    match content.what() {
        What::Text(text) | What::Edit { text, .. } => text.to_owned(),
        What::Reaction { emoji, .. } => emoji.to_owned(),
        What::File { file, .. } => file.filename.clone(),
        What::Withdrawal { .. } | What::ReactionWithdrawal { .. } | What::Other => String::new(),
    }
}
