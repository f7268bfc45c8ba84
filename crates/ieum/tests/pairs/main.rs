//! Every pair of networks and every kind of message, through a real hub: what arrives, and how.
//!
//! The networks are played by their own capabilities and nothing else. Invariant: whatever is said
//! anywhere, everybody else sees something of it. `docs/networks/carried.md` is written from what
//! was seen; `UPDATE_EXPECT=1 cargo test -p ieum --test pairs` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::panic, clippy::large_futures, reason = "tests")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "tests")]

mod booth;
mod kinds;

use booth::{Booth, Fair};
use expect_test::expect_file;
use ieum_core::network::{Capabilities, ChatCapabilities, FileDoor, Network};
use kinds::{KINDS, Kind};
use std::fmt::Write as _;

/// How something of one network is seen on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Whole,
    Link,
    Words,
}

impl Seen {
    fn cell(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Link => "as a link",
            Self::Words => "in words",
        }
    }
}

/// What came of a kind said on one network, on another.
fn seen(fair: &Fair, from: &Booth, to: &Booth, kind: &Kind) -> Seen {
    let how = (kind.seen)(&to.acts());
    how.unwrap_or_else(|| {
        let (from, to) = (from.network.word(), to.network.word());
        panic!("{} from {from} to {to}: silence, {:?}", kind.name, fair.all())
    })
}

/// All pairs with or without an address under which the hub's links are reached.
async fn walked(public_url: Option<&str>) -> Vec<(&'static str, Vec<(Network, Seen)>)> {
    let mut rows = Vec::new();
    for kind in KINDS {
        let mut row = Vec::new();
        for from in Network::ALL {
            let fair = Fair::open(public_url).await;
            fair.happens(from, kind).await;
            for to in Network::ALL.into_iter().filter(|to| *to != from) {
                let how = seen(&fair, fair.booth(from), fair.booth(to), kind);
                match row.iter().find(|(network, _)| *network == to) {
                    None => row.push((to, how)),
                    // Where it comes from changes nothing: the table may tell of readers alone.
                    Some((_, before)) => {
                        assert_eq!(*before, how, "{} from {from:?} to {to:?}", kind.name);
                    }
                }
            }
        }
        row.sort_by_key(|(network, _)| Network::ALL.iter().position(|one| one == network));
        rows.push((kind.name, row));
    }
    rows
}

#[tokio::test(start_paused = true)]
async fn nothing_is_silently_lost_between_any_two_networks() {
    let mut page = HEAD.to_owned();
    for (title, public_url) in [
        ("With `hub.public_url` at an https address", Some("https://hub.example")),
        ("Without it", None),
    ] {
        write!(page, "\n## {title}\n\n{}", header()).unwrap();
        for (kind, row) in walked(public_url).await {
            let cells: Vec<_> = row.iter().map(|(_, seen)| seen.cell()).collect();
            writeln!(page, "| {kind} | {} |", cells.join(" | ")).unwrap();
        }
    }
    page.push_str("\n## Limits\n\n");
    page.push_str(&limits());
    expect_file!["../../../../docs/networks/carried.md"].assert_eq(&page);
}

const HEAD: &str = "\
# What is carried

Written by a test that says each kind of message on each network and looks what the others see
(`crates/ieum/tests/pairs`; `UPDATE_EXPECT=1 cargo test -p ieum --test pairs` writes it anew). The
columns are the networks of those who read, in rooms. What a network does not tell, nobody reads:
KakaoTalk tells bots words alone, and a letter cannot be edited, withdrawn or reacted to and has
words alone beside its files. What is told reads the same wherever it was said.

*Whole*: as the network itself has it. *As a link*: kind, name, size and an address of the hub that
works for a week. *In words*: a line that says what it was. Nothing is dropped in silence.
";

fn header() -> String {
    let words: Vec<_> = Network::ALL.iter().map(|network| network.word()).collect();
    format!("| | {} |\n|---|{}\n", words.join(" | "), "---|".repeat(words.len()))
}

type Limit = (&'static str, fn(&ChatCapabilities) -> String);

fn limits() -> String {
    let all: Vec<Capabilities> = Network::ALL.into_iter().map(booth::capabilities).collect();
    let yes = |yes: bool| if yes { "yes" } else { "–" }.to_owned();
    let rows: [Limit; 7] = [
        ("longest text of one part", |chat| format!("{} {:?}", chat.text_max, chat.text_unit)),
        ("parts of one call", |chat| chat.parts_per_send_max.to_string()),
        ("author", |chat| format!("{:?}", chat.author).split(' ').next().unwrap().to_owned()),
        ("answers", |chat| format!("{:?}", chat.reply)),
        ("caption of a file", |chat| chat.caption_max.to_string()),
        ("files", files),
        ("hears", |chat| format!("{:?}", chat.hears)),
    ];
    let mut table = header();
    for (name, cell) in rows {
        let cells: Vec<_> = all.iter().map(|caps| cell(&caps.group)).collect();
        writeln!(table, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    let safe: Vec<_> = all.iter().map(|caps| yes(caps.group.idempotent_send)).collect();
    writeln!(table, "| a repeated call is shown once | {} |", safe.join(" | ")).unwrap();
    table
}

fn files(chat: &ChatCapabilities) -> String {
    let ways = chat.files.iter().map(|way| {
        let types: Vec<_> =
            way.types.iter().map(|known| known.rsplit('/').next().unwrap()).collect();
        let types = if types.is_empty() { "any".to_owned() } else { types.join(", ") };
        let by = match way.by {
            FileDoor::Upload => "uploaded",
            FileDoor::PublicLink => "fetched from the hub",
        };
        format!("{:?}: {types} up to {} MB, {by}", way.kind, way.bytes_max / 1_000_000)
    });
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() { "–".to_owned() } else { ways.join("; ") }
}
