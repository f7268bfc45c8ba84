//! Incidents: followed as their changes are recorded, with what they touch.
//!
//! Nothing is decided here: `ieum_core::incident` says what opens, goes on and closes. Invariant:
//! the newest incident of each network in memory equals its row.

use super::{Book, gone};
use crate::row::DeliveryRow;
use crate::rows::{RowAnswer, Rows};
use ieum_core::delivery::{Delivery, Label, State, Step};
use ieum_core::health::CellChange;
use ieum_core::ids::{AccountId, DeliverySeq, IncidentId};
use ieum_core::incident::{Incident, Latest, Touch, Touched};
use ieum_core::network::Network;
use ieum_core::ports::store::{PAGE_ROWS_MAX, TouchCounts};
use ieum_core::telling::{self, Telling};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;

/// What of incidents must be in memory.
#[derive(Debug, Default)]
pub(super) struct Followed {
    latest: Latest,
    /// The network of each account.
    pub(super) networks: BTreeMap<AccountId, Network>,
}

impl<R: Rows> Book<R> {
    /// Reads the newest incidents again: after opening and after a failure.
    pub(super) fn reread_incidents(&mut self) -> RowAnswer<()> {
        self.followed.latest = Latest::default();
        for incident in self.rows.latest_incidents()? {
            self.followed.latest.restore(incident);
        }
        Ok(())
    }

    /// A change of health is being recorded.
    pub(super) fn follow_change(&mut self, at: Timestamp, change: &CellChange) -> RowAnswer<()> {
        let next = IncidentId(self.rows.last_incident()?.0 + 1);
        match self.followed.latest.follow(at, change, next) {
            Some(incident) => self.rows.put_incident(incident),
            None => Ok(()),
        }
    }

    /// A step is being taken from the route that `old` has.
    pub(super) fn touch_by_step(
        &mut self,
        old: &Delivery,
        step: &Step,
        at: Timestamp,
    ) -> RowAnswer<()> {
        if self.followed.latest.calm() {
            return Ok(());
        }
        let network = old.route.and_then(|route| self.network_of(route.account));
        let to = if let Step::NextRoute { route, .. } = step { Some(*route) } else { None };
        match (Touched::by(step), network.and_then(|network| self.open_incident(network))) {
            (Some(how), Some(id)) => self.rows.put_touch(id, Touch { to, ..touch(old, how, at) }),
            _ => Ok(()),
        }
    }

    /// A delivery is planned that leaves a network, or waits for it, from the start.
    pub(super) fn touch_by_plan(&mut self, row: &DeliveryRow, at: Timestamp) -> RowAnswer<()> {
        if self.followed.latest.calm() {
            return Ok(());
        }
        let delivery = &row.delivery;
        let (network, how) = match (delivery.label, delivery.state) {
            (Some(Label::InsteadOf(network)), _) => (Some(network), Touched::Moved),
            (_, State::Held) => {
                (delivery.route.and_then(|route| self.network_of(route.account)), Touched::Held)
            }
            _ => return Ok(()),
        };
        let Some(id) = network.and_then(|network| self.open_incident(network)) else {
            return Ok(());
        };
        let to = delivery.route.filter(|_| how == Touched::Moved);
        self.rows.put_touch(id, Touch { to, ..touch(delivery, how, at) })
    }

    /// The hub's own words about a network's incident, open or just over.
    pub(super) fn touch_by_telling(
        &mut self,
        network: Network,
        told: &[DeliverySeq],
        at: Timestamp,
    ) -> RowAnswer<()> {
        let Some(id) = self.followed.latest.last(network).map(|incident| incident.id) else {
            return Ok(());
        };
        for seq in told {
            let row = self.delivery(*seq)?.ok_or_else(|| gone(*seq))?;
            let to = row.delivery.route;
            let touch = Touch { to, ..touch(&row.delivery, Touched::Told, at) };
            self.rows.put_touch(id, touch)?;
        }
        Ok(())
    }

    /// The operator took a word about an incident.
    pub(super) fn keep_telling(&mut self, id: IncidentId, telling: Telling) -> RowAnswer<()> {
        let Some((mut incident, _)) = self.incident(id)? else {
            return Ok(());
        };
        telling::keep(&mut incident, telling);
        self.rows.put_incident(&incident)?;
        if self.followed.latest.last(incident.network).is_some_and(|last| last.id == id) {
            self.followed.latest.restore(incident);
        }
        Ok(())
    }

    fn open_incident(&self, network: Network) -> Option<IncidentId> {
        self.followed.latest.open(network).map(|incident| incident.id)
    }

    fn network_of(&self, account: AccountId) -> Option<Network> {
        self.followed.networks.get(&account).copied()
    }

    /// Verb `page_incidents`.
    pub(crate) fn page_incidents(
        &mut self,
        before: IncidentId,
        rows_max: usize,
    ) -> RowAnswer<Vec<Incident>> {
        self.rows.page_incidents(before, rows_max.min(PAGE_ROWS_MAX))
    }

    /// Verb `incident`.
    pub(crate) fn incident(
        &mut self,
        id: IncidentId,
    ) -> RowAnswer<Option<(Incident, TouchCounts)>> {
        let next = IncidentId(id.0.saturating_add(1));
        let found = self.rows.page_incidents(next, 1)?.pop().filter(|found| found.id == id);
        match found {
            Some(incident) => Ok(Some((incident, self.rows.touch_counts(id)?))),
            None => Ok(None),
        }
    }

    /// Verb `page_touched`.
    pub(crate) fn page_touched(
        &mut self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Touch>> {
        self.rows.page_touched(id, after, rows_max.min(PAGE_ROWS_MAX))
    }
}

fn touch(delivery: &Delivery, how: Touched, at: Timestamp) -> Touch {
    Touch {
        delivery: delivery.seq,
        message: delivery.message,
        recipient: delivery.recipient,
        how,
        at,
        to: None,
    }
}
