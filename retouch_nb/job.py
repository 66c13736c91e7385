"""A running task that can be waited for, awaited, watched and stopped.

The work runs on the background loop; whoever waits does so in short slices, so that an interrupt is seen at once.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from retouch_nb.contract import Operation
from retouch_nb.edit import Edit
from retouch_nb.errors import RetouchError, StoppedError, UnknownOutcomeError, WaitTimeout
from retouch_nb.loop import Background
from retouch_nb.pump import clicks

if TYPE_CHECKING:
    from retouch_nb.client import Event

SLICE = 0.05
"""Seconds between looks while waiting: short enough for an interrupt, long enough to cost nothing."""

CLEANUP = 5.0
"""Seconds an interrupted wait gives the task to leave a truthful record."""

Work: TypeAlias = "Callable[[Callable[[Event], None]], Awaitable[Edit]]"


class Interrupted(KeyboardInterrupt):
    """An interrupt that tells in the cell, in one line, what became of the task."""

    def _render_traceback_(self) -> list[str]:
        return [f"\x1b[31mKeyboardInterrupt\x1b[0m: {self}"]


def wait_out(
    finished: "Future[Any]",
    *,
    interrupt: Callable[[], None],
    seconds: float | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> bool:
    """Wait in short slices, so that interrupts and clicks are seen at once; tell whether it is over.

    Parameters
    ----------
    finished : Future
    interrupt : callable, keyword-only
        Called by an interrupt, on the main thread; it raises what ends the wait.
    seconds : float, optional
        To wait at most.
    meanwhile : callable, keyword-only
        Called after every slice.
    """
    deadline = time.monotonic() + (threading.TIMEOUT_MAX if seconds is None else seconds)
    with _interruptible(interrupt), clicks() as deliver:
        while not finished.done() and time.monotonic() < deadline:
            wait_for([finished], timeout=SLICE)
            deliver()
            meanwhile()
    return finished.done()


@contextmanager
def _interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Let an interrupt do this, for as long as somebody waits.

    ipykernel replaces the handler in cells with a top-level await, so it is set for every wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class View(Protocol):
    """What shows a job while somebody waits for it."""

    def show(self, event: "Event") -> None: ...

    def close(self, html: str | None, text: str) -> None: ...


class Job:
    """One task on its way.

    Attributes
    ----------
    id : str
        Our own id: ``%retouch_nb resume ID``, also after a restart of the kernel.
    operation : Operation
        What was asked for.
    maker : str
        Who does the work.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((40, 60, 3), 120, np.uint8)
    >>> job = rn.submit("enhance", photo, scale_factor=2, provider="local")
    >>> edit = job.result()
    >>> job.done(), job.state, job.progress
    (True, 'done', 1.0)
    """

    def __init__(
        self,
        job_id: str,
        operation: Operation,
        maker: str,
        *,
        really_cancels: bool,
        view: "Callable[[Job], View | None]" = lambda job: None,
        decide: "Callable[[UnknownOutcomeError], Job | None]" = lambda error: None,
    ) -> None:
        self.id = job_id
        self.operation = operation
        self.maker = maker
        self.really_cancels = really_cancels
        self._view = view
        self._decide = decide
        self._event: Event | None = None
        self._watchers: list[Callable[[Event], None]] = []
        self._lock = threading.Lock()
        self._finished: Future[Edit] = Future()
        self._task: asyncio.Task[Any] | None = None
        self._background: Background | None = None
        self._stopping = False

    def start(self, work: Work, background: Background) -> "Job":
        """Begin the work on the background loop; once."""
        self._background = background
        background.start(self._run(work))
        return self

    @property
    def state(self) -> str:
        """One word: ``queued``, ``running``, ... and in the end ``done``, ``stopped`` or ``failed``."""
        if not self._finished.done():
            return self._event.state if self._event else "queued"
        error = self._finished.exception()
        return (
            "done" if error is None else "stopped" if isinstance(error, StoppedError) else "failed"
        )

    @property
    def progress(self) -> float | None:
        """Fraction done, 0 to 1; None where it is not known."""
        return 1.0 if self.state == "done" else self._event.progress if self._event else None

    @property
    def title(self) -> str:
        """What is done to which photo: ``Enhance cat``."""
        photo = getattr(self.operation, "photo", None)
        return " ".join(filter(None, [self.operation.title, getattr(photo, "name", "")]))

    @property
    def stop_word(self) -> str:
        """What stopping is called: only the embedded engine cancels, services go on."""
        return "Cancel" if self.really_cancels else "Stop waiting"

    def done(self) -> bool:
        """Tell whether there is nothing more to wait for."""
        return self._finished.done()

    def cancel(self) -> bool:
        """Stop: the embedded engine drops the task; a service goes on with it and it can be resumed.

        Returns
        -------
        bool
            False when the job was already over.
        """
        with self._lock:
            self._stopping = not self._finished.done()
        if self._stopping and self._background:
            self._background.call(self._cancel_task)
        return self._stopping

    def exception(self) -> BaseException | None:
        """Give the error of a job that is over, None when it went well; does not wait."""
        return self._finished.exception() if self._finished.done() else None

    def when_done(self, action: Callable[[], object]) -> None:
        """Call `action` once when the job is over, on the background thread, or at once if it is."""
        self._finished.add_done_callback(lambda finished: action())

    def watch(self, watcher: "Callable[[Event], None]") -> None:
        """Call `watcher` with every event from now on, on the background thread."""
        with self._lock:
            self._watchers.append(watcher)

    def result(self, timeout: float | None = None) -> Edit:
        """Wait for the result; shows progress when that is possible.

        Where an equal request was sent before and may be paid, a person is asked what to do, if one is there.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        WaitTimeout
            The time is over; the task goes on.
        StoppedError
            Somebody pressed the button.
        RetouchError
            Whatever went wrong.
        """
        try:
            return self._result(timeout)
        except UnknownOutcomeError as error:
            other = self._decide(error)
            if other is None:
                raise
        return other.result(timeout)

    def _result(self, timeout: float | None) -> Edit:
        if self._finished.done():
            return self._finished.result()
        view = self._view(self)
        if view is None:
            return self._waited(timeout)
        self.watch(view.show)
        try:
            edit = self._waited(timeout)
        except BaseException as error:
            # An error of ours says it all itself, just below.
            view.close(None, "" if isinstance(error, RetouchError) else self._parting())
            raise
        view.close(None, "")
        return edit

    def outcome(self) -> Edit:
        """Wait for the result and show nothing: for a thread of one's own; raises as `result`."""
        return self._finished.result()

    def __await__(self) -> Generator[Any, None, Edit]:
        return self._awaited().__await__()

    def __repr__(self) -> str:
        percent = f" {self.progress:.0%}" if self.progress is not None and not self.done() else ""
        return f"<Job {self.id} {self.operation.name} by {self.maker}: {self.state}{percent}>"

    async def _run(self, work: Work) -> None:
        self._task = asyncio.current_task()
        if self._stopping:
            self._cancel_task()
        try:
            edit = await work(self._saw)
        except asyncio.CancelledError:
            self._finished.set_exception(StoppedError(self._parting(), job_id=self.id))
        except BaseException as error:
            self._finished.set_exception(error)
        else:
            self._finished.set_result(edit)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _saw(self, event: "Event") -> None:
        with self._lock:
            self._event = event
            watchers = list(self._watchers)
        for watcher in watchers:
            with suppress(Exception):  # a display that fails must not fail a paid task
                watcher(event)

    def _parting(self) -> str:
        if self.really_cancels:
            return "Cancelled; the embedded engine has dropped the task."
        return (
            f"Stopped waiting; the task may go on at {self.maker}. "
            f"Resume with: %retouch_nb resume {self.id}"
        )

    def _waited(self, timeout: float | None) -> Edit:
        if not wait_out(self._finished, interrupt=self._interrupt, seconds=timeout):
            raise self._timeout(timeout)
        return self._finished.result()

    def _timeout(self, seconds: float | None) -> WaitTimeout:
        return WaitTimeout(
            f"Not done after {seconds:g} s.",
            advice=f"The task goes on; wait again with job.result(), or %retouch_nb resume {self.id}.",
            job_id=self.id,
            ticket=self._event.ticket if self._event else "",
        )

    def _interrupt(self) -> None:
        self.cancel()
        wait_for([self._finished], timeout=CLEANUP)
        raise Interrupted(self._parting())

    async def _awaited(self) -> Edit:
        """Wait on the caller's loop, waking it ten times a second: only so is an interrupt noticed there."""
        try:
            while not self._finished.done():
                await asyncio.sleep(SLICE)
        except asyncio.CancelledError:
            self.cancel()
            with suppress(TimeoutError):
                await asyncio.shield(asyncio.wait_for(self._over(), CLEANUP))
            raise
        return self._finished.result()

    async def _over(self) -> None:
        while not self._finished.done():
            await asyncio.sleep(SLICE)
