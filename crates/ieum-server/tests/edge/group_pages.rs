//! The pages of groups and open conversations, and whoever tries to do what is not theirs.

use crate::house::{Answer, House};
use crate::inbox::{csrf, form, open, sign_in, text};
use ieum_core::directory::ConversationKind;
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::people::groups::{Charter, Role};
use ieum_core::people::moderation::Ruling;
use serde_json::{Value, json};

/// Every deed of the page, with all it may need filled in.
const LEADING: &[&str] = &[
    "deed=rename&text=other",
    "deed=remove&person=2",
    "deed=member&person=2",
    "deed=moderator&person=2",
    "deed=owner&person=2",
    "deed=open",
    "deed=renew",
    "deed=close",
    "deed=slow&number=30",
    "deed=ban&person=2&text=why",
    "deed=unban&person=4",
    "deed=dismissed&number=1",
    "deed=removed&number=1",
    "deed=banned&number=1",
    "deed=part&number=1",
];
const ANYBODYS: &[&str] = &[
    "deed=invite&text=suax",
    "deed=contact&person=2",
    "deed=leave",
    "deed=report&person=2&text=x",
];

/// 민아 (1) leads the group 1 with 준 (2) and the member 수아 (3); 하늘 (4) is nowhere.
async fn group() -> House {
    let house = House::open().await;
    let people = [("민아", "mina"), ("준", "junx"), ("수아", "suax"), ("하늘", "hanul")];
    for (id, (name, handle)) in (1..).zip(people) {
        house.post("/v1/people", json!({ "name": name })).await;
        let path = format!("/v1/people/{id}/handle");
        house.send("PUT", &path, json!({ "handle": handle })).await;
    }
    let mina = sign_in(&house, 1).await;
    let secret = csrf(&text(&open(&house, "/groups", &mina).await));
    let made = house.call(form("/groups", &mina, &format!("csrf={secret}&title=club"))).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (303, "/groups/1"));
    for (id, handle) in [(2, "junx"), (3, "suax")] {
        invited(&house, &mina, id, handle).await;
    }
    let room = json!({ "account": "bot", "chat": "r", "title": "방" });
    house.post("/v1/rooms", room).await;
    house.post("/v1/conversations/1/rooms", json!({ "room": 1 })).await;
    house
}

/// Asks somebody by their handle, who sees it and comes.
async fn invited(house: &House, by: &str, id: u64, handle: &str) {
    let answer = deed(house, by, &format!("deed=invite&text=%40{handle}")).await;
    assert_eq!(answer.header("location"), "/groups/1?done=invited");
    let theirs = sign_in(house, id).await;
    let page = text(&open(house, "/groups", &theirs).await);
    assert!(page.contains("club") && page.contains("name=\"comes\""), "{page}");
    let body = format!("csrf={}&comes=yes", csrf(&page));
    let answer = house.call(form("/groups/1/invitation", &theirs, &body)).await;
    assert_eq!(answer.header("location"), "/groups/1");
}

/// The secret of a session, which is on each of its pages.
async fn secret(house: &House, session: &str) -> String {
    csrf(&text(&open(house, "/groups", session).await))
}

async fn deed(house: &House, session: &str, fields: &str) -> Answer {
    let secret = secret(house, session).await;
    house.call(form("/groups/1", session, &format!("csrf={secret}&{fields}"))).await
}

/// All that deeds can change: title, kind, members and rooms, and the charter.
fn whole(house: &House) -> String {
    let id = ConversationId(1);
    house.hub.with_directory(|all| format!("{:?}{:?}", all.conversation(id), all.charters().of(id)))
}

fn charter(house: &House) -> Charter {
    house.hub.with_directory(|all| Charter::of(all, ConversationId(1)))
}

#[tokio::test]
async fn who_is_not_in_it_sees_nothing_and_does_nothing() {
    let house = group().await;
    let stranger = sign_in(&house, 4).await;
    let before = whole(&house);
    let theirs = open(&house, "/groups/1", &stranger).await;
    let nobodys = open(&house, "/groups/99", &stranger).await;
    assert_eq!((theirs.status.as_u16(), nobodys.status.as_u16()), (404, 404));
    let same = |answer: &Answer, id: &str| text(answer).replace(&format!("/groups/{id}"), "");
    assert_eq!(same(&theirs, "1"), same(&nobodys, "99"));
    for fields in LEADING.iter().chain(ANYBODYS) {
        assert_eq!(deed(&house, &stranger, fields).await.status, 404, "{fields}");
    }
    let body = format!("csrf={}", secret(&house, &stranger).await);
    assert_eq!(house.call(form("/groups/1/code", &stranger, &body)).await.status, 404);
    let answer =
        house.call(form("/groups/1/invitation", &stranger, &format!("{body}&comes=yes"))).await;
    assert_eq!(answer.header("location"), "/groups?done=refused");
    assert_eq!(whole(&house), before);
    assert_eq!(open(&house, "/groups/1", "").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn a_member_who_does_not_lead_changes_nothing_that_leaders_do() {
    let house = group().await;
    let suah = sign_in(&house, 3).await;
    let before = whole(&house);
    for fields in LEADING {
        let answer = deed(&house, &suah, fields).await;
        let refused = answer.header("location") == "/groups/1?done=refused";
        assert!(refused || answer.status == 404, "{fields}: {}", answer.status);
        assert_eq!(whole(&house), before, "{fields}");
    }
    let page = text(&open(&house, "/groups/1", &suah).await);
    for word in ["rename", "slow", "ban", "remove", "owner", "open", "part"] {
        assert!(!page.contains(&format!("name=\"deed\" value=\"{word}\"")), "{word}: {page}");
    }
}

#[tokio::test]
async fn forms_without_the_pages_own_secret_change_nothing() {
    let house = group().await;
    let (mina, jun) = (sign_in(&house, 1).await, sign_in(&house, 2).await);
    let before = whole(&house);
    let stolen = secret(&house, &jun).await;
    for secret in ["", "0", stolen.as_str()] {
        for fields in LEADING.iter().chain(ANYBODYS) {
            let body = format!("csrf={secret}&{fields}");
            assert_eq!(house.call(form("/groups/1", &mina, &body)).await.status, 400, "{fields}");
        }
        let more = [("/groups", "&title=x"), ("/groups/1/code", "")];
        for (path, fields) in more.into_iter().chain([("/groups/1/invitation", "&comes=yes")]) {
            let body = format!("csrf={secret}{fields}");
            assert_eq!(house.call(form(path, &mina, &body)).await.status, 400, "{path}");
        }
    }
    let own = secret(&house, &mina).await;
    let mut foreign = form("/groups/1", &mina, &format!("csrf={own}&deed=leave"));
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(house.call(foreign).await.status, 400);
    assert_eq!(whole(&house), before);
}

#[tokio::test]
async fn leaders_name_appoint_slow_ban_and_let_in_again() {
    let house = group().await;
    let mina = sign_in(&house, 1).await;
    for fields in ["deed=rename&text=reading", "deed=moderator&person=2", "deed=slow&number=30"] {
        let answer = deed(&house, &mina, fields).await;
        assert_eq!(answer.header("location"), "/groups/1?done=kept", "{fields}");
    }
    assert_eq!(charter(&house).role(PersonId(2)), Role::Moderator);
    assert_eq!(charter(&house).slow_ms, 30_000);
    let jun = sign_in(&house, 2).await;
    deed(&house, &jun, "deed=ban&person=3&text=spam").await;
    let page = text(&open(&house, "/groups/1", &jun).await);
    assert!(page.contains("reading") && page.contains("spam") && page.contains("unban"), "{page}");
    let suah = sign_in(&house, 3).await;
    assert_eq!(open(&house, "/groups/1", &suah).await.status, 404);
    deed(&house, &jun, "deed=unban&person=3").await;
    assert!(charter(&house).bans.is_empty());
    let above = deed(&house, &jun, "deed=ban&person=1&text=x").await;
    assert_eq!(above.header("location"), "/groups/1?done=refused");
    let empty = deed(&house, &mina, "deed=rename&text=+").await;
    assert_eq!(empty.header("location"), "/groups/1?done=title");
    let bare = deed(&house, &mina, "deed=remove").await;
    assert_eq!(bare.status, 400, "nobody was named");
}

#[tokio::test]
async fn a_report_waits_for_who_leads_and_names_nobody_who_reported() {
    let house = group().await;
    let (mina, jun) = (sign_in(&house, 1).await, sign_in(&house, 2).await);
    let answer = deed(&house, &jun, "deed=report&person=3&text=%3Cb%3Espam").await;
    assert_eq!(answer.header("location"), "/groups/1?done=reported");
    let page = text(&open(&house, "/groups/1", &mina).await);
    let queue = page.split("<h2>신고</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(queue.contains("수아") && queue.contains("&lt;b&gt;spam"), "{queue}");
    assert!(!queue.contains('준'), "{queue}");
    assert!(!text(&open(&house, "/groups/1", &jun).await).contains("value=\"dismissed\""));
    deed(&house, &mina, "deed=dismissed&number=1").await;
    assert_eq!(charter(&house).reports[0].ruling, Ruling::Dismissed);
    assert_eq!(deed(&house, &mina, "deed=banned&number=1").await.status, 404, "decided once");
    assert!(charter(&house).bans.is_empty());
}

#[tokio::test]
async fn nobody_sits_over_a_report_about_themselves() {
    let house = group().await;
    let (mina, jun) = (sign_in(&house, 1).await, sign_in(&house, 2).await);
    deed(&house, &mina, "deed=moderator&person=2").await;
    deed(&house, &mina, "deed=report&person=2&text=rude").await;
    assert!(!text(&open(&house, "/groups/1", &jun).await).contains("rude"));
    let answer = deed(&house, &jun, "deed=dismissed&number=1").await;
    assert_eq!(answer.header("location"), "/groups/1?done=refused");
    assert_eq!(charter(&house).reports[0].ruling, Ruling::Open);
}

#[tokio::test]
async fn an_open_door_is_public_names_nobody_and_lets_in() {
    let house = group().await;
    let mina = sign_in(&house, 1).await;
    deed(&house, &mina, "deed=open").await;
    let key = charter(&house).key.unwrap();
    deed(&house, &mina, "deed=open").await;
    assert_eq!(charter(&house).key, Some(key), "opened twice is opened once");
    let path = format!("/open/{key}");
    let page = text(&open(&house, &path, "").await);
    assert!(page.contains("club") && page.contains("3명"), "{page}");
    assert!(page.contains(&format!("https://t.me/IeumBot?start={key}")), "{page}");
    assert!(["민아", "수아", "csrf"].iter().all(|word| !page.contains(word)), "{page}");
    let sky = sign_in(&house, 4).await;
    assert_eq!(house.call(form(&path, &sky, "csrf=0")).await.status, 400);
    let body = format!("csrf={}", csrf(&text(&open(&house, &path, &sky).await)));
    assert_eq!(house.call(form(&path, "", &body)).await.header("location"), "/sign-in");
    for _ in 0..2 {
        assert_eq!(house.call(form(&path, &sky, &body)).await.header("location"), "/inbox/1");
    }
    deed(&house, &mina, "deed=ban&person=4&text=x").await;
    let again = house.call(form(&path, &sky, &body)).await;
    assert_eq!(again.header("location"), format!("{path}?done=refused"));
    deed(&house, &mina, "deed=renew").await;
    assert_eq!(open(&house, &path, "").await.status, 404, "the old link is dead");
    deed(&house, &mina, "deed=close").await;
    let kind = house.hub.with_directory(|all| all.conversation(ConversationId(1)).unwrap().kind);
    assert_eq!((kind, charter(&house).key), (ConversationKind::Group, None));
    for wrong in ["/open/x", "/open/22222222222", "/open/222222222222"] {
        assert_eq!(open(&house, wrong, "").await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn a_room_is_joined_by_its_code_in_the_right_mouth_and_parted_by_who_leads() {
    let house = group().await;
    let mina = sign_in(&house, 1).await;
    assert_eq!(
        deed(&house, &mina, "deed=part&number=1").await.header("location"),
        "/groups/1?done=kept"
    );
    assert_eq!(deed(&house, &mina, "deed=part&number=1").await.status, 404, "parted once");
    let body = format!("csrf={}", secret(&house, &mina).await);
    let page = text(&house.call(form("/groups/1/code", &mina, &body)).await);
    let code = page.split("<strong>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let rooms = || {
        house.hub.with_directory(|all| all.conversation(ConversationId(1)).unwrap().rooms.clone())
    };
    let says = async |id: &str, user: &str| {
        let text = format!("연결 {code}");
        let said = json!({ "id": id, "room": "r", "user": user, "text": text }).to_string();
        house.hook("bot", crate::house::HOOK_SECRET, said).await
    };
    says("1", "eve").await;
    assert!(rooms().is_empty(), "the code is worth nothing in another's mouth");
    let tie = json!({ "account": "bot", "user": "mina", "direct": "d", "name": "민아" });
    let tied = house.post("/v1/people/1/addresses", tie).await;
    assert!(tied.status.is_success(), "{:?}", tied.body);
    says("2", "mina").await;
    assert_eq!(rooms().len(), 1);
}

#[tokio::test]
async fn only_contacts_are_invited_without_their_handle() {
    let house = group().await;
    let mina = sign_in(&house, 1).await;
    assert_eq!(deed(&house, &mina, "deed=contact&person=4").await.status, 400);
    assert!(charter(&house).invited.is_empty(), "a number alone finds nobody");
    house.hub.request_contact(PersonId(1), "hanul").await.unwrap();
    house
        .hub
        .answer_contact(PersonId(4), PersonId(1), ieum_core::people::contacts::Standing::Accepted)
        .await
        .unwrap();
    assert!(text(&open(&house, "/groups/1", &mina).await).contains("value=\"contact\""));
    deed(&house, &mina, "deed=contact&person=4").await;
    assert_eq!(charter(&house).invited.len(), 1);
}

#[tokio::test]
async fn markup_and_marks_of_direction_in_names_stay_text() {
    let house = House::open().await;
    let evil = "\u{202e}<script>alert(1)</script>\"'";
    house.post("/v1/people", json!({ "name": evil })).await;
    let body = json!({ "kind": "group", "title": evil, "members": [1] });
    house.post("/v1/conversations", body).await;
    house.send("PUT", "/v1/conversations/1/door", json!({ "open": true })).await;
    let session = sign_in(&house, 1).await;
    let key = charter(&house).key.unwrap();
    for path in ["/groups".to_owned(), "/groups/1".to_owned(), format!("/open/{key}")] {
        let page = text(&open(&house, &path, &session).await);
        assert!(page.contains("<bdi>\u{202e}&lt;script&gt;alert(1)"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
    }
}

#[tokio::test]
async fn who_leaves_is_gone_and_direct_conversations_are_no_groups() {
    let house = group().await;
    let suah = sign_in(&house, 3).await;
    let answer = deed(&house, &suah, "deed=leave").await;
    assert_eq!(answer.header("location"), "/groups?done=left");
    assert!(text(&open(&house, "/groups", &suah).await).contains("아직 모임이 없어요"));
    let body = json!({ "kind": "direct", "title": "", "members": [1, 2] });
    let direct = house.post("/v1/conversations", body).await.json()["id"].clone();
    assert_ne!(direct, Value::Null);
    let mina = sign_in(&house, 1).await;
    assert_eq!(open(&house, &format!("/groups/{direct}"), &mina).await.status, 404);
    let body = format!("csrf={}", secret(&house, &mina).await);
    let code = house.call(form(&format!("/groups/{direct}/code"), &mina, &body)).await;
    assert_eq!(code.status, 404);
}

#[tokio::test]
async fn a_report_at_a_message_is_about_its_author_and_leads_to_it() {
    let house = group().await;
    crate::inbox::say(&house, 1, 3, "사세요 사세요").await;
    let newest = async || house.hub.store().counts().await.unwrap().messages;
    let seq = newest().await;
    let (mina, jun, sua) =
        (sign_in(&house, 1).await, sign_in(&house, 2).await, sign_in(&house, 3).await);
    let field = format!("name=\"number\" value=\"{seq}\"");
    assert!(text(&open(&house, "/inbox/1", &jun).await).contains(&field));
    assert!(!text(&open(&house, "/inbox/1", &sua).await).contains(&field), "one's own");
    // Whoever the form names: it is about who said it.
    let answer = deed(&house, &jun, &format!("deed=report&person=1&number={seq}&text=spam")).await;
    assert_eq!(answer.header("location"), "/groups/1?done=reported");
    let report = charter(&house).reports[0].clone();
    assert_eq!((report.about, report.message.map(|one| one.0)), (PersonId(3), Some(seq)));
    let page = text(&open(&house, "/groups/1", &mina).await);
    let place = format!("/inbox/1?before={}#m{seq}", seq + 1);
    assert!(page.contains(&place), "{page}");
    // Not of another conversation, and not of nothing.
    let other = json!({ "kind": "group", "title": "other", "members": [3] });
    house.post("/v1/conversations", other).await;
    crate::inbox::say(&house, 2, 3, "여기").await;
    let elsewhere = newest().await;
    for seq in [elsewhere, 9_999, u64::MAX] {
        let fields = format!("deed=report&person=3&number={seq}&text=spam");
        assert_eq!(deed(&house, &jun, &fields).await.status.as_u16(), 404, "{seq}");
    }
    assert_eq!(charter(&house).reports.len(), 1);
}
