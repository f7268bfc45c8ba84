"""What messengers write to files, as `import_parsers.py` compares it: one talk in every form.

A talk is a list of lines: author, moment (local to the writer), words. No author is a notice of the
messenger. Each form is written as that messenger's program writes it; nothing here reads.
"""

import csv
import datetime
import io
import json
import random

NAMES = ["민지", "유나 이", "Kim, 'JR'", "🦊여우", "이음"]
WORDS = [
    "안녕", "저녁 먹었어?", "ㅋㅋㅋㅋ", "네, 그래요: 내일 봐요", 'he said "그래"', "a, b, c",
    "사진", "동영상", "이모티콘", "삭제된 메시지입니다.", "파일: 보고서.pdf", "https://example.test/?q=1:2",
    "<b>&amp;</b>", "오후 3:15에 보자", "[회의] [중요] 3시", "2023년에 보자", "👍🏽", "끝. 다음 : 주",
]
SEVERAL = ["첫 줄\n둘째 줄", "목록:\n- 하나\n- 둘\n\n끝", '"따옴표"로 시작\n하는 줄']
LINES = 240
SEED = 20_240_513
# Just before midnight, so that the first day ends soon.
BEGIN = datetime.datetime(2024, 5, 13, 23, 41)
WEEKDAYS = ["월", "화", "수", "목", "금", "토", "일"]
KOREA_SECONDS = 9 * 3_600


def talk(lines=LINES, notices=True, commas=True, colons=True):
    """A talk over a week with noon and midnight in it; without what a reader cannot tell apart:
    notices of the messenger, commas in names, colons between blanks in words."""
    names = [name for name in NAMES if commas or "," not in name]
    told = [words for words in WORDS if colons or " : " not in words]
    dice = random.Random(SEED)
    moment, made = BEGIN, []
    for number in range(lines):
        moment += datetime.timedelta(minutes=dice.choice([0, 0, 1, 3, 11, 47]))
        if number % 40 == 10:
            moment = moment.replace(hour=12, minute=0)
        if number % 40 == 30:
            moment = (moment + datetime.timedelta(days=1)).replace(hour=0, minute=0)
        several = number % 9 == 4
        words = dice.choice(SEVERAL if several else told)
        made.append((dice.choice(names), moment, words if several else f"{words} {number}"))
        if notices and number % 60 == 59:
            made.append((None, moment, "지수님이 나갔습니다."))
    return made


def spoken(lines):
    """The lines that somebody said."""
    return [(author, moment, words) for author, moment, words in lines if author]


def _twelve(moment):
    return moment.hour % 12 or 12, f"{moment.minute:02}", moment.hour >= 12


def _clock(moment):
    hour, minute, late = _twelve(moment)
    return f"{'오후' if late else '오전'} {hour}:{minute}"


def _day(moment):
    return f"{moment.year}년 {moment.month}월 {moment.day}일"


def _weekday(moment):
    return f"{_day(moment)} {WEEKDAYS[moment.weekday()]}요일"


def _by_day(lines, heading, line, end="\n"):
    """Each line below its day's heading."""
    text, day = "", None
    for author, moment, words in lines:
        if moment.date() != day:
            day = moment.date()
            text += heading(moment) + end
        text += line(author, moment, words).replace("\n", end) + end
    return text


def kakaotalk_android(lines):
    """Korean, a telephone of Android."""
    def line(author, moment, words):
        said = f"{author} : {words}" if author else words
        return f"{_day(moment)} {_clock(moment)}, {said}"
    head = f"가족 님과 카카오톡 대화\n저장한 날짜 : {_day(BEGIN)} {_clock(BEGIN)}\n\n\n"
    return head + _by_day(lines, lambda moment: f"{_day(moment)} {_clock(moment)}", line)


def kakaotalk_android_english(lines):
    """English, a telephone of Android."""
    def clock(moment):
        hour, minute, late = _twelve(moment)
        return f"{moment:%B} {moment.day}, {moment.year}, {hour}:{minute} {'PM' if late else 'AM'}"
    def line(author, moment, words):
        said = f"{author} : {words}" if author else words
        return f"{clock(moment)}, {said}"
    head = f"KakaoTalk Chats with 가족\nDate Saved : {clock(BEGIN)}\n\n\n"
    return head + _by_day(lines, clock, line)


def kakaotalk_ios(lines):
    """Korean, an iPhone; its lines end as a telegraph's do."""
    def date(moment):
        return f"{moment.year}. {moment.month}. {moment.day}. {_clock(moment)}"
    def line(author, moment, words):
        return f"{date(moment)}, {author} : {words}" if author else f"{date(moment)}: {words}"
    head = f"가족 카카오톡 대화\r\n저장한 날짜 : {date(BEGIN)}\r\n\r\n\r\n"
    return head + _by_day(lines, _weekday, line, "\r\n")


def kakaotalk_windows(lines):
    """Korean, a PC."""
    def line(author, moment, words):
        return f"[{author}] [{_clock(moment)}] {words}" if author else words
    head = f"\ufeff가족 님과 카카오톡 대화\r\n저장한 날짜 : {BEGIN:%Y-%m-%d %H:%M:%S}\r\n\r\n"
    def heading(moment):
        return f"{'-' * 15} {_weekday(moment)} {'-' * 15}"
    return head + _by_day(lines, heading, line, "\r\n")


def kakaotalk_macos(lines):
    """A Mac: a table, every text in quotes."""
    table = io.StringIO()
    table.write("Date,User,Message\n")
    write = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for author, moment, words in lines:
        moment = f"{moment:%Y-%m-%d %H:%M:%S}"
        table.write(f"{moment},")
        write.writerow([author, words])
    return table.getvalue()


def line_text(lines, language="ko"):
    """LINE's, in Korean or Japanese; several lines stand in quotes, quotes in them doubled."""
    def line(author, moment, words):
        quoted = '"' + words.replace('"', '""') + '"' if "\n" in words else words
        return f"{moment:%H:%M}\t{author}\t{quoted}" if author else f"{moment:%H:%M}\t\t{words}"
    if language == "ja":
        head = f"[LINE] 家族のトーク履歴\n保存日時：{BEGIN:%Y/%m/%d %H:%M}\n"
        def heading(moment):
            return f"\n{moment:%Y/%m/%d}({'月火水木金土日'[moment.weekday()]})"
    else:
        head = f"[LINE] 가족와(과)의 대화\n저장한 날짜 : {BEGIN:%Y/%m/%d %H:%M}\n"
        def heading(moment):
            return f"\n{moment:%Y.%m.%d} {WEEKDAYS[moment.weekday()]}요일"
    return head + _by_day(lines, heading, line)


def line_japanese(lines):
    """LINE's in Japanese."""
    return line_text(lines, "ja")


def telegram_chat(lines, unix=True):
    """Telegram Desktop's; before 2022 it wrote no `date_unixtime`."""
    messages = []
    for number, (author, moment, words) in enumerate(lines, 1):
        message = {"id": number, "type": "message", "date": f"{moment:%Y-%m-%dT%H:%M:%S}"}
        if unix:
            since = moment.replace(tzinfo=datetime.timezone.utc).timestamp() - KOREA_SECONDS
            message["date_unixtime"] = str(int(since))
        if author is None:
            message |= {"type": "service", "actor": "지수", "action": "remove_members", "text": ""}
        else:
            first, _, rest = words.partition(" ")
            bold = [{"type": "bold", "text": first}, " " + rest]
            pieces = bold if rest and number % 5 == 0 else words
            entities = [{"type": "plain", "text": piece} if isinstance(piece, str) else piece
                        for piece in ([words] if pieces is words else pieces)]
            message |= {"from": author, "from_id": f"user{NAMES.index(author)}",
                        "text": pieces, "text_entities": entities}
        messages.append(message)
    return {"name": "가족", "type": "private_group", "id": 7, "messages": messages}


def telegram(lines):
    """One chat."""
    return json.dumps(telegram_chat(lines), ensure_ascii=False, indent=1)


def telegram_before_2022(lines):
    """One chat, whose moments are told in the writer's own time only."""
    return json.dumps(telegram_chat(lines, unix=False), ensure_ascii=False, indent=1)
