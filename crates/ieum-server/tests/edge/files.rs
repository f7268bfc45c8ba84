//! Links to files: what is served, under which headers, in which parts.

use crate::house::{Answer, House};
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use ieum_core::content::HubSecret;
use ieum_core::ids::AccountId;
use ieum_core::inbound::FileKind;
use ieum_core::media::link::write;
use ieum_core::media::{Kept, MediaId, MediaState, Missing, Wanted};
use ieum_core::ports::media::{
    MediaAnswer, MediaFailure, MediaFile, MediaSink, MediaStore, Opened, PIECE_BYTES_MAX,
};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A media room with one file of each kind, by the first byte of its id.
///
/// What is put there besides is kept, too.
#[derive(Debug, Default)]
pub struct Shelf(Put);

/// What is wanted, and of that what came.
type Put = Arc<Mutex<BTreeMap<MediaId, Option<(Kept, Bytes)>>>>;

/// A file on its way to the shelf.
struct Putting(Put, Vec<u8>);

impl MediaSink for Putting {
    fn write(&mut self, piece: Bytes) -> MediaAnswer<'_, ()> {
        self.1.extend_from_slice(&piece);
        answer(())
    }

    fn keep(self: Box<Self>, id: MediaId, kept: Kept, _: Timestamp) -> MediaAnswer<'static, Kept> {
        let Self(shelf, bytes) = *self;
        let kept = Kept { hash: [7; 32], bytes: bytes.len() as u64, ..kept };
        if let Some(place) = shelf.lock().unwrap().get_mut(&id) {
            *place = Some((kept.clone(), bytes.into()));
        }
        answer(kept)
    }
}

const PNG: u8 = 1;
const HTML: u8 = 2;
const LONG: u8 = 3;
const SICK: u8 = 4;
const LONG_BYTES: usize = 3 * PIECE_BYTES_MAX + 17;

#[derive(Debug)]
struct Bytewise(Bytes);

impl MediaFile for Bytewise {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn piece(&self, at: u64) -> MediaAnswer<'_, Bytes> {
        let at = usize::try_from(at).unwrap().min(self.0.len());
        let end = (at + PIECE_BYTES_MAX).min(self.0.len());
        Box::pin(std::future::ready(Ok(self.0.slice(at..end))))
    }
}

fn long() -> Bytes {
    (0..LONG_BYTES).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

fn answer<T: Send + 'static>(answer: T) -> MediaAnswer<'static, T> {
    Box::pin(std::future::ready(Ok(answer)))
}

impl MediaStore for Shelf {
    fn want(&self, wanted: Vec<Wanted>) -> MediaAnswer<'_, ()> {
        for one in wanted {
            self.0.lock().unwrap().entry(one.id).or_default();
        }
        answer(())
    }

    fn state(&self, id: MediaId) -> MediaAnswer<'_, Option<MediaState>> {
        let put = self.0.lock().unwrap().get(&id).cloned().map(|put| match put {
            Some((kept, _)) => MediaState::Kept(kept),
            None => MediaState::Wanted { tries: 0 },
        });
        answer(put)
    }

    fn due(
        &self,
        _: Timestamp,
        _: Vec<AccountId>,
        _: usize,
    ) -> MediaAnswer<'_, Vec<(Wanted, u32)>> {
        answer(Vec::new())
    }

    fn postpone(&self, _: MediaId, _: Timestamp) -> MediaAnswer<'_, ()> {
        answer(())
    }

    fn give_up(&self, _: MediaId, _: Missing) -> MediaAnswer<'_, ()> {
        answer(())
    }

    fn begin(&self) -> MediaAnswer<'_, Box<dyn MediaSink>> {
        let sink: Box<dyn MediaSink> = Box::new(Putting(Arc::clone(&self.0), Vec::new()));
        answer(sink)
    }

    fn open(&self, id: MediaId, _: Timestamp) -> MediaAnswer<'_, Option<Opened>> {
        if let Some((kept, bytes)) = self.0.lock().unwrap().get(&id).cloned().flatten() {
            return answer(Some(Opened { kept, file: Arc::new(Bytewise(bytes)) }));
        }
        let (media_type, name, bytes): (&str, &str, Bytes) = match id.as_bytes()[0] {
            PNG => ("image/png", "바다 \"1\".png", Bytes::from_static(b"0123456789")),
            HTML => ("text/html", "a.html", Bytes::from_static(b"<script>alert(1)</script>")),
            LONG => ("video/mp4", "", long()),
            SICK => {
                let sick = MediaFailure::Damaged("a chunk".to_owned());
                return Box::pin(std::future::ready(Err(sick)));
            }
            _ => return answer(None),
        };
        let kept = Kept {
            hash: [0xab; 32],
            bytes: bytes.len() as u64,
            kind: FileKind::File,
            media_type: media_type.into(),
            name: name.into(),
            duration_ms: None,
        };
        answer(Some(Opened { kept, file: Arc::new(Bytewise(bytes)) }))
    }

    fn collect(&self, _: Timestamp) -> MediaAnswer<'_, u64> {
        answer(0)
    }

    fn forget(&self, _: Vec<MediaId>) -> MediaAnswer<'_, ()> {
        answer(())
    }

    fn close(&self) -> MediaAnswer<'_, ()> {
        answer(())
    }
}

fn link(house: &House, file: u8) -> String {
    let secret = HubSecret::new(*b"a secret of thirty-two bytes ...");
    let link = write(&secret, MediaId::from_bytes([file; 16]), house.hub.now(), 3_600_000);
    format!("/m/{link}")
}

async fn asked(house: &House, path: &str, range: Option<&str>) -> Answer {
    let request = Request::get(path);
    let request = match range {
        Some(range) => request.header("range", range),
        None => request,
    };
    house.call(request.body(Body::empty()).unwrap()).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_picture_is_shown_and_nothing_in_it_can_run() {
    let house = House::open().await;
    let answer = asked(&house, &link(&house, PNG), None).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"0123456789"[..]));
    for (name, expected) in [
        ("content-type", "image/png"),
        ("content-length", "10"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, max-age=3600"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(header(&answer, name), expected, "{name}");
    }
    let disposition = header(&answer, "content-disposition");
    assert!(disposition.starts_with("inline; filename=\"__ _1_.png\""), "{disposition}");
}

#[tokio::test]
async fn what_could_run_is_only_to_be_saved() {
    let house = House::open().await;
    let answer = asked(&house, &link(&house, HTML), None).await;
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
    assert!(header(&answer, "content-disposition").starts_with("attachment;"));
}

#[tokio::test]
async fn a_range_gives_just_its_bytes() {
    let house = House::open().await;
    let path = link(&house, LONG);
    let whole = long();
    let end = LONG_BYTES - 1;
    let across = PIECE_BYTES_MAX - 5;
    for (range, start, length) in [
        ("bytes=0-0".to_owned(), 0, 1),
        (format!("bytes={across}-{}", across + 9), across, 10),
        ("bytes=-17".to_owned(), LONG_BYTES - 17, 17),
        ("bytes=0-".to_owned(), 0, LONG_BYTES),
    ] {
        let answer = asked(&house, &path, Some(&range)).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.body, whole.slice(start..start + length), "{range}");
        let expected = format!("bytes {start}-{}/{LONG_BYTES}", start + length - 1);
        assert_eq!(header(&answer, "content-range"), expected);
        assert_eq!(header(&answer, "content-length"), length.to_string());
    }
    let beyond = asked(&house, &path, Some(&format!("bytes={}-", end + 1))).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{LONG_BYTES}"));
    let whole_again = asked(&house, &path, Some("bytes=0-1,3-4")).await;
    assert_eq!((whole_again.status, whole_again.body), (StatusCode::OK, whole));
}

#[tokio::test]
async fn a_head_tells_everything_but_the_bytes() {
    let house = House::open().await;
    let request = Request::head(link(&house, LONG)).body(Body::empty()).unwrap();
    let answer = house.call(request).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(header(&answer, "content-length"), LONG_BYTES.to_string());
}

#[tokio::test]
async fn a_link_that_is_not_ours_or_over_tells_nothing() {
    let house = House::open().await;
    let good = link(&house, PNG);
    let mut forged = good.clone();
    forged.replace_range(good.len() - 1.., if good.ends_with('0') { "1" } else { "0" });
    for path in [&*forged, "/m/x", "/m/..%2f..%2fetc%2fpasswd", &link(&house, 9)] {
        let answer = asked(&house, path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("png"));
    }
    house.clock.pass_ms(3 * 3_600_000);
    let over = asked(&house, &good, None).await;
    assert_eq!(over.status, StatusCode::NOT_FOUND);
    assert!(String::from_utf8_lossy(&over.body).contains("expired"));
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_the_small_picture_is_always_there() {
    let house = House::open().await;
    let sick = asked(&house, &link(&house, SICK), None).await;
    assert_eq!(sick.status, StatusCode::SERVICE_UNAVAILABLE);
    let preview = asked(&house, "/m/preview.png", None).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert!(preview.body.starts_with(b"\x89PNG") && preview.body.len() < 1_000);
}
