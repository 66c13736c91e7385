"""One accepted task, as seen from its three sides: the ticket of who asked, the status, the watch of who works.

A status is one frozen value, swapped whole. Threads write it, the event loop reads it, nobody sees half of it; the
first one that is over is the last, so that cancelling wins over a worker that has not noticed yet.
"""

import asyncio
import contextlib
import math
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.store import Product, Stored

READ, MADE = 0.05, 0.95
"""The shares of the progress at which image work begins and ends; reading and storing have the rest."""


class Stage(Enum):
    """Where a task is; the services number and name these each in their own way."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """All that changes about a task, as of one moment.

    Attributes
    ----------
    stage : Stage
        Where it is.
    progress : float
        The share done, 0 to 1; never falls.
    step : str
        What is being done, in words.
    started, ended : float or None
        Unix seconds.
    result : Stored or None
        What it made, once done.
    failure : Failure or None
        Why it failed, once failed.
    """

    stage: Stage = Stage.QUEUED
    progress: float = 0.0
    step: str = ""
    started: float | None = None
    ended: float | None = None
    result: Stored | None = None
    failure: Failure | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.stage in (Stage.DONE, Stage.FAILED)


class Ticket:
    """One accepted task: what was asked, by whom, and how it stands.

    Attributes
    ----------
    id : str
        A random UUID.
    service, owner : str
        The path it belongs to and whose it is; looked up by anybody else it does not exist.
    created, expires : float
        Unix seconds.
    echo : Mapping
        Facts of the request that answers repeat.
    """

    def __init__(
        self,
        service: str,
        owner: str,
        *,
        created: float,
        expires: float,
        echo: Mapping[str, object],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.service = service
        self.owner = owner
        self.created = created
        self.expires = expires
        self.echo = echo
        self._status = Status()
        self._afterwards: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Ticket {self.id} {self.service} {self._status.stage.value}>"

    @property
    def status(self) -> Status:
        """How the task stands now."""
        return self._status

    def advance(self, **changes: Any) -> bool:
        """Change the status unless the task is over; say whether it changed."""
        with self._lock:
            if self._status.over:
                return False
            self._status = replace(self._status, **changes)
            afterwards = self._afterwards if self._status.over else []
        while afterwards:
            afterwards.pop()()
        return True

    def when_over(self, call: Callable[[], None], /) -> None:
        """Call once the task is over, at once if it is, on whatever thread ends it."""
        with self._lock:
            if not self._status.over:
                self._afterwards.append(call)
                return
        call()

    async def over(self) -> Status:
        """Wait for the end without holding up the loop."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # A loop that is gone has nobody left to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        self.when_over(wake)
        await ended.wait()
        return self._status


class Watch:
    """What a job reports to, and is stopped by."""

    def __init__(
        self,
        ticket: Ticket,
        turns: threading.Semaphore,
        *,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._ticket = ticket
        self._turns = turns
        self._seconds = seconds
        self._clock = clock
        self._deadline = math.inf

    def check(self) -> None:
        """Raise `Failure` when the task is cancelled or its time is up."""
        if self._ticket.status.over:
            raise Failure(Cause.CANCELLED, "Cancelled")
        if self._clock() > self._deadline:
            raise Failure(Cause.TIMED_OUT, f"Processing took longer than {self._seconds:g} s")

    def progress(self, fraction: float, /) -> None:
        """Take the share of the image work that is done, 0 to 1, and `check`."""
        self.check()
        share = READ + (MADE - READ) * min(max(fraction, 0.0), 1.0)
        self._ticket.advance(progress=max(share, self._ticket.status.progress))

    def step(self, words: str) -> None:
        """Say what is being done now."""
        self._ticket.advance(step=words)

    @contextlib.contextmanager
    def turn(self, step: str = "") -> Iterator[None]:
        """Hold one of the few places for image work; the time limit counts from here."""
        progress = max(READ, self._ticket.status.progress)
        self._ticket.advance(stage=Stage.WAITING, progress=progress)
        while not self._turns.acquire(timeout=0.1):  # so soon it notices that nobody wants it
            self.check()
        try:
            self._deadline = self._clock() + self._seconds
            self._ticket.advance(stage=Stage.WORKING, step=step)
            self.check()
            yield
        finally:
            self._turns.release()


Job: TypeAlias = Callable[[Watch], Product]
"""What a service wants done: reads its inputs, takes a turn, returns the product or raises `Failure`."""
