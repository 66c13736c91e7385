"""The engine calls, the receiver hears, the waiting job asks: in this process and over real loopback."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import retouch_nb as rn
from retouch_nb.client import Client, Event
from retouch_nb.credentials import Credentials
from retouch_nb.engine import hooks
from retouch_nb.errors import ParameterError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from retouch_nb.providers.retouch4me import RETOUCH4ME, Retouch
from retouch_nb.receiver import Webhook
from retouch_nb.session import Session

PUBLIC = "https://photos.example.org/hooks"
ENGINE = """
from dataclasses import replace
from retouch_nb.engine import SERVED
from retouch_nb.engine.serve import serve
serve(port=0, key="k-canary-1", settings=replace(SERVED, allow_private_urls=True, rate_limit=False))
"""


class Inside(httpx.BaseTransport):
    """Carries the engine's call to an application in this process."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def go() -> int:
            inner = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=inner) as client:
                url = f"{PUBLIC}/{request.url.path.rpartition('/')[2]}"
                return (await client.post(url, content=request.read())).status_code

        return httpx.Response(asyncio.run(go()))


def test_the_engines_call_is_heard() -> None:
    """What the engine sends to the address of one job wakes that job, and a guess wakes none."""
    heard: list[str] = []
    receiver = Webhook(PUBLIC, heard=heard.append)
    for url in (receiver.address("j1"), f"{PUBLIC}/j1", receiver.address("j2")[:-1] + "x"):
        hooks.call(
            url,
            "job-1",
            "completed",
            resolve=lambda *_: ["93.184.216.34"],
            transport=Inside(receiver),
        )
    assert heard == ["j1"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the engine; it may call this machine."""
    words = [sys.executable, "-c", ENGINE]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        yield served.stdout.readline().removeprefix("serving on ").strip()
        served.terminate()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def session(home: Path, address: str) -> Iterator[Session]:
    """Give a session whose jobs never ask by themselves: only a call brings them to it, and no pace delays them."""
    environ = {"RETOUCH_TOKEN": "k-canary-1", "RETOUCH4ME_BASE_URL": address}

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0 if seconds < 2 * RETOUCH4ME.polls[0] else 3600)

    session = Session(home=home, environ=environ)
    session.client = Client(home, credentials=Credentials(environ), sleep=sleep)
    yield session
    session.close()


def test_a_call_over_loopback_wakes_the_job(session: Session, photo: Photo) -> None:
    """Submitted with an address of its own, called when over, asked after once, fetched."""
    port = free_port()
    with session.webhook(f"http://127.0.0.1:{port}", port=port) as receiver:
        events: list[Event] = []
        job = session.submit(Retouch(photo, "Heal 1.0"))
        job.watch(events.append)
        edit = job.result(timeout=60)
    assert edit.after.size == photo.size
    assert job.operation.hook == receiver.address(job.id)
    # One to start, one to ask, one to fetch; it may have been over before anybody slept.
    assert edit.receipt.requests == 3
    kept = b"".join(path.read_bytes() for path in session.home.rglob("*") if path.is_file())
    assert receiver.address(job.id).encode() not in kept


def test_a_forged_call_costs_one_question(session: Session, photo: Photo, address: str) -> None:
    """Who knows the address makes us ask at the service's pace; what it says about the job is not believed."""
    port = free_port()
    with session.webhook(f"http://127.0.0.1:{port}", port=port) as receiver:
        job = session.submit(Retouch(photo, "Heal 1.0; Dodge Burn 0.5"))
        forged = receiver.address(job.id)
        statuses = {
            httpx.post(forged, json={"state": "failed"}, trust_env=False).status_code
            for _ in range(3)
        }
        edit = job.result(timeout=60)
    assert statuses == {204}
    assert edit.receipt.requests <= 3 + 3


def test_only_what_can_be_called_back_is_asked_to(session: Session, photo: Photo) -> None:
    """No address for other operations, for the embedded engine, for a hook of the user's own, or when closed."""
    own = "https://me.example/done"
    route = session.route(Retouch)
    with session.webhook(PUBLIC) as receiver:
        hooked = session._hooked(Retouch(photo), route, "j1")
        assert getattr(hooked, "hook") == receiver.address("j1")  # noqa: B009
        assert hooked.identity == Retouch(photo).identity
        for operation, place in (
            (Enhance(photo), route),
            (Retouch(photo, hook=own), route),
            (Retouch(photo), session.route(Retouch, "local")),
        ):
            assert session._hooked(operation, place, "j1") is operation
    operation = Retouch(photo)
    assert session._hooked(operation, route, "j1") is operation


def test_a_port_that_is_taken_is_said_clearly(session: Session) -> None:
    """Before anything is sent, with what to do instead."""
    port = free_port()
    with session.webhook(PUBLIC, port=port), pytest.raises(ParameterError, match="another port"):
        Webhook(PUBLIC, heard=print).serve(session.background, host="127.0.0.1", port=port)


def test_the_function_opens_the_receiver_of_this_process() -> None:
    """`rn.webhook` gives an application to mount; a new one closes the one before."""
    first = rn.webhook(PUBLIC)
    with rn.webhook(PUBLIC) as second:
        assert (first.is_open, second.is_open) == (False, True)
