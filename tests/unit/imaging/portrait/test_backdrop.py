"""A studio backdrop loses its dirt and keeps its fall of light and its grain; the rest stays."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.blend import composite
from retouch_nb.imaging.portrait.backdrop import backdrop_map, clean_backdrop
from retouch_nb.imaging.portrait.made import Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene

THING = np.s_[180:300, 110:230]


def studio() -> Pixels:
    """Give a lit backdrop with grain, and a striped thing before it."""
    y, x = np.mgrid[:360, :340] / 340
    light = np.stack([150 + 45 * y - 50 * (x - 0.4) ** 2] * 3, -1)
    light += (0, 5, 12)
    light += np.random.default_rng(0).normal(0, 2.0, light.shape[:2])[..., None]
    light[THING] = np.where((np.arange(120) // 15 % 2)[:, None, None], (180, 40, 30), (30, 40, 90))
    return np.clip(light, 0, 255).astype(np.uint8)


def soiled(clean: Pixels) -> Pixels:
    """Put soft dark stains above the thing."""
    dirty, dice = clean.astype(np.float32), np.random.default_rng(3)
    for x, y in dice.integers(15, (325, 150), (12, 2)).tolist():
        stain = np.zeros(clean.shape[:2], np.float32)
        cv2.circle(stain, (x, y), int(dice.integers(1, 4)), 1, -1)
        dirty -= 60 * cv2.GaussianBlur(stain, (0, 0), 1.2)[..., None]
    return np.clip(dirty, 0, 255).astype(np.uint8)


CLEAN = studio()
DIRTY = soiled(CLEAN)


def cleaned(photo: Pixels, settings: Settings) -> Pixels:
    """Lay the plug-in's layer, if any, on the photo."""
    patch = clean_backdrop(Scene(photo), photo, settings).result
    if not isinstance(patch, Patch):
        return photo
    return composite(photo, [(patch.pixels, patch.blend_mode, 1.0, patch.offset)])


@pytest.fixture(scope="module")
def after() -> Pixels:
    """Give the dirty backdrop, cleaned at full strength."""
    return cleaned(DIRTY, {"Alpha1": 1.0})


def test_stains_go_light_and_grain_stay(after: Pixels) -> None:
    """Nine tenths of the dirt's energy go; the slope stays within a level, the grain within half."""
    stained = np.abs(DIRTY.astype(int) - CLEAN).max(-1) > 12
    error = [np.square(p.astype(float)[stained] - CLEAN[stained]).mean() for p in (DIRTY, after)]
    assert error[1] < 0.1 * error[0]
    for part in (np.s_[20:60, 20:60], np.s_[310:350, 270:330]):
        assert abs(float(after[part].mean()) - float(CLEAN[part].mean())) < 1
    plain = np.s_[310:350, 40:300]
    grain = [
        float((p[plain] - cv2.GaussianBlur(p[plain].astype(np.float32), (0, 0), 2)).std())
        for p in (CLEAN, after)
    ]
    assert 0.5 < grain[1] / grain[0] < 1.2


def test_what_stands_before_the_backdrop_stays_to_the_bit(after: Pixels) -> None:
    """The thing keeps every byte."""
    assert np.array_equal(after[THING], DIRTY[THING])


def test_more_alpha_is_more(after: Pixels) -> None:
    """From 0 to 1 the change grows; 0 does nothing."""
    none, half = (cleaned(DIRTY, {"Alpha1": amount}) for amount in (0, 0.5))
    moved = [int(np.abs(p.astype(int) - DIRTY).sum()) for p in (none, half, after)]
    assert 0 == moved[0] < moved[1] < moved[2]


def test_scale_says_which_spots_are_dirt() -> None:
    """A dark spot of 5 % of the photo is dirt at Scale 1, and a thing at Scale 3."""
    photo = CLEAN.copy()
    cv2.circle(photo, (60, 60), 8, (20, 20, 20), -1)
    large, fine = (cleaned(photo, {"Alpha1": 1.0, "Scale": scale}) for scale in (1, 3))
    assert large[60, 60].min() > 100
    assert fine[60, 60].max() < 30


def test_a_photo_without_a_plain_backdrop_stays() -> None:
    """Fur, grass and a wooden table are no backdrop: no layer, and a note."""
    cat = np.asarray(data.chelsea()[:200, 100:350], np.uint8)
    grass = np.asarray(cv2.cvtColor(data.grass()[:200, :250], cv2.COLOR_GRAY2RGB), np.uint8)
    for photo in (cat, grass, np.asarray(data.coffee(), np.uint8)):
        made = clean_backdrop(Scene(photo), photo, {"Alpha1": 1.0})
        assert made.result is None
        assert "no plain backdrop" in made.notes[0]


def test_automask_keeps_a_person_in_the_colour_of_the_backdrop() -> None:
    """With Automask a face is not backdrop, whatever its colour; without anybody it says so."""
    photo = np.asarray(data.astronaut()[:256, 96:352], np.uint8)
    kept = cleaned(photo, {"Alpha1": 1.0, "Automask": True})
    assert np.array_equal(kept[60:150, 94:154], photo[60:150, 94:154])
    notes = clean_backdrop(Scene(DIRTY), DIRTY, {"Alpha1": 1.0, "Automask": True}).notes
    assert "nobody" in notes[0]


def test_the_map_is_a_share() -> None:
    """Every value is from 0 to 1, and the thing is out of it."""
    found = backdrop_map(DIRTY)
    assert 0 <= found.min() <= found.max() <= 1
    assert found[THING].max() == 0
    assert found[:150].mean() > 0.95
