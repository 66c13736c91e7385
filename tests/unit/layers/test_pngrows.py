"""A PNG read a few rows at a time is the PNG Pillow reads."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from retouch_nb.errors import PictureError
from retouch_nb.layers.pngrows import SIGNATURE, Ink, Png


def picture(height: int = 67, width: int = 43) -> np.ndarray:
    """Smooth in one half and noise in the other, so that an encoder uses all its filters."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x * 5, y * 3, x + y, 255 - x * 4], axis=-1).astype(np.uint8)
    noise = np.random.default_rng(3).integers(0, 256, smooth.shape, np.uint8)
    return np.where((y > height // 2)[..., None], noise, smooth)


def encoded(image: Image.Image, **options: object) -> bytes:
    """Give the bytes Pillow would write."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1"])
def test_strips_are_the_picture(mode: str, rows: int):
    """Whatever the kind of PNG and the height of a strip, the strips make up the whole."""
    image = Image.fromarray(picture()).convert(mode)
    strips = list(Png.open(encoded(image)).strips(rows))
    assert [len(strip) for strip in strips[:-1]] == [rows] * (len(strips) - 1)
    assert np.array_equal(np.concatenate(strips), np.asarray(image.convert("RGBA")))


def test_transparent_colour():
    """A colour that the file declares transparent is transparent in every strip."""
    image = Image.fromarray(picture()[..., :3])
    data = encoded(image, transparency=image.getpixel((5, 60)))
    found = np.concatenate(list(Png.open(data).strips(9)))
    assert found[60, 5, 3] == 0
    assert np.array_equal(found, np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")))


def test_deep_grey_is_scaled():
    """16-bit grey keeps its upper eight bits instead of being clipped."""
    deep = Image.fromarray((picture()[..., 0].astype(np.uint16) << 8) | 99)
    found = np.concatenate(list(Png.open(encoded(deep)).strips(10)))
    assert np.array_equal(found[..., 0], picture()[..., 0])


def test_ink_is_where_alpha_is():
    """The box and the share hold exactly the pixels that are not transparent."""
    pixels = np.zeros((50, 80, 4), np.uint8)
    pixels[10:14, 20:25, 3] = 1
    pixels[30, 70, 3] = 255
    assert Png.of(pixels).ink == Ink((20, 10, 71, 31), 21 / 4000)


def test_no_ink():
    """A layer without a visible pixel has an empty box."""
    assert Png.of(np.zeros((5, 5, 4), np.uint8)).ink == Ink((0, 0, 0, 0), 0.0)


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_ends_early(kept: float):
    """A PNG that stops in the middle is an error and not half a picture."""
    data = Png.of(picture()).data
    png = Png.open(data[: int(len(data) * kept)])
    with pytest.raises(PictureError):
        list(png.strips(5))


def test_not_a_png():
    """Bytes without a PNG's header are refused before anything is decoded."""
    with pytest.raises(PictureError, match="not a PNG"):
        Png.open(b"PK\x03\x04" + bytes(100))


@pytest.mark.parametrize("size", [(0, 10), (100_000, 100_000)])
def test_impossible_sizes(size: tuple[int, int]):
    """No pixels, and more than 250 megapixels, are refused from the header alone."""
    header = struct.pack(">II", *size) + bytes([8, 6, 0, 0, 0])
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(header))
    with pytest.raises(PictureError, match="not accepted"):
        Png.open(SIGNATURE + chunk)


def test_a_small_file_cannot_unpack_to_more_than_its_header_says():
    """Of a stream that inflates to gigabytes only the declared rows are inflated."""
    png = Png.of(np.zeros((4, 4, 4), np.uint8))
    bomb = zlib.compress(bytes(40_000_000), 9)
    body = b"IDAT" + bomb
    chunk = struct.pack(">I", len(bomb)) + body + struct.pack(">I", zlib.crc32(body))
    strips = Png.open(png.data[:33] + chunk).strips(4)
    assert next(strips).shape == (4, 4, 4)


def rebuilt(data: bytes, *chunks: bytes) -> bytes:
    """Put other chunks between a PNG's header and its end."""
    return data[:33] + b"".join(chunks) + data[-12:]


def chunk(kind: bytes, body: bytes) -> bytes:
    """Make one chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_flood_of_chunks_takes_no_memory() -> None:
    """Empty chunks by the hundred thousand are passed over one by one."""
    png = Png.of(np.full((6, 8, 4), 90, np.uint8))
    packed = png.data[png.data.index(b"IDAT") - 4 : -12]
    flood = chunk(b"tRNS", b"") * 100_000 + packed + chunk(b"IDAT", b"") * 100_000
    data = rebuilt(png.data, flood)
    tracemalloc.start()
    strips = list(Png.open(data).strips(6))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (strips[0] == 90).all()
    assert peak < 1_000_000


def test_rows_that_are_missing_are_not_looked_for_behind_the_end() -> None:
    """What follows the end of the compressed pixels is not collected in the hope of more."""
    png = Png.of(np.full((6, 8, 4), 90, np.uint8))
    short = chunk(b"IDAT", zlib.compress(b"\0" + bytes(32)))
    data = rebuilt(png.data, short, chunk(b"IDAT", bytes(65_000)) * 50)
    with pytest.raises(PictureError, match="ends early"):
        list(Png.open(data).strips(6))
