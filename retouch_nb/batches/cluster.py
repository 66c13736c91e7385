"""A batch on a Dask cluster: workers open, ask services and run the engine; permission, pace and manifest stay in one place.

Dask begins a lost task anew on another machine. That is safe, because no worker sends anything billable before this process has
written it down and said yes, and it says yes once. Questions travel through `distributed.Queue`, so nothing has to be
reachable that Dask does not reach already. Keys never travel: a worker takes them from its own environment.
"""

import asyncio
import json
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retouch_nb.batches.desk import Ask, Desk, ask_of, new_token
from retouch_nb.batches.masks import Expected
from retouch_nb.batches.places import is_remote
from retouch_nb.batches.run import Outcome
from retouch_nb.batches.sources import Item
from retouch_nb.batches.work import Attempt, Product, retouch
from retouch_nb.config import Retouch
from retouch_nb.errors import (
    MissingExtraError,
    ParameterError,
    RetouchError,
    UnreachableError,
)
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.client import Client, Entry, Event, Route

ANSWER: Final = 60.0
"""Seconds after which a worker takes the process that runs the batch for gone; until then nothing is sent."""

MOST: Final = 1e6
"""Seconds a single photo may take on a worker: the service's own patience ends it long before."""

PARTING: Final = 2.0
"""Seconds a stopped run waits for what is under way, so that ids of tasks are not lost."""


@dataclass(frozen=True)
class Order:
    """What a worker must know of the run.

    Attributes
    ----------
    run : str
        Its name on the cluster.
    provider, base_url : str
        Where photos go: decided once, where the run was started.
    settings : str
        Those of ``%config Retouch``, as JSON.
    """

    run: str
    provider: str
    base_url: str
    settings: str


class OnCluster:
    """Does photos on the workers of a cluster, and answers what they ask.

    Parameters
    ----------
    session : Session
        Whose pace is kept.
    route : Route
        Where photos go.
    desk : Desk
        Who permits.
    cluster : distributed.Client
    """

    ahead = 0

    def __init__(self, session: Session, route: "Route", desk: Desk, cluster: Any) -> None:
        self._session = session
        self._desk = desk
        self._cluster = cluster
        self._own = asyncio.get_running_loop()
        provider = "local" if route.free else "cloud"
        self._order = Order(
            f"retouch-{new_token()}", provider, route.base_url, _written(session.settings)
        )
        self._asks = _queue(f"{self._order.run}-asks", cluster)
        self._theirs = cluster.loop.asyncio_loop
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), self._theirs)
        self._nth = 0

    async def do(self, attempt: Attempt) -> Outcome:
        """Have one photo done; whatever becomes of its worker, there is an outcome."""
        attempt = replace(attempt, item=anywhere(attempt.item))
        self._nth += 1
        future = self._cluster.submit(
            perform,
            self._order,
            attempt,
            key=f"{self._order.run}-{attempt.row.position}-{self._nth}",
            pure=False,
            retries=0,
        )
        over = asyncio.Event()
        future.add_done_callback(lambda _: self._own.call_soon_threadsafe(over.set))
        try:
            await over.wait()
            outcome: Outcome = await asyncio.to_thread(future.result, ANSWER)
        except asyncio.CancelledError:
            await self._parted(over)
            future.cancel()
            raise
        except Exception as error:
            return Outcome(_lost(error))
        return outcome

    async def close(self) -> None:
        """Answer nobody any more."""
        self._serving.cancel()
        self._asks.close()

    async def _parted(self, over: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(over.wait(), PARTING)
        except (TimeoutError, asyncio.CancelledError):
            return

    async def _serve(self) -> None:
        """Take one question after another, on the loop of the cluster's client; answers need not wait for each other."""
        answering: set[asyncio.Task[None]] = set()
        while True:
            question = await self._asks.get()
            task = asyncio.ensure_future(self._answer(*question))
            answering.add(task)
            task.add_done_callback(answering.discard)

    async def _answer(self, place: str, kind: str, content: Mapping[str, Any]) -> None:
        deciding = asyncio.run_coroutine_threadsafe(self._decide(kind, content), self._own)
        try:
            said: tuple[bool, Any] = True, await asyncio.wrap_future(deciding)
        except Exception as error:
            said = False, pickle.dumps(error)
        if place:
            await _queue(place, self._cluster).put(said)

    async def _decide(self, kind: str, content: Mapping[str, Any]) -> Any:
        """Decide on the loop of the run, where all that is shared is touched."""
        match kind:
            case "permit":
                await self._desk.permit(Ask(**content))
            case "heard":
                self._desk.heard(**content)
            case "known":
                return self._desk.known(**content)
            case "turn":
                now = time.time()
                return self._session.client.journal.turn(**content, now=now) - now
            case "hold":
                until = time.time() + content["seconds"]
                self._session.client.journal.hold(content["lane"], until)
        return None


def _queue(name: str, client: Any) -> Any:
    from distributed import Queue

    queue: Any = Queue
    return queue(name, client=client)


def _lost(error: Exception) -> RetouchError:
    """Say that Dask could not bring a result; the desk knows whether anything may be out."""
    return UnreachableError(
        f"The cluster lost it: {type(error).__name__}.",
        advice="Its workers died on it, or the cluster is gone; what may be paid is marked so.",
    )


def anywhere(item: Item) -> Item:
    """Name files so that other processes find them, whatever folder they work in."""
    photo = str(item.path.absolute()) if item.path else item.photo
    mask = item.mask
    if isinstance(mask, Expected) and not is_remote(mask.place):
        mask = Expected(_absolute(mask.place))
    elif isinstance(mask, str | Path) and not is_remote(str(mask)):
        mask = _absolute(mask)
    return replace(item, photo=photo, mask=mask)


def _absolute(place: str | Path) -> str:
    return str(Path(place).expanduser().absolute())


def check_cluster(cluster: Any) -> int:
    """Give how many photos keep a cluster busy.

    Raises
    ------
    ParameterError
        It is no client of a cluster, or one that is only used with await.
    MissingExtraError
        ``distributed`` is not installed.
    """
    try:
        from distributed import Client as Cluster
    except ImportError:
        raise MissingExtraError.of("dask", "distributed", "batches on a cluster") from None
    if not isinstance(cluster, Cluster):
        raise ParameterError(
            f"scheduler is a {type(cluster).__name__}.",
            advice="Nothing was sent. Pass distributed.Client(...).",
        )
    if cluster.asynchronous:
        raise ParameterError(
            "scheduler is an asynchronous client.",
            advice="Nothing was sent. Pass distributed.Client(..., asynchronous=False).",
        )
    known: Any = cluster
    threads = int(sum(known.nthreads().values()))
    return threads + max(2, threads // 4)


def _written(settings: Retouch) -> str:
    return json.dumps({name: getattr(settings, name) for name in settings.trait_names(config=True)})


def perform(order: Order, attempt: Attempt) -> Outcome:
    """Do one photo on a worker: the task that Dask sees.

    Its token is made here, so that a second beginning elsewhere is another attempt and must ask anew.
    """
    from distributed import get_client, get_worker

    token, worker = new_token(), str(get_worker().address)
    station = _station(order)
    line = Line(order.run, get_client())
    try:
        work = station.work(attempt, token, line, worker)
        return Outcome(station.session.background.result(work, MOST), token, worker)
    except Exception as error:
        return Outcome(_portable(error), token, worker)


def _portable(error: Exception) -> Exception:
    """Give an error that survives the journey."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RetouchError(f"{type(error).__name__}: {error}")
    return error


class Line:
    """A worker's line to the process that runs the batch."""

    def __init__(self, run: str, client: Any) -> None:
        self._client = client
        self._asks = _queue(f"{run}-asks", client)

    def ask(self, kind: str, **content: Any) -> Any:
        """Ask and wait; raises what was answered with, or `UnreachableError` when nobody answers."""
        place = f"retouch-{new_token()}"
        answers = _queue(place, self._client)
        try:
            self._asks.put((place, kind, content))
            yes, said = answers.get(timeout=ANSWER)
        except (TimeoutError, OSError) as error:
            raise UnreachableError(
                "The process that runs the batch does not answer.", advice="Nothing was sent."
            ) from error
        finally:
            answers.close()
        if not yes:
            raise pickle.loads(said)
        return said

    def tell(self, kind: str, **content: Any) -> None:
        """Tell without waiting for an answer."""
        self._asks.put(("", kind, content))


class ClusterTurns:
    """Turns handed out for the whole cluster, by the one process that runs the batch."""

    def __init__(self, line: Callable[[], Line]) -> None:
        self._line = line

    def turn(self, lane: str, spacing: float, now: float) -> float:
        """Give the time of the next turn on this machine's clock, which need not agree with any other."""
        return now + float(self._line().ask("turn", lane=lane, spacing=spacing))

    def hold(self, lane: str, until: float) -> None:
        """Give no turn of a lane for a while."""
        self._line().tell("hold", lane=lane, seconds=max(0.0, until - time.time()))


@dataclass(frozen=True)
class Station:
    """What a worker's process keeps from one photo of a run to the next."""

    session: Session
    client: "Client"
    order: Order

    async def work(self, attempt: Attempt, token: str, line: Line, worker: str) -> Product:
        """Do one photo; what became of earlier attempts is asked first."""
        route = self.session.route(attempt.recipe.operation, self.order.provider)
        if not route.free:
            route = replace(route, base_url=self.order.base_url)
            known = await asyncio.to_thread(line.ask, "known", source=attempt.row.source)
            attempt = replace(attempt, row=replace(attempt.row, **known))

        async def permit(entry: "Entry") -> None:
            if not entry.free:
                ask = asdict(replace(ask_of(entry, attempt, token), worker=worker))
                await asyncio.to_thread(line.ask, "permit", **ask)

        told: set[str] = set()

        def watch(event: "Event") -> None:
            if event.ticket and not route.free and event.ticket not in told:
                told.add(event.ticket)
                line.tell("heard", source=attempt.row.source, token=token, ticket=event.ticket)

        return await retouch(self.session, self.client, route, attempt, permit=permit, watch=watch)


@lru_cache(maxsize=4)
def _station(order: Order) -> Station:
    from distributed import get_client

    from retouch_nb.client import Client

    settings = Retouch(**json.loads(order.settings))
    session = Session(settings)
    turns = ClusterTurns(partial(Line, order.run, get_client()))
    client = Client(
        session.home,
        credentials=session.credentials,
        cache_bytes=int(settings.cache_gigabytes * 1e9),
        turns=turns,
    )
    return Station(session, client, order)
