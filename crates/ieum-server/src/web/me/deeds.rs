//! What a person changes about themselves on the page.
//!
//! Invariant: each deed names the one who is signed in and nobody else.

use crate::edge::Shared;
use crate::problem::Problem;
use crate::web::form::{Sent, sound};
use crate::web::frame::{Tab, page as framed};
use crate::web::reader::Reader;
use crate::web::sessions::SignedIn;
use crate::web::wrong::Wrong;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::directory::Purpose;
use ieum_core::ids::AddressId;
use ieum_core::network::Network;
use ieum_core::people::code::{CodePurpose, Party};
use ieum_core::people::contacts::ContactRefusal;
use ieum_engine::{ChangeFailure, CodeFailure, ContactFailure, WantedCode};
use maud::{Markup, html};
use serde::Deserialize;

/// How a word on the page is recorded.
const SOURCE: &str = "page";

fn done(word: &str) -> Response {
    Redirect::to(&format!("/me?done={word}")).into_response()
}

/// A handle to be; an empty one takes it away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Called {
    csrf: String,
    handle: String,
    /// Where it was chosen, other than on the page about oneself.
    #[serde(default)]
    then: Option<Then>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Then {
    Welcome,
}

impl Sent for Called {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Takes a handle.
pub(crate) async fn call(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(called): Form<Called>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &called)?;
    let wanted = Some(called.handle.trim()).filter(|handle| !handle.is_empty());
    match edge.hub.take_handle(who.person, wanted).await {
        Ok(()) if matches!(called.then, Some(Then::Welcome)) => {
            Ok(Redirect::to("/welcome").into_response())
        }
        Ok(()) => Ok(done("kept")),
        Err(ContactFailure::Refused(ContactRefusal::NotAHandle)) => Ok(done("not-a-handle")),
        Err(ContactFailure::Refused(ContactRefusal::Taken)) => Ok(done("taken")),
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}

/// What becomes of a way.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WayDeed {
    First,
    Part,
}

/// A way and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneWay {
    csrf: String,
    address: u64,
    deed: WayDeed,
}

impl Sent for OneWay {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Puts a way first, or parts it.
pub(crate) async fn way(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(way): Form<OneWay>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &way)?;
    let address = AddressId(way.address);
    let came = match way.deed {
        WayDeed::First => edge.hub.put_address_first(who.person, address).await,
        WayDeed::Part => edge.hub.part_address(who.person, address).await,
    };
    match came {
        Ok(()) => Ok(done("kept")),
        Err(ChangeFailure::Conflict(_)) => Ok(done("last-way")),
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}

/// A word on a network and purpose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agreed {
    csrf: String,
    network: String,
    purpose: Purpose,
    given: Given,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Given {
    Yes,
    No,
}

impl Sent for Agreed {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Gives a consent or takes it back.
pub(crate) async fn agree(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(agreed): Form<Agreed>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &agreed)?;
    let network = Network::from_word(&agreed.network);
    let network = network.ok_or_else(|| Wrong::nothing(&reader).into_response())?;
    let given = agreed.given == Given::Yes;
    match edge.hub.set_consent(who.person, network, agreed.purpose, given, SOURCE).await {
        Ok(()) => Ok(done("kept")),
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}

/// A further network is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Linking {
    csrf: String,
}

impl Sent for Linking {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Shows a code that is to be sent from a further network. It stands on no other page and in no
/// address.
pub(crate) async fn link(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(linking): Form<Linking>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &linking)?;
    let wanted = WantedCode {
        purpose: CodePurpose::Link,
        owner: Party::Person(who.person),
        asked_by: None,
        conversation: None,
    };
    let issued = match edge.hub.issue_code(wanted).await {
        Ok(issued) => issued,
        Err(CodeFailure::Refused(_)) => return Ok(done("too-many")),
        Err(CodeFailure::NotFound(what)) => {
            return Err(Wrong::new(&reader, Problem::not_found(what)).into_response());
        }
        Err(CodeFailure::Unavailable) => {
            let problem = Problem::unavailable("the hub made no code");
            return Err(Wrong::new(&reader, problem).into_response());
        }
    };
    let title = reader.say("메신저 잇기", "Link a messenger");
    let body = code(&reader, title, &issued.text.to_string());
    Ok(framed(&reader, Tab::Me, title, &body).into_response())
}

fn code(reader: &Reader, title: &str, code: &str) -> Markup {
    let command = reader.say("연결", "link");
    html! {
        p class="back" { a href="/me" { "‹ " (reader.say("나", "Me")) } }
        h1 { (title) }
        section {
            ol class="steps" {
                li { (reader.say(
                    "이을 메신저에서 이음과의 일대일 대화를 여세요.",
                    "Open your direct chat with Ieum on the messenger to be linked.",
                )) }
                li { (reader.say("이렇게 보내세요.", "Send this.")) }
            }
            p class="shown-code" { (command) " " strong { (code) } }
            p class="quiet" { (reader.say(
                "10분 동안 한 번만 쓸 수 있어요. 다른 사람에게 보여 주지 마세요. \
                 그다음 이미 쓰던 메신저에서 맞는지 물어볼게요.",
                "It works once, for ten minutes. Show it to nobody. Then a messenger that you use \
                 already asks whether that is you.",
            )) }
        }
    }
}
