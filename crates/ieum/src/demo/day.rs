//! What is said: a day of the family, around the outage that is replayed.

use super::cast::Talk;
use ieum_core::time::Timestamp;
use ieum_lab::Scenario;

/// Clock time between two lines in a lively stretch.
const LIVELY_MS: u64 = 12_000;
/// How long before an outage the lively stretch begins, and how long after it ends.
const AROUND_MS: u64 = 180_000;
/// Longest part of an outage that is played line by line; a longer one is spread thin.
const OUTAGE_LINES_MAX: u64 = 60;

/// One line to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// When.
    pub(super) at: Timestamp,
    /// By whom, as a place in the family.
    pub(super) who: usize,
    /// Where.
    pub(super) talk: Talk,
    /// What.
    pub(super) text: String,
    /// Which earlier line it answers.
    pub(super) answers: Option<usize>,
}

/// All lines, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// The lines.
    pub(super) lines: Vec<Line>,
    /// When the outage begins.
    pub(super) outage_at: Timestamp,
    /// When its last cell ends.
    pub(super) outage_ends_at: Timestamp,
    /// Whether stretches without a line may pass faster.
    pub(super) hurries: bool,
}

impl Script {
    /// Replaces the words of all lines by those of a file, one a line.
    pub(super) fn take_words(&mut self, text: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        anyhow::ensure!(!words.is_empty(), "the text file has no line with words");
        for (line, words) in self.lines.iter_mut().zip(words.iter().cycle()) {
            line.text = (*words).to_owned();
        }
        Ok(())
    }
}

/// Hours before and after the outage, who, where, what, and how many lines back it answers.
const QUIET: [(i64, usize, Talk, &str, usize); 16] = [
    (-150, 4, Talk::Family, "다들 잘 잤어? 오늘 비 온대, 우산 챙겨", 0),
    (-149, 0, Talk::Family, "네 엄마 ☔ 챙겼어요", 1),
    (-148, 2, Talk::Family, "할미는 오늘 병원 간다", 0),
    (-147, 1, Talk::Family, "어머니, 제가 세 시에 모시러 갈게요", 1),
    (-146, 0, Talk::Pair(0), "준호야 생일 선물 정했어?", 0),
    (-145, 5, Talk::Pair(0), "아니 아직… 할머니 스카프 어때", 1),
    (-70, 5, Talk::Family, "점심 뭐 먹지", 0),
    (-69, 3, Talk::Family, "김치찌개 🍲", 1),
    (-68, 1, Talk::Pair(1), "유나야 용돈 보냈다", 0),
    (-67, 3, Talk::Pair(1), "아빠 최고!! 감사합니다 ㅎㅎ", 1),
    (70, 4, Talk::Family, "저녁은 일곱 시에 집에서 다 같이 먹자", 0),
    (71, 2, Talk::Family, "갈비 해 놓을게", 1),
    (72, 5, Talk::Family, "할머니 갈비면 무조건 가죠", 1),
    (73, 0, Talk::Pair(0), "케이크는 내가 찾아올게", 0),
    (150, 1, Talk::Family, "다 도착했지? 문 열어 놨다", 0),
    (151, 3, Talk::Family, "지금 엘리베이터예요!", 1),
];

/// What is said again and again around the outage: who, where, what, how many lines back.
const LIVELY: [(usize, Talk, &str, usize); 20] = [
    (3, Talk::Family, "할머니 지금 병원이세요?", 0),
    (2, Talk::Family, "그래, 접수하고 앉아 있다", 1),
    (1, Talk::Family, "저 지금 출발합니다. 이십 분 걸려요", 0),
    (4, Talk::Family, "주차장 꽉 찼대, 후문으로 가", 1),
    (5, Talk::Pair(0), "누나 카톡 나만 안 돼?", 0),
    (0, Talk::Pair(0), "나도 이상해. 이음으로 왔네", 1),
    (0, Talk::Family, "카톡 또 멈췄나 봐요. 다들 받았어요?", 0),
    (3, Talk::Family, "나는 라인으로 잘 보여", 1),
    (5, Talk::Family, "텔레그램도 잘 와요", 2),
    (1, Talk::Pair(1), "유나야 할머니한테 전화 좀 해 줄래", 0),
    (3, Talk::Pair(1), "네 아빠 바로 할게요", 1),
    (4, Talk::Family, "할머니 폰이 안 되나 봐. 내가 간호사실에 전화해 볼게", 0),
    (0, Talk::Family, "진료는 3번 방이래요", 0),
    (1, Talk::Family, "알았다, 도착하면 그리로 간다", 1),
    (5, Talk::Family, "약은 제가 찾아갈게요. 처방전 사진만 나중에 주세요", 0),
    (3, Talk::Family, "다들 침착 ㅋㅋㅋ 별일 없대요", 0),
    (0, Talk::Pair(0), "일단 여기로 계속 얘기하자", 0),
    (5, Talk::Pair(0), "ㅇㅋ 👍", 1),
    (4, Talk::Family, "혈압 괜찮으시대. 다행이다 💚", 0),
    (1, Talk::Family, "모시고 나왔다. 집으로 간다", 0),
];

/// The built-in day.
pub(super) fn script(scenario: &Scenario) -> Script {
    let outage_at = scenario.happened_at();
    let outage_ends_at = ends_at(scenario, outage_at);
    let mut lines = Vec::new();
    let (before, after): (Vec<_>, Vec<_>) = QUIET.iter().partition(|line| line.0 < 0);
    for (minutes, who, talk, text, back) in before {
        let at = Timestamp(outage_at.0 + minutes * 60_000);
        push(&mut lines, at, (who, talk, text, back));
    }
    lively(&mut lines, outage_at, outage_ends_at);
    for (minutes, who, talk, text, back) in after {
        let at = Timestamp(outage_ends_at.0 + minutes * 60_000);
        push(&mut lines, at, (who, talk, text, back));
    }
    Script { lines, outage_at, outage_ends_at, hurries: true }
}

fn lively(lines: &mut Vec<Line>, from: Timestamp, to: Timestamp) {
    let outage = to.ms_since(from);
    let step = LIVELY_MS.max(outage / OUTAGE_LINES_MAX);
    let mut at = Timestamp(from.0 - i64::try_from(AROUND_MS).unwrap_or(0));
    let end = to.plus_ms(AROUND_MS);
    for (who, talk, text, back) in LIVELY.iter().cycle() {
        if at >= end {
            return;
        }
        push(lines, at, (*who, *talk, *text, *back));
        let inside = at >= from && at < to;
        at = at.plus_ms(if inside { step } else { LIVELY_MS });
    }
}

fn push(lines: &mut Vec<Line>, at: Timestamp, (who, talk, text, back): (usize, Talk, &str, usize)) {
    let answers = (back > 0).then(|| lines.len().checked_sub(back)).flatten();
    // Only a line of the same conversation can be answered.
    let answers = answers.filter(|place| lines.get(*place).is_some_and(|line| line.talk == talk));
    lines.push(Line { at, who, talk, text: text.to_owned(), answers });
}

/// When the last cell of a scenario ends.
pub(super) fn ends_at(scenario: &Scenario, start: Timestamp) -> Timestamp {
    let longest = scenario
        .plan()
        .iter()
        .map(|(_, cell, fall_ms)| {
            let seconds = u64::from(cell.start_s) + u64::from(cell.dur_s.unwrap_or(0));
            seconds * 1_000 + fall_ms
        })
        .max();
    start.plus_ms(longest.unwrap_or(0))
}
