//! Incidents and what they touched, on disk. Invariant: numbers grow; the newest of a network is
//! the one with its largest number.

use super::failure::{damaged, failure};
use super::format::{column, decode, encode, number};
use crate::rows::RowAnswer;
use ieum_core::ids::{DeliverySeq, IncidentId};
use ieum_core::incident::{Incident, Touch, Touched};
use ieum_core::ports::store::TouchCounts;
use minicbor::Decode;
use rusqlite::{Connection, Params, Row};

/// Writes an incident, new or changed.
pub(super) fn put(connection: &Connection, incident: &Incident) -> RowAnswer<()> {
    let sql = "INSERT OR REPLACE INTO incident(id, network, body) VALUES(?1, ?2, ?3)";
    let params = (column(incident.id.0), incident.network.word(), encode(incident)?);
    connection.prepare_cached(sql).and_then(|mut put| put.execute(params)).map_err(failure)?;
    Ok(())
}

/// The newest of each network.
pub(super) fn latest(connection: &Connection) -> RowAnswer<Vec<Incident>> {
    let sql = "SELECT body FROM incident
               WHERE id IN (SELECT max(id) FROM incident GROUP BY network) ORDER BY id";
    bodies(connection, sql, [])
}

/// The largest number; zero without any.
pub(super) fn last(connection: &Connection) -> RowAnswer<IncidentId> {
    let sql = "SELECT coalesce(max(id), 0) FROM incident";
    let read = |row: &Row<'_>| row.get(0).map(number);
    let found = connection.prepare_cached(sql).and_then(|mut last| last.query_row([], read));
    found.map(IncidentId).map_err(failure)
}

/// Those below `before`, newest first.
pub(super) fn page(
    connection: &Connection,
    before: IncidentId,
    rows_max: usize,
) -> RowAnswer<Vec<Incident>> {
    let sql = "SELECT body FROM incident WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let before = i64::try_from(before.0).unwrap_or(i64::MAX);
    bodies(connection, sql, (before, limit(rows_max)))
}

fn bodies<T>(connection: &Connection, sql: &str, params: impl Params) -> RowAnswer<Vec<T>>
where
    T: for<'b> Decode<'b, ()>,
{
    let mut select = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = select.query(params).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        let body = row.get_ref(0).map_err(failure)?;
        found.push(decode(body.as_blob().map_err(damaged)?)?);
    }
    Ok(found)
}

/// Notes what an incident did to a delivery; the last word stands.
pub(super) fn put_touch(connection: &Connection, id: IncidentId, touch: Touch) -> RowAnswer<()> {
    let sql = "INSERT OR REPLACE INTO incident_touch(incident, delivery, how, body)
               VALUES(?1, ?2, ?3, ?4)";
    let body = encode(&touch)?;
    let params = (column(id.0), column(touch.delivery.0), how_number(touch.how), body);
    connection.prepare_cached(sql).and_then(|mut put| put.execute(params)).map_err(failure)?;
    Ok(())
}

/// What an incident touched above `after`, in order.
pub(super) fn page_touched(
    connection: &Connection,
    id: IncidentId,
    after: DeliverySeq,
    rows_max: usize,
) -> RowAnswer<Vec<Touch>> {
    let sql = "SELECT body FROM incident_touch
               WHERE incident = ?1 AND delivery > ?2 ORDER BY delivery LIMIT ?3";
    bodies(connection, sql, (column(id.0), column(after.0), limit(rows_max)))
}

/// How many deliveries an incident touched in each way.
pub(super) fn touch_counts(connection: &Connection, id: IncidentId) -> RowAnswer<TouchCounts> {
    let sql = "SELECT how, count(*) FROM incident_touch WHERE incident = ?1 GROUP BY how";
    let mut select = connection.prepare_cached(sql).map_err(failure)?;
    let rows = select.query_map([column(id.0)], |row| Ok((row.get(0)?, row.get(1)?)));
    let count = |row: rusqlite::Result<(u8, i64)>| {
        let (how, count) = row.map_err(failure)?;
        Ok((how_of(how)?, number(count)))
    };
    rows.map_err(failure)?.map(count).collect()
}

fn limit(rows_max: usize) -> i64 {
    i64::try_from(rows_max).unwrap_or(i64::MAX)
}

/// Stored: never reused.
fn how_number(how: Touched) -> u8 {
    match how {
        Touched::Moved => 0,
        Touched::Held => 1,
        Touched::InDoubt => 2,
        Touched::Told => 3,
    }
}

fn how_of(number: u8) -> RowAnswer<Touched> {
    Ok(match number {
        0 => Touched::Moved,
        1 => Touched::Held,
        2 => Touched::InDoubt,
        3 => Touched::Told,
        other => return Err(damaged(format!("a delivery touched in way {other}"))),
    })
}
