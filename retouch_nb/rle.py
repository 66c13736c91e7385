"""COCO's run lengths: how annotation tools write a mask as text.

Runs go down the columns and begin with black; the compressed form is that of pycocotools, to the letter.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from retouch_nb.errors import PictureError

MOST_PIXELS = 250_000_000


def encode(pixels: npt.NDArray[np.bool_]) -> str:
    """Write a mask of shape (height, width) as compressed counts.

    Examples
    --------
    >>> encode(np.array([[False, True], [True, True]]))
    '13'
    """
    return compressed(runs(pixels))


def decode(counts: str | bytes | Iterable[int], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Read counts, compressed or as a list, of a mask with this width and height.

    Raises
    ------
    PictureError
        They are no counts, or do not add up to the picture.

    Examples
    --------
    >>> decode("13", (2, 2)).tolist(), decode([1, 3], (2, 2)).tolist()
    ([[False, True], [True, True]], [[False, True], [True, True]])
    """
    width, height = size
    if min(size) < 1 or width * height > MOST_PIXELS:
        raise PictureError(f"Run lengths of {width} x {height} pixels are not a mask.")
    lengths = list(_read(counts))
    if min(lengths, default=0) < 0 or sum(lengths) != width * height:
        raise PictureError(
            f"The run lengths do not add up to {width} x {height} pixels.",
            advice="COCO writes the size as [height, width], and counts of the whole picture.",
        )
    colours = np.arange(len(lengths)) % 2 == 1
    return np.repeat(colours, lengths).reshape(width, height).T


def read(given: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Read COCO's mapping of ``size`` (height, width) and ``counts``."""
    try:
        height, width = (int(side) for side in given["size"])
        counts = given["counts"]
    except (KeyError, TypeError, ValueError) as error:
        raise PictureError(
            "This mapping is no COCO mask: it needs 'size' as [height, width] and 'counts'."
        ) from error
    return decode(counts, (width, height))


def runs(pixels: npt.NDArray[np.bool_]) -> list[int]:
    """Count alternating runs of black and white down the columns, beginning with black.

    Examples
    --------
    >>> runs(np.array([[True, True], [False, True]]))
    [0, 1, 1, 2]
    """
    flat = pixels.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(edges, prepend=0, append=flat.size).tolist()
    return [0, *lengths] if flat[0] else lengths


def compressed(counts: Iterable[int]) -> str:
    """Write counts as text: differences to the count before last, five bits a letter.

    Source: ``rleToString`` of pycocotools' maskApi.
    """
    before: list[int] = []
    letters = []
    for i, count in enumerate(counts):
        number = count - before[-2] if i > 2 else count
        before.append(count)
        more = True
        while more:
            bits, number = number & 0x1F, number >> 5
            more = number != (-1 if bits & 0x10 else 0)
            letters.append(chr(48 + bits + 0x20 * more))
    return "".join(letters)


def _read(counts: Any) -> Iterator[int]:
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", "replace")
    try:
        yield from _expanded(counts) if isinstance(counts, str) else map(int, counts)
    except (TypeError, ValueError) as error:
        raise PictureError(f"These are no run lengths: {str(counts)[:40]!r}.") from error


def _expanded(text: str) -> Iterator[int]:
    """Undo `compressed`."""
    done: list[int] = []
    number, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(letter)
        number |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            number -= 1 << shift
        done.append(number + (done[-2] if len(done) > 2 else 0))
        yield done[-1]
        number, shift = 0, 0
    if shift:
        raise ValueError("unfinished")
