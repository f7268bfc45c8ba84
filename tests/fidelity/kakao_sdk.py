"""kakaotalk-bot against the lab: gateway, callback, sending, typed errors and webhook."""

import asyncio

from kakaotalk_bot import (
    KakaoBotApiError,
    KakaoBotClient,
    KakaoBotGateway,
    KakaoBotGatewayError,
    parse_webhook_event,
    text_response,
)

import harness
from lab import Lab

INVALID_KEY, INVALID_BUBBLE, NOT_IN_ROOM, TOKEN_USED = -876, -878, -880, -881


class Peer:
    """A bot written with the SDK, and a lab with two people and a room."""

    def __init__(self):
        self.lab = Lab()
        self.lab.user("kakaotalk", "haru", name="하루")
        self.bora = self.lab.user("kakaotalk", "bora", name="보라")["native"]
        members = ["haru", "bora"]
        self.room = self.lab.room("kakaotalk", "friends", members, title="친구들")["native"]
        elsewhere = self.lab.room("kakaotalk", "elsewhere", members, bot=False)
        self.elsewhere = elsewhere["native"]
        self.client = KakaoBotClient(
            self.lab.kakaotalk["bot_token"], base_url=self.lab.kakaotalk["api"]
        )
        self.events = asyncio.Queue()
        self.resumed = asyncio.Event()
        self.gateway = self.connect(self.lab.kakaotalk["bot_token"])
        self.gateway.add_listener("MESSAGE_CREATE", self.events.put_nowait)
        self.gateway.add_listener("resumed", lambda _session: self.resumed.set())

    def connect(self, token):
        return KakaoBotGateway(
            token,
            url=self.lab.kakaotalk["gateway"],
            client=self.client,
            initial_backoff=0.1,
        )

    async def event(self):
        return await asyncio.wait_for(self.events.get(), harness.WAIT_SECONDS_MAX)


async def gateway(tally, peer):
    with tally.section("the gateway tells of mentions"):
        await peer.gateway.start()
        tally.check("a heartbeat is asked for", peer.gateway.heartbeat_interval > 0)
        peer.lab.say("kakaotalk", "haru", "우리끼리", room="friends")
        peer.lab.say("kakaotalk", "haru", "오늘 뭐해", room="friends", mention=True)
        event = await peer.event()
        tally.equal("only the mention came, without its prefix", event.content, "오늘 뭐해")
        tally.equal("the room", event.bot_group_key, peer.room)
        tally.check("an integer id", isinstance(event.data["id"], int), event.data)
        tally.check("a user key", (event.bot_user_key or "").startswith("buk_"), event.data)
        result = await event.reply_text("쉬어요")
        tally.equal("the reply was sent", result["sendCount"], 1)
        tally.equal("bora sees it", peer.lab.texts("kakaotalk", "bora")[-1], "쉬어요")
        used = lambda error: error.code == TOKEN_USED
        with tally.raises("the token works once", KakaoBotApiError, used):
            await event.reply_text("또")


async def resuming(tally, peer):
    with tally.section("a dropped socket is resumed"):
        before = peer.gateway.session["session_id"]
        peer.lab.drop()
        peer.lab.say("kakaotalk", "bora", "끊긴 사이", room="friends", mention=True)
        await asyncio.wait_for(peer.resumed.wait(), harness.WAIT_SECONDS_MAX)
        tally.equal("what was missed comes", (await peer.event()).content, "끊긴 사이")
        tally.equal("the session goes on", peer.gateway.session["session_id"], before)
        peer.lab.say("kakaotalk", "bora", "다시", room="friends", mention=True)
        tally.equal("and what follows", (await peer.event()).content, "다시")

    with tally.section("a wrong token is told so"):
        fatal = lambda error: error.fatal and error.close_code == 4001
        stranger = peer.connect("wrong")
        with tally.raises("close code 4001", KakaoBotGatewayError, fatal):
            await asyncio.wait_for(stranger.run(), harness.WAIT_SECONDS_MAX)


async def sending(tally, peer):
    with tally.section("messages are sent, and refusals are typed"):
        await peer.client.send_to_group(peer.room, text_response("먼저 말하기"))
        tally.equal("haru sees it", peer.lab.texts("kakaotalk", "haru")[-1], "먼저 말하기")
        for name, key, code in [
            ("a room without the bot", peer.elsewhere, NOT_IN_ROOM),
            ("a room that is none", "bgk_nothing", INVALID_KEY),
        ]:
            with tally.raises(name, KakaoBotApiError, lambda error: error.code == code):
                await peer.client.send_to_group(key, text_response("누구 없나"))
        too_long = lambda error: error.code == INVALID_BUBBLE
        with tally.raises("a text that is too long", KakaoBotApiError, too_long):
            await peer.client.send_to_group(peer.room, text_response("가" * 1001))
        await peer.client.send_to_user(peer.bora, text_response("채널 채팅"))
        tally.check("bora sees it", "채널 채팅" in peer.lab.texts("kakaotalk", "bora"))
        async with KakaoBotClient("wrong", base_url=peer.lab.kakaotalk["api"]) as stranger:
            with tally.raises("a wrong token", KakaoBotApiError, lambda e: e.status in (400, 401)):
                await stranger.send_to_group(peer.room, text_response("나쁜 사람"))


async def hooks(tally, peer):
    await peer.gateway.close()
    with tally.section("the webhook has the same events"), harness.Receiver() as receiver:
        peer.lab.webhook("kakaotalk", receiver.url)
        peer.lab.say("kakaotalk", "haru", "갈고리", room="friends", mention=True)
        _headers, body = await asyncio.to_thread(receiver.next)
        event = parse_webhook_event(body, peer.client)
        tally.equal("the text", event.content, "갈고리")
        tally.equal("it has no sequence", event.seq, None)
        result = await event.reply_text("받았어요")
        tally.equal("its token works", result["sendCount"], 1)
        with tally.raises("half a body is no event", KakaoBotGatewayError):
            parse_webhook_event(body[: len(body) // 2])


async def play(tally):
    peer = Peer()
    for part in (gateway, resuming, sending, hooks):
        await part(tally, peer)
    await peer.client.aclose()


def main():
    tally = harness.Tally()
    asyncio.run(play(tally))
    tally.close()


main()
