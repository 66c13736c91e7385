"""A service's ZIP of layers, read with suspicion: nothing is written to disk, nothing is believed.

The idea: what cannot be an honest answer (slip paths, links, impossible sizes) is refused as a
whole; what is merely unknown is kept, or left out with a note.
"""

import io
import json
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from retouch_nb.errors import PictureError, ProtocolError, RetouchError
from retouch_nb.layers.pngrows import SIGNATURE, Png

MOST_ENTRIES = 256
MOST_JSON = 8_000_000
MOST_DIRECTORY = 1_000_000
"""Bytes; an entry takes 46 and its name."""

MOST_UNPACKED = 20
"""How many times its size a ZIP may unpack to, above `FREELY`: PNGs are packed already."""

LONGEST_NAME = 255
FREELY = 200_000_000
SMALL = 4_000_000
"""Pixels any layer may have, however small the photo: patches have a size of their own."""

_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What Python's zipfile raises on damaged archives."""

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class File(NamedTuple):
    """One picture of the archive: its base name and its PNG, header checked."""

    name: str
    png: Png


@dataclass(frozen=True)
class Archive:
    """What was read: pictures in the order of the ZIP, ``result.json``, and what was left out."""

    files: tuple[File, ...]
    result: dict[str, Any]
    notes: tuple[str, ...]


def read_zip(source: bytes | str | os.PathLike[str], *, most_pixels: int) -> Archive:
    """Read a ZIP of layers.

    Parameters
    ----------
    source : bytes or path
        The archive.
    most_pixels : int
        Pixels of the photo: no layer may have more, and none may unpack to more than they can
        take.

    Raises
    ------
    ProtocolError
        Not a ZIP, broken, or built to do harm.
    PictureError
        The file cannot be read.
    """
    with _trusted(source, most_pixels) as archive:
        return _read(archive, most_pixels)


def check_zip(source: bytes | str | os.PathLike[str], *, most_pixels: int) -> None:
    """Read a ZIP to its end without keeping anything: raises as `read_zip` where a byte of it is damaged.

    A damaged one that was kept would be handed out again, where the service would send it once more for nothing.
    """
    with _trusted(source, most_pixels) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as content:
                while content.read(1_000_000):
                    pass


@contextmanager
def _trusted(source: bytes | str | os.PathLike[str], most_pixels: int) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP whose list of entries could be an honest one; whatever breaks is one error."""
    try:
        with _opened(source) as file:
            modest = _Modest(file)
            with zipfile.ZipFile(modest) as archive:
                modest.most = math.inf
                _check_entries(archive, most_pixels)
                yield archive
    except RetouchError:
        raise
    except _BROKEN as error:
        raise refused(f"The ZIP of layers is broken: {error}.") from error


class _Modest:
    """A file that gives no more at once than an honest directory takes: zipfile reads it whole before anybody can count."""

    def __init__(self, file: IO[bytes]) -> None:
        self.most: float = MOST_DIRECTORY
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close
        self.seekable = file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > self.most:
            raise refused(f"The ZIP has a directory of {count / 1e6:,.0f} MB.")
        return self._file.read(count)


def _opened(source: bytes | str | os.PathLike[str]) -> IO[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    path = Path(source).expanduser()
    try:
        return path.open("rb")
    except OSError as error:
        raise PictureError(f"Cannot read {str(source)!r}: {error.strerror or error}.") from error


def _check_entries(archive: zipfile.ZipFile, most_pixels: int) -> None:
    _check_names(archive.infolist())
    files = _files(archive)
    # 16-bit RGBA has 8 bytes a pixel.
    _check_sizes(files, max(most_pixels, SMALL) * 10 + 1_000_000)
    _check_total(files, archive.start_dir)


def _files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [entry for entry in archive.infolist() if not entry.is_dir()]


def _read(archive: zipfile.ZipFile, most_pixels: int) -> Archive:
    pictures: list[File] = []
    notes: list[str] = []
    result: dict[str, Any] = {}
    for file in _files(archive):
        name = PurePosixPath(file.filename).name
        if name.startswith(".") or "__MACOSX" in file.filename:
            continue
        data = _content(archive, file)
        if name.lower() == "result.json":
            result, unread = _parsed(data)
            notes += unread
        elif data[:8] == SIGNATURE:
            pictures.append(File(name, _png(name, data, max(most_pixels, SMALL))))
        else:
            _check_harmless(name, data)
            notes.append(f"{name!r} is not a PNG and was left out.")
    return Archive(tuple(pictures), result, tuple(notes))


def _check_names(files: Sequence[zipfile.ZipInfo]) -> None:
    if len(files) > MOST_ENTRIES:
        raise refused(f"The ZIP has {len(files)} entries; at most {MOST_ENTRIES} are read.")
    seen = set()
    for file in files:
        name = file.orig_filename
        if len(name) > LONGEST_NAME:
            raise refused(f"The ZIP has an entry whose name has {len(name)} characters.")
        path = PurePosixPath(name)
        slips = path.is_absolute() or ".." in path.parts or re.search(r"[\\:\x00-\x1f]", name)
        if slips or not path.parts:
            raise refused(f"The ZIP has an entry with the path {name!r}.")
        if stat.S_ISLNK(file.external_attr >> 16):
            raise refused(f"The ZIP has a symbolic link, {name!r}.")
        if file.flag_bits & 1:
            raise refused(f"The ZIP entry {name!r} is encrypted.")
        if file.compress_type not in _METHODS:
            raise refused(f"The ZIP entry {name!r} is packed with method {file.compress_type}.")
        if name.casefold() in seen:
            raise refused(f"The ZIP has the entry {name!r} twice.")
        seen.add(name.casefold())


def _check_sizes(files: Sequence[zipfile.ZipInfo], most_bytes: int) -> None:
    """Refuse what unpacks to more than its pixels can take, and entries that share bytes."""
    end = 0
    for file in sorted(files, key=lambda file: file.header_offset):
        if file.file_size > most_bytes:
            raise refused(
                f"The ZIP entry {file.filename!r} unpacks to {file.file_size / 1e6:,.0f} MB; "
                f"a layer of this photo has at most {most_bytes / 1e6:,.0f} MB."
            )
        if file.header_offset < end:
            raise refused(f"The ZIP entry {file.filename!r} overlaps another.")
        end = file.header_offset + file.compress_size


def _check_total(files: Sequence[zipfile.ZipInfo], packed: int) -> None:
    """Refuse many entries that are each of a possible size and together of none."""
    unpacked = sum(file.file_size for file in files)
    if unpacked > FREELY + MOST_UNPACKED * packed:
        raise refused(f"The ZIP of {packed / 1e6:,.1f} MB unpacks to {unpacked / 1e6:,.0f} MB.")


def _content(archive: zipfile.ZipFile, file: zipfile.ZipInfo) -> bytes:
    """Unpack one entry; zipfile stops at the declared size and checks the CRC."""
    limit = MOST_JSON if file.filename.lower().endswith(".json") else file.file_size
    if file.file_size > limit:
        raise refused(
            f"The ZIP entry {file.filename!r} has {file.file_size / 1e6:,.0f} MB of JSON."
        )
    return archive.read(file)


def _parsed(data: bytes) -> tuple[dict[str, Any], list[str]]:
    try:
        result = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}, [
            "result.json cannot be read; nothing is known about the layers but their names."
        ]
    return (result, []) if isinstance(result, dict) else ({}, ["result.json holds no object."])


def _png(name: str, data: bytes, most_pixels: int) -> Png:
    try:
        png = Png.open(data)
    except PictureError as error:
        raise refused(f"The layer {name!r} cannot be read: {error}") from error
    if png.size[0] * png.size[1] > most_pixels:
        raise refused(
            f"The layer {name!r} has {png.size[0]} x {png.size[1]} pixels, more than the photo."
        )
    return png


def _check_harmless(name: str, data: bytes) -> None:
    if data.startswith(_ARCHIVES):
        raise refused(f"The ZIP holds another archive, {name!r}.")
    if name.lower().endswith(".png"):
        raise refused(f"The layer {name!r} is not a PNG.")


def refused(what: str) -> ProtocolError:
    """Make the error for an answer that is not trusted."""
    return ProtocolError(what, advice="Nothing was unpacked. Fetch the result again.")
