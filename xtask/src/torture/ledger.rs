//! What was said, what the hub acknowledged, and what each chat saw, in order: the ground truth.
//!
//! Pure. Invariant: the hub's own word is not asked; what it acknowledged is what generators read
//! from its answers, what was seen is what the sink read from its calls.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Encloses the mark in a text; occurs in nothing that the hub writes.
const MARK: &str = "@@";
/// A label's short id: so many hexadecimal digits.
const SHORT_ID_DIGITS: usize = 4;

/// The whole run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// For each conversation whether message `counter` was acknowledged.
    acknowledged: Vec<Vec<bool>>,
    chats: BTreeMap<String, Chat>,
    /// Texts without a mark: what the hub says by itself.
    own_words: u64,
    strangers: u64,
    redelivered: u64,
    refused: u64,
    given_up: u64,
    surprises: Vec<String>,
}

/// A chat that is owed every message of its conversation.
#[derive(Debug, Default)]
struct Chat {
    conversation: usize,
    /// How often each message was seen.
    seen: BTreeMap<usize, u64>,
    highest: Option<usize>,
    labelled: u64,
    doubled_unlabelled: Vec<usize>,
    out_of_order: Vec<usize>,
}

impl Ledger {
    /// Owes the messages of `conversation` to a chat.
    pub(super) fn owe(&mut self, conversation: usize, chat: String) {
        if self.acknowledged.len() <= conversation {
            self.acknowledged.resize_with(conversation + 1, Vec::new);
        }
        self.chats.insert(chat, Chat { conversation, ..Chat::default() });
    }

    /// A message begins; returns its number within the conversation.
    pub(super) fn begin(&mut self, conversation: usize) -> usize {
        let Some(list) = self.acknowledged.get_mut(conversation) else {
            return 0;
        };
        list.push(false);
        list.len() - 1
    }

    /// The hub answered 200 for it.
    pub(super) fn acknowledge(&mut self, conversation: usize, counter: usize) {
        let list = self.acknowledged.get_mut(conversation);
        if let Some(place) = list.and_then(|list| list.get_mut(counter)) {
            *place = true;
        }
    }

    /// The same event is delivered once more because no answer came.
    pub(super) fn redeliver(&mut self) {
        self.redelivered += 1;
    }

    /// The hub answered that it can store nothing now.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// How often the hub answered so.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets the order so far, when the hub goes back to an older state: what it says again comes
    /// after what was newer.
    pub(super) fn begin_anew(&mut self) {
        for chat in self.chats.values_mut() {
            chat.highest = None;
        }
    }

    /// No answer came, and the network does not try again.
    pub(super) fn give_up(&mut self) {
        self.given_up += 1;
    }

    /// Something that must not happen, whatever was promised.
    pub(super) fn surprise(&mut self, what: String) {
        const KEPT_MAX: usize = 10;
        if self.surprises.len() < KEPT_MAX {
            self.surprises.push(what);
        }
    }

    /// A chat saw a text.
    pub(super) fn see(&mut self, chat: &str, text: &str) {
        let Some((conversation, counter)) = read_mark(text) else {
            self.own_words += 1;
            return;
        };
        let said = self.acknowledged.get(conversation).map_or(0, Vec::len);
        match self.chats.get_mut(chat) {
            Some(chat) if chat.conversation == conversation && counter < said => {
                chat.see(counter, is_labelled(text));
            }
            Some(_) | None => self.strangers += 1,
        }
    }

    /// How many acknowledged messages have not been seen by everybody they are owed to.
    pub(super) fn missing(&self) -> usize {
        self.chats.values().map(|chat| self.missing_in(chat).count()).sum()
    }

    fn missing_in<'a>(&'a self, chat: &'a Chat) -> impl Iterator<Item = usize> + 'a {
        let list = self.acknowledged.get(chat.conversation).into_iter().flatten();
        let known = list.enumerate().filter(|(_, acknowledged)| **acknowledged);
        known.map(|(counter, _)| counter).filter(|counter| !chat.seen.contains_key(counter))
    }

    /// How many messages were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.iter().flatten().filter(|acknowledged| **acknowledged).count()
    }

    /// Whether every promise that can be seen from outside was kept.
    pub(super) fn kept(&self) -> bool {
        let chat_kept =
            |chat: &Chat| chat.doubled_unlabelled.is_empty() && chat.out_of_order.is_empty();
        self.missing() == 0
            && self.strangers == 0
            && self.surprises.is_empty()
            && self.chats.values().all(chat_kept)
    }

    /// The figures, and the first examples of what went wrong.
    pub(super) fn report(&self) -> Value {
        let sum = |count: &dyn Fn(&Chat) -> usize| self.chats.values().map(count).sum::<usize>();
        let copies: u64 = self.chats.values().flat_map(|chat| chat.seen.values()).sum();
        json!({
            "acknowledged": self.acknowledged(),
            "redelivered": self.redelivered,
            "refused": self.refused,
            "given_up": self.given_up,
            "copies": copies,
            "copies_labelled": self.chats.values().map(|chat| chat.labelled).sum::<u64>(),
            "lost": self.missing(),
            "doubled_unlabelled": sum(&|chat| chat.doubled_unlabelled.len()),
            "out_of_order": sum(&|chat| chat.out_of_order.len()),
            "strangers": self.strangers,
            "own_words": self.own_words,
            "surprises": self.surprises,
            "examples": self.examples(),
        })
    }

    fn examples(&self) -> Vec<String> {
        const EXAMPLES_MAX: usize = 10;
        let mut found = Vec::new();
        for (name, chat) in &self.chats {
            let tell = |what: &str, counter: usize| {
                format!("{what} {}:{counter} in {name}", chat.conversation)
            };
            found.extend(self.missing_in(chat).map(|counter| tell("lost", counter)));
            found.extend(chat.doubled_unlabelled.iter().map(|at| tell("doubled", *at)));
            found.extend(chat.out_of_order.iter().map(|at| tell("out of order", *at)));
        }
        found.truncate(EXAMPLES_MAX);
        found
    }
}

impl Chat {
    fn see(&mut self, counter: usize, is_labelled: bool) {
        let times = self.seen.entry(counter).or_default();
        *times += 1;
        if *times > 1 && !is_labelled {
            self.doubled_unlabelled.push(counter);
        }
        // A kill leaves a short run in doubt; its labelled second copies follow what they doubt.
        let is_second_copy = *times > 1 && is_labelled;
        if self.highest > Some(counter) && !is_second_copy {
            self.out_of_order.push(counter);
        }
        self.highest = self.highest.max(Some(counter));
        self.labelled += u64::from(is_labelled);
    }
}

/// The text of a message.
pub(super) fn text(conversation: usize, counter: usize) -> String {
    format!("내일 아홉 시에 정문 앞에서 만나요 {MARK}{conversation}:{counter}{MARK}")
}

fn read_mark(text: &str) -> Option<(usize, usize)> {
    let (_, rest) = text.split_once(MARK)?;
    let (mark, _) = rest.split_once(MARK)?;
    let (conversation, counter) = mark.split_once(':')?;
    Some((conversation.parse().ok()?, counter.parse().ok()?))
}

/// Whether a text begins with a label: brackets that hold `#` and the short id.
fn is_labelled(text: &str) -> bool {
    let label = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let id = label.and_then(|(label, _)| label.split_once('#')).map(|(_, id)| id);
    id.is_some_and(|id| {
        let digits = id.split(' ').next().unwrap_or_default();
        digits.len() == SHORT_ID_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(counters: usize) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.owe(0, "a".to_owned());
        ledger.owe(0, "b".to_owned());
        for counter in 0..counters {
            assert_eq!(ledger.begin(0), counter);
            ledger.acknowledge(0, counter);
        }
        ledger
    }

    fn plain(counter: usize) -> String {
        format!("[LINE] 하나: {}", text(0, counter))
    }

    fn labelled(counter: usize) -> String {
        format!("[다시 보냄 · 두 번 보일 수 있음 #7F2A 13:44]\n{}", plain(counter))
    }

    #[test]
    fn a_run_that_kept_its_promises_says_so() {
        let mut ledger = said(3);
        for chat in ["a", "b"] {
            for text in [plain(0), plain(1), labelled(0), labelled(1), plain(2)] {
                ledger.see(chat, &text);
            }
        }
        ledger.begin(0);
        ledger.see("a", "전할 수 없습니다");
        assert!(ledger.kept(), "{}", ledger.report());
        assert_eq!(ledger.report()["copies_labelled"], 4);
        assert_eq!(ledger.report()["own_words"], 1);
    }

    #[test]
    fn every_kind_of_breach_is_found() {
        type Case = (&'static str, fn(&mut Ledger));
        let cases: [Case; 4] = [
            ("lost", |ledger| ledger.see("a", &plain(0))),
            ("doubled_unlabelled", |ledger| ledger.see("a", &plain(1))),
            ("strangers", |ledger| ledger.see("a", &plain(9))),
            ("strangers", |ledger| ledger.see("c", &plain(0))),
        ];
        for (what, breach) in cases {
            let mut ledger = said(2);
            if what != "lost" {
                for chat in ["a", "b"] {
                    ledger.see(chat, &plain(0));
                    ledger.see(chat, &plain(1));
                }
                assert!(ledger.kept());
            }
            breach(&mut ledger);
            assert!(!ledger.kept(), "{what}");
            assert_ne!(ledger.report()[what], 0, "{what}");
        }
    }

    #[test]
    fn a_first_copy_behind_a_later_one_is_disorder_whatever_its_label() {
        for late in [plain(1), labelled(1)] {
            let mut ledger = said(3);
            for text in [plain(0), plain(2), late] {
                ledger.see("a", &text);
            }
            assert_eq!(ledger.report()["out_of_order"], 1);
        }
    }

    #[test]
    fn labels_are_told_from_names() {
        for text in [labelled(0), "[#7F2A] x".to_owned(), "[카톡 지연 #00ff 13:44]\nx".to_owned()]
        {
            assert!(is_labelled(&text), "{text}");
        }
        for text in [plain(0), "[#7F2] x".to_owned(), "x [#7F2A]".to_owned(), String::new()] {
            assert!(!is_labelled(&text), "{text}");
        }
    }
}
