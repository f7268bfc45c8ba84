//! The stream itself, against a server that plays a script of bytes.

use super::*;
use crate::scripted::Kept;
use bytes::Bytes;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{Inbox, InboxClosed, Pulse};
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, FrameStream};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What a server does on one connection: it answers each write by the next text.
#[derive(Debug, Clone)]
struct Server {
    connections: Arc<Mutex<VecDeque<VecDeque<&'static str>>>>,
    written: Arc<Mutex<Vec<String>>>,
    /// Whether a connection stays when its script is over.
    stays: bool,
}

struct Connection {
    stays: bool,
    answers: VecDeque<&'static str>,
    due: VecDeque<&'static str>,
    written: Arc<Mutex<Vec<String>>>,
}

impl ByteStream for Connection {
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), DialFailure>> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.written.lock().unwrap().push(text);
        self.due.extend(self.answers.pop_front());
        Box::pin(std::future::ready(Ok(())))
    }

    fn next(&mut self) -> BoxFuture<'_, Bytes> {
        let bytes = match self.due.pop_front() {
            None if self.stays => return Box::pin(std::future::pending()),
            bytes => bytes.unwrap_or_default(),
        };
        Box::pin(std::future::ready(Bytes::from_static(bytes.as_bytes())))
    }
}

/// No time passes.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// A hub whose disk takes its time: each delivery is done when that is said.
#[derive(Debug, Default)]
struct Slow {
    events: Mutex<Vec<usize>>,
    done: Mutex<VecDeque<oneshot::Sender<()>>>,
}

impl Slow {
    fn writes_one(&self) {
        self.done.lock().unwrap().pop_front().unwrap().send(()).unwrap();
    }
}

impl Inbox for Slow {
    fn deliver(
        &self,
        arrival: Arrival,
        _: Option<Cursor>,
    ) -> BoxFuture<'_, Result<(), InboxClosed>> {
        self.events.lock().unwrap().push(arrival.events.len());
        let (done, written) = oneshot::channel();
        self.done.lock().unwrap().push_back(done);
        Box::pin(async move { written.await.map_err(|_| InboxClosed) })
    }

    fn pulse(&self, _: Pulse) {}
}

impl Dial for Server {
    fn websocket<'a>(
        &'a self,
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>> {
        Box::pin(std::future::ready(Err(DialFailure("no frames".to_owned()))))
    }

    fn tls<'a>(
        &'a self,
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        Box::pin(async { Err(DialFailure("no TLS in this script".to_owned())) })
    }

    fn tcp<'a>(
        &'a self,
        address: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        assert_eq!(address, "127.0.0.1:5347");
        let next = self.connections.lock().unwrap().pop_front();
        let (written, stays) = (Arc::clone(&self.written), self.stays);
        Box::pin(async move {
            match next {
                Some(answers) => {
                    let due = VecDeque::new();
                    Ok(Box::new(Connection { stays, answers, due, written }) as Box<dyn ByteStream>)
                }
                // The script is over: nothing ever connects again.
                None => std::future::pending().await,
            }
        })
    }
}

const OPENED: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' from='gate.test' id='3BF9'>";
const WELCOME: &str = "<handshake/>";

/// Listens while the script lasts; gives how it ended, what was written, and what was felt.
fn played(connections: &[&[&'static str]]) -> (Option<ListenEnd>, Vec<String>, Vec<Pulse>) {
    let connections = connections.iter().map(|answers| answers.iter().copied().collect()).collect();
    let connections = Arc::new(Mutex::new(connections));
    let server = Server { connections, written: Arc::default(), stays: false };
    let script = Script::default();
    let doors = Doors { dial: Arc::new(server.clone()), ..script.doors() };
    let connector = Xmpp::new(config(), doors).unwrap();
    let inbox = Kept::default();
    let end = connector.listen(&inbox, None).now_or_never();
    let written = server.written.lock().unwrap().clone();
    (end, written, inbox.pulses())
}

fn bad(reason: &str) -> Pulse {
    Pulse::Bad { reason: reason.to_owned() }
}

#[test]
fn a_stream_is_opened_by_the_proof_of_the_secret() {
    let (end, written, pulses) = played(&[&[OPENED, WELCOME]]);
    assert_eq!(end, None);
    let proof = wire::handshake("3BF9", &config().secret);
    assert_eq!(
        written,
        [
            "<?xml version='1.0'?><stream:stream \
             xmlns:stream='http://etherx.jabber.org/streams' \
             xmlns='jabber:component:accept' to=\"gate.test\">"
                .to_owned(),
            format!("<handshake>{proof}</handshake>"),
        ]
    );
    assert!(matches!(pulses[0], Pulse::Good { .. }), "{pulses:?}");
    assert_eq!(pulses[1..], [bad("the connection was lost")]);
}

#[test]
fn only_a_wrong_secret_ends_the_listening() {
    let error = |condition: &str| -> &'static str {
        let text = format!(
            "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             </stream:error></stream:stream>"
        );
        Box::leak(text.into_boxed_str())
    };
    let (end, ..) = played(&[&[OPENED, error("not-authorized")]]);
    assert_eq!(end, Some(ListenEnd::Fatal("the component's secret is not accepted".to_owned())));
    for condition in ["host-unknown", "conflict", "system-shutdown"] {
        let (end, written, pulses) = played(&[&[OPENED, error(condition)], &[OPENED, WELCOME]]);
        assert_eq!(end, None, "{condition}");
        assert_eq!(written.len(), 4, "{condition}: it is tried again");
        assert_eq!(pulses[0], bad(&format!("the server ended the stream: {condition}")));
        assert!(matches!(pulses[1], Pulse::Good { .. }), "{pulses:?}");
    }
}

#[test]
fn rubbish_is_no_server() {
    for (answers, reason) in [
        (&["<html><p></html>"][..], "not XML as a stream may hold it"),
        (&[""], "the connection was lost"),
        (&[OPENED, "<wrong"], "the connection was lost"),
        (&[OPENED, "</stream:stream>"], "the server closed the stream"),
    ] {
        let (end, _, pulses) = played(&[answers]);
        assert_eq!((end, pulses), (None, vec![bad(reason)]), "{answers:?}");
    }
}

#[test]
fn without_a_stream_nothing_leaves() {
    let script = Script::default();
    let connector = Xmpp::new(config(), script.doors()).unwrap();
    let outgoing = say("alice@test", ChatKind::Direct, 1, "안녕");
    let outcome = crate::scripted::run(connector.send(&outgoing));
    assert!(matches!(outcome, Outcome::Deferred { .. }), "{outcome:?}");
    let probe = crate::scripted::run(connector.probe());
    assert_eq!(probe.pulse, bad("no stream to the server"));
}

const WELCOME_AND_WORD: &str = "<handshake/><message from='alice@test/phone' to='ieum@gate.test' \
    type='chat' id='a1'><body>하나</body><request xmlns='urn:xmpp:receipts'/></message>";
const ALIVE_AND_WORD: &str = "<iq type='result' from='test' to='ieum@gate.test/ieum' \
    id='q00000002'/><message from='alice@test/phone' to='ieum@gate.test' \
    type='chat' id='a2'><body>둘</body><request xmlns='urn:xmpp:receipts'/></message>";

#[test]
fn a_slow_disk_holds_up_receipts_and_nothing_else() {
    let answers = VecDeque::from([OPENED, WELCOME_AND_WORD, ALIVE_AND_WORD]);
    let connections = Arc::new(Mutex::new(VecDeque::from([answers])));
    let server = Server { connections, written: Arc::default(), stays: true };
    let script = Script::default();
    let doors = Doors { dial: Arc::new(server.clone()), clock: Arc::new(Still), ..script.doors() };
    let connector = Xmpp::new(config(), doors).unwrap();
    let inbox = Slow::default();
    let mut listening = connector.listen(&inbox, None);
    assert!((&mut listening).now_or_never().is_none());
    assert_eq!(*inbox.events.lock().unwrap(), [1], "handed in, not durable yet");
    let mut probe = connector.probe();
    assert!((&mut probe).now_or_never().is_none());
    assert!((&mut listening).now_or_never().is_none());
    let probe = probe.now_or_never().expect("the server has answered");
    assert!(matches!(probe.pulse, Pulse::Good { .. }), "{probe:?}");
    let receipts = || {
        let written = server.written.lock().unwrap().join("");
        written.matches("<received").count()
    };
    assert_eq!(*inbox.events.lock().unwrap(), [1], "one after the other");
    assert_eq!(receipts(), 0, "nothing says that it was read");
    inbox.writes_one();
    assert!((&mut listening).now_or_never().is_none());
    assert_eq!((receipts(), inbox.events.lock().unwrap().clone()), (1, vec![1, 1]));
    inbox.writes_one();
    assert!((&mut listening).now_or_never().is_none());
    assert_eq!(receipts(), 2);
}
