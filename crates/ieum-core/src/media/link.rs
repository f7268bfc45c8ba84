//! Links under which a file is served to whoever holds them, until they expire.
//!
//! A link carries the file's id, its last moment and a proof (HMAC-SHA-256 with the hub's secret,
//! cut to 128 bits). Nothing about it is stored. Invariant: what [`read`] accepts was made by
//! [`write()`] with the same secret, byte for byte, and has not expired.

use super::MediaId;
use crate::content::{HubSecret, salt_for_native};
use crate::time::Timestamp;

/// How long a link works: seven days, longer than any network waits before it fetches.
pub const LINK_LIFETIME_MS: u64 = 7 * 24 * 3_600_000;
/// Links begin their last hour on the hour, so that the same file has the same link for a while and
/// a repeated call the same body.
const STEP_MS: i64 = 3_600_000;
/// Hexadecimal digits of id, seconds and proof.
const ID_DIGITS: usize = 32;
const TIME_DIGITS: usize = 10;
const PROOF_DIGITS: usize = 32;

/// Why a link is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// It was not made here.
    #[error("no link of ours")]
    Forged,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
}

/// The link's last part for a file: letters and digits only. It works for about `lifetime_ms`.
#[must_use]
pub fn write(secret: &HubSecret, id: MediaId, now: Timestamp, lifetime_ms: u64) -> String {
    let end = now.plus_ms(lifetime_ms).0.div_euclid(STEP_MS).saturating_add(1);
    let seconds = end.saturating_mul(STEP_MS / 1_000).clamp(0, (1 << 40) - 1);
    let open = format!("{id}{seconds:0TIME_DIGITS$x}");
    let proof = proof(secret, &open);
    format!("{open}{proof}")
}

/// The file that a link stands for.
///
/// # Errors
/// A [`LinkFault`]; a forged link is told from an expired one only to whoever has a genuine one.
pub fn read(secret: &HubSecret, link: &str, now: Timestamp) -> Result<MediaId, LinkFault> {
    let whole = link.len() == ID_DIGITS + TIME_DIGITS + PROOF_DIGITS && link.is_ascii();
    let (open, given) = link
        .split_at_checked(ID_DIGITS + TIME_DIGITS)
        .filter(|_| whole)
        .ok_or(LinkFault::Forged)?;
    if !same(proof(secret, open).as_bytes(), given.as_bytes()) {
        return Err(LinkFault::Forged);
    }
    let (id, seconds) = open.split_at_checked(ID_DIGITS).ok_or(LinkFault::Forged)?;
    let id = id.parse().map_err(|_| LinkFault::Forged)?;
    let seconds = i64::from_str_radix(seconds, 16).map_err(|_| LinkFault::Forged)?;
    if now.0.div_euclid(1_000) >= seconds { Err(LinkFault::Expired) } else { Ok(id) }
}

fn proof(secret: &HubSecret, open: &str) -> String {
    let digest = u128::from_be_bytes(salt_for_native(secret, "media link", "", open));
    format!("{digest:0PROOF_DIGITS$x}")
}

/// Compares in a time that depends on the lengths alone.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differ = left.iter().zip(right).fold(0, |differ, (left, right)| differ | (left ^ right));
    left.len() == right.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_764_000_000_000);
    const HOUR_MS: u64 = 3_600_000;

    fn secret() -> HubSecret {
        HubSecret::new([3; 32])
    }

    #[test]
    fn a_link_works_until_it_expires() {
        let id = MediaId::from_bytes([9; 16]);
        let link = write(&secret(), id, NOW, HOUR_MS);
        assert_eq!(read(&secret(), &link, NOW), Ok(id));
        assert_eq!(read(&secret(), &link, NOW.plus_ms(HOUR_MS)), Ok(id));
        let over = NOW.plus_ms(2 * HOUR_MS + 1);
        assert_eq!(read(&secret(), &link, over), Err(LinkFault::Expired));
        assert_eq!(read(&HubSecret::new([4; 32]), &link, NOW), Err(LinkFault::Forged));
    }

    #[test]
    fn the_same_hour_gives_the_same_link() {
        let id = MediaId::from_bytes([9; 16]);
        let links: std::collections::BTreeSet<String> = (0..4)
            .map(|minute| write(&secret(), id, NOW.plus_ms(minute * 600_000), HOUR_MS))
            .collect();
        assert!(links.len() <= 2, "{links:?}");
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_link(
            place in 0..74_usize, digit in 0..16_u32, id in any::<[u8; 16]>(),
        ) {
            let link = write(&secret(), MediaId::from_bytes(id), NOW, HOUR_MS);
            let mut changed: Vec<char> = link.chars().collect();
            changed[place] = char::from_digit(digit, 16).unwrap();
            let changed: String = changed.into_iter().collect();
            prop_assume!(changed != link);
            prop_assert_eq!(read(&secret(), &changed, NOW), Err(LinkFault::Forged));
        }

        #[test]
        fn any_text_is_refused_calmly(text in any::<String>()) {
            prop_assert_eq!(read(&secret(), &text, NOW), Err(LinkFault::Forged));
        }
    }
}
