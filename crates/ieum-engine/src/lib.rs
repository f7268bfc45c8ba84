//! The engine: the loops that carry messages.
//!
//! Intake admits what came in, dispatch claims and attempts what is due, the sweep decides what
//! waited too long, probes ask for signs of life. The engine sees traits, never a concrete network
//! or database. Invariant: everything it remembers between two steps can be read again from the
//! store, so each task may be killed between two lines.

mod account;
mod acts;
mod attempt;
mod backoff;
mod begin_anew;
mod bygone;
mod calling;
mod canary;
mod clock_back;
mod codes;
mod commands;
mod compose;
mod contacts;
mod control;
mod digest;
mod dispatch;
mod doubt;
mod export;
mod failover;
mod farewell;
mod filed;
mod group_chat;
mod group_words;
mod groups;
mod hearing;
mod held;
mod hub;
mod hub_people;
mod hush;
mod identify;
mod intake;
mod left_over;
mod linking;
mod listen;
mod media;
mod membership;
mod metrics;
mod notices;
mod once;
mod operator;
mod people;
mod pieces;
mod probe;
mod replies;
mod rooms;
mod runs;
mod say;
mod search;
mod sessions;
mod settings;
mod speak;
mod summary;
mod sweep;
mod talk;
mod tasks;
mod teller;
mod terms;
mod told;
mod untold;
mod way_back;
mod ways;
mod withdrawal;

pub use account::{AccountSetup, AccountState};
pub use acts::{Act, Deed};
pub use bygone::{Bygone, BygoneKept, PAST_ROWS_MAX};
pub use canary::{SEEN_TEXT_BYTES_MAX, Seen, Watcher, WatcherState};
pub use codes::{CodeFailure, IssuedCode, SentCode, WantedCode};
pub use contacts::ContactFailure;
pub use export::{ExportPart, ExportPlace, Exported};
pub use groups::GroupAct;
pub use hub::{Hub, HubFailure, HubSetup};
pub use intake::{HookAnswer, HookFailure};
pub use media::LinkFailure;
pub use metrics::{EngineMetrics, LATENCY_BOUNDS_MS};
pub use operator::ReportAnswer;
pub use people::{ChangeFailure, NewConversation, NewPerson};
pub use say::{Said, Say, SayFailure};
pub use search::{HITS_MAX, Hit, Hits, Present, Search, SearchRefusal};
pub use sessions::PasskeyFailure;
pub use settings::{MediaSettings, Settings};
