"""Telegram's description between a client and the lab, in both directions."""

import json

import httpx

import harness
import prism
import telegram_openapi
from lab import Lab

UPDATES = ["message", "edited_message", "message_reaction", "my_chat_member", "chat_member"]


class Bot:
    """Calls through the proxy, and counts how each was answered."""

    def __init__(self, tally, url, token):
        self.tally = tally
        self.http = httpx.Client(base_url=f"{url}/bot{token}", timeout=60)

    def call(self, method, expected=200, **body):
        answer = self.http.post("/" + method, json=body)
        seen = (answer.status_code, answer.text[:600], answer.headers.get("sl-violations"))
        is_good = answer.status_code == expected and "sl-violations" not in answer.headers
        self.tally.check(f"{method}: {expected}", is_good or expected == 422 == seen[0], seen)
        return answer.json().get("result")


def calls(tally, bot, haru, room):
    with tally.section("what a bot calls, and what the lab answers"):
        bot.call("getMe")
        sent = bot.call("sendMessage", chat_id=room, text="안녕") or {"message_id": 0}
        place = {"chat_id": room, "message_id": sent["message_id"]}
        reply = {"message_id": sent["message_id"], "allow_sending_without_reply": True}
        bot.call("sendMessage", chat_id=room, text="답", reply_parameters=reply)
        bot.call("editMessageText", text="고침", **place)
        thumb = {"type": "emoji", "emoji": "👍"}
        bot.call("setMessageReaction", reaction=[thumb], **place)
        bot.call("sendChatAction", chat_id=room, action="typing")
        bot.call("getChat", chat_id=room)
        bot.call("getChatMember", chat_id=room, user_id=haru)
        bot.call("deleteMessage", **place)
        bot.call("deleteMessage", expected=400, **place)
        bot.call("sendMessage", expected=400, chat_id=424242424242, text="누구")
        bot.call("getWebhookInfo")

    with tally.section("what is wrong does not come through"):
        bot.call("sendMessage", expected=422, chat_id=room)
        bot.call("sendMessage", expected=422, chat_id=room, text="x", reply_parameters={})
        bot.call("editMessageText", expected=422, chat_id=room, message_id="first")


def happenings(lab):
    """Everything that people do, and that a bot is told of."""
    said = lab.say("telegram", "haru", "안녕", room="friends")
    place = {"room": "friends", "message": said["message"]}
    lab.act("edit", "telegram", "haru", text="안녕!", **place)
    lab.act("react", "telegram", "bora", emoji="👍", **place)
    lab.say("telegram", "bora", "답", room="friends", reply_to=said["message"])
    for kind in ("image", "video", "audio", "file", "sticker", "location"):
        lab.say("telegram", "haru", "", room="friends", kind=kind)
    lab.act("leave", "telegram", "bora", room="friends")
    lab.act("join", "telegram", "bora", room="friends")
    lab.say("telegram", "haru", "둘이서")


def kind_of(update):
    return next(name for name in update if name != "update_id")


def polled(tally, lab, bot):
    with tally.section("updates that are polled"):
        while updates := bot.call("getUpdates", allowed_updates=UPDATES):
            bot.call("getUpdates", offset=updates[-1]["update_id"] + 1, limit=1, timeout=0)
            if len(updates) < 100:
                break
        happenings(lab)
        updates = bot.call("getUpdates", allowed_updates=UPDATES) or []
        kinds = {kind_of(update) for update in updates}
        wanted = {"message", "edited_message", "message_reaction"}
        tally.check("all kinds came", wanted <= kinds, kinds)
        bot.call("getUpdates", offset=updates[-1]["update_id"] + 1, timeout=0)


def pushed(tally, lab, bot, receiver, taker):
    def forward(body):
        return httpx.post(taker.url + "/hook", json=body, timeout=30)

    with tally.section("updates that are pushed"):
        bot.call("setWebhook", url=receiver.url, secret_token="s", allowed_updates=UPDATES)
        bot.call("getUpdates", expected=409)
        happenings(lab)
        while True:
            body = json.loads(receiver.next()[1])
            answer = forward(body)
            seen = (body, answer.text[:600])
            tally.check(f"update: {kind_of(body)}", answer.status_code == 200, seen)
            if body.get("message", {}).get("text") == "둘이서":
                break
        bot.call("deleteWebhook")

    with tally.section("an update with one fault is refused"):
        del body["message"]["chat"]
        tally.equal("no chat", forward(body).status_code, 422)


def main():
    tally = harness.Tally()
    lab = Lab()
    haru = int(lab.user("telegram", "haru", name="하루")["native"])
    lab.user("telegram", "bora", name="보라")
    room = lab.room("telegram", "friends", ["haru", "bora"], title="친구들", bot_admin=True)
    with prism.Prism(telegram_openapi.bot_api(), lab.telegram["api"]) as proxy:
        bot = Bot(tally, proxy.url, lab.telegram["bot_token"])
        calls(tally, bot, haru, int(room["native"]))
        polled(tally, lab, bot)
        with harness.Receiver() as receiver, prism.Prism(telegram_openapi.webhook()) as taker:
            pushed(tally, lab, bot, receiver, taker)
    tally.close()


main()
