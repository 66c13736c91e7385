import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from retouch_nb.engine.courtesy import Courtesy


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without reading a byte."""
    await PlainTextResponse("no", 401)(scope, receive, send)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after reading all."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("yes")(scope, receive, send)


def post(app: Courtesy, pieces: int, *, method: str = "POST", expect: bool = False) -> list[Any]:
    """Return what happened, in order: the number of each piece read, and the status when it was sent."""
    happened: list[Any] = []

    async def receive() -> dict[str, Any]:
        if len(happened) == pieces:
            await asyncio.Event().wait()
        happened.append(len(happened))
        return {"type": "http.request", "body": b"x" * 10, "more_body": happened[-1] < pieces - 1}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            happened.append(message["status"])

    headers = [(b"expect", b"100-continue")] if expect else []
    asyncio.run(app({"type": "http", "method": method, "headers": headers}, receive, send))
    return happened


def test_a_refusal_waits_until_the_sender_is_done() -> None:
    """All pieces are read before the answer starts."""
    assert post(Courtesy(refusing), 5) == [0, 1, 2, 3, 4, 401]


def test_an_answer_to_a_body_that_was_read_does_not_wait() -> None:
    """Nothing is read twice, and nobody waits for what will not come."""
    assert post(Courtesy(reading), 3) == [0, 1, 2, 200]


def test_patience_has_bounds_in_bytes_and_seconds() -> None:
    """A sender who never ends is answered anyway."""
    assert post(Courtesy(refusing, most_bytes=30), 1000) == [0, 1, 2, 401]
    endless = Courtesy(refusing, seconds=0.01)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    statuses: list[Any] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    asyncio.run(endless({"type": "http", "method": "POST", "headers": []}, receive, send))
    assert statuses[0] == 401


def test_who_asks_first_is_spared_the_upload() -> None:
    """A client that waits for 100 Continue gets its refusal without sending anything."""
    assert post(Courtesy(refusing), 5, expect=True) == [401]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_requests_without_a_body_are_not_read(method: str) -> None:
    """There is nothing to hear out."""
    assert post(Courtesy(refusing), 5, method=method) == [401]
