//! Every form that messengers write, the same talk in each.

use super::*;
use proptest::prelude::*;

const KOREA: i32 = 540;
/// 2023-05-10 15:01:00 in Korea.
const AT: i64 = 1_683_698_460_000;

fn told(text: &str) -> Vec<(String, i64, String)> {
    let past = read(text, KOREA).unwrap();
    assert_eq!(past.unread, Vec::<usize>::new(), "{text}");
    past.messages.into_iter().map(|one| (one.author, one.at.0 - AT, one.text)).collect()
}

fn talk() -> Vec<(String, i64, String)> {
    let line = |author: &str, at, text: &str| (author.to_owned(), at, text.to_owned());
    vec![line("민지", 0, "저녁 먹었어?"), line("유나 이", 60_000, "응\n너는 : 어때?\n\n나도")]
}

#[test]
fn kakaotalk_of_each_device_and_language_tells_the_same() {
    let android = "가족 님과 카카오톡 대화\n저장한 날짜 : 2023년 5월 11일 오전 9:00\n\n\n\
        2023년 5월 10일 오후 3:00\n2023년 5월 10일 오후 3:01, 민지 : 저녁 먹었어?\n\
        2023년 5월 10일 오후 3:02, 유나 이 : 응\n너는 : 어때?\n\n나도\n\
        2023년 5월 10일 오후 3:03, 지수님이 나갔습니다.\n";
    let android_english = "KakaoTalk Chats with 가족\nDate Saved : May 11, 2023 at 9:00 AM\n\n\
        May 10, 2023 at 3:00 PM\nMay 10, 2023 at 3:01 PM, 민지 : 저녁 먹었어?\n\
        May 10, 2023, 3:02 PM, 유나 이 : 응\n너는 : 어때?\n\n나도\n\
        May 10, 2023 at 3:03 PM, 지수 left the chatroom.\n";
    let ios = "가족 카카오톡 대화\n저장한 날짜 : 2023. 5. 11. 오전 9:00\n\n\n\
        2023년 5월 10일 수요일\n2023. 5. 10. 오후 3:01, 민지 : 저녁 먹었어?\n\
        2023. 5. 10. 오후 3:02, 유나 이 : 응\n너는 : 어때?\n\n나도\n\
        2023. 5. 10. 오후 3:03: 지수님이 나갔습니다.\n";
    let windows = "가족 님과 카카오톡 대화\r\n저장한 날짜 : 2023-05-11 09:00:00\r\n\r\n\
        --------------- 2023년 5월 10일 수요일 ---------------\r\n\
        [민지] [오후 3:01] 저녁 먹었어?\r\n[유나 이] [오후 3:02] 응\r\n너는 : 어때?\r\n\r\n나도\r\n";
    let windows_english = "KakaoTalk Chats with 가족\nDate Saved : 2023-05-11 09:00:00\n\n\
        --------------- Wednesday, May 10, 2023 ---------------\n\
        [민지] [3:01 PM] 저녁 먹었어?\n[유나 이] [3:02 PM] 응\n너는 : 어때?\n\n나도\n";
    let macos = "Date,User,Message\n2023-05-10 15:01:00,\"민지\",\"저녁 먹었어?\"\n\
        2023-05-10 15:02:00,\"유나 이\",\"응\n너는 : 어때?\n\n나도\"\n";
    for text in [android, android_english, ios, windows, windows_english, macos] {
        assert_eq!(told(text), talk(), "{text}");
        assert_eq!(told(&format!("\u{feff}{text}")), talk(), "with a mark of its encoding");
    }
}

#[test]
fn line_in_three_languages_tells_the_same() {
    let rest = "15:01\t민지\t저녁 먹었어?\n15:02\t유나 이\t\"응\n너는 : 어때?\n\n나도\"\n\
        15:03\t지수님이 나갔습니다.\n";
    for (head, day) in [
        ("[LINE] 가족와(과)의 대화\n저장한 날짜 : 2023/05/11 09:00", "2023.05.10 수요일"),
        ("[LINE] Chat history in 가족\nSaved on: 5/11/2023, 09:00", "Wed, 5/10/2023"),
        ("[LINE] Chat history in 가족\nSaved on: 2023/05/11 09:00", "2023.05.10 Wednesday"),
        ("[LINE] 가족のトーク履歴\n保存日時：2023/05/11 09:00", "2023/05/10(水)"),
    ] {
        assert_eq!(told(&format!("{head}\n\n{day}\n{rest}")), talk(), "{day}");
    }
    let noon = "[LINE] x\n\n2023/05/10(水)\n午後3:01\t민지\t저녁 먹었어?\n오후 3:02\t유나 이\t응\n";
    assert_eq!(told(noon).len(), 2);
    assert_eq!(told(noon)[1].1, 60_000);
}

#[test]
fn telegram_tells_the_same() {
    let text = r#"{"name": "가족", "type": "personal_chat", "id": 1, "messages": [
        {"id": 1, "type": "service", "date_unixtime": "1683698400", "action": "create_group"},
        {"id": 2, "type": "message", "date": "2023-05-10T15:01:00",
         "date_unixtime": "1683698460", "from": "민지", "text": "저녁 먹었어?"},
        {"id": 3, "type": "message", "date_unixtime": "1683698520", "from": "유나 이",
         "text": ["응\n너는 : ", {"type": "bold", "text": "어때?"}, "\n\n나도"]}]}"#;
    assert_eq!(told(text), talk());
    let odd = r#"{"messages": [{"type": "message", "from": "x"},
        {"type": "message", "date_unixtime": "1", "from": "x", "photo": "p.jpg", "text": ""}]}"#;
    let past = read(odd, KOREA).unwrap();
    assert_eq!((past.unread, past.messages[0].text.as_str()), (vec![1], "[p.jpg]"));
}

#[test]
fn telegram_of_before_2022_and_of_people_who_are_gone_is_read() {
    let text = r#"{"messages": [
        {"type": "message", "date": "2023-05-10T15:01:00", "from": "민지", "text": "저녁 먹었어?"},
        {"type": "message", "date": "2023-05-10T15:02:00", "from": null, "from_id": "user7",
         "text": "응"},
        {"type": "message", "date": "yesterday", "from": "민지", "text": "?"},
        {"type": "message", "date": "2023-05-10", "from": "민지", "text": "?"}]}"#;
    let past = read(text, KOREA).unwrap();
    let line = |author: &str, at, text: &str| PastMessage {
        author: author.to_owned(),
        at: Timestamp(at),
        text: text.to_owned(),
    };
    let expected = vec![line("민지", AT, "저녁 먹었어?"), line("user7", AT + 60_000, "응")];
    assert_eq!((past.messages, past.unread), (expected, vec![3, 4]));
    assert_eq!(read(text, 0).unwrap().messages[0].at.0, AT + 32_400_000);
}

#[test]
fn midnight_noon_and_other_years_are_right() {
    for (text, expected) in [
        ("2023년 5월 10일 오전 12:00, a : b", -15 * 3_600_000 - 60_000),
        ("2023년 5월 10일 오후 12:01, a : b", -3 * 3_600_000),
        ("2024년 2월 29일 오후 3:01, a : b", 295 * 86_400_000),
        ("2023년 3월 1일 오후 3:01, a : b", -70 * 86_400_000),
    ] {
        assert_eq!(told(text)[0].1, expected, "{text}");
    }
    assert_eq!(
        read("2023년 5월 10일 오후 3:01, a : b", 0).unwrap().messages[0].at.0,
        AT + 32_400_000
    );
}

#[test]
fn what_is_no_export_is_not_read_and_odd_lines_are_named() {
    for text in ["", "안녕하세요", "{}", "{\"messages\": 3}", "Date,User,Message\n", "[LINE] x\n"]
    {
        assert_eq!(read(text, KOREA), Err(PastFailure::Unknown), "{text}");
    }
    let table = "Date,User,Message\nnot a date,a,b\n2023-05-10 15:01:00,a,b\n1,2\n";
    let past = read(table, KOREA).unwrap();
    assert_eq!((past.unread, past.unread_count, past.messages.len()), (vec![2, 4], 2, 1));
}

proptest! {
    #[test]
    fn whatever_is_said_is_read_back(
        said in prop::collection::vec(
            ("[가-힣a-z]{1,8}", 0..1_440_u16, "[가-힣a-z !?:,\\[\\]]{1,40}"),
            1..30,
        ),
    ) {
        let mut windows = "--------------- 2023년 5월 10일 수요일 ---------------\n".to_owned();
        let mut line = "[LINE] x\n\n2023.05.10 수요일\n".to_owned();
        let mut table = "Date,User,Message\n".to_owned();
        for (author, minute, text) in &said {
            let (hour, minute) = (minute / 60, minute % 60);
            let noon = if hour < 12 { "오전" } else { "오후" };
            let twelve = (hour + 11) % 12 + 1;
            windows.push_str(&format!("[{author}] [{noon} {twelve}:{minute:02}] {text}\n"));
            line.push_str(&format!("{hour:02}:{minute:02}\t{author}\t{text}\n"));
            table.push_str(&format!("2023-05-10 {hour:02}:{minute:02}:00,{author},\"{text}\"\n"));
        }
        let day = AT - (15 * 60 + 1) * 60_000;
        let expected: Vec<_> = said
            .iter()
            .map(|(author, minute, text)| PastMessage {
                author: author.clone(),
                at: Timestamp(day + i64::from(*minute) * 60_000),
                text: text.trim_end().to_owned(),
            })
            .collect();
        for text in [windows, line, table] {
            prop_assert_eq!(&read(&text, KOREA).unwrap().messages, &expected);
        }
    }

    #[test]
    fn no_file_whatever_breaks_the_reading(text in "(\\PC|\n|\t|\"|,|\\[|\\]|:){0,200}") {
        drop(read(&text, KOREA));
        drop(read(&format!("[LINE] x\n{text}"), KOREA));
        drop(read(&format!("Date,User,Message\n{text}"), KOREA));
    }
}
