//! Reading the mailbox (RFC 9051 as far as RFC 3501 servers speak it, RFC 2177): what is new, then
//! waiting for more.
//!
//! Not a mail program: nothing is marked, moved or deleted. Invariant: the place moves on only
//! together with the letters before it.

use super::answers::{Answer, LETTER_BYTES_MAX, answer, command, quoted, tells_of_letters};
use super::place::Place;
use crate::backoff::Backoff;
use crate::doors::Doors;
use crate::mail::wire::{Silence, Talk};
use crate::mail::{MailConfig, read};
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::ports::dial::DialFailure;
use std::convert::Infallible;

/// How long one IDLE lasts, whatever the server says meanwhile; at most 29 minutes (RFC 2177).
const IDLE_MS: u64 = 240_000;
/// How often a server without IDLE is asked.
const POLL_MS: u64 = 15_000;
/// The longest wait between two connections.
const REOPEN_MS_MAX: u64 = 15_000;
/// How often a letter is asked for that the server does not give; then it counts as unreadable.
const TRIES_MAX: u32 = 20;
/// How often in a row the mailbox is read because of what was told meanwhile, before it is waited.
const READINGS_MAX: u32 = 16;

enum Leave {
    Again(String),
    End(ListenEnd),
}

impl From<Silence> for Leave {
    fn from(silence: Silence) -> Self {
        Self::Again(format!("mailbox: {silence}"))
    }
}

struct Mailbox<'a> {
    config: &'a MailConfig,
    doors: &'a Doors,
    inbox: &'a dyn Inbox,
    place: Option<Place>,
    /// Letters were told of since the mailbox was looked through.
    news: bool,
    /// The letter that the server did not give, and how often.
    not_given: (u32, u32),
}

/// Listens until the inbox closes or connecting again would not help.
pub(crate) async fn listen(
    config: &MailConfig,
    doors: &Doors,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
) -> ListenEnd {
    let place = cursor.as_ref().and_then(Place::from_cursor);
    let mut mailbox = Mailbox { config, doors, inbox, place, news: false, not_given: (0, 0) };
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
            for _ in 0..READINGS_MAX {
                self.news = false;
                self.read_new(&mut talk).await?;
                if !self.news {
                    break;
                }
            }
            self.wait(&mut talk).await?;
        }
    }

    /// Gives a command, and remembers what is told beside its answer.
    async fn command(&mut self, talk: &mut Talk<'_>, text: &str) -> Result<Answer, Leave> {
        let answer = command(talk, text).await?;
        self.news |= answer.tells_of_letters();
        Ok(answer)
    }

    async fn sign_in(&self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        let Some((user, password)) = &self.config.login else {
            return Ok(());
        };
        let login = format!("LOGIN {} {}", quoted(user), quoted(password.expose()));
        match command(talk, &login).await?.done {
            true => Ok(()),
            false => {
                let reason = "the mailbox does not accept our name and password".to_owned();
                self.inbox.pulse(Pulse::Refused { reason: reason.clone() });
                Err(Leave::End(ListenEnd::Fatal(reason)))
            }
        }
    }

    /// Opens the mailbox. The first time, what lies in it already stays there.
    async fn select(&mut self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        let select = format!("SELECT {}", quoted(&self.config.mailbox));
        let opened = self.command(talk, &select).await?;
        let (Some(validity), true) = (opened.told("[UIDVALIDITY "), opened.done) else {
            return Err(Leave::Again("the mailbox cannot be opened".to_owned()));
        };
        if self.place.is_some_and(|place| place.validity == validity) {
            return Ok(());
        }
        let top = match opened.told("[UIDNEXT ") {
            Some(next) => next.saturating_sub(1),
            None => self.top(talk).await?,
        };
        let place = match self.place {
            Some(_) => Place::anew(validity, top, self.doors.clock.now()),
            None => Place::behind(validity, top),
        };
        self.keep(Arrival::default(), place).await
    }

    /// The number of the last letter.
    async fn top(&mut self, talk: &mut Talk<'_>) -> Result<u32, Leave> {
        let found = self.searched(talk, "UID SEARCH UID *").await?;
        Ok(found.last().copied().unwrap_or(0))
    }

    async fn searched(&mut self, talk: &mut Talk<'_>, search: &str) -> Result<Vec<u32>, Leave> {
        let answer = self.command(talk, search).await?;
        match answer.done {
            true => Ok(answer.found()),
            false => Err(Leave::Again("the mailbox cannot be searched".to_owned())),
        }
    }

    async fn read_new(&mut self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        let top = self.top(talk).await?;
        while let Some((place, (search, to))) =
            self.place.and_then(|place| Some((place, place.search(top)?)))
        {
            let found = self.searched(talk, &search).await?;
            for uid in found.into_iter().filter(|uid| (place.uid + 1..=to).contains(uid)) {
                self.read_one(talk, uid).await?;
            }
            // What has no letter any more is not searched again.
            let behind = self.place.map_or(place, |place| place.at(to));
            if self.place != Some(behind) {
                self.keep(Arrival::default(), behind).await?;
            }
        }
        Ok(())
    }

    async fn read_one(&mut self, talk: &mut Talk<'_>, uid: u32) -> Result<(), Leave> {
        let fetch = format!("UID FETCH {uid} (BODY.PEEK[]<0.{LETTER_BYTES_MAX}>)");
        let answer = self.command(talk, &fetch).await?;
        if !answer.done {
            return self.not_given(uid).await;
        }
        let now = self.doors.clock.now();
        let told = answer.lines.iter().any(|said| said.line.contains("BODY["));
        let letter = answer.lines.into_iter().find_map(|said| said.literal);
        let arrival = match letter {
            Some(bytes) => read::letter(self.config.us(), &bytes, now),
            // An empty one, or it was deleted meanwhile.
            None => Arrival { events: Vec::new(), ignored: u32::from(told) },
        };
        self.keep_at(arrival, uid).await
    }

    /// A letter that the server does not give is asked for again, behind a wait; after many tries
    /// it is counted as unreadable, and the operator is told.
    async fn not_given(&mut self, uid: u32) -> Result<(), Leave> {
        let tries = if self.not_given.0 == uid { self.not_given.1 + 1 } else { 1 };
        self.not_given = (uid, tries);
        if tries < TRIES_MAX {
            return Err(Leave::Again(format!("the mailbox does not give letter {uid}")));
        }
        let reason = format!("letter {uid} was passed over: the mailbox does not give it");
        self.inbox.pulse(Pulse::Refused { reason });
        self.keep_at(Arrival { events: Vec::new(), ignored: 1 }, uid).await
    }

    async fn keep_at(&mut self, arrival: Arrival, uid: u32) -> Result<(), Leave> {
        let place = self.place.map_or(Place::behind(0, uid), |place| place.at(uid));
        self.keep(arrival, place).await
    }

    async fn keep(&mut self, arrival: Arrival, place: Place) -> Result<(), Leave> {
        let kept = self.inbox.deliver(arrival, Some(place.cursor())).await;
        kept.map_err(|InboxClosed| Leave::End(ListenEnd::InboxClosed))?;
        self.place = Some(place);
        Ok(())
    }

    /// Waits until something is new, or for as long as silence is believed.
    async fn wait(&mut self, talk: &mut Talk<'_>) -> Result<(), Leave> {
        talk.say("idle IDLE\r\n").await?;
        let began = self.doors.clock.now();
        let mut line = talk.line().await?;
        while line.starts_with('*') {
            self.news |= tells_of_letters(&line);
            line = talk.line().await?;
        }
        if !line.starts_with('+') {
            self.doors.clock.sleep(POLL_MS).await;
            return Ok(());
        }
        while !self.news {
            let idle_ms = IDLE_MS.saturating_sub(self.doors.clock.now().ms_since(began));
            if idle_ms == 0 {
                break;
            }
            match talk.line_within(idle_ms).await {
                Ok(line) if line.starts_with("* BYE") => return Err(Silence::Lost.into()),
                Ok(line) => self.news |= tells_of_letters(&line),
                Err(Silence::Late) => break,
                Err(other) => return Err(other.into()),
            }
        }
        let asked = self.doors.clock.now();
        talk.say("DONE\r\n").await?;
        answer(talk, "idle").await?;
        self.inbox.pulse(Pulse::Good { took_ms: self.doors.clock.now().ms_since(asked) });
        Ok(())
    }
}
