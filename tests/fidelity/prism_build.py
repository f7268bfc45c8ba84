"""The documents that the other checks rely on, tried by themselves: Prism answers from them.

Each pair of calls shows that a good one is taken and that one with a single fault is refused, so
that a document which lets everything through would be noticed.
"""

import json

import httpx

import harness
import line_openapi
import prism
import telegram_openapi

USER = "U" + "0123456789abcdef" * 2
EVENT = {
    "type": "message",
    "mode": "active",
    "timestamp": 1700000000000,
    "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
    "deliveryContext": {"isRedelivery": False},
    "replyToken": "reply",
    "source": {"type": "user", "userId": USER},
    "message": {"id": "1", "type": "text", "quoteToken": "quote", "text": "hello"},
}
PUSH = "/v2/bot/message/push"
REPLY = "/v2/bot/message/reply"
SEND = "/bot1:token/sendMessage"
UPDATES = "/bot1:token/getUpdates"


def without(body, key):
    return {name: value for name, value in body.items() if name != key}


def accepts(tally, url, name, body, expected, headers=None):
    answer = httpx.post(url, json=body, headers=headers, timeout=30)
    seen = (answer.status_code, answer.text[:300], answer.headers.get("sl-violations", "")[:500])
    wanted = answer.status_code < 300 if expected else 400 <= answer.status_code < 500
    tally.check(f"{name} is {'taken' if expected else 'refused'}", wanted, seen)


def line_calls(tally):
    with tally.section("LINE: what a bot calls"), prism.Prism(line_openapi.messaging()) as mock:

        def push(name, messages, expected, key="123e4567-e89b-12d3-a456-426614174000"):
            headers = {"authorization": "Bearer T", "x-line-retry-key": key}
            body = {"to": USER, "messages": messages}
            accepts(tally, mock.url + PUSH, name, body, expected, headers)

        text = {"type": "text", "text": "hello"}
        push("a text", [text], True)
        push("a text without text", [{"type": "text"}], False)
        push("an unknown kind", [{"type": "telepathy", "text": "hello"}], False)
        image = {"type": "image", "originalContentUrl": "https://example.org/a.png"}
        push("an image without preview", [image], False)
        push("six messages", [text] * 6, False)
        push("a retry key that is no UUID", [text], False, key="not-a-uuid")


def line_events(tally):
    with tally.section("LINE: what LINE calls"), prism.Prism(line_openapi.webhook()) as mock:

        def call(name, event, expected, destination=USER):
            body = {"destination": destination, "events": [event]}
            accepts(tally, mock.url + "/callback", name, body, expected)

        call("a text message", EVENT, True)
        edited = EVENT | {"type": "messageEdited"}
        call("an edited message", edited, True)
        call("an edited message without message", without(edited, "message"), False)
        call("an event without id", without(EVENT, "webhookEventId"), False)
        call("an unknown event", EVENT | {"type": "telepathy"}, False)
        unquotable = without(EVENT["message"], "quoteToken")
        call("a text without quote token", EVENT | {"message": unquotable}, False)
        call("a destination that is no user", EVENT, False, destination="U1")


def line_answers(tally):
    with (
        tally.section("LINE: what LINE answers"),
        harness.Receiver() as stub,
        prism.Prism(line_openapi.messaging(), stub.root) as proxy,
    ):

        def hears(name, path, expected, call, **answer):
            stub.answer = (200, told(**answer))
            headers = {"authorization": "Bearer T"}
            seen = httpx.post(proxy.url + path, json=call, headers=headers, timeout=30)
            tally.equal(f"an answer {name}", seen.status_code, expected)

        push = {"to": USER, "messages": [{"type": "text", "text": "hello"}]}
        reply = {"replyToken": "reply", "messages": push["messages"]}
        sent = {"id": "1", "quoteToken": "quote"}
        hears("with what was sent", PUSH, 200, push, sentMessages=[sent])
        hears("without it", PUSH, 500, push)
        hears("without ids", PUSH, 500, push, sentMessages=[without(sent, "id")])
        hears("to a reply", REPLY, 200, reply, sentMessages=[sent])
        hears("to a reply, without ids", REPLY, 500, reply, sentMessages=[without(sent, "id")])


def telegram_calls(tally):
    with (
        tally.section("Telegram"),
        harness.Receiver() as stub,
        prism.Prism(telegram_openapi.bot_api(), stub.root) as proxy,
    ):
        chat = {"id": 1, "type": "private"}
        stub.answer = (200, told(ok=True, result={"message_id": 1, "date": 1, "chat": chat}))

        def call(name, path, body, expected):
            accepts(tally, proxy.url + path, name, body, expected)

        good = {"chat_id": 1, "text": "hello", "reply_parameters": {"message_id": 1}}
        call("a message", SEND, good, True)
        call("a message to a name", SEND, good | {"chat_id": "@channel"}, True)
        call("a message without text", SEND, without(good, "text"), False)
        call("an empty reply", SEND, good | {"reply_parameters": {}}, False)
        call("a field that is not described", SEND, good | {"reply_to": 1}, False)
        call("a token of another form", "/token/sendMessage", good, False)
        call("a method that is not described", "/bot1:token/sendThought", good, False)

        def hears(name, status, expected, path=SEND, **answer):
            stub.answer = (status, told(**answer))
            body = good if path == SEND else {}
            seen = httpx.post(proxy.url + path, json=body, timeout=30)
            tally.equal(f"an answer {name}", seen.status_code, expected)

        wait = {"retry_after": 5}
        hears("of a failure", 429, 429, ok=False, error_code=429, description="d", parameters=wait)
        hears("of a failure without description", 429, 500, ok=False, error_code=429)
        short = {"message_id": 1, "date": 1}
        hears("without chat", 200, 500, ok=True, result=short)
        hears("with a field of its own", 200, 500, ok=True, result=short | {"chat": chat, "x": 1})
        update = {"update_id": 1, "message": short}
        hears("with such an update", 200, 500, path=UPDATES, ok=True, result=[update])
        update = {"update_id": 1, "message": short | {"chat": chat}}
        hears("with a good update", 200, 200, path=UPDATES, ok=True, result=[update])


def telegram_updates(tally):
    with tally.section("Telegram's webhook"), prism.Prism(telegram_openapi.webhook()) as mock:
        message = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}
        update = {"update_id": 1, "message": message}
        hook = mock.url + "/hook"
        accepts(tally, hook, "an update", update, True)
        accepts(tally, hook, "an update without id", without(update, "update_id"), False)
        nowhere = {"update_id": 1, "message": without(message, "chat")}
        accepts(tally, hook, "an update without chat", nowhere, False)


def told(**answer):
    return json.dumps(answer).encode()


def main():
    tally = harness.Tally()
    line_calls(tally)
    line_answers(tally)
    line_events(tally)
    telegram_calls(tally)
    telegram_updates(tally)
    tally.close()


main()
