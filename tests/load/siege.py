"""Submissions from many clients against an engine on a port, with faults switched on while they run.

Engine and clients live in one process, so that both sides can be looked at afterwards: what was accepted, what the journal
says of it, and how much memory is held.
"""

import asyncio
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from retouch_nb.client import Client, Route
from retouch_nb.client.journal import Entry
from retouch_nb.contract import Operation
from retouch_nb.credentials import Credentials
from retouch_nb.engine import SERVED, Engine
from retouch_nb.engine.faults import Fault
from retouch_nb.engine.serve import _hush, _listening, _Server, address
from retouch_nb.engine.tickets import Ticket
from retouch_nb.errors import RetouchError
from retouch_nb.photo import Photo, Pixels
from retouch_nb.providers.ailabtools import AILABTOOLS, MatchStyle
from retouch_nb.providers.picwish import PICWISH, Enhance, Inpaint
from retouch_nb.providers.retouch4me import RETOUCH4ME, Retouch

PROVIDERS = (PICWISH, AILABTOOLS, RETOUCH4ME)
AT_ONCE = "photo-retouching"
"""The service whose answers, like a binary one, name no task: there is nothing to be lost but the answer."""

FAULTS = [fault for fault in Fault if fault is not Fault.SLOW]


@dataclass
class Report:
    """What became of a siege.

    Attributes
    ----------
    ends : Counter
        How submissions ended: ``result``, or the name of an error's type; ``wrong picture`` and the like are findings.
    entries : list of Entry
        The journal afterwards.
    tickets : tuple of Ticket
        What the engine accepted.
    struck : Counter
        How often each fault was switched on.
    memory : list of float
        Megabytes held by the process, after each tenth.
    """

    ends: Counter[str] = field(default_factory=Counter)
    entries: list[Entry] = field(default_factory=list)
    tickets: tuple[Ticket, ...] = ()
    struck: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    def findings(self) -> list[str]:
        """Say what must not be."""
        open_states = [e.id for e in self.entries if e.state in {"planned", "sending"}]
        known = {entry.ticket for entry in self.entries}
        named = [t for t in self.tickets if t.service != AT_ONCE and t.echo.get("return_type") != 3]
        lost = sum(ticket.id not in known for ticket in named)
        doubtful = sum(entry.state == "unknown" for entry in self.entries)
        half = self.memory[len(self.memory) // 3 :]
        checks = {
            f"{open_states} are left open in the journal": bool(open_states),
            "a task never ended": not all(ticket.status.over for ticket in self.tickets),
            f"{lost} tasks are in no journal, {doubtful} are in doubt": lost > doubtful,
            f"errors of no type of ours: {self.ends}": not all(map(_is_ours, self.ends)),
            f"memory grows: {half}": max(half) - half[0] > 60,
        }
        return [words for words, wrong in checks.items() if wrong]


def _is_ours(name: str) -> bool:
    kinds = list(RetouchError.__subclasses__())
    for kind in kinds:
        kinds += kind.__subclasses__()
    return name == "result" or name in {kind.__name__ for kind in kinds}


def inverted(pixels: Pixels, *rest: Any, progress: Any, **more: Any) -> Pixels:
    """Do work that tells whose picture it is."""
    progress(0.5)
    return 255 - pixels


@dataclass
class _Portrait:
    flat: Pixels
    steps: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()


def _portrait(pixels: Pixels, tasks: Any, *, progress: Any, at: Any) -> _Portrait:
    at("Heal")
    return _Portrait(inverted(pixels, progress=progress))


WORK = {
    "fill": inverted,
    "enhance": inverted,
    "match": inverted,
    "portrait": _portrait,
    "automatic_factor": lambda width, height: 1,
}


@contextmanager
def served() -> Iterator[tuple[Engine, str]]:
    """Serve an engine on a port of this machine, from a thread."""
    _hush()
    settings = replace(SERVED, rate_limit=False, quota=1_000_000, queue=20, allow_private_urls=True)
    engine = Engine(settings, work=WORK)
    engine.faults.seconds = 0.02
    with _listening("127.0.0.1", 0) as listener:
        server = _Server(engine, own=True)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield engine, address(listener)
        finally:
            server.should_exit = True
            thread.join(20)
            engine.close()


def photo_of(number: int) -> Photo:
    """Make a photo that no other number has."""
    pixels = np.full((40, 48, 3), 128, np.uint8)
    pixels[0, 0] = number >> 16 & 255, number >> 8 & 255, number & 255
    return Photo.open(pixels)


def operation_of(number: int) -> Operation:
    """Take the services in turn."""
    photo = photo_of(number)
    makers = (
        lambda: Enhance(photo),
        lambda: Inpaint(photo, rectangles=[(2, 2, 9, 9)]),
        lambda: Enhance(photo, sync=True, return_type=3),
        lambda: Inpaint(photo, rectangles=[(2, 2, 9, 9)], sync=True, return_type=2),
        lambda: MatchStyle(photo, photo),
        lambda: Retouch(photo, "Heal 1.0"),
    )
    return makers[number % len(makers)]()


def memory() -> float:
    """Give the megabytes this process holds; 0 where the system does not tell."""
    table = Path("/proc/self/statm")
    return int(table.read_text().split()[1]) * 4096 / 1e6 if table.exists() else 0.0


def besiege(home: Path, *, submissions: int, clients: int, seed: int = 1) -> Report:
    """Submit from many clients and report how it ended."""
    report = Report()
    with served() as (engine, url):
        asyncio.run(_besiege(report, home, engine, url, submissions, clients, seed))
        report.tickets = engine.tasks.tickets
    return report


async def _besiege(
    report: Report, home: Path, engine: Engine, url: str, most: int, clients: int, seed: int
) -> None:
    async def briefly(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))

    keys = {provider.key_env: "k-siege-1" for provider in PROVIDERS}
    client = Client(home, credentials=Credentials(keys, keyring=lambda: None), sleep=briefly)
    trouble = asyncio.ensure_future(_trouble(report, engine, random.Random(seed)))
    numbers = iter(range(most))
    tenth = max(1, most // 10)

    async def visitor() -> None:
        for number in numbers:
            report.ends[await _submitted(client, url, number)] += 1
            if number % tenth == tenth - 1:
                report.memory.append(memory())

    try:
        async with asyncio.timeout(900):
            await asyncio.gather(*(visitor() for _ in range(clients)))
        await _settled(engine)
    finally:
        trouble.cancel()
        report.entries = client.jobs()
        client.close()


async def _submitted(client: Client, url: str, number: int) -> str:
    operation = operation_of(number)
    provider = operation.provider
    route = Route(provider, url, provider.title, paced=False)
    try:
        result = await client.run(operation, route, patience=120)
    except RetouchError as error:
        return type(error).__name__
    first = (255 - photo_of(number).to_numpy()[0, 0]).astype(int)
    seen = result.photo.to_numpy()[0, 0].astype(int)
    return "result" if np.abs(first - seen).max() <= 1 else "wrong picture"


async def _trouble(report: Report, engine: Engine, chance: random.Random) -> None:
    while True:
        fault = chance.choice([*FAULTS, Fault.SLOW])
        engine.faults.switch_on(fault, times=chance.randint(1, 3))
        report.struck[fault.value] += 1
        await asyncio.sleep(0.03)


async def _settled(engine: Engine) -> None:
    for _ in range(400):
        if all(ticket.status.over for ticket in engine.tasks.tickets):
            return
        await asyncio.sleep(0.02)


def main() -> int:
    """Besiege with a thousand submissions from fifty clients."""
    import tempfile
    import time

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = besiege(Path(folder), submissions=1000, clients=50)
    print(f"1,000 submissions from 50 clients in {time.monotonic() - began:.0f} s")
    for title, counts in (("ended in", report.ends), ("faults", report.struck)):
        print(f"{title}: {', '.join(f'{n} {name}' for name, n in counts.most_common())}")
    print(f"accepted by the engine: {len(report.tickets)}")
    print(f"memory in MB, by tenths: {', '.join(f'{each:.0f}' for each in report.memory)}")
    findings = report.findings()
    print(*(findings or ["nothing lost, nothing left open"]), sep="\n")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
