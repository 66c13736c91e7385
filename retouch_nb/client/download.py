"""Fetching a result: without the key, into a file beside its place, believed only after it was looked at."""

import asyncio
import dataclasses
import hashlib
import os
import secrets
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from retouch_nb.client.journal import make_private
from retouch_nb.client.wire import Route, Wire, compose, contents, is_loopback, may_visit
from retouch_nb.contract import Call, Kind
from retouch_nb.errors import HomeError, PictureError, ProtocolError
from retouch_nb.layers.archive import check_zip
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import MOST_PIXELS, Photo, opened

MOST_REDIRECTS: Final = 5
MOST_BYTES: Final = 2_000_000_000
"""A ZIP with a dozen full-size layers of a large photo stays below."""

MOST_PICTURE: Final = 400_000_000
"""A picture is read into memory to be looked at."""

PARTIAL: Final = "partial-"
"""How the name of a file begins that is not known to be whole."""


@dataclass(frozen=True)
class Landed:
    """Bytes on disk under a passing name, not yet looked at."""

    path: Path
    digest: str
    size: int


@dataclass(frozen=True)
class Missed:
    """A result that did not come, or is not one; `gone` when the link itself was refused, `code` says with what."""

    why: str
    gone: bool = False
    code: str = "unusable"


@dataclass(frozen=True)
class Seen:
    """What bytes turned out to be: kind, ending of a file name, and the photo if they are one."""

    kind: Kind
    ending: str
    photo: Photo | None = None


async def download(
    wire: Wire,
    route: Route,
    call: Call,
    folder: Path,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
    most_bytes: int = MOST_BYTES,
) -> Landed | Missed:
    """Follow a result's link and stream what is there to disk.

    Parameters
    ----------
    wire : Wire
        Sends the requests.
    route : Route
        Where the task is; a path without host is there.
    call : Call
        The request for the result. The key is never added.
    folder : Path
        Where the passing file goes.
    progress : callable, optional
        Told the fraction that has arrived, where the size is known.
    most_bytes : int
        More than this is not taken.

    Returns
    -------
    Landed or Missed
        Whatever goes wrong at the other end is `Missed`.

    Raises
    ------
    HomeError
        The disk does not take it.
    """
    try:
        async with asyncio.timeout(wire.timeouts.download):
            return await _follow(wire, route, call, Landing(folder, progress, most_bytes))
    except HomeError:
        raise
    except Exception as error:  # transports of every kind
        return Missed(f"the download broke off ({type(error).__name__})")


async def _follow(wire: Wire, route: Route, call: Call, landing: "Landing") -> Landed | Missed:
    inside = route.transport is not None
    near = inside or is_loopback(httpx.URL(route.base_url).host)
    safe = dataclasses.replace(call, path=secured(call.path, inside=inside))
    request = compose(route, safe, secret=None, timeouts=wire.timeouts)
    for _ in range(1 + MOST_REDIRECTS):
        if not may_visit(request.url, inside=inside):
            return Missed("the link is not https")
        if is_loopback(request.url.host) and not near:
            return Missed("the link leads to this machine")
        async with wire.visit(route, request) as response:
            if not response.has_redirect_location:
                return await _taken(response, landing)
            target = request.url.join(response.headers["location"])
        if request.url.scheme == "https" and target.scheme != "https":
            return Missed("the link leads from https to http")
        request = httpx.Request("GET", target, extensions=request.extensions)
    return Missed(f"the link leads on more than {MOST_REDIRECTS} times")


async def _taken(response: httpx.Response, landing: "Landing") -> Landed | Missed:
    if response.status_code != 200:
        gone = response.status_code in {403, 404, 410}
        code = str(response.status_code)
        return Missed(f"the link answers with HTTP {code}", gone=gone, code=code)
    length = response.headers.get("content-length", "")
    coded = "content-encoding" in response.headers
    landing.expected = int(length) if length.isdecimal() and not coded else 0
    with landing:
        async for chunk in contents(response):
            landing.take(chunk)
            if landing.too_much:
                return Missed(f"the result has more than {landing.most_bytes / 1e6:,.0f} MB")
        if landing.size < landing.expected:
            return Missed("the download was cut short")
        return landing.finish()


def land(data: bytes, folder: Path) -> Landed:
    """Write a result that came inside an answer to disk, like one that was downloaded."""
    with Landing(folder) as landing:
        landing.take(data)
        return landing.finish()


class Landing:
    """A passing file that vanishes unless it was finished."""

    def __init__(
        self,
        folder: Path,
        progress: Callable[[float], None] = lambda fraction: None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.most_bytes = most_bytes
        self.expected = 0
        self.size = 0
        self._folder = folder
        self._path = folder / f"{PARTIAL}{secrets.token_hex(8)}"
        self._progress = progress
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        make_private(self._folder)
        with writing(self._path):
            self._file = self._path.open("xb")
        return self

    def __exit__(self, *error: object) -> None:
        if not self._file.closed:
            self._file.close()
            self._path.unlink(missing_ok=True)

    @property
    def too_much(self) -> bool:
        """More has come, or is announced, than is wanted."""
        return max(self.size, self.expected) > self.most_bytes

    def take(self, chunk: bytes) -> None:
        """Write what came next."""
        with writing(self._path):
            self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)
        if self.expected:
            self._progress(min(self.size / self.expected, 1.0))

    def finish(self) -> Landed:
        """Make it survive a power cut and keep it."""
        with writing(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        return Landed(self._path, self._digest.hexdigest(), self.size)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a full or read-only disk into our own words."""
    try:
        yield
    except OSError as error:
        raise HomeError(
            f"The result cannot be written to {path.parent}: {error.strerror or error}.",
            advice="Free some space, or see to the folder's rights.",
        ) from error


def secured(path: str, *, inside: bool) -> str:
    """Ask for a plain http link over https: object stores serve both, and what was paid for should not be lost.

    Examples
    --------
    >>> secured("http://results.example.org/a.jpg?sig=1", inside=False)
    'https://results.example.org/a.jpg?sig=1'
    """
    if inside or not path.startswith("http://"):
        return path
    url = httpx.URL(path)
    plain = url.port is None and not is_loopback(url.host)
    return str(url.copy_with(scheme="https")) if plain else path


STARTS: Final = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"PK\x03\x04", "zip"),
)


def sniff(head: bytes) -> str:
    """Tell a format by its first twelve bytes, as the ending of a file name; empty when it is none of ours.

    Examples
    --------
    >>> sniff(b"RIFF....WEBPVP8 "), sniff(b"PK" + bytes([3, 4])), sniff(b"<!doctype html>")
    ('webp', 'zip', '')
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((ending for start, ending in STARTS if head.startswith(start)), "")


def look(
    path: Path,
    kinds: Collection[Kind],
    *,
    known: bool = False,
    most_pixels: int = MOST_PIXELS,
) -> Seen | Missed:
    """See whether a file is what was asked for and whole, within the limits of `Photo.open`.

    Parameters
    ----------
    path : Path
        The file.
    kinds : collection of str
        What it may be: ``"picture"``, ``"zip"``.
    known : bool
        It was looked at before: its pixels need not be counted again.
    most_pixels : int
        A picture that says it has more is not decoded.
    """
    with path.open("rb") as file:
        ending = sniff(file.read(12))
    kind: Kind = "zip" if ending == "zip" else "picture"
    if not ending or kind not in kinds:
        return Missed(f"what came is no {' or '.join(kinds)}{_begins(path)}")
    if kind == "picture" and path.stat().st_size > MOST_PICTURE:
        return Missed(f"the picture has more than {MOST_PICTURE / 1e6:.0f} MB")
    if kind == "zip":
        return _zip_seen(path, ending, known=known, most_pixels=most_pixels)
    try:
        data = path.read_bytes()
        if too_many := _beyond(data, most_pixels):
            return Missed(too_many)
        photo = Photo.open(data)
        if photo.format == "PNG" and not known:
            _count_pixels(photo.data)
        return Seen(kind, ending, photo)
    except PictureError as error:
        return Missed(f"the picture that came is unusable: {error.what.rstrip('.')}")


def _zip_seen(path: Path, ending: str, *, known: bool, most_pixels: int) -> Seen | Missed:
    if not zipfile.is_zipfile(path):
        return Missed("the ZIP is cut short")
    try:
        if not known:
            check_zip(path, most_pixels=most_pixels)
    except ProtocolError as error:
        return Missed(f"the ZIP that came is unusable: {error.what.rstrip('.')}")
    return Seen("zip", ending)


def _beyond(data: bytes, most_pixels: int) -> str:
    """Say by how much a picture is too large, by its head alone: sixty bytes may stand for a gigabyte."""
    with opened(data) as image:
        width, height = image.size
    return f"the picture has {width} x {height} pixels" if width * height > most_pixels else ""


def _count_pixels(data: bytes) -> None:
    """Raise `PictureError` where a PNG has fewer pixels than it says, which its checksums do not show."""
    png = Png.open(data)
    for _ in png.strips(png.rows_at_once):
        pass


def _begins(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(40)
    return f"; it begins with {head.decode('utf-8', 'replace')!r}" if head.isascii() else ""
