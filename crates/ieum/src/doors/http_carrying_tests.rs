//! Large bodies over loopback: streamed, never whole in memory, never to a private address that a
//! stranger named.

use super::tests::{read_request, server, transport};
use super::*;
use ieum_core::ports::http::{CarryLimits, PieceStream, Reach, Upload};
use std::sync::atomic::AtomicU64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMITS: CarryLimits = CarryLimits { idle_ms: 300, reach: Reach::Anywhere };

/// So many bytes in pieces of 64 KiB; tells how many were asked for.
struct Made {
    left: u64,
    asked: Arc<AtomicU64>,
}

impl PieceStream for Made {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        let size = self.left.min(64 * 1024);
        self.left -= size;
        self.asked.fetch_add(size, Ordering::Relaxed);
        let piece = Bytes::from(vec![7; usize::try_from(size).unwrap()]);
        Box::pin(std::future::ready(Ok((size > 0).then_some(piece))))
    }
}

fn upload(address: std::net::SocketAddr, bytes: u64) -> (Request<Upload>, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let pieces = Box::new(Made { left: bytes, asked: Arc::clone(&asked) });
    let request = Request::post(format!("http://{address}/up"));
    (request.body(Upload::Streamed { bytes, pieces }).unwrap(), asked)
}

fn get(url: &str) -> Request<Upload> {
    Request::get(url).body(Upload::Whole(Bytes::new())).unwrap()
}

async fn all(mut pieces: Box<dyn PieceStream>) -> Result<(usize, usize), HttpFailure> {
    let (mut bytes, mut largest) = (0, 0);
    while let Some(piece) = pieces.next().await? {
        bytes += piece.len();
        largest = largest.max(piece.len());
    }
    Ok((bytes, largest))
}

/// Counts what comes until the declared end, then answers so.
async fn swallow(mut socket: TcpStream, answer: &str) -> usize {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).await.unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let told: usize = told.expect("the length is told").parse().unwrap();
    let (mut read, mut buffer) = (0, vec![0; 64 * 1024]);
    while read < told {
        let count = socket.read(&mut buffer).await.unwrap();
        assert!(count > 0, "cut off after {read} of {told}");
        read += count;
    }
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    read
}

#[tokio::test]
async fn a_large_upload_leaves_piece_by_piece_with_its_length() {
    let (address, _) = server(|socket, _| async {
        let read = swallow(socket, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(read, 20_000_000);
    })
    .await;
    let (request, _) = upload(address, 20_000_000);
    let answer = transport().carry(request, LIMITS).await.unwrap();
    assert_eq!(all(answer.into_body()).await.unwrap(), (2, 2));
}

#[tokio::test]
async fn a_large_answer_comes_piece_by_piece() {
    let (address, _) = server(|mut socket, _| async move {
        read_request(&mut socket).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..8 {
            socket.write_all(&vec![1; 1_000_000]).await.unwrap();
        }
        socket.shutdown().await.unwrap();
    })
    .await;
    let answer = transport().carry(get(&format!("http://{address}/x")), LIMITS).await.unwrap();
    let (bytes, largest) = all(answer.into_body()).await.unwrap();
    assert_eq!(bytes, 8_000_000);
    assert!(largest <= 1_000_000, "{largest}");
}

#[tokio::test]
async fn a_peer_that_takes_nothing_gets_no_more_than_sockets_hold() {
    let (address, _) = server(|socket, _| async move {
        let _held_open = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let (request, asked) = upload(address, 1 << 30);
    let failed = transport().carry(request, LIMITS).await.map(drop).unwrap_err();
    assert!(matches!(failed, HttpFailure::NotSent(_)), "it did not leave whole: {failed}");
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked < 32 << 20, "{asked} bytes were read ahead");
}

#[tokio::test]
async fn what_breaks_is_in_doubt_only_after_the_whole_body_left() {
    let (address, _) = server(|mut socket, _| async move {
        let mut some = [0; 1_000];
        socket.read_exact(&mut some).await.unwrap();
    })
    .await;
    let (request, _) = upload(address, 50_000_000);
    let failed = transport().carry(request, LIMITS).await.map(drop).unwrap_err();
    assert!(matches!(failed, HttpFailure::NotSent(_)), "{failed}");
    let (address, _) = server(|socket, _| async move {
        swallow(socket, "").await;
    })
    .await;
    let (request, _) = upload(address, 1_000);
    let failed = transport().carry(request, LIMITS).await.map(drop).unwrap_err();
    assert!(matches!(failed, HttpFailure::NoAnswer(_)), "{failed}");
}

#[tokio::test]
async fn an_answer_that_stands_still_or_is_cut_is_no_whole_one() {
    for cut in [true, false] {
        let (address, _) = server(move |mut socket, _| async move {
            read_request(&mut socket).await;
            let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
            socket.write_all(half.as_bytes()).await.unwrap();
            if !cut {
                std::future::pending::<()>().await;
            }
        })
        .await;
        let answer = transport().carry(get(&format!("http://{address}/x")), LIMITS).await.unwrap();
        let failed = all(answer.into_body()).await.unwrap_err();
        assert!(matches!(failed, HttpFailure::NoAnswer(_)), "{failed}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_send_us_to_our_own_machines() {
    let (address, connections) = server(|mut socket, _| async move {
        read_request(&mut socket).await;
    })
    .await;
    let port = address.port();
    let limits = CarryLimits { reach: Reach::PublicOnly, ..LIMITS };
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"] {
        let url = format!("http://{host}:{port}/latest/meta-data");
        let failed = transport().carry(get(&url), limits).await.map(drop).unwrap_err();
        assert!(matches!(failed, HttpFailure::NotSent(_)), "{host}: {failed}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}
