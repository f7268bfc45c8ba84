//! What is found, and that an index never hides what matches.

use super::*;
use proptest::prelude::*;

const HERE: ConversationId = ConversationId(1);
const THERE: ConversationId = ConversationId(2);

fn key() -> SearchKey {
    SearchKey::new(&HubSecret::new(*b"a secret of the tests, 32 bytes."))
}

fn found(query: &Query, text: &str) -> bool {
    let marks = key().marks(HERE, text);
    query.marks(&key(), HERE).iter().all(|mark| marks.contains(mark)) && query.matches(text)
}

#[test]
fn korean_is_found_within_words_and_in_any_order() {
    let text = "내일 점심은 김치찌개 어때요? ＡＢＣ Straße";
    for (typed, there) in [
        ("점심", true),
        ("김치", true),
        ("찌개", true),
        ("치찌", true),
        ("찌", true),
        ("어때 내일", true),
        ("  김치찌개\t점심 ", true),
        ("abc", true),
        ("STRASSE", false),
        ("straß", true),
        ("저녁", false),
        ("점심 저녁", false),
        ("심점", false),
        ("일점", false),
        ("\u{1100}\u{1175}\u{11b7}\u{110e}\u{1175}", true),
    ] {
        assert_eq!(found(&Query::read(typed).unwrap(), text), there, "{typed}");
    }
}

#[test]
fn decomposed_syllables_are_the_same_words() {
    let decomposed: String = "한글".nfd().collect();
    assert_ne!(decomposed, "한글");
    assert!(found(&Query::read("한글").unwrap(), &decomposed));
    assert!(found(&Query::read(&decomposed).unwrap(), "한글"));
}

#[test]
fn what_cannot_be_looked_for_is_said() {
    assert_eq!(Query::read(" \t\n\u{0}"), Err(QueryFailure::Empty));
    assert_eq!(Query::read(&"가".repeat(101)), Err(QueryFailure::TooLong));
    assert_eq!(Query::read("a b c d e f g h i"), Err(QueryFailure::TooLong));
    assert!(Query::read("a a a a a a a a a a").is_ok(), "a word counts once");
}

#[test]
fn marks_differ_by_conversation_and_by_hub_and_tell_no_text() {
    let other = SearchKey::new(&HubSecret::new(*b"another secret, of 32 bytes, too"));
    let here = key().marks(HERE, "김치찌개");
    assert!(here.is_disjoint(&key().marks(THERE, "김치찌개")));
    assert!(here.is_disjoint(&other.marks(HERE, "김치찌개")));
    assert_eq!(here.len(), 4 + 3);
    assert!(here.iter().all(|mark| mark.0 < 1 << MARK_BITS));
}

#[test]
fn a_very_long_text_is_found_by_its_beginning() {
    let text: String =
        (0..20_000_u32).filter_map(|n| char::from_u32(0xac00 + n % 11_000)).collect();
    let marks = key().marks(HERE, &text);
    assert_eq!(marks.len(), MARKS_PER_MESSAGE_MAX);
}

#[test]
fn what_messages_do_to_what_is_found() {
    let id = MessageId::from_bytes([1; 32]);
    let salt = [3; 16];
    let text = |content: Content| Finding::of(&content);
    assert_eq!(text(Content::text(salt, "s", "r", "말")), Finding::Said("말".into()));
    let edit = Content::edit(salt, "s", "r", id, "새 말");
    assert_eq!(text(edit), Finding::Instead(id, "새 말".into()));
    let withdrawal = Content::withdrawal(salt, "s", "r", id);
    assert_eq!(text(withdrawal), Finding::Withdrawn(id));
    let reaction = Content::reaction(salt, "s", "r", id, "👍");
    assert_eq!(text(reaction), Finding::Nothing);
}

proptest! {
    #[test]
    fn no_index_hides_what_matches(
        before in ".{0,20}",
        word in "[가-힣a-zA-Z0-9ㄱ-ㅎ]{1,6}|\\PC{1,6}",
        after in ".{0,20}",
    ) {
        if let Ok(query) = Query::read(&word) {
            let text = format!("{before}{word}{after}");
            if query.matches(&text) {
                prop_assert!(found(&query, &text));
            }
            let parted = format!("{before} {word} {after}");
            prop_assert!(found(&query, &parted));
        }
    }

    #[test]
    fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
        let once = folded(&text);
        prop_assert_eq!(folded(&once), once);
    }
}
