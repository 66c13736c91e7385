"""Whole runs: on the embedded engine, at a service that counts what it is sent, and killed in the middle."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakSet

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest

from retouch_nb.batches import Run, foresee, start
from retouch_nb.client import Client, Route
from retouch_nb.contract import Operation, Provider
from retouch_nb.credentials import Credentials
from retouch_nb.errors import HomeError, ParameterError, PictureError, UnknownNameError
from retouch_nb.layers import LayerStack
from retouch_nb.photo import Photo
from retouch_nb.provenance import record_of
from retouch_nb.providers.picwish import PICWISH, Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session

RESULT = Photo.open(np.full((24, 32, 3), 90, np.uint8)).data


def photos(count: int) -> list[Photo]:
    """Make small photos, each another."""
    return [Photo.open(np.full((12, 16, 3), n % 256, np.uint8)) for n in range(count)]


class Service(httpx.AsyncBaseTransport):
    """PicWish in a few lines; `plans` are answers, or errors to raise, in place of the usual to a first request."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.plans: list[Any] = []
        self.times: list[float] = []
        self.clock = time.monotonic
        self.hold: asyncio.Event | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example":
            return httpx.Response(200, content=RESULT)
        self.times.append(self.clock())
        async for _ in request.stream:  # type: ignore[union-attr]
            pass
        if request.method == "GET":
            ticket = request.url.path.rsplit("/", 1)[1]
            link = f"https://results.example/{ticket}.png"
            return said({"task_id": ticket, "state": 1, "progress": 100, "image": link})
        plan = self.plans.pop(0) if self.plans else None
        if isinstance(plan, BaseException):
            raise plan
        if plan is not None:
            return plan
        self.accepted.append(f"t-{len(self.accepted) + 1}")
        return said({"task_id": self.accepted[-1]})


def said(task: dict[str, Any], status: int = 200) -> httpx.Response:
    """Answer as PicWish does."""
    return httpx.Response(status, content=json.dumps({"status": status, "data": task}).encode())


class Threads(ThreadPoolExecutor):
    """Threads that tell whether they have something to do."""

    busy = 0

    def submit(self, work: Any, /, *args: Any, **options: Any) -> "Future[Any]":
        self.busy += 1
        future = super().submit(work, *args, **options)
        future.add_done_callback(self._free)
        return future

    def _free(self, future: "Future[Any]") -> None:
        self.busy -= 1


class Clock:
    """Time that moves only when everybody sleeps: then to the moment of whoever wakes first, one at a time."""

    IDLE = 200
    """Turns of the loop in which nothing happens before everybody is taken to be asleep."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.threads = Threads()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._moving: asyncio.Future[None] | None = None
        self._order = count()
        self._stirred = False

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        waking = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.now + seconds, next(self._order), waking))
        self._stirred = True
        if self._moving is None or self._moving.done():
            self._moving = asyncio.ensure_future(self._move())
        await waking

    def rest(self) -> None:
        """Move no more: the loop is about to end."""
        if self._moving is not None:
            self._moving.cancel()

    async def _move(self) -> None:
        while self._sleepers:
            await self._quiet()
            until, _, waking = heappop(self._sleepers)
            if not waking.done():
                self.now = max(self.now, until)
                waking.set_result(None)

    async def _quiet(self) -> None:
        idle = 0
        while idle < self.IDLE:
            await asyncio.sleep(0.001 if self.threads.busy else 0)
            idle = 0 if self._stirred or self.threads.busy else idle + 1
            self._stirred = False


class AtService(Session):
    """A session whose cloud is the service of the test."""

    def __init__(self, home: Path, service: Service, *, clock: Clock | None = None) -> None:
        super().__init__(home=home, environ={"PICWISH_API_KEY": "canary-7f3a9c51"})
        self.settings.progress = False
        self.settings.backend = "cloud"
        self.service = service
        self.clock = clock = clock or Clock()
        self.background.call(lambda: asyncio.get_running_loop().set_default_executor(clock.threads))
        self.__dict__["client"] = Client(
            home,
            credentials=Credentials(self.environ, keyring=lambda: None),
            clock=clock,
            monotonic=clock,
            sleep=clock.sleep,
            random=lambda: 0.0,
        )

    def close(self) -> None:
        self.background.call(self.clock.rest)
        super().close()

    def _service_route(self, service: Provider) -> Route:
        return Route(PICWISH, "https://service.example", "PicWish", transport=self.service)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def cloud(home: Path, service: Service) -> Iterator[Session]:
    """A session at a service that is paid."""
    session = AtService(home, service)
    yield session
    session.close()


@pytest.fixture
def local(home: Path) -> Iterator[Session]:
    """A session with the embedded engine."""
    session = Session(home=home, environ={})
    session.settings.progress = False
    yield session
    session.close()


def batch(session: Session, given: Any, out: Path, **more: Any) -> Run:
    """Run the cheapest operation over some photos and wait."""
    names = ("column", "masks", "concurrency", "max_credits", "provider", "operation")
    names += ("restore_outside", "provenance")
    own = {name: more.pop(name) for name in names if name in more}
    operation: type[Operation] = own.pop("operation", Enhance)
    return start(session, operation, given, out=out, **own, options=more).wait()


def states(run: Run) -> list[str]:
    return [row.reason or row.state for row in run.rows()]


def test_one_bad_photo_never_stops_the_rest(local: Session, tmp_path: Path) -> None:
    """It fails with its reason; results have readable names and are whole."""
    given = [*photos(2), b"no picture", None]
    run = batch(local, given, tmp_path / "out", scale_factor=2)
    assert states(run) == ["done", "done", "input", "input"]
    assert [row.output for row in run.rows(states={"done"})] == ["000000.png", "000001.png"]
    assert Photo.open(run.out / "000001.png").size == (32, 24)
    assert not list(run.out.glob("*.part"))
    assert pq.read_table(run.manifest)["state"].to_pylist() == ["done", "done", "failed", "failed"]


def test_a_second_call_does_only_what_is_missing(cloud: AtService, tmp_path: Path) -> None:
    """What is done is not even opened again where its file says that it is the same."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for n, photo in enumerate(photos(3)):
        photo.save(folder / f"{n}.png")
    batch(cloud, folder, tmp_path / "out")
    photos(9)[8].save(folder / "8.png")
    run = batch(cloud, folder, tmp_path / "out")
    assert run.counts == {"done": 4}
    assert len(cloud.service.accepted) == 4
    assert [row.attempts for row in run.rows()] == [1, 1, 1, 1]


def test_what_lies_in_memory_is_known_by_its_content(cloud: AtService, tmp_path: Path) -> None:
    """Rows that hold the same picture as before are not sent, rows that hold another are."""
    first = photos(3)
    batch(cloud, first, tmp_path / "out")
    run = batch(cloud, [first[0], photos(9)[8], first[2]], tmp_path / "out")
    assert run.counts == {"done": 3}
    assert len(cloud.service.accepted) == 4


def test_a_result_that_was_removed_comes_back_from_the_cache(
    cloud: AtService, tmp_path: Path
) -> None:
    """Nothing is paid twice for it."""
    batch(cloud, photos(2), tmp_path / "out")
    (tmp_path / "out" / "000001.png").unlink()
    run = batch(cloud, photos(2), tmp_path / "out")
    assert (tmp_path / "out" / "000001.png").exists()
    assert len(cloud.service.accepted) == 2
    assert run.spent == 2 * 2


def test_retry_does_what_failed_for_a_reason_and_nothing_else(
    cloud: AtService, tmp_path: Path
) -> None:
    """Transient failures are tried again; a word that is no reason is answered with those there are."""
    cloud.service.plans = [httpx.Response(503, content=b"busy")] * 30
    run = batch(cloud, [*photos(2), b"broken"], tmp_path / "out", concurrency=1)
    failures = dict(run.failures)
    cloud.service.plans = []
    with pytest.raises(UnknownNameError, match="transient"):
        run.retry("trasient")
    assert failures.pop("input") == 1
    run.retry(*failures)
    assert run.counts == {"done": 2, "failed": 1}


def test_a_lost_answer_is_never_sent_again_by_itself(cloud: AtService, tmp_path: Path) -> None:
    """Neither a second call nor a retry of something else repeats it; naming it does."""
    cloud.service.plans = [httpx.ReadError("gone")]
    run = batch(cloud, photos(2), tmp_path / "out", concurrency=1)
    assert states(run) == ["unknown", "done"]
    run = batch(cloud, photos(2), tmp_path / "out")
    assert states(run.retry("transient")) == ["unknown", "done"]
    assert len(cloud.service.accepted) == 1
    assert states(run.retry("unknown")) == ["done", "done"]
    assert run.spent == 3 * 2


def test_a_plan_says_what_would_be_sent_and_at_what_cost(cloud: AtService, tmp_path: Path) -> None:
    """What is done, cached or broken is not counted; nothing is sent and no folder is made."""
    given = [*photos(4), b"no picture"]
    asked: dict[str, Any] = {"out": tmp_path / "out", "options": {}}
    first = foresee(cloud, Enhance, given, **asked, max_credits=5)
    assert (first.photos, first.outlook.calls, first.outlook.price.credits) == (5, 4, 8)
    assert list(first.unusable) == ["row 4"]
    assert "leave photos out" in repr(first)
    assert not cloud.service.times and not (tmp_path / "out").exists()
    batch(cloud, given[2:3], tmp_path / "elsewhere")
    batch(cloud, given[:1], tmp_path / "out")
    sent, files = len(cloud.service.times), {path: path.read_bytes() for path in _files(tmp_path)}
    later = foresee(cloud, Enhance, given, **asked)
    assert (later.done, later.outlook.calls, later.outlook.cached, later.spent) == (1, 2, 1, 2)
    assert len(cloud.service.times) == sent
    assert {path: path.read_bytes() for path in _files(tmp_path)} == files


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "out").rglob("*") if path.is_file())


def test_a_plan_does_not_use_photos_up(cloud: AtService, tmp_path: Path) -> None:
    """What can be walked only once is refused."""
    with pytest.raises(ParameterError, match="only once"):
        foresee(cloud, Enhance, iter(photos(2)), out=tmp_path / "out", options={})


def test_rows_are_read_by_several_at_once(local: Session, tmp_path: Path) -> None:
    """Whoever reads last lets go of the folder; then another run may have it."""
    run = batch(local, photos(3), tmp_path / "out", scale_factor=1)
    seen = [(row.source, len(list(run.rows()))) for row in run.rows()]
    assert seen == [("row 0", 3), ("row 1", 3), ("row 2", 3)]
    assert batch(local, photos(3), tmp_path / "out", scale_factor=1).counts == {"done": 3}
    assert run.save(tmp_path / "rows.jsonl").read_text().count("\n") == 3


@pytest.mark.parametrize("concurrency", [1, 5])
def test_the_cap_holds_for_the_whole_run(
    cloud: AtService, tmp_path: Path, concurrency: int
) -> None:
    """What does not fit waits; a higher cap does the rest, and earlier calls count."""
    run = batch(cloud, photos(5), tmp_path / "out", max_credits=7, concurrency=concurrency)
    assert run.counts == {"done": 3, "waiting": 2}
    assert (run.spent, run.failures) == (6, {"budget": 2})
    run = batch(cloud, photos(5), tmp_path / "out", max_credits=8)
    assert (run.counts["done"], run.spent) == (4, 8)


def test_cached_results_pass_under_any_cap(cloud: AtService, tmp_path: Path) -> None:
    """What is free is never over a cap."""
    batch(cloud, photos(2), tmp_path / "out")
    run = batch(cloud, photos(2), tmp_path / "elsewhere", max_credits=0)
    assert run.counts == {"done": 2}


def test_a_refused_key_ends_the_run(cloud: AtService, tmp_path: Path) -> None:
    """What would fail every photo is said once, and the rest waits."""
    cloud.service.plans = [said({}, 401)]
    run = batch(cloud, photos(5), tmp_path / "out", concurrency=1)
    assert run.counts["failed"] == 1
    assert set(run.counts) <= {"failed", "waiting"}
    assert "halted" in repr(run)
    assert "key" in repr(run)
    assert batch(cloud, photos(5), tmp_path / "out").counts == {"done": 5}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scale_factor": 3}, "not accepted"),
        ({"scale": 2}, "takes no 'scale'"),
        ({"mask": "m.png"}, "takes no 'mask'"),
        ({"masks": "{stem}.png"}, "takes no mask"),
        ({"operation": Inpaint}, "Say what to remove"),
        ({"concurrency": 0}, "would do nothing"),
        ({"return_type": 3}, "only together with --sync"),
    ],
)
def test_wrong_parameters_are_said_before_anything_is_sent(
    cloud: AtService, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    """What is wrong for all photos is an error of the call, and leaves no folder behind."""
    with pytest.raises(ParameterError, match=words):
        batch(cloud, photos(2), tmp_path / "out", **more)
    assert not cloud.service.times
    assert not (tmp_path / "out").exists()


def test_masks_reach_the_service(local: Session, tmp_path: Path) -> None:
    """A missing mask fails its photo alone, with its reason."""
    folder = tmp_path / "photos"
    folder.mkdir()
    spot = np.zeros((12, 16), bool)
    spot[3:6, 3:6] = True
    for name in ("cat", "dog"):
        photos(3)[2].save(folder / f"{name}.png")
    Photo.open(spot).save(folder / "cat_mask.png")
    run = batch(local, folder, tmp_path / "out", operation=Inpaint, masks="{stem}_mask.png")
    cat, dog = run.rows()
    assert (cat.state, dog.reason) == ("done", "input")
    assert "dog_mask.png" in dog.error
    assert cat.mask_sha256


def test_layers_are_kept_beside_the_picture(local: Session, tmp_path: Path) -> None:
    """The ZIP as it came opens as a stack again."""
    noise = np.random.default_rng(1).integers(0, 200, (120, 160, 3))
    noisy = Photo.open(noise.astype(np.uint8))
    run = batch(
        local, [noisy], tmp_path / "out", operation=Retouch, steps="Clean Backdrop 1.0", layers=True
    )
    assert run.counts == {"done": 1}, next(run.rows()).error
    stack = LayerStack.from_zip(run.out / "000000.layers.zip", base=noisy)
    assert np.array_equal(
        stack.composite().to_numpy(), Photo.open(run.out / "000000.png").to_numpy()
    )


def test_results_carry_how_they_were_made(local: Session, tmp_path: Path) -> None:
    """The file holds its record unless that is not wanted; the manifest's hash is that of the file."""
    run = batch(local, photos(1), tmp_path / "out", scale_factor=2)
    (row,) = run.rows()
    assert record_of(run.out / row.output).operation == "enhance"
    assert hashlib.sha256((run.out / row.output).read_bytes()).hexdigest() == row.output_sha256
    bare = batch(local, photos(1), tmp_path / "bare", scale_factor=2, provenance=False)
    with pytest.raises(PictureError):
        record_of(bare.out / row.output)


def test_originals_are_put_back_outside_the_masks(local: Session, tmp_path: Path) -> None:
    """Far from the mask nothing differs from the photo; the folder's recipe and its remarks say so; without a mask it is refused."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:30, 20:30] = True
    asked = {"operation": RetouchObject, "masks": mask}
    run = batch(local, [noise], tmp_path / "out", restore_outside=True, **asked)
    (row,) = run.rows()
    assert np.array_equal(Photo.open(run.out / row.output).to_numpy()[40:], noise[40:])
    assert "put back outside the mask" in row.remarks
    with pytest.raises(ParameterError, match="restore_outside"):
        batch(local, [noise], tmp_path / "out", **asked)
    with pytest.raises(ParameterError, match="no mask"):
        batch(local, photos(1), tmp_path / "else", restore_outside=True)


def test_results_go_to_a_folder_of_this_machine(cloud: AtService) -> None:
    """An address as the folder is refused before anything is sent, and no folder of that name appears."""
    with pytest.raises(ParameterError, match="is an address"):
        start(cloud, Enhance, photos(1), out="s3://bucket/results", options={})
    assert not Path("s3:").exists()
    assert not cloud.service.times


def test_a_recipe_is_what_changes_the_picture(cloud: AtService, tmp_path: Path) -> None:
    """Writing a default out, or how results travel, makes no other recipe; another value does."""
    batch(cloud, photos(1), tmp_path / "out")
    batch(cloud, photos(1), tmp_path / "out", type="clean", return_type=2)
    with pytest.raises(ParameterError, match="another recipe"):
        batch(cloud, photos(1), tmp_path / "out", type="face")


def test_the_rate_is_used_and_never_exceeded(home: Path, tmp_path: Path) -> None:
    """Of two requests a second at least 95 % are used by all workers together, and no more than two."""
    clock, service = Clock(), Service()
    service.clock = clock
    session = AtService(home, service, clock=clock)
    run = batch(session, photos(20), tmp_path / "out", concurrency=8)
    session.close()
    assert run.counts == {"done": 20}
    sent = sorted(service.times)
    assert np.diff(sent).min() >= 0.5
    busy = sent[: len(sent) - 8]  # the last ones wait for their results alone
    assert (len(busy) - 1) / (busy[-1] - busy[0]) >= 0.95 * 2


def test_a_stopped_run_goes_on_where_it_was(cloud: AtService, tmp_path: Path) -> None:
    """What was accepted is taken up, not paid again; the manifest is whole."""
    run = start(cloud, Enhance, photos(30), out=tmp_path / "out", concurrency=2, options={})
    while len(cloud.service.accepted) < 3:
        time.sleep(0.01)  # the run lives on another thread
    run.stop()
    run.wait()
    assert "stopped" in repr(run)
    again = batch(cloud, photos(30), tmp_path / "out")
    assert again.counts == {"done": 30}
    assert len(cloud.service.accepted) == 30


def test_an_interrupt_stops_and_says_how_to_go_on(cloud: AtService, tmp_path: Path) -> None:
    """The cell ends as an interrupted one, after the manifest is true."""
    run = start(cloud, Enhance, photos(200), out=tmp_path / "out", concurrency=1, options={})

    def interrupt() -> None:
        while not run.counts.get("done"):
            time.sleep(0.005)  # the run lives on another thread
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt, match="Run it again"):
        run.wait()
    assert run.done()
    assert 0 < run.counts["done"] < 200


def test_a_live_run_keeps_its_folder_to_itself(cloud: AtService, tmp_path: Path) -> None:
    """Two runs over one folder would not know of each other's results."""
    run = start(cloud, Enhance, photos(50), out=tmp_path / "out", options={})
    with pytest.raises(HomeError, match="Another run"):
        start(cloud, Enhance, photos(50), out=tmp_path / "out", options={})
    with pytest.raises(ParameterError, match="still going"):
        run.retry("input")
    run.stop()
    run.wait()


def test_a_source_that_breaks_off_is_an_error_and_loses_nothing(
    cloud: AtService, tmp_path: Path
) -> None:
    """What came before it is done and in the manifest."""

    def broken() -> Iterator[Photo]:
        yield from photos(3)
        raise OSError("the network drive is gone")

    run = start(cloud, Enhance, broken(), out=tmp_path / "out", concurrency=1, options={})
    with pytest.raises(OSError, match="network drive"):
        run.wait()
    assert run.counts == {"done": 3}
    assert "broken off" in repr(run)


def test_photos_are_held_only_while_they_are_under_way(local: Session, tmp_path: Path) -> None:
    """However long the source, no more of it is in memory than is worked on."""
    alive: WeakSet[Photo] = WeakSet()
    most = 0

    def endless() -> Iterator[Photo]:
        nonlocal most
        for n in range(60):
            photo = Photo.open(np.full((12, 16, 3), n, np.uint8))
            alive.add(photo)
            most = max(most, len(alive))
            yield photo
            del photo

    run = batch(local, endless(), tmp_path / "out", concurrency=3, scale_factor=1)
    assert run.counts == {"done": 60}
    assert most <= 3 + 3  # one being handed over, and what the last ones have not let go of yet


KILLED = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from retouch_nb.batches import start
    from retouch_nb.providers.picwish import Enhance
    from retouch_nb.session import Session
    folder = Path(sys.argv[1])
    session = Session(home=folder / "home", environ={})
    session.settings.progress = False
    start(session, Enhance, folder / "photos", out=folder / "out", options={"scale_factor": 2}).wait()
    print("finished")
""")


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """After kill -9 the manifest still knows what is done, and the next call does the rest."""
    (tmp_path / "photos").mkdir()
    for n, photo in enumerate(photos(60)):
        photo.save(tmp_path / "photos" / f"{n:02d}.png")
    program = [sys.executable, "-c", KILLED, str(tmp_path)]
    first = subprocess.Popen(program, stdout=subprocess.PIPE)

    def done() -> list[Path]:
        return list((tmp_path / "out").glob("*.png"))

    deadline = time.monotonic() + 60
    file = tmp_path / "out" / "manifest.parquet"
    while (len(done()) < 8 or not file.exists()) and time.monotonic() < deadline:
        time.sleep(0.005)  # another process works
    with suppress(ProcessLookupError):
        os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert pq.read_table(file).num_rows > 0  # as it was a moment ago, and whole
    before = {path.name: path.stat().st_mtime_ns for path in done()}
    assert 8 <= len(before) < 60, "it was not killed in the middle"
    said = subprocess.run(program, capture_output=True, text=True, check=True)
    assert said.stdout == "finished\n"
    rows = pq.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()
    assert {row["state"] for row in rows} == {"done"}
    assert len(rows) == 60
    kept = [
        name
        for name, when in before.items()
        if (tmp_path / "out" / name).stat().st_mtime_ns == when
    ]
    assert len(kept) >= len(before) - 4  # those under way when it died may be written anew
