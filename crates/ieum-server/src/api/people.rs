//! `/v1/people`: persons, where they are reached and what they agreed to.

use super::addresses::AddressView;
use super::{Answer, created, cut, json, no_content};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::words::Word;
use axum::extract::State;
use ieum_core::directory::{Consent, Directory, Language, Person, Purpose};
use ieum_core::ids::{ChatKey, PersonId, UserKey};
use ieum_core::network::Network;
use ieum_engine::NewPerson;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/people", "Lists people, oldest first", list)
            .query::<PageQuery>()
            .gives::<PeoplePage>(200),
        Endpoint::post("/v1/people", "Creates a person", create)
            .takes::<NewPersonBody>()
            .gives::<PersonView>(201)
            .fails(&[Kind::Invalid]),
        Endpoint::get("/v1/people/{id}", "One person", show)
            .gives::<PersonView>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::post(
            "/v1/people/{id}/addresses",
            "Links a network's user to a person, on the operator's word",
            link,
        )
        .takes::<NewAddressBody>()
        .gives::<PersonView>(201)
        .fails(&[Kind::NotFound, Kind::Invalid, Kind::Conflict]),
        Endpoint::put(
            "/v1/people/{id}/consents",
            "Records what a person agreed to, or no longer does",
            consent,
        )
        .takes::<ConsentBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct PeoplePage {
    people: Vec<PersonView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A human being who uses the hub.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Person")]
struct PersonView {
    id: u64,
    name: Box<str>,
    language: Word<Language>,
    /// In the order of their own wish.
    addresses: Vec<AddressView>,
    /// The last word on each network and purpose.
    consents: Vec<ConsentView>,
    /// The conversations that they are a member of.
    conversations: Vec<u64>,
}

/// What somebody agreed to, or no longer does.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Consent")]
struct ConsentView {
    network: Word<Network>,
    purpose: Word<Purpose>,
    given: bool,
    /// When it was said, in Unix milliseconds.
    at_ms: i64,
    /// How it was said.
    source: Box<str>,
}

/// A person to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewPerson")]
#[serde(deny_unknown_fields)]
struct NewPersonBody {
    /// The name that others see, 1 to 100 characters.
    name: String,
    /// In which language the hub speaks to them; Korean unless told.
    #[serde(default)]
    language: Option<Word<Language>>,
}

/// A network's user to be linked.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewAddress")]
#[serde(deny_unknown_fields)]
struct NewAddressBody {
    /// The name of the hub's account that reaches it.
    account: String,
    /// The network's id of the user.
    user: String,
    /// The network's id of their direct chat with the account, if it is open.
    #[serde(default)]
    direct: Option<String>,
    /// The name that they have there; the person's own unless told.
    #[serde(default)]
    name: Option<String>,
}

/// A person's word.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewConsent")]
#[serde(deny_unknown_fields)]
struct ConsentBody {
    network: Word<Network>,
    purpose: Word<Purpose>,
    /// Yes, or no.
    given: bool,
    /// How they said it, for the record.
    source: String,
}

impl PersonView {
    fn of(person: &Person, directory: &Directory) -> Self {
        let addresses = person.routes.iter().filter_map(|id| directory.address(*id));
        Self {
            id: person.id.0,
            name: person.name.clone(),
            language: Word(person.language),
            addresses: addresses.map(|found| AddressView::of(found, directory)).collect(),
            consents: last_words(&person.consents),
            conversations: directory.conversations_of(person.id).iter().map(|id| id.0).collect(),
        }
    }
}

fn last_words(consents: &[Consent]) -> Vec<ConsentView> {
    let is_last = |place: usize, consent: &Consent| {
        let mut later = consents.iter().skip(place + 1);
        !later.any(|other| (other.network, other.purpose) == (consent.network, consent.purpose))
    };
    consents
        .iter()
        .enumerate()
        .filter(|(place, consent)| is_last(*place, consent))
        .map(|(_, consent)| ConsentView {
            network: Word(consent.network),
            purpose: Word(consent.purpose),
            given: consent.given,
            at_ms: consent.at.0,
            source: consent.source.clone(),
        })
        .collect()
}

async fn list(State(edge): State<Shared>, QueryOf(page): QueryOf<PageQuery>) -> Answer {
    let rows = rows(page.limit, PAGE_ROWS_MAX)?;
    let after = page.cursor.map_or(Ok(0), |cursor| List::People.key(&cursor))?;
    let mut people: Vec<PersonView> = edge.hub.with_directory(|directory| {
        let rest = directory.persons_after(PersonId(after));
        rest.take(rows + 1).map(|person| PersonView::of(&person, directory)).collect()
    });
    let next = cut(&mut people, rows, |person| person.id);
    json(&PeoplePage { people, next_cursor: next.map(|key| List::People.cursor(key)) })
}

fn find(edge: &Shared, id: PersonId) -> Result<PersonView, Problem> {
    let found = edge.hub.with_directory(|directory| {
        directory.person(id).map(|person| PersonView::of(person, directory))
    });
    found.ok_or_else(|| Problem::not_found("person"))
}

async fn show(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    json(&find(&edge, PersonId(id))?)
}

async fn create(State(edge): State<Shared>, JsonBody(body): JsonBody<NewPersonBody>) -> Answer {
    let person = NewPerson {
        name: body.name,
        language: body.language.map_or_else(Language::default, |word| word.0),
    };
    let id = edge.hub.create_person(person).await?;
    created(format!("/v1/people/{id}"), &find(&edge, id)?)
}

async fn link(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<NewAddressBody>,
) -> Answer {
    let id = PersonId(id);
    let name = match body.name {
        Some(name) => name,
        None => find(&edge, id)?.name.into_string(),
    };
    let user = UserKey::new(body.user);
    let direct = body.direct.map(ChatKey::new);
    edge.hub.link_address(id, &body.account, user, direct, &name).await?;
    created(format!("/v1/people/{id}"), &find(&edge, id)?)
}

async fn consent(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<ConsentBody>,
) -> Answer {
    let (network, purpose) = (body.network.0, body.purpose.0);
    let id = PersonId(id);
    edge.hub.set_consent(id, network, purpose, body.given, &body.source).await?;
    no_content()
}
