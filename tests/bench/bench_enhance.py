"""Enhancement: ours against bicubic, Lanczos, unsharp masking, NLM and, where it is installed, G'MIC.

On photos no net was trained on. ``--sheet PATH`` saves labelled crops as a picture.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.metrics import structural_similarity

from retouch_nb.imaging.enhance import enhance
from tests.bench.measure import Row, against, medians, table

try:
    import gmic
except ImportError:
    gmic = None

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels], Pixels]

RIM = 8
OURS, GMIC = "**ours**", "G'MIC upscale_smart"
CROPS = {"chelsea": (90, 130), "astronaut": (70, 180), "camera": (90, 190)}
WEAR = {
    "clean": (0.0, 0.0, 0),
    "soft (blur 1, noise 2, JPEG 90)": (1.0, 2.0, 90),
    "noisy (noise 8, JPEG 88)": (0.0, 8.0, 88),
    "phone (blur 0.6, noise 4, JPEG 75)": (0.6, 4.0, 75),
}


def photos() -> dict[str, Pixels]:
    """Give the photos kept out of the training."""
    camera = cv2.cvtColor(np.asarray(data.camera()), cv2.COLOR_GRAY2RGB)
    return {"chelsea": data.chelsea(), "astronaut": data.astronaut(), "camera": camera}


def worn(photo: Pixels, blur: float, noise: float, quality: int) -> Pixels:
    """Make a photo as a cheap camera would have: blurred, noisy, compressed."""
    soft = cv2.GaussianBlur(photo, (0, 0), blur) if blur else photo
    grain = np.random.default_rng(0).normal(0, noise, photo.shape)
    tones = np.clip(np.round(soft + grain), 0, 255).astype(np.uint8)
    if not quality:
        return tones
    packed = cv2.imencode(".jpg", tones[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1].copy()


def shrunk(photo: Pixels, factor: int) -> tuple[Pixels, Pixels]:
    """Cut to a multiple of the factor, and average down by it."""
    height, width = (edge // factor for edge in photo.shape[:2])
    photo = photo[: height * factor, : width * factor]
    return photo, cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)


def resized(small: Pixels, factor: int, way: int) -> Pixels:
    """Enlarge as OpenCV does."""
    return cv2.resize(small, None, fx=factor, fy=factor, interpolation=way)


def unsharp(photo: Pixels, amount: float = 0.6, radius: float = 1.0) -> Pixels:
    """Sharpen by a fixed amount."""
    return cv2.addWeighted(photo, 1 + amount, cv2.GaussianBlur(photo, (0, 0), radius), -amount, 0)


def back_projected(small: Pixels, factor: int) -> Pixels:
    """Correct bicubic eight times by what it misses when averaged down again."""
    known = small.astype(np.float32)
    large = resized(known, factor, cv2.INTER_CUBIC)
    for _ in range(8):
        missed = known - cv2.resize(large, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        large += resized(missed, factor, cv2.INTER_CUBIC)
    return np.clip(np.round(large), 0, 255).astype(np.uint8)


def with_gmic(small: Pixels, factor: int) -> Pixels:
    """Enlarge with G'MIC, whose pictures are columns of rows."""
    size = ",".join(f"{edge * factor}" for edge in small.shape[1::-1])
    columns = np.ascontiguousarray(small.swapaxes(0, 1)[:, :, None], np.float32)
    large = gmic.run(f"upscale_smart {size}", gmic.ImageList([gmic.Image(columns)]))[0].to_numpy()
    return large[:, :, 0].swapaxes(0, 1).round().clip(0, 255).astype(np.uint8)


def enlargers(factor: int) -> dict[str, Way]:
    """Give the rivals that enlarge, by name."""
    ways: dict[str, Way] = {
        "bicubic": partial(resized, factor=factor, way=cv2.INTER_CUBIC),
        "Lanczos": partial(resized, factor=factor, way=cv2.INTER_LANCZOS4),
        "Lanczos + unsharp": lambda small: unsharp(resized(small, factor, cv2.INTER_LANCZOS4)),
        "back-projection": partial(back_projected, factor=factor),
        OURS: lambda small: enhance(small, factor),
    }
    return ways | ({GMIC: partial(with_gmic, factor=factor)} if gmic else {})


def restorers() -> dict[str, Way]:
    """Give the rivals that keep the size, by name."""
    return {
        "as it is": np.copy,
        "unsharp": unsharp,
        "NLM + unsharp": lambda photo: unsharp(cv2.fastNlMeansDenoisingColored(photo, None, 4, 4)),
        OURS: enhance,
    }


def psnr(found: Pixels, true: Pixels) -> float:
    """Measure in dB away from the rim; a perfect copy counts as 70."""
    inside = slice(RIM, -RIM)
    error = (found.astype(float) - true)[inside, inside]
    return float(10 * np.log10(255**2 / max(np.mean(error**2), 0.0065)))


def ssim(found: Pixels, true: Pixels) -> float:
    """Measure likeness of structure, 1 for a perfect copy."""
    return float(structural_similarity(found, true, channel_axis=2, data_range=255))


def compared(
    title: str, ways: Mapping[str, Way], pairs: list[tuple[Pixels, Pixels]], *, readme: bool
) -> list[Row]:
    """Measure every way on every pair of (what is true, what is given), and print it."""
    missing = [GMIC] if GMIC not in ways and "nlarging" in title else []
    decibels, likenesses, speeds = {}, {}, {}
    megapixels = sum(true[..., 0].size for true, _ in pairs) / 1e6
    seconds = medians({name: partial(each, way, pairs) for name, way in ways.items()}, rounds=3)
    for name, way in ways.items():
        found = each(way, pairs)
        scores = [(psnr(f, true), ssim(f, true)) for f, (true, _) in zip(found, pairs, strict=True)]
        decibels[name], likenesses[name] = map(float, np.mean(scores, axis=0))
        speeds[name] = seconds[name] / megapixels
    rows = [
        [name, f"{decibels[name]:.2f}", f"{likenesses[name]:.4f}", f"{speeds[name]:.3f}"]
        for name in ways
    ]
    print(table(title, ["way", "PSNR", "SSIM", "s per output megapixel"], rows))
    return [
        Row(f"{title}: PSNR", decibels[OURS], against(OURS, decibels, *missing), "dB", readme),
        Row(f"{title}: SSIM", likenesses[OURS], against(OURS, likenesses, *missing), ""),
        Row(
            f"{title}, a megapixel of the result",
            speeds[OURS],
            against(OURS, speeds, *missing),
            readme=readme and "nlarging" in title,
        ),
    ]


def each(way: Way, pairs: list[tuple[Pixels, Pixels]]) -> list[Pixels]:
    """Go one way with every picture given."""
    return [way(given) for _, given in pairs]


def speeds() -> list[Row]:
    """Time one photo of a megapixel: worn as a phone does, and clean to be enlarged."""
    photo = np.tile(data.astronaut(), (2, 2, 1))
    noisy = worn(photo, *WEAR["phone (blur 0.6, noise 4, JPEG 75)"])
    seconds = medians(
        {
            "1x, clean": lambda: enhance(photo),
            "1x, noisy and soft": lambda: enhance(noisy),
            "2x, clean": lambda: enhance(photo, 2),
            "4x of a quarter": lambda: enhance(photo[:512, :512], 4),
        },
        rounds=3,
    )
    rows = [[name, f"{value:.2f}"] for name, value in seconds.items()]
    print(table("Ours on a photo of 1024 x 1024", ["what", "s"], rows))
    return [Row(f"enhancing 1024 x 1024: {name}", value) for name, value in seconds.items()]


def sheet() -> Pixels:
    """Lay crops side by side, twice as large: bicubic or given, ours, the original."""
    rows = [np.hstack(row) for row in _rows()]
    return np.vstack([np.hstack(pair) for pair in zip(rows[::2], rows[1::2], strict=True)])


def _rows() -> Iterator[list[Pixels]]:
    for name, photo in photos().items():
        for factor in (2, 4):
            true, given = shrunk(photo, factor)
            cubic = resized(given, factor, cv2.INTER_CUBIC)
            yield _row(name, f"{factor}x", {"bicubic": cubic, "ours": enhance(given, factor)}, true)
        for title, wear in list(WEAR.items())[1:3]:
            given = worn(photo, *wear)
            yield _row(name, title.split()[0], {"given": given, "ours": enhance(given)}, photo)


def _row(name: str, topic: str, found: Mapping[str, Pixels], true: Pixels) -> list[Pixels]:
    labels = {f"{name} {topic} {way} {psnr(p, true):.1f} dB": p for way, p in found.items()}
    return [_crop(p, *CROPS[name], label) for label, p in (labels | {"original": true}).items()]


def _crop(picture: Pixels, top: int, left: int, label: str) -> Pixels:
    crop = resized(picture[top : top + 130, left : left + 170], 2, cv2.INTER_NEAREST)
    crop = cv2.copyMakeBorder(crop, 20, 2, 2, 2, cv2.BORDER_CONSTANT)
    white = (255, 255, 255)
    return cv2.putText(crop, label, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, white, 1, cv2.LINE_AA)


def main() -> list[Row]:
    """Print the tables, and save the sheet when a place is named."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sheet", type=Path, help="where the crops go, for example build/sheet.png")
    chosen = words.parse_args()
    rows: list[Row] = []
    for factor in (2, 4):
        pairs = [shrunk(photo, factor) for photo in photos().values()]
        rows += compared(f"enlarging {factor}x", enlargers(factor), pairs, readme=factor == 2)
    for title, wear in WEAR.items():
        pairs = [(photo, worn(photo, *wear)) for photo in photos().values()]
        readme = title.startswith("noisy")
        rows += compared(f"restoring, {title}", restorers(), pairs, readme=readme)
    rows += speeds()
    if chosen.sheet:
        chosen.sheet.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(chosen.sheet), sheet()[..., ::-1])
    return rows


if __name__ == "__main__":
    main()
