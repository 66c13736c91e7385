"""Hears a request out before refusing it: a client that is still sending never reads an answer, only a broken pipe."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Courtesy:
    """Reads and drops what is left of a POST before its answer starts, within bounds.

    Parameters
    ----------
    app : ASGIApp
        Who answers.
    most_bytes : int
        How much is heard at most; after that the connection may break.
    seconds : float
        How long.
    """

    def __init__(
        self, app: ASGIApp, *, most_bytes: int = 256 * 2**20, seconds: float = 30.0
    ) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = _Body(receive)
        # Who asks before sending is still silent, and spared the upload by an early answer.
        silent = "expect" in Headers(scope=scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and (body.begun or not silent):
                await self._hear_out(body)
            await send(message)

        await self.app(scope, body.receive, answer)

    async def _hear_out(self, body: "_Body") -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while not body.ended and body.read < self.most_bytes:
                    await body.receive()


class _Body:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.begun = False
        self.ended = False
        self.read = 0

    async def receive(self) -> Message:
        self.begun = True
        message = await self._receive()
        self.read += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        return message
