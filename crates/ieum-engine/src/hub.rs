//! The hub as its upper floors see it: one cheap handle.

use crate::account::{Account, AccountSetup, AccountState};
use crate::begin_anew;
use crate::canary::{self, Seen, WatcherState};
use crate::clock_back;
use crate::codes::{self, CodeFailure, IssuedCode, SentCode, WantedCode};
use crate::contacts::{self, ContactFailure};
use crate::intake::{self, HookAnswer, HookFailure};
use crate::left_over;
use crate::media::{LinkFailure, linked_file};
use crate::metrics::EngineMetrics;
use crate::operator::{self, ReportAnswer};
use crate::people::{self, ChangeFailure, NewConversation, NewPerson};
use crate::pieces::{Pieces, lock};
use crate::say::{self, Said, Say, SayFailure};
use crate::sessions;
use crate::settings::Settings;
use crate::sweep;
use crate::tasks::Tasks;
use crate::untold;
use crate::ways;
use ieum_core::content::HubSecret;
use ieum_core::directory::{self, Change, Directory, Purpose};
use ieum_core::health::book::CellView;
use ieum_core::health::{Cell, CellState};
use ieum_core::ids::{AccountId, AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use ieum_core::network::Network;
use ieum_core::people::code::{Code, CodeId, CodePurpose, Party};
use ieum_core::people::contacts::Standing;
use ieum_core::people::sessions::SessionMark;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::HookRequest;
use ieum_core::ports::control::ControlHost;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::media::{MediaStore, Opened};
use ieum_core::ports::push::Pusher;
use ieum_core::ports::search::SearchIndex;
use ieum_core::ports::store::{Loaded, Store, StoreFailure};
use ieum_core::ports::tell::Teller;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What a hub is made of.
#[derive(Debug)]
pub struct HubSetup {
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// Where what comes with messages is.
    pub media: Arc<dyn MediaStore>,
    /// By what messages are found; a hub without it finds none.
    pub search: Option<Arc<dyn SearchIndex>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The key of salts and call keys; the same for the life of the data.
    pub secret: HubSecret,
    /// Our identities on the networks.
    pub accounts: Vec<AccountSetup>,
    /// Whom to tell about incidents.
    pub tellers: Vec<Arc<dyn Teller>>,
    /// What the operator set.
    pub settings: Settings,
}

/// Why a hub did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubFailure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// An account's name is taken by one of another network in the data.
    #[error("account {name} was on {before} before; give the new one another name")]
    AccountMoved {
        /// The account.
        name: String,
        /// Its network in the data.
        before: &'static str,
    },
}

/// A running hub. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Hub {
    pub(crate) pieces: Arc<Pieces>,
    tasks: Arc<Mutex<Option<Tasks>>>,
}

impl Hub {
    /// Loads the store, resolves what a crash interrupted, and starts the loops.
    ///
    /// # Errors
    /// When the store fails or an account changed its network.
    pub async fn start(setup: HubSetup) -> Result<Self, HubFailure> {
        let latest = clock_back::latest_of(setup.store.as_ref()).await?;
        let loaded = setup.store.load(setup.clock.now()).await?;
        let Loaded { mut directory, cursors, interrupted } = loaded;
        let accounts = known_accounts(&setup, &mut directory).await?;
        let pieces = Arc::new(Pieces::new(
            (setup.store, setup.media, setup.search),
            setup.clock,
            setup.entropy,
            setup.secret,
            setup.settings,
            accounts,
            directory,
        ));
        *lock(&pieces.latest) = latest;
        clock_back::follow(&pieces).await?;
        left_over::note_absent(&pieces);
        left_over::resolve(&pieces, interrupted).await?;
        begin_anew::take_up(&pieces).await?;
        untold::take_up(&pieces).await?;
        sweep::remember_held(&pieces).await?;
        let tasks = Tasks::start(&pieces, cursors, &setup.tellers);
        Ok(Self { pieces, tasks: Arc::new(Mutex::new(Some(tasks))) })
    }

    /// Asks these hosts from now on whether our own line works; none after a stop.
    pub fn ask_control_hosts(&self, hosts: Vec<Arc<dyn ControlHost>>) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            tasks.ask(&self.pieces, hosts);
        }
    }

    pub(crate) fn start_pushing(&self, pusher: Arc<dyn Pusher>) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            tasks.push(&self.pieces, pusher);
        }
    }

    /// Stops the loops, waits for attempts under way and closes the store.
    pub async fn stop(&self) {
        let tasks = lock(&self.tasks).take();
        if let Some(tasks) = tasks {
            tasks.stop().await;
        }
        if let Err(failure) = self.pieces.media.close().await {
            tracing::error!(%failure, "the media room did not close calmly");
        }
        if let Err(failure) = self.pieces.store.close().await {
            tracing::error!(%failure, "the store did not close calmly");
        }
    }

    /// Whether the loops run; false once a defect ended one, or the hub stops.
    #[must_use]
    pub fn loops_running(&self) -> bool {
        lock(&self.tasks).as_ref().is_some_and(Tasks::all_running)
    }

    /// Takes a webhook call to `path` below the account's hook (mostly empty); returns when what it
    /// brought is durable.
    ///
    /// # Errors
    /// A [`HookFailure`]; nothing was stored.
    pub async fn hook(
        &self,
        account: &str,
        hook: HookRequest<'_>,
    ) -> Result<HookAnswer, HookFailure> {
        let account = self.account(account).ok_or(HookFailure::UnknownAccount)?;
        intake::hook(&self.pieces, account, hook).await
    }

    /// Takes what a connector read, without a webhook around it: for drivers that hold the
    /// network's side themselves.
    ///
    /// # Errors
    /// A [`HookFailure`]; nothing was stored.
    pub async fn take_arrival(
        &self,
        account: &str,
        arrival: ieum_core::inbound::Arrival,
    ) -> Result<HookAnswer, HookFailure> {
        let account = self.account(account).ok_or(HookFailure::UnknownAccount)?;
        intake::take(&self.pieces, account, arrival, None)
            .await
            .map_err(|_| HookFailure::Unavailable)
    }

    fn account(&self, name: &str) -> Option<&Arc<Account>> {
        self.pieces.accounts.values().find(|account| &*account.name == name)
    }

    /// Reads the directory; `read` must be short.
    pub fn with_directory<R>(&self, read: impl FnOnce(&Directory) -> R) -> R {
        self.pieces.read(read)
    }

    /// The file behind a public link, with what is known of it.
    ///
    /// # Errors
    /// A [`LinkFailure`]; a link that was not made here tells nothing about any file.
    pub async fn linked_file(&self, link: &str) -> Result<Opened, LinkFailure> {
        linked_file(&self.pieces, link).await
    }

    /// The store, for reading pages.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.pieces.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.pieces.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.pieces.clock
    }

    /// The randomness.
    #[must_use]
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.pieces.entropy
    }

    /// How far east of UTC the readers' wall clock is, in minutes.
    #[must_use]
    pub fn utc_offset_minutes(&self) -> i32 {
        self.pieces.settings.utc_offset_minutes
    }

    /// All cells that were ever heard of.
    #[must_use]
    pub fn health(&self) -> Vec<CellView> {
        lock(&self.pieces.health).view()
    }

    /// Keeps a part of a network in a state until it is released, by the operator's word.
    /// It stands through restarts; `by` is the operator's name.
    ///
    /// # Errors
    /// A [`StoreFailure`]; nothing was changed.
    pub async fn hold_cell(
        &self,
        cell: Cell,
        state: CellState,
        by: &str,
    ) -> Result<(), StoreFailure> {
        operator::hold(&self.pieces, cell, state, by).await
    }

    /// Lets a part of a network be what the hub's own evidence says.
    ///
    /// # Errors
    /// A [`StoreFailure`]; the word may stand again after a restart.
    pub async fn release_cell(&self, cell: Cell) -> Result<(), StoreFailure> {
        operator::release(&self.pieces, cell).await
    }

    /// Takes in that a person says a network does not work for them.
    pub async fn report(&self, cell: Cell, person: PersonId) -> ReportAnswer {
        operator::report(&self.pieces, cell, person).await
    }

    /// Takes in what a watcher saw; `None` when there is no such watcher.
    pub async fn seen(&self, watcher: &str, text: &str) -> Option<Seen> {
        canary::seen(&self.pieces, watcher, text).await
    }

    /// How the watchers stand.
    #[must_use]
    pub fn watchers(&self) -> Vec<WatcherState> {
        canary::states(&self.pieces)
    }

    /// Rings after commits; the number means nothing but that it changed.
    #[must_use]
    pub fn journal_bell(&self) -> watch::Receiver<u64> {
        self.pieces.journal_bell.subscribe()
    }

    /// How the accounts stand.
    #[must_use]
    pub fn account_states(&self) -> Vec<AccountState> {
        self.pieces.accounts.values().map(|account| account.state()).collect()
    }

    /// Figures of the loops.
    #[must_use]
    pub fn metrics(&self) -> EngineMetrics {
        self.pieces.metrics.snapshot()
    }

    /// Says something in a conversation; returns when it is durable.
    ///
    /// # Errors
    /// A [`SayFailure`]; nothing was said.
    pub async fn say(&self, say: Say) -> Result<Said, SayFailure> {
        say::say(&self.pieces, say).await
    }

    /// Makes a person.
    ///
    /// # Errors
    /// A [`ChangeFailure`]; nothing was changed. The same holds for all changes below.
    pub async fn create_person(&self, new: NewPerson) -> Result<PersonId, ChangeFailure> {
        people::create_person(&self.pieces, new).await
    }

    /// Makes a one-time code and tells it to the caller alone, who shows it to its owner.
    ///
    /// # Errors
    /// A [`CodeFailure`]; no code was made.
    pub async fn issue_code(&self, wanted: WantedCode) -> Result<IssuedCode, CodeFailure> {
        codes::issue(&self.pieces, wanted).await
    }

    /// Sends a code for signing in to an address of a person; `asked_by` is limited in asking. Its
    /// text is told to nobody else. Callers answer an unknown person like a known one.
    ///
    /// # Errors
    /// A [`CodeFailure`]; no code was made.
    pub async fn send_code(
        &self,
        person: PersonId,
        address: AddressId,
        asked_by: Party,
    ) -> Result<SentCode, CodeFailure> {
        codes::send(&self.pieces, person, address, asked_by).await
    }

    /// Takes a code as somebody typed it, for `ticket` only where one is given. What is accepted
    /// is used up; [`Code::owner`] says whom it stands for. `by` is limited in guessing.
    ///
    /// # Errors
    /// A [`CodeFailure`]; a code that is wrong, used, over or made for something else is the same.
    pub async fn redeem_code(
        &self,
        typed: &str,
        purpose: CodePurpose,
        ticket: Option<CodeId>,
        by: Party,
    ) -> Result<Code, CodeFailure> {
        codes::redeem(&self.pieces, typed, purpose, ticket, by).await
    }

    /// Ties an address to a person, by the operator's word.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn link_address(
        &self,
        person: PersonId,
        account: &str,
        user: UserKey,
        direct: Option<ChatKey>,
        name: &str,
    ) -> Result<AddressId, ChangeFailure> {
        people::link_address(&self.pieces, person, account, user, direct, name).await
    }

    /// Records a consent or its withdrawal.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn set_consent(
        &self,
        person: PersonId,
        network: Network,
        purpose: Purpose,
        given: bool,
        source: &str,
    ) -> Result<(), ChangeFailure> {
        people::set_consent(&self.pieces, person, network, purpose, given, source).await
    }

    /// Gives a person a handle by which they can be asked, or takes it away.
    ///
    /// # Errors
    /// A [`ContactFailure`]; nothing was changed. The same holds for the next two.
    pub async fn take_handle(
        &self,
        person: PersonId,
        handle: Option<&str>,
    ) -> Result<(), ContactFailure> {
        contacts::take_handle(&self.pieces, person, handle).await
    }

    /// Asks for somebody as a contact. The answer depends on the one who asks alone: it never
    /// tells whether there is such a person, or what they said.
    ///
    /// # Errors
    /// A [`ContactFailure`].
    pub async fn request_contact(
        &self,
        from: PersonId,
        handle: &str,
    ) -> Result<(), ContactFailure> {
        contacts::request(&self.pieces, from, handle).await
    }

    /// Accepts, ignores or blocks somebody.
    ///
    /// # Errors
    /// A [`ContactFailure`].
    pub async fn answer_contact(
        &self,
        person: PersonId,
        other: PersonId,
        standing: Standing,
    ) -> Result<(), ContactFailure> {
        contacts::answer(&self.pieces, person, other, standing).await
    }

    /// Puts one of a person's addresses before all others, from now on.
    ///
    /// # Errors
    /// A [`ChangeFailure`]; also when it is not theirs. The same holds for the next.
    pub async fn put_address_first(
        &self,
        person: PersonId,
        address: AddressId,
    ) -> Result<(), ChangeFailure> {
        ways::put_first(&self.pieces, person, address).await
    }

    /// Parts one of a person's addresses and tells the others.
    ///
    /// # Errors
    /// A [`ChangeFailure`]; also for the last one.
    pub async fn part_address(
        &self,
        person: PersonId,
        address: AddressId,
    ) -> Result<(), ChangeFailure> {
        ways::part(&self.pieces, person, address).await
    }

    /// Signs a person in: from now on `mark`, the digest of a secret that only their browser has,
    /// stands for them.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn open_session(
        &self,
        person: PersonId,
        mark: SessionMark,
        browser: &str,
    ) -> Result<(), ChangeFailure> {
        sessions::open(&self.pieces, person, mark, browser).await
    }

    /// Ends one session; nothing where there is none.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn close_session(&self, mark: SessionMark) -> Result<(), ChangeFailure> {
        sessions::close(&self.pieces, mark).await
    }

    /// Ends all sessions of a person, by their word from `browser`.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn close_sessions(
        &self,
        person: PersonId,
        browser: &str,
    ) -> Result<(), ChangeFailure> {
        sessions::close_all(&self.pieces, person, browser).await
    }

    /// Makes a conversation.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn create_conversation(
        &self,
        new: NewConversation,
    ) -> Result<ConversationId, ChangeFailure> {
        people::create_conversation(&self.pieces, new).await
    }

    /// Adds a person to a conversation.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn add_member(
        &self,
        conversation: ConversationId,
        person: PersonId,
    ) -> Result<(), ChangeFailure> {
        people::set_member(&self.pieces, conversation, person, true).await
    }

    /// Takes a person out of a conversation.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn remove_member(
        &self,
        conversation: ConversationId,
        person: PersonId,
    ) -> Result<(), ChangeFailure> {
        people::set_member(&self.pieces, conversation, person, false).await
    }

    /// Joins a network's room to a conversation.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn join_room(
        &self,
        conversation: ConversationId,
        room: RoomId,
    ) -> Result<(), ChangeFailure> {
        people::join_room(&self.pieces, conversation, room).await
    }

    /// Parts a room from its conversation.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn part_room(
        &self,
        conversation: ConversationId,
        room: RoomId,
    ) -> Result<(), ChangeFailure> {
        people::part_room(&self.pieces, conversation, room).await
    }

    /// Says who is (or is no longer) in a room: those get its messages there and not personally.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn set_present(
        &self,
        room: RoomId,
        address: AddressId,
        present: bool,
    ) -> Result<(), ChangeFailure> {
        people::set_present(&self.pieces, room, address, present).await
    }

    /// Makes a room known before its first event.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn register_room(
        &self,
        account: &str,
        chat: ChatKey,
        title: &str,
    ) -> Result<RoomId, ChangeFailure> {
        people::register_room(&self.pieces, account, chat, title).await
    }
}

/// Gives every configured account its number in the data, new ones a new number.
async fn known_accounts(
    setup: &HubSetup,
    directory: &mut Directory,
) -> Result<BTreeMap<AccountId, Arc<Account>>, HubFailure> {
    let mut accounts = BTreeMap::new();
    for one in &setup.accounts {
        let network = one.connector.network();
        let id = match directory.account_named(&one.name) {
            Some(known) if known.network != network => {
                let before = known.network.word();
                return Err(HubFailure::AccountMoved { name: one.name.clone(), before });
            }
            Some(known) => known.id,
            None => {
                let id = directory.next_ids().account;
                let account = directory::Account { id, name: one.name.as_str().into(), network };
                let change = Change::Account(account);
                setup.store.change(setup.clock.now(), vec![change.clone()]).await?;
                directory.apply(change);
                id
            }
        };
        accounts.insert(id, Arc::new(Account::new(id, one.clone())));
    }
    Ok(accounts)
}
