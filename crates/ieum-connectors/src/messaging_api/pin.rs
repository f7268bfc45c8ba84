//! Places as LINE shows them: a pin on a map, with a title and an address.
//!
//! Invariant: a place that is not on Earth has no pin.

use crate::wire_text::first_utf16;
use ieum_core::outgoing::PartPlace;
use ieum_core::place::Point;
use serde::Serialize;
use serde_json::{Value, json};

/// Longest name of a place, in UTF-16 units.
const PLACE_UTF16_MAX: usize = 100;

/// Where a place is.
pub(crate) fn place_of(at: Option<(f64, f64)>) -> Option<Box<str>> {
    let (latitude, longitude) = at?;
    Point::from_degrees(latitude, longitude).map(|point| point.uri().into())
}

/// A message with a place. LINE wants an address too: the coordinates, which every map takes for
/// one.
pub(crate) fn message(place: &PartPlace, sender: Option<impl Serialize>) -> Value {
    let mut message = json!({
        "type": "location",
        "title": first_utf16(&place.name, PLACE_UTF16_MAX),
        "address": place.point.to_string(),
        "latitude": place.point.latitude(),
        "longitude": place.point.longitude(),
    });
    let sender = sender.and_then(|sender| serde_json::to_value(sender).ok());
    if let (Some(fields), Some(sender)) = (message.as_object_mut(), sender) {
        fields.insert("sender".to_owned(), sender);
    }
    message
}
