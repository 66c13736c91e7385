"""What uvicorn leaves to its owner: a client that sends no request, or does not read its answer, is left in time.

uvicorn itself closes a kept connection that is idle. One that sends a request a byte at a time, or nothing at all, it
would wait for for ever; bodies have their own limit where they are read.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Punctual(H11Protocol):
    """A connection on which the head of each request, and each standstill of an answer, has its time.

    Parameters
    ----------
    head : float, keyword-only
        Seconds from the connection, or the answer before, to the end of a request's head.
    stall : float, keyword-only
        Seconds an answer may stand still.
    given : Any
        uvicorn's own.
    """

    def __init__(self, *, head: float, stall: float, **given: Any) -> None:
        super().__init__(**given)
        self._head = head
        self._stall = stall
        self._heading: asyncio.TimerHandle | None = None
        self._stalling: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._answering:
            _stop(self._heading)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._answering:
            self._expect_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalling = self.loop.call_later(self._stall, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _stop(self._stalling)

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._heading)
        _stop(self._stalling)
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        _stop(self._heading)
        if not self.transport.is_closing():
            self._heading = self.loop.call_later(self._head, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
