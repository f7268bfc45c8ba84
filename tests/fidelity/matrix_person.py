"""A person on Matrix: matrix-nio, with a loop of its own, keeping every event that it is shown."""

import asyncio
import io
import logging
import threading
import time

import nio

import harness
from homeserver import PASSWORD

# A gap of up to so many events is told as a whole.
FILTER = {"room": {"timeline": {"limit": 500}}}
CALL_SECONDS_MAX = 20


class Person:
    """Somebody with one device."""

    def __init__(self, url, user):
        self.user = user
        self.events = []
        self.bad = []
        self._known = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        logging.getLogger("nio").setLevel(logging.CRITICAL)
        config = nio.AsyncClientConfig(request_timeout=10, max_timeouts=1)
        self.client = nio.AsyncClient(url, user, config=config)
        self.client.add_event_callback(self._saw, nio.Event)
        self.client.add_event_callback(self._bad, nio.BadEvent)
        self.do(self.client.login(PASSWORD))
        self._looking = asyncio.run_coroutine_threadsafe(self._look(), self._loop)

    async def _look(self):
        while True:
            try:
                answer = await self.client.sync(timeout=1_000, sync_filter=FILTER)
                if isinstance(answer, nio.SyncError):
                    await asyncio.sleep(0.2)
            except Exception:
                await asyncio.sleep(0.2)

    async def _saw(self, room, event):
        if event.event_id not in self._known:
            self._known.add(event.event_id)
            self.events.append((room.room_id, event.source))

    async def _bad(self, room, event):
        self.bad.append((room.room_id, event.source))

    def do(self, deed):
        """Does something by the library, and insists on a good answer."""
        answer = asyncio.run_coroutine_threadsafe(deed, self._loop).result(CALL_SECONDS_MAX)
        if isinstance(answer, nio.ErrorResponse):
            raise RuntimeError(answer)
        return answer

    def say(self, room, body, **more):
        """Says something; gives the event's id."""
        content = {"msgtype": "m.text", "body": body, **more}
        return self.do(self.client.room_send(room, "m.room.message", content)).event_id

    def send_picture(self, room, name, content):
        """Uploads a picture and shows it in a room."""
        upload = self.client.upload(
            lambda *_tries: io.BytesIO(content), "image/png", name, filesize=len(content))
        answer, _ = asyncio.run_coroutine_threadsafe(upload, self._loop).result(CALL_SECONDS_MAX)
        if isinstance(answer, nio.ErrorResponse):
            raise RuntimeError(answer)
        info = {"mimetype": "image/png", "size": len(content)}
        return self.say(room, name, msgtype="m.image", url=answer.content_uri, info=info)

    def picture(self, url):
        """The bytes behind an `mxc` address."""
        return self.do(self.client.download(mxc=url)).body

    def room(self, **how):
        """Makes a room."""
        return self.do(self.client.room_create(**how)).room_id

    def lines(self, room):
        """The messages of a room, in order."""
        events = [event for where, event in list(self.events) if where == room]
        return [event for event in events if event["type"] == "m.room.message"]

    def line(self, room, body, seconds=harness.WAIT_SECONDS_MAX):
        """The first message with these words."""
        look = lambda: next((e for e in self.lines(room) if e["content"].get("body") == body), None)
        found = harness.eventually(look, seconds)
        if found is None:
            seen = [event["content"].get("body") for event in self.lines(room)]
            raise TimeoutError(f"{body!r} is not among {seen[-5:]}")
        return found

    def event(self, room, kind, holds, seconds=harness.WAIT_SECONDS_MAX):
        """The first event of a kind for which something holds, or nothing."""
        def look():
            return next((event for where, event in list(self.events)
                         if where == room and event["type"] == kind and holds(event)), None)
        return harness.eventually(look, seconds)

    def name(self, room, user):
        """What somebody is called in a room."""
        members = self.do(self.client.joined_members(room)).members
        return next((member.display_name for member in members if member.user_id == user), None)

    def close(self):
        """Ends the library's connections."""
        self._looking.cancel()
        time.sleep(0.2)
        asyncio.run_coroutine_threadsafe(self.client.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
