"""Filters undone in our own loops give the picture Pillow gives."""

import numpy as np
import pytest

from retouch_nb.errors import PictureError
from retouch_nb.layers.pngfilter import compiled, unfilter
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Pixels

PICTURE = np.random.default_rng(3).integers(0, 256, (11, 9, 4), np.uint8)


def predicted(kind: int, row: Pixels, up: Pixels) -> Pixels:
    """Give what the specification subtracts, for a whole row at once."""
    left, corner = (np.r_[np.zeros(4, np.uint8), r[:-4]].astype(int) for r in (row, up))
    over = up.astype(int)
    guess = left + over - corner
    near = np.stack([abs(guess - each) for each in (left, over, corner)]).argmin(0)
    paeth = np.choose(near, [left, over, corner])
    return [0 * left, left, over, (left + over) // 2, paeth][kind]


def filtered(picture: Pixels, kinds: list[int]) -> tuple[Pixels, Pixels]:
    """Filter the rows of a picture, and give the plain rows beside."""
    plain = picture.reshape(len(picture), -1)
    above = np.vstack([np.zeros_like(plain[:1]), plain[:-1]])
    rows = [
        np.r_[kind, (row.astype(int) - predicted(kind, row, up)) % 256].astype(np.uint8)
        for kind, row, up in zip(kinds, plain, above, strict=True)
    ]
    return np.array(rows), plain


@pytest.mark.parametrize(
    "kinds", [[k] * 11 for k in range(5)] + [[4, 3, 2, 1, 0, 4, 1, 3, 0, 2, 4]]
)
def test_each_filter_is_undone(kinds: list[int]):
    """None, Sub, Up, Average, Paeth and a mixture of them, in plain Python."""
    rows, plain = filtered(PICTURE, kinds)
    found = np.empty_like(plain)
    assert unfilter(rows, np.zeros(36, np.uint8), found)
    assert np.array_equal(found, plain)


def test_an_unknown_filter_is_told():
    """A sixth filter does not exist."""
    rows, plain = filtered(PICTURE, [0] * 11)
    rows[3, 0] = 5
    assert not unfilter(rows, np.zeros(36, np.uint8), np.empty_like(plain))


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_compiled_loops_read_what_pillow_reads(rows: int):
    """Strip by strip, with clear rows above and below the ink, as layers have them."""
    undo = compiled()
    assert undo, "the extra `fast` belongs to the tests"
    picture = np.zeros((50, 60, 4), np.uint8)
    picture[20:31, 7:16] = PICTURE
    png = Png.of(picture)
    found = np.concatenate(list(png._unfiltered(rows, undo)))
    assert np.array_equal(found, picture)
    with pytest.raises(PictureError, match="broken"):
        list(Png.open(png.data[:-40])._unfiltered(rows, undo))


def test_large_layers_are_read_with_them():
    """From six megapixels on; the picture is the same."""
    picture = np.zeros((2000, 3001, 4), np.uint8)
    picture[900:1100, 1000:1300] = np.random.default_rng(1).integers(0, 256, (200, 300, 4))
    png = Png.of(picture)
    assert all(
        np.array_equal(strip, picture[top : top + 700])
        for top, strip in zip(range(0, 2000, 700), png.strips(700), strict=True)
    )
