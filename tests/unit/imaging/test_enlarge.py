"""Enlarging: the gain on photos never trained on, clean edges, no seams, bounded memory."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.enlarge import enlarge
from retouch_nb.imaging.light import Pixels

UNSEEN = ("chelsea", "astronaut", "camera")
"""Kept out of the training; see weights/README.md."""


def photo(name: str) -> Pixels:
    """Give one of scikit-image's photos in RGB."""
    picture = np.asarray(getattr(data, name)(), np.uint8)
    return picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)


def shrunk(picture: Pixels, factor: int) -> tuple[Pixels, Pixels]:
    """Cut to a multiple of the factor, and average down by it."""
    height, width = (edge // factor for edge in picture.shape[:2])
    small = cv2.resize(
        picture[: height * factor, : width * factor],
        (width, height),
        interpolation=cv2.INTER_AREA,
    )
    return picture[: height * factor, : width * factor], small


def bicubic(small: Pixels, factor: int) -> Pixels:
    """Enlarge as everybody does."""
    return cv2.resize(small, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


def decibel(found: Pixels, true: Pixels) -> float:
    """Measure PSNR away from the rim."""
    error = (found.astype(float) - true)[8:-8, 8:-8]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


@pytest.mark.parametrize(("factor", "gain"), [(2, 0.8), (4, 0.5)])
def test_photos_never_trained_on_gain_over_bicubic(factor: int, gain: float) -> None:
    """On average, touch included; and each of them some."""
    gains = []
    for name in UNSEEN:
        true, small = shrunk(photo(name), factor)
        ours = decibel(enlarge(small, factor, touch=0.3), true)
        gains.append(ours - decibel(bicubic(small, factor), true))
    assert np.mean(gains) >= gain
    assert min(gains) > 0.1


@pytest.mark.parametrize("factor", [2, 4])
def test_averaged_down_again_it_is_the_photo(factor: int) -> None:
    """Nothing is moved, lightened or invented."""
    small = shrunk(photo("astronaut"), factor)[1]
    back = shrunk(enlarge(small, factor), factor)[1]
    assert np.abs(back.astype(int) - small).mean() < 0.7


def disc(side: int) -> Pixels:
    """Draw a bright disc, exact to a 256th of a pixel, so that every slope of an edge occurs."""
    fine = np.full((side * 8, side * 8), 60, np.uint8)
    cv2.circle(fine, (side * 4, side * 4), side * 3, 200, -1)
    plane = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    return np.dstack([plane] * 3)


@pytest.mark.parametrize("factor", [2, 4])
def test_round_edges_have_no_steps(factor: int) -> None:
    """The error along a circle is less than two thirds of bicubic's."""
    true, small = shrunk(disc(192), factor)
    ours, theirs = enlarge(small, factor), bicubic(small, factor)
    error = [np.abs(p.astype(float) - true)[8:-8, 8:-8].mean() for p in (ours, theirs)]
    assert error[0] < 2 / 3 * error[1]


def halo(picture: Pixels) -> float:
    """Measure how far the disc's picture goes beyond the two tones it is made of."""
    inside = picture[8:-8, 8:-8].astype(float)
    return float(np.maximum(0, np.maximum(inside - 200, 60 - inside)).mean())


@pytest.mark.parametrize("factor", [2, 4])
def test_edges_have_no_halo(factor: int) -> None:
    """Less than half of bicubic's, and still less than two thirds of it when touched."""
    small = shrunk(disc(192), factor)[1]
    theirs = halo(bicubic(small, factor))
    assert halo(enlarge(small, factor)) < theirs / 2
    assert halo(enlarge(small, factor, touch=0.3)) < 2 / 3 * theirs


@pytest.mark.parametrize("factor", [2, 4])
def test_tiles_leave_no_seam(factor: int) -> None:
    """A part enlarged alone is bit by bit what it is in the whole, away from its rim."""
    whole = photo("astronaut")[:300, :420]
    part = enlarge(whole[100:260, 120:400], factor)
    rim = 16 * factor
    placed = enlarge(whole, factor)[100 * factor : 260 * factor, 120 * factor : 400 * factor]
    difference = part[rim:-rim, rim:-rim].astype(int) - placed[rim:-rim, rim:-rim]
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (11, 13), (7, 500)])
def test_any_shape_is_enlarged(shape: tuple[int, int]) -> None:
    """Even a single pixel, and odd sides; a flat picture stays flat."""
    small = np.full((*shape, 3), (10, 120, 250), np.uint8)
    large = enlarge(small, 2)
    assert large.shape == (shape[0] * 2, shape[1] * 2, 3)
    assert np.abs(large.astype(int) - (10, 120, 250)).max() <= 1


def test_grey_stays_grey() -> None:
    """No colour appears where there was none."""
    large = enlarge(photo("camera")[:100, :100], 2)
    assert np.ptp(large.astype(int), axis=2).max() == 0


def test_two_threads_do_not_disturb_each_other() -> None:
    """Each has its own net; the result is that of one thread."""
    parts = [photo("astronaut")[top : top + 90, :120] for top in range(0, 360, 90)]
    alone = [enlarge(part, 2) for part in parts]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda part: enlarge(part, 2), parts))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


def test_progress_comes_tile_by_tile_and_ends_the_work_when_it_raises() -> None:
    """That is how a task is cancelled."""
    heard: list[float] = []
    enlarge(np.zeros((400, 400, 3), np.uint8), 2, progress=heard.append)
    assert len(heard) == 4
    assert heard == sorted(heard)
    assert heard[-1] == 1

    def stop(fraction: float) -> None:
        raise InterruptedError(fraction)

    with pytest.raises(InterruptedError):
        enlarge(np.zeros((400, 400, 3), np.uint8), 2, progress=stop)


def test_memory_does_not_grow_with_the_picture() -> None:
    """Beside the result, no more than twice the photo and one tile."""
    small = np.zeros((700, 900, 3), np.uint8)
    tracemalloc.start()
    large = enlarge(small, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - large.nbytes < 5 * small.nbytes + 60e6


def test_other_factors_are_refused() -> None:
    """There is no net for them."""
    with pytest.raises(ValueError, match="2 or 4"):
        enlarge(np.zeros((20, 20, 3), np.uint8), 3)
