//! Control calls by which people act.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

use super::shapes::{
    InRoom, LinkBody, MediaBody, Mute, OnSurface, Reward, Room, SayBody, Someone, Standby,
};
use super::{Answer, Trouble, bad, missing, read};
use crate::world::message::{Kind, Media};
use crate::world::people::{NewRoom, NewUser};
use crate::world::{Edit, React, Say, Tap, Withdraw, World};

pub(super) fn act(world: &mut World, act: &str, body: &Bytes) -> Answer {
    match act {
        "say" => say(world, read(body)?),
        "edit" => Ok(json!({ "bot": world.edit(&read::<Edit>(body)?)? })),
        "withdraw" => Ok(json!({ "bot": world.withdraw(&read::<Withdraw>(body)?)? })),
        "react" => Ok(json!({ "bot": world.react(&read::<React>(body)?)? })),
        "tap" => Ok(json!({ "bot": world.tap(&read::<Tap>(body)?)? })),
        "user" => Ok(json!(world.add_user(read::<NewUser>(body)?)?)),
        "room" => Ok(json!(world.add_room(read::<NewRoom>(body)?)?)),
        _ => move_about(world, act, body),
    }
}

fn move_about(world: &mut World, act: &str, body: &Bytes) -> Answer {
    match act {
        "join" | "leave" => in_room(world, act, read(body)?),
        "follow" | "block" => about_bot(world, act, read(body)?),
        "login" | "logout" => sign(world, act == "login", read(body)?),
        "mute" => {
            let Mute { room, muted } = read(body)?;
            world.mute_bot(&room, muted)?;
            Ok(json!({}))
        }
        "standby" => {
            let Standby { room, standby } = read(body)?;
            world.stand_by(&room, standby)?;
            Ok(json!({}))
        }
        "migrate" => Ok(json!({ "native": world.migrate(&read::<Room>(body)?.room)? })),
        "reward" => {
            let Reward { user, room } = read(body)?;
            Ok(json!({ "bot": world.ad_reward(&user, &room)? }))
        }
        "link" => {
            let LinkBody { token, nonce } = read(body)?;
            Ok(json!({ "bot": world.link_account(&token, &nonce)? }))
        }
        _ => Err(missing(format!("no control call POST /{act}"))),
    }
}

fn in_room(world: &mut World, act: &str, body: InRoom) -> Answer {
    let InRoom { network, user, room } = body;
    match act {
        "join" => world.join(network, &user, &room)?,
        _ => world.leave(network, &user, &room)?,
    }
    Ok(json!({}))
}

fn about_bot(world: &mut World, act: &str, body: Someone) -> Answer {
    let Someone { network, user } = body;
    match act {
        "follow" => world.follow(network, &user)?,
        _ => world.block(network, &user)?,
    }
    Ok(json!({}))
}

fn sign(world: &mut World, signed_in: bool, body: OnSurface) -> Answer {
    let OnSurface { network, user, surface } = body;
    world.sign(network, &user, surface, signed_in)?;
    Ok(json!({}))
}

fn say(world: &mut World, body: SayBody) -> Answer {
    let media = body.media.map(|media| media_of(body.kind, media)).transpose()?;
    let media = media.or_else(|| (body.kind != Kind::Text).then(|| made_up(body.kind)));
    let said = world.say(Say {
        network: body.network,
        user: body.user,
        room: body.room,
        text: body.text,
        kind: body.kind,
        media,
        reply_to: body.reply_to,
        mention: body.mention.map(super::shapes::Mentions::names).unwrap_or_default(),
        surface: body.surface,
    })?;
    Ok(json!(said))
}

fn media_of(kind: Kind, body: MediaBody) -> Result<Media, Trouble> {
    let bytes = STANDARD.decode(body.base64.as_bytes());
    let bytes = bytes.map_err(|error| bad(format!("media.base64: {error}")))?;
    let made_up = made_up(kind);
    Ok(Media {
        file_name: body.file_name.unwrap_or(made_up.file_name),
        content_type: body.content_type.unwrap_or(made_up.content_type),
        bytes: if bytes.is_empty() { made_up.bytes } else { Bytes::from(bytes) },
        url: None,
        duration_ms: body.duration_ms,
        latitude: body.latitude,
        longitude: body.longitude,
    })
}

/// A tiny picture: one grey pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x80\x80\x80\x00\x00\x00!\xf9\x04\x00\x00\
                       \x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

fn made_up(kind: Kind) -> Media {
    let (file_name, content_type, bytes): (&str, &str, &'static [u8]) = match kind {
        Kind::Image => ("picture.gif", "image/gif", PIXEL),
        Kind::Video => ("film.mp4", "video/mp4", b"film"),
        Kind::Audio => ("voice.ogg", "audio/ogg", b"voice"),
        Kind::File => ("file.txt", "text/plain", b"file"),
        Kind::Text | Kind::Sticker | Kind::Location | Kind::Card => ("", "", b""),
    };
    Media {
        file_name: file_name.to_owned(),
        content_type: content_type.to_owned(),
        bytes: Bytes::from_static(bytes),
        duration_ms: 1_000,
        latitude: 37.5665,
        longitude: 126.978,
        url: None,
    }
}
