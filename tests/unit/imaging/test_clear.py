"""Clearing: the net does what it is told, where it is told, and its files are what they should be."""

from importlib.resources import files

import numpy as np
import onnx
import pytest
from skimage import data

from retouch_nb.imaging.clear import clear
from retouch_nb.imaging.light import Pixels, light_of
from retouch_nb.imaging.weights.leaves import leaves

WEIGHTS = files("retouch_nb.imaging").joinpath("weights")


@pytest.fixture
def photo() -> Pixels:
    """Give part of a photo no net was trained on."""
    return np.asarray(data.chelsea()[60:220, 80:300], np.uint8)


def test_told_of_nothing_it_changes_hardly_anything(photo: Pixels) -> None:
    """Half a tone on average."""
    cleared = clear(photo, noise=0.0, softness=0.0)
    assert np.abs(cleared.astype(int) - photo).mean() < 0.5


def test_the_more_noise_it_is_told_of_the_smoother_the_result(photo: Pixels) -> None:
    """Judged by the steps from pixel to pixel."""
    steps = [
        np.abs(np.diff(light_of(clear(photo, noise=noise, softness=0.0)), axis=1)).mean()
        for noise in (0.0, 3.0, 8.0, 15.0)
    ]
    assert steps == sorted(steps, reverse=True)


def test_a_map_says_where_softness_is_undone(photo: Pixels) -> None:
    """One half as if sharp, the other as if soft, each away from where they meet."""
    soft = np.zeros(photo.shape[:2], np.float32)
    soft[:, 110:] = 1
    mixed = clear(photo, noise=0.0, softness=soft)
    assert (mixed[:, :90] == clear(photo, noise=0.0, softness=0.0)[:, :90]).all()
    assert (mixed[:, 130:] == clear(photo, noise=0.0, softness=1.0)[:, 130:]).all()


def test_colours_stay(photo: Pixels) -> None:
    """The same light is added to red, green and blue."""
    cleared = clear(photo, noise=5.0, softness=1.0)
    unclipped = (cleared > 0).all(2) & (cleared < 255).all(2)
    assert np.ptp(cleared.astype(int) - photo, axis=2)[unclipped].max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (11, 13), (400, 37)])
def test_any_shape_keeps_its_shape(shape: tuple[int, int]) -> None:
    """Odd sides too."""
    grey = np.full((*shape, 3), 90, np.uint8)
    cleared = clear(grey, noise=2.0, softness=1.0)
    assert cleared.shape == grey.shape
    assert np.abs(cleared.astype(int) - 90).max() <= 2


def test_the_nets_are_small_and_plain() -> None:
    """Together below 300 kB; convolutions and ReLUs, which any OpenCV 4 runs."""
    models = [WEIGHTS.joinpath(f"{name}.onnx").read_bytes() for name in ("enlarge", "clear")]
    assert sum(map(len, models)) < 300_000
    for model in models:
        graph = onnx.load_model_from_string(model).graph
        assert {node.op_type for node in graph.node} == {"Cast", "Conv", "Relu"}


def test_drawn_pictures_are_the_same_every_time() -> None:
    """So that the training can be repeated; and they hold light and dark."""
    first, again, other = (leaves(64, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.ptp(first) > 0.2
