//! The calls of Telegram that put nothing new into a chat: who we are, chats, members, edits,
//! deletions, reactions, files, settings.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::send::{TEXT_UNITS_MAX, known_chat, named_message, open_chat, plain};
use super::{Outcome, Problem, webhook, wire};
use crate::network::Network;
use crate::reading::{put, text};
use crate::world::World;
use crate::world::message::{BOT, utf16_len};
use crate::world::people::Chat;

/// The age up to which a bot may delete a message.
const DELETE_MS_MAX: u64 = 48 * 60 * 60 * 1_000;
/// The largest file that a bot may fetch.
const DOWNLOAD_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Messages that can be deleted in one call.
const DELETE_MAX: usize = 100;
/// Commands that a bot may have.
const COMMANDS_MAX: usize = 100;

/// Carries out a call by its lower-case name.
pub(crate) fn call(world: &mut World, method: &str, arguments: &Arguments) -> Outcome {
    match method {
        "getme" => Ok(me(world)),
        "setwebhook" => webhook::set(world, arguments),
        "deletewebhook" => webhook::delete(world, arguments),
        "getwebhookinfo" => Ok(webhook::shown(world)),
        "editmessagetext" => edit(world, arguments, "text"),
        "editmessagecaption" => edit(world, arguments, "caption"),
        "deletemessage" => delete(world, arguments),
        "deletemessages" => delete_many(world, arguments),
        "setmessagereaction" => react(world, arguments),
        "sendchataction" => chat_action(world, arguments),
        "getfile" => file(world, arguments),
        "getchat" => full_chat(world, arguments),
        "getchatmember" => chat_member(world, arguments),
        "getchatadministrators" => administrators(world, arguments),
        "getchatmembercount" | "getchatmemberscount" => {
            known_chat(world, arguments).map(|chat| json!(chat.members.len() + 1))
        }
        "leavechat" => leave(world, arguments),
        "answercallbackquery" | "logout" | "close" => Ok(json!(true)),
        "setmycommands" => set_commands(world, arguments),
        "getmycommands" => Ok(json!(world.telegram.commands)),
        "deletemycommands" => {
            world.telegram.commands.clear();
            Ok(json!(true))
        }
        "getmyname" => Ok(json!({ "name": world.bot(Network::Telegram).name })),
        "getmydescription" => Ok(json!({ "description": "" })),
        "getmyshortdescription" => Ok(json!({ "short_description": "" })),
        "getuserprofilephotos" => Ok(json!({ "total_count": 0, "photos": [] })),
        _ => Err(Problem::new(404, "Not Found: method not found")),
    }
}

fn me(world: &World) -> Value {
    let mut me = wire::bot(world);
    put(&mut me, "can_join_groups", true);
    put(&mut me, "can_read_all_group_messages", !world.rules.privacy_mode);
    put(&mut me, "supports_inline_queries", false);
    put(&mut me, "can_connect_to_business", false);
    put(&mut me, "has_main_web_app", false);
    me
}

fn edit(world: &mut World, arguments: &Arguments, field: &str) -> Outcome {
    let message = named_message(world, arguments, "message to edit not found")?;
    if message.author != BOT {
        return Err(Problem::bad("message can't be edited"));
    }
    let words = plain(arguments, field)?;
    if field == "text" && words.trim().is_empty() {
        return Err(Problem::bad("message text is empty"));
    }
    if utf16_len(&words) > TEXT_UNITS_MAX {
        return Err(Problem::bad("message is too long"));
    }
    if message.text == words {
        return Err(Problem::bad(
            "message is not modified: specified new message content and reply markup are exactly \
             the same as a current content and reply markup of the message",
        ));
    }
    let key = message.key;
    world.bot_edit(key, &words);
    let edited = world.messages.get(&key).ok_or_else(|| Problem::bad("message not found"))?;
    Ok(wire::message(world, edited))
}

fn delete(world: &mut World, arguments: &Arguments) -> Outcome {
    let message = named_message(world, arguments, "message to delete not found")?;
    let chat = open_chat(world, arguments)?;
    let is_allowed = message.author == BOT || chat.bot_admin || chat.is_direct();
    let is_young = world.now().ms_since(message.sent_at) < DELETE_MS_MAX || chat.bot_admin;
    if !is_allowed || !is_young {
        return Err(Problem::bad("message can't be deleted"));
    }
    let key = message.key;
    world.bot_delete(key);
    Ok(json!(true))
}

fn delete_many(world: &mut World, arguments: &Arguments) -> Outcome {
    let chat = open_chat(world, arguments)?.id.clone();
    let ids = arguments.nested("message_ids")?;
    let ids = ids.as_ref().and_then(Value::as_array).filter(|ids| ids.len() <= DELETE_MAX);
    let ids = ids.ok_or_else(|| Problem::bad("message identifiers are not specified"))?;
    for id in ids.iter().filter_map(Value::as_i64) {
        let found = world.find_message(Network::Telegram, &chat, &id.to_string());
        // Those that cannot be found or deleted are skipped.
        if let Some(key) = found.filter(|one| one.author == BOT).map(|one| one.key) {
            world.bot_delete(key);
        }
    }
    Ok(json!(true))
}

fn react(world: &mut World, arguments: &Arguments) -> Outcome {
    let key = named_message(world, arguments, "message to react not found")?.key;
    let given = arguments.nested("reaction")?;
    let given = given.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if given.len() > 1 {
        return Err(Problem::bad("REACTIONS_TOO_MANY"));
    }
    let emoji = match given.first() {
        None => None,
        Some(one) => {
            let emoji = text(one, "emoji").filter(|emoji| REACTIONS.contains(emoji));
            Some(emoji.ok_or_else(|| Problem::bad("REACTION_INVALID"))?.to_owned())
        }
    };
    if let Some(place) = world.place_of(key) {
        world.set_reaction(&place, key, BOT, emoji);
    }
    Ok(json!(true))
}

/// Some of the reactions that bots may set; the whole list has 73.
const REACTIONS: [&str; 40] = [
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
];

fn chat_action(world: &World, arguments: &Arguments) -> Outcome {
    open_chat(world, arguments)?;
    let action = arguments.text("action").unwrap_or_default();
    let known = action == "typing"
        || action.starts_with("upload_")
        || action.starts_with("record_")
        || matches!(action.as_str(), "choose_sticker" | "find_location");
    if known { Ok(json!(true)) } else { Err(Problem::bad("wrong parameter action in request")) }
}

fn file(world: &World, arguments: &Arguments) -> Outcome {
    let id = arguments.text("file_id").unwrap_or_default();
    let found = world.telegram.files.get(&id);
    let (path, bytes) = found
        .ok_or_else(|| Problem::bad("wrong file_id or the file is temporarily unavailable"))?;
    if bytes.len() > DOWNLOAD_BYTES_MAX {
        return Err(Problem::bad("file is too big"));
    }
    Ok(json!({
        "file_id": id,
        "file_unique_id": format!("u{}", path.len()),
        "file_size": bytes.len(),
        "file_path": path,
    }))
}

fn full_chat(world: &World, arguments: &Arguments) -> Outcome {
    let chat = known_chat(world, arguments)?;
    let mut full = wire::chat(world, chat);
    put(&mut full, "accent_color_id", 0);
    put(&mut full, "max_reaction_count", 11);
    put(
        &mut full,
        "accepted_gift_types",
        json!({
            "unlimited_gifts": true,
            "limited_gifts": true,
            "unique_gifts": true,
            "premium_subscription": true,
            "gifts_from_channels": true,
        }),
    );
    Ok(full)
}

/// A member of a chat with a status.
pub(crate) fn member(user: &Value, status: &str) -> Value {
    let mut member = json!({ "status": status, "user": user });
    match status {
        "kicked" => put(&mut member, "until_date", 0),
        "creator" => put(&mut member, "is_anonymous", false),
        "administrator" => {
            for right in ADMINISTRATOR_RIGHTS {
                put(&mut member, right, !matches!(right, "is_anonymous" | "can_be_edited"));
            }
        }
        _ => {}
    }
    member
}

/// The last one is newer than Bot API 10.1; clients that know it refuse a member without it.
const ADMINISTRATOR_RIGHTS: [&str; 13] = [
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
];

fn status_of_bot(chat: &Chat) -> &'static str {
    match (chat.bot, chat.bot_admin) {
        (true, true) => "administrator",
        (true, false) => "member",
        (false, _) => "left",
    }
}

fn chat_member(world: &World, arguments: &Arguments) -> Outcome {
    let chat = known_chat(world, arguments)?;
    let native = arguments.text("user_id").unwrap_or_default();
    if native == world.bot(Network::Telegram).native {
        return Ok(member(&wire::bot(world), status_of_bot(chat)));
    }
    let user = world.find_user(Network::Telegram, &native).filter(|user| user.native == native);
    let user = user.ok_or_else(|| Problem::bad("user not found"))?;
    let is_first = chat.members.first() == Some(&user.id) && !chat.is_direct();
    let status = match (chat.members.contains(&user.id), is_first) {
        (true, true) => "creator",
        (true, false) => "member",
        (false, _) => "left",
    };
    Ok(member(&wire::user(user), status))
}

fn administrators(world: &World, arguments: &Arguments) -> Outcome {
    let chat = known_chat(world, arguments)?;
    if chat.is_direct() {
        return Err(Problem::bad("there are no administrators in the private chat"));
    }
    let creator = chat.members.first();
    let creator = creator.and_then(|creator| world.find_user(Network::Telegram, creator));
    let mut all: Vec<Value> =
        creator.map(|user| member(&wire::user(user), "creator")).into_iter().collect();
    if chat.bot && chat.bot_admin {
        all.push(member(&wire::bot(world), "administrator"));
    }
    Ok(Value::Array(all))
}

fn leave(world: &mut World, arguments: &Arguments) -> Outcome {
    let id = open_chat(world, arguments)?.id.clone();
    if let Some(chat) = world.chats.get_mut(&(Network::Telegram, id)) {
        chat.bot = false;
    }
    Ok(json!(true))
}

fn set_commands(world: &mut World, arguments: &Arguments) -> Outcome {
    let given = arguments.nested("commands")?;
    let given = given.as_ref().and_then(Value::as_array);
    let given = given.ok_or_else(|| Problem::bad("can't parse commands"))?;
    if given.len() > COMMANDS_MAX {
        return Err(Problem::bad("too many commands"));
    }
    let commands = given.iter().map(|one| {
        let command = text(one, "command")?;
        Some(json!({ "command": command, "description": text(one, "description")? }))
    });
    let commands = commands.collect::<Option<Vec<Value>>>();
    world.telegram.commands = commands.ok_or_else(|| Problem::bad("can't parse commands"))?;
    Ok(json!(true))
}
