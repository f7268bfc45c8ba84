//! Pictures on KakaoTalk: bubbles with an address that it fetches.

use super::*;
use crate::scripted::file;

#[test]
fn a_picture_is_a_bubble_of_its_own_behind_the_words() {
    for kind in [ChatKind::Group, ChatKind::Direct] {
        let picture = Part { file: Some(file("사진 {{#x}}.png", b"x")), ..Part::default() };
        let (_, body) = sent(&say(kind, vec![part("[LINE] 유나: 봐"), picture]));
        let expected = json!([
            {"simpleText": {"text": "[LINE] 유나: 봐"}},
            {"simpleImage": {
                "imageUrl": "https://hub.example/m/abc", "altText": "사진 {\u{ff5b}#x}}.png",
            }},
        ]);
        assert_eq!(body["skillResponse"]["template"]["outputs"], expected, "{kind:?}");
    }
}

#[test]
fn buttons_below_a_picture_get_a_card_of_their_own() {
    let button = Button { label: "답하기".to_owned(), payload: "답하기".to_owned() };
    let picture =
        Part { file: Some(file("a.png", b"x")), buttons: vec![button], ..Part::default() };
    let (_, body) = sent(&say(ChatKind::Group, vec![picture]));
    let outputs = body["skillResponse"]["template"]["outputs"].as_array().unwrap().clone();
    assert_eq!(outputs.len(), 2);
    assert!(outputs[0]["simpleImage"].is_object());
    assert_eq!(outputs[1]["textCard"]["buttons"][0]["label"], "답하기");
}
