//! Letters as people and programs write them, and servers that play a script of lines.

mod mailboxes;

use super::*;
use crate::scripted::{Kept, NOW, Script, run};
use bytes::Bytes;
use ieum_core::ids::{ChatKey, NativeMessageId};
use ieum_core::inbound::{FileKind, Inbound, InboundKind, InboundMessage};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, CopyKey, Fault, Part, ReplyTarget, ShownSender};
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, FrameStream};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const MINA: &str = "mina@far.test";

fn config() -> MailConfig {
    MailConfig {
        address: "ieum@hub.test".to_owned(),
        name: "이음".to_owned(),
        subject: "이음".to_owned(),
        smtp: "smtp.test:465".to_owned(),
        imap: "imap.test:993".to_owned(),
        secured: true,
        login: Some(("ieum".to_owned(), Secret::new("a \"word\""))),
        mailbox: "INBOX".to_owned(),
        proof_secret: Secret::new("a secret of sixteen bytes"),
        timeout_ms: 5_000,
        rate: RATE_UNPUBLISHED,
    }
}

fn say(to: &str, text: &str) -> Outgoing {
    let part = Part { text: text.to_owned(), ..Part::default() };
    let chat = ChatRef { key: ChatKey::new(to), kind: ChatKind::Direct };
    Outgoing { chat, key: [7; 16], answer_token: None, author: None, act: Act::Say(vec![part]) }
}

/// What one letter comes to.
fn read(text: &str) -> Option<Inbound> {
    let arrival = decode(&config(), text.as_bytes(), NOW);
    assert_eq!(arrival.events.len() + arrival.ignored as usize, 1);
    arrival.events.into_iter().next()
}

/// A letter of Mina's to the address that only she knows.
fn letter(headers: &str, body: &str) -> String {
    let back = config().us().return_address(MINA);
    format!(
        "From: =?utf-8?B?66+464KY?= <Mina@Far.test>\r\nTo: {back}\r\nSubject: Re: hello\r\n\
         Date: Tue, 18 Nov 2025 10:00:00 +0900\r\nMessage-ID: <m1@far.test>\r\n{headers}\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    )
}

fn words(headers: &str, body: &str) -> Option<InboundMessage> {
    let kind = read(&letter(headers, body))?.kind;
    let InboundKind::Message(message) = kind else { panic!("{kind:?}") };
    Some(message)
}

#[test]
fn a_proven_letter_is_read() {
    let event = read(&letter("In-Reply-To: <earlier@hub.test>\r\n", "안녕\r\n")).unwrap();
    assert_eq!(event.event.as_str(), "mina@far.test/m1@far.test");
    assert_eq!(event.at, Timestamp(1_763_427_600_000));
    assert_eq!(event.chat.key.as_str(), MINA);
    let sender = event.sender.unwrap();
    assert_eq!((sender.key.as_str(), sender.name.as_deref()), (MINA, Some("미나")));
    let InboundKind::Message(message) = event.kind else { panic!("{:?}", event.kind) };
    assert_eq!((message.native.as_str(), &*message.text), ("m1@far.test", "안녕"));
    assert_eq!(message.reply_to, Some(NativeMessageId::new("earlier@hub.test")));
}

#[test]
fn only_what_a_letter_of_ours_told_her_proves_her() {
    let config = config();
    let us = config.us();
    let thread = us.thread_id(MINA);
    let ours = us.letter_id(&[7; 16], MINA);
    let others = us.letter_id(&[7; 16], "eve@far.test");
    let to = |to: &str, more: &str| letter(more, "말").replacen(&us.return_address(MINA), to, 1);
    for (text, believed) in [
        (to(&us.return_address(MINA).to_uppercase(), ""), true),
        (to("ieum@hub.test", &format!("In-Reply-To: <{ours}>\r\n")), true),
        (to("ieum@hub.test", &format!("References: <x@y> <{ours}>\r\n")), true),
        (to("ieum@hub.test", &format!("Delivered-To: {}\r\n", us.return_address(MINA))), true),
        (to("ieum@hub.test", ""), false),
        (to("ieum+guess@hub.test", ""), false),
        (to(&us.return_address("eve@far.test"), ""), false),
        (to("ieum@hub.test", &format!("In-Reply-To: <{others}>\r\n")), false),
        (to("ieum@hub.test", &format!("In-Reply-To: <{thread}>\r\n")), false),
    ] {
        let event = read(&text).unwrap();
        let said = matches!(event.kind, InboundKind::Message(_));
        assert_eq!(said, believed, "{text}");
        if !believed {
            assert_eq!(event.kind, InboundKind::WeJoined);
            assert_eq!(event.event.as_str(), "knocked/mina@far.test", "one knock is one event");
        }
    }
}

#[test]
fn programs_are_not_read() {
    for header in [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Precedence: bulk",
        "Precedence: LIST",
        "List-Id: <a.b>",
        "X-Autoreply: yes",
        "Return-Path: <>",
        "X-Ieum: 1",
    ] {
        assert_eq!(read(&letter(&format!("{header}\r\n"), "말")), None, "{header}");
    }
    assert!(words("Auto-Submitted: no\r\nPrecedence: normal\r\n", "말").is_some());
    let ourselves = letter("", "말").replace("Mina@Far.test", "IEUM+x@hub.test");
    assert_eq!(read(&ourselves), None, "what comes from ourselves is a loop");
}

#[test]
fn only_their_own_words_are_kept() {
    for (body, expected) in [
        ("하나\n\n둘\n", "하나\n\n둘"),
        ("응\n\nOn Mon, 이음 <ieum@hub.test> wrote:\n> 저녁?\n> 응?\n", "응"),
        ("응\n\n2025년 11월 18일 (화) 10:00, 민지 <ieum@hub.test>님이\n작성:\n\n> 저녁?\n", "응"),
        ("위\n> 인용\n아래\n", "위\n아래"),
        ("말\n-- \n미나\n전화 1\n", "말"),
        ("말\n\n-----Original Message-----\nFrom: x\n저녁?\n", "말"),
        ("말\n\n________________________________\nFrom: x\n", "말"),
        ("두 가지:\n> 첫째\n그래\n", "그래"),
        ("값 > 3\n", "값 > 3"),
        ("하나\n\n\n\n둘", "하나\n\n둘"),
    ] {
        assert_eq!(cut::own_words(body), expected, "{body:?}");
    }
}

#[test]
fn html_alone_is_read_as_words() {
    let text = letter("", "<p>안녕 <b>모두</b></p><p>둘</p>").replace("text/plain", "text/html");
    let Some(InboundKind::Message(message)) = read(&text).map(|event| event.kind) else {
        panic!("{text}");
    };
    assert!(message.text.starts_with("안녕 모두"), "{:?}", message.text);
    assert!(!message.text.contains('<'), "{:?}", message.text);
}

#[test]
fn a_file_is_noted() {
    let body = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n사진\r\n--b\r\n\
                Content-Type: image/png; name=\"cat.png\"\r\nContent-Disposition: attachment; \
                filename=\"cat.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
    let text = letter("", body).replace(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b",
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b",
    );
    let Some(InboundKind::Message(message)) = read(&text).map(|event| event.kind) else {
        panic!("{text}");
    };
    let file = message.file.unwrap();
    assert_eq!(
        (file.kind, file.name.as_deref(), file.bytes),
        (FileKind::Picture, Some("cat.png"), Some(3))
    );
    assert_eq!(message.text, "사진");
}

fn mixed(parts: &[(&str, &str)]) -> String {
    let parts: String =
        parts.iter().map(|(head, content)| format!("--b\r\n{head}\r\n\r\n{content}\r\n")).collect();
    letter("", &format!("{parts}--b--\r\n")).replace(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b",
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b",
    )
}

/// As phones write letters: words, a picture, and words again.
#[test]
fn words_around_a_picture_are_read() {
    const WORDS: &str = "Content-Type: text/plain; charset=utf-8";
    const PICTURE: &str = "Content-Type: image/png; name=\"a.png\"\r\n\
                           Content-Disposition: inline; filename=\"a.png\"";
    for (parts, expected) in [
        (
            vec![(WORDS, "보세요"), (PICTURE, "x"), (WORDS, "내일 3시 어때?")],
            "보세요\n\n내일 3시 어때?",
        ),
        (vec![(PICTURE, "x"), (WORDS, "사진이에요")], "사진이에요"),
        (vec![(WORDS, "응\r\n-- \r\n민지"), (PICTURE, "x"), (WORDS, "회사")], "응"),
    ] {
        let text = mixed(&parts);
        let Some(InboundKind::Message(message)) = read(&text).map(|event| event.kind) else {
            panic!("{text}");
        };
        assert_eq!(message.text, expected, "{text}");
        assert!(message.file.is_some(), "and the picture");
    }
}

#[test]
fn every_file_of_a_letter_is_told_of() {
    let attached = |kind: &str, name: &str| {
        format!("Content-Type: {kind}\r\nContent-Disposition: attachment; filename=\"{name}\"")
    };
    let heads = [attached("image/png", "1.png"), attached("application/pdf", "2.pdf")];
    let text = mixed(&[
        ("Content-Type: text/plain; charset=utf-8", "둘"),
        (&heads[0], "A"),
        (&heads[1], "B"),
    ]);
    let arrival = decode(&config(), text.as_bytes(), NOW);
    let told: Vec<_> = arrival
        .events
        .iter()
        .map(|event| {
            let InboundKind::Message(message) = &event.kind else { panic!("{event:?}") };
            let name = message.file.as_ref().and_then(|file| file.name.clone()).unwrap();
            (event.event.as_str().to_owned(), message.text.clone(), name.into_string())
        })
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].1.as_str(), told[0].2.as_str()), ("둘", "1.png"));
    assert_eq!((told[1].1.as_str(), told[1].2.as_str()), ("", "2.pdf"));
    assert_eq!(told[1].0, format!("{}#1", told[0].0), "each has a key of its own");
}

#[test]
fn unsubscribing_closes_the_way() {
    let text = letter("", "").replace("Re: hello", "Unsubscribe");
    assert_eq!(read(&text).map(|event| event.kind), Some(InboundKind::WeLeft));
}

fn report(recipient: &str, action: &str, status: &str, id: &str) -> String {
    format!(
        "From: MAILER-DAEMON@far.test\r\nTo: ieum@hub.test\r\nMessage-ID: <r@far.test>\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; \
         report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
         no\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n--b\r\n\
         Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{id}>\r\n--b--\r\n"
    )
}

#[test]
fn a_letter_that_came_back_for_good_closes_the_address() {
    let ours = config().us().letter_id(&[7; 16], MINA);
    let event = read(&report("Mina@far.test", "failed", "5.1.1", &ours)).unwrap();
    assert_eq!((event.kind, event.chat.key.as_str()), (InboundKind::WeLeft, MINA));
    for (recipient, action, status, id) in [
        (MINA, "delayed", "4.4.1", &*ours),
        (MINA, "failed", "4.4.7", &*ours),
        (MINA, "failed", "5.1.1", "made-up@hub.test"),
        ("eve@far.test", "failed", "5.1.1", &*ours),
    ] {
        assert_eq!(read(&report(recipient, action, status, id)), None, "{recipient} {status} {id}");
    }
}

#[test]
fn a_letter_of_ours_says_what_it_is() {
    let config = config();
    let mut outgoing = say(MINA, "안녕 <b>\n.점");
    if let Act::Say(parts) = &mut outgoing.act {
        parts[0].sender = Some(ShownSender { name: "민지 · LINE".to_owned(), icon_url: None });
        let native = NativeMessageId::new("m1@far.test");
        parts[0].reply = Some(ReplyTarget { native, quote: None });
    }
    let written = write::letter(&config, &outgoing, NOW).unwrap();
    assert_eq!(written, write::letter(&config, &outgoing, NOW).unwrap(), "nothing is drawn by lot");
    let read = mail_parser::MessageParser::default().parse(written.text.as_bytes()).unwrap();
    let from = read.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("민지 · LINE"), Some("ieum@hub.test")));
    assert_eq!(read.subject(), Some("이음"));
    assert_eq!(read.message_id(), Some(written.id.as_str()));
    assert_eq!(read.in_reply_to().as_text(), Some("m1@far.test"));
    let thread = config.us().thread_id(MINA);
    let references = read.references().as_text_list().unwrap();
    assert_eq!(references, [thread.as_str(), "m1@far.test"]);
    assert_eq!(read.body_text(0).unwrap().trim_end(), "안녕 <b>\r\n.점".replace("\r\n", "\n"));
    assert!(read.body_html(0).unwrap().contains("안녕 &lt;b&gt;<br>"));
    let back = read.reply_to().unwrap().first().unwrap().address().unwrap().to_owned();
    assert_eq!(back, config.us().return_address(MINA));
    let raw = |name: &str| read.header_raw(name).unwrap().trim().to_owned();
    assert_eq!(raw("Auto-Submitted"), "auto-generated");
    assert_eq!(raw("List-Unsubscribe"), format!("<mailto:{back}?subject=unsubscribe>"));
}

#[test]
fn no_address_can_smuggle_a_command() {
    for to in ["a@b\r\nRCPT TO:<eve@b>", "a b@c", "<a@b>", "a", "@b", "a@", "a@b@c", "이름@b.kr"]
    {
        let outcome = write::letter(&config(), &say(to, "말"), NOW).unwrap_err();
        assert!(matches!(outcome, Outcome::Refused { scope: Scope::Recipient, .. }), "{to}");
    }
}

/// A server that answers each thing that is said by the next of its texts.
#[derive(Debug, Clone, Default)]
struct Server {
    script: Arc<Mutex<VecDeque<VecDeque<&'static str>>>>,
    said: Arc<Mutex<Vec<String>>>,
    /// Whether it says that it is still there, until it is told to stop.
    chatters: Arc<AtomicBool>,
}

struct Connection {
    answers: VecDeque<&'static str>,
    due: VecDeque<&'static str>,
    said: Arc<Mutex<Vec<String>>>,
    chatters: Arc<AtomicBool>,
}

impl ByteStream for Connection {
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), DialFailure>> {
        self.said.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        self.due.extend(self.answers.pop_front());
        Box::pin(std::future::ready(Ok(())))
    }

    fn next(&mut self) -> BoxFuture<'_, Bytes> {
        let stopped = || self.said.lock().unwrap().last().is_some_and(|said| said == "DONE\r\n");
        let bytes = match self.due.pop_front() {
            Some(bytes) => bytes,
            None if self.chatters.load(Ordering::SeqCst) && !stopped() => "* OK Still here\r\n",
            None => "",
        };
        Box::pin(std::future::ready(Bytes::from_static(bytes.as_bytes())))
    }
}

type Opened<'a> = BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>>;

impl Dial for Server {
    fn websocket<'a>(
        &'a self,
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>> {
        Box::pin(std::future::ready(Err(DialFailure("no frames".to_owned()))))
    }

    fn tcp<'a>(&'a self, _: &'a str, _: u64) -> Opened<'a> {
        Box::pin(std::future::ready(Err(DialFailure("only TLS was asked for".to_owned()))))
    }

    fn tls<'a>(&'a self, _: &'a str, _: u64) -> Opened<'a> {
        let next = self.script.lock().unwrap().pop_front();
        let (said, chatters) = (Arc::clone(&self.said), Arc::clone(&self.chatters));
        Box::pin(async move {
            let Some(mut answers) = next else { return std::future::pending().await };
            let due = answers.pop_front().into_iter().collect();
            Ok(Box::new(Connection { answers, due, said, chatters }) as Box<dyn ByteStream>)
        })
    }
}

fn connector(script: &[&[&'static str]]) -> (Mail, Server) {
    let server = Server::default();
    let texts = script.iter().map(|answers| answers.iter().copied().collect());
    server.script.lock().unwrap().extend(texts);
    let doors = Doors { dial: Arc::new(server.clone()), ..Script::default().doors() };
    (Mail::new(config(), doors).unwrap(), server)
}

const GREETED: [&str; 3] =
    ["220 hi\r\n", "250-smtp.test\r\n250 AUTH LOGIN PLAIN\r\n", "235 in\r\n"];

fn handed_over(answers: &[&'static str]) -> (Outcome, Vec<String>) {
    let script = [&GREETED[..], answers].concat();
    let (mail, server) = connector(&[&script]);
    let outcome = run(mail.send(&say(MINA, "안녕")));
    let said = server.said.lock().unwrap().clone();
    (outcome, said)
}

#[test]
fn a_letter_is_handed_over_step_by_step() {
    let (outcome, said) =
        handed_over(&["250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n", "221 bye\r\n"]);
    let native = NativeMessageId::new(config().us().letter_id(&[7; 16], MINA));
    assert_eq!(outcome, Outcome::Accepted { copies: vec![CopyKey { native, quote: None }] });
    let heads: Vec<&str> = said.iter().filter_map(|text| text.lines().next()).collect();
    assert_eq!(heads[0], "EHLO hub.test");
    assert_eq!(heads[1], "AUTH PLAIN AGlldW0AYSAid29yZCI=");
    assert_eq!(heads[2..5], ["MAIL FROM:<ieum@hub.test>", "RCPT TO:<mina@far.test>", "DATA"]);
    assert!(said[5].ends_with("\r\n.\r\n") && !said[5].contains("\n.\r\n\r\n"), "{}", said[5]);
    assert_eq!(heads[6], "QUIT");
}

#[test]
fn a_file_is_said_within_its_letter() {
    const BYTES: &[u8; 300] = &[0xab; 300];
    let answers = ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
    let script = [&GREETED[..], &answers].concat();
    let (mail, server) = connector(&[&script]);
    let file = crate::scripted::file("사진.png", BYTES);
    let part = Part { text: "봐".to_owned(), file: Some(file), ..Part::default() };
    let outgoing = Outgoing { act: Act::Say(vec![part]), ..say(MINA, "") };
    run(mail.send(&outgoing));
    let said = server.said.lock().unwrap().join("");
    let letter = said.split_once("DATA\r\n").unwrap().1.split_once("\r\n.\r\n").unwrap().0;
    let lines_fit = letter.lines().all(|line| line.len() <= 998 && line != ".");
    assert!(lines_fit, "{letter}");
    let letter = mail_parser::MessageParser::default().parse(letter.as_bytes()).unwrap();
    assert_eq!(letter.body_text(0).unwrap().trim_end(), "봐");
    assert!(letter.body_html(0).unwrap().contains("봐"));
    let attached: Vec<_> = letter.attachments().collect();
    assert_eq!(attached.len(), 1);
    assert_eq!(attached[0].contents(), BYTES);
    assert_eq!(mail_parser::MimeHeaders::attachment_name(attached[0]), Some("사진.png"));
    let kind = mail_parser::MimeHeaders::content_type(attached[0]).unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("image", Some("png")));
}

#[test]
fn a_letter_that_breaks_off_within_its_file_was_not_taken() {
    let (mail, _) =
        connector(&[&[&GREETED[..], &["250 ok\r\n", "250 ok\r\n", "354 go\r\n"]].concat()]);
    let mut file = crate::scripted::file("a.png", b"some bytes");
    file.content = ieum_core::outgoing::FileContent(Arc::new(Sick));
    let part = Part { file: Some(file), ..Part::default() };
    let outcome = run(mail.send(&Outgoing { act: Act::Say(vec![part]), ..say(MINA, "") }));
    assert!(matches!(outcome, Outcome::Deferred { .. }), "{outcome:?}");
}

#[derive(Debug)]
struct Sick;

impl ieum_core::ports::media::MediaFile for Sick {
    fn bytes(&self) -> u64 {
        10
    }

    fn piece(&self, _: u64) -> ieum_core::ports::media::MediaAnswer<'_, Bytes> {
        let sick = ieum_core::ports::media::MediaFailure::Damaged("a chunk".to_owned());
        Box::pin(std::future::ready(Err(sick)))
    }
}

#[test]
fn a_server_that_asks_for_no_name_is_told_none() {
    let (mail, server) = connector(&[&["220 hi\r\n", "250 ok\r\n", "250 ok\r\n"]]);
    assert!(matches!(run(mail.probe()).pulse, Pulse::Good { .. }));
    let said = server.said.lock().unwrap().join("");
    assert_eq!(said, "EHLO hub.test\r\nQUIT\r\n");
}

#[test]
fn every_reply_has_its_outcome() {
    let refused = |scope| (Some(scope), None);
    let later = |fault| (None, Some(fault));
    let ok = "250 ok\r\n";
    for (answers, (scope, fault)) in [
        (&["550 no\r\n"][..], refused(Scope::Account)),
        (&[ok, "550 nobody\r\n"], refused(Scope::Recipient)),
        (&[ok, "552 too large\r\n"], refused(Scope::Message)),
        (&[ok, "450 later\r\n"], later(Fault::Request)),
        (&[ok, "452 too many\r\n"], later(Fault::Limit)),
        (&[ok, "421 closing\r\n"], later(Fault::Network)),
        (&[ok, "999 what\r\n"], later(Fault::Network)),
        (&[ok], later(Fault::Network)),
        (&[ok, ok, "554 no letters\r\n"], refused(Scope::Message)),
        (&[ok, ok, "354 go\r\n", "554 spam\r\n"], refused(Scope::Message)),
        (&[ok, ok, "354 go\r\n", "451 later\r\n"], later(Fault::Request)),
        (&[ok, ok, "354 go\r\n"], (None, None)),
        (&[ok, ok, "354 go\r\n", "what\r\n"], (None, None)),
    ] {
        let (outcome, _) = handed_over(answers);
        let seen = match &outcome {
            Outcome::Refused { scope, .. } => (Some(*scope), None),
            Outcome::Deferred { fault, .. } => (None, Some(*fault)),
            Outcome::Unknown { .. } => (None, None),
            Outcome::Accepted { .. } => panic!("{answers:?}"),
        };
        assert_eq!(seen, (scope, fault), "{answers:?}: {outcome:?}");
    }
}

#[test]
fn a_password_that_is_not_accepted_is_for_the_operator() {
    let (mail, _) = connector(&[&[GREETED[0], GREETED[1], "535 no\r\n"]]);
    assert!(matches!(run(mail.probe()).pulse, Pulse::Refused { .. }));
}

#[test]
fn the_mailbox_is_read_from_its_place_on() {
    let text: &'static str = Box::leak(letter("", "안녕").into_boxed_str());
    let fetched: &'static str = Box::leak(
        format!("* 2 FETCH (UID 9 BODY[]<0> {{{}}}\r\n{text})\r\nieum OK done\r\n", text.len())
            .into_boxed_str(),
    );
    let (mail, server) = connector(&[&[
        "* OK ready\r\n",
        "ieum OK in\r\n",
        "* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 10] x\r\nieum OK open\r\n",
        "* SEARCH 9\r\nieum OK done\r\n",
        "* SEARCH 7 9\r\nieum OK done\r\n",
        fetched,
        "+ idling\r\n* 3 EXISTS\r\n",
        "idle OK done\r\n",
        "* SEARCH 9\r\nieum OK done\r\n",
    ]]);
    let inbox = Kept::default();
    let listening = mail.listen(&inbox, Some(Cursor::new("5:7")));
    assert_eq!(futures_util::FutureExt::now_or_never(listening), None);
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 1, "what was read and what is not new is not read again");
    assert_eq!(delivered[0].0.events.len(), 1);
    assert_eq!(delivered[0].1, Some(Cursor::new("5:9")));
    let said = server.said.lock().unwrap().clone();
    assert_eq!(said[0], "ieum LOGIN \"ieum\" \"a \\\"word\\\"\"\r\n");
    assert_eq!(said[2..4], ["ieum UID SEARCH UID *\r\n", "ieum UID SEARCH UID 8:9\r\n"]);
    assert_eq!(said[6], "DONE\r\n");
}

#[test]
fn the_first_time_what_lies_there_stays_there() {
    let opened = "* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 10] x\r\nieum OK open\r\n";
    for (cursor, kept) in [(None, "5:9"), (Some("4:3"), "5:0:9:20402")] {
        let (mail, _) = connector(&[&["* OK ready\r\n", "ieum OK in\r\n", opened]]);
        let inbox = Kept::default();
        let listening = mail.listen(&inbox, cursor.map(Cursor::new));
        assert_eq!(futures_util::FutureExt::now_or_never(listening), None);
        assert_eq!(inbox.delivered(), [(Arrival::default(), Some(Cursor::new(kept)))]);
    }
}

#[test]
fn a_mailbox_that_refuses_us_ends_the_listening() {
    let (mail, _) = connector(&[&["* OK ready\r\n", "ieum NO wrong\r\n"]]);
    let inbox = Kept::default();
    let end = run(mail.listen(&inbox, None));
    assert!(matches!(end, ListenEnd::Fatal(_)), "{end:?}");
}

#[test]
fn rubbish_is_no_mailbox() {
    for answers in [
        &["* OK\r\n", "ieum OK\r\n", "* OK nothing told\r\nieum OK\r\n"][..],
        &["* OK\r\n", "ieum OK\r\n", "* 1 FETCH {99999999999}\r\n"],
        &["* OK\r\n", "ieum OK\r\n"],
        &[""],
    ] {
        let (mail, _) = connector(&[answers]);
        let inbox = Kept::default();
        let listening = mail.listen(&inbox, None);
        assert_eq!(futures_util::FutureExt::now_or_never(listening), None, "{answers:?}");
        assert!(matches!(inbox.pulses()[..], [Pulse::Bad { .. }]), "{answers:?}");
        assert_eq!(inbox.delivered(), []);
    }
}

#[test]
fn every_wrong_setting_is_told_at_once() {
    let wrong = MailConfig {
        address: "nobody".to_owned(),
        name: "a\nb".to_owned(),
        subject: " ".to_owned(),
        smtp: "smtp".to_owned(),
        imap: "imap:0".to_owned(),
        login: Some(("a".to_owned(), Secret::new("비밀"))),
        mailbox: "받은 편지함".to_owned(),
        proof_secret: Secret::new("short"),
        timeout_ms: 0,
        ..config()
    };
    let complaints = Mail::new(wrong, Script::default().doors()).unwrap_err();
    let keys: Vec<&str> = complaints.iter().filter_map(|one| one.split(':').next()).collect();
    let expected = [
        "address",
        "sender_name",
        "subject",
        "smtp",
        "imap",
        "password",
        "mailbox",
        "proof_secret",
        "timeout_ms",
    ];
    assert_eq!(keys, expected);
}

proptest! {
    #[test]
    fn no_letter_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = letter("", "");
        for whole in [bytes.clone(), [text.as_bytes(), &bytes].concat()] {
            let arrival = decode(&config(), &whole, NOW);
            prop_assert_eq!(arrival.events.len() + arrival.ignored as usize, 1);
        }
    }

    #[test]
    fn what_is_cut_is_whole_lines(text in "([> a:\\-가]{0,6}\n){0,9}") {
        let kept = cut::own_words(&text);
        for line in kept.lines().filter(|line| !line.is_empty()) {
            prop_assert!(text.lines().any(|own| own.trim() == line.trim()), "{line:?}");
        }
    }

    #[test]
    fn proofs_hold_for_one_person_only(key in any::<[u8; 16]>(), other in "[a-z]{1,9}@far.test") {
        let config = config();
        let us = config.us();
        let id = us.letter_id(&key, MINA);
        prop_assert!(us.wrote_to(&id, MINA) && us.owns(&us.return_address(MINA)));
        prop_assert_eq!(us.wrote_to(&id, &other), other == MINA);
        prop_assert_eq!(us.return_address(&other) == us.return_address(MINA), other == MINA);
    }
}
