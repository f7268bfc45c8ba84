"""`ieum import` beside other people's readers of the same files, through a real hub.

Every form of `import_forms.py` is brought into a conversation of its own, read back through `/v1`,
and compared with what a reader from PyPI makes of the same file: authors, times, words. Where such
a reader is known to be wrong, what it gets wrong is named at the form, and only that is set aside.
"""

import csv
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import import_forms as forms

# The readers below give the writer's own time, as the files do.
os.environ["TZ"] = "UTC"

import harness
from hub import Hub, TELEGRAM
from lab import Lab
from LineTextParser import Linetxt
from kakaotalk_msg_preprocessor import parse as preprocessor_parse
from kakaotalkparse.parse import KakaoTalkParse
from linelog2py.reader import Reader
from tg_export_md.converter import parse_chat
from tg_parser.infrastructure.readers.telegram_json import TelegramJSONReader

KOREA = datetime.timedelta(hours=9)
PAGE = 200


def brought(hub, program, path, conversation):
    """What the command tells of bringing a file."""
    command = [program, "import", "--json", "--conversation", str(conversation),
               "--config", hub.folder / "ieum.toml", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=hub.folder)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def kept(hub, conversation):
    """The messages of a conversation as author, moment and words, oldest first."""
    found, cursor = [], ""
    while cursor is not None:
        page = hub.get(f"/v1/conversations/{conversation}/messages?limit={PAGE}{cursor}")
        found += page["messages"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return [line(message) for message in reversed(found)]


def line(message):
    moment = datetime.datetime.fromtimestamp(message["origin_at_ms"] / 1_000, datetime.timezone.utc)
    return message["author"]["name"], moment.replace(tzinfo=None) + KOREA, message["text"]


def by_preprocessor(kind):
    """kakaotalk-msg-preprocessor; never gives a file's last message, so one more is written."""
    def read(path):
        path.write_text(path.read_text(encoding="utf-8").lstrip("\ufeff") + last(kind))
        return [(one["user_name"], one["datetime"], one["text"])
                for one in preprocessor_parse(kind, path)]
    return read


def last(kind):
    """A line that ends the message before it, in a form that the reader knows."""
    return {"window_ko": f"{'-' * 15} 2030년 1월 1일 화요일 {'-' * 15}\n",
            "android_ko": "2030년 1월 1일 오전 1:00\n",
            "android_en": "January 1, 2030, 1:00 AM\n"}[kind]


def by_kakaotalkparse(path):
    """kakaotalkparse: gives further lines of a message apart, and never a file's last line."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        file.write("\r\n")
    reader = KakaoTalkParse()
    reader.open(path)
    found = []
    for one in reader.parse():
        if one.get("type") != "append":
            found.append([one["speaker"], one["msgTime"].replace(tzinfo=None), one["message"]])
        elif found:
            found[-1][2] += "\n" + one["message"]
    return [tuple(one) for one in found]


def by_csv(path):
    """Python's own reader of tables: those on PyPI that know KakaoTalk's lean on it or its like."""
    with open(path, newline="", encoding="utf-8") as table:
        return [(row["User"], datetime.datetime.fromisoformat(row["Date"]), row["Message"])
                for row in csv.DictReader(table)]


def by_linelog2py(path):
    """linelog2py: takes every quote out of the words, and a line's further lines apart."""
    return [(one.username, one.time, "\n".join(one.textlines))
            for one in Reader.readFile(path) if one.username]


def by_linetextparser(path):
    """LineTextParser: its words begin with the author, and end with empty lines below them."""
    text = path.read_text(encoding="utf-8").split("\n\n", 1)[1]
    options = {"dateSplit": "/", "dateSplitCount": 2, "dateMM": (10, 15), "split": "\t"}
    return [(one.username, datetime.datetime(*one.date, *one.hms),
             one.seq.removeprefix(one.username + "\t").rstrip("\n"))
            for one in Linetxt(text, options).seqs if one.username]


def by_tg_export_md(path):
    """telegram-export-md."""
    chat = parse_chat(json.loads(path.read_text(encoding="utf-8")))
    return [(one.sender, one.date.replace(tzinfo=None), "".join(part.text for part in one.segments))
            for one in chat.messages if one.service is None]


def by_tg_parser(path):
    """tg-parser; gives notices as messages of their own kind."""
    return [(one.author_name, one.timestamp, one.text)
            for one in TelegramJSONReader().read(path).messages
            if one.message_type.value != "service"]


def same(said):
    """Nothing is spoilt."""
    return said


def unquoted(said):
    """linelog2py drops quotes and empty lines, also those that somebody wrote."""
    author, moment, words = said
    return author, moment, words.replace('"', "").replace("\n\n", "\n")


def quoted(said):
    """LineTextParser leaves LINE's quotes around words of several lines, and doubles in them."""
    author, moment, words = said
    return author, moment, '"' + words.replace('"', '""') + '"' if "\n" in words else words


def trimmed(said):
    """kakaotalkparse ends no message before an empty line or the next day's heading."""
    author, moment, words = said
    return author, moment, words.strip()


# Form; how its file is written; who else reads it; what of our reading that reader spoils; what it
# cannot tell apart, so that the talk in this file has none of it.
FORMS = [
    # Takes the last comma before the words for the one behind the time.
    ("kakaotalk-android.txt", forms.kakaotalk_android,
     by_preprocessor("android_ko"), same, {"commas": False}),
    ("kakaotalk-android-english.txt", forms.kakaotalk_android_english,
     by_preprocessor("android_en"), same, {"commas": False}),
    # Windows writes no time before a notice: all readers take it for more of the words above.
    ("kakaotalk-windows.txt", forms.kakaotalk_windows,
     by_preprocessor("window_ko"), same, {"notices": False}),
    ("kakaotalk-windows-2.txt", forms.kakaotalk_windows,
     by_kakaotalkparse, trimmed, {"notices": False}),
    # Takes the last ` : ` for the one behind the name, and notices for more of the words above.
    ("kakaotalk-ios.txt", forms.kakaotalk_ios,
     by_kakaotalkparse, trimmed, {"notices": False, "colons": False}),
    ("kakaotalk-macos.csv", forms.kakaotalk_macos, by_csv, same, {"notices": False}),
    ("line-japanese.txt", forms.line_japanese, by_linelog2py, unquoted, {}),
    ("line-japanese-2.txt", forms.line_japanese, by_linetextparser, quoted, {}),
    ("telegram.json", forms.telegram, by_tg_export_md, same, {}),
    ("telegram-2.json", forms.telegram, by_tg_parser, same, {}),
    ("telegram-before-2022.json", forms.telegram_before_2022, by_tg_parser, same, {}),
    # Nobody else reads these; the hub must give back what was written.
    ("kakaotalk-ios-notices.txt", forms.kakaotalk_ios, None, same, {}),
    ("kakaotalk-android-commas.txt", forms.kakaotalk_android, None, same, {}),
    ("line-korean.txt", forms.line_text, None, same, {}),
]


def first_unlike(one, other):
    """The first place where two lists differ, for people to look at."""
    for number, pair in enumerate(zip(one, other)):
        if pair[0] != pair[1]:
            return number, *pair
    return len(one), len(other), one[len(other):][:1], other[len(one):][:1]


def compare(tally, hub, program, folder, form):
    name, write, read, spoilt, without = form
    with tally.section(name):
        talk = forms.talk(**without)
        said = forms.spoken(talk)
        path = folder / name
        path.write_bytes(write(talk).encode())
        conversation = hub.post("/v1/conversations", kind="group", title=name)["id"]
        told = brought(hub, program, path, conversation)
        ours_kept = kept(hub, conversation)
        tally.check("the hub keeps what was said", ours_kept == said, first_unlike(ours_kept, said))
        tally.equal("every line is read", (told["kept"], told["unread"]), (len(said), 0))
        again = brought(hub, program, path, conversation)
        tally.equal("a second time nothing is new", (again["kept"], again["known"]), (0, len(said)))
        if read:
            theirs = read(path)
            expected = [spoilt(one) for one in ours_kept]
            tally.check("another's reader finds the same", theirs == expected,
                        first_unlike(theirs, expected))


def play(tally, lab, program, folder):
    secrets = {"telegram": lab.telegram["bot_token"]}
    accounts = TELEGRAM.format(telegram=lab.telegram["api"])
    files = folder / "files"
    files.mkdir()
    with Hub(program, folder / "hub", accounts, secrets) as hub:
        for form in FORMS:
            compare(tally, hub, program, files, form)


def main():
    tally = harness.Tally()
    with tempfile.TemporaryDirectory() as folder:
        with tally.section("files of all messengers"):
            play(tally, Lab(), sys.argv[2], pathlib.Path(folder))
    tally.close()


main()
