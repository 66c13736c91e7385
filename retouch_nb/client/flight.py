"""Equal requests that are under way are one: a run, and everybody who waits for it.

Who stops waiting leaves the run to the others; the last who does stops it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar

from retouch_nb.client.task import Event

R = TypeVar("R")
Watch: TypeAlias = Callable[[Event], None]
Work: TypeAlias = Callable[[Watch], Coroutine[Any, Any, R]]


class Flight(Generic[R]):
    """One run and its passengers, by the seats they sit on."""

    task: "asyncio.Task[R]"

    def __init__(self) -> None:
        self.last: Event | None = None
        self.seats: dict[object, Watch] = {}

    def tell(self, event: Event) -> None:
        """Pass news on to everybody."""
        self.last = event
        for watch in list(self.seats.values()):
            _tell(watch, event)

    async def stop(self) -> None:
        """Stop the run and wait until it has left a truthful row."""
        self.task.cancel()
        await asyncio.wait({self.task})
        if not self.task.cancelled():
            self.task.exception()  # seen, so that nobody complains of an error that nobody waits for


class Flights(Generic[R]):
    """All runs under way, by what makes requests equal."""

    def __init__(self) -> None:
        self._flights: dict[object, Flight[R]] = {}

    async def board(self, token: object, work: Work[R], watch: Watch | None) -> R:
        """Join the run of this token, or start it with `work`."""
        flight = self._flights.get(token)
        if flight is None:
            flight = self._flights[token] = Flight()
            flight.task = asyncio.ensure_future(work(flight.tell))
            flight.task.add_done_callback(lambda _: self._clear(token, flight))
        return await self._ride(token, flight, watch)

    def token_of(self, job_id: str) -> object | None:
        """Give the token of the run that works on a job."""
        found = (t for t, f in self._flights.items() if f.last and f.last.job_id == job_id)
        return next(found, None)

    async def _ride(self, token: object, flight: Flight[R], watch: Watch | None) -> R:
        seat = object()
        flight.seats[seat] = watch or (lambda event: None)
        if flight.last is not None:
            _tell(flight.seats[seat], flight.last)
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if len(flight.seats) == 1 and not flight.task.done():
                self._clear(token, flight)  # who comes now starts anew
                await flight.stop()
            raise
        finally:
            del flight.seats[seat]

    def _clear(self, token: object, flight: Flight[R]) -> None:
        if self._flights.get(token) is flight:
            del self._flights[token]


def _tell(watch: Watch, event: Event) -> None:
    with suppress(Exception):  # a display that fails must not fail a paid task
        watch(event)
