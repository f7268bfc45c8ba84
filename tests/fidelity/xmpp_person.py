"""A person of XMPP: slixmpp on a thread of its own, with what they see kept in order."""

import asyncio
import threading
import time

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

import harness
from prosody import PASSWORD


class Person(slixmpp.ClientXMPP):
    """One signed-in person."""

    def __init__(self, address):
        super().__init__(address, PASSWORD)
        for plugin in (30, 45, 66, 184, 199, 308, 313, 333, 359, 421, 424, 428, 444, 461):
            self.register_plugin(f"xep_{plugin:04}")
        self.plugin["feature_mechanisms"].unencrypted_plain = True
        self.enable_starttls = False
        self.enable_direct_tls = False
        self.enable_plaintext = True
        self.seen = []
        self.people = {}
        self.errors = []
        self._ready = threading.Event()
        self._up = threading.Event()
        self.add_event_handler("session_start", self._started)
        everything = MatchXPath("{jabber:client}message")
        self.register_handler(Callback("everything", everything, self._message))
        self.add_event_handler("groupchat_presence", self._presence)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self._ready.set()
        self.loop.run_forever()

    async def _started(self, _event):
        self.send_presence()
        await self.get_roster()
        self._up.set()

    def _message(self, message):
        message.seen_at = time.time()
        (self.errors if message["type"] == "error" else self.seen).append(message)

    def _presence(self, presence):
        self.people[presence["from"].resource] = presence["type"]

    def do(self, work, seconds=10):
        """Runs a function or a coroutine on the person's thread and gives what it gives."""

        async def run():
            given = work()
            return await given if asyncio.iscoroutine(given) else given

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(seconds)

    def sign_in(self, port):
        """Signs in at a server on loopback."""
        self._up.clear()
        self.do(lambda: self.connect("127.0.0.1", port) and None)
        if not self._up.wait(10):
            raise TimeoutError("not signed in")

    def sign_out(self):
        """Closes the stream."""
        self.do(self.disconnect)

    def enter(self, room, nick, history="0"):
        """Enters a room."""
        muc = self.plugin["xep_0045"]
        self.do(lambda: muc.join_muc_wait(room, nick, maxstanzas=int(history)))

    def say(self, room, text, **more):
        """Says something in a room and gives the message's id."""

        def send():
            message = self.make_message(room, text, mtype="groupchat")
            message["id"] = self.new_id()
            for change in more.values():
                change(message)
            message.send()
            return message["id"]

        return self.do(send)

    def tell(self, to, text):
        """Says something to somebody and gives the message's id."""

        def send():
            message = self.make_message(to, text, mtype="chat")
            message["id"] = self.new_id()
            message["request_receipt"] = True
            message.send()
            return message["id"]

        return self.do(send)

    def texts(self, since=0):
        """What was said, as author and words."""
        lines = list(self.seen)[since:]
        return [(line["from"].resource, line["body"]) for line in lines if line["body"]]

    def line(self, text, seconds=10):
        """The message with these words, once it is there."""
        look = lambda: next((line for line in list(self.seen) if line["body"] == text), None)
        found = harness.eventually(look, seconds)
        if found is None:
            raise TimeoutError(f"{text!r} is not among {self.texts()[-5:]}")
        return found


def room_id(message, room):
    """The id that a room gave to a message."""
    for child in message.xml:
        if child.tag == "{urn:xmpp:sid:0}stanza-id" and child.get("by") == room:
            return child.get("id")
    return None
