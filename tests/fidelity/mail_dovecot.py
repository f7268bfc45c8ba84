"""A real hub between a person who has mail and one who has Telegram.

Letters go out through aiosmtpd and come in from a mailbox of Dovecot, over TLS both. The person with mail is
Python's own mail library: it reads our letters and answers them as a mail program does.
"""

import email.message
import email.utils
import pathlib
import sys
import tempfile
import time

import harness
from dovecot import PASSWORD, USER, Dovecot, PostOffice
from hub import Hub, TELEGRAM
from lab import Lab
from pictures import digest, media, png

MINA = "mina@far.test"
FIRST_SECONDS_MAX = 20.0
# After a server is back. Of one that was away for minutes a sign of life is asked for, and the first
# letter leaves within 3 s; of one away for seconds, each letter waits out its own back-off.
BACK_SECONDS_MAX = 3.0 if harness.AWAY_SECONDS > 60 else 15.0

ACCOUNTS = TELEGRAM + """
[[account]]
name = "mail"
network = "mail"
address = "{user}"
smtp = "localhost:{smtp}"
imap = "localhost:{imap}"
proof_secret = {{ file = "proof" }}
per_second_max = 1000
{login}
"""


def letter(to, text, subject="hello", **headers):
    """A letter of hers."""
    made = email.message.EmailMessage()
    made["From"] = f"미나 <{MINA}>"
    made["To"] = to
    made["Subject"] = subject
    made["Date"] = email.utils.formatdate()
    made["Message-ID"] = email.utils.make_msgid(domain="far.test")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def answer(ours, text, **headers):
    """Her answer to a letter of ours, with the letter below as programs put it."""
    said = ours.get_body(("plain",)).get_content()
    quoted = "\n".join("> " + line for line in said.splitlines())
    text = f"{text}\n\nOn Monday, {ours['From']} wrote:\n{quoted}\n\n-- \nMina, far away\n"
    return letter(ours["Reply-To"], text, "Re: " + ours["Subject"],
                  In_Reply_To=ours["Message-ID"],
                  References=f"{ours['References']} {ours['Message-ID']}", **headers)


class Post:
    """What both sides see."""

    def __init__(self, lab, office, mailbox):
        self.lab, self.office, self.mailbox = lab, office, mailbox

    def out(self, text, seconds=10):
        """Our letter with these words to her, once it was handed over."""
        def look():
            for ours in self.office.to(MINA):
                if text in ours.get_body(("plain",)).get_content():
                    return ours
            return None
        found = harness.eventually(look, seconds)
        if found is None:
            raise TimeoutError(f"no letter says {text!r}")
        return found

    def seen(self, text, seconds=10):
        """The line with these words on 하루's Telegram."""
        look = lambda: [line for line in self.lab.screen("telegram", "haru") if text in line["text"]]
        found = harness.eventually(look, seconds)
        if not found:
            raise TimeoutError(f"{text!r} is not among {self.lab.texts('telegram', 'haru')[-5:]}")
        return found[0]


def proving(tally, post, hub):
    with tally.section("an address is proven before it is believed"):
        post.mailbox.bring(letter(USER, "forged or not, who knows"))
        ours = harness.eventually(lambda: post.office.to(MINA))
        tally.check("she is answered at the address that she claims", ours)
        ours = ours[0]
        tally.check("with an address of her own to answer to",
                    ours["Reply-To"].startswith("ieum+") and ours["Reply-To"] != USER,
                    ours["Reply-To"])
        tally.equal("as a program's letter", ours["Auto-Submitted"], "auto-generated")
        tally.check("with a way out", "unsubscribe" in ours["List-Unsubscribe"])
        tally.check("in plain and in HTML",
                    ours.get_body(("plain",)) and ours.get_body(("html",)), ours)
        tally.check("what she wrote was not passed on",
                    not any("forged" in text for text in post.lab.texts("telegram", "haru")))
        people = hub.get("/v1/people")["people"]
        found = [person for person in people
                 if any(address["network"] == "mail" for address in person["addresses"])]
        tally.equal("she is a person", len(found), 1)
        return ours, found[0]["id"]


def talking(tally, post, first):
    with tally.section("letters go both ways in one thread"):
        post.mailbox.bring(answer(first, "I am here.\nSecond line."))
        line = post.seen("I am here.")
        tally.equal("without what they repeat", line["text"],
                    "[메일] 미나: I am here.\nSecond line.")
        post.lab.say("telegram", "haru", "안녕 <미나> & 모두\n.점으로 시작", reply_to=line["message"])
        ours = post.out("안녕 <미나>")
        words = ours.get_body(("plain",)).get_content().rstrip("\r\n")
        tally.equal("the words", words.replace("\r\n", "\n"), "안녕 <미나> & 모두\n.점으로 시작")
        tally.check("its author", "하루" in str(ours["From"]), ours["From"])
        tally.check("the HTML holds no tags of theirs",
                    "&lt;미나&gt;" in ours.get_body(("html",)).get_content())
        thread = first["References"].split()[0]
        tally.equal("the same thread", ours["References"].split()[0], thread)
        tally.check("it answers hers", "far.test" in ours["In-Reply-To"], ours["In-Reply-To"])
        post.mailbox.bring(answer(ours, "got it"))
        line = post.seen("got it")
        said = [one for one in post.lab.screen("telegram", "haru") if one["own"]][-1]
        tally.equal("and hers answers his", line["reply_to"], said["message"])


def pictures(tally, post):
    with tally.section("a picture is in the letter, whole"):
        picture = png("mail", side=300)
        post.lab.say("telegram", "haru", "사진이야", kind="image",
                     media=media("바다.png", "image/png", picture))
        ours = post.out("사진이야")
        files = list(ours.iter_attachments())
        tally.equal("one file", len(files), 1)
        # Telegram's pictures have no names of their own.
        tally.equal("by a name", files[0].get_filename(), "picture.png")
        tally.equal("as what it is", files[0].get_content_type(), "image/png")
        tally.equal("whole", digest(files[0].get_content()), digest(picture))


def programs(tally, post, first):
    with tally.section("programs are not talked to, forgers are not believed"):
        before = len(post.office.letters)
        post.mailbox.bring(answer(first, "I am away", Auto_Submitted="auto-replied"))
        post.mailbox.bring(answer(first, "a list speaks", List_Id="<list.far.test>"))
        forged = answer(first, "not from her")
        forged.replace_header("From", "eve@far.test")
        post.mailbox.bring(forged)
        post.mailbox.bring(answer(first, "last of these"))
        post.seen("last of these")
        lines = post.lab.texts("telegram", "haru")
        for text in ("I am away", "a list speaks", "not from her"):
            tally.check(f"{text!r} is not passed on", not any(text in line for line in lines))
        letters = [to for to, _ in post.office.letters[before:]]
        tally.check("only the unknown sender is asked to prove themselves",
                    all(to == ["eve@far.test"] for to in letters), letters)


def outages(tally, post, first, hub, mailbox, office):
    with tally.section("both servers are away, then the hub is killed"):
        numbers = list(range(10))
        # What waited long says so in a line before it.
        said = lambda head: [text for ours in post.office.to(MINA)
                             if head in (text := ours.get_body(("plain",)).get_content().strip())]
        fifty = list(range(50))
        mailbox.stop()
        office.stop()
        harness.meanwhile(fifty, hub, lambda number: post.lab.say(
            "telegram", "haru", f"away {number}"))
        office.start()
        back = time.monotonic()
        mailbox.start()
        away = lambda: [int(text.rsplit(" ", 1)[1]) for text in said("away ")]
        harness.eventually(away, 60)
        first_took = time.monotonic() - back
        harness.eventually(lambda: len(away()) >= len(fifty), 60)
        took = time.monotonic() - back
        time.sleep(1)
        tally.equal("fifty of fifty, in order, once", away(), fifty)
        tally.check(f"the first within {BACK_SECONDS_MAX} s",
                    first_took <= BACK_SECONDS_MAX, first_took)
        print(f"        first after {first_took:.2f} s, all after {took:.2f} s")
        for number in numbers:
            mailbox.bring(answer(first, f"letter {number}"))
        inward = lambda: [text for text in post.lab.texts("telegram", "haru") if "letter " in text]
        harness.eventually(lambda: len(inward()) >= len(numbers), 40)
        tally.equal("all letters, in order, once",
                    [int(text.rsplit(" ", 1)[1]) for text in inward()], numbers)
        hub.kill()
        for number in numbers:
            post.lab.say("telegram", "haru", f"number {number}")
            mailbox.bring(answer(first, f"other {number}"))
        hub.start()
        other = lambda: [text for text in post.lab.texts("telegram", "haru") if "other " in text]
        done = lambda: len(other()) >= len(numbers) and len(said("number ")) >= len(numbers)
        harness.eventually(done, 40)
        tally.equal("what she wrote meanwhile",
                    [int(text.rsplit(" ", 1)[1]) for text in other()], numbers)
        tally.equal("what he wrote meanwhile",
                    [int(text.rsplit(" ", 1)[1]) for text in said("number ")], numbers)


def bounce(ours):
    """The report that a letter of ours came back."""
    report = email.message.EmailMessage()
    report["From"] = "MAILER-DAEMON@far.test"
    report["To"] = USER
    report["Subject"] = "Undelivered"
    report["Message-ID"] = email.utils.make_msgid(domain="far.test")
    report.set_content("It did not work.")
    raw = report.as_string().split("\n\n", 1)[0]
    head = "\n".join(line for line in raw.splitlines() if not line.lower().startswith("content-"))
    text = (f"{head}\nContent-Type: multipart/report; report-type=delivery-status;"
            f" boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nIt did not work.\n"
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; far.test\n\n"
            f"Final-Recipient: rfc822; {MINA}\nAction: failed\nStatus: 5.1.1\n"
            f"--b\nContent-Type: message/rfc822-headers\n\nMessage-ID: {ours['Message-ID']}\n--b--\n")
    return email.message_from_string(text)


def refusals(tally, post, hub, first):
    with tally.section("refused and returned letters close the way"):
        ours = post.out("number 9")
        post.mailbox.bring(bounce(ours))
        closed = lambda: [one for one in hub.get("/v1/addresses?account=mail")["addresses"]
                          if one["user"] == MINA and one["blocked"]]
        tally.check("a letter that came back closes her address", harness.eventually(closed),
                    hub.get("/v1/addresses?account=mail"))
        post.mailbox.bring(answer(first, "here again"))
        post.seen("here again")
        tally.check("her own letter opens it", not closed())
        post.office.answers[MINA] = ["550 no such person"]
        post.lab.say("telegram", "haru", "kept from her")
        told = harness.eventually(
            lambda: [text for text in post.lab.texts("telegram", "haru") if "#" in text])
        tally.check("a refusal is told to who wrote", told, post.lab.texts("telegram", "haru")[-3:])


def play(tally, lab, program, folder):
    haru = lab.user("telegram", "haru", name="하루")["native"]
    lab.rules(rate_limits=False)
    mailbox = Dovecot(f"{folder}/dovecot")
    office = PostOffice(mailbox.folder)
    office.start()
    with mailbox:
        accounts = ACCOUNTS.format(telegram=lab.telegram["api"], smtp=office.port,
                                   imap=mailbox.secured_port, user=USER, login="")
        accounts += f'user = "{USER}"\npassword = {{ file = "password" }}\n'
        secrets = {"telegram": lab.telegram["bot_token"], "password": PASSWORD,
                   "proof": "what the return addresses rest on"}
        mailbox.bring(letter(USER, "this lay here before the hub came"))
        authority = mailbox.folder / "authority.pem"
        with Hub(program, f"{folder}/hub", accounts, secrets, authority) as hub:
            post = Post(lab, office, mailbox)
            time.sleep(1)
            first, mina = proving(tally, post, hub)
            his = hub.post("/v1/people", name="하루")["id"]
            hub.post(f"/v1/people/{his}/addresses", account="telegram", user=haru, direct=haru)
            hub.post("/v1/conversations", kind="direct", members=[his, mina])
            for person, network in ((his, "telegram"), (mina, "mail")):
                hub.put(f"/v1/people/{person}/consents", network=network, purpose="talk",
                        given=True, source="the test")
            talking(tally, post, first)
            pictures(tally, post)
            programs(tally, post, first)
            outages(tally, post, first, hub, mailbox, office)
            refusals(tally, post, hub, first)
    office.stop()


def main():
    tally = harness.Tally()
    lab = Lab()
    with tempfile.TemporaryDirectory() as folder:
        with tally.section("a real mailbox, a real hub, a person with mail"):
            play(tally, lab, sys.argv[2], folder)
        if tally.failed:
            for log in sorted(pathlib.Path(folder).glob("*/*.log")):
                print(log.name, *log.read_text().splitlines()[-25:], sep="\n  ")
    tally.close()


main()
