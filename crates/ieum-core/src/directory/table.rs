//! Entities kept small: packed in pages while nobody asks for them, whole once somebody did.
//!
//! Most conversations rest most of the time, so what rests is kept as CBOR in pages of
//! [`PAGE_SLOTS`] and costs about the bytes of its texts. Reading an entity opens it, and it stays
//! open until [`Table::fold`]. Invariant: an open entity is equal to its packed form.

use super::packed::Row;
use minicbor::{Decoder, Encoder};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Entities in one page; each has a bit in [`Page::present`].
const PAGE_SLOTS: u64 = SLOTS as u64;
const SLOTS: usize = 32;
/// Bytes for which a row being packed has room at first; most need fewer.
const ROW_BYTES: usize = 128;

/// Entities of one kind by their number.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    pages: BTreeMap<u64, Page<T>>,
}

type Opened<T> = Box<[OnceLock<Box<T>>; SLOTS]>;

#[derive(Debug, Clone)]
struct Page<T> {
    /// Which slots are taken, the lowest bit first.
    present: u32,
    /// The taken slots in order, each a CBOR byte string around the packed entity.
    packed: Vec<u8>,
    open: OnceLock<Opened<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { pages: BTreeMap::new() }
    }
}

const fn place(id: u64) -> (u64, u64) {
    (id / PAGE_SLOTS, id % PAGE_SLOTS)
}

impl<T: Row> Table<T> {
    /// The entity with this number.
    pub(super) fn get(&self, id: u64) -> Option<&T> {
        let (page, slot) = place(id);
        self.pages.get(&page)?.get(id, slot)
    }

    /// The same without leaving it open.
    pub(super) fn read(&self, id: u64) -> Option<T> {
        let (page, slot) = place(id);
        self.pages.get(&page)?.read(id, slot)
    }

    /// Adds an entity, or replaces the one with the same number.
    pub(super) fn put(&mut self, id: u64, entity: &T) {
        let (page, slot) = place(id);
        self.pages.entry(page).or_default().put(slot, entity);
    }

    /// All entities in order, without leaving them open.
    pub(super) fn all(&self) -> impl Iterator<Item = T> {
        self.rows(0).filter_map(unpacked)
    }

    /// Those with a number above `after`.
    pub(super) fn after(&self, after: u64) -> impl Iterator<Item = T> {
        let rest = self.rows(place(after).0).filter(move |(id, _)| *id > after);
        rest.filter_map(unpacked)
    }

    /// Numbers and packed entities from a page on.
    fn rows(&self, first: u64) -> impl Iterator<Item = (u64, &[u8])> {
        self.pages.range(first..).flat_map(|(page, entities)| {
            entities.rows().map(move |(slot, bytes)| (page * PAGE_SLOTS + slot, bytes))
        })
    }

    /// The highest number.
    pub(super) fn last(&self) -> Option<u64> {
        let (page, entities) = self.pages.last_key_value()?;
        Some(page * PAGE_SLOTS + u64::from(entities.present.checked_ilog2()?))
    }

    /// Closes all that is open.
    pub(super) fn fold(&mut self) {
        for page in self.pages.values_mut() {
            page.open.take();
        }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { present: 0, packed: Vec::new(), open: OnceLock::new() }
    }
}

impl<T: Row> Page<T> {
    fn has(&self, slot: u64) -> bool {
        self.present & (1 << slot) != 0
    }

    fn get(&self, id: u64, slot: u64) -> Option<&T> {
        if !self.has(slot) {
            return None;
        }
        let cells = self.open.get_or_init(|| Box::new([const { OnceLock::new() }; _]));
        let cell = cells.get(usize::try_from(slot).ok()?)?;
        if let Some(entity) = cell.get() {
            return Some(entity);
        }
        let entity = Box::new(self.read(id, slot)?);
        Some(cell.get_or_init(|| entity))
    }

    fn read(&self, id: u64, slot: u64) -> Option<T> {
        if !self.has(slot) {
            return None;
        }
        let mut decoder = Decoder::new(&self.packed);
        for _ in 0..self.before(slot) {
            decoder.bytes().ok()?;
        }
        T::unpack(id, &mut Decoder::new(decoder.bytes().ok()?)).ok()
    }

    /// How many slots before this one are taken.
    fn before(&self, slot: u64) -> u32 {
        (self.present & ((1 << slot) - 1)).count_ones()
    }

    /// The taken slots and their packed entities.
    fn rows(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut decoder = Decoder::new(&self.packed);
        let taken = (0..PAGE_SLOTS).filter(|slot| self.has(*slot));
        taken.map_while(move |slot| Some((slot, decoder.bytes().ok()?)))
    }

    fn put(&mut self, slot: u64, entity: &T) {
        let row = row(entity);
        let (start, end) = self.span(slot);
        if start == self.packed.len() {
            self.packed.extend(row);
        } else {
            let before = self.packed.get(..start).unwrap_or_default();
            let after = self.packed.get(end..).unwrap_or_default();
            self.packed = [before, &row, after].concat();
        }
        self.present |= 1 << slot;
        if self.present == u32::MAX {
            self.packed.shrink_to_fit();
        }
        self.close(slot);
    }

    /// From where to where a slot's row lies, or would lie.
    fn span(&self, slot: u64) -> (usize, usize) {
        if self.present >> slot == 0 {
            // New entities have the highest number.
            return (self.packed.len(), self.packed.len());
        }
        let mut decoder = Decoder::new(&self.packed);
        for _ in 0..self.before(slot) {
            decoder.skip().ok();
        }
        let start = decoder.position();
        if self.has(slot) {
            decoder.skip().ok();
        }
        (start, decoder.position())
    }

    fn close(&mut self, slot: u64) {
        let place = usize::try_from(slot).unwrap_or(usize::MAX);
        if let Some(cell) = self.open.get_mut().and_then(|cells| cells.get_mut(place)) {
            cell.take();
        }
    }
}

fn unpacked<T: Row>((id, bytes): (u64, &[u8])) -> Option<T> {
    T::unpack(id, &mut Decoder::new(bytes)).ok()
}

/// An entity as a byte string, so that it can be passed over without being read.
fn row<T: Row>(entity: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROW_BYTES);
    let mut row = Vec::with_capacity(ROW_BYTES);
    // Writing to memory cannot fail.
    entity.pack(&mut Encoder::new(&mut bytes)).ok();
    Encoder::new(&mut row).bytes(&bytes).ok();
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Conversation, ConversationKind};
    use crate::ids::ConversationId;
    use proptest::prelude::*;

    fn titled(id: u64, title: &str) -> Conversation {
        Conversation {
            id: ConversationId(id),
            kind: ConversationKind::Open,
            title: title.into(),
            members: Vec::new(),
            rooms: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn a_table_is_a_map(
            steps in prop::collection::vec((0_u64..200, ".{0,40}", any::<u8>()), 0..200),
            after in 0_u64..200,
        ) {
            let mut table = Table::<Conversation>::default();
            let mut map = BTreeMap::new();
            for (id, text, deed) in steps {
                prop_assert_eq!(table.get(id), map.get(&id));
                match deed {
                    0..8 => table.fold(),
                    _ => {
                        let conversation = titled(id, &text);
                        table.put(id, &conversation);
                        map.insert(id, conversation);
                    }
                }
                prop_assert_eq!(table.read(id), map.get(&id).cloned());
            }
            for id in 0..201 {
                prop_assert_eq!(table.get(id), map.get(&id));
            }
            prop_assert_eq!(table.last(), map.keys().next_back().copied());
            prop_assert!(table.all().eq(map.values().cloned()));
            let rest: Vec<_> = table.after(after).collect();
            let wanted: Vec<_> = map.range(after + 1..).map(|(_, one)| one.clone()).collect();
            prop_assert_eq!(rest, wanted);
        }
    }

    #[test]
    fn the_highest_number_has_a_place() {
        let mut table = Table::<Conversation>::default();
        let last = titled(u64::MAX, "last");
        table.put(u64::MAX, &last);
        assert_eq!(table.get(u64::MAX), Some(&last));
        assert_eq!(table.last(), Some(u64::MAX));
        assert_eq!(table.after(u64::MAX).count(), 0);
        assert_eq!(table.after(u64::MAX - 1).count(), 1);
    }
}
