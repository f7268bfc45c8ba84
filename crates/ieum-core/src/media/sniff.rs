//! What a file is by its first bytes, whatever its name or its network says.
//!
//! Not a virus scanner and not a decoder. Invariant: only what its bytes prove to be a picture,
//! film or sound is treated as one; everything else is a file, to be saved and never shown.

use crate::inbound::FileKind;

/// How many first bytes are looked at.
pub const SNIFFED_BYTES_MAX: usize = 4_096;
/// Of what tells nothing.
pub const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The types that a page or an app may show by themselves: none of them can hold a script.
const SHOWN: [&str; 14] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/heif",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
];

/// The media type of a file that begins with these bytes.
#[must_use]
pub fn media_type(head: &[u8]) -> &'static str {
    let head = head.get(..SNIFFED_BYTES_MAX).unwrap_or(head);
    match infer::get(head).map(|found| found.mime_type()) {
        Some("audio/m4a" | "audio/x-m4a") => "audio/mp4",
        Some("audio/x-wav") => "audio/wav",
        Some("audio/x-flac") => "audio/flac",
        Some("video/x-m4v") => "video/mp4",
        // What a browser would run, and what infer guesses by a few letters.
        Some("text/html" | "text/xml" | "text/x-shellscript" | "image/svg+xml") | None => {
            UNKNOWN_TYPE
        }
        Some(known) => known,
    }
}

/// Whether a type may be shown where it lies; everything else is only to be saved.
#[must_use]
pub fn is_shown(media_type: &str) -> bool {
    SHOWN.contains(&media_type)
}

/// What a file is treated as: what it is said to be, if its bytes are of that kind.
///
/// A picture, film or sound whose bytes are of another of these kinds is what its bytes are; one
/// whose bytes are none of them is a file. What was sent as a file stays a file.
#[must_use]
pub fn kind(said: FileKind, media_type: &str) -> FileKind {
    let found = match media_type.split_once('/').map(|(class, _)| class) {
        Some("image") if is_shown(media_type) => Some(FileKind::Picture),
        Some("video") if is_shown(media_type) => Some(FileKind::Video),
        Some("audio") if is_shown(media_type) => Some(FileKind::Audio),
        _ => None,
    };
    match (said, found) {
        (FileKind::Sticker, Some(FileKind::Picture)) => FileKind::Sticker,
        // A voice message in a container that also holds films.
        (FileKind::Audio, Some(FileKind::Video)) => FileKind::Audio,
        (FileKind::File | FileKind::Place | FileKind::Other, _) | (_, None) => FileKind::File,
        (FileKind::Picture | FileKind::Video | FileKind::Audio | FileKind::Sticker, Some(kind)) => {
            kind
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead";
    const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
    const M4A: &[u8] = b"\0\0\0\x20ftypM4A \0\0\x02\0M4A mp42isom";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
    const SVG: &[u8] = b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script>";
    const HTML: &[u8] = b"<!DOCTYPE html><html><script>alert(1)</script>";

    #[test]
    fn types_are_told_by_bytes() {
        for (bytes, expected) in [
            (PNG, "image/png"),
            (JPEG, "image/jpeg"),
            (b"GIF89a\x01\0\x01\0".as_slice(), "image/gif"),
            (b"RIFF\x24\0\0\0WEBPVP8 ".as_slice(), "image/webp"),
            (MP4, "video/mp4"),
            (M4A, "audio/mp4"),
            (OGG, "audio/ogg"),
            (b"ID3\x04\0\0\0\0\0\0".as_slice(), "audio/mpeg"),
            (ZIP, "application/zip"),
            (b"%PDF-1.7\n".as_slice(), "application/pdf"),
            (SVG, UNKNOWN_TYPE),
            (HTML, UNKNOWN_TYPE),
            (b"".as_slice(), UNKNOWN_TYPE),
            ("그냥 글입니다".as_bytes(), UNKNOWN_TYPE),
        ] {
            assert_eq!(media_type(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_said_counts_only_where_the_bytes_agree() {
        use FileKind::{Audio, File, Picture, Sticker, Video};
        for (said, bytes, expected) in [
            (Picture, PNG, Picture),
            (Picture, MP4, Video),
            (Picture, ZIP, File),
            (Picture, SVG, File),
            (Picture, HTML, File),
            (Video, JPEG, Picture),
            (Audio, OGG, Audio),
            (Audio, MP4, Audio),
            (File, JPEG, File),
            (Sticker, PNG, Sticker),
            (Sticker, ZIP, File),
            (Sticker, MP4, Video),
            (FileKind::Other, PNG, File),
        ] {
            assert_eq!(kind(said, media_type(bytes)), expected, "{said:?}");
        }
    }

    proptest! {
        #[test]
        fn only_proven_kinds_are_shown(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let media_type = media_type(&bytes);
            let shown = kind(FileKind::Picture, media_type) != FileKind::File;
            prop_assert_eq!(shown, is_shown(media_type));
        }
    }
}
