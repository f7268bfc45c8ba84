//! A link as a picture that cameras read: a QR code as SVG without a style of its own.
//!
//! Invariant: dark squares on a light ground in both looks, with the quiet zone around it that ISO
//! 18004 asks for.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Light squares on each side.
const QUIET_ZONE: usize = 4;
/// Longest text that is made into a picture.
const TEXT_BYTES_MAX: usize = 300;

/// The picture of a text; nothing where it is too long.
pub(super) fn of(text: &str, told: &str) -> Option<Markup> {
    let sound = text.len() <= TEXT_BYTES_MAX;
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok().filter(|_| sound)?;
    let side = code.width() + 2 * QUIET_ZONE;
    let path = path(&code);
    Some(html! {
        svg class="picture" viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(told) {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    })
}

fn path(code: &QrCode) -> String {
    let width = code.width();
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + QUIET_ZONE, place / width + QUIET_ZONE);
            // Writing to a string does not fail.
            let _written = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_dark_squares_within_a_quiet_zone() {
        let picture = of("https://ieum.example/people?ask=minji", "code").unwrap().into_string();
        let code = QrCode::with_error_correction_level(
            "https://ieum.example/people?ask=minji",
            EcLevel::M,
        );
        let dark = code.unwrap().to_colors().iter().filter(|one| **one == Color::Dark).count();
        assert_eq!(picture.matches("h1v1h-1z").count(), dark);
        assert!(picture.contains("M4 4h1") && !picture.contains("M3 "), "{picture}");
        assert!(!picture.contains("style"));
    }

    #[test]
    fn what_is_too_long_is_no_picture() {
        assert!(of(&"a".repeat(301), "code").is_none());
    }
}
