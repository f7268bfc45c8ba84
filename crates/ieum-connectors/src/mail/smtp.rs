//! Handing a letter over (RFC 5321, 4954): one connection, one letter.
//!
//! Not a queue and not a mail exchanger: it speaks to the one server that the operator named.
//! Invariant: nothing is repeated here.

use super::outcome::{self, Step};
use super::wire::{Silence, Talk};
use super::write::Letter;
use super::{MailConfig, attach};
use crate::doors::Doors;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ieum_core::outgoing::{CopyKey, FileContent, Outcome};
use ieum_core::ports::dial::DialFailure;

/// Most lines of one reply.
const REPLY_LINES_MAX: usize = 100;

/// A step that was not answered by a yes.
enum Stop {
    No(Step, u16),
    Silent(Silence),
}

impl From<Silence> for Stop {
    fn from(silence: Silence) -> Self {
        Self::Silent(silence)
    }
}

impl Stop {
    fn outcome(self) -> Outcome {
        match self {
            Self::No(step, code) => outcome::of_no(step, code),
            Self::Silent(silence) => outcome::not_handed_over(silence),
        }
    }
}

/// Hands a letter over.
pub(super) async fn deliver(config: &MailConfig, doors: &Doors, letter: &Letter) -> Outcome {
    let mut talk = match greeted(config, doors).await {
        Ok(talk) => talk,
        Err(stop) => return stop.outcome(),
    };
    if let Err(stop) = announced(&mut talk, config, letter).await {
        return stop.outcome();
    }
    let end = match &letter.file {
        None => stuffed(&letter.text),
        Some(file) => {
            // What breaks before the letter ends was not taken.
            if let Err(silence) = said_with_file(&mut talk, &letter.text, &file.content).await {
                return outcome::not_handed_over(silence);
            }
            stuffed(file.tail.trim_start_matches(['\r', '\n']))
        }
    };
    if let Err(silence) = talk.say(end + ".\r\n").await {
        return outcome::in_doubt(format!("mail server: {silence}"));
    }
    let taken = reply(&mut talk).await;
    // A server that does not care for a farewell has the letter all the same.
    let _farewell = talk.say("QUIT\r\n").await;
    match taken {
        Ok((200..=299, _)) => {
            Outcome::Accepted { copies: vec![CopyKey { native: letter.id.clone(), quote: None }] }
        }
        Ok((code @ 400..=599, _)) => outcome::of_no(Step::Letter, code),
        Ok((code, _)) => outcome::in_doubt(format!("the mail server answered {code}")),
        Err(silence) => outcome::in_doubt(format!("mail server: {silence}")),
    }
}

/// Says a letter up to the end of its file.
async fn said_with_file(
    talk: &mut Talk<'_>,
    head: &str,
    content: &FileContent,
) -> Result<(), Silence> {
    talk.say(stuffed(head)).await?;
    attach::say(talk, content).await
}

/// Asks whether the server takes letters from us now.
pub(super) async fn ask(config: &MailConfig, doors: &Doors) -> Result<(), Outcome> {
    let mut talk = greeted(config, doors).await.map_err(Stop::outcome)?;
    let _farewell = talk.say("QUIT\r\n").await;
    Ok(())
}

async fn greeted<'d>(config: &MailConfig, doors: &'d Doors) -> Result<Talk<'d>, Stop> {
    let opening = match config.secured {
        true => doors.dial.tls(&config.smtp, config.timeout_ms),
        false => doors.dial.tcp(&config.smtp, config.timeout_ms),
    };
    let bytes = opening.await.map_err(|DialFailure(_)| Stop::Silent(Silence::Lost))?;
    let mut talk = Talk::new(bytes, &*doors.clock, config.timeout_ms);
    expect(&mut talk, Step::Greeting, 200..=299).await?;
    let domain = config.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    talk.say(format!("EHLO {domain}\r\n")).await?;
    let offers = lines(&mut talk, Step::Greeting, 200..=299).await?;
    // A server that asks for no name trusts where we come from.
    if let Some((user, password)) = config.login.as_ref().filter(|_| takes_plain(&offers)) {
        let plain = STANDARD.encode(format!("\0{user}\0{}", password.expose()));
        talk.say(format!("AUTH PLAIN {plain}\r\n")).await?;
        expect(&mut talk, Step::Login, 200..=299).await?;
    }
    Ok(talk)
}

async fn announced(talk: &mut Talk<'_>, config: &MailConfig, letter: &Letter) -> Result<(), Stop> {
    talk.say(format!("MAIL FROM:<{}>\r\n", config.address)).await?;
    expect(talk, Step::Sender, 200..=299).await?;
    talk.say(format!("RCPT TO:<{}>\r\n", letter.to)).await?;
    expect(talk, Step::Recipient, 200..=299).await?;
    talk.say("DATA\r\n").await?;
    expect(talk, Step::Letter, 300..=399).await
}

fn takes_plain(offers: &[String]) -> bool {
    offers.iter().any(|offer| {
        let mut words = offer.split([' ', '=']);
        let is_login = words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"));
        is_login && words.any(|word| word.eq_ignore_ascii_case("PLAIN"))
    })
}

async fn expect(
    talk: &mut Talk<'_>,
    step: Step,
    yes: std::ops::RangeInclusive<u16>,
) -> Result<(), Stop> {
    lines(talk, step, yes).await.map(|_| ())
}

/// The lines of a reply that is a yes.
async fn lines(
    talk: &mut Talk<'_>,
    step: Step,
    yes: std::ops::RangeInclusive<u16>,
) -> Result<Vec<String>, Stop> {
    match reply(talk).await? {
        (code, lines) if yes.contains(&code) => Ok(lines),
        (code, _) => Err(Stop::No(step, code)),
    }
}

/// The code of a reply and the texts of its lines.
async fn reply(talk: &mut Talk<'_>) -> Result<(u16, Vec<String>), Silence> {
    let mut lines = Vec::new();
    while lines.len() < REPLY_LINES_MAX {
        let line = talk.line().await?;
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        let code = code.filter(|code| (200..=599).contains(code)).ok_or(Silence::Garbled)?;
        let goes_on = line.as_bytes().get(3) == Some(&b'-');
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if !goes_on {
            return Ok((code, lines));
        }
    }
    Err(Silence::Garbled)
}

/// A letter as it is said: a point that begins a line is doubled, for a lone one would end it.
fn stuffed(letter: &str) -> String {
    let mut text = String::with_capacity(letter.len() + 64);
    for line in letter.lines() {
        if line.starts_with('.') {
            text.push('.');
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}
