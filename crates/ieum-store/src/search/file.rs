//! The index in a SQLite file of its own: marks in a full-text table without its texts.
//!
//! A commit is not synced: after a lost machine the index goes on from an earlier place. Invariant:
//! entries and how far they go are one transaction.

use super::Answer;
use crate::sqlite::StoreKey;
use ieum_core::content::MessageId;
use ieum_core::ids::MessageSeq;
use ieum_core::ports::search::{
    ChangedPlace, FOUND_ROWS_MAX, FoundPlace, IndexBatch, IndexEntry, Look, PLACES_PER_LOOK_MAX,
    Reached, SearchFailure,
};
use ieum_core::search::SearchMark;
use ring::hmac;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::fmt::Write as _;
use std::path::Path;

/// Marks the file as ours (`PRAGMA application_id`): the letters `IeuS`.
const APPLICATION_ID: i32 = 0x4965_7553;
/// The present form; a file of another is made anew.
const VERSION: i32 = 2;
/// What stands for the words of a message that was withdrawn.
const WITHDRAWN: i64 = 0;

const SCHEMA: &str = "
CREATE VIRTUAL TABLE found USING fts5(
    marks, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE said(message INTEGER PRIMARY KEY, says INTEGER NOT NULL);
CREATE TABLE reached(
    one INTEGER PRIMARY KEY CHECK (one = 1), message INTEGER NOT NULL, id BLOB NOT NULL
);
";

/// The file, and what makes its marks out of those that it is given.
#[derive(Debug)]
pub(super) struct IndexFile(Connection, Marker);

/// Makes marks once more by a key, if there is one.
#[derive(Debug)]
struct Marker(Option<hmac::Key>, u64);

impl Marker {
    fn new(key: Option<&StoreKey>) -> Self {
        let made = key.map(|key| key.derived(b"ieum search marks 1"));
        let made = made.map(|tag| hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()));
        Self(made, key.map_or(0, StoreKey::id))
    }

    fn of(&self, mark: SearchMark) -> u64 {
        let Some(key) = &self.0 else { return mark.0 };
        let tag = hmac::sign(key, &mark.0.to_be_bytes());
        tag.as_ref().iter().take(5).fold(0, |all, byte| all << 8 | u64::from(*byte))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes values")]
fn failure(error: rusqlite::Error) -> SearchFailure {
    SearchFailure::Unavailable(error.to_string())
}

impl IndexFile {
    /// Opens the file; one that cannot be read is thrown away.
    pub(super) fn open_or_remake(path: &Path, key: Option<&StoreKey>) -> Answer<Self> {
        match Self::open(path, Marker::new(key)) {
            Ok(file) => Ok(file),
            Err(failure) => {
                tracing::warn!(%failure, "the search index is made anew");
                throw_away(path)?;
                Self::open(path, Marker::new(key))
            }
        }
    }

    fn open(path: &Path, marker: Marker) -> Answer<Self> {
        let connection = Connection::open(path).map_err(failure)?;
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;
            PRAGMA journal_size_limit = 4194304;";
        connection.execute_batch(settings).map_err(failure)?;
        let file = Self(connection, marker);
        match (file.pragma("application_id")?, file.pragma("user_version")?) {
            (APPLICATION_ID, VERSION) => file.check()?,
            (0, 0) => file.make()?,
            _ => return Err(SearchFailure::Unavailable("it is of another form".to_owned())),
        }
        Ok(file)
    }

    fn pragma(&self, name: &str) -> Answer<i32> {
        self.0.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(failure)
    }

    /// Whether its tables can be read at all.
    fn check(&self) -> Answer<()> {
        self.reached()?;
        let by = self.0.query_row("SELECT key FROM made_by", [], |row| row.get::<_, i64>(0));
        if by.map_err(failure)? != self.1.1.cast_signed() {
            return Err(SearchFailure::Unavailable("it was made by another key".to_owned()));
        }
        let count = "SELECT count(*) FROM (SELECT 1 FROM found WHERE found MATCH 'a' LIMIT 1)";
        self.0.query_row(count, [], |_| Ok(())).map_err(failure)
    }

    fn make(&self) -> Answer<()> {
        let by = self.1.1;
        let script = format!(
            "BEGIN; {SCHEMA} CREATE TABLE made_by(key INTEGER NOT NULL);
             INSERT INTO made_by VALUES({by}); PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION}; COMMIT;"
        );
        self.0.execute_batch(&script).map_err(failure)
    }

    pub(super) fn reached(&self) -> Answer<Option<Reached>> {
        let select = "SELECT message, id FROM reached";
        let found = self.0.query_row(select, [], |row| {
            let (message, id): (i64, [u8; 32]) = (row.get(0)?, row.get(1)?);
            let message = MessageSeq(message.cast_unsigned());
            Ok(Reached { message, id: MessageId::from_bytes(id) })
        });
        found.optional().map_err(failure)
    }

    pub(super) fn put(&mut self, batch: &IndexBatch) -> Answer<()> {
        let transaction = self.0.transaction().map_err(failure)?;
        for entry in &batch.entries {
            match entry {
                IndexEntry::Says { message, says, marks } => {
                    let text = text_of(&self.1, marks);
                    put_words(&transaction, *message, *says, &text)?;
                }
                IndexEntry::Withdrawn(message) => {
                    withdraw(&transaction, *message)?;
                }
            }
        }
        let put = "INSERT OR REPLACE INTO reached(one, message, id) VALUES(1, ?1, ?2)";
        let place = params![batch.reached.message.0.cast_signed(), batch.reached.id.as_bytes()];
        transaction.execute(put, place).map_err(failure)?;
        transaction.commit().map_err(failure)
    }

    pub(super) fn find(&self, look: &Look) -> Answer<Vec<FoundPlace>> {
        let wanted = expression(&self.1, &look.any);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let select = "SELECT found.rowid, said.says FROM found
            CROSS JOIN said ON said.message = found.rowid
            WHERE found MATCH ?1 AND found.rowid < ?2 AND said.says > 0
            ORDER BY found.rowid DESC LIMIT ?3";
        let mut select = self.0.prepare_cached(select).map_err(failure)?;
        let rows_max = i64::try_from(look.rows_max.min(FOUND_ROWS_MAX)).unwrap_or_default();
        let before = i64::try_from(look.before.0).unwrap_or(i64::MAX);
        let rows = select.query_map(params![wanted, before, rows_max], |row| {
            let (message, says): (i64, i64) = (row.get(0)?, row.get(1)?);
            let place = |column: i64| MessageSeq(column.cast_unsigned());
            Ok(FoundPlace { message: place(message), says: place(says) })
        });
        rows.map_err(failure)?.collect::<Result<_, _>>().map_err(failure)
    }

    pub(super) fn changed(&self, messages: &[MessageSeq]) -> Answer<Vec<ChangedPlace>> {
        let select = "SELECT says FROM said WHERE message = ?1 AND says <> message";
        let mut select = self.0.prepare_cached(select).map_err(failure)?;
        let mut changed = Vec::new();
        for message in messages.iter().take(FOUND_ROWS_MAX) {
            let says: Option<i64> = select
                .query_row([message.0.cast_signed()], |row| row.get(0))
                .optional()
                .map_err(failure)?;
            changed.extend(says.map(|says| ChangedPlace {
                message: *message,
                says: (says != WITHDRAWN).then(|| MessageSeq(says.cast_unsigned())),
            }));
        }
        Ok(changed)
    }

    pub(super) fn forget(&mut self, messages: &[MessageSeq]) -> Answer<()> {
        let transaction = self.0.transaction().map_err(failure)?;
        for message in messages {
            withdraw(&transaction, *message)?;
        }
        transaction.commit().map_err(failure)
    }

    pub(super) fn clear(&mut self) -> Answer<()> {
        let script = "BEGIN; DROP TABLE found; DROP TABLE said; DROP TABLE reached;";
        self.0.execute_batch(&format!("{script} {SCHEMA} COMMIT;")).map_err(failure)
    }
}

fn put_words(
    transaction: &Transaction<'_>,
    message: MessageSeq,
    version: MessageSeq,
    text: &str,
) -> Answer<()> {
    let select = "SELECT says FROM said WHERE message = ?1";
    let mut select = transaction.prepare_cached(select).map_err(failure)?;
    let known: Option<i64> = select
        .query_row([message.0.cast_signed()], |row| row.get(0))
        .optional()
        .map_err(failure)?;
    match known {
        Some(WITHDRAWN) => return Ok(()),
        Some(_) => forget(transaction, message)?,
        None => {}
    }
    let insert = "INSERT INTO found(rowid, marks) VALUES(?1, ?2)";
    let mut insert = transaction.prepare_cached(insert).map_err(failure)?;
    insert.execute(params![message.0.cast_signed(), text]).map_err(failure)?;
    says(transaction, message, version.0.cast_signed())
}

fn withdraw(transaction: &Transaction<'_>, message: MessageSeq) -> Answer<()> {
    forget(transaction, message)?;
    says(transaction, message, WITHDRAWN)
}

fn forget(transaction: &Transaction<'_>, message: MessageSeq) -> Answer<()> {
    let delete = "DELETE FROM found WHERE rowid = ?1";
    let mut delete = transaction.prepare_cached(delete).map_err(failure)?;
    delete.execute([message.0.cast_signed()]).map(drop).map_err(failure)
}

fn says(transaction: &Transaction<'_>, message: MessageSeq, version: i64) -> Answer<()> {
    let put = "INSERT OR REPLACE INTO said(message, says) VALUES(?1, ?2)";
    let mut put = transaction.prepare_cached(put).map_err(failure)?;
    put.execute([message.0.cast_signed(), version]).map(drop).map_err(failure)
}

/// The marks as words of the full-text table.
fn text_of(marker: &Marker, marks: &[SearchMark]) -> String {
    let mut text = String::with_capacity(marks.len() * 11);
    for mark in marks {
        // Writing to memory cannot fail.
        write!(text, "{:010x} ", marker.of(*mark)).ok();
    }
    text
}

/// What the full-text table is asked.
fn expression(marker: &Marker, any: &[Vec<SearchMark>]) -> String {
    let all = |marks: &Vec<SearchMark>| {
        let marks: Vec<_> =
            marks.iter().map(|mark| format!("\"{:010x}\"", marker.of(*mark))).collect();
        format!("({})", marks.join(" AND "))
    };
    let places = any.iter().filter(|marks| !marks.is_empty()).take(PLACES_PER_LOOK_MAX);
    places.map(all).collect::<Vec<_>>().join(" OR ")
}

/// Takes the file away, with what SQLite keeps beside it.
fn throw_away(path: &Path) -> Answer<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(SearchFailure::Unavailable(error.to_string()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
