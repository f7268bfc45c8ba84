//! The search index in maps: for tests and simulations. What it answers is what the file answers.

use ieum_core::ids::MessageSeq;
use ieum_core::ports::search::{
    ChangedPlace, FOUND_ROWS_MAX, FoundPlace, IndexBatch, IndexEntry, Look, Reached, SearchAnswer,
    SearchFailure, SearchIndex,
};
use ieum_core::search::SearchMark;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Shelves {
    reached: Option<Reached>,
    /// The version with the words of each message; none of one that was withdrawn.
    said: BTreeMap<MessageSeq, Option<MessageSeq>>,
    marks: BTreeSet<(SearchMark, MessageSeq)>,
    closed: bool,
}

impl Shelves {
    fn put(&mut self, entry: IndexEntry) {
        match entry {
            IndexEntry::Says { message, says, marks } => {
                if self.said.get(&message) == Some(&None) {
                    return;
                }
                self.forget(message);
                self.said.insert(message, Some(says));
                self.marks.extend(marks.into_iter().map(|mark| (mark, message)));
            }
            IndexEntry::Withdrawn(message) => {
                self.forget(message);
                self.said.insert(message, None);
            }
        }
    }

    fn forget(&mut self, message: MessageSeq) {
        self.marks.retain(|(_, of)| *of != message);
    }

    fn find(&self, look: &Look) -> Vec<FoundPlace> {
        let has = |all: &Vec<SearchMark>, message: MessageSeq| {
            !all.is_empty() && all.iter().all(|mark| self.marks.contains(&(*mark, message)))
        };
        let below = self.said.range(..look.before).rev();
        let found = below.filter_map(|(message, says)| {
            let found = look.any.iter().any(|all| has(all, *message));
            says.filter(|_| found).map(|says| FoundPlace { message: *message, says })
        });
        found.take(look.rows_max.min(FOUND_ROWS_MAX)).collect()
    }
}

/// An index in memory; clones are handles to the same one.
#[derive(Debug, Clone, Default)]
pub struct MemorySearch(Arc<Mutex<Shelves>>);

impl MemorySearch {
    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Shelves) -> T) -> SearchAnswer<'_, T> {
        let mut shelves = self.lock();
        let answer =
            if shelves.closed { Err(SearchFailure::Closed) } else { Ok(work(&mut shelves)) };
        Box::pin(std::future::ready(answer))
    }

    /// What a restart leaves: everything.
    pub fn reopen(&self) {
        self.lock().closed = false;
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SearchIndex for MemorySearch {
    fn reached(&self) -> SearchAnswer<'_, Option<Reached>> {
        self.with(|shelves| shelves.reached)
    }

    fn put(&self, batch: IndexBatch) -> SearchAnswer<'_, ()> {
        self.with(|shelves| {
            batch.entries.into_iter().for_each(|entry| shelves.put(entry));
            shelves.reached = Some(batch.reached);
        })
    }

    fn find(&self, look: Look) -> SearchAnswer<'_, Vec<FoundPlace>> {
        self.with(|shelves| shelves.find(&look))
    }

    fn changed(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, Vec<ChangedPlace>> {
        self.with(move |shelves| {
            let places = messages.into_iter().take(FOUND_ROWS_MAX).filter_map(|message| {
                let says = *shelves.said.get(&message)?;
                (says != Some(message)).then_some(ChangedPlace { message, says })
            });
            places.collect()
        })
    }

    fn forget(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, ()> {
        self.with(|shelves| {
            messages.into_iter().for_each(|one| shelves.put(IndexEntry::Withdrawn(one)));
        })
    }

    fn clear(&self) -> SearchAnswer<'_, ()> {
        self.with(|shelves| *shelves = Shelves::default())
    }

    fn close(&self) -> SearchAnswer<'_, ()> {
        self.with(|shelves| shelves.closed = true)
    }
}
