"""A Prosody of our own on loopback, with rooms, an archive and one component; ended by its id."""

import pathlib
import subprocess
import time

import harness

DOMAIN = "town.test"
ROOMS = "rooms.town.test"
COMPONENT = "ieum.town.test"
SECRET = "a component's secret"
PASSWORD = "pw"

CONFIGURATION = """
daemonize = false
run_as_root = true
use_libevent = false
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client_port} }}
component_ports = {{ {component_port} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "carbons", "posix" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
limits = {{ c2s = {{ rate = "10mb/s" }} }}
log = {{ info = "*console" }}
VirtualHost "{domain}"
Component "{rooms}" "muc"
  modules_enabled = {{ {archive} }}
  muc_room_default_persistent = true
  muc_room_default_public = true
  muc_room_locking = false
  muc_room_default_history_length = 200
  max_history_messages = 200
Component "{component}"
  component_secret = "{secret}"
"""


class Prosody:
    """One server; it can be stopped and started again over the same data."""

    def __init__(self, folder, archive=True):
        self.folder = pathlib.Path(folder)
        self.client_port = harness.free_port()
        self.component_port = harness.free_port()
        self.configuration = self.folder / "prosody.cfg.lua"
        (self.folder / "data").mkdir(parents=True)
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                client_port=self.client_port,
                component_port=self.component_port,
                domain=DOMAIN,
                rooms=ROOMS,
                component=COMPONENT,
                secret=SECRET,
                archive='"muc_mam"' if archive else "",
            )
        )
        self._process = None

    def register(self, name):
        """Makes an account and gives its address."""
        command = ["prosodyctl", "--root", "--config", self.configuration, "register"]
        subprocess.run([*command, name, DOMAIN, PASSWORD], check=True, capture_output=True)
        return f"{name}@{DOMAIN}"

    def start(self):
        """Starts it, and returns once it takes clients."""
        log = open(self.folder / "prosody.log", "ab")
        command = ["prosody", "--root", "-F", "--config", self.configuration]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        if not harness.eventually(lambda: harness.listens(self.component_port), 15):
            raise RuntimeError((self.folder / "prosody.log").read_text())

    def stop(self):
        """Ends it by its id."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=15)
            self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()
