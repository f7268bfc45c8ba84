//! The send-and-catch-up protocol, checked exhaustively: three messages for one person, two
//! networks, an outage, a crash, answers that never come and calls that arrive late.
//!
//! Every step asks the real decisions of the core – `plan`, `next_route`, `settle`, `decide`. What
//! the store and the loops do around them is told here in the fewest words: lanes in order, one
//! attempt of a lane at a time, a claim that is durable where a call cannot be repeated, leaving a
//! route that is believed to be down, and coming back to it. Time is left out: whatever may happen
//! next may happen first.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "tests")]

mod hub;

use hub::{Copy, Deed, Hub, Limits, Standing, World};
use stateright::{Checker, Model, Property};

/// One person who is written to; whether they have a second way is part of the question.
struct Protocol {
    hub: Hub,
    limits: Limits,
}

impl Model for Protocol {
    type State = World;
    type Action = Deed;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.limits)]
    }

    fn actions(&self, world: &World, deeds: &mut Vec<Deed>) {
        self.hub.deeds(world, deeds);
    }

    fn next_state(&self, world: &World, deed: Deed) -> Option<World> {
        let mut next = world.clone();
        self.hub.does(&mut next, deed);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("seen once, or labelled", |_, world: &World| {
                let plain = |copy: &&Copy| copy.label.is_none();
                (0..3).all(|m| world.copies_of(m).filter(plain).count() <= 1)
            }),
            Property::always("what counts as sent was seen", |_, world: &World| {
                let sent = |m: &u8| world.owed[usize::from(*m)].standing == Standing::Sent;
                (0..world.said()).filter(sent).all(|m| world.copies_of(m).next().is_some())
            }),
            Property::always("in order", |_, world: &World| in_order(world)),
            Property::always("one at a time", |_, world: &World| {
                let under_way = |one: &&hub::Owed| one.standing == Standing::Attempting;
                world.owed.iter().filter(under_way).count() <= 1
            }),
            Property::eventually("everything arrives", |_, world: &World| {
                world.said() == 3 && world.owed.iter().all(|one| one.standing == Standing::Sent)
            }),
            Property::sometimes("a second copy, labelled", |_, world: &World| {
                (0..3).any(|m| world.copies_of(m).count() > 1)
            }),
            Property::sometimes("an unlabelled first copy arrives last", |_, world: &World| {
                (0..3).any(|m| {
                    let copies: Vec<_> = world.copies_of(m).collect();
                    copies.len() > 1 && copies.last().unwrap().label.is_none()
                })
            }),
        ]
    }
}

/// A plain copy stands behind every earlier message; what arrives late is labelled, or was seen
/// with a label before.
fn in_order(world: &World) -> bool {
    let first = |m: u8| world.screen.iter().position(|copy| copy.message == m);
    let plain = |copy: &(usize, &Copy)| copy.1.label.is_none();
    world.screen.iter().enumerate().filter(plain).all(|(at, copy)| {
        (0..copy.message).all(|earlier| first(earlier).is_some_and(|place| place < at))
    })
}

fn check(second_way: bool, limits: Limits) -> usize {
    let protocol = Protocol { hub: Hub::new(second_way), limits };
    let checker = protocol.checker().spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

const LIMITS: Limits = Limits { outages: 1, crashes: 1, silences: 1 };

#[test]
fn with_a_second_way_every_story_ends_well() {
    let states = check(true, LIMITS);
    assert!(states > 10_000, "{states} states are too few to mean anything");
}

#[test]
fn without_another_way_everything_waits_and_arrives() {
    let states = check(false, LIMITS);
    assert!(states > 10_000, "{states} states are too few to mean anything");
}

#[test]
#[ignore = "minutes: two of everything that may go wrong"]
fn two_of_every_trouble() {
    let limits = Limits { outages: 2, crashes: 2, silences: 2 };
    assert!(check(true, limits) > 100_000);
    assert!(check(false, limits) > 100_000);
}
