"""Wrinkles go from the clothes and from nowhere else, the more the stronger."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.blend import composite
from retouch_nb.imaging.portrait.fabric import fabric, wrinkles
from retouch_nb.imaging.portrait.made import Patch, Pixels
from retouch_nb.imaging.portrait.person import clothes_map
from retouch_nb.imaging.portrait.scene import Scene

PHOTO = np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Give a portrait, half length."""
    return Scene(PHOTO)


def ironed(scene: Scene, amount: float) -> Pixels:
    """Lay the plug-in's layer on the photo."""
    patch = fabric(scene, PHOTO, {"Alpha1": amount}).result
    assert isinstance(patch, Patch)
    return composite(PHOTO, [(patch.pixels, patch.blend_mode, 1.0, patch.offset)])


@pytest.fixture(scope="module")
def smooth(scene: Scene) -> Pixels:
    """Give the photo with its clothes ironed at full blend."""
    return ironed(scene, 1.0)


def folds(photo: Pixels) -> np.ndarray:
    """Give the lights and shades of the size of wrinkles."""
    light = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(light, (0, 0), 2.5) - cv2.GaussianBlur(light, (0, 0), 10)


def test_clothes_get_smoother_and_the_rest_stays_to_the_bit(scene: Scene, smooth: Pixels) -> None:
    """The suit's light varies less; face, hair and wall keep every byte."""
    suit = np.s_[260:330, 60:120]
    assert folds(smooth)[suit].std() < 0.75 * folds(PHOTO)[suit].std()
    outside = clothes_map(PHOTO, scene.faces) == 0
    assert outside.mean() > 0.4
    assert np.array_equal(smooth[outside], PHOTO[outside])


def test_more_alpha_is_more(scene: Scene, smooth: Pixels) -> None:
    """From 0 to 2 the change grows; 0 has no layer."""
    moved = [np.abs(p.astype(int) - PHOTO).mean() for p in (smooth, ironed(scene, 2.0))]
    assert 0 < moved[0] < moved[1]
    assert fabric(scene, PHOTO, {"Alpha1": 0}).result is None


def test_edges_and_weave_are_no_wrinkles() -> None:
    """A strong edge and a fine weave stay; a soft wave goes."""
    x = np.arange(200, dtype=np.float32)
    edge = np.tile(np.where(x < 100, 20, 80).astype(np.float32), (200, 1))
    weave = np.tile(50 + 4 * np.sin(2 * np.pi * x / 2.5), (200, 1)).astype(np.float32)
    wave = np.tile(50 + 3 * np.sin(2 * np.pi * x / 30), (200, 1)).astype(np.float32)
    edge_left, weave_left = (np.abs(wrinkles(p, unit=60)).mean() for p in (edge, weave))
    assert edge_left < 1
    assert weave_left < 0.4
    rest = wave - wrinkles(wave, unit=60)
    assert rest[:, 50:150].std() < 0.4 * wave.std()


def test_without_a_face_it_says_so() -> None:
    """Clothes cannot be told without a face; then the photo stays and a note says why."""
    made = fabric(Scene(PHOTO[300:]), PHOTO[300:], {"Alpha1": 1.0})
    assert made.result is None
    assert "nothing was changed" in made.notes[0]
