//! The stream itself, against a server that plays a script of bytes.

use super::*;
use crate::scripted::Kept;
use bytes::Bytes;
use ieum_core::ports::connector::Pulse;
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, FrameStream};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What a server does on one connection: it answers each write by the next text.
#[derive(Debug, Clone)]
struct Server {
    connections: Arc<Mutex<VecDeque<VecDeque<&'static str>>>>,
    written: Arc<Mutex<Vec<String>>>,
}

struct Connection {
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
        let bytes = self.due.pop_front().unwrap_or_default();
        Box::pin(std::future::ready(Bytes::from_static(bytes.as_bytes())))
    }
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
        let written = Arc::clone(&self.written);
        Box::pin(async move {
            match next {
                Some(answers) => {
                    let due = VecDeque::new();
                    Ok(Box::new(Connection { answers, due, written }) as Box<dyn ByteStream>)
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
    let server = Server { connections: Arc::new(Mutex::new(connections)), written: Arc::default() };
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
