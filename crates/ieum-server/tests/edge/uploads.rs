//! Pictures and files from pages, and whoever sends something else, or looks at what is not theirs.

use crate::house::{Answer, House};
use crate::inbox::{csrf, form, open, sign_in, text};
use axum::body::Body;
use http::Request;
use ieum_engine::UPLOAD_BYTES_MAX;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest of a picture";
const PAGE: &[u8] = b"<!DOCTYPE html><html><script>alert(1)</script></html>";

/// One field of a form: its name, the file's name and type if it is one, and its bytes.
type Field<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a [u8]);

fn multipart(path: &str, session: &str, fields: &[Field<'_>]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, file, bytes) in fields {
        let about = file.map_or(String::new(), |(file, _)| format!("; filename=\"{file}\""));
        let kind = file.map_or(String::new(), |(_, kind)| format!("Content-Type: {kind}\r\n"));
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{about}\r\n{kind}\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    Request::post(path)
        .header("content-type", "multipart/form-data; boundary=edge")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", session)
        .body(Body::from(body))
        .unwrap()
}

struct Home {
    house: House,
    session: String,
    other: String,
    place: String,
    csrf: String,
}

impl Home {
    async fn new() -> Self {
        let house = House::open().await;
        let (mina, jun, conversation) = house.settle().await;
        let (session, other) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
        let place = format!("/inbox/{conversation}");
        let csrf = csrf(&text(&open(&house, &place, &session).await));
        Self { house, session, other, place, csrf }
    }

    async fn sends(&self, key: &str, words: &str, file: (&str, &str, &[u8])) -> Answer {
        let (name, kind, bytes) = file;
        let fields: [Field<'_>; 4] = [
            ("csrf", None, self.csrf.as_bytes()),
            ("key", None, key.as_bytes()),
            ("text", None, words.as_bytes()),
            ("file", Some((name, kind)), bytes),
        ];
        let path = format!("{}/files", self.place);
        self.house.call(multipart(&path, &self.session, &fields)).await
    }

    async fn page(&self) -> String {
        text(&open(&self.house, &self.place, &self.other).await)
    }

    async fn said(&self) -> u64 {
        self.house.hub.store().counts().await.unwrap().messages
    }
}

#[tokio::test]
async fn a_picture_is_said_shown_and_given_to_members_alone() {
    let home = Home::new().await;
    let answer = home.sends("k1", "여기 봐", ("바다.png", "image/png", PNG)).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, &*home.place));
    let page = home.page().await;
    let place = format!("{}/files/{}", home.place, home.said().await);
    assert!(page.contains(&format!("<img src=\"{place}\" alt=\"바다.png\"")), "{page}");
    assert!(page.contains("여기 봐"), "{page}");
    let file = open(&home.house, &place, &home.other).await;
    assert_eq!((file.status.as_u16(), &file.body[..]), (200, PNG));
    assert_eq!(file.header("content-type"), "image/png");
    assert!(file.header("content-security-policy").contains("sandbox"));
    let eve = home.house.post("/v1/people", serde_json::json!({ "name": "이브" })).await;
    let eve = sign_in(&home.house, eve.json()["id"].as_u64().unwrap()).await;
    assert_eq!(open(&home.house, &place, &eve).await.status.as_u16(), 404);
    assert_eq!(open(&home.house, &place, "").await.header("location"), "/sign-in");
    let fields: [Field<'_>; 1] = [("file", Some(("a.png", "image/png")), PNG)];
    let path = format!("{}/files", home.place);
    let pushed = home.house.call(multipart(&path, &eve, &fields)).await;
    assert_eq!(pushed.status.as_u16(), 404);
}

#[tokio::test]
async fn a_page_that_is_called_a_picture_is_refused() {
    let home = Home::new().await;
    let before = home.said().await;
    let svg: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (name, kind, bytes) in [
        ("a.png", "image/png", PAGE),
        ("a.svg", "image/svg+xml", svg),
        ("a.mp4", "video/mp4", PAGE),
        ("a.png", "IMAGE/PNG", PAGE),
        ("empty.png", "image/png", b""),
        ("empty", "", b""),
    ] {
        let answer = home.sends("k1", "", (name, kind, bytes)).await;
        assert_eq!(answer.status.as_u16(), 422, "{name} {kind}: {}", text(&answer));
    }
    assert_eq!(home.said().await, before);
}

#[tokio::test]
async fn a_page_sent_as_a_file_is_only_to_be_saved() {
    let home = Home::new().await;
    home.sends("k1", "", ("..\\x/a.html", "text/html", PAGE)).await;
    let page = home.page().await;
    let place = format!("{}/files/{}", home.place, home.said().await);
    assert!(page.contains(&format!("<a class=\"file\" href=\"{place}\">a.html</a>")), "{page}");
    assert!(!page.contains("<img src=\"/inbox"), "{page}");
    let file = open(&home.house, &place, &home.other).await;
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn the_same_key_is_said_once_and_keeps_the_first_bytes() {
    let home = Home::new().await;
    let before = home.said().await;
    let other = [PNG, b" and more"].concat();
    for bytes in [PNG, PNG, &other] {
        home.sends("k1", "", ("a.png", "image/png", bytes)).await;
    }
    assert_eq!(home.said().await, before + 1);
    let place = format!("{}/files/{}", home.place, home.said().await);
    assert_eq!(&open(&home.house, &place, &home.session).await.body[..], PNG);
}

#[tokio::test]
async fn what_no_page_of_this_session_made_is_not_even_read() {
    let home = Home::new().await;
    let before = home.said().await;
    let path = format!("{}/files", home.place);
    let (csrf, file): (Field<'_>, Field<'_>) =
        (("csrf", None, home.csrf.as_bytes()), ("file", Some(("a.png", "image/png")), PNG));
    let key: Field<'_> = ("key", None, b"k1");
    let forged: Field<'_> = ("csrf", None, b"00");
    for fields in
        [vec![forged, key, file], vec![file, csrf, key], vec![csrf, file], vec![key, csrf]]
    {
        let answer = home.house.call(multipart(&path, &home.session, &fields)).await;
        assert_eq!(answer.status.as_u16(), 400, "{fields:?}");
    }
    let mut elsewhere = multipart(&path, &home.session, &[csrf, key, file]);
    elsewhere.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(home.house.call(elsewhere).await.status.as_u16(), 400);
    let plain = form(&path, &home.session, "csrf=x");
    assert!(home.house.call(plain).await.status.is_client_error());
    assert_eq!(home.said().await, before);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_said() {
    let home = Home::new().await;
    let before = home.said().await;
    let mut large = PNG.to_vec();
    large.resize(UPLOAD_BYTES_MAX + 1, 0);
    assert_eq!(home.sends("k1", "", ("a.png", "image/png", &large)).await.status.as_u16(), 422);
    large.resize(UPLOAD_BYTES_MAX + (1 << 20), 0);
    assert_eq!(home.sends("k2", "", ("a.png", "image/png", &large)).await.status.as_u16(), 400);
    assert_eq!(home.said().await, before);
}

#[tokio::test]
async fn a_file_that_was_withdrawn_is_given_to_nobody() {
    let home = Home::new().await;
    home.sends("k1", "", ("a.png", "image/png", PNG)).await;
    let seq = home.said().await;
    let place = format!("{}/files/{seq}", home.place);
    let message = home.house.hub.store().message(ieum_core::ids::MessageSeq(seq)).await.unwrap();
    let id = message.unwrap().new.id;
    let fields = format!("csrf={}&target={id}&deed=withdraw", home.csrf);
    let path = format!("{}/acts", home.place);
    let done = home.house.call(form(&path, &home.session, &fields)).await;
    assert_eq!(done.status.as_u16(), 303, "{}", text(&done));
    let mut status = 200;
    for _ in 0..50 {
        status = open(&home.house, &place, &home.session).await.status.as_u16();
        if status == 404 {
            break;
        }
        home.house.clock.pass_ms(100);
        tokio::task::yield_now().await;
    }
    assert_eq!(status, 404);
}

#[tokio::test]
async fn the_form_works_without_a_script() {
    let home = Home::new().await;
    let page = home.page().await;
    let form = page.split("<form").find(|form| form.contains("/files\"")).unwrap();
    for wanted in ["enctype=\"multipart/form-data\"", "name=\"csrf\"", "name=\"key\""] {
        assert!(form.contains(wanted), "{wanted} in {form}");
    }
    let (words, file) = (form.find("name=\"text\""), form.find("name=\"file\""));
    assert!(words < file && words.is_some(), "the words are read first");
}
