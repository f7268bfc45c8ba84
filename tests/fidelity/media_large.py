"""100 MB and 49 MB through a real hub: whole, and with at most 16 MB of extra memory.

A stand-in for LINE's content host gives films of any size; one goes to Telegram of the lab, the
larger one, which Telegram does not take, is fetched back by its link.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import tempfile
import threading
import time

import harness
import httpx
from hub import Hub, LINE, TELEGRAM
from lab import Lab

LARGE, FITTING = 100_000_000, 49_000_000
EXTRA_KB_MAX = 16 * 1024
ACKNOWLEDGED_SECONDS_MAX = 1.0
PIECE = os.urandom(1 << 20)
FILM = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"
GROUP, USER = "C" + "1" * 32, "U" + "0" * 32
ACCOUNTS = TELEGRAM + LINE


def film(size):
    """The pieces of a film of so many bytes."""
    yield FILM
    left = size - len(FILM)
    while left > 0:
        yield PIECE[:left]
        left -= len(PIECE)


def digest(pieces):
    """SHA-256 of some pieces together."""
    whole = hashlib.sha256()
    for piece in pieces:
        whole.update(piece)
    return whole.hexdigest()


class Line(http.server.BaseHTTPRequestHandler):
    """As much of LINE as the hub asks for: names, and the bytes of messages by their size."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.endswith("/content"):
            size = int(self.path.split("/")[4])
            self.head("video/mp4", size)
            for piece in film(size):
                self.wfile.write(piece)
        else:
            self.tell({"displayName": "유나", "userId": USER, "groupName": "가족"})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.tell({"sentMessages": [{"id": "1"}]})

    def tell(self, answer):
        body = json.dumps(answer).encode()
        self.head("application/json", len(body))
        self.wfile.write(body)

    def head(self, kind, length):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def sends(hub, size):
    """LINE tells the hub of a film; gives the seconds until it was acknowledged."""
    message = {"type": "video", "id": str(size), "quoteToken": "q", "duration": 1,
               "contentProvider": {"type": "line"}}
    event = {"type": "message", "mode": "active", "timestamp": int(time.time() * 1000),
             "source": {"type": "group", "groupId": GROUP, "userId": USER},
             "webhookEventId": f"W{size}", "deliveryContext": {"isRedelivery": False},
             "message": message}
    body = json.dumps({"destination": USER, "events": [event]}).encode()
    mac = hmac.new(b"line-secret", body, hashlib.sha256).digest()
    headers = {"x-line-signature": base64.b64encode(mac).decode()}
    began = time.time()
    url = f"http://127.0.0.1:{hub.port}/hooks/line"
    httpx.post(url, content=body, headers=headers).raise_for_status()
    return time.time() - began


class Memory:
    """How much more memory a process takes at its peak than before."""

    def __init__(self, process):
        self.process = process
        with open(f"/proc/{process}/clear_refs", "w") as door:
            door.write("5")
        self.before = self._kb("VmRSS")

    def _kb(self, name):
        with open(f"/proc/{self.process}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name))

    def extra_kb(self):
        return self._kb("VmHWM") - self.before


def seen(lab, holds):
    look = lambda: next((x for x in lab.screen("telegram", "junho") if holds(x)), None)
    return harness.eventually(look, 90)


def play(tally, lab, hub):
    with tally.section("100 MB"):
        memory = Memory(hub.process_id())
        acknowledged = sends(hub, LARGE)
        tally.check("acknowledged before it is here", acknowledged <= ACKNOWLEDGED_SECONDS_MAX,
                    acknowledged)
        line = seen(lab, lambda x: "https://hub.example/m/" in x["text"])
        link = next(word for word in line["text"].split() if word.startswith("https"))
        tally.check("taken in", memory.extra_kb() <= EXTRA_KB_MAX, memory.extra_kb())
        print(f"        {memory.extra_kb()} kB more at the peak")
        memory = Memory(hub.process_id())
        path = "/m/" + link.rsplit("/m/", 1)[1]
        with httpx.stream("GET", f"http://127.0.0.1:{hub.port}{path}", timeout=60) as answer:
            tally.equal("whole by its link", digest(answer.iter_raw()), digest(film(LARGE)))
        tally.check("given out", memory.extra_kb() <= EXTRA_KB_MAX, memory.extra_kb())
    with tally.section("49 MB to Telegram"):
        memory = Memory(hub.process_id())
        sends(hub, FITTING)
        line = seen(lab, lambda x: (x.get("file") or {}).get("bytes") == FITTING)
        tally.equal("whole", line["file"]["sha256"], digest(film(FITTING)))
        tally.equal("as a film", line["kind"], "video")
        tally.check("in and out", memory.extra_kb() <= EXTRA_KB_MAX, memory.extra_kb())
        print(f"        {memory.extra_kb()} kB more at the peak")


def main():
    tally = harness.Tally()
    lab = Lab()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Line)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, tally.section("a hub and large files"):
        accounts = ACCOUNTS.format(telegram=lab.telegram["api"],
                                   line=f"http://127.0.0.1:{server.server_port}")
        secrets = {"telegram": lab.telegram["bot_token"], "line": "token",
                   "line-secret": "line-secret"}
        lab.rules(rate_limits=False)
        hub = Hub(sys.argv[2], f"{folder}/hub", accounts, secrets, public="https://hub.example")
        with hub:
            hub.join("family", [("telegram", lab.family()["telegram"]), ("line", GROUP)])
            time.sleep(2)
            play(tally, lab, hub)
    server.shutdown()
    tally.close()


main()
