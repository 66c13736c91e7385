"""Results on disk, in a private folder that goes with its engine; a crashed engine's folder goes with the next one.

A folder is claimed by a lock on a file in it, and the system drops the lock of a process that dies, whatever killed
it. Windows has no such lock: there a crash leaves its folder to the system's own cleaning.
"""

import contextlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PREFIX = "retouch-nb-engine-"
CLAIM = "claim"


@dataclass(frozen=True)
class Product:
    """What a task made: a file, and what there is to say about it."""

    data: bytes = field(repr=False)
    media_type: str
    suffix: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A product on disk, under a name that cannot be guessed."""

    path: Path
    media_type: str
    size: int
    facts: Mapping[str, object]


class Store:
    """Results by name.

    Parameters
    ----------
    parent : Path, optional
        Where the private folder is made, at the first result; the system's temporary folder when left out.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent or Path(tempfile.gettempdir())
        self._folder: Path | None = None
        self._claim: IO[bytes] | None = None
        self._stored: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes held."""
        with self._lock:
            return sum(stored.size for stored in self._stored.values())

    def put(self, product: Product) -> Stored:
        """Write a product; `OSError` when the disk will not have it or the store is closed."""
        with self._lock:
            path = self._home() / (secrets.token_urlsafe(24) + product.suffix)
        path.write_bytes(product.data)
        stored = Stored(path, product.media_type, len(product.data), product.facts)
        with self._lock:
            self._stored[path.name] = stored
        return stored

    def find(self, name: str) -> Stored | None:
        """Look a result up by the name in its link."""
        with self._lock:
            return self._stored.get(name)

    def drop(self, stored: Stored) -> None:
        """Forget a result and its file."""
        with self._lock:
            self._stored.pop(stored.path.name, None)
        with contextlib.suppress(OSError):
            stored.path.unlink()

    def close(self) -> None:
        """Remove the folder and all that is in it, and take no more."""
        with self._lock:
            self._closed = True
            self._stored.clear()
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._claim:
                self._claim.close()

    def _home(self) -> Path:
        if self._closed:
            raise OSError("the store is closed")
        if self._folder is None:
            clear_abandoned(self._parent)
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
            self._claim = claim(self._folder)
        return self._folder


def claim(folder: Path) -> IO[bytes] | None:
    """Hold a folder for as long as the returned file is open."""
    if sys.platform == "win32":
        return None
    import fcntl

    # Locked before it has its name: nobody finds a claim that is not held yet.
    unclaimed = folder / "unclaimed"
    file = unclaimed.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unclaimed.rename(folder / CLAIM)
    return file


def clear_abandoned(parent: Path) -> None:
    """Remove the folders whose engines died without doing so."""
    if sys.platform == "win32":
        return
    import fcntl

    for path in parent.glob(f"{PREFIX}*/{CLAIM}"):
        if not _is_mine(path):
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


def _is_mine(path: Path) -> bool:
    """Tell whether a claim is a file of ours: the folder it lies in is open to all users, who may put traps there."""
    with contextlib.suppress(OSError):
        status = path.lstat(), path.parent.lstat()
        mine = all(each.st_uid == os.getuid() for each in status)
        return mine and stat.S_ISREG(status[0].st_mode) and stat.S_ISDIR(status[1].st_mode)
    return False
