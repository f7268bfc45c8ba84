//! Things that are neither words nor files: places, cards, polls. Pure.
//!
//! Invariant: whatever it is, some words say so.

use crate::telegram::wire;
use crate::wire_text::joined;
use ieum_core::place::Point;

/// Where a place is.
pub(crate) fn place_of(message: &wire::Message) -> Option<Box<str>> {
    let (latitude, longitude) = at(message.location.as_ref()?)?;
    Point::from_degrees(latitude, longitude).map(|point| point.uri().into())
}

/// Words for what has no text of its own: title and address, or the like, and coordinates.
pub(crate) fn describe(message: &wire::Message) -> String {
    let things = [&message.venue, &message.contact, &message.location];
    let Some(thing) = things.into_iter().flatten().next() else {
        return String::new();
    };
    let value = thing.value.map(|value| value.to_string());
    let title = joined([thing.title.as_deref(), thing.last_name.as_deref(), value.as_deref()], " ");
    let place = message.location.as_ref().and_then(at);
    let place = place.map(|(latitude, longitude)| format!("{latitude}, {longitude}"));
    joined([Some(&*title), thing.address.as_deref(), place.as_deref()], "\n")
}

fn at(place: &wire::Thing) -> Option<(f64, f64)> {
    place.latitude.zip(place.longitude)
}
