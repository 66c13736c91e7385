"""A real shell in an empty folder, and a session that does at once what it is told."""

import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from retouch_nb.config import Retouch
from retouch_nb.contract import Operation, Provider
from retouch_nb.credentials import Credentials
from retouch_nb.errors import UnknownNameError
from retouch_nb.jobs import JobRow, JobTable
from retouch_nb.magics import load, unload
from retouch_nb.photo import Photo


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that is the current one, with a photo and its mask in it."""
    with chdir(tmp_path):
        picture(60, 40).save("coffee.png")
        mask = np.zeros((40, 60), bool)
        mask[10:20, 20:30] = True
        Photo.open(mask).save("spot.png")
        yield tmp_path


def picture(width: int, height: int) -> Photo:
    """An even grey."""
    return Photo.open(np.full((height, width, 3), 120, np.uint8))


@pytest.fixture
def bare(folder: Path) -> Iterator[InteractiveShell]:
    """A shell as IPython makes it, without our extension."""
    before = sys.modules["__main__"]
    shell = InteractiveShell(
        config=Config(HistoryManager={"enabled": False}),
        ipython_dir=str(folder / ".ipython"),
        user_module=ModuleType("notebook"),
    )
    yield shell
    shell.restore_sys_module_state()
    sys.modules["__main__"] = before


@pytest.fixture
def session(folder: Path) -> "Desk":
    """The session of `shell`, to be asked what it was asked for."""
    return Desk(folder / "home")


@pytest.fixture
def shell(bare: InteractiveShell, session: "Desk") -> Iterator[InteractiveShell]:
    """A shell with the magics, whose session is `session`."""
    load(bare, session=session)
    yield bare
    unload(bare)


@pytest.fixture
def cell(shell: InteractiveShell) -> Callable[[str], Any]:
    """Run a cell and give its value; what it raises is raised."""

    def run(source: str) -> Any:
        result = shell.run_cell(source, store_history=True)
        result.raise_error()
        return result.result

    return run


@dataclass(frozen=True)
class Done:
    """What a finished job gives."""

    operation: Operation
    after: Photo = field(default_factory=lambda: picture(16, 16))

    def save(self, path: Path) -> None:
        self.after.save(path)

    def __photo__(self) -> Photo:
        return self.after

    def __repr__(self) -> str:
        return f"<Done {self.operation.name}>"


@dataclass
class Task:
    """A job that is over, well or badly."""

    operation: Operation
    options: dict[str, Any]
    error: BaseException | None = None
    waited: bool = False

    def result(self) -> Done:
        self.waited = True
        if self.error:
            raise self.error
        return Done(self.operation)


@dataclass(frozen=True)
class Way:
    maker: str
    base_url: str
    free: bool
    keep_metadata: bool = False

    def check(self) -> None:
        """Any address will do here."""


class Desk:
    """A session without network or engine: notes what it is asked for and answers at once."""

    def __init__(self, home: Path) -> None:
        self.settings = Retouch()
        self.credentials = Credentials({}, keyring=lambda: None)
        self.home = home
        self.tasks: list[Task] = []
        self.fails_with: BaseException | None = None
        self.left: list[JobRow] = []
        self.rows = [
            JobRow("a1b2", "PicWish", "enhance", "running", 0.0, task_id="t-9"),
            JobRow("c3d4", "embedded engine", "inpaint", "running", 0.0),
        ]
        self.cached = 1_500_000

    def submit(self, operation: Operation, **options: Any) -> Task:
        self.tasks.append(Task(operation, options, self.fails_with))
        return self.tasks[-1]

    def jobs(self) -> JobTable:
        return JobTable(self.rows)

    def waiting(self) -> JobTable:
        return JobTable(self.left)

    def forget(self, job_id: str) -> str:
        (row,) = [row for row in self.rows if row.id == job_id]
        self.rows.remove(row)
        return row.task_id

    def resume(self, job_id: str, task_id: str = "") -> Task:
        if job_id not in {row.id for row in self.rows}:
            raise UnknownNameError.among(job_id, [row.id for row in self.rows], what="job")
        return Task(job_id, {})

    def route(self, operation: type[Operation] | Operation, provider: str | None = None) -> Way:
        service: Provider = operation.provider
        if provider in {"cloud", service.name}:
            return Way(service.title, service.base_url, free=False)
        return Way("embedded engine", "http://engine", free=True)

    def balance(self, provider: Provider) -> str:
        return "unknown"

    def cache_size(self) -> int:
        return self.cached

    def clear_cache(self) -> None:
        self.cached = 0
