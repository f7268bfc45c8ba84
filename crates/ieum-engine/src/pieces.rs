//! What all loops share: the store, the ports, the directory, health, accounts.

use crate::account::Account;
use crate::canary::Perch;
use crate::doubt::Hollow;
use crate::fetching::Fetching;
use crate::held::Held;
use crate::hush::Spoke;
use crate::looks::Looks;
use crate::metrics::Metrics;
use crate::once::Begun;
use crate::settings::Settings;
use crate::summary::Ledger;
use crate::withdrawal;
use ieum_core::content::HubSecret;
use ieum_core::delivery::{Delivery, Lane, NewDelivery, Recipient, Route, State};
use ieum_core::directory::{Change, Directory, Language};
use ieum_core::health::book::HealthBook;
use ieum_core::ids::JournalSeq;
use ieum_core::ids::{AccountId, AddressId, ConversationId, DeliverySeq, MessageSeq, PersonId};
use ieum_core::people::withdrawal::narrowed;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::media::MediaStore;
use ieum_core::ports::push::Pusher;
use ieum_core::ports::search::SearchIndex;
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, Store, StoreFailure};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use tokio::sync::{Notify, watch};

/// Locks; a panic elsewhere while holding the lock leaves the value as it was, which is whole
/// because every writer changes it in one statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) media: Arc<dyn MediaStore>,
    pub(crate) search: Option<Arc<dyn SearchIndex>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) secret: HubSecret,
    pub(crate) settings: Settings,
    pub(crate) accounts: BTreeMap<AccountId, Arc<Account>>,
    pub(crate) health: Mutex<HealthBook>,
    /// Lanes whose head waits for a network, with the route it waits for.
    pub(crate) held: Mutex<Held>,
    /// Who was already told to be out of reach, by conversation.
    pub(crate) told: Mutex<BTreeMap<ConversationId, BTreeSet<PersonId>>>,
    /// Messages that ended dead or expired, whose authors are still to be told.
    pub(crate) ended_badly: Mutex<Vec<(MessageSeq, Recipient)>>,
    /// Messages that went another way, to be summed up when their network returns.
    pub(crate) gone: Mutex<Ledger>,
    /// Routes that refused an open delivery: they are not asked in a circle.
    pub(crate) tried: Mutex<BTreeMap<DeliverySeq, Vec<Route>>>,
    /// Who was asked for their name since the start.
    pub(crate) asked: Mutex<BTreeSet<AddressId>>,
    /// What the sweep is to tell people.
    pub(crate) to_tell: Mutex<Vec<(PersonId, String)>>,
    /// Events that are being carried out.
    pub(crate) begun: Begun,
    /// When members of slow conversations last spoke.
    pub(crate) spoke: Mutex<Spoke>,
    /// Canaries under way, by watcher.
    pub(crate) perches: Mutex<BTreeMap<String, Perch>>,
    /// Networks whose yes is worth nothing now, or was until lately.
    pub(crate) hollows: Mutex<Vec<Hollow>>,
    /// The latest moment that the clock showed, by which one that goes back is noticed.
    pub(crate) latest: Mutex<Timestamp>,
    /// Up to which message those that are too old were taken away since the start.
    pub(crate) retired: Mutex<MessageSeq>,
    /// By what devices are told of messages, where they are.
    pub(crate) pusher: OnceLock<Arc<dyn Pusher>>,
    /// Where the journal stood when the first device began to hear.
    pub(crate) heard_from: Mutex<Option<JournalSeq>>,
    /// Who looked at what on a page.
    pub(crate) looks: Mutex<Looks>,
    pub(crate) sweep_bell: Notify,
    /// Rings when a file is wanted.
    pub(crate) media_bell: Notify,
    /// Files that are being fetched.
    pub(crate) fetching: Mutex<Fetching>,
    pub(crate) journal_bell: watch::Sender<u64>,
    /// Rings when an incident opened, changed or closed.
    pub(crate) incident_bell: watch::Sender<u64>,
    /// Rings when control hosts are to be asked at once.
    pub(crate) control_bell: watch::Sender<()>,
    pub(crate) metrics: Metrics,
    directory: RwLock<Directory>,
    /// Planning reads health and is then made durable; moving everything away from a route that
    /// turned must not fall between the two, or a later message would overtake an earlier one.
    pub(crate) gate: tokio::sync::RwLock<()>,
    /// Lanes whose head is being attempted.
    pub(crate) under_way: Mutex<BTreeSet<Lane>>,
    /// One change of the directory at a time: numbers are given under this lock.
    changing: tokio::sync::Mutex<()>,
}

/// What is kept, and where.
pub(crate) type Rooms = (Arc<dyn Store>, Arc<dyn MediaStore>, Option<Arc<dyn SearchIndex>>);

impl Pieces {
    #[allow(clippy::too_many_arguments, reason = "called once, by the hub's start")]
    pub(crate) fn new(
        (store, media, search): Rooms,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        secret: HubSecret,
        settings: Settings,
        accounts: BTreeMap<AccountId, Arc<Account>>,
        directory: Directory,
    ) -> Self {
        Self {
            store,
            media,
            search,
            clock,
            entropy,
            secret,
            health: Mutex::new(HealthBook::new(settings.health.clone())),
            settings,
            accounts,
            held: Mutex::default(),
            told: Mutex::default(),
            ended_badly: Mutex::default(),
            gone: Mutex::default(),
            tried: Mutex::default(),
            asked: Mutex::default(),
            to_tell: Mutex::default(),
            begun: Begun::default(),
            spoke: Mutex::default(),
            perches: Mutex::default(),
            hollows: Mutex::default(),
            latest: Mutex::default(),
            retired: Mutex::default(),
            pusher: OnceLock::new(),
            heard_from: Mutex::default(),
            looks: Mutex::default(),
            sweep_bell: Notify::new(),
            media_bell: Notify::new(),
            fetching: Mutex::default(),
            journal_bell: watch::Sender::new(0),
            incident_bell: watch::Sender::new(0),
            control_bell: watch::Sender::new(()),
            metrics: Metrics::default(),
            directory: RwLock::new(directory),
            gate: tokio::sync::RwLock::new(()),
            under_way: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the directory; `read` must be short and must not wait.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Directory) -> R) -> R {
        read(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// In which language the hub speaks to a person. Not to be asked while the directory is read:
    /// a second reading may wait for a writer that waits for the first.
    pub(crate) fn language_of(&self, person: PersonId) -> Language {
        let own = self.read(|directory| directory.person(person).map(|person| person.language));
        own.unwrap_or(self.settings.language)
    }

    /// Packs what of the directory was read since: memory that a busy hour took is given back.
    pub(crate) fn fold(&self) {
        self.directory.write().unwrap_or_else(PoisonError::into_inner).fold();
    }

    /// Reads the directory and health together. Always in this order: nobody who holds the health
    /// book may ask for the directory.
    pub(crate) fn read_with_health<R>(&self, read: impl FnOnce(&Directory, &HealthBook) -> R) -> R {
        self.read(|directory| read(directory, &lock(&self.health)))
    }

    /// Changes the directory: `decide` sees it under the lock of changes and returns the changes
    /// to make and an answer; they are durable before anybody sees them.
    pub(crate) async fn change<R>(
        &self,
        decide: impl FnOnce(&Directory) -> (Vec<Change>, R),
    ) -> Result<R, StoreFailure> {
        let _one_at_a_time = self.changing.lock().await;
        let (changes, answer) = self.read(decide);
        if changes.is_empty() {
            return Ok(answer);
        }
        let concerns = self.read(|directory| narrowed(directory, &changes));
        if concerns.is_empty() {
            self.make(changes).await?;
        } else {
            // Whoever changes the directory holds no gate, so this waits for nobody who waits here.
            let _nothing_is_planned = self.gate.write().await;
            self.make(changes).await?;
            Box::pin(withdrawal::follow(self, &concerns)).await;
        }
        Ok(answer)
    }

    async fn make(&self, changes: Vec<Change>) -> Result<(), StoreFailure> {
        self.store.change(self.now(), changes.clone()).await?;
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            directory.apply(change);
        }
        drop(directory);
        lock(&self.held).turned();
        Ok(())
    }

    /// Admits events and rings whoever has something to do about them.
    pub(crate) async fn admit(&self, batch: AdmitBatch) -> Result<Vec<Admitted>, StoreFailure> {
        let notes: Vec<Vec<Bell>> = batch.admissions.iter().map(bells).collect();
        let admitted = self.store.admit(batch).await?;
        for (answer, notes) in admitted.iter().zip(notes) {
            if let Admitted::New { .. } = answer {
                self.ring(&notes);
            }
        }
        self.ring_journal();
        Ok(admitted)
    }

    pub(crate) fn ring(&self, bells: &[Bell]) {
        for bell in bells {
            match bell {
                Bell::Due(account) => {
                    if let Some(account) = self.accounts.get(account) {
                        account.bell.notify_one();
                    }
                }
                Bell::Held(lane, route) => {
                    lock(&self.held).insert(*lane, *route);
                }
            }
        }
    }

    /// Whether the network of an account is down as a whole.
    pub(crate) fn down_as_a_whole(&self, account: AccountId) -> bool {
        let network = self.accounts.get(&account).map(|account| account.network);
        network.is_some_and(|network| lock(&self.health).network_down(network))
    }

    /// The routes that refused a delivery, the present one last.
    pub(crate) fn tried_with(&self, delivery: &Delivery) -> Vec<Route> {
        let mut tried = lock(&self.tried).get(&delivery.seq).cloned().unwrap_or_default();
        tried.extend(delivery.route);
        tried
    }

    /// Asks every network and control host for a sign of life at once.
    pub(crate) fn ring_probes(&self) {
        self.control_bell.send_replace(());
        for account in self.accounts.values() {
            account.probe_bell.notify_one();
        }
    }

    /// Lets every account look whether something is due.
    pub(crate) fn ring_all(&self) {
        for account in self.accounts.values() {
            account.bell.notify_one();
        }
    }

    pub(crate) fn ring_journal(&self) {
        self.journal_bell.send_modify(|rings| *rings = rings.wrapping_add(1));
    }
}

/// What must be woken or remembered once a delivery is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bell {
    /// Something is due for this account.
    Due(AccountId),
    /// This lane waits for this route.
    Held(Lane, Option<Route>),
}

pub(crate) fn bells(admission: &Admission) -> Vec<Bell> {
    let Some(message) = &admission.message else {
        return Vec::new();
    };
    admission
        .deliveries
        .iter()
        .filter_map(|delivery| bell_of(message.conversation, delivery))
        .collect()
}

pub(crate) fn bell_of(conversation: ConversationId, delivery: &NewDelivery) -> Option<Bell> {
    let recipient: Recipient = delivery.recipient;
    if delivery.state == State::Held || delivery.route.is_none() {
        return Some(Bell::Held(Lane { conversation, recipient }, delivery.route));
    }
    delivery.route.map(|route| Bell::Due(route.account))
}
