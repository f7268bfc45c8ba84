//! What the homeserver tells of rooms and of the people in them, as our bot sees it.
//!
//! Not by `sync`: homeservers do not offer it to the users of application services.
//!
//! Invariant: what people put into their rooms' state in wrong shapes is passed over.

use super::answer::Failed;
use super::users::Member;
use super::{Call, Homeserver, client, escaped};
use serde_json::{Value, json};

impl Homeserver {
    /// The name of a room that our bot is in.
    pub(crate) async fn room_name(&self, room: &str) -> Option<Box<str>> {
        let path = format!("rooms/{}/state/m.room.name", escaped(room));
        let told = self.ask::<Value>(&Call::get(client(&path, &self.bot))).await.ok()?;
        told.get("name")?.as_str().map(Into::into)
    }

    /// Who is in a room, or was when our bot left it; nobody where this is not told.
    pub(crate) async fn members(&self, room: &str) -> Result<Vec<Box<str>>, Failed> {
        let path = client(&format!("rooms/{}/members", escaped(room)), &self.bot);
        let told = match self.ask::<Value>(&Call::get(path + "&membership=join")).await {
            Err(Failed::No(_)) => Value::Null,
            told => told?,
        };
        let events = told.get("chunk").and_then(Value::as_array).into_iter().flatten();
        let user = |event: &Value| Some(event.get("state_key")?.as_str()?.into());
        Ok(events.filter_map(user).collect())
    }

    /// What somebody is called: in the room, else everywhere, else by the first part of their id.
    pub(crate) async fn name_of(&self, room: &str, user: &str) -> Box<str> {
        let id = escaped(user);
        let here = format!("rooms/{}/state/m.room.member/{id}", escaped(room));
        for path in [here, format!("profile/{id}")] {
            let asked = self.ask::<Member>(&Call::get(client(&path, &self.bot))).await;
            let name = asked.ok().and_then(|member| member.displayname);
            if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
                return name;
            }
        }
        user.trim_start_matches('@').split(':').next().unwrap_or_default().into()
    }

    /// Whether the homeserver reaches us; asking ends its wait if it did not before.
    pub(crate) async fn reaches_us(&self, registration_id: &str) -> Result<(), Failed> {
        let path = format!("/_matrix/client/v1/appservice/{}/ping", escaped(registration_id));
        let transaction = format!("ping-{}", self.now().0);
        match self.run(&Call::post(path, json!({"transaction_id": transaction}))).await {
            // Older homeservers do not know the question.
            Err(failed) if failed.is("M_UNRECOGNIZED") || failed.is("M_NOT_FOUND") => Ok(()),
            done => done,
        }
    }
}
