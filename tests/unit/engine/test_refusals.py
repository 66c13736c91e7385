import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from retouch_nb.engine.refusals import Refusal, Shield, refuse

SCOPE = {"type": "http", "method": "GET", "path": "/x", "headers": []}


def test_a_refusal_has_its_status_in_line_and_body() -> None:
    """The error body of the pages: status and message, no data."""
    answer = refuse(Request(SCOPE), Refusal(429, "Too fast.", retry_after=1))
    assert answer.status_code == 429
    assert json.loads(bytes(answer.body)) == {"status": 429, "message": "Too fast."}
    assert answer.headers["retry-after"] == "1"


def test_the_frameworks_own_refusals_look_the_same() -> None:
    """An unknown path is no exception to the form of errors."""
    answer = refuse(Request(SCOPE), HTTPException(404))
    assert json.loads(bytes(answer.body)) == {"status": 404, "message": "Not Found"}
    assert "retry-after" not in answer.headers


def run(app: Any) -> list[Any]:
    """Run an application behind the shield, and give what it sent."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    asyncio.run(Shield(app)(SCOPE, receive, send))
    return sent


def test_what_nobody_foresaw_is_a_500_without_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The reason goes to the log, not to the client."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("inner secret")

    with caplog.at_level(logging.ERROR, "retouch_nb.engine"):
        start, body = run(broken)
    assert start["status"] == 500
    assert json.loads(body["body"])["status"] == 500
    assert b"secret" not in body["body"]
    assert "inner secret" in caplog.text


def test_a_client_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is told, for nobody is there."""

    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    assert run(left) == []
    assert caplog.text == ""


def test_an_answer_that_breaks_midway_is_cut_and_not_prolonged() -> None:
    """No second answer is appended to half a first one."""

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError

    with pytest.raises(OSError):
        run(half)
