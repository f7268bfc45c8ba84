//! Peers that misbehave, over real sockets: each one is ended by a limit, and the others are
//! served meanwhile.

use crate::house::{HOOK_SECRET, House, SECRET, said};
use ieum_server::Limits;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Far longer than any limit below; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(8);

struct Served {
    house: House,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

fn limits() -> Limits {
    Limits {
        head_ms_max: 300,
        head_busy_ms_max: 150,
        body_ms_max: 400,
        write_stall_ms_max: 400,
        drain_ms_max: 1_000,
        connections_max: 64,
        ..Limits::default()
    }
}

async fn serve(limits: Limits) -> Served {
    let house = House::with_limits(limits).await;
    house.settle().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (hub, setup) = (house.hub.clone(), house.setup.clone());
    let mut serving = JoinSet::new();
    serving.spawn(ieum_server::serve(listener, hub, setup, async move {
        stopped.await.ok();
    }));
    Served { house, address, stop, serving }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes; what it said.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut socket = self.connect().await;
        // The server may close before it has read all: what it said counts.
        socket.write_all(bytes).await.ok();
        read_to_end(&mut socket).await
    }

    /// Checks that somebody well-behaved is served now.
    async fn check_open(&self) {
        let answer = self.exchange(b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut text)).await;
    // A reset after the answer is as good as an end.
    read.expect("the server ends the connection").ok();
    String::from_utf8_lossy(&text).into_owned()
}

async fn rest_ms(ms: u64) {
    let rest = Duration::from_millis(ms);
    tokio::time::timeout(rest, std::future::pending::<()>()).await.ok();
}

fn hook(body: &str) -> String {
    format!(
        "POST /hooks/bot HTTP/1.1\r\nhost: h\r\nx-secret: {HOOK_SECRET}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn one_connection_carries_many_calls() {
    let served = serve(limits()).await;
    let mut socket = served.connect().await;
    for number in 0..100 {
        let call = hook(&said(&format!("m{number}"), "hi"));
        socket.write_all(call.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1_024];
        let read = socket.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(served.house.store.messages(), 100);
}

#[tokio::test]
async fn heads_that_never_end_are_ended() {
    let served = serve(limits()).await;
    for begun in ["", "P", "POST /hooks/bot HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: h\r\nx:"] {
        let answer = served.exchange(begun.as_bytes()).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    served.check_open().await;
}

#[tokio::test]
async fn one_header_byte_at_a_time_is_ended() {
    let served = serve(limits()).await;
    let mut socket = served.connect().await;
    let slowly = async {
        for byte in b"GET /healthz HTTP/1.1\r\nhost: a-very-long-host-name-indeed\r\n\r\n" {
            if socket.write_all(&[*byte]).await.is_err() {
                return;
            }
            rest_ms(40).await;
        }
        assert!(!read_to_end(&mut socket).await.contains("200"));
    };
    tokio::time::timeout(PATIENCE, slowly).await.unwrap();
    served.check_open().await;
}

#[tokio::test]
async fn a_body_that_stops_or_drips_is_answered_408() {
    let served = serve(limits()).await;
    let whole = hook(&said("m1", "hi"));
    let answer = served.exchange(&whole.as_bytes()[..whole.len() - 5]).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("problem+json"), "{answer}");
    let mut socket = served.connect().await;
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    socket.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
    for byte in body.as_bytes() {
        if socket.write_all(&[*byte]).await.is_err() {
            break;
        }
        rest_ms(30).await;
    }
    let answer = read_to_end(&mut socket).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(served.house.store.messages(), 0);
    served.check_open().await;
}

#[tokio::test]
async fn headers_without_end_or_measure_are_431() {
    let served = serve(limits()).await;
    let long = format!("GET / HTTP/1.1\r\nhost: h\r\nx: {}", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    for head in [long, many] {
        let answer = served.exchange(head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    served.check_open().await;
}

#[tokio::test]
async fn what_is_not_http_is_ended() {
    let served = serve(limits()).await;
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET /\xff HTTP/9.9\r\n\r\n",
        b"POST /hooks/bot HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /hooks/bot HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /hooks/bot HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    ] {
        let answer = served.exchange(bytes).await;
        assert!(!answer.contains("HTTP/1.1 2"), "{answer}");
    }
    served.check_open().await;
}

#[tokio::test]
async fn a_body_of_two_megabytes_reads_its_413() {
    let served = serve(limits()).await;
    let huge = served.exchange(hook(&"x".repeat(2 << 20)).as_bytes()).await;
    assert!(huge.starts_with("HTTP/1.1 413"), "{huge}");
    let head = format!(
        "POST /v1/people HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {SECRET}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let chunked = served.exchange(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()).await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    served.check_open().await;
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let served = serve(limits()).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(served.connect().await);
    }
    tokio::time::timeout(PATIENCE, served.check_open()).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_hangs_up_tears_no_change_apart() {
    let served = serve(limits()).await;
    served.house.store.answer_after_ms(300);
    let mut socket = served.connect().await;
    let body = r#"{"name":"gone before the answer"}"#;
    let call = format!(
        "POST /v1/people HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {SECRET}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(call.as_bytes()).await.unwrap();
    rest_ms(100).await;
    let before = served.house.hub.with_directory(|directory| directory.persons().count());
    drop(socket);
    rest_ms(600).await;
    let after = served.house.hub.with_directory(|directory| directory.persons().count());
    assert_eq!((before, after), (2, 3));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped() {
    const PIPELINED: usize = 16;
    let served = serve(limits()).await;
    let text = "x".repeat(60_000);
    for number in 0..60 {
        let answer = served.house.hook("bot", HOOK_SECRET, said(&format!("m{number}"), &text));
        assert_eq!(answer.await.status, 200);
    }
    let mut socket = served.connect().await;
    let call = format!(
        "GET /v1/conversations/1/messages?limit=60 HTTP/1.1\r\nhost: h\r\n\
         authorization: Bearer {SECRET}\r\n\r\n"
    );
    socket.write_all(call.repeat(PIPELINED).as_bytes()).await.unwrap();
    rest_ms(1_500).await;
    let answer = read_to_end(&mut socket).await;
    assert!(answer.len() < PIPELINED * 60 * text.len() / 2, "all answers were kept for it");
    served.check_open().await;
}

#[tokio::test]
async fn stopping_ends_streams_and_lets_calls_finish() {
    let mut served = serve(limits()).await;
    let mut stream = served.connect().await;
    let call =
        format!("GET /v1/events HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {SECRET}\r\n\r\n");
    stream.write_all(call.as_bytes()).await.unwrap();
    let mut begun = [0; 1_024];
    assert!(stream.read(&mut begun).await.unwrap() > 0);
    let mut late = served.connect().await;
    let whole = hook(&said("m1", "hi"));
    late.write_all(&whole.as_bytes()[..whole.len() - 5]).await.unwrap();
    rest_ms(50).await;
    served.stop.send(()).unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("0\r\n\r\n"));
    late.write_all(&whole.as_bytes()[whole.len() - 5..]).await.unwrap();
    assert!(read_to_end(&mut late).await.starts_with("HTTP/1.1 200"));
    tokio::time::timeout(PATIENCE, served.serving.join_next()).await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
    assert_eq!(served.house.store.messages(), 1);
}
