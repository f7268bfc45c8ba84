"""LINE's specification between a client and the lab, in both directions.

Calls go through Prism to the lab, so that a bad call and a bad answer are both refused. What the
lab tells our webhook goes on to a Prism that stands in for a bot.
"""

import json
import uuid

import httpx

import harness
import line_openapi
import prism
from lab import Lab

TEXT = [{"type": "text", "text": "안녕"}]


class Bot:
    """Calls through the proxy, and counts how each was answered."""

    def __init__(self, tally, url, token):
        self.tally = tally
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def call(self, name, method, path, expected=200, body=None, key=None):
        headers = {"x-line-retry-key": key} if key else {}
        answer = self.http.request(method, path, json=body, headers=headers)
        seen = (answer.status_code, answer.text[:400])
        is_good = answer.status_code == expected and "sl-violations" not in answer.headers
        self.tally.check(f"{name}: {expected}", is_good or expected == 422 == seen[0], seen)
        return answer.json() if answer.content and is_good else {}

    def push(self, name, to, messages, **more):
        body = {"to": to, "messages": messages}
        return self.call(name, "POST", "/v2/bot/message/push", body=body, **more)


def calls(tally, lab, bot, haru, room):
    with tally.section("what a bot calls, and what the lab answers"):
        key = str(uuid.uuid4())
        bot.push("a push", room, TEXT, key=key)
        bot.push("the same push", room, TEXT, key=key, expected=409)
        bot.push("a push to nobody", "U" + "0" * 32, TEXT, expected=400)
        bot.push("a person as sender", room, [TEXT[0] | {"sender": {"name": "보라"}}])
        sticker = {"type": "sticker", "packageId": "446", "stickerId": "1988"}
        bot.push("a sticker", room, [sticker])
        picture = "https://example.org/a.png"
        image = {"type": "image", "originalContentUrl": picture, "previewImageUrl": picture}
        bot.push("an image", room, [image])
        for name, path in [
            ("the bot", "/v2/bot/info"),
            ("a profile", f"/v2/bot/profile/{haru}"),
            ("a group", f"/v2/bot/group/{room}/summary"),
            ("a member", f"/v2/bot/group/{room}/member/{haru}"),
            ("how many members", f"/v2/bot/group/{room}/members/count"),
            ("the quota", "/v2/bot/message/quota"),
            ("its use", "/v2/bot/message/quota/consumption"),
        ]:
            bot.call(name, "GET", path)

    with tally.section("what is wrong does not come through"):
        bot.push("a text without text", room, [{"type": "text"}], expected=422)
        bot.push("six messages", room, TEXT * 6, expected=422)
        bot.push("a retry key that is no UUID", room, TEXT, key="never", expected=422)
        tally.equal("none was shown", lab.texts("line", "haru").count("안녕"), 2)


def events(tally, lab, receiver, taker):
    def pass_on(name):
        """Hands the next webhook to Prism; returns its body."""
        _headers, body = receiver.next()
        answer = forward(body)
        kinds = [event["type"] for event in json.loads(body)["events"]]
        seen = (kinds, answer.status_code, answer.text[:600])
        tally.check(f"{name} {kinds}", answer.status_code == 200, seen)
        return json.loads(body)

    def forward(body):
        headers = {"content-type": "application/json"}
        return httpx.post(taker.url + "/callback", content=body, headers=headers, timeout=30)

    with tally.section("what the lab tells a bot"):
        lab.user("line", "dora", name="도라", follows=False)
        lab.act("follow", "line", "dora")
        pass_on("somebody adds us")
        said = lab.say("line", "haru", "안녕", room="friends")
        body = pass_on("a text in a group")
        place = {"room": "friends", "message": said["message"]}
        lab.act("edit", "line", "haru", text="안녕!", **place)
        pass_on("an edit")
        lab.act("withdraw", "line", "haru", **place)
        pass_on("a withdrawal")
        lab.say("line", "haru", "둘이서")
        pass_on("a text to us")
        for kind in ("image", "video", "audio", "file", "sticker", "location"):
            lab.say("line", "haru", "", room="friends", kind=kind)
            pass_on(kind)
        for name in ("join", "leave"):
            lab.act(name, "line", "dora", room="friends")
            pass_on(name)
        lab.act("block", "line", "dora")
        pass_on("somebody blocks us")

    with tally.section("a webhook with one fault is refused"):
        del body["events"][0]["webhookEventId"]
        tally.equal("no event id", forward(json.dumps(body)).status_code, 422)


def main():
    tally = harness.Tally()
    lab = Lab()
    haru = lab.user("line", "haru", name="하루")["native"]
    lab.user("line", "bora", name="보라")
    room = lab.room("line", "friends", ["haru", "bora"], title="친구들")["native"]
    with prism.Prism(line_openapi.messaging(), lab.line["api"]) as proxy:
        calls(tally, lab, Bot(tally, proxy.url, lab.line["access_token"]), haru, room)
    with harness.Receiver() as receiver, prism.Prism(line_openapi.webhook()) as taker:
        lab.webhook("line", receiver.url)
        events(tally, lab, receiver, taker)
    tally.close()


main()
