//! What leaves for a push service, where to, and what its answers mean.

use super::*;
use crate::doors;
use crate::doors::clock::SystemClock;
use crate::doors::entropy::SeededEntropy;
use hkdf::Hkdf;
use ieum_core::ids::ConversationId;
use ieum_core::people::push::{Subscription, Tells};
use ieum_core::ports::http::{HttpLimits, OnePiece, PieceStream};
use ieum_core::time::Timestamp;
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use std::sync::Mutex;

/// Answers every call alike and keeps what it was asked.
#[derive(Debug)]
struct Wire {
    answer: Result<(u16, Option<&'static str>), HttpFailure>,
    asked: Mutex<Vec<(Request<Bytes>, Reach)>>,
}

impl HttpTransport for Wire {
    fn carry(
        &self,
        request: Request<Upload>,
        limits: CarryLimits,
    ) -> BoxFuture<'_, Result<http::Response<Box<dyn PieceStream>>, HttpFailure>> {
        let request = request.map(|upload| match upload {
            Upload::Whole(bytes) => bytes,
            Upload::Streamed { .. } => Bytes::new(),
        });
        self.asked.lock().unwrap().push((request, limits.reach));
        let answer = self.answer.clone().map(|(status, rest)| {
            let mut builder = http::Response::builder().status(status);
            if let Some(rest) = rest {
                builder = builder.header("retry-after", rest);
            }
            let body: Box<dyn PieceStream> = Box::new(OnePiece(None));
            builder.body(body).unwrap()
        });
        Box::pin(std::future::ready(answer))
    }

    fn call(
        &self,
        _: Request<Bytes>,
        _: HttpLimits,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, HttpFailure>> {
        Box::pin(std::future::ready(Err(HttpFailure::NotSent("not this way".to_owned()))))
    }
}

fn pusher(answer: Result<(u16, Option<&'static str>), HttpFailure>) -> (WebPush, Arc<Wire>) {
    let wire = Arc::new(Wire { answer, asked: Mutex::default() });
    let real = doors::real(Arc::new(SystemClock), Arc::new(SeededEntropy::new(5)));
    let doors = Doors { http: Arc::clone(&wire) as Arc<dyn HttpTransport>, ..real };
    let secret = HubSecret::new(*b"0123456789abcdef");
    (WebPush::new(&secret, Some("https://hub.example"), &doors).unwrap(), wire)
}

fn device() -> (SecretKey, Subscription) {
    let key = SecretKey::from_slice(&[9; 32]).unwrap();
    let point = key.public_key().to_encoded_point(false);
    let subscription = Subscription {
        endpoint: "https://push.example/send/abc".into(),
        key: point.as_bytes().into(),
        secret: [6; 16].into(),
        tells: Tells::Words,
        since: Timestamp(0),
    };
    (key, subscription)
}

fn note() -> Note {
    Note {
        conversation: ConversationId(7),
        message: "#7F2A".to_owned(),
        title: "가족".to_owned(),
        text: "민아: 저녁 먹었어?".to_owned(),
    }
}

async fn pushed(pusher: &WebPush, to: &Subscription) -> PushOutcome {
    let note = note();
    let push = Push { to, note: &note, ttl_s: 60, is_urgent: true, topic: [0xab; 16] };
    pusher.push(push).await
}

/// What the device reads, by its own half of the keys.
fn opened(key: &SecretKey, secret: &[u8], body: &[u8]) -> Vec<u8> {
    let (salt, rest) = body.split_at(16);
    let (sender, sealed) = rest[5..].split_at(usize::from(rest[4]));
    let sender_key = PublicKey::from_sec1_bytes(sender).unwrap();
    let shared = diffie_hellman(key.to_nonzero_scalar(), sender_key.as_affine());
    let own = key.public_key().to_encoded_point(false);
    let told = [b"WebPush: info\0", own.as_bytes(), sender].concat();
    let mut material = [0; 32];
    shared.extract::<Sha256>(Some(secret)).expand(&told, &mut material).unwrap();
    let keys = Hkdf::<Sha256>::new(Some(salt), &material);
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    keys.expand(b"Content-Encoding: aes128gcm\0", &mut key).unwrap();
    keys.expand(b"Content-Encoding: nonce\0", &mut nonce).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
    let mut text = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let text = key.open_in_place(nonce, Aad::empty(), &mut text).unwrap();
    let end = text.iter().rposition(|byte| *byte != 0).unwrap();
    assert_eq!(text[end], 2, "the delimiter of the last record");
    text[..end].to_vec()
}

#[tokio::test]
async fn the_device_alone_reads_it_and_the_call_stays_on_the_public_internet() {
    let (pusher, wire) = pusher(Ok((201, None)));
    let (key, subscription) = device();
    assert_eq!(pushed(&pusher, &subscription).await, PushOutcome::Taken);
    assert_eq!(pushed(&pusher, &subscription).await, PushOutcome::Taken);
    let asked = wire.asked.lock().unwrap();
    let texts = asked.iter().map(|(request, reach)| {
        assert_eq!(*reach, Reach::PublicOnly);
        assert_eq!(request.uri(), "https://push.example/send/abc");
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("ttl"), header("urgency")), ("60".to_owned(), "high".to_owned()));
        assert_eq!(header("topic"), "ab".repeat(16));
        assert_eq!(header("content-encoding"), "aes128gcm");
        assert!(header("authorization").starts_with("vapid t="));
        assert!(!String::from_utf8_lossy(request.body()).contains("저녁"));
        opened(&key, &subscription.secret, request.body())
    });
    for text in texts {
        let text: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let wanted = json!({
            "conversation": 7, "message": "#7F2A", "title": "가족", "text": "민아: 저녁 먹었어?",
        });
        assert_eq!(text, wanted);
    }
    assert_ne!(asked[0].0.body(), asked[1].0.body(), "keys and salt are new each time");
}

#[tokio::test]
async fn what_a_service_answers_decides_what_becomes_of_it() {
    let lost = || Err(HttpFailure::NoAnswer("lost".to_owned()));
    let table = [
        (Ok((200, None)), PushOutcome::Taken),
        (Ok((201, None)), PushOutcome::Taken),
        (Ok((404, None)), PushOutcome::Gone),
        (Ok((410, None)), PushOutcome::Gone),
        (Ok((429, Some("7"))), PushOutcome::Later(Some(7_000))),
        (Ok((503, Some("99999999999999999999"))), PushOutcome::Later(None)),
        (Ok((503, Some("999999999"))), PushOutcome::Later(Some(REST_MS_MAX))),
        (Ok((500, None)), PushOutcome::Later(None)),
        (Ok((301, None)), PushOutcome::Refused("answered 301 Moved Permanently".to_owned())),
        (Ok((403, None)), PushOutcome::Refused("answered 403 Forbidden".to_owned())),
        (Ok((413, None)), PushOutcome::Refused("answered 413 Payload Too Large".to_owned())),
        (lost(), PushOutcome::Later(None)),
    ];
    for (answer, wanted) in table {
        let (pusher, _) = pusher(answer);
        assert_eq!(pushed(&pusher, &device().1).await, wanted);
    }
}

#[tokio::test]
async fn what_cannot_be_sealed_or_sent_never_leaves() {
    let (pusher, wire) = pusher(Ok((201, None)));
    let (_, good) = device();
    let mut off_curve = [1; 65];
    off_curve[0] = 4;
    assert!(!pusher.is_key(&off_curve));
    assert!(pusher.is_key(&good.key));
    let bad = [
        Subscription { key: off_curve.into(), ..good.clone() },
        Subscription { endpoint: "https://10.0.0.1/x".into(), ..good },
    ];
    for one in bad {
        assert!(matches!(pushed(&pusher, &one).await, PushOutcome::Refused(_)), "{one:?}");
    }
    assert!(wire.asked.lock().unwrap().is_empty());
}
