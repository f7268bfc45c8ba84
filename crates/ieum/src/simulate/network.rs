//! The connectors of a simulation: the lab's world called in the same process, with the faults of
//! the networks told as the real connectors tell them.
//!
//! They carry texts and nothing else: no edits, no reactions, no media. The capabilities are those
//! of the real connectors. Invariant: what a connector answers is what the real one is written to
//! make of the same answer of the network; nothing holds the two side by side but its reader.

use super::courier::{Answer, Call, Courier};
use super::hazard::Hazards;
use super::ledger::Ledger;
use ieum_connectors::{kakaotalk, line, telegram};
use ieum_core::ids::{ChatKey, Cursor, EventKey, NativeMessageId, QuoteKey, UserKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::network::{Capabilities, ChatKind, NameSource, Network};
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Outgoing, Part};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{
    Connector, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile, Pulse,
};
use ieum_lab::world::direct::Heard;
use ieum_lab::world::message::{BOT, Draft};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How long the hub waits for an answer, in milliseconds: the default of the configuration.
const CALL_MS_MAX: u64 = 10_000;
/// How long a poll or the silence of a stream lasts, in milliseconds.
const QUIET_MS: u64 = 30_000;
/// How long listening rests after it failed, in milliseconds.
const REST_MS: u64 = 2_000;
/// Events handed over at once.
const BATCH_MAX: usize = 100;

/// The network as the lab calls it.
pub(super) fn in_lab(network: Network) -> Option<ieum_lab::Network> {
    ieum_lab::Network::named(network.word())
}

/// Who is at the other end.
#[derive(Debug)]
pub(super) struct Direct {
    network: Network,
    there: ieum_lab::Network,
    capabilities: Capabilities,
    courier: Arc<Courier>,
    hazards: Arc<Hazards>,
    ledger: Arc<Mutex<Ledger>>,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Queue>,
}

/// What a polled or streamed network keeps until it is confirmed.
#[derive(Debug, Default)]
struct Queue {
    last: u64,
    events: VecDeque<(u64, Heard)>,
}

impl Direct {
    /// One connector for each network that the lab plays.
    pub(super) fn all(
        courier: &Arc<Courier>,
        hazards: &Arc<Hazards>,
        ledger: &Arc<Mutex<Ledger>>,
        clock: &Arc<dyn Clock>,
    ) -> Vec<Arc<Self>> {
        let capabilities = [
            (Network::KakaoTalk, kakaotalk::capabilities(kakaotalk::RATE_UNPUBLISHED)),
            (Network::Line, line::capabilities(line::RATE_PUBLISHED)),
            (Network::Telegram, telegram::capabilities(telegram::RATE_PUBLISHED)),
        ];
        let each = capabilities.into_iter().filter_map(|(network, capabilities)| {
            Some(Arc::new(Self {
                network,
                there: in_lab(network)?,
                capabilities,
                courier: Arc::clone(courier),
                hazards: Arc::clone(hazards),
                ledger: Arc::clone(ledger),
                clock: Arc::clone(clock),
                waiting: Mutex::default(),
            }))
        });
        each.collect()
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call and waits for the answer as long as the hub would; `None`: none came.
    async fn call(&self, call: Call) -> Option<Answer> {
        let answer = self.courier.call(call);
        let answer = async {
            match answer.await {
                Ok(answer) => answer,
                // The call was lost: silence, not a word.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = self.clock.sleep(CALL_MS_MAX) => None,
        }
    }

    fn outcome(&self, answer: Option<Answer>) -> Outcome {
        match (answer, self.network) {
            (Some(Answer::Taken(natives)), network) => Outcome::Accepted {
                copies: natives.into_iter().map(|n| copy(network, n)).collect(),
            },
            // Only KakaoTalk says in so many words that nothing was carried out.
            (Some(Answer::Unavailable), Network::KakaoTalk) => Outcome::Deferred {
                after_ms: 0,
                fault: Fault::Network,
                reason: "code -9798: under maintenance".to_owned(),
            },
            (Some(Answer::Unavailable), _) => unknown("5xx"),
            (None, _) => unknown("no answer"),
        }
    }

    /// What waits for our bot, at most a batch, and the number of its last event.
    fn batch(&self) -> (Vec<Heard>, u64) {
        let heard = self.courier.world().heard(self.there);
        let mut queue = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for one in heard {
            queue.last += 1;
            let number = queue.last;
            queue.events.push_back((number, one));
        }
        let batch = queue.events.iter().take(BATCH_MAX);
        let last = batch.clone().next_back().map_or(0, |(number, _)| *number);
        (batch.map(|(_, heard)| heard.clone()).collect(), last)
    }

    fn confirm(&self, last: u64) {
        let mut queue = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.events.front().is_some_and(|(number, _)| *number <= last) {
            queue.events.pop_front();
        }
    }

    /// Whether listening works at all now.
    fn listening_works(&self) -> bool {
        let functions = [ieum_lab::Function::Login];
        let verdict = self.courier.world().verdict(self.there, &functions, BOT);
        matches!(verdict, ieum_lab::Verdict::Pass | ieum_lab::Verdict::Duplicate)
    }

    /// One poll or one piece of a stream; false when the inbox is closed.
    async fn one_batch(&self, inbox: &dyn Inbox) -> bool {
        if !self.listening_works() {
            self.ledger().blame(self.network, self.clock.now());
            inbox.pulse(Pulse::Bad { reason: "the stream is lost".to_owned() });
            self.clock.sleep(REST_MS).await;
            return true;
        }
        let (heard, last) = self.batch();
        if heard.is_empty() {
            inbox.pulse(Pulse::Good { took_ms: 20 });
            tokio::select! {
                biased;
                () = self.courier.told(self.there).notified() => {}
                () = self.clock.sleep(QUIET_MS) => {}
            }
            return true;
        }
        self.clock.sleep(self.hazards.travel_ms()).await;
        let arrival = arrival(self.network, &heard);
        let cursor = (self.network == Network::Telegram).then(|| Cursor::new(last.to_string()));
        if inbox.deliver(arrival, cursor).await.is_err() {
            return false;
        }
        let now = self.clock.now();
        heard.iter().for_each(|one| self.ledger().acknowledged(&one.text, now));
        // What is not confirmed in time comes again.
        if !self.hazards.repeats() {
            self.confirm(last);
        }
        true
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

fn copy(network: Network, native: String) -> CopyKey {
    match network {
        Network::Line => CopyKey {
            quote: Some(QuoteKey::new(format!("q{native}"))),
            native: NativeMessageId::new(native),
        },
        Network::Telegram => CopyKey { native: NativeMessageId::new(native), quote: None },
        Network::KakaoTalk | Network::Matrix | Network::Xmpp | Network::Mail => CopyKey::default(),
    }
}

/// What our bot heard, as the real connectors read it.
pub(super) fn arrival(network: Network, heard: &[Heard]) -> Arrival {
    Arrival { events: heard.iter().map(|one| inbound(network, one)).collect(), ignored: 0 }
}

fn inbound(network: Network, heard: &Heard) -> Inbound {
    let name = (network == Network::Telegram).then(|| heard.author_name.as_str().into());
    let message = InboundMessage {
        native: NativeMessageId::new(heard.native.as_str()),
        text: heard.text.clone(),
        ..InboundMessage::default()
    };
    Inbound {
        event: EventKey::new(format!("{}/{}", heard.chat, heard.native)),
        at: heard.at,
        chat: ChatRef {
            key: ChatKey::new(heard.chat.as_str()),
            kind: if heard.direct { ChatKind::Direct } else { ChatKind::Group },
        },
        title: None,
        sender: Some(Sender { key: UserKey::new(heard.author.as_str()), name }),
        kind: InboundKind::Message(message),
    }
}

fn draft(part: &Part) -> Draft {
    let sender = part.sender.as_ref().map(|sender| sender.name.clone());
    Draft { sender, ..Draft::text(part.text.as_str()) }
}

impl Connector for Direct {
    fn network(&self) -> Network {
        self.network
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, _hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        Err(HookRefusal::NotUsed)
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let life = self.hazards.life();
            self.hazards.step(life).await;
            let Act::Say(parts) = &outgoing.act else {
                return unknown("simulations carry texts only");
            };
            let chat = outgoing.chat.key.as_str().to_owned();
            let call = Call {
                network: self.there,
                chat: chat.clone(),
                once_key: self.capabilities.always_idempotent().then_some(outgoing.key),
                drafts: parts.iter().map(draft).collect(),
            };
            let outcome = self.outcome(self.call(call).await);
            let now = self.clock.now();
            match outcome.blames_network() {
                Some(true) => self.ledger().blame(self.network, now),
                Some(false) => {
                    for part in parts {
                        self.courier.eyes.taken(self.network, &chat, &part.text, now);
                        self.ledger().taken(self.network, &chat, &part.text);
                    }
                }
                None => {}
            }
            self.hazards.step(life).await;
            outcome
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            let chat = BOT.to_owned();
            let call = Call { network: self.there, chat, once_key: None, drafts: Vec::new() };
            let pulse = match self.call(call).await {
                Some(Answer::Taken(_)) => Pulse::Good { took_ms: 40 },
                Some(Answer::Unavailable) => Pulse::Bad { reason: "5xx".to_owned() },
                None => Pulse::Bad { reason: "no answer".to_owned() },
            };
            if matches!(pulse, Pulse::Bad { .. }) {
                self.ledger().blame(self.network, self.clock.now());
            }
            Probe { pulse, identity: None }
        })
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        Box::pin(async move {
            if self.network == Network::Line {
                return ListenEnd::NotUsed;
            }
            let read = cursor.and_then(|cursor| cursor.as_str().parse().ok());
            self.confirm(read.unwrap_or(0));
            while self.one_batch(inbox).await {}
            ListenEnd::InboxClosed
        })
    }

    fn profile<'a>(
        &'a self,
        _chat: &'a ChatRef,
        user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>> {
        let told = self.capabilities.names == NameSource::ByProfile;
        let name = user.as_str().into();
        Box::pin(async move { told.then_some(Profile { name, icon_url: None }) })
    }
}
