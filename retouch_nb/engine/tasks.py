"""All tasks of an engine, from submission to expiry: a bounded queue, and threads that take turns at image work."""

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Product, Store
from retouch_nb.engine.tickets import Job, Stage, Ticket, Watch
from retouch_nb.errors import RetouchError

PATIENCE = 2.0
"""Seconds given to the threads to notice that the engine is closed."""

log = logging.getLogger("retouch_nb.engine")


class Tasks:
    """All tasks of an engine.

    Parameters
    ----------
    store : Store
        Where products go.
    workers : int
        Turns at image work; as many threads again read inputs meanwhile, so that a slow address blocks nobody.
    queue : int
        Tasks that may wait for a thread.
    time_limit : float
        Seconds of image work.
    store_bytes : int
        Bytes of products kept; the oldest go first.
    most_tickets : int
        Tasks remembered; each takes a kilobyte or two.
    clock : callable
        Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        workers: int = 2,
        queue: int = 100,
        time_limit: float = 300.0,
        store_bytes: int = 4 * 2**30,
        most_tickets: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._most_tickets = most_tickets
        self._workers = workers
        self._room = queue
        self._time_limit = time_limit
        self._store_bytes = store_bytes
        self._clock = clock
        self._turns = threading.Semaphore(workers)
        self._changed = threading.Condition()
        self._queue: deque[tuple[Ticket, Job]] = deque()
        self._tickets: dict[str, Ticket] = {}
        self._expiries: list[tuple[float, str]] = []
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(
        self,
        job: Job,
        *,
        service: str,
        owner: str,
        lifetime: float,
        echo: Mapping[str, object] | None = None,
    ) -> Ticket:
        """Accept a job, or raise `Refusal`: 429 when the queue is full."""
        self._expire()
        self._make_room()
        now = self._clock()
        ticket = Ticket(service, owner, created=now, expires=now + lifetime, echo=echo or {})
        with self._changed:
            if self._closed:
                raise Refusal(500, "The engine is closed.")
            self.check_room()
            self._start_threads()
            self._tickets[ticket.id] = ticket
            heapq.heappush(self._expiries, (ticket.expires, ticket.id))
            self._queue.append((ticket, job))
            self._changed.notify()
        return ticket

    def check_room(self) -> None:
        """Raise `Refusal` 429 when no more may wait; asked before an upload, too, which would be for nothing."""
        if len(self._queue) >= self._room:
            raise Refusal(429, "Too many tasks are waiting.", retry_after=1)

    def find(self, task_id: str, *, service: str, owner: str) -> Ticket | None:
        """Look up an owner's ticket of a service; None when there is none, or none any more."""
        self._expire()
        with self._changed:
            ticket = self._tickets.get(task_id)
        mine = ticket is not None and (ticket.service, ticket.owner) == (service, owner)
        return ticket if mine else None

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """All that was accepted and has not expired."""
        with self._changed:
            return tuple(self._tickets.values())

    def cancel(self, ticket: Ticket, detail: str = "Cancelled") -> None:
        """End a task that is not over; its worker stops at the next progress it reports."""
        with self._changed:
            self._queue = deque(entry for entry in self._queue if entry[0] is not ticket)
        self._end(ticket, Failure(Cause.CANCELLED, detail))

    def forget(self, ticket: Ticket) -> None:
        """End a task and drop its result: from now on it is unknown."""
        self.cancel(ticket)
        with self._changed:
            self._tickets.pop(ticket.id, None)
        if ticket.status.result:
            self._store.drop(ticket.status.result)

    def close(self) -> None:
        """End every task, stop the threads and remove the results."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for ticket in self.tickets:
            self.cancel(ticket, "The engine was closed")
        patience = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, patience - time.monotonic()))
        self._store.close()

    def _expire(self) -> None:
        now = self._clock()
        with self._changed:
            gone = []
            while self._expiries and self._expiries[0][0] <= now:
                gone.append(self._tickets.get(heapq.heappop(self._expiries)[1]))
        for ticket in filter(None, gone):
            self.forget(ticket)

    def _start_threads(self) -> None:
        if self._threads:
            return
        self._threads = [
            threading.Thread(target=self._serve, name=f"retouch-nb engine {number}", daemon=True)
            for number in range(2 * self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        while entry := self._next():
            self._run(*entry)

    def _next(self) -> tuple[Ticket, Job] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            return None if self._closed else self._queue.popleft()

    def _run(self, ticket: Ticket, job: Job) -> None:
        ticket.advance(stage=Stage.PREPARING, started=self._clock())
        watch = Watch(ticket, self._turns, seconds=self._time_limit, clock=self._clock)
        try:
            self._keep(ticket, job(watch))
        except Failure as failure:
            self._end(ticket, failure)
        except RetouchError as error:
            self._end(ticket, Failure(Cause.PROCESSING, str(error)))
        except Exception as error:
            # A task that was cancelled has lost its inputs: what it stumbles over is no fault.
            if not ticket.status.over:
                log.exception("Task %s failed", ticket.id)
            what = f"Processing failed: {type(error).__name__}"
            self._end(ticket, Failure(Cause.PROCESSING, what))

    def _keep(self, ticket: Ticket, product: Product) -> None:
        try:
            stored = self._store.put(product)
        except OSError as error:
            why = error.strerror or error
            raise Failure(Cause.STORAGE, f"Storing the result failed: {why}") from error
        now = self._clock()
        if not ticket.advance(stage=Stage.DONE, progress=1.0, step="", ended=now, result=stored):
            self._store.drop(stored)
        self._make_room(ticket)

    def _make_room(self, newest: Ticket | None = None) -> None:
        """Forget the oldest that are over, while there are too many or their results are too much."""
        while self._store.size > self._store_bytes:
            if not self._forget_first(lambda t: t.status.result is not None and t is not newest):
                return
        while len(self._tickets) >= self._most_tickets:
            if not self._forget_first(lambda t: t.status.over and t is not newest):
                return

    def _forget_first(self, goes: Callable[[Ticket], bool]) -> bool:
        with self._changed:
            first = next(filter(goes, self._tickets.values()), None)
        if first is not None:
            self.forget(first)
        return first is not None

    def _end(self, ticket: Ticket, failure: Failure) -> None:
        ticket.advance(stage=Stage.FAILED, step="", ended=self._clock(), failure=failure)
