"""Specks on plain and folded cloth are found and filled; the photo's own small things mostly stay."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.blend import composite
from retouch_nb.imaging.portrait.dust import dust, speck_radius, specks
from retouch_nb.imaging.portrait.made import Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene


def cloth() -> Pixels:
    """Give dark cloth with folds and grain."""
    y, x = np.mgrid[:300, :400]
    folds = 45 + 14 * np.sin(x / 31 + y / 60) + 8 * np.sin(y / 23)
    grain = np.random.default_rng(0).normal(0, 2.5, folds.shape)
    return np.clip(np.stack([folds + grain] * 3, -1) * (1, 0.8, 0.7), 0, 255).astype(np.uint8)


def dusted(clean: Pixels, number: int = 40, radius: int = 1) -> Pixels:
    """Strew light specks."""
    dirty, dice = clean.copy(), np.random.default_rng(1)
    for x, y in dice.integers(10, (390, 290), (number, 2)).tolist():
        level = int(dice.integers(120, 200))
        cv2.circle(dirty, (x, y), radius, (level, level, level), -1, cv2.LINE_AA)
    return dirty


CLEAN = cloth()
DIRTY = dusted(CLEAN)


def swept(photo: Pixels, settings: Settings) -> Pixels:
    """Lay the plug-in's layer, if any, on the photo."""
    patch = dust(Scene(photo), photo, settings).result
    if not isinstance(patch, Patch):
        return photo
    return composite(photo, [(patch.pixels, patch.blend_mode, 1.0, patch.offset)])


def error(photo: Pixels) -> float:
    """Give the mean squared difference from the clean cloth."""
    return float(np.square(photo.astype(float) - CLEAN).mean())


def test_specks_go_and_the_cloth_between_them_stays() -> None:
    """Nine tenths of the damage go; not one in two hundred clean pixels changes."""
    after = swept(DIRTY, {"Alpha1": 1.0})
    assert error(after) < 0.1 * error(DIRTY)
    clean = (DIRTY == CLEAN).all(-1)
    assert (after != DIRTY).any(-1)[clean].mean() < 0.02


def test_more_alpha_is_more() -> None:
    """From 0 to 1 the specks fade, beyond it fainter ones go too; 0 does nothing."""
    moved = [np.abs(swept(DIRTY, {"Alpha1": a}).astype(int) - DIRTY).sum() for a in (0, 0.5, 1, 2)]
    assert moved == sorted(moved)
    assert moved[0] == 0
    assert moved[1] > 0


def test_scale_is_the_size_of_the_dirt() -> None:
    """Specks of three pixels' radius are found as large dirt and not as the finest."""
    large = dusted(CLEAN, 15, radius=3)
    coarse, fine = (specks(large, size=speck_radius(large.shape, {"Scale": s})) for s in (1, 3))
    assert coarse.sum() > 10 * fine.sum()
    assert [speck_radius((100, 100), {"Scale": s}) for s in (1, 2, 3)] == [4, 2, 1]


@pytest.mark.parametrize("photo", [data.astronaut, data.coffee, data.chelsea])
def test_a_photo_without_dust_keeps_nearly_every_pixel(photo: object) -> None:
    """Glints, hair, print and fur are no dust: less than 6 in 1000 pixels are taken for it."""
    assert specks(photo(), size=2).mean() < 0.006  # type: ignore[operator]


def test_eyes_and_lips_are_not_dusted() -> None:
    """A white speck on the cheek goes, the same in the eye stays: it is its glint."""
    portrait = data.astronaut()[:256, 96:352]
    scene = Scene(portrait)
    x, y = (round(v) for v in scene.faces[0].left_eye)
    dirty = portrait.copy()
    dirty[y, x] = dirty[y - 60, x] = 255
    after = swept(dirty, {"Alpha1": 2.0})
    assert after[y, x].min() == 255


def test_nothing_found_is_said() -> None:
    """Plain cloth gives a note and no layer."""
    made = dust(Scene(CLEAN), np.full_like(CLEAN, 60), {"Alpha1": 1.0})
    assert made.result is None
    assert "no specks" in made.notes[0]


def test_a_tall_photo_is_searched_in_bands_without_a_seam() -> None:
    """Specks are found all down a photo of several bands, and the cloth between them is not."""
    tall = np.full((9000, 600, 3), 40, np.uint8)
    rows = np.arange(50, 8990, 61)
    tall[rows, 300] = 180
    found = specks(tall, size=2)
    assert found[rows, 300].all()
    assert found.sum() == 9 * len(rows)
