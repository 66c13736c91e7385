"""The figures beside scikit-image's on real photos, and what a mask does to them."""

import math

import cv2
import numpy as np
import pytest
from skimage import color, data, metrics

from retouch_nb.errors import PictureError
from retouch_nb.metrics import Pixels, Where, ciede2000, delta_e, measure, psnr, ssim


@pytest.fixture(scope="module")
def pair() -> tuple[Pixels, Pixels]:
    """Give a photo, and the same with grain, a colour cast and a patch of another picture."""
    photo = np.asarray(data.astronaut()[:200, 60:301], np.uint8)
    grain = np.random.default_rng(0).normal(0, 6, photo.shape)
    other = np.clip(photo + grain + np.array([4, 0, -7]), 0, 255).astype(np.uint8)
    other[40:80, 50:110] = data.coffee()[100:140, 100:160]
    return photo, other


@pytest.fixture(scope="module")
def patch(pair: tuple[Pixels, Pixels]) -> Where:
    """Give the mask of that patch."""
    mask = np.zeros(pair[0].shape[:2], bool)
    mask[40:80, 50:110] = True
    return mask


def similarity(a: Pixels, b: Pixels) -> tuple[float, np.ndarray]:
    value, plane = metrics.structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, use_sample_covariance=False, full=True
    )
    return value, plane.mean(axis=2)


def test_psnr_is_that_of_scikit_image(pair: tuple[Pixels, Pixels]) -> None:
    """To a ten-thousandth of a decibel."""
    assert psnr(*pair) == pytest.approx(metrics.peak_signal_noise_ratio(*pair), abs=1e-4)


def test_ssim_is_that_of_scikit_image(pair: tuple[Pixels, Pixels]) -> None:
    """As a whole and, by its map, inside a mask."""
    assert ssim(*pair) == pytest.approx(similarity(*pair)[0], abs=1e-4)


def test_ssim_inside_a_mask_is_the_mean_of_the_map_there(
    pair: tuple[Pixels, Pixels], patch: Where
) -> None:
    """The mask chooses among the same windows."""
    assert ssim(*pair, patch) == pytest.approx(similarity(*pair)[1][patch].mean(), abs=1e-4)


def test_colour_difference_is_that_of_scikit_image(
    pair: tuple[Pixels, Pixels], patch: Where
) -> None:
    """CIEDE2000 on a real photo, whole and masked."""
    lab = [color.rgb2lab(picture) for picture in pair]
    expected = color.deltaE_ciede2000(*lab)
    assert delta_e(*pair) == pytest.approx(expected.mean(), abs=1e-3)
    assert delta_e(*pair, patch) == pytest.approx(expected[patch].mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_formula_gives_the_published_pairs(
    one: tuple[float, ...], two: tuple[float, ...], expected: float
) -> None:
    """Pairs of the table of Sharma, Wu and Dalal, chosen for the corners of the formula; both ways round."""
    for pair in ((one, two), (two, one)):
        assert float(ciede2000(*map(np.array, pair))) == pytest.approx(expected, abs=1e-4)


def test_the_formula_is_that_of_scikit_image_everywhere() -> None:
    """On colours of all hues, greys among them."""
    colours = np.random.default_rng(1).uniform((0, -100, -100), (100, 100, 100), (2, 5000, 3))
    colours[:, :50, 1:] = 0
    assert np.allclose(ciede2000(*colours), color.deltaE_ciede2000(*colours), atol=1e-9)


def test_equal_pictures_are_equal_by_every_figure(pair: tuple[Pixels, Pixels]) -> None:
    """Infinite, one, zero and zero."""
    whole = measure(pair[0], pair[0]).whole
    assert (whole.psnr, whole.ssim, whole.delta_e, whole.drift) == (math.inf, 1.0, 0.0, 0.0)


def test_a_change_inside_the_mask_is_not_counted_outside(
    pair: tuple[Pixels, Pixels], patch: Where
) -> None:
    """Outside nothing changed, so PSNR is infinite there and the drift is zero."""
    photo, other = pair
    after = np.where(patch[..., None], other, photo)
    found = measure(photo, after, patch)
    assert found.inside and found.outside
    assert found.inside.psnr == pytest.approx(psnr(photo, other, patch))
    assert (found.outside.psnr, found.outside.delta_e, found.outside.drift) == (math.inf, 0, 0)


def test_the_parts_add_up_to_the_whole(pair: tuple[Pixels, Pixels], patch: Where) -> None:
    """Drift inside and outside, weighted by their areas, is the drift of the whole."""
    found = measure(*pair, patch)
    assert found.inside and found.outside
    share = patch.mean()
    parts = share * found.inside.drift + (1 - share) * found.outside.drift
    assert found.whole.drift == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize("full", [True, False])
def test_a_side_of_the_mask_without_pixels_has_no_figures(full: bool) -> None:
    """Neither inside an empty mask nor outside a full one."""
    grey = np.full((16, 16, 3), 9, np.uint8)
    found = measure(grey, grey, np.full((16, 16), full))
    assert (found.inside is None, found.outside is None) == (not full, full)


def test_an_enlarged_result_is_compared_at_the_size_of_its_photo(
    pair: tuple[Pixels, Pixels],
) -> None:
    """Doubling by repeated pixels changes nothing, and the figures say that sizes differed."""
    photo = pair[0]
    found = measure(photo, photo.repeat(2, axis=0).repeat(2, axis=1))
    assert found.resized and found.whole.drift == 0
    assert measure(photo, cv2.resize(photo, None, fx=0.5, fy=0.5)).whole.drift > 0


def test_alpha_plays_no_part(pair: tuple[Pixels, Pixels]) -> None:
    """Only colours are compared."""
    photo = pair[0]
    alpha = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])
    assert psnr(photo, alpha) == math.inf


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (11, 11)])
def test_tiny_pictures_are_measured_too(shape: tuple[int, int]) -> None:
    """Where no whole window fits, those that reach over the border count."""
    dark = np.full((*shape, 3), 10, np.uint8)
    assert ssim(dark, dark) == 1 and 0 < ssim(dark, dark + 40) < 1


def test_what_cannot_be_compared_is_refused(pair: tuple[Pixels, Pixels]) -> None:
    """Other sizes, other types, a mask of another size."""
    photo = pair[0]
    with pytest.raises(PictureError, match="cannot be compared pixel by pixel"):
        psnr(photo, photo[1:])
    with pytest.raises(PictureError, match="no picture"):
        ssim(photo, photo.astype(float))  # type: ignore[arg-type]
    with pytest.raises(PictureError, match="mask"):
        measure(photo, photo, np.ones((2, 2), bool))
