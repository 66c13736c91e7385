"""Removing objects, seen from outside: what every fill must keep, and how it should look."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.fill import fill, method
from retouch_nb.imaging.light import Pixels


def disc(height: int, width: int, *, at: tuple[int, int], radius: int) -> np.ndarray:
    """Make a round hole."""
    canvas = np.zeros((height, width), np.uint8)
    return cv2.circle(canvas, at[::-1], radius, 1, -1) > 0


def grey_photo(name: str, side: int = 200) -> Pixels:
    """Cut a square from the middle of one of scikit-image's grey photos."""
    photo = np.asarray(getattr(data, name)(), np.uint8)[100 : 100 + side, 100 : 100 + side]
    return np.ascontiguousarray(np.repeat(photo[..., None], 3, axis=2))


def energy(pixels: Pixels, where: np.ndarray) -> float:
    """Measure how strong detail is in a place."""
    return float(np.abs(cv2.Laplacian(pixels[..., 1].astype(np.float32), cv2.CV_32F))[where].mean())


ROUND = disc(200, 200, at=(100, 100), radius=26)


@cache
def continued(name: str) -> Pixels:
    """Fill a round hole in a photo of one texture."""
    return fill(grey_photo(name), ROUND, compiled=False)


@pytest.mark.parametrize("name", ["grass", "gravel", "brick"])
def test_texture_goes_on_through_a_hole(name: str) -> None:
    """The fill is neither smoother nor rougher than its surroundings."""
    inside, around = energy(continued(name), ROUND), energy(grey_photo(name), ~ROUND)
    assert 0.6 < inside / around < 1.4


@pytest.mark.parametrize("name", ["grass", "gravel", "brick"])
def test_the_rim_of_a_hole_does_not_show(name: str) -> None:
    """Steps across the rim are hardly stronger than steps elsewhere."""
    step = np.abs(np.diff(continued(name)[..., 0].astype(float), axis=1))
    rim = ROUND[:, 1:] != ROUND[:, :-1]
    assert step[rim].mean() < 1.4 * step[~rim].mean()


def test_an_object_gives_way_to_the_plain_ground_it_stands_on() -> None:
    """A tower before the evening sky leaves sky: nothing dark, nothing light, no detail."""
    photo = np.asarray(data.rocket(), np.uint8)[80:340, 120:300]
    hole = np.zeros(photo.shape[:2], bool)
    hole[30:250, 44:98] = True
    filled = fill(photo, hole, compiled=False)
    beside = np.concatenate([photo[30:250, 38:43], photo[30:250, 99:104]], axis=1)
    assert np.abs(filled[30:250, 44:98].mean((1, 2)) - beside.mean((1, 2))).max() < 25
    assert energy(filled, hole) < 1.5 * energy(photo, np.roll(hole, 55, axis=1)) + 1


SIZES = [(1, 1), (1, 30), (30, 1), (2, 2), (5, 40), (9, 9), (13, 90)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pictures_too_small_for_patches_are_filled_all_the_same(height: int, width: int) -> None:
    """Whatever is known is kept, and what is not is filled with tones like those."""
    photo = np.random.default_rng(1).integers(80, 120, (height, width, 3)).astype(np.uint8)
    hole = np.broadcast_to(np.arange(width) >= width / 2, (height, width)).copy()
    filled = fill(photo, hole)
    assert (filled[~hole] == photo[~hole]).all()
    assert 50 < filled.min() <= filled.max() < 150


@pytest.mark.parametrize("at", [(0, 0), (60, 0), (0, 60), (119, 119)])
def test_a_hole_may_lie_at_the_border(at: tuple[int, int]) -> None:
    """What surrounds it on the other sides is enough."""
    photo, hole = grey_photo("gravel", 120), disc(120, 120, at=at, radius=20)
    filled = fill(photo, hole, compiled=False)
    assert (filled[~hole] == photo[~hole]).all()
    assert 0.5 < energy(filled, hole) / energy(photo, ~hole) < 1.5


def test_the_old_content_of_a_hole_does_not_matter() -> None:
    """The fill is made from the surroundings alone, and every time the same."""
    photo, hole = grey_photo("grass", 120), disc(120, 120, at=(60, 60), radius=15)
    hole |= disc(120, 120, at=(20, 100), radius=3)
    other = np.where(hole[..., None], 255 - photo, photo)
    assert (fill(photo, hole, compiled=False) == fill(other, hole, compiled=False)).all()


def test_one_object_is_not_copied_into_the_hole_of_another() -> None:
    """All that is to vanish vanishes, near or far."""
    photo = np.full((160, 400, 3), 90, np.uint8)
    hole = disc(160, 400, at=(80, 60), radius=22) | disc(160, 400, at=(80, 320), radius=20)
    photo[hole] = (250, 0, 0)
    assert (fill(photo, hole, compiled=False) == 90).all()


def test_the_picture_itself_is_left_alone() -> None:
    """A fill is a new picture, also when there is nothing to fill."""
    photo = grey_photo("brick", 60)
    before, hole = photo.copy(), disc(60, 60, at=(30, 30), radius=4)
    fill(photo, hole)
    copy = fill(photo, np.zeros_like(hole))
    assert (photo == before).all() and (copy == before).all() and copy is not photo


def test_nothing_can_be_filled_from_nothing() -> None:
    """A hole as large as the picture is refused in a sentence."""
    with pytest.raises(ValueError, match="the whole picture"):
        fill(np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), bool))


@pytest.mark.parametrize(
    ("shape", "kind"), [((4, 4), bool), ((5, 4), bool), ((4, 5), np.uint8), ((4, 5, 1), bool)]
)
def test_a_hole_must_fit_the_picture(shape: tuple[int, ...], kind: type) -> None:
    """Other shapes and types are refused, for guessing would fill the wrong place."""
    with pytest.raises(ValueError, match="do not fit"):
        fill(np.zeros((4, 5, 3), np.uint8), np.zeros(shape, kind))


def test_progress_never_goes_back_and_ends_at_one() -> None:
    """Several holes, filled in different ways, are one work to a watcher."""
    seen: list[float] = []
    photo, hole = grey_photo("grass"), disc(200, 200, at=(60, 60), radius=14)
    hole |= disc(200, 200, at=(180, 180), radius=3)
    fill(photo, hole, progress=seen.append, compiled=False)
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 1
    assert np.diff(seen).max() < 0.3 and len(set(seen)) > 50


def test_a_watcher_stops_the_work() -> None:
    """What progress raises comes out, and nothing is called after it."""
    calls: list[float] = []

    def stop(fraction: float) -> None:
        calls.append(fraction)
        if fraction > 0.2:
            raise InterruptedError

    photo, hole = grey_photo("grass"), disc(200, 200, at=(100, 100), radius=20)
    with pytest.raises(InterruptedError):
        fill(photo, hole, progress=stop, compiled=False)
    assert sum(fraction > 0.2 for fraction in calls) == 1


def test_the_method_is_told_by_the_shape_of_the_hole() -> None:
    """Narrow holes are continued, wide ones pieced together, and poor surroundings only blended."""
    scratch = np.zeros((90, 90), bool)
    scratch[3, 5:80] = True
    wide = disc(90, 90, at=(50, 50), radius=12)
    rest = np.ones((90, 90), bool)
    rest[0] = False
    assert method(scratch) == "biharmonic"
    assert method(wide) == "PatchMatch"
    assert method(scratch | wide) == "biharmonic and PatchMatch"
    assert method(rest) == "smooth blend"
    assert method(np.zeros((5, 5), bool)) == "nothing to fill"
    assert method(wide, model=Path("big-lama.onnx")) == "your model big-lama.onnx"
