"""Distances are colour science's, their pictures keep to their scale."""

import numpy as np
import pytest
from skimage import color

from retouch_nb.imaging.difference import difference, in_colours, outlined


def even(*colour: int, side: int = 8) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def test_black_and_white_are_a_hundred_apart() -> None:
    """CIE 1976's distance is that of L*a*b*."""
    assert difference(even(0, 0, 0), even(255, 255, 255)).largest == pytest.approx(100, abs=0.1)


def test_distances_are_those_of_skimage() -> None:
    """Another library's ΔE agrees to a few parts in a thousand."""
    one, other = np.random.default_rng(1).integers(0, 256, (2, 40, 50, 3), np.uint8)
    theirs = color.deltaE_cie76(color.rgb2lab(one), color.rgb2lab(other))
    found = difference(one, other)
    assert found.mean == pytest.approx(theirs.mean(), rel=0.005)
    assert found.largest == pytest.approx(theirs.max(), rel=0.005)


@pytest.mark.parametrize(("levels", "top", "gain"), [(5, 8, 16), (40, 64, 4), (200, 255, 1)])
def test_scale_and_gain_fit_what_there_is(levels: int, top: int, gain: int) -> None:
    """Small differences are made visible, large ones are not clipped."""
    found = difference(even(10, 10, 10), even(*[10 + levels] * 3), metric="absolute")
    assert (found.top, found.gain) == (top, gain)
    assert found.absolute.max() == levels * gain


def test_strips_leave_no_seam() -> None:
    """A picture of many strips gives what its rows give one by one."""
    one, other = np.random.default_rng(2).integers(0, 256, (2, 1500, 1001, 3), np.uint8)
    whole = difference(one, other, metric="absolute")
    expected = np.abs(one.astype(int) - other).max(axis=2)
    assert (whole.mean, whole.largest) == (pytest.approx(expected.mean()), expected.max())


def test_colours_go_from_dark_to_bright() -> None:
    """More difference never looks darker."""
    brightness = in_colours(np.linspace(0, 1, 256, dtype=np.float32)[None]).sum(axis=2)[0]
    assert (np.diff(brightness.astype(int)) >= -3).all()
    assert brightness[0] < 20 and brightness[-1] > 600


def test_an_outline_is_drawn_at_the_masks_edge_only() -> None:
    """A mask of twice the size is fitted; its inside stays as it was."""
    mask = np.zeros((80, 80), bool)
    mask[20:60, 20:60] = True
    drawn = outlined(even(90, 90, 90, side=40), mask)
    assert drawn[10, 10:30].min() > 150
    assert (drawn[14:26, 14:26] == 90).all() and (drawn[:6] == 90).all()
