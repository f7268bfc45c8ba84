//! The dialling door against small loopback gateways.

use super::*;
use crate::doors::clock::SystemClock;
use crate::doors::tls::client_config;
use std::net::SocketAddr;
use tokio::net::TcpListener;

type Gateway = WebSocketStream<TcpStream>;

#[allow(clippy::disallowed_methods, reason = "a test server needs a task")]
async fn gateway<S, F>(serve: S) -> SocketAddr
where
    S: FnOnce(Gateway) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        serve(tokio_tungstenite::accept_async(socket).await.unwrap()).await;
    });
    address
}

async fn open(address: SocketAddr) -> Box<dyn FrameStream> {
    let dial = TungsteniteDial::new(client_config(), Arc::new(SystemClock));
    let url = format!("ws://{address}/gateway");
    dial.websocket(&url, 2_000).await.unwrap()
}

#[tokio::test]
async fn texts_go_both_ways_and_a_close_code_arrives() {
    let address = gateway(|mut gateway| async move {
        gateway.send(Message::text("안녕")).await.unwrap();
        gateway.send(Message::Ping("x".into())).await.unwrap();
        gateway.send(Message::binary(vec![1, 2])).await.unwrap();
        let mut read = gateway.next().await.unwrap().unwrap();
        if read.is_pong() {
            read = gateway.next().await.unwrap().unwrap();
        }
        gateway.send(read).await.unwrap();
        let frame = CloseFrame { code: CloseCode::from(4004), reason: "".into() };
        gateway.close(Some(frame)).await.unwrap();
    })
    .await;
    let mut stream = open(address).await;
    assert_eq!(stream.next().await, Frame::Text("안녕".to_owned()));
    stream.send("그래".to_owned()).await.unwrap();
    assert_eq!(stream.next().await, Frame::Text("그래".to_owned()));
    for _ in 0..3 {
        assert_eq!(stream.next().await, Frame::Closed(Some(4004)));
    }
    assert!(stream.send("더".to_owned()).await.is_err());
}

#[tokio::test]
async fn a_lost_connection_has_no_code() {
    let address = gateway(|gateway| async move { drop(gateway) }).await;
    let mut stream = open(address).await;
    assert_eq!(stream.next().await, Frame::Closed(None));
    assert_eq!(stream.next().await, Frame::Closed(None));
}

#[tokio::test]
async fn our_close_code_reaches_the_other_side() {
    let (told, hears) = tokio::sync::oneshot::channel();
    let address = gateway(|mut gateway| async move {
        if let Some(Ok(Message::Close(Some(frame)))) = gateway.next().await {
            told.send(u16::from(frame.code)).unwrap();
        }
    })
    .await;
    let mut stream = open(address).await;
    stream.close(4000).await;
    assert_eq!(hears.await.unwrap(), 4000);
    assert_eq!(stream.next().await, Frame::Closed(None));
}

#[tokio::test]
async fn a_dropped_read_loses_no_frame() {
    let address = gateway(|mut gateway| async move {
        for number in 0..200 {
            let text = format!("{number}:{}", "가".repeat(3_000));
            if gateway.send(Message::text(text)).await.is_err() {
                return;
            }
        }
        std::future::pending().await
    })
    .await;
    let mut stream = open(address).await;
    let mut expected = 0;
    while expected < 200 {
        let read = tokio::select! {
            biased;
            frame = stream.next() => Some(frame),
            () = tokio::task::yield_now() => None,
        };
        if let Some(Frame::Text(text)) = read {
            assert!(text.starts_with(&format!("{expected}:")), "at {expected}");
            expected += 1;
        }
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_stream() {
    let address = gateway(|mut gateway| async move {
        let _sent = gateway.send(Message::text("x".repeat(FRAME_BYTES_MAX + 1))).await;
        std::future::pending().await
    })
    .await;
    assert_eq!(open(address).await.next().await, Frame::Closed(None));
}

#[tokio::test]
async fn an_opening_that_hangs_or_is_refused_fails_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dial = TungsteniteDial::new(client_config(), Arc::new(SystemClock));
    let url = format!("ws://{address}/");
    let failure = dial.websocket(&url, 100).await.err().unwrap();
    assert_eq!(failure.0, "not open within 100 ms");
    drop(listener);
    assert!(dial.websocket(&url, 2_000).await.is_err());
    assert!(dial.websocket("http://127.0.0.1/", 2_000).await.is_err());
}

#[allow(clippy::disallowed_methods, reason = "a test server needs a task")]
async fn bare<S, F>(serve: S) -> Box<dyn ByteStream>
where
    S: FnOnce(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let dial = TungsteniteDial::new(client_config(), Arc::new(SystemClock));
    dial.tcp(&address, 2_000).await.unwrap()
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_end_stays_the_end() {
    let mut stream = bare(|mut socket| async move {
        let mut heard = [0; 6];
        socket.read_exact(&mut heard).await.unwrap();
        socket.write_all(&heard).await.unwrap();
    })
    .await;
    stream.send(Bytes::from_static("안녕".as_bytes())).await.unwrap();
    let mut heard = BytesMut::new();
    while heard.len() < 6 {
        heard.extend_from_slice(&stream.next().await);
    }
    assert_eq!(heard, "안녕".as_bytes());
    for _ in 0..3 {
        assert_eq!(stream.next().await, Bytes::new());
    }
}

#[tokio::test]
async fn a_read_that_was_given_up_loses_no_byte() {
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let mut stream = bare(|mut socket| async move {
        wait.await.unwrap();
        socket.write_all(&[7; 200_000]).await.unwrap();
    })
    .await;
    assert!(stream.next().now_or_never().is_none());
    go.send(()).unwrap();
    let mut heard = 0;
    loop {
        if let Some(bytes) = stream.next().now_or_never() {
            assert!(bytes.len() <= CHUNK_BYTES_MAX && bytes.iter().all(|byte| *byte == 7));
            heard += bytes.len();
            if bytes.is_empty() {
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(heard, 200_000);
}

#[tokio::test]
async fn nobody_there_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let dial = TungsteniteDial::new(client_config(), Arc::new(SystemClock));
    assert!(dial.tcp(&address, 2_000).await.is_err());
}

#[tokio::test]
async fn who_cannot_prove_a_name_is_not_spoken_to_over_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dial = TungsteniteDial::new(client_config(), Arc::new(SystemClock));
    for address in [format!("127.0.0.1:{port}"), format!("not a name:{port}")] {
        let answering = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"* OK I speak no TLS\r\n").await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            opened = dial.tls(&address, 5_000) => assert!(opened.is_err(), "{address}"),
            () = answering => unreachable!("it never ends"),
        }
    }
}
