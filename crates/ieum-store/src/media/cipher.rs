//! How a file lies on disk: a head, then chunks, each encrypted and authenticated alone.
//!
//! `IEUMMED1`, 16 random bytes, then chunks of up to 64 KiB with 16 bytes more each
//! (ChaCha20-Poly1305; the key is HMAC-SHA-256 of the room's key over those 16 bytes; the nonce is
//! the chunk's number with a mark on the last one). Invariant: a file that was cut, extended or
//! put together from two is never read as whole.

use ieum_core::ports::media::{MediaFailure, PIECE_BYTES_MAX};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// Bytes of a chunk before encryption.
pub(super) const CHUNK_BYTES: usize = PIECE_BYTES_MAX;
/// Bytes that encryption adds to each.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes before the first chunk.
pub(super) const HEAD_BYTES: usize = MAGIC.len() + SALT_BYTES;
const MAGIC: &[u8; 8] = b"IEUMMED1";
const SALT_BYTES: usize = 16;

/// The key of the whole room.
pub(super) struct RoomKey(hmac::Key);

impl std::fmt::Debug for RoomKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("RoomKey(..)")
    }
}

impl RoomKey {
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Under which name the file with this hash lies: the hash itself would tell whoever sees the
    /// folder that a known file is in it.
    pub(super) fn name_of(&self, hash: &[u8; 32]) -> String {
        let tag = self.derived(b"name", hash);
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn derived(&self, purpose: &[u8], input: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(input);
        context.sign()
    }

    /// The cipher of a new file, and what stands at its beginning.
    pub(super) fn begin(
        &self,
        salt: [u8; SALT_BYTES],
    ) -> Result<(FileCipher, Vec<u8>), MediaFailure> {
        let head = [MAGIC.as_slice(), &salt].concat();
        Ok((self.cipher(&salt)?, head))
    }

    /// The cipher of a file that begins so.
    pub(super) fn resume(&self, head: &[u8]) -> Result<FileCipher, MediaFailure> {
        let salt = head.strip_prefix(MAGIC).filter(|salt| salt.len() == SALT_BYTES);
        self.cipher(salt.ok_or_else(|| damaged("it has no head of ours"))?)
    }

    fn cipher(&self, salt: &[u8]) -> Result<FileCipher, MediaFailure> {
        let key = self.derived(b"file", salt);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref());
        key.map(|key| FileCipher(LessSafeKey::new(key))).map_err(|_| damaged("no key"))
    }
}

fn damaged(what: &str) -> MediaFailure {
    MediaFailure::Damaged(what.to_owned())
}

/// Encrypts and decrypts the chunks of one file.
pub(super) struct FileCipher(LessSafeKey);

impl std::fmt::Debug for FileCipher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("FileCipher(..)")
    }
}

impl FileCipher {
    pub(super) fn seal(
        &self,
        number: u64,
        last: bool,
        chunk: &mut Vec<u8>,
    ) -> Result<(), MediaFailure> {
        let sealed = self.0.seal_in_place_append_tag(nonce(number, last), Aad::empty(), chunk);
        sealed.map_err(|_| damaged("a chunk was not sealed"))
    }

    pub(super) fn open(
        &self,
        number: u64,
        last: bool,
        mut chunk: Vec<u8>,
    ) -> Result<Vec<u8>, MediaFailure> {
        let opened = self.0.open_in_place(nonce(number, last), Aad::empty(), &mut chunk);
        let length = opened.map_err(|_| damaged("a chunk is not genuine"))?.len();
        chunk.truncate(length);
        Ok(chunk)
    }
}

/// Each key is of one file, and each number comes once in it.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    let [mark, _, _, _, counter @ ..] = &mut nonce;
    *mark = u8::from(last);
    *counter = number.to_be_bytes();
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(salt: u8) -> FileCipher {
        RoomKey::new(&[1; 32]).begin([salt; SALT_BYTES]).unwrap().0
    }

    fn sealed(cipher: &FileCipher, number: u64, last: bool) -> Vec<u8> {
        let mut chunk = b"secret".to_vec();
        cipher.seal(number, last, &mut chunk).unwrap();
        chunk
    }

    #[test]
    fn a_chunk_opens_only_in_its_place_and_its_file() {
        let cipher_1 = cipher(1);
        let chunk = sealed(&cipher_1, 3, false);
        assert!(!chunk.windows(6).any(|window| window == b"secret"));
        assert_eq!(cipher_1.open(3, false, chunk.clone()).unwrap(), b"secret");
        assert!(cipher_1.open(4, false, chunk.clone()).is_err(), "moved");
        assert!(cipher_1.open(3, true, chunk.clone()).is_err(), "cut after it");
        assert!(cipher(2).open(3, false, chunk.clone()).is_err(), "of another file");
        let mut changed = chunk;
        changed[0] ^= 1;
        assert!(cipher_1.open(3, false, changed).is_err(), "changed");
    }

    #[test]
    fn a_head_is_ours_or_nothing_is_read() {
        let key = RoomKey::new(&[1; 32]);
        let (cipher, head) = key.begin([5; SALT_BYTES]).unwrap();
        assert_eq!(head.len(), HEAD_BYTES);
        let chunk = sealed(&cipher, 0, true);
        assert_eq!(key.resume(&head).unwrap().open(0, true, chunk.clone()).unwrap(), b"secret");
        let other = RoomKey::new(&[2; 32]).resume(&head).unwrap();
        assert!(other.open(0, true, chunk).is_err(), "another room's key");
        for wrong in [&head[1..], &head[..HEAD_BYTES - 1], b""] {
            assert!(key.resume(wrong).is_err());
        }
    }

    #[test]
    fn names_do_not_tell_hashes() {
        let name = RoomKey::new(&[1; 32]).name_of(&[7; 32]);
        assert_eq!(name.len(), 64);
        assert_ne!(name, RoomKey::new(&[2; 32]).name_of(&[7; 32]));
        assert_eq!(name, RoomKey::new(&[1; 32]).name_of(&[7; 32]));
    }
}
