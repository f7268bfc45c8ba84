//! Media: the bytes that come with a message, and how a message names them.
//!
//! A message is admitted before its bytes are here, so it names them by an id that is known at
//! once; what became of them (on the way, kept, missing) is the media room's to know
//! ([`crate::ports::media`]). Not here: the bytes. Invariant: the same file of the same native
//! message has the same id, after a crash and in a second webhook.

pub mod erase;
pub mod link;
pub mod reach;
pub mod sniff;

use crate::content::{HubSecret, salt_for_native};
use crate::ids::AccountId;
use crate::inbound::FileKind;
use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Largest file that is taken from a network when the operator says nothing: 256 MiB.
pub const MEDIA_BYTES_MAX: u64 = 256 << 20;
/// Longest place of a file in its network's own words.
pub const PLACE_BYTES_MAX: usize = 4_096;
/// Longest name of a file.
pub const NAME_BYTES_MAX: usize = 255;
/// How a message's content names media that the hub keeps.
const SCHEME: &str = "ieum-media:";
/// Bytes of an id.
const ID_BYTES: usize = 16;

/// Names the bytes of one file of one message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaId([u8; ID_BYTES]);

impl MediaId {
    /// The id of a file of a native message.
    #[must_use]
    pub fn of_native(secret: &HubSecret, account: AccountId, chat: &str, native: &str) -> Self {
        let room = format!("{account}/{chat}");
        Self(salt_for_native(secret, "media", &room, native))
    }

    /// An id from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }

    /// As the address of external content.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{SCHEME}{self}")
    }

    /// The id that an address of external content names; `None` for any other address.
    #[must_use]
    pub fn from_url(url: &str) -> Option<Self> {
        url.strip_prefix(SCHEME)?.parse().ok()
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for MediaId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MediaId({self})")
    }
}

/// The text is no media id: 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a media id is written as 32 hexadecimal digits")]
pub struct MediaIdError;

impl FromStr for MediaId {
    type Err = MediaIdError;

    fn from_str(text: &str) -> Result<Self, MediaIdError> {
        let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 2 * ID_BYTES || !text.bytes().all(plain) {
            return Err(MediaIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| MediaIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// A file that a message came with and that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub id: MediaId,
    /// The account whose network has it.
    pub account: AccountId,
    /// Where its network has it, in words of that network's connector.
    pub place: Box<str>,
    /// What it is said to be.
    pub kind: FileKind,
    /// Its name; empty where there is none.
    pub name: Box<str>,
    /// How long it plays, where that is told.
    pub duration_ms: Option<u32>,
    /// When its message was accepted.
    pub at: Timestamp,
}

/// A file that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// Its size.
    pub bytes: u64,
    /// What it is: as its network says, unless its first bytes say otherwise.
    pub kind: FileKind,
    /// Media type by its first bytes; `application/octet-stream` where they tell nothing.
    pub media_type: Box<str>,
    /// Its name; empty where there is none.
    pub name: Box<str>,
    /// How long it plays, where that was told.
    pub duration_ms: Option<u32>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaState {
    /// It is still to be fetched; so many tries failed.
    Wanted {
        /// Tries that failed.
        tries: u32,
    },
    /// It is here.
    Kept(Kept),
    /// It will not come.
    Missing(Missing),
}

/// Why a file will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Missing {
    /// Its network does not give it, or not any more.
    Gone = 1,
    /// It is larger than the operator allows.
    TooLarge = 2,
    /// It did not come in all the time that it was given.
    Late = 3,
}

impl Missing {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Gone, Self::TooLarge, Self::Late];

    /// The reason with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == number)
    }
}

/// A file's name as it may be handed on: one line, no folders, no turned direction, not too long.
#[must_use]
pub fn tidy_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = |character: &char| {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}');
        !character.is_control() && !turns && !matches!(character, '\u{2028}' | '\u{2029}')
    };
    let plain: String = last.chars().filter(shown).collect();
    let mut end = plain.len().min(NAME_BYTES_MAX);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    let cut = plain.get(..end).unwrap_or_default().trim();
    if matches!(cut, "." | "..") { String::new() } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_the_same_for_the_same_native_message_and_no_other() {
        let secret = HubSecret::new([7; 32]);
        let id =
            |account, chat, native| MediaId::of_native(&secret, AccountId(account), chat, native);
        assert_eq!(id(1, "room", "5"), id(1, "room", "5"));
        for other in [id(2, "room", "5"), id(1, "roo", "m5"), id(1, "room", "6")] {
            assert_ne!(id(1, "room", "5"), other);
        }
        let elsewhere = MediaId::of_native(&HubSecret::new([8; 32]), AccountId(1), "room", "5");
        assert_ne!(id(1, "room", "5"), elsewhere);
    }

    #[test]
    fn only_our_own_addresses_name_media() {
        let id = MediaId::from_bytes([0xab; 16]);
        assert_eq!(MediaId::from_url(&id.url()), Some(id));
        let upper = id.url().to_uppercase();
        for foreign in ["", "ieum-media:", "https://example.org/a", "ieum-media:ab", &upper] {
            assert_eq!(MediaId::from_url(foreign), None, "{foreign}");
        }
        assert_eq!(MediaId::from_url(&format!("{}0", id.url())), None);
        assert_eq!(MediaId::from_url("ieum-media:+babababababababababababababababa"), None);
    }

    #[test]
    fn names_lose_folders_turns_and_lines() {
        for (given, tidy) in [
            ("사진.jpg", "사진.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a.exe", "a.exe"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\r\nContent-Type: x", "aContent-Type: x"),
            ("..", ""),
            ("folder/", ""),
            ("  a.txt ", "a.txt"),
        ] {
            assert_eq!(tidy_name(given), tidy, "{given:?}");
        }
        assert_eq!(tidy_name(&"가".repeat(200)).len(), 255);
    }

    #[test]
    fn reasons_keep_their_numbers() {
        for (reason, number) in Missing::ALL.into_iter().zip(1..) {
            assert_eq!(Missing::from_number(number), Some(reason));
        }
        assert_eq!(Missing::from_number(0), None);
        assert_eq!(Missing::from_number(4), None);
    }

    proptest! {
        #[test]
        fn a_tidy_name_stays_as_it_is(name in any::<String>()) {
            let tidy = tidy_name(&name);
            prop_assert!(tidy.len() <= NAME_BYTES_MAX);
            let bare = !tidy.contains(['/', '\\', '\n', '\r', '\u{202e}']);
            prop_assert!(bare, "{:?}", tidy);
            prop_assert_eq!(tidy_name(&tidy), tidy);
        }

        #[test]
        fn every_id_comes_back_from_its_address(bytes in any::<[u8; 16]>()) {
            let id = MediaId::from_bytes(bytes);
            prop_assert_eq!(MediaId::from_url(&id.url()), Some(id));
        }
    }
}
