"""The client: is it cached, is it under way, was it paid for before? Only then is anything sent.

Everything runs on one asyncio loop; journal and cache are shared with other threads and processes.
"""

import asyncio
import hashlib
import json
import random as chance
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from retouch_nb.client.admission import Admission
from retouch_nb.client.cache import Cache, Kept
from retouch_nb.client.errand import Errand, Kit, Permit
from retouch_nb.client.flight import Flights, Watch
from retouch_nb.client.journal import BUSY_SECONDS, Entry, Journal, new_id
from retouch_nb.client.pace import MARGIN, Pace, Turns
from retouch_nb.client.task import Earlier, Event, Lost, State, Terms, sentence, unknown_outcome
from retouch_nb.client.wire import Route, Timeouts, Wire
from retouch_nb.contract import Answer, Call, Kind, Operation, Price
from retouch_nb.credentials import Credentials
from retouch_nb.errors import (
    BudgetError,
    HomeError,
    ParameterError,
    PictureError,
    ProtocolError,
    RefusedError,
    ResultExpiredError,
    RetouchError,
    StoppedError,
    TaskFailedError,
    UnreachableError,
)
from retouch_nb.params import params
from retouch_nb.photo import Photo
from retouch_nb.receipt import Receipt

UNSENT: Final = "Nothing was sent."

GONE: Final = (ResultExpiredError, RefusedError, ProtocolError)
"""How a service may say that it no longer has a task: what its page says is not what all services say."""

LOOK: Final = 0.25
"""Seconds between looks at a job that another notebook is sending."""


@dataclass(frozen=True)
class Result:
    """What a job brought.

    Attributes
    ----------
    receipt : Receipt
        Who made it, how, for how much.
    path : Path
        Where the bytes lie in the cache, until they have to make room.
    kind : str
        ``"picture"`` or ``"zip"``.
    opened : Photo or None
        The picture.
    """

    receipt: Receipt
    path: Path
    kind: Kind = "picture"
    opened: Photo | None = field(default=None, repr=False)

    @property
    def photo(self) -> Photo:
        """The picture.

        Raises
        ------
        PictureError
            The result is a ZIP of layers.
        """
        if self.opened is None:
            raise PictureError("The result is a ZIP of layers, not one picture.")
        return self.opened

    @property
    def data(self) -> bytes:
        """The bytes as they came."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Forecast:
    """What a run would come to, as far as can be told before.

    Attributes
    ----------
    identity : str
        Equal for requests that bring the same result.
    maker : str
        Who would do the work.
    path : Path or None
        Where the result lies already.
    under_way : bool
        It was sent before and would be taken up, not sent.
    price : Price
        What sending costs; 0 credits where nothing has to be sent, or nobody is paid.
    seconds : float or None
        How long earlier jobs of this kind took, their median.
    pace : float
        Seconds of the service's pace that its requests take up at least: one to start it, one after its end.
    """

    identity: str
    maker: str
    path: Path | None
    under_way: bool
    price: Price
    seconds: float | None
    pace: float = 0.0

    @property
    def sends(self) -> bool:
        """A new task would be started."""
        return self.path is None and not self.under_way


class Client:
    """Gets results from services and from the embedded engine, and never pays twice by mistake.

    Parameters
    ----------
    home : Path
        Folder of journal and cache.
    credentials : Credentials
        Where keys are looked for, when one is needed.
    clock, monotonic, sleep, random : callable
        Unix seconds, seconds that never jump, waiting, a number from 0 to 1.
    cache_bytes : int
        How much disk cached results may take.
    timeouts : Timeouts
        Limits of single exchanges.
    grace : float
        Seconds that stopping may take to learn what became of a request that has left.
    busy : float
        Seconds to wait for another process that holds the journal.
    turns : Turns, optional
        Who hands out turns at paced services; the journal, for all processes of this machine, when left out.

    Attributes
    ----------
    journal : Journal
    cache : Cache
    """

    def __init__(
        self,
        home: Path,
        *,
        credentials: Credentials,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
        cache_bytes: int = 2_000_000_000,
        timeouts: Timeouts | None = None,
        grace: float = 2.0,
        busy: float = BUSY_SECONDS,
        turns: Turns | None = None,
    ) -> None:
        self.journal = Journal(home, clock=clock, busy=busy)
        self.cache = Cache(home / "cache", most_bytes=cache_bytes, clock=clock)
        wire = Wire(timeouts or Timeouts())
        pace = Pace(turns or self.journal, clock=clock, sleep=sleep)
        self._kit = Kit(
            self.journal,
            self.cache,
            wire,
            pace,
            credentials,
            clock,
            monotonic,
            sleep,
            random,
            grace,
            Admission(wire, pace, monotonic),
        )
        self._flights: Flights[Result] = Flights()

    async def run(
        self,
        operation: Operation,
        route: Route,
        *,
        job_id: str | None = None,
        fresh: bool = False,
        max_credits: int | None = None,
        patience: float | None = None,
        watch: Watch | None = None,
        permit: Permit | None = None,
    ) -> Result:
        """Get the result of an operation: from the cache, from a task already paid for, or from a new one.

        Parameters
        ----------
        operation : Operation
            What to do.
        route : Route
            Where.
        job_id : str, optional
            Id for a new job.
        fresh : bool
            Send it again, and pay again, whatever is cached or under way or unknown.
        max_credits : int, optional
            Send nothing that costs more.
        patience : float, optional
            Seconds to wait for the task; the service's own when left out. Who joins a run under way waits as long
            as that does.
        watch : callable, optional
            Told every `Event`, on the loop's thread.
        permit : callable, optional
            Awaited with the job's row right before a request that starts a task leaves; what it raises stops that.
            Not asked for what is cached, under way or taken up again.

        Raises
        ------
        CredentialsError, BudgetError, HomeError, UnreachableError
            Nothing was sent.
        UnknownOutcomeError
            It, or an equal request before it, was sent and the answer lost; nothing is sent again without `fresh`.
        WaitTimeout
            The task goes on at the service; take it up with `resume`.
        ServiceError
            The service refused or failed.
        """
        route.check()
        draft = self._draft(operation, route, job_id or new_id())
        over = _over_budget(operation, route, max_credits)
        work = partial(
            self._get,
            operation,
            route,
            draft,
            fresh=fresh,
            over=over,
            patience=patience,
            permit=permit,
        )
        token = (draft.identity, route.base_url, fresh, over is None)
        return await self._flights.board(token, work, watch)

    def identity(self, operation: Operation, route: Route) -> str:
        """Give the hash of all that decides a result; equal for requests that cannot differ."""
        return identity(operation, route)

    def foresee(self, operation: Operation, route: Route, *, fresh: bool = False) -> Forecast:
        """Say what `run` would do, send and cost; nothing is sent and no picture is opened."""
        draft = self._draft(operation, route, "")
        path = None if fresh else self.cache.find(draft.identity)
        idempotent = route.provider.idempotent
        entry = None if fresh or route.free else self.journal.standing(draft, idempotent=idempotent)
        now = self._kit.clock()
        means = entry and not entry.overdue(now) and entry.means(now, idempotent=idempotent)
        known = path is not None or means in {Earlier.WAIT, Earlier.RESUME}
        took = self.journal.seconds(draft)
        return Forecast(
            draft.identity,
            route.maker,
            path,
            under_way=path is None and known,
            price=Price(0) if known or route.free else operation.price(),
            seconds=statistics.median(took) if took else None,
            pace=_least_pace(operation, route),
        )

    async def resume(
        self,
        job_id: str,
        operation: Operation,
        route: Route,
        *,
        ticket: str = "",
        patience: float | None = None,
        watch: Watch | None = None,
    ) -> Result:
        """Take up a job by its id, also one of an earlier kernel.

        Parameters
        ----------
        job_id : str
            Our id of the job.
        operation : Operation
            Its operation; `Operation.detached` will do.
        route : Route
            Where it was sent.
        ticket : str
            The task's id at the service, where the journal does not know it and a person does.
        patience, watch
            As in `run`.

        Raises
        ------
        UnknownNameError
            The journal has no such job.
        RetouchError
            It cannot be taken up; says why. Else as `run`.
        """
        entry = self.journal.find(job_id)
        _check_same_place(entry, route)
        entry = self._orphan(entry)
        if ticket and entry.state is State.UNKNOWN:
            until = self._kit.clock() + route.provider.result_hours * 3600
            entry = self.journal.move(entry, State.ACCEPTED, ticket=ticket, expires_at=until)
        work = partial(self._take_up, operation, route, entry, patience=patience)
        token = self._flights.token_of(job_id) or job_id
        return await self._flights.board(token, work, watch)

    def adopt(
        self, operation: Operation, route: Route, *, ticket: str, expires_at: float | None
    ) -> None:
        """Write down a task that another machine started, so that `run` takes it up instead of paying again.

        Does nothing where the journal already knows better, and where the service keeps no task to ask after.
        """
        if operation.poll(ticket) is None:
            return
        draft = self._draft(operation, route, new_id())
        entry = self.journal.begin(draft, idempotent=route.provider.idempotent)
        if entry.id == draft.id:
            self.journal.move(entry, State.SENDING)
            self.journal.move(entry, State.ACCEPTED, ticket=ticket, expires_at=expires_at)

    async def ask(self, call: Call, route: Route) -> Answer:
        """Send one request that starts nothing, such as the one for a balance.

        Raises
        ------
        CredentialsError
            There is no key.
        UnreachableError
            There was no answer.
        """
        route.check()
        secret = self._kit.secret(route)
        async with self._kit.wire.open():
            if route.paced:
                await self._kit.pace.turn(route.lane, route.provider.per_second)
            answer = await self._kit.wire.exchange(route, call, secret=secret)
        if isinstance(answer, Lost):
            raise UnreachableError(f"{route.provider.title} did not answer: {answer.why}")
        return answer

    def jobs(self) -> list[Entry]:
        """List all jobs of all notebooks, the newest first."""
        return self.journal.entries()

    def find(self, job_id: str) -> Entry:
        """Give a job by its id.

        Raises
        ------
        UnknownNameError
            There is no such job.
        """
        return self.journal.find(job_id)

    def wake(self, job_id: str) -> None:
        """Let a job that waits ask its service, no faster than the service allows; on the loop's thread."""
        bell = self._kit.bells.get(job_id)
        if bell is not None:
            bell.set()

    def forget(self, job_id: str) -> str:
        """Drop a job from the journal and give its id at the service, empty where that is not known.

        What was unknown counts as lost: an equal request is sent and paid again.
        """
        return self.journal.forget(job_id)

    def close(self) -> None:
        """Let go of the files, when nothing runs any more; the network was let go of with the last run."""
        self.journal.close()

    async def _get(
        self,
        operation: Operation,
        route: Route,
        draft: Entry,
        watch: Watch,
        *,
        fresh: bool,
        over: BudgetError | None,
        patience: float | None,
        permit: Permit | None,
    ) -> Result:
        started = self._kit.monotonic()
        while True:
            kept = None if fresh else await asyncio.to_thread(self.cache.get, draft.identity)
            if kept is not None:
                return self._from_cache(kept, draft, operation, watch)
            with _unsent():
                entry = self._claim(draft, route, fresh=fresh, over=over)
            if entry.state is State.STOPPED:
                continue
            if entry.id != draft.id and entry.state in {State.PLANNED, State.SENDING}:
                watch(Event("waiting", job_id=entry.id, detail="another notebook is sending it"))
                await self._kit.sleep(LOOK)
                continue
            overdue = entry.overdue(self._kit.clock())
            errand = Errand(
                self._kit, operation, route, entry, patience=patience, watch=watch, permit=permit
            )
            try:
                return await self._brought(errand, operation, started)
            except GONE as error:
                if not overdue:
                    raise
                self.journal.move(entry, State.EXPIRED, note=error.what)

    async def _take_up(
        self,
        operation: Operation,
        route: Route,
        entry: Entry,
        watch: Watch,
        *,
        patience: float | None,
    ) -> Result:
        started = self._kit.monotonic()
        digest = entry.result or "nothing yet"
        kept = await asyncio.to_thread(self.cache.get, entry.identity, digest=digest)
        if kept is not None:
            return self._from_cache(kept, entry, operation, watch)
        _check_resumable(entry)
        route.check()
        errand = Errand(self._kit, operation, route, entry, patience=patience, watch=watch)
        return await self._brought(errand, operation, started)

    def _claim(self, draft: Entry, route: Route, *, fresh: bool, over: BudgetError | None) -> Entry:
        """Give the row to work on: the new one, or the one of an earlier task that was paid for already."""
        again = fresh or route.free
        idempotent = route.provider.idempotent
        entry = None if again else self.journal.standing(draft, idempotent=idempotent)
        means = entry and entry.means(self._kit.clock(), idempotent=idempotent)
        if over is not None and means in {None, Earlier.REPEAT}:
            raise over
        if entry is None:
            self._kit.secret(route)
            self.cache.check_room()
            entry = self.journal.begin(draft, again=again, idempotent=idempotent)
        if entry.id != draft.id:
            entry = self._orphan(entry)
        if entry.means(self._kit.clock(), idempotent=idempotent) is Earlier.ASK:
            raise _unknown(entry)
        return entry

    def _orphan(self, entry: Entry) -> Entry:
        """Correct a row of our own that looks as if we were sending it: the disk failed when that was over."""
        over = {State.PLANNED: State.STOPPED, State.SENDING: State.UNKNOWN}
        if entry.state not in over or entry.id in self._kit.bells or not self.journal.mine(entry):
            return entry
        return self.journal.move(entry, over[entry.state], note="the disk failed meanwhile")

    async def _brought(self, errand: Errand, operation: Operation, started: float) -> Result:
        kept = await errand.bring()
        entry = errand.entry
        with suppress(HomeError):  # the picture is here, whatever the disk says now
            entry = self.journal.move(entry, State.DONE)
        seconds = self._kit.monotonic() - started
        return self._result(
            kept,
            entry,
            operation,
            seconds=seconds,
            waited=errand.waited,
            requests=errand.requests,
        )

    def _from_cache(self, kept: Kept, asked: Entry, operation: Operation, watch: Watch) -> Result:
        """Hand over what is here. Only a result that nobody has seen yet still shows its price."""
        entry = self.journal.made(asked.identity, kept.digest)
        if entry is None:  # another notebook has put it there and is about to write that down
            entry = self.journal.standing(asked) or asked
        seen = entry.state is not State.FETCHED
        if not seen:
            entry = self.journal.move(entry, State.DONE)
        watch(Event("cached", job_id=entry.id, progress=1.0, ticket=entry.ticket))
        return self._result(kept, entry, operation, cached=seen)

    def _result(
        self,
        kept: Kept,
        entry: Entry,
        operation: Operation,
        *,
        cached: bool = False,
        seconds: float = 0.0,
        waited: float = 0.0,
        requests: int = 0,
    ) -> Result:
        whole = hasattr(operation, "photo")
        receipt = Receipt(
            job_id=entry.id,
            operation=entry.operation,
            provider=entry.provider,
            maker=entry.maker,
            price=Price(0) if cached else entry.price,
            options=operation.changed() if whole else entry.options,
            cached=cached,
            seconds=seconds,
            waited=waited,
            requests=requests,
            task_id=entry.ticket,
            finished_at=self._kit.clock(),
            version=entry.version,
            remarks=entry.remarks,
        )
        return Result(receipt, kept.path, kept.kind, kept.photo)

    def _draft(self, operation: Operation, route: Route, job_id: str) -> Entry:
        price = operation.price()
        return Entry(
            id=job_id,
            identity=identity(operation, route),
            operation=operation.name,
            provider=route.provider.name,
            maker=route.maker,
            version=route.version,
            base_url=route.base_url,
            options=operation.changed(),
            pictures=_digests(operation),
            credits=price.credits,
            credits_note=price.note,
            free=route.free,
            remarks=operation.warnings(),
            repetition=str(uuid4()) if route.provider.idempotent else "",
            expires_at=self._kit.clock() + route.provider.result_hours * 3600,
        )


def identity(operation: Operation, route: Route) -> str:
    """Give the hash of all that decides a result: request, service, maker and its version."""
    facts = [operation.identity, route.provider.name, route.maker, route.version]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]


def _digests(operation: Operation) -> dict[str, str]:
    pictures = {p.name: getattr(operation, p.name) for p in params(type(operation)) if p.picture}
    return {name: picture.digest for name, picture in pictures.items() if picture is not None}


def _least_pace(operation: Operation, route: Route) -> float:
    answers_at_once = getattr(operation, "sync", False) or operation.poll("") is None
    requests = 1 if answers_at_once else 2
    return requests * MARGIN / route.provider.per_second if route.paced else 0.0


def _over_budget(operation: Operation, route: Route, cap: int | None) -> BudgetError | None:
    """Give the error to raise if this were sent; what is free or already paid is never over a cap."""
    credits = operation.price().credits
    if cap is None or route.free or (credits is not None and credits <= cap):
        return None
    if credits is None:
        return BudgetError(
            f"What {operation.name} costs at {route.provider.title} is not documented, "
            f"and at most {cap} credits are allowed.",
            advice="Nothing was sent. Leave out the cap to send it all the same.",
        )
    return BudgetError(
        f"{operation.name} costs {operation.price()}, and at most {cap} are allowed.",
        advice="Nothing was sent. Raise the cap, or work free: --provider local.",
    )


@contextmanager
def _unsent() -> Iterator[None]:
    """Let what a disk refuses say that it has cost nothing."""
    try:
        yield
    except HomeError as error:
        if not error.advice.startswith(UNSENT):
            error.with_advice(f"{UNSENT} {error.advice}")
        raise


def _unknown(entry: Entry) -> RetouchError:
    return unknown_outcome(
        sentence(
            f"this request was sent before, as job {entry.id}: {entry.note or 'its notebook died meanwhile'}"
        ),
        Terms(entry.id, entry.maker, entry.cost, service=entry.provider),
        earlier=True,
    )


def _check_same_place(entry: Entry, route: Route) -> None:
    if (entry.provider, entry.base_url) != (route.provider.name, route.base_url):
        raise ParameterError(
            f"Job {entry.id} was sent to {entry.base_url}, not to {route.base_url}.",
            advice=f"Only there it can be taken up: set {route.provider.base_env} to it.",
        )


def _check_resumable(entry: Entry) -> None:
    """Say why there is nothing to wait for, when there is not."""
    match entry.state:
        case State.PLANNED | State.SENDING:
            raise RetouchError(
                f"Job {entry.id} is just being sent by another notebook.",
                advice="Try again in a moment.",
            )
        case State.UNKNOWN:
            raise _unknown(entry)
        case State.STOPPED:
            raise StoppedError(
                f"Job {entry.id} was stopped: {entry.note or 'nothing was sent'}.",
                advice="There is nothing to take up and nothing was paid; run it again.",
                job_id=entry.id,
            )
        case State.FAILED:
            raise TaskFailedError(
                f"Job {entry.id} failed: {entry.note}",
                advice="Run it again to begin anew.",
                ticket=entry.ticket,
            )
        case _ if not entry.ticket and not entry.link:
            raise ResultExpiredError(
                f"The result of job {entry.id} is no longer in the cache, and the service keeps no task of it.",
                advice="Run it again to begin anew; that is paid again.",
            )
