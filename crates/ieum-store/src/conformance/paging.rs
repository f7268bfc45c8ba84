//! Pages of open deliveries among very many: whole, in order, and without keeping others waiting.

use super::sample::*;
use super::{Bench, wait};
use crate::book::query::LOOKED_AT_MAX;
use ieum_core::delivery::{NewDelivery, State};
use ieum_core::ids::{AccountId, ConversationId, DeliverySeq};
use ieum_core::ports::store::{Admitted, OpenFilter, PAGE_ROWS_MAX, Store, StoreFailure};
use std::task::Poll;

const HELD: OpenFilter =
    OpenFilter { account: None, state: Some(State::Held), conversation: None, recipient: None };

fn nowhere(person: u64) -> NewDelivery {
    NewDelivery { route: None, ..to_person(LINE, person) }
}

/// Messages of a thousand deliveries each, of which `each` says the way.
fn backlog(store: &dyn Store, messages: u64, each: impl Fn(u64) -> NewDelivery) {
    for message in 0..messages {
        let deliveries = (1..=1_000).map(|number| each(message * 1_000 + number)).collect();
        admit(store, event(message + 1, message % 3 + 1, deliveries));
    }
}

fn pages(store: &dyn Store, filter: OpenFilter) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), DeliverySeq(0));
    loop {
        let page = wait(store.page_open(filter, after)).unwrap();
        let Some(last) = page.last() else { return found };
        after = last.seq;
        assert!(page.len() <= PAGE_ROWS_MAX);
        found.extend(page.iter().map(|one| one.seq.0));
    }
}

#[test]
fn who_looks_for_one_among_many_lets_others_have_their_turn() {
    let bench = Bench::sqlite();
    let store = bench.store();
    backlog(store, 20, |number| to_person(LINE, number));
    let last = admit(store, event(99, 1, vec![nowhere(7)]))[0];
    assert!(usize::try_from(last.0).unwrap() > 4 * LOOKED_AT_MAX);
    let before = bench.looked_up();
    let mut page = store.page_open(HELD, DeliverySeq(0));
    let mut admitted = store.admit(batch(vec![event(100, 1, vec![to_person(LINE, 8)])]));
    // The page is asked about first each time: when both have their answer, it is the page's.
    let first = wait(std::future::poll_fn(|context| match page.as_mut().poll(context) {
        Poll::Ready(page) => Poll::Ready(Err(page)),
        Poll::Pending => admitted.as_mut().poll(context).map(Ok),
    }));
    let Ok(Ok(admitted)) = first else { panic!("the page came first: {first:?}") };
    assert!(matches!(admitted[..], [Admitted::New { .. }]));
    let page = wait(page).unwrap();
    assert_eq!(page.iter().map(|one| one.seq).collect::<Vec<_>>(), [last]);
    assert_eq!(bench.looked_up() - before, last.0 + 1, "each is looked at once");
}

#[test]
fn a_page_that_takes_many_looks_is_the_same_as_one_that_takes_one() {
    let way = |number: u64| match number {
        number if number.is_multiple_of(907) => nowhere(number),
        number if number.is_multiple_of(3) => to_person(KAKAO, number),
        number => to_person(LINE, number),
    };
    let filter = |account: Option<AccountId>, state, conversation: Option<u64>| OpenFilter {
        account,
        state,
        conversation: conversation.map(ConversationId),
        recipient: None,
    };
    let asked = [
        (filter(None, None, None), 11_000),
        (filter(None, Some(State::Held), None), 12),
        (filter(None, Some(State::Held), Some(2)), 4),
        (filter(Some(KAKAO), Some(State::Held), None), 0),
        (filter(Some(KAKAO), None, None), 3_662),
        (filter(Some(LINE), Some(State::Queued), Some(3)), 1_998),
        (filter(None, Some(State::Unsure), None), 0),
    ];
    for bench in Bench::both() {
        let store = bench.store();
        backlog(store, 11, way);
        for (filter, count) in asked {
            let passes = |number: &u64| {
                let planned = way(*number);
                let conversation = (*number - 1) / 1_000 % 3 + 1;
                let state = planned.route.map_or(State::Held, |_| State::Queued);
                filter.account.is_none_or(|one| planned.route.map(|to| to.account) == Some(one))
                    && filter.state.is_none_or(|one| one == state)
                    && filter.conversation.is_none_or(|one| one.0 == conversation)
            };
            let expected: Vec<u64> = (1..=11_000).filter(passes).collect();
            assert_eq!(expected.len(), count, "{filter:?}");
            assert_eq!(pages(store, filter), expected, "{filter:?}");
        }
    }
}

#[test]
fn a_store_that_closes_meanwhile_gives_no_half_page() {
    let bench = Bench::sqlite();
    let store = bench.store();
    backlog(store, 5, |number| to_person(LINE, number));
    let page = store.page_open(HELD, DeliverySeq(0));
    wait(store.close()).unwrap();
    assert_eq!(wait(page), Err(StoreFailure::Closed));
}
