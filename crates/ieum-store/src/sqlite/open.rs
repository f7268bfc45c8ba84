//! Which deliveries are open, as bits: one chunk for each account and 4,096 numbers.
//!
//! All chunks are in memory (about a bit for each open delivery in a backlog). Those that the
//! present transaction changed are written when it commits: few, because deliveries start at the
//! end and mostly end not far from each other. Invariant: a chunk without a bit has no row.

use super::failure::{damaged, failure};
use super::format::{column, number};
use crate::rows::RowAnswer;
use ieum_core::ids::{AccountId, DeliverySeq};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Words of one chunk.
const CHUNK_WORDS: usize = 64;
/// Numbers of one chunk.
const CHUNK_SEQS: u64 = CHUNK_WORDS as u64 * 64;

/// An account (zero: without a route), and a number divided by [`CHUNK_SEQS`].
type Place = (u64, u64);

/// All open deliveries.
#[derive(Debug, Default)]
pub(super) struct OpenBits {
    chunks: BTreeMap<Place, Box<[u64; CHUNK_WORDS]>>,
    /// Changed in the present transaction.
    changed: BTreeSet<Place>,
    /// The bits that it turned, in order.
    turned: Vec<(u64, DeliverySeq)>,
}

impl OpenBits {
    /// As the table has them.
    pub(super) fn open(connection: &Connection) -> RowAnswer<Self> {
        let mut select = connection
            .prepare("SELECT account, chunk, bits FROM open_chunk ORDER BY account, chunk")
            .map_err(failure)?;
        let mut rows = select.query([]).map_err(failure)?;
        let mut bits = Self::default();
        while let Some(row) = rows.next().map_err(failure)? {
            let place = (row.get(0).map_err(failure)?, row.get(1).map_err(failure)?);
            let blob = row.get_ref(2).map_err(failure)?.as_blob().map_err(damaged)?;
            bits.chunks.insert((number(place.0), number(place.1)), Box::new(unpack(blob)?));
        }
        Ok(bits)
    }

    /// Turns the bit of a delivery.
    pub(super) fn turn(&mut self, account: Option<AccountId>, seq: DeliverySeq) {
        let account = account.unwrap_or_default().0;
        self.flip(account, seq);
        self.turned.push((account, seq));
        self.changed.insert((account, seq.0 / CHUNK_SEQS));
    }

    /// Writes what the present transaction changed.
    pub(super) fn write(&self, connection: &Connection) -> RowAnswer<()> {
        for (account, chunk) in &self.changed {
            let place = (column(*account), column(*chunk));
            match self.chunks.get(&(*account, *chunk)) {
                Some(words) => connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO open_chunk(account, chunk, bits) VALUES(?1,?2,?3)",
                    )
                    .and_then(|mut put| put.execute((place.0, place.1, pack(words)))),
                None => connection
                    .prepare_cached("DELETE FROM open_chunk WHERE account = ?1 AND chunk = ?2")
                    .and_then(|mut delete| delete.execute(place)),
            }
            .map_err(failure)?;
        }
        Ok(())
    }

    /// The transaction is durable.
    pub(super) fn committed(&mut self) {
        self.changed.clear();
        self.turned.clear();
    }

    /// The transaction failed.
    pub(super) fn rolled_back(&mut self) {
        for (account, seq) in std::mem::take(&mut self.turned) {
            self.flip(account, seq);
        }
        self.changed.clear();
    }

    /// Open deliveries above `after`, in order; of one account, or of all.
    pub(super) fn seqs(
        &self,
        account: Option<Option<AccountId>>,
        after: DeliverySeq,
        rows_max: usize,
    ) -> Vec<DeliverySeq> {
        if let Some(account) = account {
            let account = account.unwrap_or_default().0;
            return self.of_account(account, after).take(rows_max).collect();
        }
        let mut all = Vec::new();
        let mut next = self.chunks.keys().next().map(|(account, _)| *account);
        while let Some(account) = next {
            all.extend(self.of_account(account, after).take(rows_max));
            let later = self.chunks.range((account.saturating_add(1), 0)..).next();
            next = later.map(|((account, _), _)| *account).filter(|later| *later > account);
        }
        all.sort_unstable();
        all.truncate(rows_max);
        all
    }

    fn of_account(&self, account: u64, after: DeliverySeq) -> impl Iterator<Item = DeliverySeq> {
        let first = (account, after.0 / CHUNK_SEQS);
        let chunks = self.chunks.range(first..=(account, u64::MAX));
        let seqs = chunks.flat_map(|((_, chunk), words)| {
            let starts = (chunk * CHUNK_SEQS..).step_by(64);
            starts.zip(words.iter()).flat_map(|(start, word)| ones(*word).map(move |at| start + at))
        });
        seqs.map(DeliverySeq).filter(move |seq| *seq > after)
    }

    fn flip(&mut self, account: u64, seq: DeliverySeq) {
        let place = (account, seq.0 / CHUNK_SEQS);
        let words = self.chunks.entry(place).or_insert_with(|| Box::new([0; CHUNK_WORDS]));
        let at = usize::try_from(seq.0 % CHUNK_SEQS / 64).unwrap_or_default();
        if let Some(word) = words.get_mut(at) {
            *word ^= 1 << (seq.0 % 64);
        }
        if words.iter().all(|word| *word == 0) {
            self.chunks.remove(&place);
        }
    }
}

/// The places of the ones of a word, the lowest first.
fn ones(word: u64) -> impl Iterator<Item = u64> {
    let mut left = word;
    std::iter::from_fn(move || {
        let at = left.checked_ilog2().map(|_| u64::from(left.trailing_zeros()))?;
        left &= left - 1;
        Some(at)
    })
}

fn pack(words: &[u64; CHUNK_WORDS]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn unpack(blob: &[u8]) -> RowAnswer<[u64; CHUNK_WORDS]> {
    let (words, rest) = blob.as_chunks::<8>();
    match <&[[u8; 8]; CHUNK_WORDS]>::try_from(words) {
        Ok(words) if rest.is_empty() => Ok(words.map(u64::from_le_bytes)),
        _ => Err(damaged(format!("a chunk of open deliveries has {} bytes", blob.len()))),
    }
}

/// Makes the chunks of a file of the first schema, which had indexes instead.
pub(super) fn fill(connection: &Connection) -> RowAnswer<()> {
    let mut bits = OpenBits::default();
    let mut select = connection
        .prepare("SELECT account, seq FROM delivery INDEXED BY open_account WHERE open = 1")
        .map_err(failure)?;
    let mut rows = select.query([]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        let (account, seq) = (row.get(0).map_err(failure)?, row.get(1).map_err(failure)?);
        bits.turn(Some(AccountId(number(account))), DeliverySeq(number(seq)));
    }
    bits.write(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Option<AccountId> = Some(AccountId(2));

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE open_chunk(account INTEGER, chunk INTEGER, bits BLOB,
                 PRIMARY KEY(account, chunk)) WITHOUT ROWID",
            )
            .unwrap();
        connection
    }

    fn numbers(seqs: Vec<DeliverySeq>) -> Vec<u64> {
        seqs.into_iter().map(|seq| seq.0).collect()
    }

    #[test]
    fn what_was_written_is_read_again_in_order() {
        let connection = connection();
        let mut bits = OpenBits::default();
        for seq in [0, 1, 63, 64, 4_095, 4_096, 9_000_000_000] {
            bits.turn(LINE, DeliverySeq(seq));
        }
        bits.turn(None, DeliverySeq(70));
        bits.turn(LINE, DeliverySeq(4_096));
        bits.write(&connection).unwrap();
        bits.committed();
        let mut again = OpenBits::open(&connection).unwrap();
        let all = again.seqs(None, DeliverySeq(0), 100);
        assert_eq!(numbers(all), [1, 63, 64, 70, 4_095, 9_000_000_000]);
        let of_line = again.seqs(Some(LINE), DeliverySeq(63), 2);
        assert_eq!(numbers(of_line), [64, 4_095]);
        assert_eq!(numbers(again.seqs(Some(None), DeliverySeq(0), 100)), [70]);

        again.turn(None, DeliverySeq(70));
        again.write(&connection).unwrap();
        again.committed();
        let rows = "SELECT count(*) FROM open_chunk";
        let rows: i64 = connection.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2, "a chunk without a bit keeps no row");
    }

    #[test]
    fn a_failed_transaction_leaves_the_bits_as_they_were() {
        let mut bits = OpenBits::default();
        bits.turn(LINE, DeliverySeq(5));
        bits.committed();
        bits.turn(LINE, DeliverySeq(5));
        bits.turn(None, DeliverySeq(5));
        bits.turn(None, DeliverySeq(6));
        bits.rolled_back();
        assert_eq!(numbers(bits.seqs(None, DeliverySeq(0), 9)), [5]);
        assert!(bits.changed.is_empty());
    }

    #[test]
    fn a_chunk_that_was_cut_off_is_damage() {
        let connection = connection();
        connection.execute("INSERT INTO open_chunk VALUES(1, 1, x'ff')", []).unwrap();
        assert!(OpenBits::open(&connection).is_err());
    }
}
