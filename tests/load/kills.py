"""Kill -9 at random moments of real processes, and what the next process finds: ``make siege``.

Half of the moments are lines of the client, counted; half are times, so that a kill also falls into what is no line: a
commit, a write to a socket. Seed, moments and findings are reported; a seed may be given.
"""

import hashlib
import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from retouch_nb.engine import Engine
from retouch_nb.engine.retouch4me import ANYBODY
from tests.load.siege import served

KINDS = 6
"""What is asked for, in turn: see `operation_of`."""

AT_ONCE = {2, 3, 4}
"""Kinds whose answer is the result, or a link to it: it names no task, or another id."""

ANYBODYS = 5
"""The kind whose tasks have no owner at the engine, as at the service."""


class Kernels:
    """Starts cells in processes of their own; see `kernel`."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.url = url
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.load.kernel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run cells at once and give how each ended."""
        assert self._mother.stdin
        assert self._mother.stdout
        orders = [
            {"home": str(self.home), "url": self.url, "key": key_of(cell["number"]), **cell}
            for cell in cells
        ]
        self._mother.stdin.write(f"{json.dumps(orders)}\n")
        self._mother.stdin.flush()
        answer: list[dict[str, Any]] = json.loads(self._mother.stdout.readline())
        return answer

    def close(self) -> None:
        """Let the mother of all kernels end."""
        assert self._mother.stdin
        self._mother.stdin.close()
        self._mother.wait(20)
        assert self._mother.stdout
        self._mother.stdout.close()


@contextmanager
def kernels(home: Path) -> Iterator[tuple[Kernels, Engine]]:
    """Serve an engine, and be ready to start kernels that use it."""
    with served() as (engine, url):
        started = Kernels(home, url)
        try:
            yield started, engine
        finally:
            started.close()


def key_of(number: int) -> str:
    """Give each request a key of its own, by which the engine's tasks are told apart."""
    return f"k-killed-{number:06}"


def accepted(engine: Engine, number: int) -> list[str]:
    """Give the ids of the tasks that the engine took for a request, or for all requests that have no owner."""
    owner = hashlib.sha256(key_of(number).encode()).hexdigest()
    theirs = {owner} if number % KINDS != ANYBODYS else {ANYBODY}
    return [ticket.id for ticket in engine.tasks.tickets if ticket.owner in theirs]


def rows(home: Path) -> dict[str, str]:
    """Give state by id as the file has it, uncorrected, after a check of the file itself."""
    path = home / "journal.sqlite3"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        has = "select count(*) from sqlite_master where name = 'jobs'"
        if database.execute(has).fetchone() == (0,):
            return {}
        return dict(database.execute("select id, state from jobs"))


@dataclass
class Report:
    """What became of the killed.

    Attributes
    ----------
    moments : Counter
        What the journal's row said when the process was dead; ``no row``, or ``over`` where it had ended before.
    then : Counter
        What the next process got.
    findings : list of str
        What must not be.
    """

    moments: Counter[str] = field(default_factory=Counter)
    then: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """How many were killed."""
        return sum(self.moments.values()) - self.moments["over"]


def siege(home: Path, *, kills: int, seed: int) -> Report:
    """Kill processes at random moments, run their cells again, and see what the engine has accepted."""
    report, chance = Report(), random.Random(seed)
    with kernels(home) as (started, engine):
        steps = [started.run([{"number": n, "traced": True}])[0]["steps"] for n in range(KINDS)]
        times = [started.run([{"number": KINDS + n}])[0]["seconds"] for n in range(KINDS)]
        for number in count(2 * KINDS):
            if report.killed >= kills:
                break
            kind = number % KINDS
            by_step = {"step": chance.randint(1, steps[kind])}
            by_time = {"after": chance.uniform(0, 1.1 * times[kind])}
            _one(report, started, engine, number, chance.choice([by_step, by_time]))
    return report


def _one(
    report: Report, started: Kernels, engine: Engine, number: int, moment: dict[str, float]
) -> None:
    """Kill a process at a moment, run its cell again, and judge by what the engine has accepted."""
    before, others = rows(started.home), accepted(engine, number)
    (first,) = started.run([{"number": number, **moment}])
    mine = [state for id, state in rows(started.home).items() if id not in before]
    state = "over" if "killed" not in first else mine[0] if mine else "no row"
    (second,) = started.run([{"number": number}])
    report.moments[state] += 1
    report.then[second.get("error", "picture")] += 1
    taken = [id for id in accepted(engine, number) if id not in others]
    wrong = _wrong(state, second, taken, at_once=number % KINDS in AT_ONCE)
    if wrong or len(mine) > 1:
        wrong = wrong or "two rows of one request"
        report.findings.append(f"{wrong}: {number} killed at {moment}, {state}; then {second}")


def _wrong(state: str, second: dict[str, Any], accepted: list[str], *, at_once: bool) -> str:
    """Say what must not be, empty if nothing is; a service that answers at once may name no task."""
    if len(accepted) > 1:
        return "paid twice"
    if second.get("error", "UnknownOutcomeError") != "UnknownOutcomeError":
        return "no result and no doubt"
    if "error" in second:
        return "" if state == "sending" else "a doubt where there was none"
    if len(accepted) != 1:
        return "a picture of no task"
    named = second["picture"]
    return "" if at_once or named == accepted[0] else "the picture of another task"


def main() -> int:
    """Kill a hundred and ten."""
    import tempfile
    import time

    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = siege(Path(folder), kills=110, seed=seed)
    print(f"{report.killed} processes killed in {time.monotonic() - began:.0f} s, seed {seed}")
    for title, counts in (("killed while", report.moments), ("and then", report.then)):
        print(f"{title}: {', '.join(f'{n} {name}' for name, n in counts.most_common())}")
    print(*(report.findings or ["nothing lost, nothing paid twice"]), sep="\n")
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
