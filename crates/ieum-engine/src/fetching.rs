//! Files on their way in: what came with messages is fetched once.
//!
//! A message is acknowledged before its file is here; that it is wanted is durable before that.
//! One loop fetches what is wanted, with the credentials of the account that heard of it, and goes
//! on after a crash with what the media room still wants. Invariant: a source that is slow or
//! silent takes places of its own account alone, and never all of them for long.

use crate::account::Account;
use crate::backoff::media_wait_ms;
use crate::media::write;
use crate::pieces::{Pieces, lock};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::ids::AccountId;
use ieum_core::media::erase::Eraser;
use ieum_core::media::sniff::{SNIFFED_BYTES_MAX, kind, media_type};
use ieum_core::media::{Kept, MediaId, Missing, Wanted, tidy_name};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{FetchFailure, Fetched};
use ieum_core::ports::media::{MediaFailure, MediaSink};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Files of one account that may have begun within the last [`QUICK_MS`].
const QUICK_MAX: usize = 4;
/// Files of one account that may take longer.
const LONG_MAX: usize = 4;
/// After so long a fetch leaves its place to the next, and goes on among the long ones.
const QUICK_MS: u64 = 20_000;
/// A fetch that brings less in a minute is put off: 4 KiB/s, an eighth of what a poor phone has.
const MINUTE_BYTES_MIN: u64 = 256 * 1024;
/// How often the media room is asked when no bell rings.
const LOOK_MS: u64 = 1_000;
/// Longest fetch of one file.
const FETCH_MINUTES_MAX: u32 = 30;
/// How long a file is tried for: its network may be down as long as a long outage.
const WANTED_MS_MAX: u64 = 3 * 24 * 3_600_000;
/// How often unused files are cleared away.
const COLLECT_MS: u64 = 3_600_000;
/// Files that are being put into the media room, and whose places they take.
#[derive(Debug, Default)]
pub(crate) struct Fetching(BTreeMap<MediaId, Place>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It comes from a page, which has limits of its own.
    Page,
    Quick(AccountId),
    Long(AccountId),
}

impl Fetching {
    /// Whether a file is under way right now.
    pub(crate) fn contains(&self, id: MediaId) -> bool {
        self.0.contains_key(&id)
    }

    /// A page brings a file. `false`: it is under way already.
    pub(crate) fn hold(&mut self, id: MediaId) -> bool {
        let free = !self.contains(id);
        self.0.entry(id).or_insert(Place::Page);
        free
    }

    pub(crate) fn end(&mut self, id: MediaId) {
        self.0.remove(&id);
    }

    fn taken(&self, place: Place) -> usize {
        self.0.values().filter(|taken| **taken == place).count()
    }

    /// Accounts that have no place for a further file.
    fn full(&self) -> Vec<AccountId> {
        let mut full: Vec<_> = self.0.values().filter_map(|place| self.filled(*place)).collect();
        full.dedup();
        full
    }

    fn filled(&self, place: Place) -> Option<AccountId> {
        match place {
            Place::Quick(account) if self.taken(place) >= QUICK_MAX => Some(account),
            Place::Quick(_) | Place::Page | Place::Long(_) => None,
        }
    }

    fn begin(&mut self, id: MediaId, account: AccountId) -> bool {
        let place = Place::Quick(account);
        let begins = !self.contains(id) && self.taken(place) < QUICK_MAX;
        if begins {
            self.0.insert(id, place);
        }
        begins
    }

    /// Whether a fetch that took long may go on: among the long ones, or as nobody misses its
    /// place.
    fn stays(&mut self, id: MediaId) -> bool {
        let Some(Place::Quick(account)) = self.0.get(&id).copied() else { return true };
        if self.taken(Place::Long(account)) < LONG_MAX {
            self.0.insert(id, Place::Long(account));
            return true;
        }
        self.taken(Place::Quick(account)) < QUICK_MAX
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Runs until `stop`; what is under way then is fetched anew at the next start.
pub(crate) async fn fetch_all(pieces: Arc<Pieces>, mut stop: watch::Receiver<bool>) {
    let mut under_way: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut collected_at = pieces.now();
    loop {
        start_due(&pieces, &mut under_way).await;
        if pieces.now().ms_since(collected_at) >= COLLECT_MS {
            collected_at = pieces.now();
            collect(&pieces).await;
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            () = pieces.media_bell.notified() => {}
            () = pieces.clock.sleep(LOOK_MS) => {}
        }
    }
    drop(under_way);
    lock(&pieces.fetching).clear();
}

/// Starts what is due, until every account is full or has nothing more.
async fn start_due(pieces: &Arc<Pieces>, under_way: &mut FuturesUnordered<BoxFuture<'static, ()>>) {
    loop {
        let full = lock(&pieces.fetching).full();
        // What is under way is due as well.
        let rows_max = under_way.len() + 2 * QUICK_MAX;
        let due = match pieces.media.due(pieces.now(), full, rows_max).await {
            Ok(due) => due,
            Err(failure) => {
                tracing::error!(%failure, "nothing is fetched now");
                return;
            }
        };
        let before = under_way.len();
        for (wanted, tries) in due {
            if !lock(&pieces.fetching).begin(wanted.id, wanted.account) {
                continue;
            }
            let pieces = Arc::clone(pieces);
            under_way.push(Box::pin(async move {
                fetch_one(&pieces, &wanted, tries).await;
                lock(&pieces.fetching).end(wanted.id);
            }));
        }
        if under_way.len() == before {
            return;
        }
    }
}

async fn collect(pieces: &Pieces) {
    let kept_ms = i64::try_from(pieces.settings.media.kept_ms).unwrap_or(i64::MAX);
    let before = Timestamp(pieces.now().0.saturating_sub(kept_ms));
    match pieces.media.collect(before).await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "unused files were cleared away"),
        Err(failure) => tracing::error!(%failure, "unused files were not cleared away"),
    }
}

/// Why a try ended without a file.
enum Failed {
    /// The network's word, or its silence.
    Source(FetchFailure),
    /// The media room cannot write.
    Room(MediaFailure),
}

impl From<MediaFailure> for Failed {
    fn from(failure: MediaFailure) -> Self {
        Self::Room(failure)
    }
}

async fn fetch_one(pieces: &Pieces, wanted: &Wanted, tries: u32) {
    let came = AtomicU64::new(0);
    let fetched = tokio::select! {
        biased;
        fetched = fetched(pieces, wanted, &came) => fetched,
        reason = outstayed(pieces, wanted.id, &came) => Err(later(reason)),
    };
    let ended = match fetched {
        Ok(kept) => {
            tracing::debug!(bytes = kept.bytes, "a file is here");
            pieces.ring_all();
            Ok(())
        }
        Err(failed) => failed_try(pieces, wanted, tries, failed).await,
    };
    if let Err(failure) = ended {
        tracing::error!(%failure, "what became of a file was not noted");
    }
}

/// Ends when a fetch takes more than its share, with the reason.
async fn outstayed(pieces: &Pieces, id: MediaId, came: &AtomicU64) -> &'static str {
    for _ in 0..FETCH_MINUTES_MAX {
        let before = came.load(Ordering::Relaxed);
        for _ in 0..60_000 / QUICK_MS {
            pieces.clock.sleep(QUICK_MS).await;
            if !lock(&pieces.fetching).stays(id) {
                return "others wait";
            }
        }
        if came.load(Ordering::Relaxed).saturating_sub(before) < MINUTE_BYTES_MIN {
            return "too slow";
        }
    }
    "too long"
}

fn later(reason: &str) -> Failed {
    Failed::Source(FetchFailure::Later { after_ms: 0, reason: reason.to_owned() })
}

async fn failed_try(
    pieces: &Pieces,
    wanted: &Wanted,
    tries: u32,
    failed: Failed,
) -> Result<(), MediaFailure> {
    let now = pieces.now();
    let (after_ms, reason) = match failed {
        Failed::Source(FetchFailure::Gone(reason)) => {
            tracing::warn!(%reason, "a file does not come");
            return pieces.media.give_up(wanted.id, Missing::Gone).await;
        }
        Failed::Source(FetchFailure::TooLarge) => {
            return pieces.media.give_up(wanted.id, Missing::TooLarge).await;
        }
        Failed::Source(FetchFailure::Later { after_ms, reason }) => (after_ms, reason),
        Failed::Room(failure) => (0, failure.to_string()),
    };
    if now.ms_since(wanted.at) >= WANTED_MS_MAX {
        return pieces.media.give_up(wanted.id, Missing::Late).await;
    }
    tracing::debug!(%reason, tries, "a file did not come yet");
    let wait_ms = after_ms.max(media_wait_ms(tries, pieces.entropy.below(1_001)));
    pieces.media.postpone(wanted.id, now.plus_ms(wait_ms)).await
}

async fn fetched(pieces: &Pieces, wanted: &Wanted, came: &AtomicU64) -> Result<Kept, Failed> {
    let account: &Arc<Account> = pieces
        .accounts
        .get(&wanted.account)
        .ok_or_else(|| Failed::Source(FetchFailure::Gone("the account is gone".to_owned())))?;
    let opened = account.connector.fetch(&wanted.place).await.map_err(Failed::Source)?;
    let bytes_max = pieces.settings.media.bytes_max;
    if opened.bytes.is_some_and(|bytes| bytes > bytes_max) {
        return Err(Failed::Source(FetchFailure::TooLarge));
    }
    let sink = pieces.media.begin().await?;
    let eraser = pieces.settings.media.erases_places.then(Eraser::default);
    let (sink, head) = pour(opened, (sink, eraser), (bytes_max, came)).await?;
    let media_type = media_type(&head);
    let kept = Kept {
        hash: [0; 32],
        bytes: 0,
        kind: kind(wanted.kind, media_type),
        media_type: media_type.into(),
        name: tidy_name(&wanted.name).into(),
        duration_ms: wanted.duration_ms,
    };
    Ok(sink.keep(wanted.id, kept, pieces.now()).await?)
}

type Poured = (Box<dyn MediaSink>, Vec<u8>);

/// From the network into the media room, a piece at a time; also gives its first bytes.
async fn pour(
    mut from: Fetched,
    (mut into, mut eraser): (Box<dyn MediaSink>, Option<Eraser>),
    (bytes_max, came): (u64, &AtomicU64),
) -> Result<Poured, Failed> {
    let (mut head, mut bytes) = (Vec::new(), 0_u64);
    loop {
        let piece = from.pieces.next().await.map_err(|_| later("it broke off"))?;
        let Some(piece) = piece else { break };
        bytes = bytes.saturating_add(piece.len() as u64);
        came.store(bytes, Ordering::Relaxed);
        if bytes > bytes_max {
            return Err(Failed::Source(FetchFailure::TooLarge));
        }
        let room = SNIFFED_BYTES_MAX.saturating_sub(head.len());
        head.extend(piece.iter().take(room));
        let piece = eraser.as_mut().map_or(piece.clone(), |eraser| eraser.take(&piece).into());
        write(&mut into, piece).await?;
    }
    let rest = eraser.map(Eraser::finish).unwrap_or_default();
    write(&mut into, rest.into()).await?;
    match from.bytes {
        Some(told) if told != bytes => Err(later("it is not as long as its network said")),
        Some(_) | None => Ok((into, head)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> MediaId {
        MediaId::from_bytes([number; 16])
    }

    #[test]
    fn long_fetches_leave_their_places_while_there_are_others() {
        let mut fetching = Fetching::default();
        let (one, other) = (AccountId(1), AccountId(2));
        assert!((0..4).all(|number| fetching.begin(id(number), one)));
        assert!(!fetching.begin(id(9), one) && fetching.begin(id(10), other));
        assert!(!fetching.begin(id(10), one), "nothing is fetched twice");
        assert_eq!(fetching.full(), [one]);
        assert!((0..4).all(|number| fetching.stays(id(number))), "there is room for long ones");
        assert_eq!(fetching.full(), []);
        assert!((4..8).all(|number| fetching.begin(id(number), one)));
        assert!(!fetching.stays(id(4)), "somebody may wait for its place");
        fetching.end(id(5));
        assert!(fetching.stays(id(4)), "nobody misses its place");
        assert!(fetching.begin(id(5), one) && !fetching.stays(id(4)));
        fetching.end(id(0));
        assert!(fetching.stays(id(4)) && fetching.stays(id(1)), "among the long ones now");
        assert!(fetching.stays(id(99)), "unknown");
    }

    #[test]
    fn what_a_page_brings_takes_nobodys_place() {
        let mut fetching = Fetching::default();
        assert!((0..9).all(|number| fetching.hold(id(number))));
        assert!(!fetching.hold(id(3)) && !fetching.begin(id(3), AccountId(1)));
        assert!(fetching.full().is_empty() && fetching.begin(id(20), AccountId(1)));
        fetching.end(id(3));
        assert!(fetching.hold(id(3)));
    }
}
