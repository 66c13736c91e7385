"""A PNG decoded a few rows at a time, so that a layer of 250 megapixels is never held whole.

The idea: inflate some rows, put the row above them on top (their filters refer to it), wrap them
as a small stored PNG of their own and let Pillow undo the filters at its usual speed.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from retouch_nb.errors import PictureError
from retouch_nb.layers.pngfilter import LARGE, Unfilter, compiled
from retouch_nb.photo import MOST_PIXELS, Pixels, opened

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STRIP_PIXELS = 500_000
"""Pixels decoded at a time: 2 MB of RGBA, which stay in a core's own cache."""

_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_PIECE = 1 << 16


class Ink(NamedTuple):
    """Where a layer is not transparent."""

    box: tuple[int, int, int, int]
    """Left, top, right, bottom of the smallest box around it; all zero when there is nothing."""
    share: float
    """Part of all pixels that is not fully transparent, 0 to 1."""


@dataclass(frozen=True, eq=False, repr=False)
class Png:
    """One encoded PNG: its bytes, its size, and its rows on demand.

    Attributes
    ----------
    data : bytes
        The encoded picture.
    size : tuple of int
        Width and height in pixels, from its header.
    """

    data: bytes
    size: tuple[int, int]

    @classmethod
    def open(cls, data: bytes) -> Self:
        """Read the header of a PNG and nothing else.

        Raises
        ------
        PictureError
            Not a PNG, no pixels, or more than 250 megapixels.

        Examples
        --------
        >>> Png.of(np.zeros((2, 3, 4), np.uint8)).size
        (3, 2)
        """
        if data[:8] != SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
            raise PictureError("This is not a PNG.")
        width, height = struct.unpack(">II", data[16:24])
        if not 0 < width * height <= MOST_PIXELS:
            raise PictureError(f"A PNG of {width} x {height} pixels is not accepted.")
        return cls(data, (width, height))

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Encode ``uint8`` pixels (height, width), (..., 3) or (..., 4)."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        return cls.open(buffer.getvalue())

    def __repr__(self) -> str:
        return f"<Png {self.size[0]} x {self.size[1]}, {len(self.data) / 1000:,.1f} kB>"

    @property
    def rows_at_once(self) -> int:
        """How many rows `strips` gives at a time when not told."""
        return max(1, STRIP_PIXELS // self.size[0])

    @cached_property
    def ink(self) -> Ink:
        """Where it is not transparent; found by one pass over all rows."""
        width, height = self.size
        columns, rows, count = np.zeros(width, bool), np.zeros(height, bool), 0
        for top, strip in zip(
            range(0, height, self.rows_at_once), self.strips(self.rows_at_once), strict=True
        ):
            opaque = strip[..., 3] > 0
            columns |= opaque.any(axis=0)
            rows[top : top + len(strip)] = opaque.any(axis=1)
            count += int(np.count_nonzero(opaque))
        if not count:
            return Ink((0, 0, 0, 0), 0.0)
        across, down = np.flatnonzero(columns), np.flatnonzero(rows)
        box = int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1
        return Ink(box, count / (width * height))

    def to_pil(self) -> Image.Image:
        """Decode the whole picture in mode RGBA."""
        with opened(self.data) as image:
            image.load()
            return _rgba(image)

    def strips(self, rows: int) -> Iterator[Pixels]:
        """Decode from top to bottom, `rows` rows at a time.

        Yields
        ------
        ndarray of uint8, (rows, width, 4)
            RGB and straight alpha; the last one may have fewer rows.

        Raises
        ------
        PictureError
            The picture is broken or ends early.
        """
        depth, colour, *_, interlaced = self.data[24:29]
        undo = compiled() if self.size[0] * self.size[1] >= LARGE else None
        if undo and (depth, colour, interlaced) == (8, 6, 0):
            yield from self._unfiltered(rows, undo)
        elif depth == 8 and colour in _CHANNELS and not interlaced:
            yield from self._streamed(rows, _CHANNELS[colour])
        else:  # palettes, 1 to 4 or 16 bits, interlaced: rare, and decoded whole
            whole = np.asarray(self.to_pil())
            yield from (whole[top : top + rows] for top in range(0, len(whole), rows))

    def _unfiltered(self, rows: int, undo: Unfilter) -> Iterator[Pixels]:
        width, height = self.size
        inflated = _Inflated(body for kind, body in _chunks(self.data) if kind == b"IDAT")
        above = np.zeros(4 * width, np.uint8)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            filtered = np.frombuffer(inflated.take(count * (1 + 4 * width)), np.uint8)
            filtered = filtered.reshape(count, -1)
            strip = np.zeros((count, 4 * width), np.uint8)
            # Most of most layers is clear, and zeros below zeros are, whatever their filters.
            if (above.any() or filtered[:, 1:].any()) and not undo(filtered, above, strip):
                raise PictureError("A layer's PNG is broken or ends early.")
            above = strip[-1]
            yield strip.reshape(count, width, 4)

    def _streamed(self, rows: int, channels: int) -> Iterator[Pixels]:
        width, height = self.size
        before = itertools.takewhile(lambda chunk: chunk[0] != b"IDAT", _chunks(self.data))
        keys = ((kind, bytes(body)) for kind, body in before if kind == b"tRNS")
        colour_key = list(itertools.islice(keys, 1))
        inflated = _Inflated(body for kind, body in _chunks(self.data) if kind == b"IDAT")
        above = bytes(1 + width * channels)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            filtered = inflated.take(count * len(above))
            if channels == 4 and _is_clear(above, filtered):  # most of most layers
                yield np.zeros((count, width, 4), np.uint8)
                continue
            header = struct.pack(">II", width, count + 1) + self.data[24:29]
            with opened(_stored_png(header, colour_key, (above, filtered))) as image:
                image.load()
                above = b"\0" + image.crop((0, count, width, count + 1)).tobytes()
                yield np.asarray(_rgba(image))[1:]


def _rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would clip 16-bit grey instead of scaling it
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image if image.mode == "RGBA" else image.convert("RGBA")


def _is_clear(above: bytes, filtered: bytes) -> bool:
    """Tell whether rows are zero throughout: whatever their filters, zeros below zeros are."""
    if above.count(0) != len(above):
        return False
    return not np.frombuffer(filtered, np.uint8).reshape(-1, len(above))[:, 1:].max()


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Walk over a PNG's chunks without copying them."""
    view, start = memoryview(data), 8
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        yield data[start + 4 : start + 8], view[start + 8 : start + 8 + length]
        start += 12 + length


def _stored_png(
    header: bytes, colour_key: list[tuple[bytes, bytes]], rows: tuple[bytes, ...]
) -> bytes:
    """Wrap filtered rows as a PNG that costs nothing to inflate."""
    packer = zlib.compressobj(0)
    packed = [*(packer.compress(part) for part in rows), packer.flush()]
    chunks = [(b"IHDR", [header]), *((kind, [body]) for kind, body in colour_key)]
    return b"".join(
        [
            SIGNATURE,
            *(part for kind, body in chunks for part in _chunk(kind, body)),
            *_chunk(b"IDAT", packed),
            *_chunk(b"IEND", []),
        ]
    )


def _chunk(kind: bytes, body: list[bytes]) -> list[bytes]:
    checksum = zlib.crc32(kind)
    for part in body:
        checksum = zlib.crc32(part, checksum)
    length = sum(len(part) for part in body)
    return [struct.pack(">I", length), kind, *body, struct.pack(">I", checksum)]


class _Inflated:
    """The bytes of a zlib stream, as many at a time as asked for, never more."""

    def __init__(self, bodies: Iterator[memoryview]) -> None:
        self._inflate = zlib.decompressobj()
        self._pieces = (
            body[start : start + _PIECE] for body in bodies for start in range(0, len(body), _PIECE)
        )

    def take(self, count: int) -> bytes:
        taken: list[bytes] = []
        missing = count
        try:
            while missing:
                if self._inflate.eof:  # what follows would be collected and never given
                    raise zlib.error("ends early")
                compressed = self._inflate.unconsumed_tail or next(self._pieces)
                taken.append(self._inflate.decompress(compressed, missing))
                missing -= len(taken[-1])
        except (StopIteration, zlib.error) as error:
            raise PictureError("A layer's PNG is broken or ends early.") from error
        return b"".join(taken)
