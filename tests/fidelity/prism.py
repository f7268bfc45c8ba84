"""Starts Prism, which compares HTTP with an OpenAPI document, and ends it by its own id."""

import json
import pathlib
import subprocess
import tempfile
import threading

import harness

START_SECONDS_MAX = 90
PROGRAM = pathlib.Path(__file__).parent / "node_modules/@stoplight/prism-cli/dist/index.js"
READY = "Prism is listening"


class Prism:
    """`mock` answers from the document; with `upstream` every call is passed on and compared."""

    def __init__(self, document, upstream=None):
        self._folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self._folder.name) / "openapi.json"
        path.write_text(json.dumps(document, default=str))
        port = harness.free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["node", str(PROGRAM), "proxy" if upstream else "mock", "--errors"]
        command += ["-h", "127.0.0.1", "-p", str(port), str(path)]
        command += [upstream] if upstream else []
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._ready = threading.Event()
        self._seen = []
        threading.Thread(target=self._read, daemon=True).start()
        if not self._ready.wait(START_SECONDS_MAX) or self._process.poll() is not None:
            self.close()
            raise RuntimeError("Prism did not start: " + "".join(self._seen)[-2000:])

    def _read(self):
        for line in self._process.stdout:
            text = line.decode(errors="replace")
            if not self._ready.is_set():
                self._seen.append(text)
            if READY in text:
                self._ready.set()
        self._ready.set()

    def close(self):
        """Ends the program and removes what it read."""
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()
