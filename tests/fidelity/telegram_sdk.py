"""aiogram against the lab: it polls, sends, and refuses what is not an update."""

import asyncio
import json

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import ReactionTypeEmoji, ReplyParameters, Update
from pydantic import ValidationError

import harness
from lab import Lab

EVERYTHING = ["message", "edited_message", "message_reaction", "my_chat_member", "chat_member"]
SECRET = "a-secret_token"


def bot(lab, token=None):
    server = TelegramAPIServer.from_base(lab.telegram["api"])
    return Bot(token or lab.telegram["bot_token"], session=AiohttpSession(api=server))


class Poller:
    """Takes updates one by one, confirming each batch as the hub would."""

    def __init__(self, client):
        self.client = client
        self.offset = 0
        self.waiting = []

    async def next(self, kind):
        """The next update that has this field; others are read and dropped."""
        for _ in range(20):
            while self.waiting:
                update = self.waiting.pop(0)
                self.offset = update.update_id + 1
                if getattr(update, kind):
                    return getattr(update, kind)
            self.waiting = await self.client.get_updates(
                offset=self.offset, timeout=1, allowed_updates=EVERYTHING
            )
        raise TimeoutError(f"no {kind} came")


async def receiving(tally, lab, client, room):
    with tally.section("updates are polled"):
        poller = Poller(client)
        me = await client.get_me()
        tally.check("the bot is a bot", me.is_bot and me.username, me)
        said = lab.say("telegram", "haru", "안녕 여러분", room="friends")
        message = await poller.next("message")
        while message.text is None:
            message = await poller.next("message")
        tally.equal("the text", message.text, "안녕 여러분")
        tally.equal("the chat", str(message.chat.id), room)
        tally.equal("its name", message.chat.title, "친구들")
        tally.equal("the author", message.from_user.first_name, "하루")
        tally.equal("the id", str(message.message_id), said["message"])
        place = {"room": "friends", "message": said["message"]}
        lab.act("edit", "telegram", "haru", text="안녕!", **place)
        edited = await poller.next("edited_message")
        tally.equal("an edit", (edited.text, edited.message_id), ("안녕!", message.message_id))
        lab.act("react", "telegram", "bora", emoji="👍", **place)
        reaction = await poller.next("message_reaction")
        tally.equal("a reaction", [x.emoji for x in reaction.new_reaction], ["👍"])
        lab.say("telegram", "bora", "나도", room="friends", reply_to=said["message"])
        reply = await poller.next("message")
        tally.equal("a reply", reply.reply_to_message.message_id, message.message_id)
        repeat = await client.get_updates(offset=poller.offset, timeout=0)
        tally.equal("what was confirmed does not come again", repeat, [])


async def sending(tally, lab, client, room):
    with tally.section("messages are sent, edited and deleted"):
        sent = await client.send_message(room, "보냄")
        tally.equal("bora sees it", lab.texts("telegram", "bora")[-1], "보냄")
        parameters = ReplyParameters(message_id=sent.message_id)
        answer = await client.send_message(room, "답", reply_parameters=parameters)
        tally.equal("the reply", answer.reply_to_message.message_id, sent.message_id)
        place = {"chat_id": room, "message_id": sent.message_id}
        edited = await client.edit_message_text("고침", **place)
        tally.equal("the edit", edited.text, "고침")
        tally.check("bora sees the edit", "고침" in lab.texts("telegram", "bora"))
        with tally.raises("the same text again is 400", TelegramBadRequest):
            await client.edit_message_text("고침", **place)
        emoji = [ReactionTypeEmoji(emoji="👍")]
        tally.check("a reaction", await client.set_message_reaction(**place, reaction=emoji))
        tally.check("a deletion", await client.delete_message(**place))
        tally.check("it is gone", "고침" not in lab.texts("telegram", "bora"))
        gone = lambda error: "not found" in str(error).lower()
        with tally.raises("what is gone cannot be edited", TelegramBadRequest, gone):
            await client.edit_message_text("다시", **place)


async def refusing(tally, lab, client, room):
    with tally.section("refusals are typed"):
        with tally.raises("an unknown chat", TelegramBadRequest):
            await client.send_message(424242424242, "누구")
        with tally.raises("an empty text", TelegramBadRequest):
            await client.send_message(room, "")
        with tally.raises("a long text", TelegramBadRequest):
            await client.send_message(room, "가" * 4097)
        stranger = bot(lab, "1:wrong")
        with tally.raises("a wrong token", TelegramUnauthorizedError):
            await stranger.get_me()
        await stranger.session.close()
        lab.act("block", "telegram", "haru")
        with tally.raises("a person who blocked us", TelegramForbiddenError):
            await client.send_message(lab.haru, "여보세요")
        lab.act("follow", "telegram", "haru")

    with tally.section("the flood limit is told with its wait"):
        with tally.raises("429", TelegramRetryAfter, lambda error: error.retry_after > 0):
            for number in range(40):
                await client.send_message(room, f"물결 {number}")


async def hooks(tally, lab, client):
    with tally.section("webhooks carry the secret"), harness.Receiver() as receiver:
        await client.set_webhook(receiver.url, secret_token=SECRET)
        lab.say("telegram", "bora", "갈고리", room="friends")
        headers, body = await asyncio.to_thread(receiver.next)
        while "갈고리" not in (update := json.loads(body)).get("message", {}).get("text", ""):
            headers, body = await asyncio.to_thread(receiver.next)
        tally.equal("the secret", headers["x-telegram-bot-api-secret-token"], SECRET)
        message = Update.model_validate(update).message
        tally.equal("the author", message.from_user.first_name, "보라")
        with tally.raises("an update without chat is no update", ValidationError):
            del update["message"]["chat"]
            Update.model_validate(update)
        with tally.raises("polling meanwhile is a conflict", TelegramConflictError):
            await client.get_updates(timeout=0)
        await client.delete_webhook()
        tally.equal("it is gone", (await client.get_webhook_info()).url, "")


async def play(tally):
    lab = Lab()
    lab.haru = lab.user("telegram", "haru", name="하루")["native"]
    lab.user("telegram", "bora", name="보라")
    members = ["haru", "bora"]
    room = lab.room("telegram", "friends", members, title="친구들", bot_admin=True)["native"]
    client = bot(lab)
    await receiving(tally, lab, client, room)
    await sending(tally, lab, client, room)
    await hooks(tally, lab, client)
    await refusing(tally, lab, client, room)
    await client.session.close()


def main():
    tally = harness.Tally()
    asyncio.run(play(tally))
    tally.close()


main()
