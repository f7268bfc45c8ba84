//! Control calls for faults, rules and webhooks, and the state of the whole lab.

use bytes::Bytes;
use serde_json::{Value, json};

use super::shapes::{DropBody, PlayBody, WebhookBody};
use super::{Answer, bad, missing, read};
use crate::fault::cell::Cell;
use crate::fault::scenario::Scenario;
use crate::kakaotalk::gateway::code;
use crate::network::Network;
use crate::world::World;

/// `POST /fault`: a cell, or `{"scenario": "K2"}`.
pub(super) fn set(world: &mut World, body: &Bytes) -> Answer {
    let value: Value = read(body)?;
    if value.get("scenario").is_none() {
        let cell: Cell = read(body)?;
        return Ok(json!({ "ids": [world.spoil(cell)?] }));
    }
    let wish: PlayBody = read(body)?;
    let mut scenario =
        Scenario::named(&wish.scenario).map_err(|error| missing(error.to_string()))?;
    scenario.ramp_s = wish.ramp_s.unwrap_or(scenario.ramp_s);
    scenario.dur_s = wish.dur_s.unwrap_or(scenario.dur_s).max(1);
    scenario.recovery.backlog = wish.backlog.unwrap_or(scenario.recovery.backlog);
    let start = world.now().plus_ms(u64::from(wish.after_s) * 1_000);
    Ok(json!({ "scenario": scenario.id, "ids": world.play(&scenario, start) }))
}

pub(super) fn remove(world: &mut World, id: &str) -> Answer {
    let known = id.parse().is_ok_and(|id| world.heal_one(id));
    if known { Ok(json!({})) } else { Err(missing(format!("no fault {id:?}"))) }
}

pub(super) fn list(world: &World) -> Value {
    let now = world.now();
    let each = world.faults().all().iter().map(|fault| {
        json!({
            "id": fault.id,
            "network": fault.network,
            "cell": fault.cell,
            "start": fault.start,
            "end": fault.end,
            "on": fault.is_on(now),
        })
    });
    json!({ "faults": each.collect::<Vec<_>>() })
}

pub(super) fn scenarios() -> Answer {
    let each = Scenario::ids().map(|id| Scenario::named(id).map(|scenario| json!(scenario)));
    let all = each.collect::<Result<Vec<_>, _>>().map_err(|error| bad(error.to_string()))?;
    Ok(json!({ "scenarios": all }))
}

/// `POST /rules`: only the rules that are named change.
pub(super) fn rules(world: &mut World, body: &Bytes) -> Answer {
    let wish: Value = read(body)?;
    let wish = wish.as_object().ok_or_else(|| bad("rules are an object"))?;
    let mut rules = json!(world.rules);
    for (name, value) in wish {
        crate::reading::put(&mut rules, name, value.clone());
    }
    world.rules = serde_json::from_value(rules).map_err(|error| bad(error.to_string()))?;
    Ok(json!(world.rules))
}

/// `POST /webhook`: where a network sends its events; `"url": null` takes it back.
pub(super) fn webhook(world: &mut World, body: &Bytes) -> Answer {
    let wish: WebhookBody = read(body)?;
    let url = wish.url.as_deref().filter(|url| !url.is_empty());
    if let Some(url) = url.filter(|url| !crate::outbound::is_callable(url)) {
        return Err(bad(format!("not a plain http address: {url:?}")));
    }
    match (wish.network, url) {
        (Network::Line, Some(url)) => world.line.webhook.set(url),
        (Network::Line, None) => world.line.webhook.unset(),
        (Network::Telegram, Some(url)) => world.telegram.webhook.set(url, wish.secret),
        (Network::Telegram, None) => world.telegram.webhook.unset(),
        (Network::Kakaotalk, Some(url)) => {
            world.kakaotalk.webhook.set(url, wish.headers.into_iter().collect());
        }
        (Network::Kakaotalk, None) => world.kakaotalk.webhook.unset(),
    }
    Ok(json!({ "network": wish.network, "url": url }))
}

/// `POST /drop`: closes the gateway's connection.
pub(super) fn drop_gateway(world: &mut World, body: &Bytes) -> Answer {
    let wish: DropBody =
        if body.is_empty() { read(&Bytes::from_static(b"{}"))? } else { read(body)? };
    let gateway = &mut world.kakaotalk.gateway;
    let dropped = gateway.drop_connection(wish.code.unwrap_or(code::RESTART));
    if wish.expire {
        gateway.expire();
    }
    Ok(json!({ "dropped": dropped }))
}

/// `GET /state`: everybody, every room, our accounts, the rules and the faults.
pub(super) fn state(world: &World) -> Value {
    let bots = Network::ALL.map(|network| {
        let bot = world.bot(network);
        json!({
            "network": network,
            "name": bot.name,
            "username": bot.username,
            "native": bot.native,
        })
    });
    let mut state = list(world);
    let put = crate::reading::put;
    put(&mut state, "now", json!(world.now()));
    put(&mut state, "bots", json!(bots));
    put(&mut state, "users", json!(world.users().collect::<Vec<_>>()));
    put(&mut state, "rooms", json!(world.chats().collect::<Vec<_>>()));
    put(&mut state, "rules", json!(world.rules));
    put(
        &mut state,
        "kakaotalk",
        json!({
            "webhook": world.kakaotalk.webhook.url(),
            "webhook_failed": world.kakaotalk.webhook.failed,
            "gateway_connected": world.kakaotalk.gateway.is_connected(),
            "resumed": world.kakaotalk.gateway.resumed_by(),
        }),
    );
    put(&mut state, "line", json!({ "webhook": world.line.webhook.url }));
    put(
        &mut state,
        "telegram",
        json!({
            "webhook": world.telegram.webhook.url(),
            "pending_updates": world.telegram.updates.count(),
        }),
    );
    state
}
