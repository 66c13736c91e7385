"""A sweep while it runs: some jobs at once, each result noted as it comes, one failure stopping nothing.

What became of the requests is kept in `Outcomes`, which all views of a grid share: looking at it differently costs no call.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from retouch_nb.contract import Price
from retouch_nb.edit import Edit
from retouch_nb.errors import CredentialsError, HomeError, OutOfCreditsError
from retouch_nb.job import CLEANUP, Interrupted, Job, wait_out
from retouch_nb.sweep.plan import Request

HOPELESS = (CredentialsError, OutOfCreditsError, HomeError)
"""After one of these, more requests to the same service would only fail alike."""


class Outcomes:
    """What became of each request: nothing yet, a running job, a result, or an error. Safe for threads.

    Attributes
    ----------
    spent : int
        Credits that all requests together have cost; an answer that was lost counts as paid.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._edits: dict[str, Edit] = {}
        self._errors: dict[str, BaseException] = {}
        self._laid: dict[str, Edit] = {}
        self.spent = 0

    def paid(self, credits: int) -> None:
        """Count what a request has cost, or perhaps has."""
        with self._lock:
            self.spent += credits

    def started(self, identity: str, job: Job) -> None:
        """Note that a request is on its way."""
        with self._lock:
            self._errors.pop(identity, None)
            self._jobs[identity] = job

    def ended(self, identity: str, edit: Edit | None, error: BaseException | None) -> None:
        """Note how a request ended."""
        with self._lock:
            self._jobs.pop(identity, None)
            if edit is not None:
                self._edits[identity] = edit
                self._errors.pop(identity, None)
            elif error is not None:
                self._errors[identity] = error

    def job(self, request: Request) -> Job | None:
        """Give the job that works on it."""
        return self._jobs.get(request.identity)

    def error(self, request: Request) -> BaseException | None:
        """Give what went wrong."""
        return self._errors.get(request.identity)

    def has(self, request: Request) -> bool:
        """Tell whether there is a result."""
        return request.identity in self._edits

    def edit(self, request: Request) -> Edit | None:
        """Give the result, with its layers laid as the request says; composited when first asked for."""
        edit = self._edits.get(request.identity)
        if edit is None or not request.opacities or edit.layers is None:
            return edit
        with self._lock:
            if request.key not in self._laid:
                self._laid[request.key] = _laid(edit, request)
            return self._laid[request.key]

    def bare(self, request: Request) -> Edit | None:
        """Give the result as it came."""
        return self._edits.get(request.identity)


def _laid(edit: Edit, request: Request) -> Edit:
    """Composite with other opacities; nothing is asked of anybody, so it costs nothing."""
    assert edit.layers is not None
    layers = edit.layers
    for name, opacity in request.opacities.items():
        layers = layers.adjust(name, opacity=opacity)
    word = "Estimate" if request.estimate else "Composited here"
    opacities = ", ".join(f"{name} at {opacity:.0%}" for name, opacity in request.opacities.items())
    receipt = replace(
        edit.receipt,
        price=Price(0),
        remarks=(
            f"{word}: layers of job {edit.receipt.job_id}, {opacities}.",
            *edit.receipt.remarks,
        ),
    )
    return replace(edit, after=layers.composite(), layers=layers, receipt=receipt)


class GridView(Protocol):
    """What shows a sweep while it runs."""

    def refresh(self) -> None:
        """Show what has changed; called twenty times a second on the thread that waits."""
        ...

    def close(self, note: str) -> None:
        """Leave behind what stays."""
        ...


class Run:
    """Some requests, several at a time.

    Parameters
    ----------
    requests : iterable of Request
        Each identity runs once.
    start : callable
        Starts the job of a request; may raise.
    outcomes : Outcomes
        Where it is noted what becomes of them.
    concurrency : int, keyword-only
        Jobs at once.
    """

    def __init__(
        self,
        requests: Iterable[Request],
        start: Callable[[Request], Job],
        outcomes: Outcomes,
        *,
        concurrency: int,
    ) -> None:
        self._start = start
        self._outcomes = outcomes
        self._concurrency = concurrency
        self._lock = threading.RLock()
        self._waiting = deque({request.identity: request for request in requests}.values())
        self._running: dict[str, Job | None] = {}
        self._stopped = self._filling = self._asked_to_fill = False
        self._over: Future[None] = Future()
        self.total = len(self._waiting)
        self.done = 0
        self.failed = 0

    def begin(self) -> "Run":
        """Start as many jobs as may run at once."""
        self._fill()
        return self

    def wait(self, view: GridView, *, parting: Callable[[], str]) -> None:
        """Wait until all are over, and show it; an interrupt stops it and says what remains.

        Raises
        ------
        Interrupted
            Somebody interrupted; nothing that was paid is lost.
        """

        def interrupt() -> None:
            self.stop()
            wait_for([self._over], timeout=CLEANUP)
            raise Interrupted(parting())

        try:
            wait_out(self._over, interrupt=interrupt, meanwhile=view.refresh)
        except BaseException:
            view.close(parting())
            raise
        view.close(parting() if self._stopped else "")

    def stop(self) -> None:
        """Start nothing more and stop waiting for what runs; services go on with that."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            running = [job for job in self._running.values() if job is not None]
        for job in running:
            job.cancel()
        self._fill()

    def retry(self, request: Request) -> None:
        """Put a failed request back in line while others still run."""
        with self._lock:
            if self._stopped or self._over.done() or request.identity in self._running:
                return
            self._waiting.append(request)
            self.total += 1
        self._fill()

    def _fill(self) -> None:
        """Start what may run now; whoever finds that nothing is left ends the run.

        One thread does it at a time, and again if asked meanwhile: jobs that end at once must not nest.
        """
        with self._lock:
            self._asked_to_fill = True
            if self._filling:
                return
            self._filling = True
        while self._asked():
            while (request := self._next()) is not None:
                self._begin(request)

    def _asked(self) -> bool:
        with self._lock:
            again, self._asked_to_fill = self._asked_to_fill, False
            self._filling = again
            if not (again or self._waiting or self._running or self._over.done()):
                self._over.set_result(None)
            return again

    def _next(self) -> Request | None:
        """Take the next request and hold its place, so that nobody takes the run for over meanwhile."""
        with self._lock:
            if not self._waiting or len(self._running) >= self._concurrency:
                return None
            request = self._waiting.popleft()
            self._running[request.identity] = None
            return request

    def _begin(self, request: Request) -> None:
        try:
            job = self._start(request)
        except Exception as error:
            self._note(request, None, error)
            return
        self._outcomes.started(request.identity, job)
        with self._lock:
            self._running[request.identity] = job
            late = self._stopped
        job.when_done(partial(self._ended, request, job))
        if late:
            job.cancel()

    def _ended(self, request: Request, job: Job) -> None:
        error = job.exception()
        self._note(request, None if error else job.result(), error)
        self._fill()

    def _note(self, request: Request, edit: Edit | None, error: BaseException | None) -> None:
        """Write down how it ended, and only then give its place free."""
        self._outcomes.ended(request.identity, edit, error)
        with self._lock:
            self._running.pop(request.identity, None)
            self.done += 1
            self.failed += error is not None
        if isinstance(error, HOPELESS):
            self._give_up_on(request, error)

    def _give_up_on(self, failed: Request, error: BaseException) -> None:
        """Let what waits for the same service fail for the same reason, unsent."""
        with self._lock:
            alike = [r for r in self._waiting if _same_way(r, failed)]
            self._waiting = deque(r for r in self._waiting if not _same_way(r, failed))
            self.done += len(alike)
            self.failed += len(alike)
        for request in alike:
            self._outcomes.ended(request.identity, None, error)


def _same_way(one: Request, other: Request) -> bool:
    return (one.operation.provider, one.provider) == (other.operation.provider, other.provider)


class Unseen:
    """Shows nothing."""

    def refresh(self) -> None:
        """Let it pass."""

    def close(self, note: str) -> None:
        """Leave nothing behind."""


def unseen(grid: Any, run: Run) -> GridView:
    """Show nothing."""
    return Unseen()


default_view: Callable[[Any, Run], GridView] = unseen
"""What shows a sweep while it runs; the package sets it, for widgets are built on this module."""


def shown(grid: Any, run: Run) -> GridView:
    """Show it in the way that suits the place."""
    return default_view(grid, run)
