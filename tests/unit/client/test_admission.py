import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Client, Route
from retouch_nb.client.admission import GOOD_FOR
from retouch_nb.credentials import Credentials
from retouch_nb.errors import PictureError
from retouch_nb.photo import Photo
from retouch_nb.providers.retouch4me import RETOUCH4ME, Retouch

KEY = "canary-7f3a9c51"
LARGE = Photo.open(np.random.default_rng(1).integers(0, 256, (1100, 1000, 3), np.uint8))
SMALL = Photo.open(np.full((20, 30, 3), 90, np.uint8))
IMAGE = {"formats": ["png", "jpg", "jpeg"], "maxFileSizeInMB": 100, "maxMegapixels": 250}


class Service(httpx.AsyncBaseTransport):
    """Retouch4me in a few lines; `said` is its answer about limits, or what breaks instead."""

    def __init__(self) -> None:
        self.said: Any = (404, b"no such route")
        self.asked = self.started = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.split("/")[-2:]:
            case ["info", "limits"]:
                self.asked += 1
                assert KEY not in str(request.headers.raw)
                if isinstance(self.said, BaseException):
                    raise self.said
                return httpx.Response(self.said[0], content=self.said[1])
            case ["retoucher", "start"]:
                self.started += 1
                return httpx.Response(200, json={"status": 200, "id": f"j{self.started}"})
            case ["status", _]:
                return httpx.Response(200, json={"status": 200, "state": "completed"})
        return httpx.Response(200, content=SMALL.data)


@pytest.fixture
def service() -> Service:
    """Give a service that does not tell its limits."""
    return Service()


@pytest.fixture
def route(service: Service) -> Route:
    """Give a paid route to it."""
    return Route(RETOUCH4ME, "https://service.example", "Retouch4me", transport=service)


@pytest.fixture
def client(home: Path, moment: Any) -> Iterator[Client]:
    """Give a client on the test's clock."""
    credentials = Credentials({"RETOUCH_TOKEN": KEY}, keyring=lambda: None)
    client = Client(
        home, credentials=credentials, clock=moment, monotonic=moment, sleep=moment.sleep
    )
    yield client
    client.close()


def run(client: Client, route: Route, photo: Photo = LARGE, *, heal: float = 1.0) -> Any:
    """Retouch a photo."""
    return asyncio.run(client.run(Retouch(photo, f"Heal {heal}"), route))


def told(**image: object) -> tuple[int, bytes]:
    """Answer as the page shows it, with some limits changed."""
    return 200, json.dumps({"image": IMAGE | image, "archive": {"formats": ["zip"]}}).encode()


def test_it_is_asked_once_an_hour(
    client: Client, route: Route, service: Service, moment: Any
) -> None:
    """However many jobs are sent; another address is another service."""
    for heal in (1.0, 0.5, 0.2):
        run(client, route, heal=heal)
    assert (service.asked, service.started) == (1, 3)
    run(client, replace(route, base_url="https://other.example"), heal=0.9)
    assert service.asked == 2
    moment.now += GOOD_FOR
    run(client, route, heal=0.1)
    assert service.asked == 3


def test_jobs_begun_together_ask_once(client: Client, route: Route, service: Service) -> None:
    """The others wait for the answer to the first."""

    async def together() -> None:
        jobs = (client.run(Retouch(LARGE, f"Heal 0.{n}"), route) for n in (1, 2, 3))
        await asyncio.gather(*jobs)

    asyncio.run(together())
    assert (service.asked, service.started) == (1, 3)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (told(maxMegapixels=1), "at most 1 are accepted"),
        (told(maxFileSizeInMB=1), "at most 1 MB"),
        (told(formats=["jpg"]), "is a PNG"),
    ],
)
def test_what_the_service_refuses_is_not_uploaded(
    client: Client, route: Route, service: Service, said: Any, words: str
) -> None:
    """Pixels, bytes and format by its own word; nothing is sent, the journal says so, and others go on."""
    service.said = said
    with pytest.raises(PictureError, match=words):
        run(client, route)
    assert service.started == 0
    assert [str(entry.state) for entry in client.jobs()] == ["stopped"]
    file = io.BytesIO()
    SMALL.to_pil().save(file, "JPEG")
    assert run(client, route, Photo.open(file.getvalue())).photo


@pytest.mark.parametrize(
    "said",
    [
        (404, b"not here"),
        (500, b""),
        (200, b"{image: {formats: [png]}}"),
        (200, b"[]"),
        (200, b"{}"),
        told(formats=3, maxFileSizeInMB=-1, maxMegapixels="x"),
        told(),
        httpx.ReadTimeout("late"),
        httpx.ConnectError("nobody"),
    ],
)
def test_no_answer_and_nonsense_leave_what_the_page_documents(
    client: Client, route: Route, service: Service, said: Any
) -> None:
    """The route is not there in production at present: that blocks nothing, and is not asked again for each job."""
    service.said = said
    assert run(client, route).photo
    assert run(client, route, heal=0.5).photo
    assert (service.asked, service.started) == (1, 2)


def test_what_is_free_or_cached_asks_nobody(client: Client, route: Route, service: Service) -> None:
    """The embedded engine is this package; a kept result needs no upload."""
    run(client, replace(route, free=True, maker="the engine"))
    assert service.asked == 0
    for _ in range(2):
        run(client, route)
    assert (service.asked, service.started) == (1, 2)
