//! Reading the mailbox (RFC 9051 as far as RFC 3501 servers speak it, RFC 2177): what is new, then
//! waiting for more.
//!
//! Not a mail program: nothing is marked, moved or deleted. Invariant: the place moves on only
//! together with the letters before it.

use crate::backoff::Backoff;
use crate::doors::Doors;
use crate::mail::wire::{Silence, Talk};
use crate::mail::{MailConfig, read};
use bytes::Bytes;
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::ports::dial::DialFailure;
use std::convert::Infallible;

/// Most of one letter that is read; what is beyond it are attachments.
const LETTER_BYTES_MAX: usize = 1 << 20;
/// Most letters of one search.
const LETTERS_MAX: usize = 200;
/// Most lines of one answer.
const ANSWER_LINES_MAX: usize = 10_000;
/// How long a server may keep silent in IDLE before we look whether it lives.
const IDLE_MS: u64 = 240_000;
/// How often a server without IDLE is asked.
const POLL_MS: u64 = 15_000;
/// The longest wait between two connections.
const REOPEN_MS_MAX: u64 = 15_000;

/// Up to where the mailbox was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    validity: u32,
    uid: u32,
}

impl Place {
    fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let (validity, uid) = cursor.as_str().split_once(':')?;
        Some(Self { validity: validity.parse().ok()?, uid: uid.parse().ok()? })
    }

    fn cursor(self) -> Cursor {
        Cursor::new(format!("{}:{}", self.validity, self.uid))
    }
}

enum Leave {
    Again(String),
    End(ListenEnd),
}

impl From<Silence> for Leave {
    fn from(silence: Silence) -> Self {
        Self::Again(format!("mailbox: {silence}"))
    }
}

/// One line of an answer, with what was said literally within it.
struct Said {
    line: String,
    literal: Option<Bytes>,
}

struct Mailbox<'a> {
    config: &'a MailConfig,
    doors: &'a Doors,
    inbox: &'a dyn Inbox,
    place: Option<Place>,
}

/// Listens until the inbox closes or connecting again would not help.
pub(crate) async fn listen(
    config: &MailConfig,
    doors: &Doors,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
) -> ListenEnd {
    let place = cursor.as_ref().and_then(Place::from_cursor);
    let mut mailbox = Mailbox { config, doors, inbox, place };
    let mut backoff = Backoff::up_to(REOPEN_MS_MAX);
    loop {
        let before = mailbox.place;
        let reason = match mailbox.connection().await {
            Ok(never) => match never {},
            Err(Leave::End(end)) => return end,
            Err(Leave::Again(reason)) => reason,
        };
        inbox.pulse(Pulse::Bad { reason });
        if mailbox.place != before {
            backoff.reset();
        }
        doors.clock.sleep(backoff.next_ms(&*doors.entropy)).await;
    }
}

impl Mailbox<'_> {
    async fn connection(&mut self) -> Result<Infallible, Leave> {
        let began = self.doors.clock.now();
        let (config, doors) = (self.config, self.doors);
        let opening = match config.secured {
            true => doors.dial.tls(&config.imap, config.timeout_ms),
            false => doors.dial.tcp(&config.imap, config.timeout_ms),
        };
        let opened = opening.await;
        let bytes = opened.map_err(|DialFailure(why)| Leave::Again(format!("mailbox: {why}")))?;
        let mut talk = Talk::new(bytes, &*doors.clock, config.timeout_ms);
        talk.line().await?;
        self.sign_in(&mut talk).await?;
        self.select(&mut talk).await?;
        let took_ms = doors.clock.now().ms_since(began);
        self.inbox.pulse(Pulse::Good { took_ms });
        loop {
            self.read_new(&mut talk).await?;
            self.wait(&mut talk).await?;
        }
    }

    async fn sign_in(&self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        let Some((user, password)) = &self.config.login else {
            return Ok(());
        };
        let login = format!("LOGIN {} {}", quoted(user), quoted(password.expose()));
        match command(talk, &login).await? {
            (true, _) => Ok(()),
            (false, _) => {
                let reason = "the mailbox does not accept our name and password".to_owned();
                self.inbox.pulse(Pulse::Refused { reason: reason.clone() });
                Err(Leave::End(ListenEnd::Fatal(reason)))
            }
        }
    }

    /// Opens the mailbox. The first time, what lies in it already stays there.
    async fn select(&mut self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        let select = format!("SELECT {}", quoted(&self.config.mailbox));
        let (fits, lines) = command(talk, &select).await?;
        let told = |name: &str| lines.iter().find_map(|said| number_after(&said.line, name));
        let (Some(validity), true) = (told("[UIDVALIDITY "), fits) else {
            return Err(Leave::Again("the mailbox cannot be opened".to_owned()));
        };
        match self.place {
            Some(place) if place.validity == validity => Ok(()),
            // All numbers are new: everything is read anew, and what comes twice is known.
            Some(_) => self.keep(Arrival::default(), Place { validity, uid: 0 }).await,
            None => {
                let uid = told("[UIDNEXT ").unwrap_or(1).saturating_sub(1);
                self.keep(Arrival::default(), Place { validity, uid }).await
            }
        }
    }

    async fn read_new(&mut self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        loop {
            let Some(place) = self.place else { return Ok(()) };
            let search = format!("UID SEARCH UID {}:*", place.uid.saturating_add(1));
            let (_, lines) = command(talk, &search).await?;
            let mut uids: Vec<u32> = lines
                .iter()
                .filter_map(|said| said.line.strip_prefix("* SEARCH"))
                .flat_map(str::split_whitespace)
                .filter_map(|uid| uid.parse().ok())
                // `n:*` names the last letter even when its number is below n.
                .filter(|uid| *uid > place.uid)
                .collect();
            uids.sort_unstable();
            let more = uids.len() > LETTERS_MAX;
            uids.truncate(LETTERS_MAX);
            for uid in uids {
                self.read_one(talk, uid).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    async fn read_one(&mut self, talk: &mut Talk<'_>, uid: u32) -> Result<(), Leave> {
        let fetch = format!("UID FETCH {uid} (BODY.PEEK[]<0.{LETTER_BYTES_MAX}>)");
        let (_, lines) = command(talk, &fetch).await?;
        let now = self.doors.clock.now();
        let letter = lines.into_iter().find_map(|said| said.literal);
        let arrival = match letter {
            Some(bytes) => read::letter(self.config.us(), &bytes, now),
            // It was deleted meanwhile.
            None => Arrival::default(),
        };
        let validity = self.place.map_or(0, |place| place.validity);
        self.keep(arrival, Place { validity, uid }).await
    }

    async fn keep(&mut self, arrival: Arrival, place: Place) -> Result<(), Leave> {
        let kept = self.inbox.deliver(arrival, Some(place.cursor())).await;
        kept.map_err(|InboxClosed| Leave::End(ListenEnd::InboxClosed))?;
        self.place = Some(place);
        Ok(())
    }

    /// Waits until something is new, or for as long as silence is believed.
    async fn wait(&self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        talk.say("idle IDLE\r\n").await?;
        let mut line = talk.line().await?;
        while line.starts_with('*') {
            line = talk.line().await?;
        }
        if !line.starts_with('+') {
            self.doors.clock.sleep(POLL_MS).await;
            return Ok(());
        }
        loop {
            match talk.line_within(IDLE_MS).await {
                Ok(line) if line.ends_with(" EXISTS") => break,
                Ok(line) if line.starts_with("* BYE") => return Err(Silence::Lost.into()),
                Ok(_) => {}
                Err(Silence::Late) => break,
                Err(other) => return Err(other.into()),
            }
        }
        talk.say("DONE\r\n").await?;
        answer(talk, "idle").await?;
        let now = self.doors.clock.now();
        self.inbox.pulse(Pulse::Good { took_ms: self.doors.clock.now().ms_since(now) });
        Ok(())
    }
}

/// Gives a command; tells whether it was carried out, and what was said.
async fn command(talk: &mut Talk<'_>, text: &str) -> Result<(bool, Vec<Said>), Silence> {
    talk.say(format!("ieum {text}\r\n")).await?;
    answer(talk, "ieum").await
}

async fn answer(talk: &mut Talk<'_>, tag: &str) -> Result<(bool, Vec<Said>), Silence> {
    let mut lines = Vec::new();
    while lines.len() < ANSWER_LINES_MAX {
        let line = talk.line().await?;
        if let Some(ended) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
            return Ok((ended.starts_with("OK"), lines));
        }
        let literal = match literal_bytes(&line) {
            Some(count) if count <= LETTER_BYTES_MAX => Some(talk.exactly(count).await?),
            Some(_) => return Err(Silence::Garbled),
            None => None,
        };
        lines.push(Said { line, literal });
    }
    Err(Silence::Garbled)
}

/// `... {123}` at the end of a line: so many bytes follow.
fn literal_bytes(line: &str) -> Option<usize> {
    let (_, count) = line.strip_suffix('}')?.rsplit_once('{')?;
    count.parse().ok()
}

fn number_after(line: &str, name: &str) -> Option<u32> {
    let (_, rest) = line.split_once(name)?;
    rest.split(']').next()?.trim().parse().ok()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
