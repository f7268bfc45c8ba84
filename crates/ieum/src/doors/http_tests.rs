//! The HTTP door against small loopback servers that misbehave in one way each.

use super::*;
use crate::doors::clock::{ScaledClock, SystemClock};
use crate::doors::tls::client_config;
use ieum_core::time::Timestamp;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: HttpLimits = HttpLimits { timeout_ms: 300, answer_bytes_max: 4_096 };

pub(super) fn transport() -> HyperTransport {
    HyperTransport::new(&client_config(), Arc::new(SystemClock))
}

/// Serves every connection with `serve`; the counter tells how many there were.
#[allow(clippy::disallowed_methods, reason = "a test server needs a task")]
pub(super) async fn server<S, F>(serve: S) -> (SocketAddr, Arc<AtomicUsize>)
where
    S: Fn(TcpStream, usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket, number));
        }
    });
    (address, connections)
}

/// Reads one request whole (head and declared body); `None` when the client closed.
pub(super) async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 1_024];
        let count = socket.read(&mut part).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text.into_owned());
        }
    }
}

fn post(address: SocketAddr) -> Request<Bytes> {
    Request::post(format!("http://{address}/bot1:secret/sendMessage?a=b"))
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

async fn call_one<S, F>(serve: S) -> Result<Response<Bytes>, HttpFailure>
where
    S: Fn(TcpStream, usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (address, _) = server(serve).await;
    transport().call(post(address), LIMITS).await
}

fn no_answer(answer: Result<Response<Bytes>, HttpFailure>) -> String {
    match answer {
        Err(HttpFailure::NoAnswer(reason)) => reason,
        other => panic!("expected no answer, got {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_whole_with_status_and_headers() {
    let answer = call_one(|mut socket, _| async move {
        let request = read_request(&mut socket).await.unwrap();
        assert!(request.starts_with("POST /bot1:secret/sendMessage?a=b HTTP/1.1\r\n"));
        assert!(request.to_lowercase().contains("\r\nhost: 127.0.0.1:"));
        let answer = "HTTP/1.1 429 Slow\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}";
        socket.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(answer.body(), "{}");
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = transport().call(post(address), LIMITS).await;
    assert!(matches!(answer, Err(HttpFailure::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn an_unresolvable_name_is_not_sent() {
    let request = Request::get("http://name.invalid/").body(Bytes::new()).unwrap();
    let limits = HttpLimits { timeout_ms: 10_000, ..LIMITS };
    let answer = transport().call(request, limits).await;
    assert!(matches!(answer, Err(HttpFailure::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn an_address_without_a_host_is_not_sent() {
    let request = Request::get("/nowhere").body(Bytes::new()).unwrap();
    let answer = transport().call(request, LIMITS).await;
    assert!(matches!(answer, Err(HttpFailure::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn a_failed_tls_handshake_is_not_sent() {
    let (address, _) = server(|mut socket, _| async move {
        let mut hello = [0; 64];
        let _read = socket.read(&mut hello).await;
        let _written = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let request = Request::get(format!("https://{address}/")).body(Bytes::new()).unwrap();
    let answer = transport().call(request, LIMITS).await;
    assert!(matches!(answer, Err(HttpFailure::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_is_not_sent() {
    let (address, _) = server(|socket, _| hang(socket)).await;
    let request = Request::get(format!("https://{address}/")).body(Bytes::new()).unwrap();
    let answer = transport().call(request, LIMITS).await;
    assert!(matches!(answer, Err(HttpFailure::NotSent(_))), "{answer:?}");
}

async fn hang(socket: TcpStream) {
    let _open = socket;
    std::future::pending().await
}

#[tokio::test]
async fn a_server_that_never_answers_may_have_acted() {
    let reason = no_answer(call_one(|socket, _| hang(socket)).await);
    assert_eq!(reason, "no whole answer within 300 ms");
}

#[tokio::test]
async fn one_byte_a_second_times_out() {
    let reason = no_answer(
        call_one(|mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n";
            let _written = socket.write_all(head.as_bytes()).await;
            while socket.write_all(b" ").await.is_ok() {
                SystemClock.sleep(50).await;
            }
        })
        .await,
    );
    assert_eq!(reason, "no whole answer within 300 ms");
}

#[tokio::test]
async fn the_deadline_runs_on_the_clock_port() {
    let (address, _) = server(|socket, _| hang(socket)).await;
    let clock = ScaledClock::new(1_000.0, Timestamp(0));
    let transport = HyperTransport::new(&client_config(), Arc::new(clock));
    let limits = HttpLimits { timeout_ms: 60_000, ..LIMITS };
    no_answer(transport.call(post(address), limits).await);
}

#[tokio::test]
async fn a_body_over_the_limit_is_told_apart() {
    for head in ["content-length: 5000", "x: y"] {
        let answer = call_one(move |mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
            let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{}", "x".repeat(5_000));
            let _written = socket.write_all(answer.as_bytes()).await;
        })
        .await;
        assert_eq!(answer.unwrap_err(), HttpFailure::AnswerTooLarge, "{head}");
    }
}

#[tokio::test]
async fn an_endless_head_is_no_answer() {
    no_answer(
        call_one(|mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
            let _written = socket.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while socket.write_all(b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").await.is_ok() {}
        })
        .await,
    );
}

#[tokio::test]
async fn html_comes_through_as_it_is() {
    let answer = call_one(|mut socket, _| async move {
        read_request(&mut socket).await.unwrap();
        let html = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n\
                    \r\n<html>maintenance</html>";
        socket.write_all(html.as_bytes()).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.body(), "<html>maintenance</html>");
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    no_answer(
        call_one(|mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
            let _written = socket.write_all(b"220 mail ready\r\n\r\n").await;
        })
        .await,
    );
}

#[tokio::test]
async fn a_connection_lost_before_the_answer_may_have_acted() {
    no_answer(
        call_one(|mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
        })
        .await,
    );
}

/// Closing with unread bytes makes the system send a reset.
#[tokio::test]
async fn a_reset_may_come_after_the_other_side_acted() {
    let (address, _) = server(|mut socket, _| async move {
        let mut part = [0; 16];
        socket.read_exact(&mut part).await.unwrap();
    })
    .await;
    let request =
        Request::post(format!("http://{address}/")).body(Bytes::from(vec![b'x'; 100_000])).unwrap();
    no_answer(transport().call(request, LIMITS).await);
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let (address, _) = server(|mut socket, _| async move {
        while let Some(request) = read_request(&mut socket).await {
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let length = path.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{path}");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let transport = transport();
    let limits = HttpLimits { timeout_ms: 10_000, ..LIMITS };
    let calls = (0..300).map(|number| {
        let request = Request::get(format!("http://{address}/{number}"));
        transport.call(request.body(Bytes::new()).unwrap(), limits)
    });
    let answers = futures_util::future::join_all(calls).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().body(), &format!("/{number}"));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_acted() {
    let reason = no_answer(
        call_one(|mut socket, _| async move {
            read_request(&mut socket).await.unwrap();
            let part = "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n{\"ok\":";
            socket.write_all(part.as_bytes()).await.unwrap();
        })
        .await,
    );
    assert!(reason.starts_with("answer 200 OK broke off"), "{reason}");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_call() {
    let (address, connections) = server(|mut socket, _| async move {
        while read_request(&mut socket).await.is_some() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            socket.write_all(answer).await.unwrap();
        }
    })
    .await;
    let transport = transport();
    for _ in 0..20 {
        transport.call(post(address), LIMITS).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// The server answers once on a connection and closes it; the next call must go out on a new
/// connection, or be told as possibly sent, and never be carried out twice.
#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let (address, connections) = server(|mut socket, _| async move {
        read_request(&mut socket).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(answer).await.unwrap();
    })
    .await;
    let transport = transport();
    for _ in 0..10 {
        transport.call(post(address), LIMITS).await.unwrap();
        SystemClock.sleep(20).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn failures_never_show_the_address_with_its_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = listener.local_addr().unwrap();
    drop(listener);
    let (hanging, _) = server(|socket, _| hang(socket)).await;
    for address in [refused, hanging] {
        let failure = transport().call(post(address), LIMITS).await.unwrap_err();
        assert!(!format!("{failure} {failure:?}").contains("secret"), "{failure}");
    }
}
