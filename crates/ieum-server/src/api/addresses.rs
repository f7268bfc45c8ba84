//! `/v1/addresses`: everybody who was ever seen on a network, guests of rooms too.

use super::{Answer, account, cut, json};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{PAGE_ROWS_MAX, QueryOf, rows};
use crate::words::Word;
use axum::extract::State;
use ieum_core::directory::{Address, Directory};
use ieum_core::ids::{AccountId, AddressId, PersonId};
use ieum_core::network::Network;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/addresses", "Lists users of networks, oldest first", list)
            .query::<AddressQuery>()
            .gives::<AddressPage>(200)
            .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct AddressPage {
    addresses: Vec<AddressView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Where one person or guest is reached on one network.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Address")]
pub(crate) struct AddressView {
    id: u64,
    /// The name of the hub's account that reaches it.
    account: Option<Box<str>>,
    network: Option<Word<Network>>,
    /// The network's id of the user.
    user: Box<str>,
    /// The name that they have there.
    name: Box<str>,
    /// Whose it is; null for a guest.
    person: Option<u64>,
    /// The network's id of the direct chat; null until it is open.
    direct: Option<Box<str>>,
    /// Whether they blocked the hub's account.
    blocked: bool,
}

impl AddressView {
    /// As the directory has it.
    pub(crate) fn of(address: &Address, directory: &Directory) -> Self {
        let account = directory.account(address.account);
        Self {
            id: address.id.0,
            account: account.map(|account| account.name.clone()),
            network: account.map(|account| Word(account.network)),
            user: address.user.0.clone(),
            name: address.name.clone(),
            person: address.person.map(|id| id.0),
            direct: address.direct.as_ref().map(|chat| chat.0.clone()),
            blocked: address.blocked,
        }
    }
}

/// Which addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddressQuery {
    /// `next_cursor` of the page before; the first page without.
    #[serde(default)]
    cursor: Option<String>,
    /// Rows of the page, 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// Only those that this account of the hub reaches.
    #[serde(default)]
    account: Option<String>,
    /// Only those of the person with this number, or `none`: only guests.
    #[serde(default)]
    person: Option<String>,
}

/// What an address must be to be listed.
#[derive(Debug, Clone, Copy)]
struct Filter {
    account: Option<AccountId>,
    person: Option<Option<PersonId>>,
}

impl Filter {
    fn takes(self, address: &Address) -> bool {
        self.account.is_none_or(|account| address.account == account)
            && self.person.is_none_or(|person| address.person == person)
    }
}

fn owner(word: &str) -> Result<Option<PersonId>, Problem> {
    if word == "none" {
        return Ok(None);
    }
    let number = word.parse().map(|number| Some(PersonId(number)));
    number.map_err(|_| Problem::new(Kind::Invalid, "person must be a number or none"))
}

async fn list(State(edge): State<Shared>, QueryOf(query): QueryOf<AddressQuery>) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let after = query.cursor.map_or(Ok(0), |cursor| List::Addresses.key(&cursor))?;
    let filter = Filter {
        account: query.account.map(|name| account(&edge, &name)).transpose()?,
        person: query.person.map(|word| owner(&word)).transpose()?,
    };
    let mut addresses: Vec<AddressView> = edge.hub.with_directory(|directory| {
        let rest = directory.addresses_after(AddressId(after));
        let wanted = rest.filter(|address| filter.takes(address)).take(rows + 1);
        wanted.map(|address| AddressView::of(&address, directory)).collect()
    });
    let next = cut(&mut addresses, rows, |address| address.id);
    json(&AddressPage { addresses, next_cursor: next.map(|key| List::Addresses.cursor(key)) })
}
