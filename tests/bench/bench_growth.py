"""How time grows: removal, enhancement, compositing and PSD with pixels; compositing and PSD with layers; batches with items.

The exponent is the slope of time over size where both are drawn logarithmically: 1 is in proportion, 2 is with the square.
Rows of a batch are photos of twelve by sixteen pixels on an engine that answers at once. ``--large`` adds 250 megapixels.
"""

import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from retouch_nb.imaging.enhance import enhance
from retouch_nb.imaging.fill import fill
from retouch_nb.providers.picwish import Enhance
from tests.bench.bench_batch import Instant, Many, run, session
from tests.bench.bench_composite import sparse, stack_of
from tests.bench.bench_removal import ellipse, photo
from tests.bench.measure import Row, seconds_of, table

MEGAPIXELS = (1, 12, 40)
LAYERS = (1, 3, 10)
ITEMS = (10, 100, 1000)
HOLE = 0.03


def removal(megapixels: int) -> Callable[[], object]:
    """Fill a hole that grows with the picture."""
    pixels = photo("coffee", megapixels=megapixels)
    return partial(fill, pixels, ellipse(pixels.shape, at=(0.75, 0.75), share=HOLE))


def enhancement(megapixels: int) -> Callable[[], object]:
    """Enlarge a quarter of the picture to it."""
    pixels = photo("coffee", megapixels=megapixels / 4)
    return partial(enhance, pixels, 2)


def compositing(megapixels: int, layers: int = 3) -> Callable[[], object]:
    """Composite a stack from its PNGs."""
    return stack_of(*_size(megapixels), sparse, count=layers).to_numpy


def psd(folder: Path, megapixels: int, layers: int = 3) -> Callable[[], object]:
    """Save a stack."""
    stack = stack_of(*_size(megapixels), sparse, count=layers)
    return partial(stack.save_psd, folder / "a.psd")


def _size(megapixels: int) -> tuple[int, int]:
    width = math.isqrt(megapixels * 1_500_000)
    return width, width * 2 // 3


def batch(items: int) -> Callable[[], object]:
    """Do a batch whose pictures cost nothing."""

    def call() -> None:
        with session(kind=Instant) as own:
            run(own, Many(items), operation=Enhance, options={"sync": True, "return_type": 3})

    return call


def grown(make: Callable[[int], Callable[[], object]], sizes: Sequence[int]) -> dict[int, float]:
    """Time every size once, after the smallest for what is loaded once; the making does not count."""
    make(sizes[0])()
    return {size: seconds_of(make(size)) for size in sizes}


def exponent(seconds: Mapping[int, float]) -> float:
    """Fit a line through the logarithms of both."""
    return float(np.polyfit(np.log([*seconds]), np.log([*seconds.values()]), 1)[0])


def main() -> list[Row]:
    """Print one table: a line for what grows with what."""
    sizes = (*MEGAPIXELS, 250) if "--large" in sys.argv else MEGAPIXELS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            ("removal, a hole of 3 %", "MP"): grown(removal, sizes),
            ("enlarging 2x", "MP"): grown(enhancement, sizes),
            ("compositing 3 layers", "MP"): grown(compositing, sizes),
            ("PSD of 3 layers", "MP"): grown(partial(psd, folder), sizes),
            ("compositing 12 MP", "layers"): grown(partial(compositing, 12), LAYERS),
            ("PSD of 12 MP", "layers"): grown(partial(psd, folder, 12), LAYERS),
            ("batch", "items"): grown(batch, ITEMS),
        }
    cells = [
        (
            what,
            " / ".join(f"{s:.2f} s at {n}" for n, s in times.items()),
            unit,
            f"{exponent(times):.2f}",
        )
        for (what, unit), times in found.items()
    ]
    print(table("Growth", ("what", "seconds", "of", "exponent"), cells))
    return [row for (what, unit), times in found.items() for row in _rows(what, unit, times)]


def _rows(what: str, unit: str, times: Mapping[int, float]) -> list[Row]:
    first, *others = times
    more = {f"at {size} {unit}": times[size] for size in others}
    return [
        Row(
            f"{what}, at {first} {unit}",
            times[first],
            more,
            readme=unit == "MP" and "PSD" not in what,
        ),
        Row(f"{what}: exponent of time over {unit}", exponent(times), unit=""),
    ]


if __name__ == "__main__":
    main()
