"""A real hub between KakaoTalk, LINE and Telegram of the lab: files cross, wait and are refused.

What Telegram gets is compared byte by byte by its hash; what LINE and KakaoTalk are pointed to is
fetched as they would, from the hub itself.
"""

import sys
import tempfile
import time

import harness
from hub import Hub, LINE, TELEGRAM
from lab import Lab
from pictures import OGG, SVG, digest, media, png

PUBLIC = "https://hub.example"
ACCOUNTS = TELEGRAM + LINE + """
[[account]]
name = "kakaotalk"
network = "kakaotalk"
bot_token = {{ file = "kakaotalk" }}
api_url = "{kakaotalk}"
gateway_url = "{gateway}"
bot_name = "이음"
"""


class Stage:
    """Everything that takes part."""

    def __init__(self, tally, lab, hub):
        self.tally, self.lab, self.hub = tally, lab, hub

    def sees(self, network, user, holds, seconds=harness.WAIT_SECONDS_MAX):
        """The first line of a screen for which something holds."""
        look = lambda: next((x for x in self.lab.screen(network, user) if holds(x)), None)
        found = harness.eventually(look, seconds)
        if found is None:
            raise TimeoutError(self.lab.screen(network, user)[-3:])
        return found

    def said(self, network, user, kind, name, content, text="", **more):
        kinds = {"image": "image/png", "audio": "audio/ogg", "file": "application/pdf"}
        self.lab.say(network, user, text, room="family", kind=kind,
                     media=media(name, kinds[kind], content), **more)


def from_line(stage):
    tally, lab = stage.tally, stage.lab
    with tally.section("a picture from LINE"):
        picture = png("sea")
        stage.said("line", "yuna", "image", "바다.png", picture)
        line = stage.sees("telegram", "junho", lambda x: x["kind"] == "image")
        tally.equal("whole on Telegram", line["file"]["sha256"], digest(picture))
        tally.equal("by its author", line["text"], "[LINE] 유나: ")
        bubble = stage.sees("kakaotalk", "minji", lambda x: PUBLIC in str(x))
        tally.check("KakaoTalk is pointed to it", bubble["kind"] == "image", bubble)
        answer = stage.hub.file(bubble["file"]["url"])
        tally.equal("and gets it whole", digest(answer.content), digest(picture))
        tally.equal("as what it is", answer.headers["content-type"], "image/png")
        tally.equal("and nothing in it runs", answer.headers["content-security-policy"],
                    "sandbox; default-src 'none'")
        part = stage.hub.file(bubble["file"]["url"], range="bytes=5-9")
        tally.equal("or a part", (part.status_code, part.content), (206, picture[5:10]))
        forged = bubble["file"]["url"][:-1] + ("0" if bubble["file"]["url"][-1] != "0" else "1")
        tally.equal("a forged link gives nothing", stage.hub.file(forged).status_code, 404)


def from_telegram(stage):
    tally = stage.tally
    with tally.section("pictures and voice from Telegram"):
        picture = png("hill")
        stage.said("telegram", "junho", "image", "산.png", picture, "산에 왔어")
        text = stage.sees("line", "yuna", lambda x: "산에 왔어" in x["text"])
        line = stage.sees("line", "yuna", lambda x: x["kind"] == "image" and PUBLIC in str(x))
        tally.equal("words and picture by his name", text["author_name"], line["author_name"])
        answer = stage.hub.file(line["file"]["url"])
        tally.equal("LINE gets it whole", digest(answer.content), digest(picture))
        stage.said("telegram", "junho", "audio", "v.ogg", OGG)
        line = stage.sees("line", "yuna", lambda x: "[audio" in x["text"])
        link = next(word for word in line["text"].split() if word.startswith(PUBLIC))
        answer = stage.hub.file(link)
        tally.equal("what LINE does not play is a link", digest(answer.content), digest(OGG))


def dressed_up(stage):
    tally = stage.tally
    with tally.section("what is no picture is not shown as one"):
        stage.said("line", "yuna", "image", "사진.png", SVG)
        line = stage.sees("telegram", "junho", lambda x: x["kind"] == "file")
        tally.equal("Telegram gets a file", line["file"]["sha256"], digest(SVG))
        words = stage.sees("kakaotalk", "minji", lambda x: "[picture" in x["text"])
        link = next(word for word in words["text"].split() if word.startswith(PUBLIC))
        answer = stage.hub.file(link)
        tally.equal("a browser saves it", answer.headers["content-type"],
                    "application/octet-stream")
        tally.check("and does not show it",
                    answer.headers["content-disposition"].startswith("attachment"))


def sick_source(stage):
    tally, lab = stage.tally, stage.lab
    with tally.section("the source is sick for a while"):
        lab.fault(network="line", fn="media", surface="api", mode="refuse")
        picture = png("late")
        stage.said("line", "yuna", "image", "늦은.png", picture)
        lab.say("line", "yuna", "봤어?", room="family")
        time.sleep(3)
        seen = lab.texts("telegram", "junho")
        tally.check("the words behind it wait", not any("봤어?" in text for text in seen), seen[-2:])
        lab.heal()
        line = stage.sees("telegram", "junho", lambda x: "봤어?" in x["text"], 20)
        before = [x for x in lab.screen("telegram", "junho")][-2]
        tally.equal("then the picture", before["file"]["sha256"], digest(picture))
        tally.equal("and the words", line["text"], "[LINE] 유나: 봤어?")


def killed(stage):
    tally, lab, hub = stage.tally, stage.lab, stage.hub
    with tally.section("the hub is killed while a picture is on its way"):
        lab.fault(network="line", fn="media", surface="api", mode="refuse")
        picture = png("killed")
        stage.said("line", "yuna", "image", "끊긴.png", picture)
        time.sleep(1)
        hub.kill()
        lab.heal()
        hub.start()
        shown = lambda x: (x.get("file") or {}).get("sha256") == digest(picture)
        stage.sees("telegram", "junho", shown, 30)
        time.sleep(1)
        times = [x for x in lab.screen("telegram", "junho") if shown(x)]
        tally.equal("it comes once", len(times), 1)
        tally.check("without a label", times[0]["text"] == "[LINE] 유나: ", times[0]["text"])


def main():
    tally = harness.Tally()
    lab = Lab()
    with tempfile.TemporaryDirectory() as folder, tally.section("a hub between three networks"):
        accounts = ACCOUNTS.format(
            telegram=lab.telegram["api"], line=lab.line["api"],
            kakaotalk=lab.kakaotalk["api"], gateway=lab.kakaotalk["gateway"])
        secrets = {"telegram": lab.telegram["bot_token"], "line": lab.line["access_token"],
                   "line-secret": lab.line["channel_secret"],
                   "kakaotalk": lab.kakaotalk["bot_token"]}
        lab.rules(rate_limits=False)
        hub = Hub(sys.argv[2], f"{folder}/hub", accounts, secrets, public=PUBLIC)
        with hub:
            lab.webhook("line", f"http://127.0.0.1:{hub.port}/hooks/line")
            rooms = lab.family()
            hub.join("family", [(network, rooms[network]) for network in rooms])
            stage = Stage(tally, lab, hub)
            for scene in [from_line, from_telegram, dressed_up, sick_source, killed]:
                scene(stage)
    tally.close()


main()
