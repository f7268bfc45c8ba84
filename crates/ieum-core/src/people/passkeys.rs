//! Passkeys: what somebody signs in by without a code, on a device of their own (W3C Web
//! Authentication).
//!
//! What a signature proves is for whoever holds the library to say; here stands whose key it is and
//! what follows. Pure. Invariants: a credential is one person's; a key that was taken away opens
//! nothing; nothing kept here lets anybody in who read it.

use crate::directory::{Change, Directory};
use crate::ids::PersonId;
use crate::people::sessions::{Door, SessionMark, VisitKind, browser_name};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most passkeys of one person.
pub const PASSKEYS_PER_PERSON_MAX: usize = 16;
/// Longest credential id, in bytes (Web Authentication Level 3, section 4, "Credential ID").
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1_023;
/// Longest public part of a key that is kept, in bytes; one of RSA with 4,096 bits has 600.
pub const PUBLIC_PART_BYTES_MAX: usize = 2_048;

/// The credential id that an authenticator gave a passkey.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasskeyId(pub Box<[u8]>);

/// By what an authenticator knows whose a passkey is: no name and no number of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserHandle(pub [u8; 16]);

/// One passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// By which it is found.
    pub id: PasskeyId,
    /// What its authenticator keeps with it.
    pub handle: UserHandle,
    /// The public key and what never changes, as the library writes it.
    pub fixed: Box<[u8]>,
    /// Counter and flags, as the library writes them.
    pub changing: Box<[u8]>,
    /// Where it was added, in a word or two.
    pub name: Box<str>,
    /// Since when.
    pub added_at: Timestamp,
    /// When somebody last came in by it.
    pub used_at: Option<Timestamp>,
}

/// Why a passkey is not added, taken away or believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// There is no such person.
    #[error("no such person")]
    NoPerson,
    /// There is no such passkey, or it is somebody else's.
    #[error("no such passkey")]
    Unknown,
    /// The credential is known already.
    #[error("this passkey is known already")]
    Taken,
    /// They have as many as anybody may.
    #[error("{PASSKEYS_PER_PERSON_MAX} passkeys are the most that a person may have")]
    TooMany,
    /// It is larger than the standard allows.
    #[error("the passkey is too large")]
    TooLarge,
}

/// Gives a person one more passkey: the changes.
///
/// # Errors
/// A [`PasskeyRefusal`]; nothing is to be changed.
pub fn added(
    directory: &Directory,
    person: PersonId,
    mut passkey: Passkey,
) -> Result<Vec<Change>, PasskeyRefusal> {
    directory.person(person).ok_or(PasskeyRefusal::NoPerson)?;
    let sizes = [
        (passkey.id.0.len(), CREDENTIAL_ID_BYTES_MAX),
        (passkey.fixed.len(), PUBLIC_PART_BYTES_MAX),
        (passkey.changing.len(), PUBLIC_PART_BYTES_MAX),
    ];
    if passkey.id.0.is_empty() || sizes.iter().any(|(bytes, most)| bytes > most) {
        return Err(PasskeyRefusal::TooLarge);
    }
    if directory.doors().passkey(&passkey.id).is_some() {
        return Err(PasskeyRefusal::Taken);
    }
    let mut door = Door::of(directory, person);
    if door.passkeys.len() >= PASSKEYS_PER_PERSON_MAX {
        return Err(PasskeyRefusal::TooMany);
    }
    passkey.name = browser_name(&passkey.name);
    door.note(passkey.added_at, VisitKind::PasskeyAdded, &passkey.name);
    door.passkeys.push(passkey);
    Ok(vec![Change::Door(door)])
}

/// Takes a passkey away, by the word of its person from `browser`: the changes.
///
/// # Errors
/// [`PasskeyRefusal::Unknown`].
pub fn removed(
    directory: &Directory,
    person: PersonId,
    id: &PasskeyId,
    (browser, now): (&str, Timestamp),
) -> Result<Vec<Change>, PasskeyRefusal> {
    let mut door = Door::of(directory, person);
    let before = door.passkeys.len();
    door.passkeys.retain(|passkey| passkey.id != *id);
    if door.passkeys.len() == before {
        return Err(PasskeyRefusal::Unknown);
    }
    door.note(now, VisitKind::PasskeyRemoved, browser);
    Ok(vec![Change::Door(door)])
}

/// Somebody who came by a passkey, after its signature was found good.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// By which one.
    pub id: &'a PasskeyId,
    /// Its counter and flags as they are now.
    pub changing: &'a [u8],
    /// The digest of the new session's secret.
    pub mark: SessionMark,
    /// With which browser, in a word or two.
    pub browser: &'a str,
}

/// Signs in whoever has the passkey: the changes, and who it is.
///
/// # Errors
/// [`PasskeyRefusal::Unknown`], also when it was taken away while its signature was looked at.
pub fn entered(
    directory: &Directory,
    entry: Entry<'_>,
    now: Timestamp,
) -> Result<(Vec<Change>, PersonId), PasskeyRefusal> {
    let (person, _) = directory.doors().passkey(entry.id).ok_or(PasskeyRefusal::Unknown)?;
    let mut door = Door::of(directory, person);
    let known = door.passkeys.iter_mut().find(|passkey| passkey.id == *entry.id);
    let passkey = known.ok_or(PasskeyRefusal::Unknown)?;
    passkey.changing = entry.changing.into();
    passkey.used_at = Some(now);
    door.open(entry.mark, entry.browser, (now, VisitKind::OpenedByPasskey));
    Ok((vec![Change::Door(door)], person))
}

#[cfg(test)]
mod tests;
