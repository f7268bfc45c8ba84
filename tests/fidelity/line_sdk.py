"""LINE's own Python SDK against the lab: it calls, and it reads what the lab calls."""

import uuid

from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import (
    ApiClient,
    ApiException,
    Configuration,
    MessagingApi,
    MessagingApiBlob,
    PushMessageRequest,
    ReplyMessageRequest,
    Sender,
    TextMessage,
)
from linebot.v3.webhook import WebhookParser
from linebot.v3.webhooks import (
    FollowEvent,
    GroupSource,
    ImageMessageContent,
    MessageEditedEvent,
    MessageEvent,
    TextMessageContent,
    UnsendEvent,
    UserSource,
)

import harness
from lab import Lab


class Peer:
    """A bot written with the SDK, and a lab with two people and a room."""

    def __init__(self, receiver):
        self.lab = Lab()
        self.receiver = receiver
        configuration = Configuration(
            host=self.lab.line["api"], access_token=self.lab.line["access_token"]
        )
        self.api = MessagingApi(ApiClient(configuration))
        self.blob = MessagingApiBlob(ApiClient(configuration))
        stranger = Configuration(host=self.lab.line["api"], access_token="wrong")
        self.stranger = MessagingApi(ApiClient(stranger))
        self.parser = WebhookParser(self.lab.line["channel_secret"])
        self.lab.webhook("line", receiver.url)
        self.haru = self.lab.user("line", "haru", name="하루")["native"]
        self.lab.user("line", "bora", name="보라")
        self.room = self.lab.room("line", "friends", ["haru", "bora"], title="친구들")["native"]

    def event(self, kind):
        """The next event of this kind; others are read and dropped."""
        while True:
            headers, body = self.receiver.next()
            for event in self.parser.parse(body.decode(), headers["x-line-signature"]):
                if isinstance(event, kind):
                    return event

    def push(self, text, key=None, **more):
        message = TextMessage(text=text, **more)
        request = PushMessageRequest(to=self.room, messages=[message])
        return self.api.push_message(request, x_line_retry_key=key).sent_messages[0]


def webhooks(tally, peer):
    with tally.section("signed webhooks are read"):
        peer.lab.user("line", "dora", follows=False)
        peer.lab.act("follow", "line", "dora")
        tally.check("a follow is told", peer.event(FollowEvent).reply_token)
        said = peer.lab.say("line", "haru", "안녕 여러분", room="friends")
        event = peer.event(MessageEvent)
        tally.check("it is from a group", isinstance(event.source, GroupSource), event)
        tally.check("it has text", isinstance(event.message, TextMessageContent), event)
        tally.equal("the text", event.message.text, "안녕 여러분")
        tally.equal("the author", event.source.user_id, peer.haru)
        tally.equal("the group", event.source.group_id, peer.room)
        place = {"room": "friends", "message": said["message"]}
        peer.lab.act("edit", "line", "haru", text="안녕!", **place)
        tally.equal("an edit", peer.event(MessageEditedEvent).message.text, "안녕!")
        peer.lab.act("withdraw", "line", "haru", **place)
        tally.equal("a withdrawal", peer.event(UnsendEvent).unsend.message_id, said["message"])
        peer.lab.say("line", "haru", "둘이서")
        event = peer.event(MessageEvent)
        tally.check("it is from a user", isinstance(event.source, UserSource), event)


def signatures(tally, peer):
    with tally.section("wrong signatures are refused"):
        peer.lab.say("line", "haru", "서명", room="friends")
        headers, body = peer.receiver.next()
        text, signature = body.decode(), headers["x-line-signature"]
        tally.equal("the right one is taken", len(peer.parser.parse(text, signature)), 1)
        with tally.raises("another secret", InvalidSignatureError):
            WebhookParser("another").parse(text, signature)
        with tally.raises("another body", InvalidSignatureError):
            peer.parser.parse(text + " ", signature)


def sending(tally, peer):
    with tally.section("messages are sent"):
        key = str(uuid.uuid4())
        sent = peer.push("밀어서 보냄", key=key, sender=Sender(name="보라 (카톡)"))
        seen = [x for x in peer.lab.screen("line", "haru") if x["text"] == "밀어서 보냄"]
        tally.equal("it is on the screen once", len(seen), 1)
        tally.equal("the sender's name", [x["author_name"] for x in seen], ["보라 (카톡)"])
        with tally.raises("the same key again is 409", ApiException, lambda e: e.status == 409):
            peer.push("밀어서 보냄", key=key)
        tally.equal("still once", peer.lab.texts("line", "haru").count("밀어서 보냄"), 1)
        peer.push("인용", quote_token=sent.quote_token)
        quoting = peer.lab.screen("line", "bora")[-1]
        tally.equal("the quote", quoting["reply_to"], sent.id)
        unknown = PushMessageRequest(to="U" + "0" * 32, messages=[TextMessage(text="누구")])
        with tally.raises("an unknown person is 400", ApiException, lambda e: e.status == 400):
            peer.api.push_message(unknown)


def replying(tally, peer):
    with tally.section("replies use their token once"):
        peer.lab.say("line", "bora", "답해 줘", room="friends")
        event = peer.event(MessageEvent)
        answer = ReplyMessageRequest(
            reply_token=event.reply_token, messages=[TextMessage(text="응답")]
        )
        tally.equal("one message is sent", len(peer.api.reply_message(answer).sent_messages), 1)
        tally.equal("bora sees it", peer.lab.texts("line", "bora")[-1], "응답")
        invalid = lambda e: e.status == 400 and "Invalid reply token" in e.body
        with tally.raises("the second use is refused", ApiException, invalid):
            peer.api.reply_message(answer)


def looking_up(tally, peer):
    with tally.section("people, groups and quota are looked up"):
        tally.equal("the profile", peer.api.get_profile(peer.haru).display_name, "하루")
        member = peer.api.get_group_member_profile(peer.room, peer.haru)
        tally.equal("the member", (member.user_id, member.display_name), (peer.haru, "하루"))
        tally.equal("the group", peer.api.get_group_summary(peer.room).group_name, "친구들")
        tally.equal("how many", peer.api.get_group_member_count(peer.room).count, 2)
        with tally.raises("nobody is 404", ApiException, lambda e: e.status == 404):
            peer.api.get_profile("U" + "0" * 32)
        tally.check("a bot has an id", peer.api.get_bot_info().user_id.startswith("U"))
        before = peer.api.get_message_quota_consumption().total_usage
        peer.push("하나 더")
        after = peer.api.get_message_quota_consumption().total_usage
        tally.check("a push counts", after > before, (before, after))
        tally.check("a quota", peer.api.get_message_quota().type in ("none", "limited"))
        with tally.raises("a wrong token is 401", ApiException, lambda e: e.status == 401):
            peer.stranger.get_bot_info()


def content(tally, peer):
    with tally.section("content is fetched"):
        peer.lab.say("line", "haru", "", room="friends", kind="image")
        message = peer.event(MessageEvent).message
        tally.check("it is an image", isinstance(message, ImageMessageContent), message)
        tally.check("it has bytes", len(peer.blob.get_message_content(message.id)) > 0)
        with tally.raises("no content is 404", ApiException, lambda e: e.status == 404):
            peer.blob.get_message_content("1")


def main():
    tally = harness.Tally()
    with harness.Receiver() as receiver:
        peer = Peer(receiver)
        for part in (webhooks, signatures, sending, replying, looking_up, content):
            part(tally, peer)
    tally.close()


main()
