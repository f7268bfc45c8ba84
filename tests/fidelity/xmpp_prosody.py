"""A real hub between a room of Prosody and a Telegram group of the lab, with slixmpp as a person.

Everything both can carry goes both ways; then the server is away, then the hub is killed, while
fifty messages are said on each side.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import harness
from hub import Hub, TELEGRAM, UNHURRIED
from lab import Lab
from prosody import COMPONENT, ROOMS, SECRET, Prosody
from xmpp_person import Person, room_id

ROOM = f"family@{ROOMS}"
MESSAGES = 50
FIRST_SECONDS_MAX = 3.0
# What of one lane can be on its way at once: docs/decisions/0003.
CLAIMED_MAX = 4

ACCOUNTS = TELEGRAM + UNHURRIED + """
[[account]]
name = "xmpp"
network = "xmpp"
address = "127.0.0.1:{port}"
domain = "{component}"
server = "town.test"
component_secret = {{ file = "xmpp" }}
rooms = ["{room}"]
"""


def telegram_line(lab, text, seconds=10):
    """The line with these words on 하루's Telegram."""
    lines = lambda: lab.screen("telegram", "haru")
    look = lambda: next((line for line in lines() if text in line["text"]), None)
    found = harness.eventually(look, seconds)
    if found is None:
        raise TimeoutError(f"{text!r} is not among {[line['text'] for line in lines()][-5:]}")
    return found


def words(tally, lab, alice):
    with tally.section("words go both ways, each under its author's name"):
        alice.say(ROOM, "hello from a room that was here before")
        line = telegram_line(lab, "hello from a room")
        tally.equal("Telegram sees her", line["text"],
                    "[XMPP] alice: hello from a room that was here before")
        lab.say("telegram", "haru", "안녕 <&> \"친구\"", room="friends")
        line = alice.line("안녕 <&> \"친구\"")
        tally.equal("she sees an occupant of his name", line["from"].resource, "하루 · Telegram")
        tally.check("the room gave it an id", room_id(line, ROOM), line)
        lab.say("telegram", "bora", "나도", room="friends")
        tally.equal("another one has her own", alice.line("나도")["from"].resource,
                    "보라 · Telegram")
        tally.check("both are in the room",
                    {"하루 · Telegram", "보라 · Telegram", "이음"} <= set(alice.people))


def points(tally, lab, alice):
    with tally.section("answers point to what they answer"):
        said = lab.say("telegram", "haru", "저녁 먹었어?", room="friends")
        line = alice.line("저녁 먹었어?")
        answered = room_id(line, ROOM)

        def reply(message):
            message["body"] = "> 저녁 먹었어?\nyes"
            message["reply"]["id"] = answered
            message["reply"]["to"] = line["from"]
            message["fallback"]["for"] = "urn:xmpp:reply:0"
            message["fallback"]["body"]["start"] = 0
            message["fallback"]["body"]["end"] = len("> 저녁 먹었어?\n")

        alice.say(ROOM, "", reply=reply)
        shown = telegram_line(lab, "yes")
        tally.equal("without the quoted words", shown["text"], "[XMPP] alice: yes")
        tally.equal("to the same message", shown["reply_to"], said["message"])
        lab.say("telegram", "bora", "뭐 먹었어", room="friends", reply_to=shown["message"])
        line = alice.line("뭐 먹었어")
        own = alice.line("> 저녁 먹었어?\nyes")
        tally.equal("hers is pointed to", line["reply"]["id"], room_id(own, ROOM))
        tally.equal("with its author", str(line["reply"]["to"]), f"{ROOM}/alice")


def changes(tally, lab, alice):
    with tally.section("corrections, retractions and reactions go both ways"):
        ident = alice.say(ROOM, "teh cat")
        shown = telegram_line(lab, "teh cat")
        alice.say(ROOM, "the cat", replace=lambda m: m["replace"].__setitem__("id", ident))
        place = lambda: next(line for line in lab.screen("telegram", "haru")
                             if line["message"] == shown["message"])
        fixed = harness.eventually(lambda: "the cat" in place()["text"])
        tally.check("her correction changes the line", fixed, place())
        native = room_id(alice.line("teh cat"), ROOM)
        alice.do(lambda: alice.plugin["xep_0444"].send_reactions(ROOM, native, ["👍"])
                 if False else reactions(alice, native, "👍"))
        seen = harness.eventually(lambda: place()["reactions"])
        tally.check("her reaction is seen", seen and "👍" in json.dumps(seen, ensure_ascii=False), seen)
        alice.do(lambda: retract(alice, native))
        gone = lambda: not any(line["message"] == shown["message"] and not line["withdrawn"]
                               for line in lab.screen("telegram", "haru"))
        tally.check("her retraction takes it back", harness.eventually(gone), place)

        said = lab.say("telegram", "haru", "오타아", room="friends")
        line = alice.line("오타아")
        there = {"room": "friends", "message": said["message"]}
        lab.act("edit", "telegram", "haru", text="오타", **there)
        edit = alice.line("오타")
        tally.equal("his correction names the first", edit["replace"]["id"], line["id"])
        tally.equal("and is his", edit["from"], line["from"])
        lab.act("react", "telegram", "bora", emoji="❤", **there)
        native = room_id(line, ROOM)
        marks = lambda: [m for m in list(alice.seen) if m["reactions"]["id"] == native]
        seen = harness.eventually(marks)
        tally.check("a reaction reaches the room", seen and "❤" in str(seen[0]), seen)


def reactions(alice, native, emoji):
    message = alice.make_message(ROOM, mtype="groupchat")
    message["reactions"]["id"] = native
    alice.plugin["xep_0444"].set_reactions(message, native, [emoji])
    message.enable("store")
    message.send()


def retract(alice, native):
    message = alice.make_message(ROOM, mtype="groupchat")
    message["retract"]["id"] = native
    message.send()


def marks(tally, lab, alice):
    with tally.section("who is called is called, and strong words stay strong"):
        lab.say("telegram", "haru", "@alice *그대로* 왔어?", room="friends")
        line = alice.line("@alice *그대로* 왔어?")
        reference = line.xml.find("{urn:xmpp:reference:0}reference")
        tally.check("she is referred to", reference is not None
                    and (reference.get("begin"), reference.get("end")) == ("0", "6"), line)
        tally.equal("by her place in the room", reference.get("uri"),
                    "xmpp:family@rooms.town.test/alice")
        unstyled = line.xml.find("{urn:xmpp:styling:0}unstyled")
        tally.check("his stars are stars", unstyled is not None, line)
        alice.say(ROOM, "하루 · Telegram: *정말* 왔어")
        shown = telegram_line(lab, "정말 왔어")
        tally.equal("he is called by his name", shown["text"], "[XMPP] alice: @하루: 정말 왔어")


def direct(tally, hub, alice):
    with tally.section("a person writes to us directly"):
        us = f"ieum@{COMPONENT}"
        ident = alice.tell(us, "help")
        answer = harness.eventually(
            lambda: [m for m in list(alice.seen) if m["type"] == "chat" and m["body"]])
        tally.check("we answer", answer, alice.errors)
        tally.check("by our own address", answer and answer[0]["from"].bare == us, answer)
        word = harness.eventually(
            lambda: [m for m in list(alice.seen) if m["receipt"] == ident])
        tally.check("and say that it has arrived", word, alice.texts())


def numbered(lines, head):
    """The numbers behind a head, in the order of the lines."""
    return [int(text.rsplit(" ", 1)[1]) for text in lines if head + " " in text]


def in_room(alice, head):
    return numbered([text for _, text in alice.texts()], head)


def in_telegram(lab, head):
    return numbered(lab.texts("telegram", "haru"), head)


def first_said_at(alice, head):
    """When the room got the first of these: by its own word where it kept it for her."""
    line = next(line for line in list(alice.seen) if head + " 0" in line["body"])
    stamp = line["delay"]["stamp"]
    return stamp.timestamp() if stamp else line.seen_at


def server_away(tally, lab, hub, prosody, alice):
    everything = list(range(MESSAGES))
    name = f"the server is away for {harness.AWAY_SECONDS:.0f} s while fifty messages are said"
    with tally.section(f"{name} and the hub is killed"):
        prosody.stop()
        harness.meanwhile(everything, hub, lambda number: lab.say(
            "telegram", "haru", f"away {number}", room="friends"))
        prosody.start()
        back = time.time()
        alice.sign_in(prosody.client_port)
        alice.enter(ROOM, "alice", history="100")
        first = harness.eventually(lambda: in_room(alice, "away"), 20)
        took = first_said_at(alice, "away") - back
        tally.check(f"the first comes within {FIRST_SECONDS_MAX} s",
                    first and took <= FIRST_SECONDS_MAX, took)
        print(f"        first after {took:.2f} s")
        harness.eventually(lambda: len(in_room(alice, "away")) >= MESSAGES, 60)
        took = time.time() - back
        time.sleep(2)
        tally.equal("fifty of fifty, in order, once", in_room(alice, "away"), everything)
        print(f"        all after {took:.2f} s")


def hub_killed(tally, lab, hub, alice):
    everything = list(range(MESSAGES))
    with tally.section("the hub is killed while fifty messages are said on each side"):
        for number in range(10):
            lab.say("telegram", "haru", f"killed {number}", room="friends")
            alice.say(ROOM, f"alive {number}")
        hub.kill()
        for number in range(10, MESSAGES):
            lab.say("telegram", "haru", f"killed {number}", room="friends")
            alice.say(ROOM, f"alive {number}")
        time.sleep(max(0.0, harness.AWAY_SECONDS - 10))
        hub.start()
        done = lambda: (len(in_room(alice, "killed")) >= MESSAGES
                        and len(in_telegram(lab, "alive")) >= MESSAGES)
        harness.eventually(done, 60)
        time.sleep(2)
        tally.equal("all to the room, in order, once", in_room(alice, "killed"), everything)
        # Telegram cannot be asked what it got: what was on its way at that moment is said again,
        # and says so.
        lines = [text for text in lab.texts("telegram", "haru") if "alive " in text]
        plain = [text for text in lines if not text.startswith("[sent again")]
        tally.equal("all to Telegram", sorted(set(numbered(lines, "alive"))), everything)
        tally.equal("in order, once or labelled", numbered(plain, "alive"),
                    sorted(set(numbered(plain, "alive"))))
        tally.check("few are labelled", len(lines) - len(plain) <= CLAIMED_MAX, lines)


def play(tally, lab, program, folder):
    lab.user("telegram", "haru", name="하루")
    lab.user("telegram", "bora", name="보라")
    group = lab.room("telegram", "friends", ["haru", "bora"], title="가족", bot_admin=True)["native"]
    lab.rules(rate_limits=False)
    prosody = Prosody(f"{folder}/prosody")
    address = prosody.register("alice")
    with prosody:
        alice = Person(address)
        alice.sign_in(prosody.client_port)
        alice.enter(ROOM, "alice")
        alice.say(ROOM, "said before the hub came")
        accounts = ACCOUNTS.format(telegram=lab.telegram["api"], port=prosody.component_port,
                                   component=COMPONENT, room=ROOM)
        secrets = {"telegram": lab.telegram["bot_token"], "xmpp": SECRET}
        with Hub(program, f"{folder}/hub", accounts, secrets) as hub:
            hub.join("family", [("telegram", group), ("xmpp", ROOM)])
            harness.eventually(lambda: "이음" in alice.people)
            words(tally, lab, alice)
            points(tally, lab, alice)
            changes(tally, lab, alice)
            marks(tally, lab, alice)
            direct(tally, hub, alice)
            tally.check("what was said before the hub came stays there",
                        not any("before the hub" in t for t in lab.texts("telegram", "haru")))
            server_away(tally, lab, hub, prosody, alice)
            hub_killed(tally, lab, hub, alice)
            hub.stop()
            audit = subprocess.run([program, "audit", "--data", f"{folder}/hub/data"],
                                   capture_output=True, text=True)
            tally.check("the journal holds", audit.returncode == 0, audit.stdout[-1_000:] + audit.stderr)


def main():
    tally = harness.Tally()
    lab = Lab()
    with tempfile.TemporaryDirectory() as folder:
        with tally.section("a real server, a real hub, a person"):
            play(tally, lab, sys.argv[2], folder)
        if tally.failed:
            for log in sorted(pathlib.Path(folder).glob("*/*.log")):
                print(log.name, *log.read_text().splitlines()[-25:], sep="\n  ")
    tally.close()


main()
