"""The eye for noise, on photos to which a known amount was added, and what is done about colours."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.light import Pixels, light_of
from retouch_nb.imaging.noise import block_borders, calm_colours, noise_level
from retouch_nb.imaging.smooth import Plane, as_plane

PHOTOS = ("chelsea", "rocket", "coffee", "camera", "brick")


def light(name: str) -> Plane:
    """Give the luma of one of scikit-image's photos."""
    photo = np.asarray(getattr(data, name)(), np.uint8)
    return as_plane(photo) if photo.ndim == 2 else light_of(photo)


def noisy(plane: np.ndarray, noise: float) -> np.ndarray:
    """Add white noise and round to bytes."""
    grain = np.random.default_rng(1).normal(0, noise, plane.shape)
    return np.clip(np.round(plane + grain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("noise", [3, 6, 12])
def test_white_noise_is_read_whatever_the_photo_shows(name: str, noise: float) -> None:
    """Within a sixth."""
    assert noise_level(as_plane(noisy(light(name), noise))) == pytest.approx(noise, rel=1 / 6)


@pytest.mark.parametrize("name", [*PHOTOS, "grass", "gravel"])
def test_the_texture_of_a_clean_photo_is_not_noise(name: str) -> None:
    """Not even grass and gravel read as more than one tone."""
    assert noise_level(light(name)) < 1


def test_noise_is_seen_through_jpeg() -> None:
    """JPEG takes the finest grain away; the next size still shows it."""
    tones = noisy(light("rocket"), 4)
    packed = cv2.imencode(".jpg", tones, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    assert 1 < noise_level(as_plane(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))) < 4


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "camera"])
def test_blocks_stand_out_the_more_the_stronger_jpeg_is(name: str) -> None:
    """And not at all in a photo that was not compressed, even enlarged or noisy."""
    tones = light(name)
    found = [
        block_borders(as_plane(cv2.imdecode(cv2.imencode(".jpg", tones, [1, quality])[1], 0)))
        for quality in (90, 75, 50, 30)
    ]
    assert found == sorted(found)
    assert found[1] > 0.3
    assert block_borders(tones) < 0.1
    assert block_borders(as_plane(noisy(tones, 8))) < 0.1
    assert block_borders(as_plane(cv2.resize(tones, None, fx=2, fy=2))) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (11, 40), (63, 63)])
def test_a_small_picture_tells_nothing(shape: tuple[int, int]) -> None:
    """Its grain could as well be what it shows."""
    assert noise_level(as_plane(noisy(np.full(shape, 128), 9))) == 0


@pytest.fixture
def halves() -> Pixels:
    """Give red beside green of the same luma."""
    picture = np.full((96, 128, 3), (200, 60, 40), np.uint8)
    picture[:, 64:] = (40, 138, 51)
    return picture


def test_coloured_noise_becomes_less_and_luma_stays(halves: Pixels) -> None:
    """Half of it goes at least."""
    given = noisy(halves, 6)
    calm = calm_colours(given, noise=4.0)
    colours = [cv2.cvtColor(p, cv2.COLOR_RGB2YCrCb)[:, :56, 1:].std((0, 1)) for p in (given, calm)]
    assert (colours[1] < colours[0] / 2).all()
    assert np.abs(light_of(calm) - light_of(given)).max() <= 1.5


def test_colours_do_not_run_over_an_edge(halves: Pixels) -> None:
    """Red stays red up to the pixel beside green, though both are as light."""
    assert np.abs(calm_colours(halves, noise=6.0).astype(int) - halves).max() <= 1
