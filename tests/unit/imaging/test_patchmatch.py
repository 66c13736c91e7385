"""Filling with pieces: where they come from, and that compiled loops do the same as plain ones."""

import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging import _patchmatch_numpy
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.patchmatch import LARGE, Tally, can_complete, complete


def hole_in(shape: tuple[int, ...], rows: slice, columns: slice) -> np.ndarray:
    """Make a rectangular hole."""
    hole = np.zeros(shape[:2], bool)
    hole[rows, columns] = True
    return hole


@pytest.fixture
def coffee() -> Pixels:
    """Give the saucer and the table beside it."""
    return np.ascontiguousarray(np.asarray(data.coffee(), np.uint8)[200:340, 300:470])


def test_many_small_holes_are_worth_compiling_for() -> None:
    """Numba is loaded for one large hole at once, and for small ones when they have come to as much."""
    small = Tally()
    assert [small.worth_compiling(LARGE // 3) for _ in range(4)] == [False, False, False, True]
    assert Tally().worth_compiling(LARGE)


def test_compiled_loops_give_the_same_picture(coffee: Pixels) -> None:
    """To the last bit: whether numba is installed must not show in a result."""
    pytest.importorskip("numba")
    hole = hole_in(coffee.shape, slice(50, 90), slice(60, 110))
    plain = complete(coffee, hole, compiled=False)
    assert (complete(coffee, hole, compiled=True) == plain).all()


def test_a_pattern_is_continued_in_step() -> None:
    """Stripes meet again on the other side of the hole."""
    stripes = np.zeros((90, 90, 3), np.uint8)
    stripes[np.arange(90) // 5 % 2 == 0] = 200
    hole = hole_in(stripes.shape, slice(30, 60), slice(30, 60))
    got = complete(stripes, hole, compiled=False)
    assert (np.abs(got.astype(int) - stripes) < 30).mean() > 0.98


def test_what_is_closed_is_not_copied() -> None:
    """Pieces come neither from the hole nor from what is closed to copying."""
    half = np.full((80, 160, 3), 60, np.uint8)
    half[:, 110:] = 240
    hole = hole_in(half.shape, slice(30, 50), slice(70, 92))
    foreign = hole_in(half.shape, slice(0, 80), slice(108, 160))
    got = complete(half, hole, foreign=foreign, compiled=False)
    assert got[hole].max() < 80


def test_a_hole_is_filled_with_true_grain() -> None:
    """Copies keep the noise of a photo, where an average would lose it."""
    noise = np.random.default_rng(3).normal(128, 12, (100, 100, 1)).repeat(3, 2)
    grain = noise.round().clip(0, 255).astype(np.uint8)
    hole = hole_in(grain.shape, slice(35, 65), slice(35, 65))
    assert complete(grain, hole, compiled=False)[hole].std() > 9


@pytest.mark.parametrize(
    ("shape", "enough"), [((9, 9), False), ((15, 15), True), ((8, 400), False), ((9, 80), True)]
)
def test_copying_needs_whole_patches(shape: tuple[int, int], enough: bool) -> None:
    """Fifty places for a patch with its guard are the least."""
    assert can_complete(np.ones(shape, bool)) is enough


def test_the_noise_that_proposes_is_even() -> None:
    """No place and no round prefers a direction."""
    bits = _patchmatch_numpy.noise(np.arange(40_000, dtype=np.int32), 1009)
    share = [(bits >> np.uint32(bit) & np.uint32(1)).mean() for bit in range(32)]
    assert np.abs(np.array(share) - 0.5).max() < 0.02
