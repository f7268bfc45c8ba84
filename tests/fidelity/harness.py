"""What every fidelity script shares: counting checks, and a receiver for webhooks.

A check compares something seen with something expected and can fail. A section that raises is one
failed check, and the sections after it still run.
"""

import contextlib
import http.server
import queue
import signal
import socket
import sys
import threading
import time
import traceback

# How long a server is away in a drill: the third argument, where one is given.
AWAY_SECONDS = float(sys.argv[3]) if sys.argv[3:] and sys.argv[3].isdigit() else 10.0
# Each script has two drills at most, and the rest of it takes three minutes at most.
SCRIPT_SECONDS_MAX = 160 + int(2 * AWAY_SECONDS)
WAIT_SECONDS_MAX = 10.0


class Tally:
    """Counts checks and prints the closing line that `cargo xtask test` reads."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        signal.signal(signal.SIGALRM, self._too_long)
        signal.alarm(SCRIPT_SECONDS_MAX)

    @staticmethod
    def _too_long(_number, _frame):
        raise TimeoutError(f"the script took longer than {SCRIPT_SECONDS_MAX} s")

    def check(self, name, holds, seen=None):
        """Counts one check; `seen` is printed when it does not hold."""
        if holds:
            self.passed += 1
            print(f"  ok    {name}")
        else:
            self.failed += 1
            print(f"  FAIL  {name}: {seen!r}")

    def equal(self, name, seen, expected):
        """Counts one check that two values are equal."""
        self.check(name, seen == expected, f"{seen!r} is not {expected!r}")

    @contextlib.contextmanager
    def section(self, name):
        """Groups checks; what they raise is one failure."""
        print(name)
        try:
            yield
        except Exception:
            self.failed += 1
            print(f"  FAIL  {name}: raised")
            traceback.print_exc(file=sys.stdout)

    @contextlib.contextmanager
    def raises(self, name, kind, when=lambda error: True):
        """Counts one check that the block raises `kind`, and that `when` holds of it."""
        try:
            yield
        except kind as error:
            self.check(name, when(error), error)
        else:
            self.check(name, False, "nothing was raised")

    def close(self):
        """Prints the closing line and ends the program."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


def free_port():
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(look, seconds=WAIT_SECONDS_MAX):
    """Calls `look` until it gives something true, and returns what it gave last."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > deadline:
            return seen
        time.sleep(0.05)


def meanwhile(numbers, hub, say):
    """Says everything while a server is away, and kills the hub in the middle of that."""
    half = len(numbers) // 2
    for number in numbers[:half]:
        say(number)
    time.sleep(AWAY_SECONDS / 2)
    hub.kill()
    for number in numbers[half:]:
        say(number)
    hub.start()
    time.sleep(AWAY_SECONDS / 2)


class Receiver:
    """An HTTP server on loopback that keeps every request, and answers each with `answer`."""

    def __init__(self):
        requests = self.requests = queue.Queue()
        self.answer = (200, b"{}")
        receiver = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                requests.put(({key.lower(): value for key, value in self.headers.items()}, body))
                status, answer = receiver.answer
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.root + "/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self, seconds=WAIT_SECONDS_MAX):
        """The headers (lower-case names) and the body of the next request."""
        return self.requests.get(timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()
