//! A text sealed for one device: RFC 8291 over the content coding of RFC 8188.
//!
//! Invariant: a key pair and a salt are used for one message only.

use hkdf::Hkdf;
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

/// The one record of a message (RFC 8291, section 4).
const RECORD_BYTES: u32 = 4_096;
/// Longest text: what a record holds beside the head, the delimiter and the tag.
pub(super) const TEXT_BYTES_MAX: usize = 3_993;
/// Texts are filled up to a multiple of this, so that their length tells less.
const PAD_BYTES: usize = 512;
/// Ends the text of the last record (RFC 8188, section 2).
const LAST: u8 = 2;

/// For whom, and by what.
#[derive(Debug)]
pub(super) struct Seal<'a> {
    /// The device's public key.
    pub(super) device: &'a PublicKey,
    /// The device's authentication secret.
    pub(super) secret: &'a [u8],
    /// A key of ours, new for this message.
    pub(super) own: &'a SecretKey,
    /// Random, new for this message.
    pub(super) salt: [u8; 16],
}

impl Seal<'_> {
    /// The body of the request; none where the text is too long.
    pub(super) fn body(&self, text: &[u8]) -> Option<Vec<u8>> {
        let room = text.len().div_ceil(PAD_BYTES).max(1) * PAD_BYTES;
        self.filled(text, room.min(TEXT_BYTES_MAX))
    }

    /// The body, its text filled up to `room` bytes.
    fn filled(&self, text: &[u8], room: usize) -> Option<Vec<u8>> {
        let pad = room.checked_sub(text.len())?;
        let point = self.own.public_key().to_encoded_point(false);
        let (key, nonce) = self.keys(point.as_bytes())?;
        let mut sealed = text.to_vec();
        sealed.push(LAST);
        sealed.resize(sealed.len() + pad, 0);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).ok()?;
        let mut body = self.salt.to_vec();
        body.extend(RECORD_BYTES.to_be_bytes());
        body.push(u8::try_from(point.len()).ok()?);
        body.extend(point.as_bytes());
        body.append(&mut sealed);
        Some(body)
    }

    /// The content encryption key and the nonce (RFC 8291, section 3.4).
    fn keys(&self, own_point: &[u8]) -> Option<([u8; 16], [u8; 12])> {
        let shared = diffie_hellman(self.own.to_nonzero_scalar(), self.device.as_affine());
        let mut told = b"WebPush: info\0".to_vec();
        told.extend(self.device.to_encoded_point(false).as_bytes());
        told.extend(own_point);
        let mut material = [0; 32];
        shared.extract::<Sha256>(Some(self.secret)).expand(&told, &mut material).ok()?;
        let keys = Hkdf::<Sha256>::new(Some(&self.salt), &material);
        let (mut key, mut nonce) = ([0; 16], [0; 12]);
        keys.expand(b"Content-Encoding: aes128gcm\0", &mut key).ok()?;
        keys.expand(b"Content-Encoding: nonce\0", &mut nonce).ok()?;
        Some((key, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64.decode(text).unwrap()
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out_byte_for_byte() {
        let device = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6\
                      SRpkNtoIAiw4";
        let sealed = Seal {
            device: &PublicKey::from_sec1_bytes(&bytes(device)).unwrap(),
            secret: &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
            own: &SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
                .unwrap(),
            salt: bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
        };
        let text = b"When I grow up, I want to be a watermelon";
        let body = sealed.filled(text, text.len()).unwrap();
        assert_eq!(
            BASE64.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc\
             InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV\
             WGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn lengths_tell_little_and_what_is_too_long_is_not_sealed() {
        let own = SecretKey::from_slice(&[7; 32]).unwrap();
        let device = SecretKey::from_slice(&[9; 32]).unwrap().public_key();
        let seal = Seal { device: &device, secret: &[1; 16], own: &own, salt: [3; 16] };
        let length = |bytes: usize| seal.body(&vec![b'x'; bytes]).map(|body| body.len());
        assert_eq!(length(0), length(512));
        assert_ne!(length(512), length(513));
        let whole = usize::try_from(RECORD_BYTES).unwrap();
        assert_eq!((length(TEXT_BYTES_MAX), length(TEXT_BYTES_MAX + 1)), (Some(whole), None));
    }
}
