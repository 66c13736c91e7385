"""Results on disk. The name of a file is its identity: which request it answers, and the hash of its own bytes.

So the folder is the index, a broken file gives itself away, and processes need no agreement to share it.
"""

import hashlib
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch_nb.client.download import PARTIAL, Landed, Missed, Seen, look, writing
from retouch_nb.client.journal import make_private
from retouch_nb.contract import Kind
from retouch_nb.errors import HomeError
from retouch_nb.photo import Photo

ROOM: Final = 50_000_000
"""Free bytes below which nothing is begun whose result could not be kept."""

ABANDONED: Final = 86_400
"""Seconds after which a file that never became whole is removed."""


LOOK_AFTER: Final = 0.01
"""How much of the cache's size may be put into it before it is looked through: its size is kept to a hundredth."""

ANY: Final[tuple[Kind, ...]] = ("picture", "zip")


@dataclass(frozen=True)
class Kept:
    """A result that was looked at and lies in the cache.

    Attributes
    ----------
    path : Path
        Where.
    digest : str
        SHA-256 of its bytes.
    kind : str
        ``"picture"`` or ``"zip"``.
    photo : Photo or None
        The picture, opened.
    """

    path: Path
    digest: str
    kind: Kind
    photo: Photo | None


class Cache:
    """Keeps results until the folder is full; then those that were not used for longest go.

    Parameters
    ----------
    folder : Path
        Where the files are.
    most_bytes : int
        How much they may take. The newest stays in any case.
    clock : callable
        Unix seconds.
    room : callable
        Gives the free bytes of the disk of a folder.

    Examples
    --------
    >>> import tempfile
    >>> cache = Cache(Path(tempfile.mkdtemp()) / "cache")
    >>> cache.get("f00d"), cache.size()
    (None, 0)
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int = 2_000_000_000,
        clock: Callable[[], float] = time.time,
        room: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._clock = clock
        self._room = room
        self._unlooked = math.inf

    def get(self, identity: str, *, digest: str = "*") -> Kept | None:
        """Find the result of a request, the newest or the one with this digest; a broken one is dropped."""
        found = sorted(self._files_of(identity, digest), key=_written, reverse=True)
        return next(filter(None, map(self._checked, found)), None)

    def find(self, identity: str) -> Path | None:
        """Give the newest file of a request without looking into it."""
        return max(self._files_of(identity), key=_written, default=None)

    def put(self, identity: str, landed: Landed, seen: Seen) -> Kept:
        """Move a result that was looked at to its place and make room for it."""
        target = self._shelf(identity) / f"{identity}.{landed.digest}.{seen.ending}"
        with writing(target):
            make_private(target.parent)
            landed.path.replace(target)
        self._touch(target)
        self._unlooked += landed.size
        if self._unlooked >= LOOK_AFTER * self.most_bytes:
            self._unlooked = 0
            self._evict(spare=target)
            self._sweep()
        return Kept(target, landed.digest, seen.kind, seen.photo)

    def check_room(self) -> None:
        """Refuse to begin what could not be kept.

        Raises
        ------
        HomeError
            The disk is full.
        """
        make_private(self.folder)
        free = self._room(self.folder)
        if free < ROOM:
            raise HomeError(
                f"The disk of {self.folder} has only {free / 1e6:,.0f} MB left.",
                advice="Nothing was sent. Free some space, or set RETOUCH_NB_HOME to another disk.",
            )

    def size(self) -> int:
        """Give the bytes that all results take."""
        return sum(status.st_size for _, status in self._files())

    def clear(self) -> None:
        """Remove all results. What was paid within the service's own time can still be fetched again.

        Raises
        ------
        HomeError
            The folder does not let go of one.
        """
        for path, _ in self._files():
            with writing(path):
                path.unlink(missing_ok=True)

    def _checked(self, path: Path) -> Kept | None:
        """Read a result; one whose bytes are not those of its name is removed."""
        _, digest, _ = path.name.split(".")
        with suppress(OSError):
            seen = look(path, ANY, known=True) if _hash(path) == digest else Missed("broken")
            if isinstance(seen, Seen):
                self._touch(path)
                return Kept(path, digest, seen.kind, seen.photo)
            path.unlink(missing_ok=True)
        return None

    def _touch(self, path: Path) -> None:
        """Note that it was used now; when it was written stays."""
        with suppress(OSError):
            os.utime(path, (self._clock(), path.stat().st_mtime))

    def _shelf(self, identity: str) -> Path:
        """Give the folder of a request: a folder of a hundred thousand files takes long to look through."""
        return self.folder / identity[:2]

    def _files_of(self, identity: str, digest: str = "*") -> list[Path]:
        """List the results of a request, without the patterns of a glob, which Python keeps hundreds of."""
        begin = f"{identity}." if digest == "*" else f"{identity}.{digest}."
        with suppress(OSError):
            return [
                Path(entry.path)
                for entry in os.scandir(self._shelf(identity))
                if entry.name.startswith(begin)
                and entry.name.count(".") == 2  # else somebody's copy
            ]
        return []

    def _evict(self, *, spare: Path) -> None:
        if self.size() <= self.most_bytes:
            return
        files = sorted(self._files(), key=lambda file: file[1].st_atime)
        excess = sum(status.st_size for _, status in files) - self.most_bytes
        for path, status in files:
            if excess > 0 and path != spare:
                with suppress(OSError):  # one that is held must not cost the one that just came
                    path.unlink(missing_ok=True)
                    excess -= status.st_size

    def _sweep(self) -> None:
        """Remove what a killed process left half written."""
        for path in self.folder.glob(f"{PARTIAL}*"):
            with suppress(OSError):
                if path.stat().st_mtime < self._clock() - ABANDONED:
                    path.unlink()

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """List the results; not what is still arriving."""
        for path in self.folder.glob("*/*.*.*"):
            with suppress(OSError):  # another process may have just removed it
                yield path, path.stat()


def _written(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
