//! The messages of a conversation as people read them: edits and withdrawals in place, reactions
//! below, and for one's own where each copy went.
//!
//! Invariant: states of deliveries are shown to the author alone.

use super::clock::Wall;
use super::reader::Reader;
use super::sessions::{SignedIn, csrf_field};
use crate::edge::Shared;
use crate::views::message::{ContentKind, MessageView};
use ieum_core::delivery::{Delivery, Label, Recipient, State};
use ieum_core::directory::{ConversationKind, Directory, Language};
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::inbound::FileKind;
use ieum_core::message::Message;
use ieum_core::network::Network;
use ieum_core::people::moderation::REASON_CHARS_MAX;
use ieum_core::ports::store::StoreFailure;
use ieum_core::render::words::network_name;
use ieum_core::time::Timestamp;
use ieum_engine::{FileAt, Present};
use maud::{Markup, html};

/// Longest quotation and list entry, in characters.
const SNIPPET_CHARS_MAX: usize = 80;
/// Most members of a conversation in which the page tells where each copy went: it asks again
/// whenever one of them moves.
const COPIES_MEMBERS_MAX: usize = 200;
/// What one can react with on the page; other signs come from the networks.
const REACTIONS: [&str; 3] = ["👍", "❤️", "😂"];

/// One page of a conversation, the oldest first.
#[derive(Debug)]
pub(super) struct Thread {
    said: Vec<SaidHere>,
    older_before: Option<MessageSeq>,
}

#[derive(Debug)]
struct SaidHere {
    view: MessageView,
    is_mine: bool,
    is_edited: bool,
    is_withdrawn: bool,
    quoted: Option<String>,
    reactions: Vec<ReactionHere>,
    copies: Vec<CopyHere>,
    /// The file that came with it, if one did.
    file: Option<FileAt>,
    /// The newest message of the conversation.
    newest: u64,
    /// Whether those who lead the conversation can be told of it.
    may_report: bool,
}

/// One reaction to a message.
#[derive(Debug)]
struct ReactionHere {
    id: String,
    emoji: String,
    is_mine: bool,
}

/// One copy of one's own message.
#[derive(Debug)]
struct CopyHere {
    name: String,
    network: Option<Network>,
    state: State,
    moved_from: Option<Network>,
}

impl Thread {
    /// Reads what was said before a place.
    pub(super) async fn read(
        edge: &Shared,
        conversation: ConversationId,
        person: PersonId,
        before: MessageSeq,
        rows_max: usize,
    ) -> Result<Self, StoreFailure> {
        let store = edge.hub.store();
        let mut found = store.page_messages(conversation, before, rows_max + 1).await?;
        let more = found.len() > rows_max;
        found.truncate(rows_max);
        let older_before = found.last().filter(|_| more).map(|message| message.seq);
        let mut thread = Self { said: Vec::new(), older_before };
        edge.hub.with_directory(|directory| {
            for message in found.iter().rev() {
                thread.take(MessageView::of(message, directory), person);
            }
        });
        for said in thread.said.iter_mut().filter(|said| said.view.kind == ContentKind::File) {
            let message = found.iter().find(|message| message.seq.0 == said.view.seq);
            if let Some(message) = message {
                said.file = edge.hub.file_at(&message.new.content).await;
            }
        }
        thread.follow(edge).await;
        thread.quote();
        let newest = store.newest_in(vec![conversation]).await?.into_iter().flatten().next();
        for said in &mut thread.said {
            said.newest = newest.map_or(0, |seq| seq.0);
        }
        let (members, is_group) = edge.hub.with_directory(|directory| {
            directory.conversation(conversation).map_or((0, false), |found| {
                (found.members.len(), found.kind != ConversationKind::Direct)
            })
        });
        for said in &mut thread.said {
            said.may_report = is_group && !said.is_mine && said.view.author.person.is_some();
        }
        let shows_copies = members <= COPIES_MEMBERS_MAX;
        for said in thread.said.iter_mut().filter(|said| said.is_mine && shows_copies) {
            let deliveries = store.deliveries_of(MessageSeq(said.view.seq)).await?;
            said.copies = edge.hub.with_directory(|directory| {
                deliveries.iter().map(|one| CopyHere::of(one, directory)).collect()
            });
        }
        Ok(thread)
    }

    /// Puts a message where it belongs: on its own, or into an earlier one.
    fn take(&mut self, view: MessageView, person: PersonId) {
        let target = match view.kind {
            ContentKind::Edit | ContentKind::Withdrawal => view.replaces.clone(),
            ContentKind::Reaction => {
                self.forget_reaction(view.replaces.as_deref());
                view.reply_to.clone()
            }
            ContentKind::ReactionWithdrawal => {
                self.forget_reaction(view.replaces.as_deref());
                return;
            }
            ContentKind::Text | ContentKind::File | ContentKind::Other | ContentKind::Removed => {
                None
            }
        };
        let found = target.and_then(|id| self.said.iter_mut().find(|said| said.view.id == id));
        match (view.kind, found) {
            (ContentKind::Edit, Some(said)) => {
                said.view.text = view.text;
                said.is_edited = true;
            }
            (ContentKind::Withdrawal, Some(said)) => said.is_withdrawn = true,
            (ContentKind::Reaction, Some(said)) => {
                let is_mine = view.author.person == Some(person.0);
                let emoji = view.text.unwrap_or_default();
                said.reactions.push(ReactionHere { id: view.id, emoji, is_mine });
            }
            // What they speak of is on an older page.
            (ContentKind::Withdrawal | ContentKind::Reaction, None) => {}
            (_, _) => self.say(view, person),
        }
    }

    fn forget_reaction(&mut self, id: Option<&str>) {
        let Some(id) = id else { return };
        for said in &mut self.said {
            said.reactions.retain(|reaction| reaction.id != id);
        }
    }

    /// What was changed or withdrawn after the end of this page, however long after.
    async fn follow(&mut self, edge: &Shared) {
        let here = self.said.iter().map(|said| MessageSeq(said.view.seq)).collect();
        let later = match edge.hub.present(here).await {
            Ok(later) => later,
            Err(refusal) => {
                tracing::warn!(%refusal, "a page is shown without later changes to it");
                return;
            }
        };
        for said in &mut self.said {
            match later.get(&MessageSeq(said.view.seq)) {
                Some(Present::Withdrawn) => said.is_withdrawn = true,
                Some(Present::Says(version)) => {
                    let says = edge.hub.with_directory(|all| MessageView::of(version, all));
                    said.view.text = says.text;
                    said.is_edited = true;
                }
                None => {}
            }
        }
    }

    /// Quotes what is answered, as it reads now.
    fn quote(&mut self) {
        let quotes: Vec<Option<String>> = self.said.iter().map(|said| self.quoted(said)).collect();
        for (said, quoted) in self.said.iter_mut().zip(quotes) {
            said.quoted = quoted;
        }
    }

    fn quoted(&self, answer: &SaidHere) -> Option<String> {
        let answered = answer.view.reply_to.as_ref()?;
        let said = self.said.iter().find(|said| said.view.id == *answered)?;
        let words =
            if said.is_withdrawn { "…" } else { said.view.text.as_deref().unwrap_or("…") };
        Some(format!("{}: {}", said.view.author.name, cut(words)))
    }

    fn say(&mut self, view: MessageView, person: PersonId) {
        self.said.push(SaidHere {
            is_mine: view.author.person == Some(person.0),
            is_edited: false,
            is_withdrawn: false,
            quoted: None,
            reactions: Vec::new(),
            copies: Vec::new(),
            file: None,
            newest: 0,
            may_report: false,
            view,
        });
    }

    /// The thread for its reader.
    pub(super) fn shown(&self, reader: &Reader, who: &SignedIn, wall: Wall) -> Markup {
        html! {
            @if let Some(before) = self.older_before {
                p class="older" { a href={ "?before=" (before) } {
                    (reader.say("이전 말 보기", "Earlier messages"))
                } }
            }
            @if self.said.is_empty() {
                p class="empty-line" { (reader.say(
                    "아직 아무 말도 없어요. 먼저 인사해 보세요.",
                    "Nothing was said yet. Say hello.",
                )) }
            }
            ol class="said" { @for (place, said) in self.said.iter().enumerate() {
                @let at = Timestamp(said.view.accepted_at_ms);
                @let earlier = place.checked_sub(1).and_then(|place| self.said.get(place));
                @let earlier = earlier.map(|said| Timestamp(said.view.accepted_at_ms));
                @if !earlier.is_some_and(|earlier| wall.same_day(earlier, at)) {
                    li class="day" { (wall.day(at, reader.language)) }
                }
                li id={ "m" (said.view.seq) } class=(if said.is_mine { "mine" } else { "theirs" }) {
                    (said.shown(reader, who, wall))
                }
            } }
        }
    }
}

impl SaidHere {
    fn shown(&self, reader: &Reader, who: &SignedIn, wall: Wall) -> Markup {
        let view = &self.view;
        let network = view.author.network.map(|word| network_name(word.0, reader.language));
        html! {
            @if !self.is_mine { p class="author" {
                (view.author.name)
                @if let Some(network) = network { span class="quiet" { " · " (network) } }
            } }
            div class="bubble" {
                @if let Some(quoted) = &self.quoted { p class="quoted" { (quoted) } }
                @if self.is_withdrawn {
                    p class="quiet" { (reader.say("거둔 말이에요", "This was withdrawn")) }
                } @else {
                    @if let Some(file) = &self.file { (self.file(reader, file)) }
                    @let words = self.words(reader);
                    @if !words.is_empty() { p class="text" { (words) } }
                }
            }
            @if !self.reactions.is_empty() { p class="reactions" {
                @for reaction in &self.reactions { span { (reaction.emoji) } " " }
            } }
            p class="quiet meta" {
                (wall.clock(Timestamp(view.accepted_at_ms)))
                @if self.is_edited && !self.is_withdrawn {
                    " · " (reader.say("고침", "edited"))
                }
            }
            @if self.is_mine && !self.copies.is_empty() { (self.whereabouts(reader)) }
            @if !self.is_withdrawn { (self.deeds(reader, who)) }
        }
    }

    /// What the reader can do to it.
    fn deeds(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let own = self.reactions.iter().find(|reaction| reaction.is_mine);
        let is_text = self.view.kind == ContentKind::Text;
        html! { details class="more" {
            summary aria-label=(reader.say("더 보기", "More")) { "⋯" }
            div class="deeds" {
                a class="button plain" href={ "?reply=" (self.view.id) } {
                    (reader.say("답하기", "Reply"))
                }
                @match own {
                    Some(own) => (deed(who, &self.view, &own.id, "takeback", None,
                        reader.say("반응 거두기", "Take reaction back"))),
                    None => @for emoji in REACTIONS {
                        (deed(who, &self.view, &self.view.id, "react",
                            Some((emoji, self.newest)), emoji))
                    },
                }
                @if self.is_mine && is_text {
                    a class="button plain" href={ "?edit=" (self.view.id) } {
                        (reader.say("고치기", "Edit"))
                    }
                }
                @if self.is_mine {
                    (deed(who, &self.view, &self.view.id, "withdraw", None,
                        reader.say("거두기", "Withdraw")))
                }
            }
            @if self.may_report { (self.reporting(reader, who)) }
        } }
    }

    /// Telling those who lead the conversation of it.
    fn reporting(&self, reader: &Reader, who: &SignedIn) -> Markup {
        let reason = reader.say("신고하는 까닭", "Reason for reporting this");
        html! { form class="deeds report" method="post"
            action={ "/groups/" (self.view.conversation) } {
            (csrf_field(who))
            input type="hidden" name="number" value=(self.view.seq);
            input name="text" required maxlength=(REASON_CHARS_MAX) autocomplete="off"
                aria-label=(reason) placeholder=(reason);
            button class="plain" name="deed" value="report" { (reader.say("신고", "Report")) }
        } }
    }

    /// The file itself where a page may show it, else the way to it.
    fn file(&self, reader: &Reader, file: &FileAt) -> Markup {
        let name = self.view.file.as_ref().map_or("", |file| &file.name);
        let name = if name.is_empty() { reader.say("파일", "File") } else { name };
        let place = format!("/inbox/{}/files/{}", self.view.conversation, self.view.seq);
        html! { @match file {
            FileAt::Here(kept) if kept.kind == FileKind::Picture => {
                a class="picture" href=(place) { img src=(place) alt=(name) loading="lazy"; }
            }
            FileAt::Here(kept) => {
                a class="file" href=(place) { (name) }
                span class="quiet small" { " " (size(kept.bytes)) }
            }
            FileAt::Coming => p class="file quiet" {
                (name) " · " (reader.say("오는 중이에요", "on its way"))
            },
            FileAt::Nowhere => p class="file quiet" {
                (name) " · " (reader.say("여기에는 없어요", "not here"))
            },
        } }
    }

    fn words(&self, reader: &Reader) -> String {
        let text = self.view.text.clone().unwrap_or_default();
        match &self.view.file {
            Some(_) if self.file.is_some() => text,
            Some(file) => {
                let word = reader.say("파일", "File");
                format!("[{word}] {} {text}", file.name).trim().to_owned()
            }
            None if self.view.kind == ContentKind::Removed => {
                reader.say("지워진 말이에요", "This was removed").to_owned()
            }
            None if text.is_empty() => {
                reader.say("보여 드릴 수 없는 내용이에요", "Cannot be shown here").to_owned()
            }
            None => text,
        }
    }

    fn whereabouts(&self, reader: &Reader) -> Markup {
        let all = self.copies.len();
        let count =
            |which: fn(State) -> bool| self.copies.iter().filter(|copy| which(copy.state)).count();
        let (seen, gone) = (count(|state| state == State::Read), count(arrived));
        let failed = count(|state| matches!(state, State::Expired | State::Dead));
        let summary = match (failed, gone == all) {
            (1.., _) => {
                reader.say(format!("{failed}곳에 못 갔어요"), format!("{failed} not reached"))
            }
            (0, true) if seen > 0 => {
                reader.say(format!("{seen}곳에서 봤어요"), format!("seen by {seen}"))
            }
            (0, true) => reader.say("모두 보냈어요".to_owned(), "sent to all".to_owned()),
            (0, false) => {
                reader.say(format!("{all}곳 중 {gone}곳에 갔어요"), format!("{gone} of {all} sent"))
            }
        };
        html! {
            details class="whereabouts" {
                summary { (summary) }
                ul { @for copy in &self.copies { li { (copy.line(reader)) } } }
            }
        }
    }
}

/// One deed to a message, as a form of its own.
fn deed(
    who: &SignedIn,
    view: &MessageView,
    target: &str,
    deed: &str,
    emoji: Option<(&str, u64)>,
    words: &str,
) -> Markup {
    html! { form method="post" action={ "/inbox/" (view.conversation) "/acts" } {
        (csrf_field(who))
        input type="hidden" name="target" value=(target);
        @if let Some((emoji, seen)) = emoji {
            input type="hidden" name="emoji" value=(emoji);
            input type="hidden" name="seen" value=(seen);
        }
        button class="plain" name="deed" value=(deed) { (words) }
    } }
}

impl CopyHere {
    fn of(delivery: &Delivery, directory: &Directory) -> Self {
        let name = match delivery.recipient {
            Recipient::Person(id) => directory.person(id).map(|person| person.name.to_string()),
            Recipient::Room(id) => directory.room(id).map(|room| room.title.to_string()),
        };
        let network = delivery.route.and_then(|route| directory.network_of(route.account));
        let moved_from = delivery.label.and_then(|label| match label {
            Label::InsteadOf(network) => Some(network),
            Label::Late | Label::Again => None,
        });
        Self { name: name.unwrap_or_default(), network, state: delivery.state, moved_from }
    }

    fn line(&self, reader: &Reader) -> String {
        let name_of = |network| network_name(network, reader.language);
        let way = self.network.map_or(String::new(), |way| format!(" · {}", name_of(way)));
        let state = state_words(self.state, reader.language);
        let moved = self.moved_from.map_or(String::new(), |from| {
            let from = name_of(from);
            reader.say(format!(" ({from} 대신)"), format!(" (instead of {from})"))
        });
        format!("{}{way}{moved}: {state}", self.name)
    }
}

fn arrived(state: State) -> bool {
    // What somebody did not want to get any more looks like what they got: see docs/people.md.
    match state {
        State::Sent
        | State::Delivered
        | State::Read
        | State::Superseded
        | State::Withdrawn
        | State::Doubted => true,
        State::Queued
        | State::Attempting
        | State::Unsure
        | State::Held
        | State::Expired
        | State::Dead => false,
    }
}

/// The state of a delivery in plain words.
pub(super) fn state_words(state: State, language: Language) -> &'static str {
    let (korean, english) = match state {
        State::Queued | State::Attempting => ("보내는 중", "on its way"),
        State::Doubted => ("닿지 않은 듯해 다시 보냄", "probably did not arrive; sent again"),
        State::Unsure => ("닿았는지 확인하는 중", "checking whether it arrived"),
        State::Held => ("메신저가 돌아오기를 기다림", "waits for the network to return"),
        State::Sent | State::Withdrawn => ("보냄", "sent"),
        State::Delivered => ("닿음", "arrived"),
        State::Read => ("봄", "seen"),
        State::Superseded => ("다른 길로 받음", "got it another way"),
        State::Expired => ("시간이 지나 보내지 못함", "too late to be sent"),
        State::Dead => ("보내지 못함", "could not be sent"),
    };
    if language == Language::Ko { korean } else { english }
}

/// A message in one line for the list.
pub(super) fn snippet(reader: &Reader, message: &Message, directory: &Directory) -> String {
    let view = MessageView::of(message, directory);
    let words = match view.kind {
        ContentKind::Withdrawal | ContentKind::ReactionWithdrawal => {
            reader.say("거둔 말이에요", "withdrawn").to_owned()
        }
        ContentKind::Removed => reader.say("지워진 말이에요", "removed").to_owned(),
        ContentKind::Text
        | ContentKind::Edit
        | ContentKind::Reaction
        | ContentKind::File
        | ContentKind::Other => {
            let file = view.file.as_ref().map(|file| file.name.as_str());
            cut(view.text.as_deref().or(file).unwrap_or("…"))
        }
    };
    format!("{}: {words}", view.author.name)
}

fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SNIPPET_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KB", bytes / 1_024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_one_short_line() {
        assert_eq!(cut("가나다\n라마"), "가나다");
        assert_eq!(cut(&"가".repeat(80)).chars().count(), 80);
        assert_eq!(cut(&"가".repeat(81)).chars().count(), 81);
        assert_eq!(cut(""), "");
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        let table = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KB"),
            (1 << 20, "1 MB"),
            (32 << 20, "32 MB"),
        ];
        for (bytes, wanted) in table {
            assert_eq!(size(bytes), wanted);
        }
    }
}
