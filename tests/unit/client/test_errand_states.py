"""Two kernels, one request, one journal, and everything that can happen to them in any order.

Hypothesis runs real clients a step of the loop at a time, breaks exchanges, kills and interrupts, and lets clocks jump; the
service and the file on disk are asked after every step whether a rule about money was broken.
"""

import asyncio
import gc
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retouch_nb.client import Client, Result, Route
from retouch_nb.client.task import FOLLOWS, State
from retouch_nb.credentials import Credentials
from retouch_nb.errors import RetouchError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import PICWISH, Enhance
from tests.contract.test_money import Steps

PHOTO = Photo.open(np.full((12, 16, 3), 90, np.uint8))
RESULT = Photo.open(np.full((12, 16, 3), 30, np.uint8)).data
KEPT = 3600.0

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # of the killed


@pytest.fixture(autouse=True)
def buried() -> Iterator[None]:
    """Bury the killed while their warnings are not listened to."""
    yield
    gc.collect()


class Clock:
    """Tells the time, which can be set, and the seconds that have passed, which cannot."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.passed = 0.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds
        await asyncio.sleep(0)


@dataclass
class Task:
    """A task that the service has accepted; given up when a person took it for lost."""

    id: str
    until: float
    key: str
    asked: int = 0
    failed: bool = False
    forgotten: bool = False
    given_up: bool = False


@dataclass
class Service:
    """Accepts, works and forgets; breaks what it is told to break."""

    home: Path
    clock: Clock
    idempotent: bool
    tasks: list[Task] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    permitted: set[int] = field(default_factory=set)
    """Kernels whose run was started with a person's word that it may be paid once more."""
    violations: list[str] = field(default_factory=list)

    async def exchange(self, request: httpx.Request, actor: int) -> httpx.Response:
        await asyncio.sleep(0)
        trouble = self.breaks.pop() if self.breaks else ""
        if trouble == "no connection":
            raise httpx.ConnectError("nobody there")
        body = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        assert body is not None
        if trouble == "cut":
            raise httpx.WriteError("cut")
        if trouble == "429":
            return httpx.Response(429, headers={"Retry-After": "5"}, json={"status": 429})
        answer = self.answer(request, actor)
        await asyncio.sleep(0)
        if trouble == "lost":
            raise httpx.ReadError("reset")
        return answer

    def answer(self, request: httpx.Request, actor: int) -> httpx.Response:
        if request.url.host == "results.example":
            return httpx.Response(200, content=RESULT)
        if request.method == "POST":
            return said({"task_id": self.accept(request, actor).id})
        return self.told(request.url.path.rsplit("/", 1)[1])

    def accept(self, request: httpx.Request, actor: int) -> Task:
        key = request.headers.get("Idempotency-Key", "")
        for task in self.tasks:
            if key and task.key == key:
                return task
        if "sending" not in self.states().values():
            self.violations.append("sent before the journal said so")
        if self.live() and actor not in self.permitted:
            self.violations.append(f"paid again without a word: {self.states()}")
        self.permitted.discard(actor)
        task = Task(f"t-{len(self.tasks) + 1}", self.clock.now + KEPT, key)
        self.tasks.append(task)
        return task

    def told(self, ticket: str) -> httpx.Response:
        known = [task for task in self.tasks if task.id == ticket and not task.forgotten]
        if ticket not in self.tickets() and known:
            self.violations.append("asked after a task that was not on disk")
        if not known or known[0].until <= self.clock.now:
            return httpx.Response(404, json={"status": 404, "message": "gone"})
        known[0].asked += 1
        if known[0].failed:
            return said({"task_id": ticket, "state": -1})
        if known[0].asked < 3:
            return said({"task_id": ticket, "state": 4, "progress": 50})
        return said({"task_id": ticket, "state": 1, "image": f"https://results.example/{ticket}"})

    def live(self) -> list[Task]:
        """Give the tasks that were paid and could still bring their result."""
        return [
            task
            for task in self.tasks
            if not (task.failed or task.forgotten or task.given_up) and task.until > self.clock.now
        ]

    def read(self, query: str) -> dict[str, str]:
        """Look into the file, as another process would."""
        path = self.home / "journal.sqlite3"
        if not path.exists():
            return {}
        with closing(sqlite3.connect(path)) as database, suppress(sqlite3.OperationalError):
            return dict(database.execute(query))
        return {}

    def states(self) -> dict[str, str]:
        return self.read("select id, state from jobs")

    def tickets(self) -> set[str]:
        return set(self.read("select id, ticket from jobs").values())


@dataclass
class Line(httpx.AsyncBaseTransport):
    """The way of one kernel to the service."""

    service: Service
    actor: int

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.service.exchange(request, self.actor)


def said(task: dict[str, Any]) -> httpx.Response:
    """Answer as PicWish does."""
    return httpx.Response(200, content=json.dumps({"status": 200, "data": task}).encode())


class Kernels(RuleBasedStateMachine):
    """Two kernels that run the same cell."""

    idempotent = False

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.service = Service(self.folder / "home", self.clock, self.idempotent)
        self.clients: dict[int, Client] = {}
        self.runs: dict[int, Steps] = {}
        self.graves: list[Steps] = []
        self.before: dict[str, str] = {}
        self.forgotten: set[str] = set()

    actors = st.integers(0, 1)

    def client(self, actor: int) -> Client:
        """Give the client of a kernel that lives."""
        if actor not in self.clients:
            self.clients[actor] = Client(
                self.folder / "home",
                credentials=Credentials({"PICWISH_API_KEY": "k-123456"}, keyring=lambda: None),
                clock=self.clock,
                monotonic=self.clock.monotonic,
                sleep=self.clock.sleep,
                random=lambda: 0.0,
                grace=0.0,
            )
        return self.clients[actor]

    @rule(actor=actors, steps=st.integers(4, 12))
    def run_and_kill(self, actor: int, steps: int) -> None:
        """A kernel that dies about when it sends."""
        self.run_the_cell(actor, fresh=False)
        self.go_on(actor, steps)
        self.kill(actor)

    @rule(actor=actors, fresh=st.booleans())
    def run_to_the_end(self, actor: int, fresh: bool) -> None:
        """A kernel that is left alone."""
        self.run_the_cell(actor, fresh=fresh)
        self.see_it_through(actor)

    @rule(actor=actors, fresh=st.sampled_from([False, False, False, True]))
    def run_the_cell(self, actor: int, fresh: bool) -> None:
        """Start the cell, unless it runs; fresh is a person's word that it may be paid once more."""
        if actor in self.runs:
            return
        if fresh:
            self.service.permitted.add(actor)
        provider = replace(PICWISH, idempotent=self.idempotent)
        line = Line(self.service, actor)
        route = Route(provider, "https://service.example", "PicWish", transport=line)
        work = self.client(actor).run(Enhance(PHOTO), route, fresh=fresh)
        self.runs[actor] = Steps(_ended(work))

    @rule(actor=actors, steps=st.integers(1, 40))
    def go_on(self, actor: int, steps: int) -> None:
        """Let a kernel work."""
        if actor in self.runs and not self.runs[actor].take(steps):
            self._over(actor)

    @rule(actor=actors)
    def see_it_through(self, actor: int) -> None:
        """Let a kernel work until its cell ends, or until it waits for the other."""
        if actor in self.runs and not self.runs[actor].take(400):
            self._over(actor)

    @rule(actor=actors)
    def kill(self, actor: int) -> None:
        """Kill -9: nothing more is run, and the system gives back the locks."""
        if actor in self.clients:
            self.clients.pop(actor).close()
        if actor in self.runs:
            steps = self._gone(actor)
            steps.kill()
            self.graves.append(steps)

    @rule(actor=actors)
    def interrupt(self, actor: int) -> None:
        """Stop the cell."""
        if actor in self.runs:
            self.runs[actor].cancel()  # what has begun to leave is seen through
            self._gone(actor)

    @rule(trouble=st.sampled_from(["no connection", "cut", "lost", "429"]))
    def break_the_next(self, trouble: str) -> None:
        """Let something happen to the next request, whichever it is."""
        self.service.breaks.append(trouble)

    @rule(seconds=st.sampled_from([-7200.0, -60.0, 1.0, 600.0]))
    def jump(self, seconds: float) -> None:
        """Set the clock, less far than a result is kept, or back."""
        self.clock.now += seconds

    @rule()
    def time_passes(self) -> None:
        """Let what the service has kept be gone."""
        self.clock.now += 2 * KEPT + 8000
        for task in self.service.tasks:
            task.forgotten = True

    @precondition(lambda self: self.service.tasks)
    @rule()
    def fail(self) -> None:
        """Let the newest task fail, if it is not over."""
        task = self.service.tasks[-1]
        task.failed |= task.asked < 3

    @rule()
    def take_for_lost(self) -> None:
        """Drop what is unknown: a person says that what nobody knows of may be paid once more."""
        for id, state in self.service.states().items():
            if state == State.UNKNOWN:
                self.client(0).forget(id)
                self.forgotten.add(id)
        on_disk = self.service.tickets()
        for task in self.service.tasks:
            task.given_up |= task.id not in on_disk

    @invariant()
    def no_rule_was_broken(self) -> None:
        """Nothing was sent unrecorded, asked unrecorded, or paid again without a word."""
        assert self.service.violations == []

    @invariant()
    def rows_follow_the_order_of_states(self) -> None:
        """Unknown never becomes planned, nothing leaves the list by itself, a task is never forgotten."""
        now = self.service.states()
        assert not self.before.keys() - now.keys() - self.forgotten
        for id, state in now.items():
            was = self.before.get(id, state)
            doubt = was == State.UNKNOWN and not self.idempotent
            assert not (doubt and state in {State.PLANNED, State.SENDING})
            assert state == was or _leads(State(was), State(state)), (was, state)
        self.before = now

    def _gone(self, actor: int) -> Steps:
        """Take the run of a kernel away, and what it was allowed."""
        self.service.permitted.discard(actor)
        return self.runs.pop(actor)

    def _over(self, actor: int) -> None:
        steps = self._gone(actor)
        error = steps.task.result()
        steps.loop.close()
        assert error is None or isinstance(error, RetouchError), error

    def teardown(self) -> None:
        for actor in (0, 1):
            self.kill(actor)
        for steps in self.graves:
            steps.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class IdempotentKernels(Kernels):
    """The same where the service knows repetitions by their key."""

    idempotent = True


async def _ended(work: Any) -> BaseException | None:
    """Give what a run raised, as a value."""
    try:
        assert isinstance(await work, Result)
    except RetouchError as error:
        return error
    return None


def _leads(was: State, state: State) -> bool:
    """Tell whether a row can have come from one state to another since it was last looked at."""
    reached, ends = {was}, {was}
    while ends:
        ends = {after for end in ends for after in FOLLOWS[end]} - reached
        reached |= ends
    return state in reached


class TestKernels(Kernels.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


class TestIdempotentKernels(IdempotentKernels.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
