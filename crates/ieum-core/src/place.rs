//! A point on Earth, as networks and maps name it.
//!
//! Not a map: no address is looked up and no distance measured. Invariants: a point lies on Earth
//! (the poles and both sides of the date line included); its URI reads back as the same point.

use std::fmt;

/// A ten-millionth of a degree: about a centimetre.
const PARTS_PER_DEGREE: f64 = 1e7;
/// Longest URI of a place that is read.
const URI_BYTES_MAX: usize = 200;

/// A point on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    latitude_e7: i32,
    longitude_e7: i32,
}

impl Point {
    /// A point by its degrees north and east; `None` where there is no such point.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let latitude_e7 = parts(latitude, 90.0)?;
        Some(Self { latitude_e7, longitude_e7: parts(longitude, 180.0)? })
    }

    /// The point of a `geo:` URI (RFC 5870); height and uncertainty are left aside, and another
    /// system of coordinates is not read.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let path = uri.strip_prefix("geo:").filter(|_| uri.len() <= URI_BYTES_MAX)?;
        let mut parameters = path.split(['?', '#']).next()?.split(';');
        let mut numbers = parameters.next()?.split(',').map(str::parse::<f64>);
        let system = parameters.find_map(|parameter| parameter.strip_prefix("crs="));
        let point = Self::from_degrees(numbers.next()?.ok()?, numbers.next()?.ok()?)?;
        system.is_none_or(|system| system.eq_ignore_ascii_case("wgs84")).then_some(point)
    }

    /// As a `geo:` URI.
    #[must_use]
    pub fn uri(self) -> String {
        format!("geo:{},{}", Degrees(self.latitude_e7), Degrees(self.longitude_e7))
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude_e7) / PARTS_PER_DEGREE
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude_e7) / PARTS_PER_DEGREE
    }

    /// Where a map shows it, for readers whose network shows no places.
    #[must_use]
    pub fn map_link(self) -> String {
        let (north, east) = (Degrees(self.latitude_e7), Degrees(self.longitude_e7));
        format!("https://www.openstreetmap.org/?mlat={north}&mlon={east}#map=16/{north}/{east}")
    }
}

/// `37.55, 126.97`
impl fmt::Display for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}", Degrees(self.latitude_e7), Degrees(self.longitude_e7))
    }
}

/// Parts of a degree as a decimal number without needless zeros.
struct Degrees(i32);

impl fmt::Display for Degrees {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) =
            (self.0.unsigned_abs() / 10_000_000, self.0.unsigned_abs() % 10_000_000);
        if rest == 0 {
            return write!(out, "{sign}{whole}");
        }
        let digits = format!("{rest:07}");
        write!(out, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

fn parts(degrees: f64, degrees_max: f64) -> Option<i32> {
    let fits = degrees.is_finite() && degrees.abs() <= degrees_max;
    #[allow(clippy::cast_possible_truncation, reason = "at most 1.8 thousand million")]
    fits.then(|| (degrees * PARTS_PER_DEGREE).round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_are_read_to_the_poles_and_no_further() {
        for (uri, written) in [
            ("geo:37.55,126.97", Some("37.55, 126.97")),
            ("geo:37.5546000,126.9706;u=35", Some("37.5546, 126.9706")),
            ("geo:90,0", Some("90, 0")),
            ("geo:-90,-180", Some("-90, -180")),
            ("geo:90.0,180.0,2835;crs=WGS84", Some("90, 180")),
            ("geo:-0.0000001,-0.5", Some("-0.0000001, -0.5")),
            ("geo:0.00000001,0", Some("0, 0")),
            ("geo:1,2?q=1,2(name)", Some("1, 2")),
            ("geo:90.1,0", None),
            ("geo:0,180.1", None),
            ("geo:NaN,0", None),
            ("geo:inf,0", None),
            ("geo:1", None),
            ("geo:north,east", None),
            ("geo:1,2;crs=moon-2011", None),
            ("1,2", None),
        ] {
            let point = Point::from_uri(uri);
            assert_eq!(point.map(|point| point.to_string()).as_deref(), written, "{uri}");
        }
        assert_eq!(Point::from_uri(&format!("geo:1,2;{}", "x".repeat(200))), None);
    }

    #[test]
    fn a_map_shows_it() {
        let point = Point::from_degrees(37.55, -126.97).unwrap();
        let expected =
            "https://www.openstreetmap.org/?mlat=37.55&mlon=-126.97#map=16/37.55/-126.97";
        assert_eq!(point.map_link(), expected);
    }

    proptest! {
        #[test]
        fn every_point_comes_back(latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64) {
            let point = Point::from_degrees(latitude, longitude).unwrap();
            prop_assert_eq!(Point::from_uri(&point.uri()), Some(point));
            prop_assert_eq!(Point::from_degrees(point.latitude(), point.longitude()), Some(point));
            prop_assert!((point.latitude() - latitude).abs() < 1e-7);
        }

        #[test]
        fn no_text_panics(text in "geo:.{0,40}") {
            if let Some(point) = Point::from_uri(&text) {
                prop_assert!(point.latitude().abs() <= 90.0 && point.longitude().abs() <= 180.0);
            }
        }
    }
}
