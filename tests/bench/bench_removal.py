"""Removing objects: ours against OpenCV's Telea and Navier-Stokes and scikit-image's biharmonic fill.

Where they are installed also against SHIFTMAP (opencv-contrib) and both patch fills of the program G'MIC.
Photos are scikit-image's, enlarged. "Detail" is the strength of detail in the hole over that around it,
"rim" the steps across its rim over those around it: a fill that does not show has 1 for both.
Pass ``--sheet PATH`` to see the fills.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw
from skimage import data, restoration

from retouch_nb.imaging.fill import fill
from retouch_nb.photo import Pixels
from tests.bench.measure import medians, table

HOLES = {"coffee": (0.75, 0.75), "grass": (0.5, 0.5), "rocket": (0.35, 0.25)}
"""Where in each photo the hole's middle is, as shares of width and height."""


def photo(name: str, *, megapixels: float) -> Pixels:
    """Enlarge or reduce a photo to a size."""
    pixels = np.asarray(getattr(data, name)(), np.uint8)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)
    scale = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def ellipse(shape: tuple[int, ...], *, at: tuple[float, float], share: float) -> np.ndarray:
    """Make a hole that takes a share of the picture."""
    height, width = shape[:2]
    radius = (share * height * width / np.pi) ** 0.5
    middle = round(at[0] * width), round(at[1] * height)
    axes = round(radius * 1.2), round(radius / 1.2)
    return cv2.ellipse(np.zeros((height, width), np.uint8), middle, axes, 0, 0, 360, 1, -1) > 0


def rivals(pixels: Pixels, hole: np.ndarray, *, slow: bool) -> dict[str, Callable[[], Pixels]]:
    """Give the contestants; scikit-image's takes minutes on large holes."""
    mask = hole.astype(np.uint8)
    found: dict[str, Callable[[], Pixels]] = {
        "ours, numba": lambda: fill(pixels, hole, compiled=True),
        "ours, numpy": lambda: fill(pixels, hole, compiled=False),
        "OpenCV, Telea": lambda: cv2.inpaint(pixels, mask, 5, cv2.INPAINT_TELEA),
        "OpenCV, Navier-Stokes": lambda: cv2.inpaint(pixels, mask, 5, cv2.INPAINT_NS),
    }
    if slow:
        found["scikit-image, biharmonic"] = lambda: biharmonic(pixels, hole)
    if hasattr(cv2, "xphoto"):
        found["opencv-contrib, SHIFTMAP"] = lambda: shiftmap(pixels, hole)
    if shutil.which("gmic"):
        for command in ("inpaint", "inpaint_matchpatch"):
            found[f"G'MIC, {command}"] = partial(gmic, command, pixels, hole)
    return found


def shiftmap(pixels: Pixels, hole: np.ndarray) -> Pixels:
    """Fill with opencv-contrib, which wants Lab and a mask of what is known."""
    lab, filled = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.empty_like(pixels)
    cv2.xphoto.inpaint(lab, (~hole).astype(np.uint8) * 255, filled, cv2.xphoto.INPAINT_SHIFTMAP)
    return np.where(hole[..., None], cv2.cvtColor(filled, cv2.COLOR_LAB2RGB), pixels)


def gmic(command: str, pixels: Pixels, hole: np.ndarray) -> Pixels:
    """Fill with the program G'MIC, its start and its files included."""
    with tempfile.TemporaryDirectory() as folder:
        photo, mask, out = (str(Path(folder, name)) for name in ("p.png", "m.png", "o.png"))
        Image.fromarray(pixels).save(photo, compress_level=0)
        Image.fromarray(hole.astype(np.uint8) * 255).save(mask)
        words = [photo, mask, f"-{command}[0]", "[1]", "-rm[1]", "-o", out]
        subprocess.run(["gmic", *words], check=True, capture_output=True)
        return np.asarray(Image.open(out).convert("RGB"))


def biharmonic(pixels: Pixels, hole: np.ndarray) -> Pixels:
    """Fill with scikit-image."""
    filled = restoration.inpaint_biharmonic(pixels, hole, channel_axis=2)
    return (filled * 255).round().clip(0, 255).astype(np.uint8)


def detail(filled: Pixels, hole: np.ndarray) -> float:
    """Compare the detail in the hole to that in a ring around it."""
    ring = cv2.dilate(hole.astype(np.uint8), np.ones((61, 61), np.uint8)) > hole
    strength = np.abs(cv2.Laplacian(filled[..., 1].astype(np.float32), cv2.CV_32F))
    return float(strength[hole].mean() / strength[ring].mean())


def rim(filled: Pixels, hole: np.ndarray) -> float:
    """Compare the steps across the rim to those in a ring around it."""
    ring = cv2.dilate(hole.astype(np.uint8), np.ones((61, 61), np.uint8)) > hole
    step = np.abs(np.diff(filled.astype(np.float32), axis=1)).mean(axis=2)
    across, around = hole[:, 1:] != hole[:, :-1], ring[:, 1:] & ring[:, :-1]
    return float(step[across].mean() / step[around].mean())


def marked(pixels: Pixels, hole: np.ndarray) -> Pixels:
    """Show a hole in red."""
    return np.where(hole[..., None], pixels // 2 + np.uint8([127, 0, 0]), pixels)


def labelled(pixels: Pixels, title: str) -> Pixels:
    """Reduce a picture for the sheet and write on it."""
    small = Image.fromarray(pixels).resize((480, 480 * pixels.shape[0] // pixels.shape[1]))
    canvas = Image.new("RGB", (480, 500), "white")
    canvas.paste(small, (0, 20))
    ImageDraw.Draw(canvas).text((4, 4), title, fill="black")
    return np.asarray(canvas)


def contest(*, megapixels: float, share: float, slow: bool) -> Pixels:
    """Print one table, and give the fills side by side, a row a photo."""
    seconds: dict[str, float] = {}
    looks: dict[str, list[str]] = {}
    sheet = []
    for name, at in HOLES.items():
        pixels = photo(name, megapixels=megapixels)
        hole = ellipse(pixels.shape, at=at, share=share)
        runs = rivals(pixels, hole, slow=slow)
        strip = [labelled(marked(pixels, hole), name)]
        for method, run in runs.items():
            start = time.perf_counter()
            filled = run()
            seconds.setdefault(method, time.perf_counter() - start)
            looks.setdefault(method, []).append(f"{detail(filled, hole):.2f}")
            looks[method].append(f"{rim(filled, hole):.2f}")
            strip.append(labelled(filled, method))
        if name == "coffee":
            quick = {method: run for method, run in runs.items() if "biharmonic" not in method}
            seconds |= medians(quick, rounds=3)
        sheet.append(np.hstack(strip))
    columns = [f"{name}: {what}" for name in HOLES for what in ("detail", "rim")]
    rows = [(method, f"{seconds[method]:.2f}", *looks[method]) for method in seconds]
    title = f"{megapixels:g} MP, a hole of {share:.0%}"
    print(table(title, ("method", "s on coffee", *columns), rows))
    return np.vstack(sheet)


def main() -> None:
    """Print one Markdown table a size."""
    sheet = contest(megapixels=1, share=0.07, slow=True)
    contest(megapixels=4, share=0.05, slow=False)
    if "--sheet" in sys.argv:
        Image.fromarray(sheet).save(Path(sys.argv[sys.argv.index("--sheet") + 1]))


if __name__ == "__main__":
    main()
