"""The lab's addresses, from the first argument, and its control calls. See docs/lab.md."""

import json
import sys

import httpx


class Lab:
    """A running lab."""

    def __init__(self):
        addresses = json.loads(sys.argv[1])
        self.kakaotalk = addresses["kakaotalk"]
        self.line = addresses["line"]
        self.telegram = addresses["telegram"]
        self._http = httpx.Client(base_url=addresses["control"], timeout=10)

    def user(self, network, user, **more):
        """Creates a person; the answer has the `native` id."""
        return self._call("POST", "/user", network=network, id=user, **more)

    def room(self, network, room, members, **more):
        """Creates a room with our bot in it; the answer has the `native` id."""
        return self._call("POST", "/room", network=network, id=room, members=members, **more)

    def say(self, network, user, text, **more):
        """Somebody writes, into a room or to our bot."""
        return self._call("POST", "/say", network=network, user=user, text=text, **more)

    def act(self, name, network, user, **more):
        """Somebody does something else: `edit`, `withdraw`, `react`, `tap`."""
        return self._call("POST", "/" + name, network=network, user=user, **more)

    def screen(self, network, user):
        """What somebody sees, in order."""
        return self._call("GET", f"/screen/{network}/{user}")["lines"]

    def family(self):
        """The id of the room `family` on each network."""
        rooms = self._call("GET", "/state")["rooms"]
        return {room["network"]: room["native"] for room in rooms if room["id"] == "family"}

    def texts(self, network, user):
        """The words that somebody sees, in order."""
        return [line["text"] for line in self.screen(network, user)]

    def webhook(self, network, url, **more):
        """Has events of a network sent to an address."""
        return self._call("POST", "/webhook", network=network, url=url, **more)

    def rules(self, **rules):
        """Changes the networks' rules."""
        return self._call("POST", "/rules", **rules)

    def fault(self, **cell):
        """Breaks something."""
        return self._call("POST", "/fault", **cell)

    def heal(self):
        """Ends every fault."""
        return self._call("DELETE", "/fault")

    def drop(self):
        """Closes the connection of KakaoTalk's gateway."""
        return self._call("POST", "/drop")

    def _call(self, method, path, **body):
        answer = self._http.request(method, path, json=body or None)
        if answer.is_error:
            raise RuntimeError(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None
