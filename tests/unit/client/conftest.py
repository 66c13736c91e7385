"""A service, a clock and a client that obey the test: nothing sleeps, nothing leaves the process."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Client, Route
from retouch_nb.contract import Operation
from retouch_nb.credentials import Credentials
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import PICWISH, Enhance

KEY = "canary-7f3a9c51"
BASE = "https://service.example"
RESULT = Photo.open(np.full((20, 30, 3), 90, np.uint8)).data


class Moment:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Service(httpx.AsyncBaseTransport):
    """PicWish in a few lines: accepts, is pending for a while, then has a result behind a link.

    `plans` holds, for each kind of request, what to do instead of the usual: an exception to raise, a response to give,
    or a function of the request.
    """

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.accepted: list[str] = []
        self.cancelled: list[str] = []
        self.pending = 1
        self.result = RESULT
        self.plans: dict[str, list[Any]] = {"POST": [], "GET": [], "link": [], "DELETE": []}

    @property
    def kinds(self) -> list[str]:
        return [self.kind(request) for request in self.seen]

    @staticmethod
    def kind(request: httpx.Request) -> str:
        return "link" if request.url.host != "service.example" else request.method

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = self.kind(request)
        plan = self.plans[kind].pop(0) if self.plans[kind] else None
        self.seen.append(request)
        if isinstance(plan, httpx.ConnectError):
            raise plan
        self.bodies.append(b"".join([part async for part in request.stream]))  # type: ignore[union-attr]
        if isinstance(plan, BaseException):
            raise plan
        if isinstance(plan, httpx.Response):
            return plan
        if plan is not None:
            return await plan(request)
        return getattr(self, f"answer_{kind.lower()}")(request)

    def answer_post(self, request: httpx.Request) -> httpx.Response:
        self.accepted.append(f"t-{len(self.accepted) + 1}")
        return said({"task_id": self.accepted[-1]})

    def answer_get(self, request: httpx.Request) -> httpx.Response:
        ticket = request.url.path.rsplit("/", 1)[1]
        if ticket not in self.accepted or ticket in self.cancelled:
            return httpx.Response(404, json={"status": 404, "message": "no such task"})
        if self.pending:
            self.pending -= 1
            return said({"task_id": ticket, "state": 4, "progress": 40})
        link = f"https://results.example/{ticket}.png?signature=s-{len(self.seen)}"
        return said({"task_id": ticket, "state": 1, "image": link})

    def answer_link(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.result)

    def answer_delete(self, request: httpx.Request) -> httpx.Response:
        self.cancelled.append(request.url.path.rsplit("/", 1)[1])
        return said({})


def said(task: dict[str, Any], status: int = 200) -> httpx.Response:
    """Answer as PicWish does."""
    return httpx.Response(status, content=json.dumps({"status": status, "data": task}).encode())


@pytest.fixture
def moment() -> Moment:
    """Give a clock that stands still."""
    return Moment()


@pytest.fixture
def service() -> Service:
    """Give a service that works."""
    return Service()


@pytest.fixture
def route(service: Service) -> Route:
    """Give a paid route to the service."""
    return Route(PICWISH, BASE, "PicWish", transport=service)


@pytest.fixture
def new_client(home: Path, moment: Moment) -> Any:
    """Give clients of one home, as several kernels would have them."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        settings = {
            "credentials": Credentials({"PICWISH_API_KEY": KEY}, keyring=lambda: None),
            "clock": moment,
            "monotonic": moment,
            "sleep": moment.sleep,
            "random": lambda: 0.0,
            "grace": 0.05,
        }
        made.append(Client(home, **{**settings, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[[], Client]) -> Client:
    """Give one client."""
    return new_client()


@pytest.fixture
def operation(photo: Photo) -> Operation:
    """Give a request with a price."""
    return Enhance(photo)
