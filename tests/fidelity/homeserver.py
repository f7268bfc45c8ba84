"""A Synapse of our own on loopback, over SQLite, with one application service; ended by its id."""

import pathlib
import subprocess
import sys

import httpx
import yaml

import harness

SERVER = "hub.test"
PASSWORD = "pw"
START_SECONDS_MAX = 60


class Synapse:
    """One homeserver; it can be stopped, killed and started again over the same data."""

    def __init__(self, folder, registration):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.registration = registration
        self._process = None

    def prepare(self):
        """Writes the configuration, which needs the registration to be there."""
        command = [*self._program(), "--server-name", SERVER, "--report-stats=no"]
        command += ["--generate-config", "--data-directory", self.folder]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)
        often = {"per_second": 10_000, "burst_count": 10_000}
        (self.folder / "ours.yaml").write_text(yaml.safe_dump({
            "listeners": [{
                "port": self.port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "resources": [{"names": ["client"]}],
            }],
            "trusted_key_servers": [],
            "registration_shared_secret": "for the people of the tests",
            "app_service_config_files": [str(self.registration)],
            "rc_message": often,
            "rc_joins": {"local": often},
            "rc_invites": {"per_room": often, "per_user": often, "per_issuer": often},
            "rc_login": {"address": often, "account": often},
        }))

    def _program(self):
        return [sys.executable, "-m", "synapse.app.homeserver", "-c", self.folder / "homeserver.yaml"]

    def register(self, name):
        """Makes somebody and gives their id."""
        command = [sys.executable, "-m", "synapse._scripts.register_new_matrix_user"]
        command += ["-u", name, "-p", PASSWORD, "--no-admin", "-c", self.folder / "ours.yaml"]
        subprocess.run([*command, self.url], check=True, capture_output=True)
        return f"@{name}:{SERVER}"

    def start(self):
        """Starts it, and returns once it answers."""
        log = open(self.folder / "synapse.log", "ab")
        command = [*self._program(), "-c", self.folder / "ours.yaml"]
        self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        if not harness.eventually(self._answers, START_SECONDS_MAX):
            raise RuntimeError((self.folder / "synapse.log").read_text()[-2_000:])

    def _answers(self):
        try:
            return httpx.get(f"{self.url}/_matrix/client/versions").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        """Ends it as an operator would."""
        self._end(subprocess.Popen.terminate)

    def kill(self):
        """Ends it at once and without a word."""
        self._end(subprocess.Popen.kill)

    def _end(self, how):
        if self._process:
            how(self._process)
            self._process.wait(timeout=30)
            self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()
