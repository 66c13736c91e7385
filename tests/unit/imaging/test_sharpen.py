"""The eye for softness, on photos blurred by a known amount, and the bounds of sharpening."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.light import Pixels, light_of
from retouch_nb.imaging.sharpen import sharpen, softness
from retouch_nb.imaging.smooth import as_plane


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee", "camera"])
@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_blur_is_read_in_pixels(name: str, blur: float) -> None:
    """Within a quarter."""
    photo = as_plane(getattr(data, name)())
    plane = light_of(photo) if photo.ndim == 3 else photo
    soft = as_plane(np.round(cv2.GaussianBlur(plane, (0, 0), blur)))
    assert softness(soft) == pytest.approx(blur, rel=0.25)
    assert softness(plane) == 0


def test_noise_does_not_pass_for_sharpness() -> None:
    """A blurred photo with some grain is still soft."""
    plane = light_of(np.asarray(data.astronaut(), np.uint8))
    grain = np.random.default_rng(0).normal(0, 1.5, plane.shape)
    assert softness(as_plane(cv2.GaussianBlur(plane, (0, 0), 1.0) + grain)) > 0.7


@pytest.mark.parametrize("shape", [(1, 1), (40, 900), (300, 300)])
def test_where_nothing_can_be_told_nothing_is_soft(shape: tuple[int, int]) -> None:
    """Too small or without any detail."""
    assert softness(np.full(shape, 90, np.float32)) == 0


@pytest.fixture
def edge() -> Pixels:
    """Give a soft edge between two flat halves."""
    row = np.where(np.arange(60) < 30, 50.0, 200.0).astype(np.float32)
    soft = cv2.GaussianBlur(np.tile(row, (40, 1)), (0, 0), 1.2)
    return np.round(np.dstack([soft] * 3)).astype(np.uint8)


def test_an_edge_becomes_steeper_without_a_halo(edge: Pixels) -> None:
    """However strong: no pixel leaves the range of those around it."""
    sharp = sharpen(edge, 5.0)
    assert np.diff(sharp[20, :, 0].astype(int)).max() > np.diff(edge[20, :, 0].astype(int)).max()
    square = np.ones((3, 3), np.uint8)
    dark, bright = (as_plane(f(edge, square)) for f in (cv2.erode, cv2.dilate))
    assert (sharp >= dark).all()
    assert (sharp <= bright).all()


def test_flat_areas_and_their_grain_stay_as_they_are() -> None:
    """Differences of a tone are no detail."""
    grain = np.random.default_rng(0).integers(99, 101, (50, 50, 1), np.uint8).repeat(3, axis=2)
    assert (sharpen(grain, 3.0) == grain).all()


def test_a_map_says_where(edge: Pixels) -> None:
    """Rows with an amount of 0 come back bit by bit."""
    amount = np.zeros(edge.shape[:2], np.float32)
    amount[:20] = 2
    sharp = sharpen(edge, amount)
    assert (sharp[20:] == edge[20:]).all()
    assert (sharp[:20] != edge[:20]).any()


def test_colours_stay() -> None:
    """The same light is added to red, green and blue."""
    photo = np.asarray(data.coffee()[100:200, 100:200], np.uint8)
    change = sharpen(photo, 1.0).astype(int) - photo
    inside = (photo > 40).all(2) & (photo < 215).all(2)
    assert np.abs(np.ptp(change, axis=2)[inside]).max() <= 1
