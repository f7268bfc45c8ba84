//! The index of the media room: one row for each file of each message.
//!
//! SQLite of its own, apart from the store: what it holds can be lost without losing a word.
//! Invariant: each change is one transaction, on disk when it is answered.

use super::Answer;
use ieum_core::ids::AccountId;
use ieum_core::inbound::FileKind;
use ieum_core::media::{Kept, MediaId, MediaState, Missing, Wanted};
use ieum_core::ports::media::{MEDIA_ROWS_MAX, MediaFailure};
use ieum_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use std::path::Path;

/// Marks the file as ours (`PRAGMA application_id`): the letters `IeuM`.
const APPLICATION_ID: i32 = 0x4965_754d;
/// The present schema.
const VERSION: i32 = 1;
/// A file's use is noted at most so often.
const USE_STEP_MS: i64 = 6 * 3_600_000;

/// States as they are stored.
const WANTED: u8 = 0;
const KEPT: u8 = 1;
const MISSING: u8 = 2;

const SCHEMA: &str = "
CREATE TABLE media(
    id BLOB PRIMARY KEY,
    state INTEGER NOT NULL,
    account INTEGER NOT NULL,
    place TEXT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    duration_ms INTEGER,
    wanted_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    why INTEGER,
    hash BLOB,
    bytes INTEGER,
    media_type TEXT
) WITHOUT ROWID;
CREATE INDEX media_due ON media(due_at) WHERE state = 0;
CREATE INDEX media_used ON media(used_at) WHERE state > 0;
CREATE INDEX media_hash ON media(hash) WHERE hash IS NOT NULL;
";

/// Kinds as they are stored: by their place. Only ever added to.
const KINDS: [FileKind; 7] = [
    FileKind::Picture,
    FileKind::Video,
    FileKind::Audio,
    FileKind::File,
    FileKind::Sticker,
    FileKind::Place,
    FileKind::Other,
];

/// The rows.
#[derive(Debug)]
pub(super) struct Index(Connection);

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes values")]
fn failure(error: rusqlite::Error) -> MediaFailure {
    MediaFailure::Unavailable(error.to_string())
}

impl Index {
    pub(super) fn open(file: &Path) -> Answer<Self> {
        let connection = Connection::open(file).map_err(failure)?;
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            PRAGMA cache_size = -2048; PRAGMA trusted_schema = OFF;";
        connection.execute_batch(settings).map_err(failure)?;
        let index = Self(connection);
        match (index.pragma("application_id")?, index.pragma("user_version")?) {
            (APPLICATION_ID, VERSION) => {}
            (0, 0) => index.make()?,
            _ => return Err(MediaFailure::Damaged("the index is of another program".to_owned())),
        }
        Ok(index)
    }

    fn pragma(&self, name: &str) -> Answer<i32> {
        self.0.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(failure)
    }

    fn make(&self) -> Answer<()> {
        let script = format!(
            "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION}; COMMIT;"
        );
        self.0.execute_batch(&script).map_err(failure)
    }

    pub(super) fn want(&mut self, wanted: &[Wanted]) -> Answer<()> {
        let transaction = self.0.transaction().map_err(failure)?;
        for one in wanted {
            let row = params![
                one.id.as_bytes(),
                one.account.0.cast_signed(),
                one.place,
                place_of(one.kind),
                one.name,
                one.duration_ms,
                one.at.0,
            ];
            let insert = "INSERT OR IGNORE INTO media
                (id, state, account, place, kind, name, duration_ms,
                wanted_at, tries, due_at, used_at)
                VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?7, ?7)";
            transaction.prepare_cached(insert).map_err(failure)?.execute(row).map_err(failure)?;
        }
        transaction.commit().map_err(failure)
    }

    pub(super) fn state(&self, id: MediaId) -> Answer<Option<MediaState>> {
        let select = "SELECT state, tries, why, hash, bytes, media_type, kind, name, duration_ms
            FROM media WHERE id = ?1";
        let mut statement = self.0.prepare_cached(select).map_err(failure)?;
        statement.query_row([id.as_bytes()], state).optional().map_err(failure)
    }

    pub(super) fn due(
        &self,
        now: Timestamp,
        full: &[AccountId],
        rows_max: usize,
    ) -> Answer<Vec<(Wanted, u32)>> {
        let select = "SELECT id, account, place, kind, name, duration_ms, wanted_at, tries
            FROM media WHERE state = 0 AND due_at <= ?1
            AND account NOT IN (SELECT value FROM json_each(?3)) ORDER BY due_at LIMIT ?2";
        let mut statement = self.0.prepare_cached(select).map_err(failure)?;
        let rows_max = i64::try_from(rows_max.min(MEDIA_ROWS_MAX)).unwrap_or(0);
        let full: Vec<_> = full.iter().map(|account| account.0.cast_signed().to_string()).collect();
        let row = params![now.0, rows_max, format!("[{}]", full.join(","))];
        let rows = statement.query_map(row, wanted).map_err(failure)?;
        rows.collect::<Result<_, _>>().map_err(failure)
    }

    pub(super) fn postpone(&self, id: MediaId, until: Timestamp) -> Answer<()> {
        let update = "UPDATE media SET tries = tries + 1, due_at = ?2 WHERE id = ?1 AND state = 0";
        self.0.execute(update, params![id.as_bytes(), until.0]).map(drop).map_err(failure)
    }

    pub(super) fn give_up(&self, id: MediaId, why: Missing) -> Answer<()> {
        let update = "UPDATE media SET state = ?3, why = ?2 WHERE id = ?1 AND state = 0";
        let row = params![id.as_bytes(), why as u8, MISSING];
        self.0.execute(update, row).map(drop).map_err(failure)
    }

    pub(super) fn keep(&self, id: MediaId, kept: &Kept, at: Timestamp) -> Answer<()> {
        let update = "UPDATE media SET state = ?2, hash = ?3, bytes = ?4, media_type = ?5,
            kind = ?6, name = ?7, used_at = ?8, why = NULL WHERE id = ?1 AND state = 0";
        let row = params![
            id.as_bytes(),
            KEPT,
            kept.hash,
            kept.bytes.cast_signed(),
            kept.media_type,
            place_of(kept.kind),
            kept.name,
            at.0,
        ];
        self.0.execute(update, row).map(drop).map_err(failure)
    }

    pub(super) fn used(&self, id: MediaId, now: Timestamp) -> Answer<()> {
        let update = "UPDATE media SET used_at = ?2 WHERE id = ?1 AND used_at < ?3";
        let row = params![id.as_bytes(), now.0, now.0.saturating_sub(USE_STEP_MS)];
        self.0.execute(update, row).map(drop).map_err(failure)
    }

    /// Takes away rows that were not used since; the hashes that no row names any more.
    pub(super) fn collect(&mut self, before: Timestamp) -> Answer<Vec<[u8; 32]>> {
        let transaction = self.0.transaction().map_err(failure)?;
        let gone: Vec<Option<[u8; 32]>> = {
            let delete = "DELETE FROM media WHERE id IN (SELECT id FROM media
                WHERE state > 0 AND used_at < ?1 ORDER BY used_at LIMIT ?2) RETURNING hash";
            let mut statement = transaction.prepare_cached(delete).map_err(failure)?;
            let rows_max = i64::try_from(MEDIA_ROWS_MAX).unwrap_or(0);
            let rows = statement.query_map(params![before.0, rows_max], |row| row.get(0));
            rows.map_err(failure)?.collect::<Result<_, _>>().map_err(failure)?
        };
        let unused = named_by_none(&transaction, gone)?;
        transaction.commit().map_err(failure)?;
        Ok(unused)
    }

    /// Takes away these rows; the hashes that no row names any more.
    pub(super) fn forget(&mut self, ids: &[MediaId]) -> Answer<Vec<[u8; 32]>> {
        let transaction = self.0.transaction().map_err(failure)?;
        let mut gone = Vec::with_capacity(ids.len());
        for id in ids {
            let delete = "DELETE FROM media WHERE id = ?1 RETURNING hash";
            let mut statement = transaction.prepare_cached(delete).map_err(failure)?;
            let hash: Option<Option<[u8; 32]>> = statement
                .query_row([id.as_bytes()], |row| row.get(0))
                .optional()
                .map_err(failure)?;
            gone.push(hash.flatten());
        }
        let unused = named_by_none(&transaction, gone)?;
        transaction.commit().map_err(failure)?;
        Ok(unused)
    }
}

/// Those of these hashes that no row names.
fn named_by_none(
    transaction: &Transaction<'_>,
    gone: Vec<Option<[u8; 32]>>,
) -> Answer<Vec<[u8; 32]>> {
    let mut unused = Vec::new();
    for hash in gone.into_iter().flatten() {
        let select = "SELECT count(*) FROM media WHERE hash = ?1";
        let left: i64 = transaction.query_row(select, [hash], |row| row.get(0)).map_err(failure)?;
        if left == 0 && !unused.contains(&hash) {
            unused.push(hash);
        }
    }
    Ok(unused)
}

fn number<T: TryFrom<i64>>(row: &Row<'_>, place: usize) -> rusqlite::Result<T> {
    let number: i64 = row.get(place)?;
    T::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(place, number))
}

fn text(row: &Row<'_>, place: usize) -> rusqlite::Result<Box<str>> {
    row.get::<_, String>(place).map(String::into_boxed_str)
}

fn kind(row: &Row<'_>, place: usize) -> rusqlite::Result<FileKind> {
    let number: usize = number(row, place)?;
    Ok(KINDS.get(number).copied().unwrap_or(FileKind::Other))
}

fn place_of(kind: FileKind) -> i64 {
    let place = KINDS.iter().position(|known| *known == kind);
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or_default()
}

fn duration(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<u32>> {
    let duration: Option<i64> = row.get(place)?;
    Ok(duration.and_then(|duration| u32::try_from(duration).ok()))
}

fn wanted(row: &Row<'_>) -> rusqlite::Result<(Wanted, u32)> {
    let account: i64 = row.get(1)?;
    let wanted = Wanted {
        id: MediaId::from_bytes(row.get(0)?),
        account: AccountId(account.cast_unsigned()),
        place: text(row, 2)?,
        kind: kind(row, 3)?,
        name: text(row, 4)?,
        duration_ms: duration(row, 5)?,
        at: Timestamp(row.get(6)?),
    };
    Ok((wanted, number(row, 7)?))
}

fn state(row: &Row<'_>) -> rusqlite::Result<MediaState> {
    Ok(match number::<u8>(row, 0)? {
        WANTED => MediaState::Wanted { tries: number(row, 1)? },
        KEPT => MediaState::Kept(Kept {
            hash: row.get(3)?,
            bytes: number(row, 4)?,
            media_type: text(row, 5)?,
            kind: kind(row, 6)?,
            name: text(row, 7)?,
            duration_ms: duration(row, 8)?,
        }),
        _ => {
            let why = Missing::from_number(number(row, 2)?);
            MediaState::Missing(why.unwrap_or(Missing::Gone))
        }
    })
}
