"""Style matching: ours against Reinhard's means and spreads, and histogram matching.

Distance: sliced Wasserstein in Lab, left of what it was; structure: SSIM of the light; steps: how
many times steeper the steepest gradients of colour became. ``--sheet PATH`` saves the pictures.
"""

import argparse
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.exposure import match_histograms
from skimage.metrics import structural_similarity

from retouch_nb.imaging.smooth import from_lab, to_lab
from retouch_nb.imaging.style import match
from tests.bench.measure import Row, against, medians, table

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels, Pixels], Pixels]


def reinhard(photo: Pixels, style: Pixels) -> Pixels:
    """Give every plane of Lab the mean and the spread of the style's."""
    lab, wanted = to_lab(photo), to_lab(style)
    scaled = (lab - lab.mean((0, 1))) / lab.std((0, 1)) * wanted.std((0, 1)) + wanted.mean((0, 1))
    return from_lab(scaled.astype(np.float32))


def histogram(photo: Pixels, style: Pixels) -> Pixels:
    """Match the histograms of red, green and blue, each by itself."""
    return np.asarray(match_histograms(photo, style, channel_axis=-1)).astype(np.uint8)


WAYS: dict[str, Way] = {
    "Reinhard": reinhard,
    "histogram matching (scikit-image)": histogram,
    "ours, 70 %": match,
    "ours, 100 %": partial(match, strength=1.0),
}


def pairs() -> list[tuple[Pixels, Pixels]]:
    """Give photos and the looks wanted for them."""
    portrait, coffee, rocket, cat = data.astronaut(), data.coffee(), data.rocket(), data.chelsea()
    return [(portrait, coffee), (portrait, rocket), (coffee, rocket), (cat, rocket), (cat, coffee)]


def distance(one: Pixels, other: Pixels) -> float:
    """Give the sliced Wasserstein distance of two pictures' colours in Lab."""
    axes = np.random.default_rng(1).normal(size=(3, 30))
    axes /= np.linalg.norm(axes, axis=0)
    shares = np.linspace(0, 1, 100)
    first, second = (
        np.quantile(to_lab(p).reshape(-1, 3) @ axes, shares, axis=0) for p in (one, other)
    )
    return float(np.abs(first - second).mean())


def structure(one: Pixels, other: Pixels) -> float:
    """Give the structural similarity of two pictures' light."""
    return float(
        structural_similarity(*(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (one, other)))
    )


def steepness(pixels: Pixels) -> float:
    """Give the 99.9th percentile of how fast colour changes from pixel to pixel."""
    colours = to_lab(pixels)[..., 1:]
    return float(np.percentile(np.abs(np.diff(colours, axis=1)).max(-1), 99.9))


def main() -> list[Row]:
    """Print quality on five pairs, then seconds at 12 megapixels."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sheet")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    results = {name: [way(*pair) for pair in pairs()] for name, way in WAYS.items()}
    photo, style = (cv2.resize(p, (4000, 3000)) for p in pairs()[0])
    rivals = {name: partial(way, photo, style) for name, way in WAYS.items()}
    seconds = medians(rivals, rounds=given.rounds)
    rows = [[name, *_quality(done), f"{seconds[name]:.2f}"] for name, done in results.items()]
    before = np.mean([distance(*pair) for pair in pairs()])
    head = ["way", f"distance (before: {before:.1f})", "SSIM", "steps", "s at 12 MP"]
    print(table("The look of one photo on another", head, rows))
    if given.sheet:
        cv2.imwrite(given.sheet, _sheet(results)[..., ::-1])
    ours = "ours, 70 %"
    steps = {name: float(_quality(done)[2]) for name, done in results.items()}
    return [
        Row("matching a style, 12 MP", seconds[ours], against(ours, seconds)),
        Row(
            "matching a style: steepest gradients, 1 is as before",
            steps[ours],
            against(ours, steps),
            "",
        ),
    ]


def _quality(results: list[Pixels]) -> list[str]:
    each = list(zip(results, pairs(), strict=True))
    left = np.mean([distance(result, style) for result, (_, style) in each])
    kept = np.mean([structure(result, photo) for result, (photo, _) in each])
    steps = max(steepness(result) / steepness(photo) for result, (photo, _) in each)
    return [f"{left:.1f}", f"{kept:.2f}", f"{steps:.1f}"]


def _sheet(results: dict[str, list[Pixels]]) -> Pixels:
    columns = [*zip(*pairs(), strict=True), *results.values()]
    tiles = [[cv2.resize(p, (300, 220), interpolation=cv2.INTER_AREA) for p in c] for c in columns]
    return np.hstack([np.vstack(column) for column in tiles])


if __name__ == "__main__":
    main()
