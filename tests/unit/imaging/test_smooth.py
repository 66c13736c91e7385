"""The shared smoothing primitives against their textbook forms."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from retouch_nb.imaging.smooth import (
    Plane,
    as_plane,
    blur,
    from_lab,
    guided_filter,
    masked_blur,
    to_lab,
)


def textbook_guided(plane: Plane, radius: int, eps: float) -> Plane:
    """Filter as in 2010: every window at full size."""

    def mean(of: Plane) -> Plane:
        return as_plane(cv2.blur(of, (2 * radius + 1,) * 2))

    average = mean(plane)
    variance = mean(plane * plane) - average**2
    slope = variance / (variance + eps)
    return as_plane(mean(slope) * plane + mean(average - slope * average))


@pytest.fixture(scope="module")
def light() -> Plane:
    """Give the lightness of a photo."""
    return np.ascontiguousarray(to_lab(data.coffee())[..., 0])


@pytest.mark.parametrize(("radius", "eps"), [(4, 4.0), (12, 9.0), (40, 25.0)])
def test_guided_filter_agrees_with_its_textbook_form(light: Plane, radius: int, eps: float) -> None:
    """Statistics on a reduced copy change the result by a fraction of a step of lightness."""
    away = np.abs(guided_filter(light, radius, eps=eps) - textbook_guided(light, radius, eps))
    assert away.mean() < 0.2
    assert np.percentile(away, 99) < 1.0


def test_guided_filter_flattens_grain_and_keeps_a_step() -> None:
    """Variation below eps goes, an edge far above it stays where it is."""
    step = np.repeat(np.repeat(np.float32([[20, 80]]), 64, axis=1), 128, axis=0)
    grainy = step + np.random.default_rng(1).normal(0, 1.5, step.shape).astype(np.float32)
    smooth = guided_filter(grainy, 10, eps=30.0)
    assert smooth[20:-20, 8:40].std() < 0.5
    assert smooth[64, 66] - smooth[64, 61] > 50


def test_guided_filter_brings_a_mask_to_the_edge_of_its_guide() -> None:
    """A mask that is three pixels off gets its steepest place where the picture has its edge."""
    guide = np.repeat(np.repeat(np.float32([[20, 80]]), 32, axis=1), 64, axis=0)
    off = np.zeros((64, 64), np.float32)
    off[:, 35:] = 1
    fitted = guided_filter(off, 12, eps=1.0, guide=guide)
    assert np.argmax(np.diff(fitted[32])) == 31


@pytest.mark.parametrize("sigma", [0.8, 3.0, 9.0, 30.0])
def test_blur_is_a_gaussian_blur(light: Plane, sigma: float) -> None:
    """However wide, it stays within 1 % of the range of the blur made at full size, 4 % at the border."""
    exact = cv2.GaussianBlur(light, (0, 0), sigma)
    away = np.abs(blur(light, sigma) - exact)
    border = 1 + round(2 * sigma)
    assert away[border:-border, border:-border].max() < 1.0
    assert away.max() < 4.0


def test_blur_by_nothing_is_a_copy(light: Plane) -> None:
    """A sigma of 0 gives the same values in memory of their own."""
    same = blur(light, 0)
    assert np.array_equal(same, light)
    assert not np.shares_memory(same, light)


def test_masked_blur_takes_nothing_from_outside(light: Plane) -> None:
    """Whatever stands outside the mask, the average inside stays the same."""
    weight = np.zeros_like(light)
    weight[100:250, 150:400] = 1
    shouting = np.where(weight > 0, light, 1000).astype(np.float32)
    quiet = np.where(weight > 0, light, 0).astype(np.float32)
    difference = masked_blur(shouting, weight, sigma=7.0) - masked_blur(quiet, weight, sigma=7.0)
    assert np.abs(difference[weight > 0]).max() < 1e-2


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    reach=st.floats(1, 60),
    value=st.floats(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_a_flat_plane_stays_flat(height: int, width: int, reach: float, value: float) -> None:
    """Of any size and value, under any reach, smoothing what is smooth changes nothing."""
    plane = np.full((height, width), value, np.float32)
    for smooth in (guided_filter(plane, reach, eps=1.0), blur(plane, reach)):
        assert smooth.shape == plane.shape
        assert smooth == pytest.approx(plane, abs=0.02)


def test_lab_and_back_is_the_same_picture() -> None:
    """No channel of any pixel moves by more than one step."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    lab = to_lab(pixels)
    assert 0 <= lab[..., 0].min() <= lab[..., 0].max() <= 100.01
    assert np.abs(from_lab(lab).astype(int) - pixels).max() <= 1
