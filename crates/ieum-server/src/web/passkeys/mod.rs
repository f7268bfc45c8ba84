//! Passkeys on the pages: adding one, coming in by one, taking one away (W3C Web Authentication
//! Level 3, sections 7.1 and 7.2).
//!
//! What the browser's authenticator says is checked by `webauthn_rp`; whose key it is says
//! `ieum_core::people::passkeys`. Invariants: a challenge is ours, is used once and is over after
//! five minutes; nobody learns here which keys or people there are.

mod party;
mod shown;

pub(super) use party::Party;
pub(super) use shown::{enter_button, section};

use super::form::{Sent, sound};
use super::reader::{Reader, same_site};
use super::sessions::{SignedIn, browser, cookie_line, is_secure, mark, new_secret};
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::body::Bytes;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use ieum_core::ids::PersonId;
use ieum_core::people::passkeys::{Entry, Passkey, PasskeyId, UserHandle};
use ieum_core::time::Timestamp;
use ieum_engine::PasskeyFailure;
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    Extension, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions,
    UserHandle as RpHandle, Username,
};
use webauthn_rp::request::{FixedCapHashSet, InsertResult, PublicKeyCredentialDescriptor};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
};

/// Bytes of our user handles.
const HANDLE_BYTES: usize = 16;
/// Most additions that are under way at once.
const ADDITIONS_MAX: usize = 1_024;
/// Most entries that are under way at once; anybody may begin one. About 4 MB.
const ENTRIES_MAX: usize = 65_536;
/// Largest answer of an authenticator, as JSON.
const ANSWER_BYTES_MAX: usize = 32 * 1_024;
/// Where a script sends the secret of its page.
const FORM_HEADER: &str = "x-ieum-form";

/// A key as it is read from what is kept.
type KeptKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// What is under way.
#[derive(Debug)]
pub(super) struct Ceremonies {
    additions: Mutex<FixedCapHashSet<RegistrationServerState<HANDLE_BYTES>>>,
    entries: Mutex<FixedCapHashSet<DiscoverableAuthenticationServerState>>,
}

impl Default for Ceremonies {
    fn default() -> Self {
        Self {
            additions: Mutex::new(FixedCapHashSet::new(ADDITIONS_MAX)),
            entries: Mutex::new(FixedCapHashSet::new(ENTRIES_MAX)),
        }
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(Kind::Invalid, detail)
}

fn busy() -> Problem {
    Problem::unavailable("too many are signing in by a passkey at this moment")
}

fn no_passkeys_here() -> Problem {
    Problem::new(Kind::Conflict, "passkeys need https and the hub's public_url, or localhost")
}

/// The only thing that is said of a passkey that does not let in.
fn not_let_in() -> Problem {
    refused("this passkey does not sign anybody in here")
}

impl From<PasskeyFailure> for Problem {
    fn from(failure: PasskeyFailure) -> Self {
        match failure {
            PasskeyFailure::Refused(refusal) => Self::new(Kind::Conflict, refusal.to_string()),
            PasskeyFailure::Unavailable => Self::unavailable("the hub did not keep the passkey"),
        }
    }
}

fn failed(cause: impl std::fmt::Display) -> Problem {
    Problem::internal(cause.to_string())
}

fn json(text: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn is_own_script(who: &SignedIn, headers: &HeaderMap) -> Result<(), Problem> {
    same_site(headers)?;
    let sent = headers.get(FORM_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match who.sent(sent) {
        true => Ok(()),
        false => Err(Problem::new(Kind::Malformed, "this was not sent from one of our pages")),
    }
}

fn rp_handle(handle: UserHandle) -> RpHandle<HANDLE_BYTES> {
    match RpHandle::decode(handle.0) {
        Ok(decoded) => decoded,
        Err(never) => match never {},
    }
}

/// What a browser needs to make a passkey for whoever is signed in.
pub(super) async fn adding(
    State(edge): State<Shared>,
    who: SignedIn,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    is_own_script(&who, &headers)?;
    let party = Party::of(&edge, &headers).ok_or_else(no_passkeys_here)?;
    let handle = rp_handle(edge.hub.passkey_handle(who.person));
    let (name, known) = edge.hub.with_directory(|directory| {
        let name = directory.person(who.person).map(|person| person.name.to_string());
        let door = directory.doors().of(who.person);
        let keys = door.into_iter().flat_map(|door| &door.passkeys);
        (name.unwrap_or_default(), keys.map(|key| key.id.0.to_vec()).collect::<Vec<_>>())
    });
    let known = known.into_iter().filter_map(|id| {
        let id = CredentialId::<Vec<u8>>::decode(id).ok()?;
        Some(PublicKeyCredentialDescriptor { id, transports: AuthTransports::decode(0).ok()? })
    });
    let number = who.person.to_string();
    let user = PublicKeyCredentialUserEntity {
        name: Username::try_from(number).map_err(failed)?,
        id: &handle,
        display_name: Nickname::try_from(name).ok(),
    };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&party.id, user, known.collect());
    // Authenticators that cannot promise `credProtect` are as good: whoever enters is verified.
    options.extensions = Extension::default();
    let (server, client) = options.start_ceremony().map_err(failed)?;
    let told = serde_json::to_vec(&client).map_err(failed)?;
    match lock(&edge.pages.ceremonies.additions).insert_or_replace_all_expired(server) {
        InsertResult::Success => Ok(json(told)),
        InsertResult::CapacityFull | InsertResult::Duplicate => Err(busy()),
    }
}

/// Takes the passkey that the browser made.
pub(super) async fn add(
    State(edge): State<Shared>,
    who: SignedIn,
    headers: HeaderMap,
    answer: Bytes,
) -> Result<Response, Problem> {
    is_own_script(&who, &headers)?;
    let party = Party::of(&edge, &headers).ok_or_else(no_passkeys_here)?;
    let passkey = made(&edge, &party, &answer, browser(&headers))?;
    if passkey.handle != edge.hub.passkey_handle(who.person) {
        return Err(refused("this passkey was made for somebody else"));
    }
    edge.hub.add_passkey(who.person, passkey).await?;
    tracing::info!(person = %who.person, "a passkey was added");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The passkey in an authenticator's answer, if it answers a challenge of ours.
fn made(edge: &Shared, party: &Party, answer: &[u8], name: String) -> Result<Passkey, Problem> {
    let unreadable = || refused("not a passkey that this hub reads");
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(unreadable());
    }
    let registration = Registration::from_json_relaxed(answer).map_err(|_| unreadable())?;
    let challenge = registration.challenge_relaxed().map_err(|_| unreadable())?;
    let asked = lock(&edge.pages.ceremonies.additions).take(&challenge);
    let asked = asked.ok_or_else(|| refused("this took too long: please begin again"))?;
    let origins = [party.origin.as_str()];
    let options = RegistrationVerificationOptions::<&str, &str> {
        allowed_origins: &origins,
        // Browsers add some of their own accord.
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    };
    let made = asked.verify(&party.id, &registration, &options).map_err(|failure| {
        tracing::info!(%failure, "a passkey was not taken");
        refused("this passkey could not be checked")
    })?;
    let fixed = made.static_state().encode().map_err(|_| unreadable())?;
    let changing = encoded(made.dynamic_state())?;
    let handle = match made.user_id().encode() {
        Ok(bytes) => UserHandle(bytes),
        Err(never) => match never {},
    };
    let id = PasskeyId(made.id().as_ref().into());
    let (added_at, used_at) = (Timestamp::default(), None);
    let (fixed, changing, name) = (fixed.into(), changing.into(), name.into());
    Ok(Passkey { id, handle, fixed, changing, name, added_at, used_at })
}

fn encoded(state: DynamicState) -> Result<[u8; 7], Problem> {
    state.encode().map_err(failed)
}

/// What a browser needs to prove that somebody has a passkey of this hub.
pub(super) async fn entering(
    State(edge): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    same_site(&headers)?;
    let party = Party::of(&edge, &headers).ok_or_else(no_passkeys_here)?;
    let options = DiscoverableCredentialRequestOptions::passkey(&party.id);
    let (server, client) = options.start_ceremony().map_err(failed)?;
    let told = serde_json::to_vec(&client).map_err(failed)?;
    match lock(&edge.pages.ceremonies.entries).insert_or_replace_all_expired(server) {
        InsertResult::Success => Ok(json(told)),
        InsertResult::CapacityFull | InsertResult::Duplicate => Err(busy()),
    }
}

/// Signs in whoever proves it.
pub(super) async fn enter(
    State(edge): State<Shared>,
    headers: HeaderMap,
    answer: Bytes,
) -> Result<Response, Problem> {
    same_site(&headers)?;
    let party = Party::of(&edge, &headers).ok_or_else(no_passkeys_here)?;
    let (id, changing) = proven(&edge, &party, &answer)?;
    let secret = new_secret(&**edge.hub.entropy());
    let browser = browser(&headers);
    let entry = Entry { id: &id, changing: &changing, mark: mark(&secret), browser: &browser };
    let person = match edge.hub.enter_by_passkey(entry).await {
        Ok(person) => person,
        Err(PasskeyFailure::Refused(_)) => return Err(not_let_in()),
        Err(failure @ PasskeyFailure::Unavailable) => return Err(failure.into()),
    };
    tracing::info!(%person, "signed in on a page by a passkey");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(line) = cookie_line(Some(&secret), is_secure(&headers)) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    Ok(response)
}

/// Whose passkey signed a challenge of ours, and its counter and flags as they are now.
fn proven(edge: &Shared, party: &Party, answer: &[u8]) -> Result<(PasskeyId, [u8; 7]), Problem> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(not_let_in());
    }
    let read = DiscoverableAuthentication16::from_json_relaxed(answer);
    let authentication = read.map_err(|_| not_let_in())?;
    let challenge = authentication.challenge_relaxed().map_err(|_| not_let_in())?;
    let asked = lock(&edge.pages.ceremonies.entries).take(&challenge);
    let asked = asked.ok_or_else(|| refused("this took too long: please begin again"))?;
    let id = PasskeyId(authentication.raw_id().as_ref().into());
    let known = edge.hub.with_directory(|all| all.doors().passkey(&id).map(|one| one.1.clone()));
    let known = known.ok_or_else(not_let_in)?;
    let handle = rp_handle(known.handle);
    let mut credential = credential(&known, &handle).ok_or_else(|| {
        tracing::error!("a passkey that was kept cannot be read");
        not_let_in()
    })?;
    let origins = [party.origin.as_str()];
    let options = AuthenticationVerificationOptions::<&str, &str> {
        allowed_origins: &origins,
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    };
    let checked = asked.verify(&party.id, &authentication, &mut credential, &options);
    checked.map_err(|failure| {
        tracing::info!(%failure, "a passkey did not let in");
        not_let_in()
    })?;
    let changing = encoded(credential.dynamic_state())?;
    Ok((id, changing))
}

fn credential<'k>(
    known: &'k Passkey,
    handle: &'k RpHandle<HANDLE_BYTES>,
) -> Option<AuthenticatedCredential<'k, 'k, HANDLE_BYTES, KeptKey>> {
    let id = CredentialId::<&[u8]>::decode(&known.id.0).ok()?;
    let fixed = StaticState::decode(&known.fixed).ok()?;
    let changing = <[u8; 7]>::try_from(&*known.changing).ok()?;
    let changing = DynamicState::decode(changing).ok()?;
    AuthenticatedCredential::new(id, handle, fixed, changing).ok()
}

/// A passkey that is to go, by its credential id in hexadecimal digits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Going {
    csrf: String,
    passkey: String,
}

impl Sent for Going {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Takes a passkey away.
pub(super) async fn remove(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(going): Form<Going>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &going)?;
    let gone = take_away(&edge, who.person, &going.passkey, &browser(&headers)).await;
    match gone {
        Ok(()) => Ok(Redirect::to("/me?done=kept").into_response()),
        Err(problem) => Err(Wrong::new(&reader, problem).into_response()),
    }
}

async fn take_away(
    edge: &Shared,
    person: PersonId,
    digits: &str,
    browser: &str,
) -> Result<(), Problem> {
    let id = shown::id_of(digits).ok_or_else(|| Problem::not_found("passkey"))?;
    match edge.hub.remove_passkey(person, &id, browser).await {
        Ok(()) => Ok(()),
        Err(PasskeyFailure::Refused(_)) => Err(Problem::not_found("passkey")),
        Err(failure @ PasskeyFailure::Unavailable) => Err(failure.into()),
    }
}
