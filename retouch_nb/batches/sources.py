"""Photos from anywhere, one at a time: a source is walked and never loaded.

An `Item` only says where a photo is and what it is called; whoever works on it opens it, here or on another machine.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from PIL import Image

from retouch_nb.batches.masks import MaskRule, Pattern, load, of_value, one_each, rule
from retouch_nb.batches.places import (
    UNREAD,
    is_remote,
    local_files,
    located,
    material,
    place_of,
    remote_files,
    stamp_of,
)
from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.photo import HasPhoto, Link, Photo, open_photo

_MAGIC: Final = re.compile(r"[*?\[]")
_UNFIT: Final = re.compile(r"[^\w.,()+@&=-]+")
LONGEST_NAME: Final = 120


@dataclass(frozen=True)
class Item:
    """One photo to be worked on, not opened yet.

    Attributes
    ----------
    key : str
        Where it is, in words: path, address, or ``row 17``; the same in every call for the same photo.
    name : str
        What its result is to be called, without ending; may begin with folders.
    photo, mask : object
        What opens as a photo and as its mask.
    stamp : str
        Changes when the content does; empty where only reading it would tell.
    path : Path or None
        The local file, where it is one.
    """

    key: str
    name: str
    photo: Any = field(repr=False)
    mask: Any = field(default=None, repr=False)
    stamp: str = ""
    path: Path | None = None

    def open(self) -> "tuple[Photo | Link, Any]":
        """Open the photo, and give what opens as its mask.

        Raises
        ------
        PictureError
            There is none, or it cannot be read.
        """
        photo = open_photo(material(self.photo, "photo"))
        if isinstance(photo, Photo):
            photo = replace(photo, name=PurePosixPath(self.name).name)
        return photo, load(self.mask, photo)


@dataclass(frozen=True)
class Source:
    """Where photos come from.

    Attributes
    ----------
    walk : callable
        Begins anew and gives the items, in an order that stays the same.
    count : int or None
        How many there are, where that is known before walking.
    once : bool
        It can be walked a single time: an iterator.
    note : str
        What was left out, a sentence.
    """

    walk: Callable[[], Iterator[Item]] = field(repr=False)
    count: int | None = None
    once: bool = False
    note: str = ""


def find_photos(photos: Any, *, column: str | None = None, masks: Any = None, out: Path) -> Source:
    """Find out what `photos` is and how to walk it.

    Parameters
    ----------
    photos : object
        Folder, glob, fsspec URL, table with `column`, column, list, mapping of names, or anything that iterates to photos.
    column : str, optional
        Which column of a table.
    masks : object, optional
        One for all, a pattern, a function, a column's name, or one each.
    out : Path
        Where results go; never looked into for photos.

    Raises
    ------
    PictureError
        There is nothing there.
    ParameterError, UnknownNameError
        It cannot be walked; there is no such column.

    Examples
    --------
    >>> found = find_photos([b"...", b"..."], out=Path("results"))
    >>> found.count, [item.key for item in found.walk()]
    (2, ['row 0', 'row 1'])
    """
    _check_rows(photos)
    if _is_named(photos) and column is None:
        return _from_mapping(photos, masks)
    if _is_named(masks):
        raise ParameterError(
            "Masks by name are for photos by name.",
            advice="Nothing was sent. Pass a list in the order of the photos, a pattern, or a function.",
        )
    names = column_names(photos)
    if column is not None and names is None:
        raise ParameterError(
            f"column={column!r} is for tables, and photos is a {type(photos).__name__}.",
            advice="Nothing was sent. Pass the table as photos, or leave column out.",
        )
    if names is not None:
        return _from_table(photos, _chosen(names, column), names, masks)
    if isinstance(photos, str | os.PathLike):
        return _from_place(os.fspath(photos), rule(masks), out.resolve())
    return _from_values([photos] if _is_one(photos) else photos, masks)


def column_names(photos: Any) -> list[str] | None:
    """Give the columns of a table of pandas, polars, pyarrow or datasets; None for anything else."""
    names = getattr(photos, "column_names", None)
    if names is None:
        names = getattr(photos, "columns", None)
    known = isinstance(names, Iterable) and not isinstance(names, str)
    return [str(name) for name in names] if known else None  # type: ignore[union-attr]


def clean(name: str) -> str:
    """Make a file name that every system takes, and that can still be read.

    Examples
    --------
    >>> clean("Größe: 3 × 4?"), clean("..")
    ('Größe_3_4_', 'photo')
    """
    plain = _UNFIT.sub("_", unicodedata.normalize("NFC", name)).strip(". ")
    return plain[:LONGEST_NAME] or "photo"


def _chosen(names: Sequence[str], column: str | None) -> str:
    if column is None and len(names) == 1:
        return names[0]
    if column is None:
        raise ParameterError(
            "Which column holds the photos?",
            advice=f"Nothing was sent. Pass column=...: {', '.join(names)}.",
        )
    if column not in names:
        raise UnknownNameError.among(column, names, what="column", advice="Nothing was sent.")
    return column


def _from_table(table: Any, column: str, names: Sequence[str], masks: Any) -> Source:
    count = _length(table)
    if isinstance(masks, str) and masks in names:
        _check_some(count)
        return Source(lambda: _each(_rows(table, [column, masks])), count)
    values = _Column(table, column)
    return _from_values(values, masks, count=count)


@dataclass(frozen=True)
class _Column:
    """A column of a table, walked anew each time."""

    table: Any
    name: str

    def __iter__(self) -> Iterator[Any]:
        return (value for (value,) in _rows(self.table, [self.name]))


def _rows(table: Any, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """Walk some columns; a data set that decodes pictures as it is walked decodes no others."""
    if hasattr(table, "select_columns"):
        return (tuple(row[name] for name in names) for row in table.select_columns(names))
    return zip(*(table[name] for name in names), strict=True)


def _from_values(values: Any, masks: Any, *, count: int | None = None) -> Source:
    if not isinstance(values, Iterable):
        raise ParameterError(
            f"A {type(values).__name__} is not a set of photos.",
            advice="Nothing was sent. Pass a folder, a glob, a list, a column, or a table and its column=....",
        )
    count = _length(values) if count is None else count
    _check_some(count)
    if one_each(masks):
        _check_as_many(count, _length(masks))
        return Source(lambda: _each(zip(values, masks, strict=True)), count, values is iter(values))
    return Source(partial(_all, values, rule(masks)), count, values is iter(values))


def _check_rows(photos: Any) -> None:
    """Refuse what holds tables, or will be one."""
    kind = type(photos)
    if hasattr(kind, "collect") and hasattr(kind, "columns"):
        raise ParameterError(
            f"A {kind.__name__} has no rows yet.",
            advice="Nothing was sent. Pass photos.collect().",
        )
    if isinstance(photos, Mapping) and hasattr(kind, "column_names"):
        parts = ", ".join(map(repr, photos))
        raise ParameterError(
            f"A {kind.__name__} holds several tables: {parts}.",
            advice="Nothing was sent. Pass one of them: photos[...].",
        )


def _is_named(given: Any) -> bool:
    """Tell a mapping of names from a picture as data sets keep it."""
    return isinstance(given, Mapping) and not {"bytes", "path"} & set(given)


def _from_mapping(photos: Mapping[Any, Any], masks: Any) -> Source:
    """Walk photos by their names, which their results get too; masks by the same names go with them."""
    _check_some(len(photos))
    if _is_named(masks) and set(masks) != set(photos):
        raise ParameterError(
            "Photos and masks have other names.", advice="Nothing was sent. Give each photo's mask."
        )
    of = rule(None if _is_named(masks) else masks)

    def walk() -> Iterator[Item]:
        for name, value in photos.items():
            mask, _ = of_value(masks[name]) if _is_named(masks) else of.choose(place_of(value))
            yield Item(str(name), clean(str(name)), value, mask)

    return Source(walk, len(photos))


def _check_as_many(photos: int | None, masks: int | None) -> None:
    if photos is not None and masks is not None and photos != masks:
        raise ParameterError(
            f"There are {photos} photos and {masks} masks.",
            advice="Nothing was sent. Give one mask a photo, one for all, or a rule.",
        )


def _check_some(count: int | None) -> None:
    if count == 0:
        raise PictureError("There are no photos in it.", advice="Nothing was sent.")


def _length(values: Any) -> int | None:
    try:
        return len(values)
    except TypeError:
        return None


def _is_one(photos: Any) -> bool:
    """Tell a single photo from a set of them."""
    if isinstance(photos, np.ndarray):
        return photos.dtype.kind in "uifb" and photos.ndim < 4
    return isinstance(photos, bytes | bytearray | dict | Image.Image | HasPhoto | Link)


def _each(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Item]:
    for index, (value, mask) in enumerate(pairs):
        yield _row_item(index, _plain(value), of_value(_plain(mask)))


def _all(values: Iterable[Any], masks: MaskRule) -> Iterator[Item]:
    for index, value in enumerate(map(_plain, values)):
        yield _row_item(index, value, masks.choose(place_of(value)))


def _plain(value: Any) -> Any:
    """Take a value out of pyarrow's wrapping."""
    return value.as_py() if hasattr(value, "as_py") else value


def _row_item(index: int, value: Any, chosen: tuple[Any, str]) -> Item:
    """Name one value after its file where it has one, else after its row."""
    place = place_of(value)
    if place and isinstance(value, str | os.PathLike):
        return _file_item(place, PurePosixPath(place.replace(os.sep, "/")).stem, chosen)
    name = PurePosixPath(place).stem or getattr(value, "name", "")
    named = name if isinstance(name, str) and name not in {"", "photo"} else f"{index:06d}"
    return Item(f"row {index}", clean(named), value, chosen[0])


def _file_item(place: str, name: str, chosen: tuple[Any, str], *, stamp: str = "") -> Item:
    path = None if is_remote(place) else Path(place).expanduser()
    own = stamp_of(path) if path else stamp
    mask, mask_stamp = chosen
    parts = [clean(part) for part in name.split("/") if part not in {"", ".."}]
    return Item(
        place,
        "/".join(parts) or "photo",
        located(place),
        mask,
        f"{own} {mask_stamp}" if own and mask_stamp else "",
        path,
    )


def _from_place(place: str, masks: MaskRule, out: Path) -> Source:
    wanted = _MAGIC.search(place) is not None
    if is_remote(place):
        return _from_remote(place, masks, wanted=wanted)
    path = Path(place).expanduser()
    if wanted and not path.exists():
        return _from_glob(path, masks, out)
    if path.is_dir():
        return _from_folder(path, masks, out)
    if path.is_file():
        return Source(lambda: iter([_file_item(str(path), path.stem, masks.choose(str(path)))]), 1)
    raise PictureError(
        f"There is no folder or file {place!r}.",
        advice="Nothing was sent. The path is relative to the notebook's folder.",
    )


def _from_folder(folder: Path, masks: MaskRule, out: Path) -> Source:
    if folder.resolve() == out:
        raise _same_folder(folder)
    note = _left_out(folder, out)
    found = _from_files(
        lambda: (
            (str(path), _without_ending(path.relative_to(folder)), "")
            for path in local_files(folder, skip=out)
        ),
        masks,
        " ".join(
            filter(None, [f"The folder {str(folder)!r} has no pictures that can be used.", note])
        ),
    )
    return replace(found, note=note)


def _left_out(folder: Path, out: Path) -> str:
    """Name the pictures of a folder that are no photos to us, by their endings."""
    endings = Counter(path.suffix.lower() for path in local_files(folder, skip=out, endings=UNREAD))
    words = ", ".join(f"{n:,} {ending}" for ending, n in sorted(endings.items()))
    return f"Left out, for no service takes them as they are: {words}." if words else ""


def _from_glob(pattern: Path, masks: MaskRule, out: Path) -> Source:
    at = next(i for i, part in enumerate(pattern.parts) if _MAGIC.search(part))
    base = Path(*pattern.parts[:at])
    if base.resolve() == out:
        raise _same_folder(base)
    matching = base.glob(str(Path(*pattern.parts[at:])))
    found = sorted(path for path in matching if _is_open(path, base, out))
    return _from_files(
        lambda: ((str(path), _without_ending(path.relative_to(base)), "") for path in found),
        masks,
        f"Nothing matches {str(pattern)!r}.",
    )


def _is_open(path: Path, base: Path, out: Path) -> bool:
    """Tell a file that was meant from folders, hidden files, and results of our own."""
    hidden = any(part.startswith(".") for part in path.relative_to(base).parts)
    return not hidden and path.is_file() and out not in path.resolve().parents


def _without_ending(path: PurePosixPath | Path) -> str:
    return path.with_suffix("").as_posix()


def _from_remote(url: str, masks: MaskRule, *, wanted: bool) -> Source:
    try:
        found = remote_files(url, glob=wanted)
    except (OSError, ValueError) as error:
        raise PictureError(
            f"{url} cannot be listed: {error}.", advice="Nothing was sent."
        ) from error
    base = "" if wanted else url.rstrip("/") + "/"
    return _from_files(
        lambda: ((file, _below(file, base), stamp) for file, stamp in found),
        masks,
        f"Nothing matches {url!r}." if wanted else f"{url} has no pictures.",
    )


def _below(url: str, base: str) -> str:
    """Name a file after its place below the address that was given."""
    rest = url.partition(base.partition("://")[2].lstrip("/"))[2] if base else ""
    return _without_ending(PurePosixPath(rest or PurePosixPath(url).name))


def _from_files(
    files: Callable[[], Iterable[tuple[str, str, str]]], masks: MaskRule, otherwise: str
) -> Source:
    """Make items of files, given as place, name and stamp; what is a mask by its name is no photo."""

    def photos() -> Iterator[tuple[str, str, str]]:
        return (
            file for file in files() if not (isinstance(masks, Pattern) and masks.is_mask(file[0]))
        )

    count = sum(1 for _ in photos())
    if not count:
        raise PictureError(otherwise, advice="Nothing was sent.")
    return Source(
        lambda: (
            _file_item(place, name, masks.choose(place), stamp=stamp)
            for place, name, stamp in photos()
        ),
        count,
    )


def _same_folder(folder: Path) -> ParameterError:
    return ParameterError(
        f"out is the folder of the photos, {str(folder)!r}.",
        advice="Nothing was sent. Give another folder: photos are never mixed with results.",
    )
