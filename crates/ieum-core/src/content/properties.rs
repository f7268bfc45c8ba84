//! What holds for all content and for all bytes.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 31]>().prop_map(|digest| {
        let mut id = [1; MESSAGE_ID_BYTES];
        id[1..].copy_from_slice(&digest);
        id.into()
    })
}

fn external() -> impl Strategy<Value = External> {
    let numbers = (any::<u32>(), any::<u64>(), any::<u16>(), any::<u8>());
    let texts = (".{0,30}", ".{0,30}", ".{0,30}", ".{0,30}");
    let bytes = vec(vec(any::<u8>(), 0..40), 4);
    (numbers, texts, bytes).prop_map(|(numbers, texts, bytes)| External {
        content_type: texts.0.into(),
        url: texts.1,
        expires: numbers.0,
        size: numbers.1,
        encryption: numbers.2,
        key: bytes[0].clone(),
        nonce: bytes[1].clone(),
        additional_data: bytes[2].clone(),
        hash_algorithm: numbers.3,
        content_hash: bytes[3].clone(),
        description: texts.2,
        filename: texts.3,
    })
}

fn leaf() -> impl Strategy<Value = Body> {
    let single = (".{0,40}", vec(any::<u8>(), 0..300)).prop_map(|(content_type, content)| {
        Body::Single { content_type: content_type.into(), content }
    });
    prop_oneof![
        Just(Body::Null),
        single,
        external().prop_map(|external| Body::External(Box::new(external))),
    ]
}

fn part_of(body: impl Strategy<Value = Body>) -> impl Strategy<Value = Part> {
    (any::<u8>(), "[a-z]{0,8}", body).prop_map(|(disposition, language, body)| Part {
        disposition: Disposition(disposition),
        language,
        body,
    })
}

fn part() -> impl Strategy<Value = Part> {
    let semantics = prop::sample::select(vec![
        Semantics::ChooseOne,
        Semantics::SingleUnit,
        Semantics::ProcessAll,
    ]);
    part_of(leaf()).prop_recursive(3, 20, 4, move |inner| {
        let body = (semantics.clone(), vec(inner, 2..4))
            .prop_map(|(semantics, parts)| Body::Multi { semantics, parts });
        part_of(body)
    })
}

fn extensions() -> impl Strategy<Value = Extensions> {
    let key = prop_oneof![
        (3..1_i64 << 53).prop_map(ExtensionKey::Integer),
        (-(1_i64 << 53) + 1..0).prop_map(ExtensionKey::Integer),
        "[a-z가-힣]{1,30}".prop_map(ExtensionKey::Text),
    ];
    let value = any::<u64>()
        .prop_map(|number| ExtensionValue::from_cbor(&minicbor::to_vec(number).unwrap()).unwrap());
    let uri = || proptest::option::of("[a-z:/]{0,60}");
    (uri(), uri(), btree_map(key, value, 0..5)).prop_map(|(sender_uri, room_uri, others)| {
        let others: BTreeMap<_, _> = others;
        Extensions { sender_uri, room_uri, others }
    })
}

fn content() -> impl Strategy<Value = Content> {
    let ids = (proptest::option::of(id()), proptest::option::of(id()));
    let expires = proptest::option::of((any::<bool>(), 0..=limits::EXPIRES_S_MAX));
    let topic_id = vec(any::<u8>(), 0..20);
    (any::<[u8; SALT_BYTES]>(), ids, topic_id, expires, extensions(), part()).prop_map(
        |(salt, (replaces, in_reply_to), topic_id, expires, extensions, part)| Content {
            salt,
            replaces,
            topic_id,
            expires: expires.map(|(relative, seconds)| Expiration { relative, seconds }),
            in_reply_to,
            extensions,
            part,
        },
    )
}

proptest! {
    #[test]
    fn content_survives_its_encoding(content in content()) {
        prop_assert_eq!(content.check(), Ok(()));
        let bytes = content.encode();
        prop_assert_eq!(content.encoded_length(), bytes.len());
        let decoded = Content::decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &content);
        prop_assert_eq!(decoded.what(), content.what());
    }

    #[test]
    fn a_changed_byte_is_refused_or_is_other_content(
        content in content(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = content.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(changed) = Content::decode(&bytes) {
            prop_assert_eq!(changed.encode(), bytes);
        }
    }

    #[test]
    fn what_is_cut_off_or_followed_is_refused(
        content in content(), length in any::<prop::sample::Index>(), more in any::<u8>(),
    ) {
        let mut bytes = content.encode();
        prop_assert!(Content::decode(&bytes[..length.index(bytes.len())]).is_err());
        bytes.push(more);
        prop_assert!(Content::decode(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_refused_or_encode_to_themselves(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(content) = Content::decode(&bytes) {
            prop_assert_eq!(content.encode(), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250_000))]

    #[test]
    #[ignore = "long: about a minute"]
    fn decoding_stands_a_minute_of_spoiled_messages(
        content in content(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut bytes = content.encode();
        for (at, byte, change) in changes {
            let at = at.index(bytes.len());
            match change {
                0 => bytes.insert(at, byte),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes[at] = bytes[at].wrapping_add(1),
                _ => bytes[at] = byte,
            }
        }
        if let Ok(changed) = Content::decode(&bytes) {
            prop_assert_eq!(changed.check(), Ok(()));
            prop_assert_eq!(changed.encode(), bytes);
        }
    }
}

#[test]
fn every_single_bit_of_a_message_counts() {
    let text = Content::text([7; SALT_BYTES], "ieum://p/1", "ieum://c/1", "안녕 👋");
    let text = text.reply_to([1; 32].into());
    let bytes = text.encode();
    let id = text.id_of(&bytes);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(content) = Content::decode(&changed) {
            assert_eq!(content.encode(), changed, "bit {bit}");
            assert_ne!(content.id_of(&changed), id, "bit {bit}");
        }
    }
}
