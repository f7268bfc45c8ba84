//! Our users on the homeserver: made when they are first needed, shown as their authors are seen,
//! brought into rooms where they have something to say.
//!
//! What is remembered here only saves calls: after a restart the homeserver is asked again.
//! Invariant: a ghost whom a room has banned is not spoken for by anybody.

use super::answer::{self, Failed};
use super::{Call, Homeserver, client, escaped, picture};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use ieum_core::outgoing::ShownSender;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Device of all our users: with one, a homeserver knows transaction ids beyond its own restart.
pub(crate) const DEVICE: &str = "IEUM";
/// Account data of a user of ours: what it was shown as last.
const SHOWN: &str = "ieum.shown";
/// Most users of whom it is remembered how they are shown.
const REMEMBERED_MAX: usize = 50_000;

/// An upload.
#[derive(Debug, Deserialize)]
struct Uploaded {
    content_uri: Box<str>,
}

/// `m.room.member`, and a profile.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Member {
    pub(crate) membership: Option<Box<str>>,
    pub(crate) displayname: Option<Box<str>>,
    #[serde(default)]
    pub(crate) is_direct: bool,
}

/// Why a user of ours is not heard in a room.
#[derive(Debug)]
pub(crate) enum Unheard {
    /// The room has banned them.
    Banned,
    /// The room does not let them in, or not speak.
    Shut(Failed),
    /// Something failed on the way into the room: nothing was said.
    Before(Failed),
    /// What was said in the room was answered so, or not at all.
    Answered(Failed),
}

impl Homeserver {
    /// Makes the user, unless there is one; with `again` also their lost device.
    pub(crate) async fn make(&self, user: &str, again: bool) -> Result<(), Failed> {
        let localpart = user.trim_start_matches('@').split(':').next().unwrap_or_default();
        let register = |deviceless| {
            let path = "/_matrix/client/v3/register".to_owned();
            Call::post(path, register_body(localpart, deviceless))
        };
        let made = self.run(&register(false)).await;
        let made = match made {
            // A homeserver whose logins are elsewhere makes devices by another call.
            Err(failed) if failed.is("M_APPSERVICE_LOGIN_UNSUPPORTED") => {
                let made = self.run(&register(true)).await;
                if made.is_ok() {
                    return self.make_device(user).await;
                }
                made
            }
            made => made,
        };
        match made {
            Err(failed) if failed.is("M_USER_IN_USE") && again => {
                let login = client("login", user);
                match self.run(&Call::post(login, login_body(user))).await {
                    Err(failed) if failed.is("M_APPSERVICE_LOGIN_UNSUPPORTED") => {
                        self.make_device(user).await
                    }
                    done => done,
                }
            }
            Err(failed) if failed.is("M_USER_IN_USE") => Ok(()),
            made => made,
        }
    }

    async fn make_device(&self, user: &str) -> Result<(), Failed> {
        let path = client(&format!("devices/{}", DEVICE), user);
        self.run(&Call::put(path, json!({"display_name": "Ieum"}))).await
    }

    /// Sees to it that a user exists and looks like this.
    pub(crate) async fn show(&self, user: &str, shown: &ShownSender) -> Result<(), Failed> {
        if self.shown().get(user) == Some(shown) {
            return Ok(());
        }
        let wanted = json!({"name": shown.name, "icon_url": shown.icon_url});
        let kept = format!("user/{}/account_data/{}", escaped(user), SHOWN);
        let kept = client(&kept, user);
        match self.ask::<Value>(&Call::get(kept.clone())).await {
            Ok(before) if before == wanted => return self.remember(user, shown),
            Ok(_) => {}
            Err(failed) if failed.is("M_NOT_FOUND") => {}
            Err(failed) if failed.is("M_FORBIDDEN") => self.make(user, false).await?,
            Err(failed) => return Err(failed),
        }
        self.set(user, "displayname", json!({"displayname": shown.name})).await?;
        if let Some(url) = &shown.icon_url {
            self.set_picture(user, url).await?;
        }
        optional(self.run(&Call::put(kept, wanted)).await)?;
        self.remember(user, shown)
    }

    fn remember(&self, user: &str, shown: &ShownSender) -> Result<(), Failed> {
        let mut known = self.shown();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(user.into(), shown.clone());
        Ok(())
    }

    /// Sets a part of the profile; a homeserver that forbids this is no reason to be silent.
    async fn set(&self, user: &str, what: &str, body: Value) -> Result<(), Failed> {
        let path = client(&format!("profile/{}/{what}", escaped(user)), user);
        optional(self.run(&Call::put(path, body)).await)
    }

    /// Carries a public picture to the homeserver; without one the ghost has none.
    async fn set_picture(&self, user: &str, url: &str) -> Result<(), Failed> {
        let Some((bytes, kind)) = picture::fetch(&*self.doors.http, url).await else {
            return Ok(());
        };
        let path = format!("/_matrix/media/v3/upload?user_id={}", escaped(user));
        let call = Call { method: Method::POST, path, body: Value::Null };
        let Some(mut request) = self.request(&call) else {
            return Ok(());
        };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *request.body_mut() = bytes;
        let called = self.send(request).await;
        match answer::read::<Uploaded>(called, self.now()) {
            Ok(uploaded) => {
                self.set(user, "avatar_url", json!({"avatar_url": uploaded.content_uri})).await
            }
            Err(failed) => optional(Err(failed)),
        }
    }

    /// Makes a call in a room as a user of ours, who is given a device or comes in first where that
    /// is what was missing.
    pub(crate) async fn ask_inside<T: DeserializeOwned>(
        &self,
        (room, user): (&str, &str),
        call: &Call,
    ) -> Result<T, Unheard> {
        let mut done = self.ask(call).await;
        if done.as_ref().is_err_and(|failed| failed.is("M_UNKNOWN_DEVICE")) {
            self.make(user, true).await.map_err(Unheard::Before)?;
            done = self.ask(call).await;
        }
        if done.as_ref().is_err_and(|failed| failed.is("M_FORBIDDEN")) {
            self.enter(room, user).await?;
            done = self.ask(call).await;
        }
        done.map_err(|failed| match failed.is("M_FORBIDDEN") {
            true => Unheard::Shut(failed),
            false => Unheard::Answered(failed),
        })
    }

    /// Brings a user of ours into a room: by its door, or invited by our bot.
    pub(crate) async fn enter(&self, room: &str, user: &str) -> Result<(), Unheard> {
        let join = Call::post(client(&format!("join/{}", escaped(room)), user), json!({}));
        let refused = match self.run(&join).await {
            Ok(()) => return Ok(()),
            Err(failed) if is_closed(&failed) => failed,
            Err(failed) => return Err(Unheard::Before(failed)),
        };
        if *user == *self.bot {
            return Err(Unheard::Shut(refused));
        }
        match self.invite(room, user).await {
            Ok(()) => self.run(&join).await.map_err(Unheard::Before),
            Err(failed) if is_closed(&failed) => Err(self.why_outside(room, user, failed).await),
            Err(failed) => Err(Unheard::Before(failed)),
        }
    }

    /// Our bot, which may have to come in itself first, invites another of our users.
    async fn invite(&self, room: &str, user: &str) -> Result<(), Failed> {
        let path = client(&format!("rooms/{}/invite", escaped(room)), &self.bot);
        let invite = Call::post(path, json!({"user_id": user}));
        match self.run(&invite).await {
            Err(failed) if failed.is("M_FORBIDDEN") => {
                let path = client(&format!("join/{}", escaped(room)), &self.bot);
                match self.run(&Call::post(path, json!({}))).await {
                    Ok(()) => self.run(&invite).await,
                    Err(_) => Err(failed),
                }
            }
            done => done,
        }
    }

    async fn why_outside(&self, room: &str, user: &str, refused: Failed) -> Unheard {
        let path = format!("rooms/{}/state/m.room.member/{}", escaped(room), escaped(user));
        let asked = self.ask::<Member>(&Call::get(client(&path, &self.bot))).await;
        match asked {
            Ok(member) if member.membership.as_deref() == Some("ban") => Unheard::Banned,
            Ok(_) | Err(Failed::No(_)) => Unheard::Shut(refused),
            Err(failed) => Unheard::Before(failed),
        }
    }

    /// A user of ours leaves a room, or turns its invitation down.
    pub(crate) async fn leave(&self, room: &str, user: &str) -> Result<(), Failed> {
        let path = client(&format!("rooms/{}/leave", escaped(room)), user);
        optional(self.run(&Call::post(path, json!({}))).await)
    }
}

/// Whether a door stays closed, whoever knocks again.
fn is_closed(failed: &Failed) -> bool {
    ["M_FORBIDDEN", "M_NOT_FOUND", "M_UNKNOWN"].iter().any(|code| failed.is(code))
}

/// A refusal of what is nice to have is no failure.
fn optional(done: Result<(), Failed>) -> Result<(), Failed> {
    match done {
        Err(Failed::No(no)) if no.status != 429 && no.status != 401 => Ok(()),
        done => done,
    }
}

/// Makes a user of ours, with our device unless `deviceless`.
fn register_body(localpart: &str, deviceless: bool) -> Value {
    let mut body = json!({"type": "m.login.application_service", "username": localpart});
    if let Some(fields) = body.as_object_mut() {
        match deviceless {
            true => fields.insert("inhibit_login".to_owned(), true.into()),
            false => fields.insert("device_id".to_owned(), DEVICE.into()),
        };
    }
    body
}

/// Makes our device for a user who has none.
fn login_body(user: &str) -> Value {
    json!({
        "type": "m.login.application_service",
        "identifier": {"type": "m.id.user", "user": user},
        "device_id": DEVICE,
    })
}
