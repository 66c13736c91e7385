"""Narrow holes: slopes and bends of the surroundings go on through them."""

import cv2
import numpy as np
import pytest
from skimage import data, restoration

from retouch_nb.imaging.biharmonic import interpolate


def surface(bend: float) -> np.ndarray:
    """Make a tilted, bent picture without noise."""
    y, x = np.mgrid[:40, :50] - 20.0
    values = 128 + 1.5 * x - 0.8 * y + bend * (x * x - y * y)
    return np.repeat(values.round().astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("bend", [0.0, 0.05])
def test_a_bent_surface_is_continued(bend: float) -> None:
    """Tilt and bend cost no tone more than rounding does."""
    picture = surface(bend)
    hole = cv2.circle(np.zeros((40, 50), np.uint8), (25, 20), 6, 1, -1) > 0
    empty = np.where(hole[..., None], 0, picture).astype(np.uint8)
    got = interpolate(empty, hole).astype(int)
    assert np.abs(got - picture).max() <= 2
    assert (got[~hole] == picture[~hole]).all()


def test_a_tilt_is_continued_to_the_border() -> None:
    """At the edge of the picture there is no other side, and the fill goes on as it came."""
    picture = surface(0)
    hole = np.zeros((40, 50), bool)
    hole[12:26, 46:] = True
    got = interpolate(np.where(hole[..., None], 0, picture).astype(np.uint8), hole).astype(int)
    assert np.abs(got - picture).max() <= 8


def test_a_scratch_in_a_photo_vanishes_as_with_the_reference() -> None:
    """It comes as near to the truth as scikit-image's solution of the same equation."""
    photo = np.asarray(data.chelsea(), np.uint8)[60:160, 120:260]
    hole = cv2.line(np.zeros(photo.shape[:2], np.uint8), (10, 15), (125, 85), 1, 4) > 0
    theirs = restoration.inpaint_biharmonic(photo, hole, channel_axis=2) * 255
    errors = [
        np.abs(got[hole] - photo[hole].astype(float)).mean()
        for got in (interpolate(photo, hole).astype(float), theirs)
    ]
    assert errors[0] < 1.1 * errors[1]


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 9), (3, 3)])
def test_the_smallest_pictures_have_an_answer(shape: tuple[int, int]) -> None:
    """One known tone fills all."""
    hole = np.ones(shape, bool)
    hole[0, 0] = False
    assert (interpolate(np.full((*shape, 3), 77, np.uint8), hole) == 77).all()


def test_a_watcher_hears_of_every_round_and_may_stop_it() -> None:
    """Progress begins at nothing, never goes back and stays below one."""
    hole = np.zeros((40, 50), bool)
    hole[15:25, 15:25] = True
    seen: list[float] = []
    interpolate(surface(0.05), hole, progress=seen.append)
    assert seen[0] == 0 and seen == sorted(seen) and seen[-1] < 1 and len(seen) > 3
