//! What LINE tells a bot, in its webhook events. Reactions, and tells of other bots, it keeps.

use serde_json::{Value, json};

use super::send::quote_token;
use crate::network::Network;
use crate::reading::put;
use crate::world::World;
use crate::world::event::{Event, What};
use crate::world::message::{BOT, Kind, Mention, Message};
use crate::world::people::{Chat, ChatKind};

/// How long a reply token can be used.
pub(crate) const REPLY_TOKEN_MS: u64 = 60_000;

/// How many read tokens are known at a time; beyond it all are forgotten.
const READ_TOKENS_MAX: usize = 1_000_000;

/// Puts an event into the webhook's queue; false when LINE does not tell bots of it.
pub(crate) fn tell(world: &mut World, event: &Event) -> bool {
    let Some(chat) = world.find_chat(Network::Line, &event.chat).cloned() else {
        return false;
    };
    let is_about_bot = matches!(event.what, What::BotLeft { .. } | What::BotJoined { .. });
    if world.line.webhook.url.is_none() || !(chat.bot || is_about_bot) {
        return false;
    }
    let Some((mut body, by)) = written(world, &chat, event) else {
        return false;
    };
    put(&mut body, "mode", if chat.standby { "standby" } else { "active" });
    put(&mut body, "timestamp", event.at.0);
    put(&mut body, "webhookEventId", ulid(world, event.at.0));
    put(&mut body, "deliveryContext", json!({ "isRedelivery": false }));
    put(&mut body, "source", source(world, &chat, by.as_deref()));
    let silent = chat.standby
        || matches!(
            event.what,
            What::Withdrawn(_) | What::Unfollowed(_) | What::BotLeft { .. } | What::Left(_)
        );
    if !silent {
        put(&mut body, "replyToken", reply_token(world, &chat.id));
    }
    world.line.webhook.add(body);
    true
}

/// The kind and its own fields, and the person whom the source names.
fn written(world: &mut World, chat: &Chat, event: &Event) -> Option<(Value, Option<String>)> {
    let written = match &event.what {
        What::Message(key) => {
            let message = world.messages.get(key)?.clone();
            (json!({ "type": "message", "message": content(world, &message) }), message.author)
        }
        What::Edited(key) if !chat.is_direct() => {
            let message = world.messages.get(key)?.clone();
            let content = content(world, &message);
            (json!({ "type": "messageEdited", "message": content }), message.author)
        }
        What::Withdrawn(key) => {
            let message = world.messages.get(key)?;
            let unsend = json!({ "messageId": message.native });
            (json!({ "type": "unsend", "unsend": unsend }), message.author.clone())
        }
        What::Tapped { user, action, value, .. } if action == "postback" => {
            (json!({ "type": "postback", "postback": { "data": value } }), user.clone())
        }
        What::BotJoined { .. } => return Some((json!({ "type": "join" }), None)),
        What::BotLeft { .. } => return Some((json!({ "type": "leave" }), None)),
        What::Joined(user) => {
            let members = members(world, user);
            return Some((json!({ "type": "memberJoined", "joined": members }), None));
        }
        What::Left(user) => {
            let members = members(world, user);
            return Some((json!({ "type": "memberLeft", "left": members }), None));
        }
        What::Followed { user, unblocked } => {
            let follow = json!({ "isUnblocked": unblocked });
            (json!({ "type": "follow", "follow": follow }), user.clone())
        }
        What::Unfollowed(user) => (json!({ "type": "unfollow" }), user.clone()),
        What::Linked { user, nonce, ok } => {
            let link = json!({ "result": if *ok { "ok" } else { "failed" }, "nonce": nonce });
            (json!({ "type": "accountLink", "link": link }), user.clone())
        }
        What::Edited(_)
        | What::Reacted { .. }
        | What::Tapped { .. }
        | What::Migrated { .. }
        | What::AdReward { .. } => return None,
    };
    Some((written.0, Some(written.1)))
}

fn members(world: &World, user: &str) -> Value {
    let native = world.find_user(Network::Line, user).map_or("", |user| user.native.as_str());
    json!({ "members": [{ "type": "user", "userId": native }] })
}

fn source(world: &World, chat: &Chat, by: Option<&str>) -> Value {
    let user = by.and_then(|by| world.find_user(Network::Line, by)).map(|user| &user.native);
    let mut source = match chat.kind {
        ChatKind::Direct => json!({ "type": "user" }),
        ChatKind::Room => json!({ "type": "room", "roomId": chat.native }),
        ChatKind::Group | ChatKind::Open | ChatKind::Team | ChatKind::Supergroup => {
            json!({ "type": "group", "groupId": chat.native })
        }
    };
    if let Some(user) = user {
        put(&mut source, "userId", user.clone());
    }
    source
}

fn reply_token(world: &mut World, chat: &str) -> String {
    let now = world.now();
    let token = world.random_hex();
    world.line.reply_tokens.retain(|_, (_, until)| now < *until);
    world.line.reply_tokens.insert(token.clone(), (chat.to_owned(), now.plus_ms(REPLY_TOKEN_MS)));
    token
}

fn content(world: &mut World, message: &Message) -> Value {
    let mut content = json!({ "id": message.native, "type": message.kind.name() });
    own_fields(world, message, &mut content);
    let quotable =
        matches!(message.kind, Kind::Text | Kind::Image | Kind::Video | Kind::Sticker | Kind::Card);
    if quotable {
        put(&mut content, "quoteToken", quote_token(world, message.key));
    }
    let quoted = message.reply_to.and_then(|key| world.messages.get(&key));
    if let Some(quoted) = quoted.filter(|_| matches!(message.kind, Kind::Text | Kind::Sticker)) {
        put(&mut content, "quotedMessageId", quoted.native.clone());
    }
    let token = world.random_hex();
    if world.line.read_tokens.len() >= READ_TOKENS_MAX {
        world.line.read_tokens.clear();
    }
    world.line.read_tokens.insert(token.clone());
    put(&mut content, "markAsReadToken", token);
    content
}

fn own_fields(world: &World, message: &Message, content: &mut Value) {
    let media = message.media.clone().unwrap_or_default();
    match message.kind {
        Kind::Text | Kind::Card => {
            put(content, "type", "text");
            put(content, "text", message.text.clone());
            if !message.mentions.is_empty() {
                let each = message.mentions.iter().filter_map(|one| mentionee(world, one));
                put(content, "mention", json!({ "mentionees": each.collect::<Vec<_>>() }));
            }
        }
        Kind::Image => put(content, "contentProvider", json!({ "type": "line" })),
        Kind::Video | Kind::Audio => {
            put(content, "duration", media.duration_ms);
            put(content, "contentProvider", json!({ "type": "line" }));
        }
        Kind::File => {
            put(content, "fileName", media.file_name);
            put(content, "fileSize", media.bytes.len());
        }
        Kind::Sticker => {
            put(content, "packageId", "446");
            put(content, "stickerId", "1988");
            put(content, "stickerResourceType", "STATIC");
        }
        Kind::Location => {
            put(content, "title", message.text.clone());
            put(content, "latitude", media.latitude);
            put(content, "longitude", media.longitude);
        }
    }
}

fn mentionee(world: &World, mention: &Mention) -> Option<Value> {
    let place = json!({ "type": "user", "index": mention.index, "length": mention.length });
    let mut mentionee = place;
    match mention.user.as_str() {
        "all" => put(&mut mentionee, "type", "all"),
        BOT => {
            put(&mut mentionee, "userId", world.bot(Network::Line).native.clone());
            put(&mut mentionee, "isSelf", true);
        }
        user => {
            put(&mut mentionee, "userId", world.find_user(Network::Line, user)?.native.clone());
            put(&mut mentionee, "isSelf", false);
        }
    }
    Some(mentionee)
}

/// A ULID: 48 bits of time and 80 random ones in Crockford's base 32.
fn ulid(world: &World, now_ms: i64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = u128::from(u64::try_from(now_ms).unwrap_or(0)) << 80;
    let random = u128::from_le_bytes(world.entropy.next_16()) & ((1 << 80) - 1);
    let number = (time & !(1 << 127)) | random;
    let digits = (0..26).rev().filter_map(|place| {
        let digit = usize::try_from((number >> (place * 5)) & 31).ok()?;
        DIGITS.get(digit).map(|byte| char::from(*byte))
    });
    digits.collect()
}
