"""What the client costs a task, in time and memory: beside loops over httpx and requests, and the vendor's own SDK.

All do the same tasks, one after the other, at the same engine, served by a process of its own whose image work changes
a pixel. Ours keeps its journal as for a paid service, checks and keeps every result; the others only read it.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import httpx
import requests
from ailabtools import AILabClient

from retouch_nb.client import Route
from retouch_nb.contract import Operation, Provider
from retouch_nb.photo import Photo
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance
from retouch_nb.session import Session
from tests.bench.bench_composite import picture
from tests.bench.measure import Row, against, medians, peak, table

TASKS, ROUNDS = 10, 5
RUNS = 5 * (ROUNDS + 3)  # five ways, each warmed up, and once more for the processor and for memory
KEY = "any-key-will-do"
SERVE = """
import sys
from retouch_nb.engine.serve import serve
from retouch_nb.engine.settings import EngineSettings

def touched(pixels, *others, **options):
    changed = pixels.copy()
    changed[0, 0] = 255 - changed[0, 0]
    return changed

serve(port=0, settings=EngineSettings(), work={"enhance": touched, "match": touched})
"""


@contextmanager
def served() -> Iterator[str]:
    """Serve the engine in a process of its own, and give its address."""
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


class Paid(Session):
    """A session whose services are the engine served at an address; its journal is as for a paid one."""

    def __init__(self, home: Path, url: str) -> None:
        super().__init__(home=home, environ={"PICWISH_API_KEY": KEY, "AILAB_API_KEY": KEY})
        self.url = url

    def _service_route(self, service: Provider) -> Route:
        return Route(service, self.url, service.title, paced=False)


def photos(side: int) -> Iterator[list[bytes]]:
    """Give photos no cache has seen, as many as a round has tasks, again and again; all are made before the first is used."""
    pixels = picture(side, side, channels=3, seed=side)
    made = []
    for number in range(RUNS * TASKS):
        pixels[:8, :8] = (number % 200, number // 200, 0)
        made.append(cv2.imencode(".jpg", pixels)[1].tobytes())
    return iter([made[at : at + TASKS] for at in range(0, len(made), TASKS)])


FORM = {"sync": "1", "scale_factor": "1", "return_type": "1", "type": "clean"}


def by_httpx(url: str, given: list[bytes]) -> None:
    """Post, follow the link, decode, as one would write it."""
    with httpx.Client(timeout=60, headers={"X-API-KEY": KEY}) as client:
        for photo in given:
            files = {"image_file": ("p.jpg", photo, "image/jpeg")}
            told = client.post(f"{url}/api/tasks/visual/scale", data=FORM, files=files).json()
            Photo.open(client.get(told["data"]["image"]).content).to_numpy()


def by_requests(url: str, given: list[bytes]) -> None:
    """Do the same with requests."""
    with requests.Session() as client:
        client.headers["X-API-KEY"] = KEY
        for photo in given:
            files = {"image_file": ("p.jpg", photo, "image/jpeg")}
            told = client.post(f"{url}/api/tasks/visual/scale", data=FORM, files=files, timeout=60)
            link = told.json()["data"]["image"]
            Photo.open(client.get(link, timeout=60).content).to_numpy()


def by_sdk(url: str, given: list[bytes], style: bytes) -> None:
    """Match a style with the vendor's own client; the result is fetched with httpx, for it does not."""

    async def ask() -> None:
        client = AILabClient(KEY, base_url=url)
        async with httpx.AsyncClient() as fetcher:
            for photo in given:
                order = {"image": photo, "style": style}
                told = await client.image.imagePhotoEditing(order)
                result = await fetcher.get(told["data"]["image_url"])
                Photo.open(result.content).to_numpy()
        await client.aclose()

    asyncio.run(ask())


def ours(session: Session, tasks: list[Operation]) -> None:
    """Do the tasks as cells would."""
    for task in tasks:
        session.run(task, provider="cloud").to_numpy()


def contests(session: Session, url: str, side: int) -> dict[str, dict[str, Callable[[], None]]]:
    """Give the contestants of each service; every run does new photos."""
    style, given = Photo.open(picture(64, 64, channels=3, seed=1)).data, photos(side)
    return {
        "PicWish": {
            "ours": lambda: ours(session, [_enhance(data) for data in next(given)]),
            "httpx loop": lambda: by_httpx(url, next(given)),
            "requests loop": lambda: by_requests(url, next(given)),
        },
        "AILabTools": {
            "ours": lambda: ours(session, [MatchStyle(data, style) for data in next(given)]),
            "its SDK": lambda: by_sdk(url, next(given), style),
        },
    }


def _enhance(data: bytes) -> Operation:
    return Enhance(data, scale_factor=1, sync=True)


def processor(rivals: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """Measure the time each keeps this process's cores busy, once."""
    found = {}
    for name, call in rivals.items():
        began = time.process_time()
        call()
        found[name] = time.process_time() - began
    return found


def main() -> list[Row]:
    """Print a table a service and size."""
    rows = []
    with served() as url, tempfile.TemporaryDirectory() as home:
        session = Paid(Path(home), url)
        session.settings.progress = False
        for side in (64, 1000):
            for service, rivals in contests(session, url, side).items():
                rows += measured(
                    f"a task at {service}, {side} x {side}", rivals, readme=side == 1000
                )
        session.close()
    return rows


def measured(title: str, rivals: Mapping[str, Callable[[], None]], *, readme: bool) -> list[Row]:
    """Measure time by the clock, time of the processor and memory, and print them."""
    figures = {
        "by the clock": _each(medians(rivals, rounds=ROUNDS)),
        "of the processor": _each(processor(rivals)),
    }
    memory = {name: peak(call) for name, call in rivals.items()}
    cells = [
        (name, *(f"{one[name]:.1f}" for one in figures.values()), f"{memory[name]:.1f}")
        for name in rivals
    ]
    print(table(title, ("way", "ms", "ms of the processor", f"MB for {TASKS} tasks"), cells))
    rows = [
        Row(f"{title}, {word}", one["ours"], against("ours", one), "ms")
        for word, one in figures.items()
    ]
    kept = Row(f"{title}, memory for {TASKS} tasks", memory["ours"], against("ours", memory), "MB")
    return [replace(rows[0], readme=readme), *rows[1:], kept]


def _each(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: 1000 * value / TASKS for name, value in seconds.items()}


if __name__ == "__main__":
    main()
