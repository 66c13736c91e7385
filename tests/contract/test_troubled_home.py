"""Disks that are full, read-only, locked or damaged: a clear error, and what was paid for is named in it."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from retouch_nb.client import Client, State
from retouch_nb.credentials import Credentials
from retouch_nb.errors import HomeError, UnknownOutcomeError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from tests.contract.test_money import RESULT, Clock, Service, run

Made = Callable[[Path], Client]


@pytest.fixture
def new_client() -> Any:
    """Give clients that wait a moment only for a locked file, and whose clock obeys."""
    made: list[Client] = []

    def make(home: Path) -> Client:
        clock = Clock()
        keys = Credentials({"PICWISH_API_KEY": "k-123456"}, keyring=lambda: None)
        made.append(
            Client(
                home, credentials=keys, clock=clock, monotonic=clock, sleep=clock.sleep, busy=0.05
            )
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


class Meddling(Service):
    """Does something to the disk right before or after it accepts a task."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__()
        self.meddle = meddle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST":
            self.meddle()
        return response


def lock(home: Path) -> sqlite3.Connection:
    """Hold the journal as another program might."""
    holder = sqlite3.connect(home / "journal.sqlite3", isolation_level=None)
    holder.execute("begin exclusive")
    return holder


def test_a_locked_journal_lets_nothing_be_sent(home: Path, new_client: Made, photo: Photo) -> None:
    """The error names the file and says that another program holds it; afterwards everything works."""
    client, service = new_client(home), Service()
    client.jobs()
    with closing(lock(home)), pytest.raises(HomeError, match="Another program holds it"):
        run(client.run(Enhance(photo), service.route()))
    assert service.starts == 0
    assert run(client.run(Enhance(photo), service.route())).photo.data == RESULT


def test_a_journal_locked_after_the_request_left_tells_the_task(
    home: Path, new_client: Made, photo: Photo
) -> None:
    """The id is in the error with the command that takes it up; that works later, and nothing is paid again."""
    client, held = new_client(home), []
    service = Meddling(lambda: held.append(lock(home)))
    with pytest.raises(HomeError) as caught:
        run(client.run(Enhance(photo), service.route(), job_id="j1"))
    held[0].close()
    assert "%retouch_nb resume j1 t-1" in str(caught.value)
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Enhance(photo), service.route()))
    found = run(client.resume("j1", Enhance(photo), service.route(), ticket="t-1"))
    assert (found.photo.data, service.accepted) == (RESULT, ["t-1"])
    assert client.find("j1").state is State.DONE


def test_a_journal_damaged_while_it_is_used_tells_the_task(
    home: Path, new_client: Made, photo: Photo
) -> None:
    """Whatever became of the file, the paid id is printed."""

    def damage() -> None:
        for path in home.glob("journal.sqlite3*"):
            path.write_bytes(b"\0" * path.stat().st_size)

    service = Meddling(damage)
    with pytest.raises(HomeError, match="t-1"):
        run(new_client(home).run(Enhance(photo), service.route()))
    assert service.accepted == ["t-1"]


def test_a_result_that_comes_once_and_finds_no_place_is_set_down_elsewhere(
    home: Path, new_client: Made, photo: Photo, passing: Path
) -> None:
    """The answer was the picture itself, so nothing leads to it again: the error says where it lies."""

    def block() -> None:
        shutil.rmtree(home / "cache")
        (home / "cache").write_text("in the way")

    client, service = new_client(home), Meddling(block)
    service.answer = lambda request: RESULT  # type: ignore[method-assign]
    operation = Enhance(photo, sync=True, return_type=3)
    with pytest.raises(HomeError, match="it lies in") as caught:
        run(client.run(operation, service.route()))
    (saved,) = passing.iterdir()
    assert str(saved) in str(caught.value)
    assert saved.read_bytes() == RESULT
    assert saved.stat().st_mode & 0o077 == 0
    with pytest.raises(UnknownOutcomeError, match=r"the disk failed\. It may"):
        run(client.run(operation, service.route()))


@pytest.fixture
def passing(tmp_path: Path) -> Iterator[Path]:
    """Give the folder for the system's passing files."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path / "passing")
    (tmp_path / "passing").mkdir()
    yield tmp_path / "passing"
    tempfile.tempdir = before


@pytest.mark.parametrize("name", ["with space", "bücher 写真", "100% #1 'quoted'?"])
def test_a_home_of_any_name_will_do(
    tmp_path: Path, new_client: Made, photo: Photo, name: str
) -> None:
    """Spaces, other scripts and what means something in addresses and SQL."""
    client, service = new_client(tmp_path / name), Service()
    assert run(client.run(Enhance(photo), service.route())).photo.data == RESULT
    assert [entry.state for entry in client.jobs()] == [State.DONE]


CHILD = textwrap.dedent(
    """
    import os, resource, sys
    from pathlib import Path
    from retouch_nb.client import Client
    from retouch_nb.errors import HomeError
    from retouch_nb.photo import Photo
    from retouch_nb.providers.picwish import Enhance
    from tests.contract.test_money import PHOTO, Service, new_client, run
    from tests.contract.test_troubled_home import Meddling

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    home, kind = Path(sys.argv[1]), sys.argv[2]
    service = Service()
    client = new_client(home)
    client.jobs()
    if kind == "read-only":
        client.close()
        for path in (*home.rglob("*"), home):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if os.getuid() == 0:
            os.setuid(65534)
    elif kind == "full before":
        full()
    else:
        service = Meddling(full)
    try:
        run(client.run(Enhance(PHOTO), service.route(), job_id="j1"))
    except HomeError as error:
        print(len(service.accepted), error)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="limits and rights as POSIX has them")
@pytest.mark.parametrize(
    ("kind", "accepted", "said"),
    [
        ("read-only", "0", "Nothing was sent"),
        ("full before", "0", "Nothing was sent"),
        ("full after", "1", "resume j1 t-1"),
    ],
)
def test_a_disk_that_takes_nothing_says_so(kind: str, accepted: str, said: str) -> None:
    """Read-only or full: nothing is sent that cannot be written down; full too late, the paid id is in the error."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(
            0o755
        )  # for the child, who is nobody when we are root, to whom no right is refused
        home = Path(folder) / "home"
        ended = subprocess.run(
            [sys.executable, "-c", CHILD, str(home), kind],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        home.chmod(0o755)
    count, _, words = ended.stdout.partition(" ")
    assert count == accepted, ended.stderr
    assert said in words
    assert str(home) in words
