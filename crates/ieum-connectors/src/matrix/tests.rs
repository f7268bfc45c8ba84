//! What a homeserver hands in and answers, in our own words, and what the connector makes of it.

mod errands;
mod files;
mod reading;
mod sending;
mod upgrades;

use super::*;
use crate::scripted::{NOW, Script, run};
use bytes::Bytes;
use http::{HeaderMap, Request};
use ieum_core::ids::{AuthorKey, ChatKey, NativeMessageId};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, ActingAuthor, Part};
use serde_json::{Value, json};

const ROOM: &str = "!room:hub.test";
const GHOST: &str = "@ieum_line_17:hub.test";
const ALICE: &str = "@alice:hub.test";

fn config() -> MatrixConfig {
    MatrixConfig {
        api_url: "http://matrix.test".to_owned(),
        server_name: "hub.test".to_owned(),
        as_token: Secret::new("as-secret"),
        hs_token: Secret::new("hs-secret"),
        hub_url: None,
        registration_id: "ieum".to_owned(),
        bot: "ieum".to_owned(),
        bot_name: "이음".to_owned(),
        ghosts: "ieum_".to_owned(),
        timeout_ms: 5_000,
        rate: RATE_UNPUBLISHED,
    }
}

fn matrix(script: &Script) -> Matrix {
    Matrix::new(&config(), script.doors()).unwrap()
}

fn call_hook(path: &str, proof: Option<&str>, body: &str) -> Result<Arrival, HookRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(proof) = proof {
        headers.insert(AUTHORIZATION, proof.parse().unwrap());
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    matrix(&Script::default()).accept(HookRequest { path, headers: &headers, body: &body })
}

/// `PUT /path?query {body}`, addresses unescaped as far as tests need it.
fn told(request: &Request<Bytes>) -> String {
    let uri = request.uri().to_string().replace("http://matrix.test", "");
    let uri = uri.replace("%21", "!").replace("%3A", ":").replace("%40", "@").replace("%24", "$");
    let body = String::from_utf8_lossy(request.body());
    format!("{} {uri} {body}", request.method()).trim_end().to_owned()
}

fn all_told(script: &Script) -> Vec<String> {
    script.calls().iter().map(told).collect()
}

#[test]
fn every_complaint_comes_at_once() {
    let wrong = MatrixConfig {
        api_url: "matrix.test".to_owned(),
        server_name: "hub test".to_owned(),
        as_token: Secret::new("a\nb"),
        hs_token: Secret::new(""),
        bot: "Ieum".to_owned(),
        ghosts: String::new(),
        timeout_ms: 0,
        ..config()
    };
    let complaints = Matrix::new(&wrong, Script::default().doors()).unwrap_err();
    let keys: Vec<_> = complaints.iter().filter_map(|text| text.split(' ').next()).collect();
    let expected =
        ["api_url", "server_name", "as_token", "hs_token", "bot", "ghosts", "timeout_ms"];
    assert_eq!(keys, expected);
    let same = MatrixConfig { hs_token: Secret::new("as-secret"), ..config() };
    let complaints = Matrix::new(&same, Script::default().doors()).unwrap_err();
    assert_eq!(complaints, ["hs_token must differ from as_token"]);
}

#[test]
fn only_the_homeserver_is_believed_and_only_where_it_calls() {
    let transaction = "/_matrix/app/v1/transactions/7";
    let good = Some("Bearer hs-secret");
    assert_eq!(call_hook(transaction, good, "{\"events\":[]}"), Ok(Arrival::default()));
    assert_eq!(call_hook("/_matrix/app/v1/ping", good, "{}"), Ok(Arrival::default()));
    for proof in [None, Some("hs-secret"), Some("Bearer hs-secre"), Some("Bearer as-secret")] {
        for path in [transaction, "/_matrix/app/v1/ping", "/_matrix/app/v1/users/x", ""] {
            assert_eq!(call_hook(path, proof, "{}"), Err(HookRefusal::Forged), "{path}");
        }
    }
    for path in ["", "/", "/_matrix/app/v1/users/@ieum_x:hub.test", "/_matrix/app/v1/rooms/a"] {
        assert_eq!(call_hook(path, good, "{}"), Err(HookRefusal::NotUsed), "{path}");
    }
    for body in ["", "{", "{\"events\":{}}", "<html>"] {
        let refusal = call_hook(transaction, good, body).unwrap_err();
        assert!(matches!(refusal, HookRefusal::Malformed(_)), "{body}");
    }
}

#[test]
fn the_registration_claims_our_users_and_nobody_else() {
    let config = MatrixConfig { ghosts: "a.b_".to_owned(), ..config() };
    let text = registration(&config, "https://hub/hooks/m");
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["url"], "https://hub/hooks/m");
    assert_eq!(file["sender_localpart"], "ieum");
    assert_eq!((&file["as_token"], &file["hs_token"]), (&json!("as-secret"), &json!("hs-secret")));
    let users = &file["namespaces"]["users"];
    assert_eq!(users[0], json!({"exclusive": true, "regex": "@a\\.b_.*:hub\\.test"}));
    assert_eq!(users[1], json!({"exclusive": true, "regex": "@ieum:hub\\.test"}));
    assert_eq!(file["rate_limited"], false);
}

#[test]
fn names_come_from_the_room_then_from_the_profile_then_from_the_id() {
    let chat = ChatRef { key: ChatKey::new(ROOM), kind: ChatKind::Group };
    let user = UserKey::new(ALICE);
    let missing = "{\"errcode\":\"M_NOT_FOUND\",\"error\":\"\"}";
    for (answers, name) in [
        (vec![(200, "{\"displayname\":\"앨리스\"}")], "앨리스"),
        (vec![(200, "{\"displayname\":\" \"}"), (200, "{\"displayname\":\"A\"}")], "A"),
        (vec![(403, missing), (404, missing)], "alice"),
        (vec![(502, "<html>"), (200, "{}")], "alice"),
    ] {
        let script = Script::default();
        for (status, body) in &answers {
            script.answer(*status, body);
        }
        let profile = run(matrix(&script).profile(&chat, &user)).unwrap();
        assert_eq!(&*profile.name, name);
        assert!(all_told(&script)[0].contains("/rooms/!room:hub.test/state/m.room.member/@alice"));
    }
}
