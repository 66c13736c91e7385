"""Batches: throughput by workers, what the client costs an item, use of an allowed rate, and memory from 100 items on.

A worker is a core: one worker is held to one, for its removals and OpenCV would take both; what one makes of both cores is
shown beside it. The peer of the client is a hand-written httpx loop on the same served engine. Pass ``--large`` for 10,000 and 100,000 items.
"""

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from distributed import Client as Cluster
from distributed import LocalCluster

from retouch_nb.batches import start
from retouch_nb.client import Route
from retouch_nb.contract import Provider
from retouch_nb.engine import Engine, EngineSettings
from retouch_nb.photo import Photo, Pixels
from retouch_nb.providers.picwish import PICWISH, Enhance, Inpaint
from retouch_nb.session import Session
from tests.bench.measure import Row, against, medians, table

TINY = Photo.open(np.full((24, 32, 3), 90, np.uint8)).data


def picture(seed: int, width: int = 480, height: int = 360) -> Pixels:
    """Make something between noise and a gradient, as a photo is."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3))
    return np.asarray(
        cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
    )


@contextmanager
def session(*, workers: int = 2, kind: type[Session] = Session) -> Iterator[Session]:
    """Give a session of its own, whose engine works on so many pictures at once."""
    with tempfile.TemporaryDirectory() as home:
        made = kind(home=Path(home), environ={})
        made.settings.progress = False
        made.__dict__["engine"] = Engine(EngineSettings(workers=workers))
        try:
            yield made
        finally:
            made.close()


def run(made: Session, photos: Any, **more: Any) -> int:
    """Do a batch into a folder that vanishes, and give the peak of memory before it does: removing it takes some."""
    with tempfile.TemporaryDirectory() as out:
        done = start(made, photos=photos, out=Path(out), provider="local", **more).wait()
        peak = tracemalloc.get_traced_memory()[1]
    assert set(done.counts) == {"done"}, done
    return peak


def throughput(items: int = 8) -> list[Row]:
    """Compare one worker with two: threads of the engine, and processes of a cluster."""
    mask = np.zeros((270, 360), bool)
    mask[80:150, 110:210] = True
    made = iter(range(10**6))

    def threads(workers: int, held: int) -> None:
        photos = [picture(next(made), 360, 270) for _ in range(items)]
        with cores(held), session(workers=workers) as own:
            run(own, photos, operation=Inpaint, masks=mask, options={})

    ways = {
        "1": lambda: threads(1, 1),
        "2": lambda: threads(2, 2),
        "1, both cores": lambda: threads(1, 2),
    }
    rows = _scaling("threads", medians(ways, rounds=3), items)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        Cluster(local) as cluster,
    ):
        addresses = sorted(cluster.nthreads())
        for core, address in enumerate(addresses):
            cluster.run(_held, core, workers=[address])

        def processes(workers: int) -> None:
            photos = [picture(next(made), 360, 270) for _ in range(items)]
            with session() as own:
                run(
                    own,
                    photos,
                    operation=Inpaint,
                    masks=mask,
                    options={},
                    scheduler=cluster,
                    concurrency=workers,
                )

        assert len(addresses) == 2
        rows += _scaling(
            "Dask processes",
            medians({"1": lambda: processes(1), "2": lambda: processes(2)}, rounds=3),
            items,
        )
    title = "removals of a batch a second, 360 x 270, a core each"
    cells = [
        [name, f"{one:.2f}", f"{two:.2f}", f"{two / one:.2f}x", "1.8x", free and f"{free:.2f}"]
        for name, one, two, free in rows
    ]
    print(table(title, ("workers", "1", "2", "gain", "goal", "1 on both cores"), cells))
    return [
        Row(f"{title}, two {name}", two, {"one": one}, "a second") for name, one, two, _ in rows
    ]


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Hold this process, and every thread it makes meanwhile, to so many cores."""
    before = os.sched_getaffinity(0)
    _hold(set(sorted(before)[:count]))
    try:
        yield
    finally:
        _hold(before)


def _hold(these: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), these)


def _held(core: int) -> None:
    """Hold a worker's process to one core, by its place among those it may use."""
    _hold({sorted(os.sched_getaffinity(0))[core]})


def _scaling(
    name: str, seconds: dict[str, float], items: int
) -> list[tuple[str, float, float, float | str]]:
    free = items / seconds["1, both cores"] if "1, both cores" in seconds else ""
    return [(name, items / seconds["1"], items / seconds["2"], free)]


SERVE = """
import sys, time, uvicorn
from retouch_nb.engine import Engine, EngineSettings
settings = EngineSettings(rate_limit=sys.argv[2] == "paced", quota=10**6)
app = Engine(settings).app

async def noted(scope, receive, send):
    if scope.get("method") == "POST":
        print(time.monotonic(), flush=True)
    await app(scope, receive, send)

uvicorn.run(noted, port=int(sys.argv[1]), log_level="warning")
"""
"""The engine on a port, which prints when each POST arrives: a pace is what the service sees of it."""


@contextmanager
def served(pace: str, port: int, arrivals: Path = Path(os.devnull)) -> Iterator[str]:
    """Serve an engine in a process of its own."""
    with arrivals.open("wb") as noted:
        server = subprocess.Popen([sys.executable, "-c", SERVE, str(port), pace], stdout=noted)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(url, timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


class Paid(Session):
    """A session whose cloud is a served engine; its rows are as durable as those of a paid service."""

    url = ""
    paced = False

    def _service_route(self, service: Provider) -> Route:
        return Route(PICWISH, self.url, "PicWish", paced=self.paced)


def overhead(items: int = 5) -> list[Row]:
    """Compare a batch, one photo at a time, with the loop one would write: post, fetch, write."""
    made = iter(range(10**6))
    with (
        served("free", 8791) as url,
        session(kind=Paid) as own,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert isinstance(own, Paid)
        own.url = url
        own.environ = {"PICWISH_API_KEY": "any-key-will-do"}
        own.credentials._environ = own.environ

        def ours() -> None:
            photos = [picture(next(made), 816, 612) for _ in range(items)]
            with tempfile.TemporaryDirectory() as out:
                done = start(
                    own,
                    Enhance,
                    photos,
                    out=Path(out),
                    provider="cloud",
                    concurrency=1,
                    options={"sync": True, "scale_factor": 2},
                ).wait()
            assert done.counts == {"done": items}, done

        def by_hand() -> None:
            photos = [picture(next(made), 816, 612) for _ in range(items)]
            with httpx.Client(timeout=60, headers={"X-API-KEY": "any"}) as client:
                for n, photo in enumerate(photos):
                    files = {"image_file": ("p.png", Photo.open(photo).data, "image/png")}
                    form = {"sync": "1", "scale_factor": "2", "return_type": "1", "type": "clean"}
                    told = client.post(
                        f"{url}/api/tasks/visual/scale", data=form, files=files
                    ).json()
                    data = client.get(told["data"]["image"]).content
                    Photo.open(data)
                    (Path(folder) / f"{n}.png").write_bytes(data)

        seconds = medians({"batch": ours, "httpx loop": by_hand}, rounds=3, patience=60)
    title = "a photo of a batch, one at a time, enlarged 2x at a served engine"
    each = {name: 1000 * value / items for name, value in seconds.items()}
    cells = [[name, f"{value:.0f}", ""] for name, value in each.items()]
    cells.append(["added", f"{each['batch'] - each['httpx loop']:+.0f}", ""])
    cells.append(["ratio", f"{each['batch'] / each['httpx loop']:.2f}", "1.1"])
    print(table(title, ("client", "ms", "goal"), cells))
    return [Row(title, each["batch"], against("batch", each), "ms", readme=True)]


def rate(items: int = 20) -> list[Row]:
    """Use up a real limit of two requests a second with many photos under way, timed where they arrive."""
    with (
        tempfile.TemporaryDirectory() as out,
        served("paced", 8792, arrivals := Path(out) / "arrivals") as url,
        session(kind=Paid) as own,
    ):
        assert isinstance(own, Paid)
        own.url, own.paced = url, True
        own.environ = {"PICWISH_API_KEY": "any-key-will-do"}
        own.credentials._environ = own.environ
        done = start(
            own,
            Enhance,
            [picture(n, 64, 48) for n in range(items)],
            out=Path(out) / "results",
            provider="cloud",
            options={"sync": True, "scale_factor": 1},
        ).wait()
        assert done.counts == {"done": items}, done
        came = np.sort([float(line) for line in arrivals.read_text().split()])
    assert len(came) == items, "requests were refused and sent again"
    used = float((items - 1) / (came[-1] - came[0]) / 2)
    title = "share used of a limit of 2 requests a second"
    most = max(int(((came >= at) & (came < at + 1)).sum()) for at in came)
    cells = [items, f"{used:.1%}", "95 %", most, 2]
    print(table(title, ("requests", "share", "goal", "most in any second", "goal"), [cells]))
    return [Row(title, used, unit="")]


class Instantly(httpx.AsyncBaseTransport):
    """An engine that has every result at once."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async for _ in request.stream:  # type: ignore[union-attr]
            pass
        return httpx.Response(200, content=TINY)


class Instant(Session):
    """A session with that engine."""

    def _engine_route(self, service: Provider) -> Route:
        return Route(
            PICWISH, "http://engine.local", "instant", transport=Instantly(), paced=False, free=True
        )


class Many:
    """So many small photos, each another, none kept."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Pixels]:
        for n in range(self.count):
            photo = np.zeros((12, 16, 3), np.uint8)
            photo[0, 0] = n % 256, n // 256 % 256, n // 65536
            yield photo


def memory(counts: tuple[int, ...]) -> list[Row]:
    """Measure the peak of what Python holds during batches of more and more photos."""
    rows: list[tuple[int, float, float, float]] = []
    for count in (10, *counts):  # the first loads what is loaded once
        with session(kind=Instant) as own:
            tracemalloc.start()
            began = time.monotonic()
            options = {"sync": True, "return_type": 3}
            peak = run(own, Many(count), operation=Enhance, options=options)
            tracemalloc.stop()
        each = 1000 * (time.monotonic() - began) / count
        rows.append((count, peak / 1e6, resident(), each))
    cells = [(f"{n:,}", f"{mb:.1f}", f"{rss:.0f}", f"{each:.1f}") for n, mb, rss, each in rows[1:]]
    head = ("photos", "peak of Python, MB", "process afterwards, MB", "ms a photo")
    print(table("Memory, instant engine, while traced; goal: flat", head, cells))
    (first, least, _, _), *more = rows[1:]
    others = {f"of {count:,}": peak for count, peak, _, _ in more}
    return [Row(f"memory of Python in a batch of {first} photos", least, others, "MB", readme=True)]


def resident() -> float:
    """Give what the process holds in memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> list[Row]:
    """Print every table; ten thousand photos are for ``--large``."""
    counts = (100, 1_000, 10_000, 100_000) if "--large" in sys.argv else (100, 1_000)
    return [*throughput(), *overhead(), *rate(), *memory(counts)]


if __name__ == "__main__":
    main()
