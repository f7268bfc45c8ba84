"""How long a hub takes to answer a request for contact, whatever becomes of the request.

Asked is for somebody who does not exist, who was never asked, who said nothing yet, who ignored it
and who blocked the asker. The five are asked for in turns of random order, so that whatever else
the machine does falls on all alike. They count as different when a rank test finds a difference that
chance gives less often than `ALARM_CHANCE` in a whole run, and that difference is over
`SHIFT_MS_MAX`; a delay of `PLANTED_MS` in one of them, put there by us, must be found.
"""

import http.client
import itertools
import json
import pathlib
import random
import sys
import tempfile
import time

import harness
import ranks
from hub import Hub, TELEGRAM, TOKEN
from lab import Lab

KINDS = ["nobody", "new", "waiting", "ignored", "blocked"]
ASKERS = 40
# A person may ask twenty times a day: three to prepare, and five in each turn.
TURNS = 3
ALARM_CHANCE = 0.001
SHIFT_MS_MAX = 0.5
PLANTED_MS = 1.0


class Asker:
    """Asks over one kept connection and takes the time."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}

    def ask(self, person, handle, delay_ms=0.0):
        """Milliseconds until the answer, and the answer: status, headers, bytes."""
        path, body = f"/v1/people/{person}/contact-requests", json.dumps({"handle": handle})
        begin = time.perf_counter()
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        until = time.perf_counter() + delay_ms / 1_000
        while delay_ms and time.perf_counter() < until:
            pass
        took_ms = (time.perf_counter() - begin) * 1_000
        told = sorted(name.lower() for name in answer.headers)
        return took_ms, (answer.status, told, content)


class People:
    """People by number; each has a handle that tells their number."""

    def __init__(self, hub):
        self.hub, self.made = hub, 0

    def make(self):
        """One more: their number and handle."""
        self.made += 1
        handle = f"p{self.made:05}"
        person = self.hub.post("/v1/people", name=f"사람 {self.made}")["id"]
        self.hub.put(f"/v1/people/{person}/handle", handle=handle)
        return person, handle


def prepared(people, asker):
    """Somebody who asks, and handles of each kind for every turn."""
    person, _ = people.make()
    handles = {"nobody": [f"x{person:05}_{turn}" for turn in range(TURNS)],
               "new": [people.make()[1] for _ in range(TURNS)]}
    for kind in KINDS[2:]:
        other, handle = people.make()
        asker.ask(person, handle)
        if kind != "waiting":
            people.hub.put(f"/v1/people/{other}/contacts/{person}", standing=kind)
        handles[kind] = [handle] * TURNS
    return person, handles


def measured(people, asker, planted=None):
    """Milliseconds by kind, and every answer that was seen."""
    dice = random.Random(7)
    times, answers = {kind: [] for kind in KINDS}, []
    ready = [prepared(people, asker) for _ in range(ASKERS)]
    for turn in range(TURNS):
        for person, handles in ready:
            for kind in dice.sample(KINDS, len(KINDS)):
                delay_ms = PLANTED_MS if kind == planted else 0.0
                took_ms, answer = asker.ask(person, handles[kind][turn], delay_ms)
                times[kind].append(took_ms)
                answers.append(answer)
    return times, answers


def differences(times):
    """Pairs of kinds that differ, each with its chance and shift."""
    pairs = list(itertools.combinations(KINDS, 2))
    found = []
    for one, other in pairs:
        by = ranks.shift(times[one], times[other])
        chance = ranks.chance(times[one], times[other])
        if chance < ALARM_CHANCE / len(pairs) and abs(by) > SHIFT_MS_MAX:
            found.append((one, other, chance, round(by, 3)))
    return found


def tell(times):
    """What was measured, for people to look at."""
    for kind in KINDS:
        sample = sorted(times[kind])
        middle, late = sample[len(sample) // 2], sample[len(sample) * 9 // 10]
        print(f"        {kind:<8} median {middle:.3f} ms, nine of ten within {late:.3f} ms")


def statistic(tally):
    with tally.section("the test itself"):
        alarms = ranks.false_alarms(trials=1_000, size=60, limit=0.05, seed=3)
        tally.check("cries wolf as often as it says", 25 <= alarms <= 80, alarms)
        lot = [1, 2, 3] * 9
        tally.equal("sees nothing in one lot twice", ranks.chance(lot, lot), 1.0)
        # U = 0: by counting all orders of 8 and 8, the chance is 2 of 12,870.
        tally.check("sees what is all above", ranks.chance(range(8), range(8, 16)) < 0.001)
        tally.equal("by how much", ranks.shift([3, 4, 5], [1, 2, 3]), 2)


def play(tally, lab, program, folder):
    statistic(tally)
    accounts = TELEGRAM.format(telegram=lab.telegram["api"])
    with Hub(program, folder / "hub", accounts, {"telegram": lab.telegram["bot_token"]}) as hub:
        people, asker = People(hub), Asker(hub.port)
        with tally.section("requests take as long whatever becomes of them"):
            times, answers = measured(people, asker)
            tell(times)
            tally.equal("one answer to all", [one for one in answers if one != answers[0]], [])
            tally.equal("that says it was taken", answers[0][0], 202)
            tally.equal("no kind differs", differences(times), [])
        with tally.section(f"{PLANTED_MS} ms that we put into one kind are found"):
            times, _ = measured(people, asker, planted="blocked")
            tell(times)
            found = {pair for one in differences(times) for pair in [one[:2]] if "blocked" in pair}
            tally.equal("against every other kind", len(found), len(KINDS) - 1)


def main():
    tally = harness.Tally()
    with tempfile.TemporaryDirectory() as folder:
        with tally.section("a real hub"):
            play(tally, Lab(), sys.argv[2], pathlib.Path(folder))
    tally.close()


main()
