"""The look of one photo on another: nearer in colour, the same in structure, no steps, no odd faces."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data
from skimage.metrics import structural_similarity

from retouch_nb.imaging.face import find_faces, skin_map
from retouch_nb.imaging.smooth import to_lab
from retouch_nb.imaging.style import learned, match, through

Pixels = NDArray[np.uint8]


def small(pixels: Pixels, longest: int = 200) -> Pixels:
    """Reduce a photo, so that the tests are fast."""
    factor = longest / max(pixels.shape[:2])
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


COFFEE, ROCKET, CAT = (small(photo()) for photo in (data.coffee, data.rocket, data.chelsea))


def apart(one: Pixels, other: Pixels) -> float:
    """Give the sliced Wasserstein distance of the colours in Lab."""
    axes = np.random.default_rng(1).normal(size=(3, 20))
    axes /= np.linalg.norm(axes, axis=0)
    at = np.linspace(0, 1, 100)
    first, second = (np.quantile(to_lab(p).reshape(-1, 3) @ axes, at, axis=0) for p in (one, other))
    return float(np.abs(first - second).mean())


def alike(one: Pixels, other: Pixels) -> float:
    """Give the structural similarity of the light."""
    grey = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (one, other))
    return float(structural_similarity(*grey))


@pytest.mark.parametrize(("photo", "style"), [(COFFEE, ROCKET), (CAT, ROCKET), (CAT, COFFEE)])
def test_colours_come_near_the_styles_and_structure_stays(photo: Pixels, style: Pixels) -> None:
    """At the usual strength under 45 % of the distance is left, at full strength under 15 %."""
    usual, full = match(photo, style), match(photo, style, strength=1.0)
    before = apart(photo, style)
    assert apart(usual, style) < 0.45 * before
    assert apart(full, style) < 0.15 * before
    assert alike(photo, usual) > 0.8


def test_strength_acts_monotonically_and_nothing_is_nothing() -> None:
    """More strength means further from the photo; strength 0 gives its very pixels."""
    results = [match(CAT, ROCKET, strength=share) for share in (0.0, 0.4, 1.0)]
    moved = [float(np.abs(CAT.astype(float) - result).mean()) for result in results]
    assert moved[0] == 0
    assert moved == sorted(moved)


def test_the_same_style_changes_next_to_nothing() -> None:
    """A photo matched to itself, or to itself in another size, stays as it is."""
    assert np.abs(match(COFFEE, COFFEE, strength=1.0).astype(int) - COFFEE).max() <= 3
    other = match(COFFEE, small(COFFEE, 150), strength=1.0)
    assert np.abs(other.astype(int) - COFFEE).mean() < 1


def test_a_smooth_sky_stays_smooth() -> None:
    """A slope without steps gets none: neighbours differ by little and only in one direction."""
    along = np.linspace(0, 1, 300)[None, :, None]
    sky = np.array([60, 110, 190]) * (1 - along) + np.array([200, 215, 230]) * along
    sky = np.rint(np.repeat(sky, 100, axis=0)).astype(np.uint8)
    for style in (ROCKET, COFFEE):
        steps = np.diff(match(sky, style)[50].astype(int), axis=0)
        assert np.abs(steps).max() <= 4


def test_chance_plays_no_part() -> None:
    """The same two photos give the same bytes."""
    assert np.array_equal(match(CAT, COFFEE), match(CAT, COFFEE))


def test_a_face_keeps_more_of_its_own_colour_than_the_rest() -> None:
    """Under a night sky a face turns less than its surroundings, and is not driven into white."""
    photo = data.astronaut()[:256, 96:352]
    skin = skin_map(photo, find_faces(photo)) > 0.8
    assert skin.sum() > 1000
    result = match(photo, ROCKET, strength=1.0)
    open_ = through(learned(small(photo, 160), small(ROCKET, 160)), photo)
    turned, unheld = (np.abs(to_lab(p)[skin] - to_lab(photo)[skin]).mean() for p in (result, open_))
    assert turned < 0.7 * unheld
    white = match(photo, np.full((40, 40, 3), 250, np.uint8) - (CAT[:40, :40] % 6), strength=1.0)
    assert np.percentile(white[skin].max(-1), 95) < 252


def test_odd_pictures_are_taken_as_they_come() -> None:
    """One pixel, one colour, a style without colour, a photo without colour: no error, same shape."""
    dark = np.full((50, 60, 3), 7, np.uint8)
    for photo, style in ((CAT[:1, :1], COFFEE), (CAT[:3], dark), (dark, CAT[:1, :1])):
        assert match(photo, style).shape == photo.shape
    grey = cv2.cvtColor(cv2.cvtColor(CAT, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert apart(match(grey, COFFEE), COFFEE) < apart(grey, COFFEE)
    without = match(COFFEE, grey, strength=1.0)
    assert np.abs(to_lab(without)[..., 1:]).mean() < 0.15 * np.abs(to_lab(COFFEE)[..., 1:]).mean()


def test_a_strength_out_of_range_is_an_error() -> None:
    """Strength is a share."""
    with pytest.raises(ValueError, match="outside 0 to 1"):
        match(CAT, COFFEE, strength=1.2)


def test_progress_rises_to_one_and_can_stop_the_work() -> None:
    """Fractions only grow; what the listener raises ends the work."""
    seen: list[float] = []
    match(CAT, COFFEE, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(fraction: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        match(CAT, COFFEE, progress=stop)
