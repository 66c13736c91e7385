"""One job on its way: send, ask, fetch. Every step is in the journal before the next one begins.

What to do is decided in `task`; here it is done, and whatever ends it leaves a row that tells the truth.
"""

import asyncio
import math
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from retouch_nb.client.admission import Admission
from retouch_nb.client.cache import Cache, Kept
from retouch_nb.client.cadence import Known, Rule, like_this, next_wait
from retouch_nb.client.download import (
    MOST_BYTES,
    MOST_PICTURE,
    Missed,
    Seen,
    download,
    land,
    look,
    sniff,
)
from retouch_nb.client.flight import Watch
from retouch_nb.client.journal import Entry, Journal
from retouch_nb.client.pace import Pace, growing, retry_after
from retouch_nb.client.task import (
    TRIES,
    Event,
    Keep,
    Left,
    Lost,
    Nonsense,
    Repeat,
    Said,
    State,
    Stop,
    Terms,
    Track,
    after_poll,
    after_submit,
    how_to_resume,
    resumable,
    sentence,
)
from retouch_nb.client.wire import Departure, Route, Wire
from retouch_nb.contract import Accepted, Answer, Call, Finished, Operation, Outcome, Pending
from retouch_nb.credentials import Credentials, Secret
from retouch_nb.errors import (
    HomeError,
    ProtocolError,
    ResultExpiredError,
    RetouchError,
    WaitTimeout,
)
from retouch_nb.photo import MOST_PIXELS, Photo

Permit: TypeAlias = Callable[[Entry], Awaitable[object]]
"""Asked right before a request that starts a task leaves; raises to prevent it."""

INSIDE: Final = (0.02, 0.25)
"""Seconds between looks at an engine in this process, which nobody has to be sparing with."""

JITTER: Final = 0.2
"""Seconds that chance adds to a pause: clients that began together do not stay together."""

TROUBLE: Final = (1.0, 30.0)
"""Seconds between tries while something is wrong."""

ANY_KEY: Final = Secret("free")
"""The embedded engine keeps the services' contracts, which demand a key, and takes any."""

FREELY: Final = 40_000_000
"""Pixels a result may have, however small its photo."""

FETCHES: Final = 4
"""How often a result is fetched at most before we leave it where it is."""


@dataclass(frozen=True)
class Kit:
    """What every job works with; clocks, chance and sleep are here so that a test can bring its own."""

    journal: Journal
    cache: Cache
    wire: Wire
    pace: Pace
    credentials: Credentials
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    chance: Callable[[], float]
    grace: float
    admission: Admission
    bells: dict[str, asyncio.Event] = field(default_factory=dict)
    """By job, what wakes it while it waits for its task to be over."""

    def secret(self, route: Route) -> Secret:
        """Give the key for a route; raises `CredentialsError` when there is none."""
        return ANY_KEY if route.free else self.credentials.need(route.provider)


class Errand:
    """Brings the result of one job.

    Parameters
    ----------
    kit : Kit
        What it works with.
    operation : Operation
        What was asked for; detached when a task is taken up again.
    route : Route
        Where.
    entry : Entry
        Its row in the journal.
    patience : float or None
        Seconds the task is waited for; the service's own when None.
    watch : callable
        Told what happens.
    permit : callable, optional
        See `Permit`.

    Attributes
    ----------
    entry : Entry
        The row as it is now.
    requests : int
        Sent so far.
    waited : float
        Seconds in which nobody worked: before our turn to send, and in the service's queue.
    """

    def __init__(
        self,
        kit: Kit,
        operation: Operation,
        route: Route,
        entry: Entry,
        *,
        patience: float | None,
        watch: Watch,
        permit: Permit | None = None,
    ) -> None:
        self.entry = entry
        self.requests = 0
        self.waited = 0.0
        self._kit = kit
        self._operation = operation
        self._route = route
        self._patience = route.provider.patience if patience is None else patience
        self._deadline = kit.monotonic() + self._patience
        self._watch = watch
        self._permit = permit
        self._secret: Secret | None = None
        self._ticket = entry.ticket
        self._lead = entry.ticket or entry.link
        self._came = b""
        self._told = Event("")
        self._bell = asyncio.Event()
        who = f"the {route.maker}" if route.free else route.provider.title
        self._terms = Terms(
            entry.id,
            who,
            entry.cost,
            free=route.free,
            idempotent=bool(entry.repetition),
            service=entry.provider,
        )

    async def bring(self) -> Kept:
        """See the job through, from wherever it stands, until its result lies in the cache.

        Raises
        ------
        RetouchError
            What went wrong; the journal says what became of the task.
        asyncio.CancelledError
            Somebody stopped it; the journal says what that means.
        """
        self._kit.bells[self.entry.id] = self._bell
        try:
            self._secret = self._kit.secret(self._route)
            async with self._kit.wire.open():
                return await self._fetch(await self._finished())
        except asyncio.CancelledError:
            await self._give_up()
            raise
        except HomeError as error:
            self._settle("the disk failed")
            self._name_task(error)
            raise
        except Exception as error:
            self._settle(getattr(error, "what", repr(error)))
            raise
        finally:
            self._kit.bells.pop(self.entry.id, None)

    async def _finished(self) -> Finished:
        if self.entry.state not in {State.PLANNED, State.UNKNOWN}:
            return await self._follow(at_once=True)
        if self.entry.state is State.PLANNED:
            await self._kit.admission.check(self._operation, self._route)
        match await self._submit(self._call()):
            case Finished() as finished:
                return finished
            case Pending() as pending:
                self._tell_pending(pending)
            case _:
                self._tell("queued")
        return await self._follow()

    def _call(self) -> Call:
        call = self._operation.submit()
        return call if self._route.keep_metadata else call.bare()

    async def _submit(self, call: Call) -> Outcome:
        """Send the request that starts the task, until it is certain that there is one."""
        if self.entry.repetition:
            headers = {**call.headers, "Idempotency-Key": self.entry.repetition}
            call = replace(call, headers=headers)
        for nth in count(1):
            began = self._kit.monotonic()
            await self._turn()
            self.waited += self._kit.monotonic() - began
            if self._permit is not None:
                await self._permit(self.entry)
            self._move(State.SENDING)
            self._tell("sending", progress=0.0)
            said, wish = await self._send(call)
            decision = after_submit(said, self._terms, nth=nth)
            match decision:
                case Track(outcome=outcome):
                    self._record(decision)
                    return outcome
                case Repeat(error=error, state=state):
                    self._move(state, note=error.what)
                    pause = max(wish or 0.0, growing(TROUBLE, nth - 1, self._kit.chance()))
                    await self._wait(pause, why=error.what, instead=error)
                case Stop(error=error):
                    with suppress(HomeError):  # what became of the money is the greater news
                        self._record(decision)
                    raise error
        raise AssertionError("unreachable")

    async def _send(self, call: Call) -> tuple[Said, float | None]:
        """Send once. An interruption waits a moment for the answer to what has already left whole."""
        departure = Departure(lambda fraction: self._tell_progress("sending", fraction))
        sending = asyncio.ensure_future(self._exchange(call, departure))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            await self._cut(sending, departure)
            raise

    async def _cut(
        self, sending: "asyncio.Future[tuple[Said, float | None]]", departure: Departure
    ) -> None:
        left = departure.left()
        with suppress(asyncio.CancelledError):  # a second interruption ends the moment
            if left is Left.WHOLE:
                await asyncio.wait({sending}, timeout=self._kit.grace)
        sending.cancel()
        await asyncio.wait({sending})
        if sending.cancelled() or sending.exception():
            harmless = left is Left.NOTHING or self._route.free
            state = State.STOPPED if harmless else State.UNKNOWN
            self._move(state, note=f"stopped while it was being sent; {left.value}")
        else:
            self._record(after_submit(sending.result()[0], self._terms, nth=TRIES))

    def _record(self, decision: Track | Repeat | Stop) -> None:
        """Write down where the first answer leaves the task.

        One that is nothing but the result itself leads nowhere again: until that is on disk, it is still being sent.
        """
        match decision:
            case Track(ticket=ticket, outcome=outcome) if ticket or _link(outcome):
                self._ticket, self._lead = ticket, ticket or _link(outcome)
                self._deadline = self._kit.monotonic() + self._patience
                until = self._kit.clock() + self._route.provider.result_hours * 3600
                said: tuple[str, ...] = ()
                if isinstance(outcome, Accepted) and not self._route.free:  # quotas and the like
                    said = outcome.remarks
                self._move(
                    State.ACCEPTED,
                    ticket=ticket,
                    link=_link(outcome),
                    expires_at=until,
                    note="",
                    remarks=(*said, *self.entry.remarks),
                )
            case Stop(error=error, state=State() as state):
                self._move(state, note=error.what)
            case Repeat(error=error) | Stop(error=error):
                self._move(State.STOPPED, note=error.what)

    async def _follow(self, *, at_once: bool = False) -> Finished:
        """Ask after the task until it is over; only the service's word ends it, not our troubles."""
        call = self._operation.poll(self._ticket)
        if call is None:
            return self._from_link()
        misses = nonsense = 0
        trouble = ""
        vigil = self._vigil(watched=not at_once)
        pause = 0.0 if at_once else vigil.pause()
        for _ in count(1):
            if await self._wait(pause, why=trouble, listening=True):
                await self._kit.sleep(vigil.rest)
            await self._turn()
            said, wish = await self._exchange(call)
            vigil.asked(said)
            nonsense = nonsense + 1 if isinstance(said, Nonsense) else 0
            match after_poll(said, self._terms, ticket=self._ticket, nonsense=nonsense):
                case Finished() as finished:
                    self.waited += vigil.queued
                    self._learn(vigil)
                    return finished
                case Stop(error=error, state=state):
                    if state is not None:
                        self._move(state, note=error.what)
                    raise error
                case Keep(pending=Pending() as pending):
                    misses, trouble = 0, ""
                    pause = max(wish or 0.0, vigil.pause())
                    self._tell_pending(pending)
                case Keep(trouble=trouble):
                    pause = max(wish or 0.0, growing(TROUBLE, misses, self._kit.chance()))
                    misses += 1
        raise AssertionError("unreachable")

    async def _exchange(
        self, call: Call, departure: Departure | None = None
    ) -> tuple[Said, float | None]:
        """Send a request and read its answer; the second value is how long the service asks us to wait."""
        self.requests += 1
        left = max(self._deadline - self._kit.monotonic(), 0.0)
        answer = await self._kit.wire.exchange(
            self._route,
            call,
            secret=self._secret,
            departure=departure,
            within=None if call.method == "POST" else left + self._kit.wire.timeouts.wait,
        )
        if isinstance(answer, Lost):
            return answer, None
        wish = retry_after(answer.headers, self._kit.clock())
        if wish and self._route.paced:
            with suppress(HomeError):  # a courtesy, which must not cost the answer
                self._kit.pace.hold(self._route.lane, wish)
        return self._read(answer), wish

    def _read(self, answer: Answer) -> Said:
        """Read an answer; one that cannot be read is a value as well, since a task may stand behind it."""
        try:
            return self._operation.read(answer, self._ticket)
        except ProtocolError as error:
            senseless = error
        except Exception as error:  # a plug-in's mistake must not lose a paid task
            senseless = ProtocolError(
                f"The answer (HTTP {answer.status}) could not be read: {error!r}."
            )
        senseless.provider = senseless.provider or self._route.provider.title
        senseless.code = senseless.code or str(answer.status)
        senseless.ticket = senseless.ticket or self._ticket
        return Nonsense(senseless)

    def _from_link(self) -> Finished:
        if not self.entry.link:
            raise ResultExpiredError(
                sentence(f"{self._terms.who} keeps no tasks, and the link to the result is gone"),
                provider=self._route.provider.title,
                ticket=self._ticket,
            )
        return Finished(Call("GET", self.entry.link), self._ticket)

    async def _fetch(self, finished: Finished) -> Kept:
        """Bring the result to disk; when that fails, ask the task for a fresh link, never for a new task."""
        refused = False
        for nth in range(FETCHES):
            self._tell("fetching", progress=0.0)
            got = await self._take(finished.result)
            if isinstance(got, Kept):
                self._move(
                    State.FETCHED,
                    result=got.digest,
                    remarks=tuple(dict.fromkeys((*finished.remarks, *self.entry.remarks))),
                    link="",
                    note="",
                )
                return got
            if nth == FETCHES - 1 or (got.gone and refused) or not self._again(finished):
                raise self._not_fetched(got)
            refused = refused or got.gone
            await self._wait(growing(TROUBLE, nth, self._kit.chance()), why=got.why)
            if self._asks:
                finished = await self._follow(at_once=True)
        raise AssertionError("unreachable")

    async def _take(self, result: bytes | Call) -> Kept | Missed:
        folder = self._kit.cache.folder
        if isinstance(result, bytes):
            self._came = result
            landed = await asyncio.to_thread(land, result, folder)
        else:
            self.requests += 1
            found = await download(
                self._kit.wire,
                self._route,
                result,
                folder,
                progress=lambda fraction: self._tell_progress("fetching", fraction),
                most_bytes=MOST_BYTES if "zip" in self._operation.kinds else MOST_PICTURE,
            )
            if isinstance(found, Missed):
                return found
            landed = found
        seen = await asyncio.to_thread(self._look, landed.path)
        if isinstance(seen, Missed):
            landed.path.unlink(missing_ok=True)
            return replace(seen, why=self._hidden(seen.why))
        return await asyncio.to_thread(self._kit.cache.put, self.entry.identity, landed, seen)

    def _look(self, path: Path) -> Seen | Missed:
        """See what came; no service makes more of a picture than sixteen times its pixels."""
        photo = getattr(self._operation, "photo", None)
        most = 16 * math.prod(photo.size) if isinstance(photo, Photo) else MOST_PIXELS
        return look(path, self._operation.kinds, most_pixels=max(most, FREELY))

    def _hidden(self, text: str) -> str:
        """Put stars for the key, which a service may have handed on to whoever keeps its results."""
        return self._secret.hide(text.encode()).decode() if self._secret else text

    @property
    def _asks(self) -> bool:
        """The service has a task that can be asked after."""
        return bool(self._ticket) and self._operation.poll(self._ticket) is not None

    def _again(self, finished: Finished) -> bool:
        """Tell whether trying once more could bring another result."""
        return self._asks or isinstance(finished.result, Call)

    def _not_fetched(self, missed: Missed) -> RetouchError:
        kind = ResultExpiredError if missed.gone else ProtocolError
        error = kind(
            f"The result of {self._terms.who} could not be fetched: {missed.why}.",
            provider=self._route.provider.title,
            code=missed.code,
            ticket=self._ticket,
        )
        if self.entry.state is State.SENDING:
            self._move(State.FAILED, note=error.what)
            return error.with_advice("It came once and cannot be asked for again; it may be paid.")
        return resumable(error, self._terms, self._ticket)

    async def _give_up(self) -> None:
        """Leave a truthful row when somebody stopped waiting; only the embedded engine really cancels."""
        if self._route.free and self.entry.state in {State.ACCEPTED, State.RUNNING}:
            await self._cancel_there()
            with suppress(HomeError):
                self._move(State.STOPPED, note="cancelled")
        self._settle("stopped while it was being sent")

    async def _cancel_there(self) -> None:
        call = self._operation.poll(self._ticket)
        if call is None:
            return
        cancelling = asyncio.ensure_future(
            self._kit.wire.exchange(
                self._route, replace(call, method="DELETE"), within=self._kit.grace
            )
        )
        with suppress(asyncio.CancelledError):  # an impatient person interrupts twice
            await asyncio.wait({cancelling}, timeout=self._kit.grace)

    def _settle(self, note: str) -> None:
        """Never leave a row that looks as if somebody were still sending."""
        doubt = State.STOPPED if self._route.free else State.UNKNOWN
        with suppress(HomeError):  # then whoever reads the row next finds us gone
            if self.entry.state is State.PLANNED:
                self._move(State.STOPPED, note=note)
            elif self.entry.state is State.SENDING:
                self._move(doubt, note=note)

    def _name_task(self, error: HomeError) -> None:
        """Put what leads to a paid task into the message when there is no other place left for it."""
        if self._ticket:
            resume = f"%retouch_nb resume {self.entry.id} {self._ticket}"
            error.with_advice(f"The task stays at {self._terms.who}: {resume}. {error.advice}")
        elif self._lead:
            error.with_advice(f"The result is at {self._lead}. {error.advice}")
        elif self._came:
            error.with_advice(f"{set_down(self._came)} {error.advice}")
        elif self.entry.state is State.PLANNED:
            error.with_advice(f"Nothing was sent. {error.advice}")

    async def _turn(self) -> None:
        if not self._route.paced:
            return
        limit = self._route.provider.per_second
        await self._kit.pace.turn(
            self._route.lane,
            limit,
            long=lambda pause: self._tell(
                "waiting for a turn", detail=f"{limit:g} requests a second are allowed", pause=pause
            ),
        )

    async def _wait(
        self,
        pause: float,
        *,
        why: str = "",
        instead: RetouchError | None = None,
        listening: bool = False,
    ) -> bool:
        """Sleep, unless that would outlast our patience: then `instead` is raised, or that the wait is over.

        Tells whether the service called; when `listening` that ends the sleep.
        """
        if self._kit.monotonic() + pause > self._deadline:
            raise instead or self._wait_over(why)
        if why:
            self._tell("waiting to retry", detail=why, pause=pause)
        if not pause:
            return False
        if listening and getattr(self._operation, "hook", None):
            return await self._called_within(pause)
        await self._kit.sleep(pause)
        return False

    async def _called_within(self, pause: float) -> bool:
        """Sleep until a call comes: a reason to ask, and no answer."""
        ways = [
            asyncio.ensure_future(self._bell.wait()),
            asyncio.ensure_future(self._kit.sleep(pause)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
        called = self._bell.is_set()
        self._bell.clear()
        return called

    def _wait_over(self, why: str) -> WaitTimeout:
        return WaitTimeout(
            sentence(
                f"{self._terms.who} is not done after {self._patience:g} s{why and ': ' + why}"
            ),
            advice=how_to_resume(self._terms, self._ticket),
            job_id=self.entry.id,
            ticket=self._ticket,
        )

    def _vigil(self, *, watched: bool) -> "Vigil":
        """Begin to ask; with `watched`, from the task's very beginning, so that others can be learnt from and later ones taught."""
        earlier: list[float] = []
        if watched and self._route.paced:
            with suppress(HomeError):  # worth a guess, not a task
                earlier = like_this(self._kit.journal.lasted(self._alike), self._megapixels)
        steps = len(self._operation.tasks())
        return Vigil(self._kit, self._route, earlier, watched=watched, steps=steps)

    def _learn(self, vigil: "Vigil") -> None:
        seconds = vigil.lasted
        if seconds and self._route.paced:
            with suppress(HomeError):
                self._kit.journal.learn(self._alike, seconds, self._megapixels)

    @property
    def _alike(self) -> str:
        """What takes about as long there, as far as the photo is of the same size."""
        return f"{self._route.lane} {self._operation.alike()}"

    @property
    def _megapixels(self) -> float:
        """Size of the photo; 0 where only its address is known."""
        photo = self._operation.photo
        return math.prod(photo.size) / 1e6 if isinstance(photo, Photo) else 0.0

    def _move(self, state: State, **facts: Any) -> None:
        self.entry = self._kit.journal.move(self.entry, state, **facts)

    def _tell_pending(self, pending: Pending) -> None:
        if self.entry.state is State.ACCEPTED:
            self._move(State.RUNNING)
        self._tell(pending.state, progress=pending.progress, step=pending.step)

    def _tell_progress(self, state: str, fraction: float) -> None:
        """Tell of bytes on their way, a per cent at a time."""
        before = self._told.progress if self._told.state == state else None
        if before is None or fraction - before >= 0.01 or fraction >= 1.0 > before:
            self._tell(state, progress=fraction)

    def _tell(self, state: str, **news: Any) -> None:
        self._told = Event(
            state, job_id=self.entry.id, ticket=self._ticket, requests=self.requests, **news
        )
        self._watch(self._told)


class Vigil:
    """What is learnt of a running task by asking, and when to ask next.

    Parameters
    ----------
    kit : Kit
        Clock and chance.
    route : Route
        Whose pace it is; an engine in this process has none.
    earlier : sequence of float
        Seconds that tasks like this one took.
    watched : bool
        The task begins now.
    steps : int
        What it consists of, where that is known.

    Attributes
    ----------
    queued : float
        Seconds in which the task stood in the service's queue, as far as that told.
    """

    def __init__(
        self, kit: Kit, route: Route, earlier: Sequence[float], *, watched: bool, steps: int = 0
    ) -> None:
        self._kit = kit
        self._rule = Rule(*route.provider.polls) if route.paced else None
        self._since = kit.monotonic()
        self._known = Known(earlier=earlier, steps=steps)
        self._watched = watched
        self._running = self._over = 0.0
        self._waits: bool | None = None
        self.queued = 0.0

    @property
    def lasted(self) -> float:
        """Seconds that a task took which is over: between the last time it ran and the moment it did not; 0 if unknown."""
        return (self._running + self._over) / 2 if self._watched else 0.0

    def asked(self, said: Said) -> None:
        """Remember an answer."""
        elapsed = self._kit.monotonic() - self._since
        known = replace(self._known, elapsed=elapsed, asked=self._known.asked + 1)
        self._count(said, elapsed - self._known.elapsed)
        match said:
            case Pending(progress=float() as done):
                known = replace(known, progress=(*known.progress, (elapsed, done)))
                self._running = elapsed
            case Pending() | Accepted():
                self._running = elapsed
        self._known, self._over = known, elapsed

    def _count(self, said: Said, seconds: float) -> None:
        """Add to the time in the queue what has passed since the last answer: half of it where the queue ended meanwhile."""
        before = self._waits
        if not isinstance(said, Lost | Nonsense):
            self._waits = isinstance(said, Pending) and said.waits
        known = [waits for waits in (before, self._waits) if waits is not None]
        self.queued += seconds * sum(known) / max(1, len(known))

    @property
    def rest(self) -> float:
        """Seconds in which the service must not be asked again, whoever calls."""
        since = self._kit.monotonic() - self._since - self._known.elapsed
        return max(0.0, (self._rule.least if self._rule else 0.0) - since)

    def pause(self) -> float:
        """Give the seconds until it is worth while to ask again, never all clients at once."""
        chance = self._kit.chance()
        if self._rule is None:
            return growing(INSIDE, self._known.asked, chance)
        elapsed = self._kit.monotonic() - self._since
        return next_wait(replace(self._known, elapsed=elapsed), self._rule) + JITTER * chance


def set_down(result: bytes) -> str:
    """Put a result that came once, and has no place at home, where the system puts passing files; say where."""
    try:
        number, path = tempfile.mkstemp(f".{sniff(result[:12]) or 'bin'}", "retouch_nb-")
        with os.fdopen(number, "wb") as file:
            file.write(result)
    except OSError:
        return "It came once, may be paid, and found no place anywhere on this machine."
    return f"It came once and may be paid: it lies in {path}."


def _link(outcome: Outcome) -> str:
    """Give the address of a result that was named at once: it may be all that leads to what was paid for."""
    match outcome:
        case Finished(result=Call(path=path)):
            return path
        case _:
            return ""
