"""Files here and behind fsspec's addresses: listed in a fixed order, stamped, and read when their turn comes."""

import math
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from retouch_nb.errors import MissingExtraError, PictureError
from retouch_nb.photo import is_link

ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""What counts as a picture in a folder; a glob or a list may name anything."""

UNREAD: Final = frozenset(
    f".{ending}"
    for ending in "heic heif avif jxl jp2 gif psd dng cr2 cr3 nef arw orf raf rw2".split()  # noqa: SIM905
)
"""Pictures that no service takes as they are: left out of a folder, but not without a word."""

_CHANGES: Final = (
    "ETag",
    "etag",
    "md5Hash",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
)
"""What file systems of fsspec call the sign that a file has changed."""


@dataclass(frozen=True)
class File:
    """A file behind an address such as ``s3://bucket/cat.jpg``; only its address travels."""

    url: str

    def read(self) -> bytes:
        """Fetch it whole.

        Raises
        ------
        PictureError
            It is not there, or may not be read.
        MissingExtraError
            Its kind of address needs a library that is not installed.
        """
        system, path = file_system(self.url)
        try:
            return bytes(system.cat_file(path))
        except (OSError, ValueError) as error:
            raise unreadable(self.url, error) from error


def unreadable(place: str, error: Exception) -> PictureError:
    """Say that a file cannot be read."""
    reason = "it does not exist" if isinstance(error, FileNotFoundError) else str(error)
    return PictureError(f"Cannot read {place!r}: {reason}.", advice="Nothing was sent.")


def is_remote(place: str) -> bool:
    """Tell an address from a path."""
    return "://" in place


def located(place: str) -> "str | File":
    """Give what opens: a path or a web address as it is, else a `File`."""
    return File(place) if is_remote(place) and not is_link(place) else place


def file_system(url: str) -> tuple[Any, str]:
    """Give fsspec's file system of an address, and the path on it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtraError.of(
            "data", "fsspec", f"photos behind addresses like {url}"
        ) from None
    try:
        system, path = url_to_fs(url)
    except ImportError as error:  # each kind of address has its own library
        raise MissingExtraError(f"{url} cannot be opened: {error}.") from error
    except ValueError as error:
        raise PictureError(
            f"{url!r} is no address that can be read: {str(error).rstrip('.')}."
        ) from error
    return system, path


def stamp_of(path: Path) -> str:
    """Give what changes when a local file does: size and time of writing; empty when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def remote_files(url: str, *, glob: bool) -> list[tuple[str, str]]:
    """List the files below an address, or those that a pattern matches: address and stamp, sorted."""
    system, path = file_system(url)
    found = system.glob(path, detail=True) if glob else system.find(path, detail=True)
    return sorted(
        (system.unstrip_protocol(name), _stamp(facts))
        for name, facts in found.items()
        if facts.get("type") != "directory" and (glob or is_picture(name))
    )


def _stamp(facts: Mapping[str, Any]) -> str:
    change = next((str(facts[key]) for key in _CHANGES if facts.get(key)), "")
    return f"{facts.get('size')}-{change}" if change else ""


def local_files(folder: Path, *, skip: Path, endings: Collection[str] = ENDINGS) -> Iterator[Path]:
    """Walk a folder and those in it by name, without hidden ones and without `skip`; files of these endings only.

    A link that leads back into a folder above it is not followed.

    Raises
    ------
    PictureError
        A folder may not be read.
    """
    return _walked(folder, frozenset({skip}), endings)


def _walked(folder: Path, closed: frozenset[Path], endings: Collection[str]) -> Iterator[Path]:
    closed |= {folder.resolve()}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(str(folder), error) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_dir():
            if path.resolve() not in closed:
                yield from _walked(path, closed, endings)
        elif is_picture(entry.name, endings):
            yield path


def is_picture(name: str, endings: Collection[str] = ENDINGS) -> bool:
    """Tell by the ending."""
    return PurePosixPath(name).suffix.lower() in endings


def material(value: Any, called: str) -> Any:
    """Give what opens as a photo or a mask, fetched where it lies elsewhere.

    Data sets keep a picture as ``{"bytes": ..., "path": ...}`` with one of the two.

    Raises
    ------
    PictureError
        There is nothing.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str):
        value = located(value)
    if isinstance(value, File):
        return value.read()
    if is_missing(value):
        raise PictureError(f"There is no {called}.", advice="Nothing was sent.")
    return value


def is_missing(value: Any) -> bool:
    """Tell what tables write where there is nothing: None, NaN, and pandas' own words for it.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing("cat.jpg")
    (True, True, False)
    """
    nan = isinstance(value, float) and math.isnan(value)
    return value is None or nan or type(value).__name__ in {"NAType", "NaTType"}


def place_of(value: Any) -> str:
    """Give the path or address that a value names, empty where it names none.

    Examples
    --------
    >>> place_of({"bytes": b"...", "path": "cat.jpg"}), place_of(b"...")
    ('cat.jpg', '')
    """
    match value:
        case File(url=url):
            return url
        case str() | os.PathLike():
            return os.fspath(value)
        case Mapping():
            return str(value.get("path") or "")
        case _:
            return str(getattr(value, "filename", "") or "")
