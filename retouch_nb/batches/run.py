"""Many photos, one recipe: a few under way at a time, every step in the manifest, one bad photo never the end.

A `Run` can be watched while it lives, stopped, and taken up again: what is done stays done.
"""

import asyncio
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Protocol

from retouch_nb.batches.desk import Desk, ask_of, new_token
from retouch_nb.batches.manifest import Manifest, Row
from retouch_nb.batches.reasons import HALTING, REASONS
from retouch_nb.batches.sources import Item, Source
from retouch_nb.batches.summary import Snapshot, Thumbnail, html, text
from retouch_nb.batches.work import Attempt, Product, Recipe, keep, retouch
from retouch_nb.errors import (
    HomeError,
    MissingExtraError,
    ParameterError,
    StoppedError,
    UnknownNameError,
)
from retouch_nb.figure import webp
from retouch_nb.job import CLEANUP, SLICE, Interrupted
from retouch_nb.photo import Photo
from retouch_nb.pump import clicks
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.client import Entry, Event, Route

BY_NAME_ONLY: Final = frozenset({"failed", "unknown"})
"""Reasons after which a photo is begun anew only when a person names them: it may be paid a second time."""

ENDS: Final = {"running": "finished", "stopping": "stopped", "halting": "halted"}

TICK: Final = 0.25
"""Seconds between two pictures of a run."""

LATEST: Final = 6
"""Thumbnails of the newest results."""

THUMBNAIL: Final = 192
"""Their longer side, in pixels."""

THUMBNAIL_SECONDS: Final = 5.0
"""Seconds between two of them, at most, also where a busy machine takes long for one."""

EXPORT_SECONDS: Final = 10.0
"""Seconds between two writings of the manifest's file; less in the beginning, more where writing would take over a twentieth."""


class View(Protocol):
    """What shows a run while somebody waits for it."""

    def show(self, snapshot: Snapshot) -> None: ...

    def close(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt.

    Attributes
    ----------
    result : Product or Exception
    token : str
        Under which name it asked for permission; empty where that is not known any more.
    worker : str
        Which machine did it, on a cluster.
    """

    result: Product | Exception
    token: str = ""
    worker: str = ""


class Doer(Protocol):
    """Who does single photos: this process, or a cluster.

    Attributes
    ----------
    ahead : int
        Photos it opens or finishes while as many as may be are under way.
    """

    ahead: int

    async def do(self, attempt: Attempt) -> Outcome: ...

    async def close(self) -> None: ...


class Here:
    """Does photos in this process, on the session's loop: so many at the service, one more on its way there or back."""

    ahead = 1

    def __init__(self, session: Session, route: "Route", desk: Desk, places: int) -> None:
        self._session = session
        self._route = route
        self._desk = desk
        self._places = asyncio.Semaphore(places)

    async def do(self, attempt: Attempt) -> Outcome:
        """Do one photo."""
        token = new_token()

        async def permit(entry: "Entry") -> None:
            if not entry.free:
                await self._desk.permit(ask_of(entry, attempt, token))

        def watch(event: "Event") -> None:
            if event.ticket and not self._route.free:
                self._desk.heard(attempt.row.source, token, event.ticket)

        try:
            product = await retouch(
                self._session,
                self._session.client,
                self._route,
                attempt,
                permit=permit,
                watch=watch,
                place=self._places,
            )
        except Exception as error:
            return Outcome(error, token)
        return Outcome(product, token)

    async def close(self) -> None:
        """Hold nothing."""


def shown(run: "Run") -> View | None:
    """Show a run in the way that suits the place."""
    from retouch_nb.widgets.batch import view  # loads ipywidgets and anywidget

    return view(run)


class Run:
    """A batch on its way, or over; shows itself.

    Attributes
    ----------
    out : Path
        The folder of the results.
    manifest : Path
        One row a photo, as Parquet; as CSV without pyarrow.
    is_shown : callable
        Tells whether it stands in the current cell already; a view sets it.

    Examples
    --------
    >>> import tempfile, numpy as np, retouch_nb as rn
    >>> photos = [np.full((40, 60, 3), tone, np.uint8) for tone in (60, 200)]
    >>> run = rn.batch("enhance", photos, out=tempfile.mkdtemp(), scale_factor=2, provider="local")
    >>> run.counts, run.failures, run.spent
    ({'done': 2}, {}, 0)
    """

    def __init__(
        self,
        session: Session,
        recipe: Recipe,
        source: Source,
        book: Manifest,
        *,
        maker: str,
        max_credits: int | None = None,
        concurrency: int = 4,
        doer: Callable[[Desk], Doer],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.out = book.folder
        self.recipe = recipe
        self._session = session
        self._source = source
        self._book = book
        self._maker = maker
        self._max_credits = max_credits
        self._concurrency = concurrency
        self._new_doer = doer
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._over: Future[None] = Future()
        self._over.set_result(None)
        self._note = ""
        self._state = "waiting"
        self._readers = 0
        self._task: asyncio.Task[None] | None = None
        self._latest: deque[Thumbnail] = deque(maxlen=LATEST)
        self._next_thumbnail = 0.0
        self._cached = self._tried = 0
        self._began = self._seconds = 0.0
        self._spent = book.spent()
        self.is_shown: Callable[[], bool] = lambda: False

    def start(self, *reasons: str) -> "Run":
        """Do what is missing, on the background; only what failed for some reasons, when they are named."""
        self._check_idle()
        with self._lock:
            self._book.open()
            self._book.next_turn()
            self._over = Future()
            self._state, self._note = "running", ""
        self._cached = self._tried = 0
        self._began = self._monotonic()
        self._desk = Desk(self._book, self._max_credits)
        self._session.background.start(self._run(frozenset(reasons)))
        return self

    def wait(self, timeout: float | None = None) -> "Run":
        """Wait until it is over, and show how it goes; an interrupt stops it, so that it can be taken up again.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; the run goes on.

        Raises
        ------
        RetouchError
            The source broke off. What single photos failed of is in the manifest.
        """
        seen = self._session.settings.progress and not self.done()
        view = shown(self) if seen else None
        try:
            self._waited(timeout, view)
        finally:
            if view is not None:
                view.close(self.snapshot())
        if self.done():
            self._over.result()
        return self

    def done(self) -> bool:
        """Tell whether nothing is under way."""
        return self._over.done()

    def stop(self) -> None:
        """Send nothing more; what services have begun can be taken up by the next call."""
        with self._lock:
            if self.done() or self._state == "stopping":
                return
            self._state = "stopping"
        self._desk.close()
        self._session.background.call(self._cancel)

    def retry(self, *reasons: str) -> "Run":
        """Try again what failed for some reasons, and wait.

        Parameters
        ----------
        *reasons : str
            ``"transient"``, ``"input"``, ``"refused"``, ``"failed"``, ...; ``"unknown"`` and ``"failed"`` send, and perhaps
            pay, a second time.

        Raises
        ------
        UnknownNameError
            There is no such reason.
        """
        for reason in reasons:
            if reason not in REASONS:
                raise UnknownNameError.among(reason, REASONS, what="reason")
        return self.start(*(reasons or ("transient",))).wait()

    @property
    def manifest(self) -> Path:
        """The file with one row a photo."""
        return self._book.path

    @property
    def counts(self) -> dict[str, int]:
        """How many photos are in which state."""
        return dict(self.snapshot().states)

    @property
    def failures(self) -> dict[str, int]:
        """How many failed, by reason."""
        return dict(self.snapshot().reasons)

    @property
    def spent(self) -> int:
        """Credits, all calls on this folder together; lost answers count as paid."""
        return self._spent if self.done() else self._desk.budget.spent

    def rows(self, *, states: Collection[str] = (), reasons: Collection[str] = ()) -> Iterator[Row]:
        """Walk the rows in the order of the source, all or those of some states or reasons."""
        with self._reading():
            yield from self._book.rows(states=states, reasons=reasons)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the manifest to another file: ``.parquet``, ``.csv`` or ``.jsonl``, as the ending says.

        Raises
        ------
        ParameterError
            It is another ending.
        MissingExtraError
            pyarrow is not installed, and the file is to be Parquet.
        """
        with self._reading():
            return self._book.export(Path(path).expanduser())

    def to_frame(self) -> Any:
        """Give the manifest as a pandas data frame.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError.of("data", "pandas", "a data frame") from None
        return pd.DataFrame([row.public() for row in self.rows()]).convert_dtypes()

    def snapshot(self) -> Snapshot:
        """Give the run as it stands."""
        states: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for (state, reason), n in dict(self._book.counts).items():
            states[state] += n
            reasons.update({reason: n} if reason else {})
        seconds = self._seconds if self.done() else self._monotonic() - self._began
        return Snapshot(
            f"{self.recipe.operation.name.replace('_', ' ').capitalize()} by {self._maker}",
            self._state,
            self._source.count,
            states,
            reasons,
            self._cached,
            self.spent,
            self._max_credits,
            seconds,
            self._tried / seconds if seconds > 0 else 0.0,
            tuple(self._latest),
            str(self.out),
            " ".join(filter(None, [self._note, self._source.note])),
        )

    def __repr__(self) -> str:
        return text(self.snapshot())

    def _repr_html_(self) -> str:
        """Show it, unless the cell that waited for it shows it already."""
        return "" if self.is_shown() else html(self.snapshot())

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold the folder as long as anybody reads, or the run goes on."""
        with self._lock:
            self._readers += 1
            self._book.open()
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                self._let_go()

    def _let_go(self) -> None:
        """Let others have the folder when nobody needs it here any more."""
        if not self._readers and self._state not in ENDS:
            self._book.close()

    def _check_idle(self) -> None:
        if not self.done():
            raise ParameterError("The run is still going.", advice="Wait for it, or run.stop().")

    async def _run(self, reasons: frozenset[str]) -> None:
        self._task = asyncio.current_task()
        over = asyncio.Event()
        exporting = asyncio.ensure_future(self._export_until(over))
        error: Exception | None = None
        try:
            await self._all(self._missing(reasons))
        except asyncio.CancelledError:
            pass
        except Exception as broken:
            error = broken
        over.set()
        await exporting
        await self._end(error)

    async def _end(self, error: Exception | None) -> None:
        """Leave a whole manifest and free the folder, whatever happened."""
        try:
            await asyncio.to_thread(self._book.export)
        except Exception as trouble:
            error = error or trouble
        self._spent = self._book.spent()
        self._seconds = self._monotonic() - self._began
        self._state = "broken off" if error else ENDS[self._state]
        if self._state == "stopped":
            self._note = "Run it again to go on: what is done stays done."
        with self._lock:
            self._let_go()
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)

    async def _all(self, missing: Iterator[Attempt]) -> None:
        """Keep as many photos under way as may be; the source is asked for one at a time, on a thread.

        What is under way when the source breaks off is brought to its end.
        """
        doer = self._new_doer(self._desk)
        asking = asyncio.Lock()
        broken: list[Exception] = []

        async def work() -> None:
            while self._state == "running":
                try:
                    async with asking:
                        attempt = await asyncio.to_thread(next, missing, None)
                except Exception as error:
                    broken.append(error)
                    return
                if attempt is None:
                    return
                await self._one(doer, attempt)

        several = self._concurrency + doer.ahead
        workers = [asyncio.ensure_future(work()) for _ in range(several)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            with suppress(Exception):  # a cluster that is gone cannot be left in order
                await doer.close()
        if broken:
            raise broken[0]

    def _missing(self, reasons: frozenset[str]) -> Iterator[Attempt]:
        """Walk the source and give what is to be done."""
        for position, item in enumerate(self._source.walk()):
            row = met(self._book, self.out, item, position)
            if wanted(row, item, reasons):
                yield Attempt(
                    self.recipe,
                    item,
                    row,
                    fresh=row.reason == "unknown",
                    max_credits=self._session.settings.max_credits,
                )

    async def _one(self, doer: Doer, attempt: Attempt) -> None:
        """Do one photo and write down what became of it, whatever that is."""
        row = attempt.row
        now, tries = self._book.clock(), row.attempts + 1
        self._book.update(
            row.source, state="running", reason="", error="", attempts=tries, started_at=now
        )
        try:
            outcome = await doer.do(attempt)
        except asyncio.CancelledError:
            await self._desk.failed(row.source, "", StoppedError("The run was stopped."))
            raise
        settling = asyncio.ensure_future(self._settle(attempt, outcome))
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:  # what came is kept, also by a run that is stopped
            await settling
            raise

    async def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        """Keep what came, and write down how it ended."""
        source, result = attempt.row.source, outcome.result
        facts: dict[str, Any] = {"finished_at": self._book.clock()}
        facts |= {"worker": outcome.worker} if outcome.worker else {}
        if isinstance(result, Product):
            result = await asyncio.to_thread(self._kept, attempt, result)
        if isinstance(result, Product):
            row = await self._desk.done(source, result, stamp=attempt.item.stamp, **facts)
            self._cached += row.cached
        else:
            await self._failed(source, outcome.token, result, facts)
        self._tried += 1

    def _kept(self, attempt: Attempt, product: Product) -> Product | Exception:
        """Write the result to its place, and a thumbnail of it now and then."""
        if not product.picture:
            return product
        try:
            output = keep(self.out, attempt.row, product)
        except OSError as error:
            return HomeError(
                f"A result cannot be written to {self.out}: {error.strerror or error}.",
                advice="It is kept in the cache and is not paid again.",
            )
        if self._monotonic() >= self._next_thumbnail:
            self._add_thumbnail(attempt.row.name, product.picture)
        return replace(product, facts={**product.facts, "output": output})

    def _add_thumbnail(self, name: str, picture: bytes) -> None:
        """Show one more; large pictures take long to make small, and get as small a share of the time."""
        began = self._monotonic()
        small = Photo.open(picture).thumbnail(THUMBNAIL)
        self._latest.appendleft(Thumbnail(name, webp(small, None)))
        now = self._monotonic()
        self._next_thumbnail = now + min(max(TICK, 50 * (now - began)), THUMBNAIL_SECONDS)

    async def _failed(
        self, source: str, token: str, error: Exception, facts: Mapping[str, Any]
    ) -> None:
        row = await self._desk.failed(source, token, error, **facts)
        if row.reason in HALTING and self._state == "running":
            self._state, self._note = "halting", row.error
            self._desk.close()

    async def _export_until(self, over: asyncio.Event) -> None:
        """Write the manifest's file now and then; ends only between two writings."""
        pause = TICK
        for nth in count():
            if over.is_set():
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), pause)
                return
            began = self._monotonic()
            with suppress(Exception):  # the rows are safe; the last writing tells of trouble
                await asyncio.to_thread(self._book.export)
            took = self._monotonic() - began if nth else 0.0  # the first time also loads pyarrow
            pause = max(min(2 * pause, EXPORT_SECONDS), 20 * took)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _waited(self, timeout: float | None, view: View | None) -> None:
        deadline = self._monotonic() + (threading.TIMEOUT_MAX if timeout is None else timeout)
        shown = -TICK
        with self._interruptible(), clicks() as deliver:
            while not self.done() and self._monotonic() < deadline:
                wait_for([self._over], timeout=SLICE)
                deliver()
                if view is not None and self._monotonic() - shown >= TICK:
                    shown = self._monotonic()
                    view.show(self.snapshot())

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Make an interrupt stop the run and wait for a true manifest, and only then end the cell."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.stop()
        wait_for([self._over], timeout=CLEANUP)
        raise Interrupted(
            "Stopped; what is done is in the manifest. Run it again to go on from there."
        )


def met(book: Manifest, folder: Path, item: Item, position: int) -> Row:
    """Give the row of a photo as it stands: one whose result is gone from the folder waits again."""
    row = book.enter(item, position)
    if row.state == "done" and not (folder / row.output).exists():
        return book.update(row.source, state="waiting")
    return row


def wanted(row: Row, item: Item, reasons: frozenset[str] = frozenset()) -> bool:
    """Tell whether a photo is to be looked at: what is missing, or only what failed for some reasons."""
    if reasons:
        return row.state != "done" and row.reason in reasons
    if row.state != "done":
        return row.reason not in BY_NAME_ONLY
    return not row.stamp or row.stamp != item.stamp
