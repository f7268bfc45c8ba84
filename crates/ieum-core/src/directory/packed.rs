//! The packed form of each entity: CBOR without the number, which the table knows.
//!
//! It lives in memory only and is never stored, so it may change with any version. Networks' ids
//! are squeezed: decimal numbers and a letter with 32 hexadecimal digits become bytes. Invariant:
//! unpacking gives back exactly what was packed.

use super::{Address, Consent, Conversation, ConversationKind, Language, Person, Purpose, Room};
use crate::ids::{AccountId, AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use crate::time::Timestamp;
use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};

type Sink<'a> = Encoder<&'a mut Vec<u8>>;
type Done = Result<(), minicbor::encode::Error<std::convert::Infallible>>;
type Read<T> = Result<T, minicbor::decode::Error>;

/// What can be kept in a table.
pub(super) trait Row: Sized {
    /// Writes all but the number.
    fn pack(&self, sink: &mut Sink<'_>) -> Done;
    /// Reads it back.
    fn unpack(id: u64, from: &mut Decoder<'_>) -> Read<Self>;
}

/// Letter and hexadecimal digits of such an id (LINE's), in bytes.
const HEXADECIMAL_ID_BYTES: usize = 17;

fn hexadecimal(key: &str) -> Option<[u8; HEXADECIMAL_ID_BYTES]> {
    let (letter, digits) = key.as_bytes().split_first()?;
    let plain = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    if digits.len() != 32 || !letter.is_ascii() || !digits.iter().all(plain) {
        return None;
    }
    let number = u128::from_str_radix(key.get(1..)?, 16).ok()?;
    let mut bytes = [*letter; HEXADECIMAL_ID_BYTES];
    bytes.get_mut(1..)?.copy_from_slice(&number.to_be_bytes());
    Some(bytes)
}

fn decimal(key: &str) -> Option<i64> {
    let number: i64 = key.parse().ok()?;
    (number.to_string() == key).then_some(number)
}

fn pack_key(key: &str, sink: &mut Sink<'_>) -> Done {
    if let Some(number) = decimal(key) {
        sink.i64(number)?;
    } else if let Some(bytes) = hexadecimal(key) {
        sink.bytes(&bytes)?;
    } else {
        sink.str(key)?;
    }
    Ok(())
}

fn key(from: &mut Decoder<'_>) -> Read<Box<str>> {
    let found = from.datatype()?;
    if found == Type::String {
        return from.str().map(Box::from);
    }
    if found == Type::Bytes {
        let (letter, number) = from.bytes()?.split_first().unwrap_or((&0, &[]));
        let number = number.try_into().map_err(minicbor::decode::Error::message)?;
        return Ok(format!("{}{:032x}", char::from(*letter), u128::from_be_bytes(number)).into());
    }
    from.i64().map(|number| number.to_string().into())
}

fn put<T: Encode<()>>(sink: &mut Sink<'_>, value: &T) -> Done {
    sink.encode(value)?;
    Ok(())
}

fn take<'b, T: Decode<'b, ()>>(from: &mut Decoder<'b>) -> Read<T> {
    from.decode()
}

fn unknown<T>() -> Read<T> {
    Err(minicbor::decode::Error::message("not a packed word"))
}

impl Row for Person {
    fn pack(&self, sink: &mut Sink<'_>) -> Done {
        put(sink, &self.name)?;
        sink.bool(self.language == Language::Ko)?;
        put(sink, &self.routes)?;
        self.consents.iter().try_for_each(|consent| pack_consent(consent, sink))
    }

    fn unpack(id: u64, from: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            id: PersonId(id),
            name: take(from)?,
            language: if from.bool()? { Language::Ko } else { Language::En },
            routes: take::<Vec<AddressId>>(from)?,
            consents: {
                let mut consents = Vec::new();
                while from.position() < from.input().len() {
                    consents.push(consent(from)?);
                }
                consents
            },
        })
    }
}

fn pack_consent(consent: &Consent, sink: &mut Sink<'_>) -> Done {
    put(sink, &consent.network)?;
    sink.u8(match consent.purpose {
        Purpose::Talk => 0,
        Purpose::Failover => 1,
        Purpose::Notices => 2,
    })?;
    sink.bool(consent.given)?.i64(consent.at.0)?;
    put(sink, &consent.source)
}

fn consent(from: &mut Decoder<'_>) -> Read<Consent> {
    Ok(Consent {
        network: take(from)?,
        purpose: match from.u8()? {
            0 => Purpose::Talk,
            1 => Purpose::Failover,
            2 => Purpose::Notices,
            _ => return unknown(),
        },
        given: from.bool()?,
        at: Timestamp(from.i64()?),
        source: take(from)?,
    })
}

impl Row for Address {
    fn pack(&self, sink: &mut Sink<'_>) -> Done {
        sink.u64(self.account.0)?;
        pack_key(self.user.as_str(), sink)?;
        put(sink, &self.person)?;
        put(sink, &self.name)?;
        put(sink, &self.icon_url)?;
        pack_direct(self, sink)?;
        sink.bool(self.blocked)?;
        put(sink, &self.current)
    }

    fn unpack(id: u64, from: &mut Decoder<'_>) -> Read<Self> {
        let account = AccountId(from.u64()?);
        let user = UserKey(key(from)?);
        Ok(Self {
            id: AddressId(id),
            account,
            person: take(from)?,
            name: take(from)?,
            icon_url: take(from)?,
            direct: direct(&user, from)?,
            user,
            blocked: from.bool()?,
            current: take(from)?,
        })
    }
}

/// Where users and their direct chats have the same ids, one is enough.
fn pack_direct(address: &Address, sink: &mut Sink<'_>) -> Done {
    match &address.direct {
        Some(direct) if direct.as_str() == address.user.as_str() => put(sink, &true),
        Some(direct) => pack_key(direct.as_str(), sink),
        None => put(sink, &None::<bool>),
    }
}

fn direct(user: &UserKey, from: &mut Decoder<'_>) -> Read<Option<ChatKey>> {
    let found = from.datatype()?;
    if found == Type::Null {
        return from.null().map(|()| None);
    }
    if found == Type::Bool {
        return from.bool().map(|_| Some(ChatKey(user.0.clone())));
    }
    key(from).map(|key| Some(ChatKey(key)))
}

impl Row for Room {
    fn pack(&self, sink: &mut Sink<'_>) -> Done {
        sink.u64(self.account.0)?;
        pack_key(self.chat.as_str(), sink)?;
        put(sink, &self.title)?;
        put(sink, &self.conversation)?;
        sink.bool(self.joined)?;
        put(sink, &self.present)
    }

    fn unpack(id: u64, from: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            id: RoomId(id),
            account: AccountId(from.u64()?),
            chat: ChatKey(key(from)?),
            title: take(from)?,
            conversation: take(from)?,
            joined: from.bool()?,
            present: take::<Vec<AddressId>>(from)?,
        })
    }
}

impl Row for Conversation {
    fn pack(&self, sink: &mut Sink<'_>) -> Done {
        sink.u8(match self.kind {
            ConversationKind::Direct => 0,
            ConversationKind::Group => 1,
            ConversationKind::Open => 2,
        })?;
        put(sink, &self.title)?;
        put(sink, &self.members)?;
        put(sink, &self.rooms)
    }

    fn unpack(id: u64, from: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            id: ConversationId(id),
            kind: match from.u8()? {
                0 => ConversationKind::Direct,
                1 => ConversationKind::Group,
                2 => ConversationKind::Open,
                _ => return unknown(),
            },
            title: take(from)?,
            members: take::<Vec<PersonId>>(from)?,
            rooms: take::<Vec<RoomId>>(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use proptest::prelude::*;

    fn check<T: Row + PartialEq + std::fmt::Debug>(id: u64, entity: &T) {
        let mut bytes = Vec::new();
        entity.pack(&mut Encoder::new(&mut bytes)).unwrap();
        assert_eq!(T::unpack(id, &mut Decoder::new(&bytes)).unwrap(), *entity);
    }

    fn any_key() -> impl Strategy<Value = Box<str>> {
        prop_oneof!["[A-Z][0-9a-f]{32}", "-?[0-9]{1,22}", "[A-Z][0-9a-fA-F]{31,33}", ".{0,40}"]
            .prop_map(Into::into)
    }

    proptest! {
        #[test]
        fn addresses_and_rooms_come_back(
            (id, account, person, current) in any::<(u64, u64, Option<u64>, Option<u64>)>(),
            (user, chat) in (any_key(), any_key()),
            (same, open, flag) in any::<(bool, bool, bool)>(),
            (name, icon_url) in (".{0,20}", prop::option::of(".{0,20}")),
            present in prop::collection::vec(any::<u64>(), 0..5),
        ) {
            let direct = if same { user.clone() } else { chat.clone() };
            check(id, &Address {
                id: AddressId(id),
                account: AccountId(account),
                user: UserKey(user),
                person: person.map(PersonId),
                name: name.as_str().into(),
                icon_url: icon_url.map(Into::into),
                direct: open.then_some(ChatKey(direct)),
                blocked: flag,
                current: current.map(ConversationId),
            });
            check(id, &Room {
                id: RoomId(id),
                account: AccountId(account),
                chat: ChatKey(chat),
                title: name.into(),
                conversation: current.map(ConversationId),
                joined: flag,
                present: present.into_iter().map(AddressId).collect(),
            });
        }

        #[test]
        fn persons_and_conversations_come_back(
            (id, korean, given, at) in any::<(u64, bool, bool, i64)>(),
            name in ".{0,20}",
            numbers in prop::collection::vec(any::<u64>(), 0..40),
        ) {
            let purposes = [Purpose::Talk, Purpose::Failover, Purpose::Notices];
            let consents = purposes.iter().cycle().take(numbers.len()).map(|purpose| Consent {
                network: Network::Line,
                purpose: *purpose,
                given,
                at: Timestamp(at),
                source: name.as_str().into(),
            });
            check(id, &Person {
                id: PersonId(id),
                name: name.as_str().into(),
                language: if korean { Language::Ko } else { Language::En },
                routes: numbers.iter().copied().map(AddressId).collect(),
                consents: consents.collect(),
            });
            use ConversationKind::{Direct, Group, Open};
            for kind in [Direct, Group, Open] {
                check(id, &Conversation {
                    id: ConversationId(id),
                    kind,
                    title: name.as_str().into(),
                    members: numbers.iter().copied().map(PersonId).collect(),
                    rooms: numbers.iter().copied().map(RoomId).collect(),
                });
            }
        }
    }
}
