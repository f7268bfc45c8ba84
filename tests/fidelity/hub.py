"""A hub as a process: configured, started, killed and asked through its own interface."""

import os
import pathlib
import subprocess
import time

import httpx

import harness

TOKEN = "a-token-for-the-tests"
HEAD = """
[hub]
listen = "127.0.0.1:{port}"
public_url = "{public}"
language = "en"
[[hub.api_tokens]]
name = "tests"
secret = {{ file = "token" }}
per_second = 100000
"""
# Accounts of the lab, for the configuration of a hub over it.
TELEGRAM = """
[[account]]
name = "telegram"
network = "telegram"
bot_token = {{ file = "telegram" }}
api_url = "{telegram}"
poll_seconds = 1
"""
# No limit of Telegram's stands in the way of a script; follows `TELEGRAM`.
UNHURRIED = """per_second_max = 1000
per_room_minute_max = 60000
"""
LINE = """
[[account]]
name = "line"
network = "line"
access_token = {{ file = "line" }}
channel_secret = {{ file = "line-secret" }}
api_url = "{line}"
"""


class Hub:
    """One hub over one folder; `accounts` is the rest of its configuration."""

    def __init__(self, program, folder, accounts, secrets, authority=None, public=None):
        self.program = program
        self._environment = dict(os.environ)
        if authority:
            self._environment["SSL_CERT_FILE"] = str(authority)
        self.folder = pathlib.Path(folder)
        self.port = harness.free_port()
        self.folder.mkdir(parents=True)
        for name, secret in {"token": TOKEN, **secrets}.items():
            (self.folder / name).write_text(secret)
        root = f"http://127.0.0.1:{self.port}"
        head = HEAD.format(port=self.port, public=public or root)
        (self.folder / "ieum.toml").write_text(head + accounts)
        headers = {"authorization": f"Bearer {TOKEN}"}
        self._http = httpx.Client(base_url=root, headers=headers, timeout=10)
        self._process = None

    def start(self):
        """Starts it, and returns once it is ready."""
        log = open(self.folder / "hub.log", "ab")
        command = [self.program, "serve", "--config", "ieum.toml", "--data", "data"]
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, env=self._environment)
        if not harness.eventually(self._ready, 20):
            raise RuntimeError((self.folder / "hub.log").read_text()[-2_000:])

    def _ready(self):
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def process_id(self):
        """By which the system knows it."""
        return self._process.pid

    def kill(self):
        """Ends it at once and without a word, by its id."""
        if self._process:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def stop(self):
        """Ends it as an operator would."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def file(self, link, **headers):
        """What is served behind a public link of this hub, wherever it is said to be."""
        path = "/m/" + link.rsplit("/m/", 1)[1]
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30)

    def get(self, path):
        """Asks."""
        return self._call("GET", path)

    def post(self, path, **body):
        """Tells."""
        return self._call("POST", path, **body)

    def put(self, path, **body):
        """Sets."""
        return self._call("PUT", path, **body)

    def _call(self, method, path, **body):
        answer = self._http.request(method, path, json=body or None)
        if answer.is_error:
            raise RuntimeError(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def room(self, account, chat, seconds=10):
        """The room of an account's chat, made known if need be."""
        for room in self.get("/v1/rooms")["rooms"]:
            if (room["account"], room["chat"]) == (account, chat):
                return room["id"]
        return self.post("/v1/rooms", account=account, chat=chat)["id"]

    def join(self, title, rooms):
        """A conversation over rooms, each as account and chat."""
        conversation = self.post("/v1/conversations", kind="group", title=title)["id"]
        for account, chat in rooms:
            room = self.room(account, chat)
            self.post(f"/v1/conversations/{conversation}/rooms", room=room)
        return conversation

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.kill()
