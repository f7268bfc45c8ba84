"""Bridges side by side on one Prosody: Ieum and biboumi, by the same sender and reader.

    python benches/bridges/run.py BINARY [NAME...]      # one of those below, or all

Needs prosody, biboumi and ngircd, as Debian has them, port 6667, and httpx for Python.

The sender says lines at `PER_SECOND`, then `BURST` as fast as they are taken; the reader is a person
in a room of Prosody. What is compared, and what is not alike:

- biboumi carries from a channel of ngircd to a person who entered it through biboumi's component.
- Ieum carries from one room of Prosody to another, joined to one conversation, so that Prosody works
  twice. Both keep every message in SQLite as they come, biboumi as a history: both are measured
  on the disk, and on a file system in memory, where writing through costs nothing.
- Rooms have no archive: it would be Prosody's work, and biboumi's person needs none.
- ngircd's penalties for fast senders are off. Nothing else of any program is tuned.

Told are throughput (lines by the time from the first said to the last seen), whether all came in
order and once, latency of the paced lines, and of the bridge's process alone: processor time a
thousand lines, and its largest resident memory.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "fidelity"))

import harness
import talk
from hub import Hub
from prosody import COMPONENT, DOMAIN, PASSWORD, ROOMS, SECRET, Prosody

PER_SECOND = 100
PACED = 1_000
BURST = 5_000
WAIT_SECONDS_MAX = 120
# Settling before each measurement.
REST_SECONDS = 2
# A file system that keeps nothing.
MEMORY = pathlib.Path("/dev/shm")
IRC = "irc.town.test"
# Where biboumi looks for a server whose port nobody told it by hand.
IRC_PORT = 6667
CHANNEL = "#bench"
ACCOUNT = """
[[account]]
name = "xmpp"
network = "xmpp"
address = "127.0.0.1:{port}"
domain = "{component}"
server = "{domain}"
component_secret = {{ file = "xmpp" }}
rooms = ["one@{rooms}", "two@{rooms}"]
"""
NGIRCD = """
[Global]
Name = irc.test
Info = bench
Listen = 127.0.0.1
Ports = {port}
ServerGID = root
ServerUID = root
[Limits]
MaxPenaltyTime = 0
MaxConnectionsIP = 0
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = user
"""
BIBOUMI = """
hostname={component}
password={secret}
xmpp_server_ip=127.0.0.1
port={port}
db_name={folder}/biboumi.sqlite
log_level=2
log_file={folder}/biboumi.log
identd_port=0
outgoing_bind=127.0.0.1
"""


class Process:
    """A program of somebody's, ended by its id."""

    def __init__(self, command, folder, name):
        log = open(folder / f"{name}.log", "ab")
        self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def __enter__(self):
        return self._process.pid

    def __exit__(self, *_error):
        self._process.kill()
        self._process.wait(timeout=10)


def processor_seconds(pid):
    """Of a process until now."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    """The most a process ever held."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(one for one in status.splitlines() if "VmHWM" in one).split()[1]) / 1_024


def arrived(seen, since, count):
    """What came since, once all are there or none come any more."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline and len(seen.lines) - since < count:
        before = len(seen.lines)
        time.sleep(0.5 if before == since else 0.1)
        if len(seen.lines) == before and time.monotonic() > deadline - WAIT_SECONDS_MAX / 2:
            break
    time.sleep(0.5)
    return seen.lines[since:]


def measured(pid, sender, reader, count, say):
    """One run of lines: what the reader saw of it, and what it cost the bridge."""
    time.sleep(REST_SECONDS)
    since, cost = len(reader.seen.lines), processor_seconds(pid)
    say(sender)
    lines = arrived(reader.seen, since, count)
    numbers = [number for number, _, _ in lines]
    first, last = min(sent for _, sent, _ in lines), max(at for _, _, at in lines)
    late_ms = sorted((at - sent) * 1_000 for _, sent, at in lines)
    return {
        "lines": count,
        "came": len(set(numbers)),
        "in_order_and_once": numbers == list(range(count)),
        "per_second": round(len(lines) / (last - first)),
        "p50_ms": round(statistics.median(late_ms), 1),
        "p99_ms": round(late_ms[len(late_ms) * 99 // 100], 1),
        "processor_ms_per_thousand": round((processor_seconds(pid) - cost) * 1e6 / len(lines)),
        "memory_mib": round(memory_mib(pid), 1),
    }


def both(pid, sender, reader):
    """Paced, then in a burst."""
    return {
        "paced": measured(pid, sender, reader, PACED,
                          lambda person: talk.paced(person, PACED, PER_SECOND)),
        "burst": measured(pid, sender, reader, BURST, lambda person: talk.burst(person, BURST)),
    }


def person(prosody, name):
    """Somebody signed in at our Prosody."""
    harness.eventually(lambda: harness.listens(prosody.client_port))
    return talk.XmppPerson(prosody.client_port, name, DOMAIN, PASSWORD)


def ieum(program, prosody, folder):
    """A room to a room through a hub."""
    accounts = ACCOUNT.format(port=prosody.component_port, component=COMPONENT, domain=DOMAIN,
                              rooms=ROOMS)
    names = ("sender", "reader")
    sender, reader = (person(prosody, name) for name in names)
    sender.enter(f"one@{ROOMS}", "sender")
    reader.enter(f"two@{ROOMS}", "reader")
    sender.name("one")
    reader.name("two")
    with Hub(program, folder / "hub", accounts, {"xmpp": SECRET}) as hub:
        hub.join("bench", [("xmpp", f"one@{ROOMS}"), ("xmpp", f"two@{ROOMS}")])
        carried(sender, reader)
        return both(hub.process_id(), sender, reader)


def biboumi(prosody, folder):
    """A channel to a person through biboumi, its history in this folder."""
    port = IRC_PORT
    (folder / "ngircd.conf").write_text(NGIRCD.format(port=port))
    (folder / "biboumi.cfg").write_text(BIBOUMI.format(
        component=IRC, secret=SECRET, port=prosody.component_port, folder=folder))
    with Process(["ngircd", "-n", "-f", folder / "ngircd.conf"], folder, "ngircd"), \
            Process(["biboumi", folder / "biboumi.cfg"], folder, "biboumi-out") as pid:
        harness.eventually(lambda: harness.listens(port), 10)
        sender, reader = talk.IrcPerson(port, "sender"), person(prosody, "ircreader")
        sender.enter(CHANNEL)
        time.sleep(1)
        reader.enter(f"{CHANNEL}%127.0.0.1@{IRC}", "ircreader")
        carried(sender, reader)
        return both(pid, sender, reader)


def carried(sender, reader, seconds=30):
    """Returns once lines pass."""
    deadline = time.monotonic() + seconds
    while not reader.seen.lines:
        if time.monotonic() > deadline:
            raise TimeoutError("nothing is carried")
        sender.say(talk.line(0))
        time.sleep(1)


def main():
    missing = [one for one in ("prosody", "biboumi", "ngircd") if not shutil.which(one)]
    if missing:
        sys.exit(f"needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=MEMORY) as quick:
        folder = pathlib.Path(folder)
        prosody = Prosody(folder / "prosody", archive=False)
        with open(prosody.configuration, "a") as more:
            more.write(f'Component "{IRC}"\n  component_secret = "{SECRET}"\n')
        for name in ("sender", "reader", "ircreader"):
            prosody.register(name)
        found = {}
        with prosody:
            here, memory = folder / "disk", pathlib.Path(quick)
            here.mkdir()
            for name, measure in (
                    ("ieum", lambda: ieum(sys.argv[1], prosody, here)),
                    ("ieum, in memory", lambda: ieum(sys.argv[1], prosody, memory)),
                    ("biboumi", lambda: biboumi(prosody, here)),
                    ("biboumi, in memory", lambda: biboumi(prosody, memory))):
                if sys.argv[2:] and name not in sys.argv[2:]:
                    continue
                try:
                    found[name] = measure()
                except (TimeoutError, RuntimeError) as failure:
                    found[name] = {"failure": str(failure)}
                    for log in sorted(folder.rglob("*.log")):
                        print(log.name, *log.read_text().splitlines()[-15:], sep="\n  ",
                              file=sys.stderr)
                print(name, json.dumps(found[name]), flush=True)
        print(json.dumps(found, indent=1))


main()
