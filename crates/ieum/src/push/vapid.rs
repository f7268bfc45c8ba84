//! Who pushes: the hub's own key, and the word by which it is known to push services (RFC 8292).
//!
//! The key is drawn from the hub's secret, so it is as well kept, is in every backup, and stays
//! for the life of the data. Invariant: the key signs nothing but such words.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hkdf::Hkdf;
use ieum_core::content::HubSecret;
use ieum_core::people::push::PUSH_KEY_BYTES;
use ieum_core::time::Timestamp;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use serde_json::json;
use sha2::Sha256;

/// How long a word is good; the standard allows a day.
const WORD_S: i64 = 12 * 3_600;
/// Tries to draw a key; each fails once in 2^32.
const DRAWS_MAX: u8 = 8;

/// The hub's own key.
pub(super) struct OwnKey {
    key: SigningKey,
    public: [u8; PUSH_KEY_BYTES],
}

/// Shows nothing of the key.
impl std::fmt::Debug for OwnKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("OwnKey(..)")
    }
}

impl OwnKey {
    /// The key that belongs to a secret: always the same one.
    pub(super) fn of(secret: &HubSecret) -> Option<Self> {
        let draws = Hkdf::<Sha256>::new(None, secret.expose());
        let drawn = |number: u8| {
            let mut bytes = [0; 32];
            draws.expand(&[b"web push key".as_slice(), &[number]].concat(), &mut bytes).ok()?;
            SecretKey::from_slice(&bytes).ok()
        };
        let key = (0..DRAWS_MAX).find_map(drawn)?;
        let point = key.public_key().to_encoded_point(false);
        let public = point.as_bytes().try_into().ok()?;
        Some(Self { key: SigningKey::from(&key), public })
    }

    /// The public half, uncompressed.
    pub(super) fn public(&self) -> [u8; PUSH_KEY_BYTES] {
        self.public
    }

    /// The `Authorization` for a push service; `contact` is where its operator finds ours.
    pub(super) fn authorization(
        &self,
        host: &str,
        contact: Option<&str>,
        now: Timestamp,
    ) -> String {
        let head = BASE64.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let mut claims = json!({
            "aud": format!("https://{host}"),
            "exp": now.0.div_euclid(1_000).saturating_add(WORD_S),
        });
        if let (Some(contact), Some(claims)) = (contact, claims.as_object_mut()) {
            claims.insert("sub".to_owned(), contact.into());
        }
        let said = format!("{head}.{}", BASE64.encode(claims.to_string()));
        let signature: Signature = self.key.sign(said.as_bytes());
        let (signature, public) = (BASE64.encode(signature.to_bytes()), BASE64.encode(self.public));
        format!("vapid t={said}.{signature}, k={public}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    fn key(secret: &str) -> OwnKey {
        OwnKey::of(&HubSecret::new(secret.as_bytes())).unwrap()
    }

    #[test]
    fn a_secret_has_one_key_and_another_secret_another() {
        assert_eq!(key("0123456789abcdef").public(), key("0123456789abcdef").public());
        assert_ne!(key("0123456789abcdef").public(), key("0123456789abcdeg").public());
        assert_eq!(format!("{:?}", key("0123456789abcdef")), "OwnKey(..)");
    }

    /// Another library finds the signature good, for these words and this key alone.
    #[test]
    fn the_word_is_signed_by_the_key_that_it_names() {
        let own = key("0123456789abcdef");
        let now = Timestamp(1_700_000_000_999);
        let word = own.authorization("push.example", Some("https://hub.example"), now);
        let (word, named) = word.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(BASE64.decode(named).unwrap(), own.public());
        let (said, signature) = word.rsplit_once('.').unwrap();
        let signature = BASE64.decode(signature).unwrap();
        let checks = |said: &str| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, own.public())
                .verify(said.as_bytes(), &signature)
                .is_ok()
        };
        assert!(checks(said));
        assert!(!checks(&said.replace('.', "_")));
        let claims = BASE64.decode(said.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let wanted = json!({
            "aud": "https://push.example",
            "exp": 1_700_043_200,
            "sub": "https://hub.example",
        });
        assert_eq!(claims, wanted);
    }
}
