"""One portrait, analysed once for all tests of this folder."""

import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.landmarks import carried, inverse
from retouch_nb.imaging.portrait.made import Patch, Pixels
from retouch_nb.imaging.portrait.scene import Scene


@pytest.fixture(scope="session")
def portrait() -> Pixels:
    """Give the upper part of a portrait, half length."""
    return np.asarray(data.astronaut()[:256, 96:352], np.uint8).copy()


@pytest.fixture(scope="session")
def scene(portrait: Pixels) -> Scene:
    """Give the portrait with what is known of it."""
    return Scene(portrait)


@pytest.fixture(scope="session")
def place(scene: Scene):
    """Give a way from eye distances to pixels of the portrait."""
    back = inverse(scene.faces[0].frame)
    return lambda x, y: carried(back, np.array([x, y], float))


@pytest.fixture(scope="session")
def spread():
    """Give a way to see where in the photo a patch changes something."""

    def of(patch: Patch, shape: tuple[int, ...]) -> np.ndarray:
        seen = np.zeros(shape[:2], bool)
        (x, y), alpha = patch.offset, patch.pixels[..., 3] > 0
        seen[y : y + alpha.shape[0], x : x + alpha.shape[1]] = alpha
        return seen

    return of


@pytest.fixture(scope="session")
def spotted(portrait: Pixels, place) -> tuple[Pixels, list[tuple[float, float]]]:
    """Give the portrait with six red spots on cheeks and chin, and where they are."""
    places = [(-0.75, 0.75), (-0.6, 0.5), (0.6, 0.75), (0.75, 1.0), (-0.55, 1.3), (0.1, 1.45)]
    picture = portrait.astype(float)
    y, x = np.mgrid[: portrait.shape[0], : portrait.shape[1]]
    for spot in places:
        across, down = place(*spot)
        weight = np.exp(-((x - across) ** 2 + (y - down) ** 2) / 2 / 1.3**2)
        picture += weight[..., None] * (-20, -60, -50)
    return np.clip(picture, 0, 255).astype(np.uint8), places
