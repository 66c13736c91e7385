"""Faults to be switched on, for tests and for teaching: a wrapper that spoils answers on their way out.

The services behind it know nothing of it. What a fault does to an answer is a function from answer to answer.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NoReturn

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retouch_nb.engine import retouch4me
from retouch_nb.engine.ailabtools import RETOUCHING, Problem, older
from retouch_nb.engine.dialects import refuse
from retouch_nb.engine.forms import MB, read_form
from retouch_nb.engine.picwish import KEY
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.workshop import Workshop
from retouch_nb.errors import ParameterError, UnknownNameError

PATH = "/engine/faults"
BROKE = {
    RETOUCHING: Problem(429, "ERROR_NOT_ENOUGH_CREDITS", "No credits are left, on purpose."),
    f"{retouch4me.ROUTE}/start": Refusal(461, "The limit is reached, on purpose."),
}
"""How each service says that nothing is left to pay with, where its page tells."""


class Fault(StrEnum):
    """What can go wrong on purpose."""

    DROP = "drop"
    """A POST: accepted, and the connection cut before a byte of its answer."""
    CUT = "cut"
    """A picture or archive: the connection is cut in the middle of it."""
    TRUNCATED = "truncated"
    """A picture or archive: half of it, as if that were all."""
    WRONG_TYPE = "wrong-type"
    """A picture or archive: called text/html."""
    TOO_FAST = "429"
    """Any request: refused, nothing accepted."""
    SERVER_ERROR = "500"
    """Any request: failed, nothing accepted."""
    SLOW = "slow"
    """Any request: answered late."""
    STALE_PROGRESS = "stale-progress"
    """A running task or job: says 100."""
    STATE_ZERO = "state-0"
    """A task: still queued."""
    UNLISTED_STATE = "unlisted-state"
    """A task or job: runs, in a state no page lists."""
    UNLISTED_FAILURE = "unlisted-failure"
    """A task: failed, with a number no page lists."""
    SECOND_ATTEMPT = "second-attempt"
    """A running job of Retouch4me: says that it is the second attempt of three."""
    NO_CREDITS = "no-credits"
    """A photo for AILabTools or Retouch4me: refused, for nothing is left to pay with."""
    GENERATION_1 = "generation-1"
    """An answer of AILabTools: of the oldest of its three generations."""
    GENERATION_2 = "generation-2"
    """An answer of AILabTools: of the middle one."""


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = field(default=b"", repr=False)

    @property
    def kind(self) -> str:
        """Its content type without parameters."""
        return dict(self.headers).get(b"content-type", b"").decode("latin-1").partition(";")[0]

    @property
    def is_file(self) -> bool:
        """Whether this is a result and not a word about one."""
        family = self.kind.partition("/")[0]
        return self.status == 200 and family in ("image", "application") and not self._is_json

    @property
    def _is_json(self) -> bool:
        return self.kind == "application/json"

    @property
    def task(self) -> dict[str, Any] | None:
        """The ``data`` of a task's answer, if this is one."""
        if self.status != 200 or not self._is_json:
            return None
        data = json.loads(self.body).get("data")
        return data if isinstance(data, dict) and "state" in data else None

    @property
    def job(self) -> dict[str, Any] | None:
        """The body of a Retouch4me status, if this is one."""
        body = json.loads(self.body) if self.status == 200 and self._is_json else {}
        return body if isinstance(body.get("state"), str) else None

    @property
    def detailed(self) -> dict[str, Any] | None:
        """The body of an answer of AILabTools, success or error, if this is one."""
        body = json.loads(self.body) if self._is_json else {}
        return body if "error_detail" in body else None

    def with_header(self, name: bytes, value: bytes) -> "Answer":
        """Replace a header."""
        others = tuple(header for header in self.headers if header[0] != name)
        return replace(self, headers=(*others, (name, value)))

    def with_body(self, body: bytes) -> "Answer":
        """Replace the body, and its length."""
        length = str(len(body)).encode()
        return replace(self, body=body).with_header(b"content-length", length)

    def with_document(self, **changes: object) -> "Answer":
        """Change keys of a JSON body."""
        return self.with_body(json.dumps(json.loads(self.body) | changes).encode())

    def with_task(self, **changes: object) -> "Answer":
        """Change the ``data``; None removes a key."""
        document = json.loads(self.body)
        document["data"] |= changes
        document["data"] = {k: v for k, v in document["data"].items() if v is not None}
        return self.with_body(json.dumps(document).encode())


def spoil(answer: Answer, fault: Fault, /) -> Answer:
    """Do to an answer what a fault does to it; an answer the fault is not about comes back as it is."""
    task, job = answer.task, answer.job
    match fault:
        case Fault.TRUNCATED if answer.is_file:
            return answer.with_body(answer.body[: len(answer.body) // 2])
        case Fault.WRONG_TYPE if answer.is_file:
            return answer.with_header(b"content-type", b"text/html")
        case Fault.STALE_PROGRESS if job and job["state"] == "active":
            return answer.with_document(progress=100)
        case Fault.SECOND_ATTEMPT if job and job["state"] == "active":
            return answer.with_document(attempt=2)
        case Fault.UNLISTED_STATE if job:
            return answer.with_document(state="unlisted")
        case Fault.GENERATION_1 if body := answer.detailed:
            return answer.with_document(**older(body, answer.status, generation=1))
        case Fault.GENERATION_2 if body := answer.detailed:
            return answer.with_document(**older(body, answer.status, generation=2))
        case Fault.STALE_PROGRESS if task and (task["state"] == 0 or task["state"] > 1):
            return answer.with_task(progress=100)
        case Fault.STATE_ZERO if task:
            return answer.with_task(state=0, state_detail="Queued", image=None)
        case Fault.UNLISTED_STATE if task:
            return answer.with_task(state=9, state_detail="Unlisted", image=None)
        case Fault.UNLISTED_FAILURE if task:
            return answer.with_task(state=-6, state_detail="Unlisted", image=None)
    return answer


class Faults:
    """The switches.

    Parameters
    ----------
    seconds : float
        How late a slow answer is.
    sleep : callable
        Waits that long.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.switch_on("429", times=2)
    >>> faults.on
    {'429': 2}
    """

    def __init__(
        self,
        *,
        seconds: float = 5.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.seconds = seconds
        self.sleep = sleep
        self._left: dict[Fault, int | None] = {}

    @property
    def on(self) -> dict[str, int | None]:
        """The faults that are on, and how many answers more each will spoil; None is every one."""
        return {fault.value: left for fault, left in self._left.items()}

    def switch_on(self, fault: Fault | str, *, times: int | None = 1) -> None:
        """Let a fault befall the next answers it is about; ``None`` is all of them."""
        self._left[Fault(fault)] = times

    def switch(self, words: Iterable[str]) -> None:
        """Switch on these faults and no others, each written as ``drop``, ``429=2`` (twice) or ``slow=0`` (always).

        Raises
        ------
        UnknownNameError
            There is no such fault; nothing was switched.
        """
        wanted = [_read(word) for word in words]
        self.clear()
        for fault, times in wanted:
            self.switch_on(fault, times=times)

    def clear(self) -> None:
        """Switch everything off."""
        self._left.clear()

    def take(self, fault: Fault) -> bool:
        """Use a fault once, if it is on."""
        if fault not in self._left:
            return False
        left = self._left[fault]
        if left is not None:
            self._left[fault] = left - 1
            if left <= 1:
                del self._left[fault]
        return True


def _read(word: str) -> tuple[Fault, int | None]:
    name, _, times = word.partition("=")
    known = [fault.value for fault in Fault]
    if name not in known:
        raise UnknownNameError.among(name, known, what="fault")
    if not (times or "1").isdecimal():
        raise ParameterError(
            f"{word!r} does not say how often.",
            advice=f"Write {name}, {name}=2, or {name}=0 for always.",
        )
    return Fault(name), int(times or 1) or None


class Spoiler:
    """Stands between an application and the world, and does nothing while no fault is on.

    Parameters
    ----------
    app : ASGIApp
        Who answers.
    faults : Faults
        The switches.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if not self.faults.on or scope["type"] != "http" or scope["path"] == PATH:
            await self.app(scope, receive, send)
            return
        if self.faults.take(Fault.SLOW):
            await self.faults.sleep(self.faults.seconds)
        if refusal := self._refusal(scope):
            await refuse(Request(scope), refusal)(scope, receive, send)
            return
        answer = await _answer(self.app, scope, receive)
        if scope["method"] == "POST" and answer.status == 200 and self.faults.take(Fault.DROP):
            await _break_off(send)
        answer = self._spoilt(answer)
        if answer.is_file and self.faults.take(Fault.CUT):
            half = replace(answer, body=answer.body[: len(answer.body) // 2])
            await _send(half, send, more=True)
            raise _cut()
        await _send(answer, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        if self.faults.take(Fault.TOO_FAST):
            return Refusal(429, "Too fast, on purpose.")
        if self.faults.take(Fault.SERVER_ERROR):
            return Refusal(500, "Failed on purpose.")
        if (poor := BROKE.get(scope["path"])) and self.faults.take(Fault.NO_CREDITS):
            return poor
        return None

    def _spoilt(self, answer: Answer) -> Answer:
        for name in self.faults.on:
            if (spoilt := spoil(answer, Fault(name))) != answer:
                self.faults.take(Fault(name))
                answer = spoilt
        return answer


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    start: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    headers = tuple((bytes(name), bytes(value)) for name, value in start["headers"])
    return Answer(start["status"], headers, bytes(body))


async def _send(answer: Answer, send: Send, *, more: bool = False) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body, "more_body": more})


async def _break_off(send: Send) -> NoReturn:
    """Cut the connection: a server that has begun an answer and meets an error can do nothing else."""
    with contextlib.suppress(Exception):
        # The header is one no server will write, so it has begun and yet written nothing.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"\n", b"")]})
    raise _cut()


def _cut() -> Exception:
    """In process, what a client meets when a connection breaks; a server just closes."""
    return httpx.RemoteProtocolError("The connection was cut, on purpose.")


class FaultDesk:
    """The switches as a route, for a teacher with the key."""

    def __init__(self, shop: Workshop, faults: Faults) -> None:
        self._shop = shop
        self._faults = faults

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(PATH, self.switch_on, methods=["POST"]),
            Route(PATH, self.clear, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """List the faults that are on, and all there are."""
        self._shop.owner(request.headers.get(KEY))
        data = {"on": self._faults.on, "known": [fault.value for fault in Fault]}
        return JSONResponse({"status": 200, "message": "success", "data": data})

    async def switch_on(self, request: Request) -> Response:
        """Switch a fault on: form fields ``fault`` and ``times`` (1 when left out, 0 for always)."""
        self._shop.owner(request.headers.get(KEY))
        form = await read_form(request, limit=MB, seconds=10.0)
        times = form.integer("times", range(1001))
        if (fault := form.word("fault", [fault.value for fault in Fault])) is None:
            raise Refusal(400, "fault is missing.")
        self._faults.switch_on(fault, times=1 if times is None else times or None)
        return await self.show(request)

    async def clear(self, request: Request) -> Response:
        """Switch all faults off."""
        self._shop.owner(request.headers.get(KEY))
        self._faults.clear()
        return await self.show(request)
