"""Removing objects: ours against OpenCV's Telea and Navier-Stokes and scikit-image's biharmonic fill.

Where they are installed also against SHIFTMAP (opencv-contrib) and both fills of G'MIC.
Photos are scikit-image's, enlarged. "Detail" is the strength of detail in the hole over that around it,
"rim" the steps across its rim over those around it: a fill that does not show has 1 for both.
Pass ``--sheet PATH`` to see the fills.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data, restoration

from retouch_nb.imaging.fill import fill
from retouch_nb.photo import Pixels
from tests.bench.measure import Row, against, medians, table

try:
    import gmic
except ImportError:
    gmic = None

Bools = NDArray[np.bool_]
Fill = Callable[[], Pixels]

HOLES = {"coffee": (0.75, 0.75), "grass": (0.5, 0.5), "rocket": (0.35, 0.25)}
"""Where in each photo the hole's middle is, as shares of width and height."""


def photo(name: str, *, megapixels: float) -> Pixels:
    """Enlarge or reduce a photo to a size."""
    pixels = np.asarray(getattr(data, name)(), np.uint8)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)
    scale = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def ellipse(shape: tuple[int, ...], *, at: tuple[float, float], share: float) -> Bools:
    """Make a hole that takes a share of the picture."""
    height, width = shape[:2]
    radius = (share * height * width / np.pi) ** 0.5
    middle = round(at[0] * width), round(at[1] * height)
    axes = round(radius * 1.2), round(radius / 1.2)
    return cv2.ellipse(np.zeros((height, width), np.uint8), middle, axes, 0, 0, 360, 1, -1) > 0


OURS = "ours, numba"


def rivals(pixels: Pixels, hole: Bools, *, slow: bool) -> dict[str, Fill | None]:
    """Give the contestants, None for those that are not installed; some take minutes on large holes."""
    mask = hole.astype(np.uint8)
    found: dict[str, Fill | None] = {
        OURS: lambda: fill(pixels, hole, compiled=True),
        "ours, numpy": lambda: fill(pixels, hole, compiled=False),
        "OpenCV, Telea": lambda: cv2.inpaint(pixels, mask, 5, cv2.INPAINT_TELEA),
        "OpenCV, Navier-Stokes": lambda: cv2.inpaint(pixels, mask, 5, cv2.INPAINT_NS),
    }
    if slow:
        found["scikit-image, biharmonic"] = lambda: biharmonic(pixels, hole)
        found["OpenCV contrib, SHIFTMAP"] = (
            partial(shiftmap, pixels, hole) if hasattr(cv2, "xphoto") else None
        )
        for command in GMIC:
            found[f"G'MIC, {command}"] = partial(with_gmic, command, pixels, hole) if gmic else None
    return found


GMIC = {"inpaint": "inpaint[0] [1]", "inpaint_matchpatch": "inpaint_matchpatch[0] [1]"}
"""What G'MIC is told; both of its fills that continue texture."""


def shiftmap(pixels: Pixels, hole: Bools) -> Pixels:
    """Fill with opencv-contrib, which wants Lab and a mask of what is known."""
    lab, filled = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.empty_like(pixels)
    cv2.xphoto.inpaint(lab, (~hole).astype(np.uint8) * 255, filled, cv2.xphoto.INPAINT_SHIFTMAP)
    return np.where(hole[..., None], cv2.cvtColor(filled, cv2.COLOR_LAB2RGB), pixels)


def with_gmic(command: str, pixels: Pixels, hole: Bools) -> Pixels:
    """Fill with G'MIC, whose pictures are columns of rows."""
    planes = (pixels.swapaxes(0, 1), (hole * np.uint8(255)).T[..., None])
    given = [gmic.Image(np.ascontiguousarray(p[:, :, None], np.float32)) for p in planes]
    filled = gmic.run(GMIC[command], gmic.ImageList(given))[0].to_numpy()
    return filled[:, :, 0].swapaxes(0, 1).round().clip(0, 255).astype(np.uint8)


def biharmonic(pixels: Pixels, hole: Bools) -> Pixels:
    """Fill with scikit-image."""
    filled = restoration.inpaint_biharmonic(pixels, hole, channel_axis=2)
    return (filled * 255).round().clip(0, 255).astype(np.uint8)


def detail(filled: Pixels, hole: Bools) -> float:
    """Compare the detail in the hole to that in a ring around it."""
    ring = cv2.dilate(hole.astype(np.uint8), np.ones((61, 61), np.uint8)) > hole
    strength = np.abs(cv2.Laplacian(filled[..., 1].astype(np.float32), cv2.CV_32F))
    return float(strength[hole].mean() / strength[ring].mean())


def rim(filled: Pixels, hole: Bools) -> float:
    """Compare the steps across the rim to those in a ring around it."""
    ring = cv2.dilate(hole.astype(np.uint8), np.ones((61, 61), np.uint8)) > hole
    step = np.abs(np.diff(filled.astype(np.float32), axis=1)).mean(axis=2)
    across, around = hole[:, 1:] != hole[:, :-1], ring[:, 1:] & ring[:, :-1]
    return float(step[across].mean() / step[around].mean())


def marked(pixels: Pixels, hole: Bools) -> Pixels:
    """Show a hole in red."""
    return np.where(hole[..., None], pixels // 2 + np.uint8([127, 0, 0]), pixels)


def labelled(pixels: Pixels, title: str) -> Pixels:
    """Reduce a picture for the sheet and write on it."""
    small = Image.fromarray(pixels).resize((480, 480 * pixels.shape[0] // pixels.shape[1]))
    canvas = Image.new("RGB", (480, 500), "white")
    canvas.paste(small, (0, 20))
    ImageDraw.Draw(canvas).text((4, 4), title, fill="black")
    return np.asarray(canvas)


def contest(*, megapixels: float, share: float, slow: bool) -> tuple[list[Row], Pixels]:
    """Print one table; give its rows, and the fills side by side, a row a photo."""
    seconds: dict[str, float] = {}
    looks: dict[str, list[tuple[float, float]]] = {}
    sheet, missing = [], []
    for name, at in HOLES.items():
        pixels = photo(name, megapixels=megapixels)
        hole = ellipse(pixels.shape, at=at, share=share)
        found = rivals(pixels, hole, slow=slow)
        missing = [method for method, run in found.items() if run is None]
        runs = {method: run for method, run in found.items() if run}
        strip = [labelled(marked(pixels, hole), name)]
        for method, run in runs.items():
            filled = run()
            looks.setdefault(method, []).append((detail(filled, hole), rim(filled, hole)))
            strip.append(labelled(filled, method))
        seconds = seconds or medians(runs, rounds=3, patience=1.5)
        sheet.append(np.hstack(strip))
    _print(f"{megapixels:g} MP, a hole of {share:.0%}", seconds, looks)
    what = f"removal, {megapixels:g} MP, a hole of {share:.0%}"
    means = {method: np.mean(each, axis=0) for method, each in looks.items()}
    rows = [Row(what, seconds[OURS], against(OURS, seconds, *missing), readme=slow)]
    for place, word in enumerate(("detail in it over that around it", "steps across its rim")):
        scores = {method: float(mean[place]) for method, mean in means.items()}
        readme = slow and place == 0
        title = f"{what}: {word} (1 does not show)"
        rows.append(Row(title, scores[OURS], against(OURS, scores, *missing), "", readme))
    return rows, np.vstack(sheet)


def _print(
    title: str, seconds: dict[str, float], looks: dict[str, list[tuple[float, float]]]
) -> None:
    columns = [f"{name}: {what}" for name in HOLES for what in ("detail", "rim")]
    rows = [
        (
            method,
            f"{seconds[method]:.2f}",
            *(f"{value:.2f}" for pair in looks[method] for value in pair),
        )
        for method in seconds
    ]
    print(table(title, ("method", "s on coffee", *columns), rows))


def main() -> list[Row]:
    """Print one Markdown table a size."""
    small = photo("coffee", megapixels=0.1)
    fill(small, ellipse(small.shape, at=(0.5, 0.5), share=0.05), compiled=True)  # compiles
    few, sheet = contest(megapixels=1, share=0.07, slow=True)
    more, _ = contest(megapixels=4, share=0.05, slow=False)
    if "--sheet" in sys.argv:
        Image.fromarray(sheet).save(Path(sys.argv[sys.argv.index("--sheet") + 1]))
    return few + more


if __name__ == "__main__":
    main()
