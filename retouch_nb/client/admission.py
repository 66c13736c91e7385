"""What a service says it takes, where it says so: asked once in a while, before anything is uploaded.

An answer can only spare an upload that would be refused: none, a late one or nonsense leaves what its page documents.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from retouch_nb.client.pace import Pace
from retouch_nb.client.task import Lost
from retouch_nb.client.wire import Route, Wire
from retouch_nb.contract import Limits, Operation
from retouch_nb.errors import ProtocolError
from retouch_nb.photo import Photo

GOOD_FOR: Final = 3600.0
"""Seconds an answer holds, also that there is none: one request an hour, whatever the number of jobs."""

PATIENCE: Final = 3.0
"""Seconds the answer is waited for."""


class Admission:
    """Checks photos by what services say today.

    Parameters
    ----------
    wire, pace, monotonic
        What requests are sent with, by whose turns, and seconds that never jump.
    """

    def __init__(self, wire: Wire, pace: Pace, monotonic: Callable[[], float]) -> None:
        self._wire = wire
        self._pace = pace
        self._monotonic = monotonic
        self._said: dict[str, tuple[float, Limits]] = {}
        self._asking = asyncio.Lock()

    async def check(self, operation: Operation, route: Route) -> None:
        """Raise `PictureError` where the service would refuse the photo after the upload."""
        photo = operation.photo
        if route.free or route.provider.published is None or not isinstance(photo, Photo):
            return
        async with self._asking:
            until, limits = self._said.get(route.lane, (0.0, operation.limits))
            if self._monotonic() >= until:
                limits = await self._ask(operation.limits, route)
                self._said[route.lane] = self._monotonic() + GOOD_FOR, limits
        limits.check(photo)

    async def _ask(self, known: Limits, route: Route) -> Limits:
        """Ask without the key, which no page wants here."""
        published = route.provider.published
        assert published
        if route.paced:
            await self._pace.turn(route.lane, route.provider.per_second)
        answer = await self._wire.exchange(route, published.call, within=PATIENCE)
        if isinstance(answer, Lost) or answer.status != 200:
            return known
        try:
            return published.read(answer.json(), known)
        except ProtocolError:
            return known
