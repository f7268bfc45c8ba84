//! What KakaoTalk tells a bot: mentions in rooms, everything in channel chats, its own coming and
//! going. No names, pictures, replies, edits, withdrawals or reactions.

use serde_json::{Value, json};

use crate::moment::rfc3339;
use crate::network::Network;
use crate::world::World;
use crate::world::event::{Event, What};
use crate::world::message::{BOT, Kind, Message};
use crate::world::people::Chat;

/// How long a callback token can be used.
pub(crate) const CALLBACK_MS: u64 = 5 * 60 * 1_000;

/// Hands an event to the webhook or the gateway; false when it goes to neither.
pub(crate) fn tell(world: &mut World, event: &Event) -> bool {
    let Some(chat) = world.find_chat(Network::Kakaotalk, &event.chat).cloned() else {
        return false;
    };
    let Some((kind, body)) = written(world, &chat, event) else {
        return false;
    };
    if world.kakaotalk.webhook.is_set() {
        world.kakaotalk.webhook.add(json!({ "op": 0, "t": kind, "d": body }));
        return true;
    }
    world.kakaotalk.gateway.dispatch(kind, &body)
}

fn written(world: &mut World, chat: &Chat, event: &Event) -> Option<(&'static str, Value)> {
    let timestamp = rfc3339(event.at, 9);
    let key = |world: &World, user: &str| {
        world.find_user(Network::Kakaotalk, user).map(|user| user.native.clone())
    };
    let group = &chat.native;
    match &event.what {
        What::Message(message) if chat.bot => {
            let message = world.messages.get(message)?.clone();
            Some(("MESSAGE_CREATE", message_create(world, chat, &message, &timestamp)?))
        }
        What::BotJoined { by } => {
            let inviter = by.as_deref().and_then(|by| key(world, by));
            let inviter = inviter.map_or(json!({}), |key| json!({ "botUserKey": key }));
            let body = json!({
                "botGroupKey": group,
                "inviter": inviter,
                "params": {},
                "timestamp": timestamp,
            });
            Some(("ENTRANCE", body))
        }
        What::BotLeft { .. } => {
            Some(("LEAVE", json!({ "botGroupKey": group, "timestamp": timestamp })))
        }
        What::Joined(user) if chat.bot => {
            let user = json!({ "botUserKey": key(world, user)? });
            Some((
                "CHAT_JOIN",
                json!({ "botGroupKey": group, "user": user, "timestamp": timestamp }),
            ))
        }
        What::AdReward { user } => {
            let viewer = json!({ "botUserKey": key(world, user)? });
            Some(("AD_REWARD", json!({ "viewer": viewer, "params": {}, "timestamp": timestamp })))
        }
        What::Message(_)
        | What::Edited(_)
        | What::Withdrawn(_)
        | What::Reacted { .. }
        | What::Tapped { .. }
        | What::Joined(_)
        | What::Left(_)
        | What::Followed { .. }
        | What::Unfollowed(_)
        | What::Migrated { .. }
        | What::Linked { .. } => None,
    }
}

fn message_create(
    world: &mut World,
    chat: &Chat,
    message: &Message,
    timestamp: &str,
) -> Option<Value> {
    if !may_hear(world, chat, message) {
        return None;
    }
    let user = world.find_user(Network::Kakaotalk, &message.author)?.native.clone();
    let token = world.random_hex();
    let now = world.now();
    world.kakaotalk.callbacks.retain(|_, (_, until)| now < *until);
    let until = now.plus_ms(CALLBACK_MS);
    world.kakaotalk.callbacks.insert(token.clone(), (chat.id.clone(), until));
    Some(json!({
        "id": message.native.parse::<i64>().ok()?,
        "type": "MESSAGE_CREATE",
        "content": without_bot(message),
        "timestamp": timestamp,
        "isChannelChatroom": chat.is_direct(),
        "botGroupKey": chat.native,
        "botUserKey": user,
        "callbackToken": token,
    }))
}

/// In rooms only what mentions the bot, and nothing but words.
pub(crate) fn may_hear(world: &World, chat: &Chat, message: &Message) -> bool {
    let mentioned = message.mentions.iter().any(|mention| mention.user == BOT);
    let heard = chat.is_direct() || mentioned || !world.rules.mention_only;
    heard && message.kind == Kind::Text
}

/// The words without the mention of the bot.
pub(crate) fn without_bot(message: &Message) -> String {
    let mut units: Vec<u16> = message.text.encode_utf16().collect();
    for mention in message.mentions.iter().rev().filter(|mention| mention.user == BOT) {
        let end = (mention.index + mention.length).min(units.len());
        units.drain(mention.index.min(end)..end);
    }
    String::from_utf16_lossy(&units).trim().to_owned()
}
