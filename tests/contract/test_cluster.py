"""Batches on a real cluster of several processes, whose workers are killed in the middle."""

import json
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from distributed import Client as Cluster
from distributed import LocalCluster

from retouch_nb.batches import Run, start
from retouch_nb.errors import ParameterError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from retouch_nb.session import Session

KEY = "canary-7f3a9c51"
RESULT = Photo.open(np.full((24, 32, 3), 90, np.uint8)).data


def photos(count: int) -> list[Photo]:
    """Make small photos, each another."""
    return [Photo.open(np.full((12, 16, 3), 3 * n, np.uint8)) for n in range(count)]


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for other processes; the only clock they share is the wall's."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


class Service(ThreadingHTTPServer):
    """PicWish on a port: the first task's answer never comes, the second is not done until `released`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.lock = threading.Lock()
        self.posts: list[str] = []
        self.keys: set[str] = set()
        self.times: list[float] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            self.seen()
            nth = len(self.server.posts)
            self.server.posts.append(f"t-{nth}")
        if nth == 0:
            self.server.released.wait(60)
        self.say({"task_id": f"t-{nth}"})

    def do_GET(self) -> None:
        ticket = self.path.rsplit("/", 1)[1]
        if self.path.startswith("/result/"):
            return self.send(RESULT, "image/png")
        with self.server.lock:
            self.seen()
        if ticket == "t-1" and not self.server.released.is_set():
            return self.say({"task_id": ticket, "state": 4, "progress": 10})
        link = f"{self.server.url}/result/{ticket}"
        return self.say({"task_id": ticket, "state": 1, "progress": 100, "image": link})

    def seen(self) -> None:
        self.server.times.append(time.monotonic())
        self.server.keys.add(self.headers["X-API-KEY"])

    def say(self, task: dict[str, Any]) -> None:
        self.send(json.dumps({"status": 200, "data": task}).encode(), "application/json")

    def send(self, body: bytes, kind: str) -> None:
        with suppress(OSError):  # whoever asked has been killed
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    server = Service()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def cluster(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two worker processes; the key is in their environment and nowhere else."""
    env = {"PICWISH_API_KEY": KEY, "RETOUCH_NB_HOME": str(tmp_path_factory.mktemp("worker"))}
    made = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, env=env
    )
    with Cluster(made) as client:
        yield client
    made.close()


@pytest.fixture
def session(home: Path, service: Service) -> Iterator[Session]:
    """A notebook without a key."""
    made = Session(home=home, environ={"PICWISH_BASE_URL": service.url})
    made.settings.progress = False
    yield made
    made.close()


def kill(cluster: Cluster, workers: set[str]) -> None:
    """Kill worker processes as the system would."""
    for pid in cluster.run(os.getpid, workers=list(workers)).values():
        os.kill(pid, signal.SIGKILL)


def move_home(folder: str) -> None:
    """Let a worker keep its journal where no other finds it: as on a machine of its own."""
    os.environ["RETOUCH_NB_HOME"] = f"{folder}/{os.getpid()}"


def parquet(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run.manifest).to_pylist()
    return rows


def test_the_engine_works_on_workers_and_one_may_die(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    """Every photo is done and in the manifest, whichever worker was killed; a second call does nothing."""
    given = photos(10)
    run = start(
        session,
        Enhance,
        given,
        out=tmp_path / "out",
        provider="local",
        scheduler=cluster,
        options={"scale_factor": 2},
    )
    until(lambda: run.counts.get("done", 0) >= 3)
    kill(cluster, {first(run)})
    run.wait()
    assert run.counts == {"done": 10}
    assert {row["state"] for row in parquet(run)} == {"done"}
    assert len({row["worker"] for row in parquet(run)}) >= 2
    assert len(list(run.out.glob("*.png"))) == 10


def first(run: Run) -> str:
    """Give the worker of the first photo that is done."""
    return next(row.worker for row in run.rows(states={"done"}))


def test_a_lost_worker_never_pays_twice(
    cluster: Cluster, session: Session, service: Service, tmp_path: Path
) -> None:
    """What was sent and not answered is unknown, what has an id is taken up elsewhere; pace and cap hold for all."""
    until(lambda: len(cluster.nthreads()) == 2)
    cluster.run(move_home, str(tmp_path))
    run = start(
        session,
        Enhance,
        photos(5),
        out=tmp_path / "out",
        provider="cloud",
        scheduler=cluster,
        max_credits=8,
        options={},
    )
    until(lambda: sent(run, 2) and any(row.task_id for row in run.rows()))
    kill(cluster, {row.worker for row in run.rows() if row.worker})
    time.sleep(0.5)  # the dead hold connections for a moment
    service.released.set()
    run.wait()
    lost, *others = sorted(run.rows(), key=lambda row: row.state != "unknown")
    assert lost.state == "unknown"
    assert "was sent before by tcp://" in lost.error
    assert sorted(row.reason or row.state for row in others) == ["budget", *["done"] * 3]
    assert len(service.posts) == 4
    assert (run.spent, service.keys) == (8, {KEY})
    assert np.min(np.array(service.times[4:]) - np.array(service.times[:-4])) >= 0.95 * 4 / 2
    assert KEY.encode() not in b"".join(
        path.read_bytes() for path in run.out.rglob("*") if path.is_file()
    )
    assert {row["state"] for row in parquet(run)} == {"unknown", "done", "waiting"}


def sent(run: Run, count: int) -> bool:
    return sum(bool(row.sent_by) for row in run.rows()) >= count


def test_a_stopped_run_leaves_the_cluster_and_goes_on_later(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    """What waits is not begun any more; the next call does it."""
    until(lambda: len(cluster.nthreads()) == 2)
    order = {"out": tmp_path / "out", "provider": "local", "scheduler": cluster, "options": {}}
    run = start(session, Enhance, photos(30), **order)  # type: ignore[arg-type]
    until(lambda: run.counts.get("done", 0) >= 2)
    run.stop()
    run.wait()
    assert 2 <= run.counts["done"] < 30
    again = start(session, Enhance, photos(30), **order).wait()  # type: ignore[arg-type]
    assert again.counts == {"done": 30}, [row.error for row in again.rows() if row.error]


def test_what_is_no_cluster_is_refused(session: Session, tmp_path: Path) -> None:
    """A name of a scheduler, or anything else, is answered with what is wanted."""
    with pytest.raises(ParameterError, match=r"Pass distributed\.Client"):
        start(session, Enhance, photos(1), out=tmp_path / "out", scheduler="threads", options={})


def test_errors_survive_the_journey() -> None:
    """What a worker raises is what the manifest says."""
    error = pickle.loads(pickle.dumps(ParameterError("wrong", advice="Nothing was sent.")))
    assert str(error) == "wrong Nothing was sent."
