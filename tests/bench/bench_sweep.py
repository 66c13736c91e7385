"""What a sweep adds to each tile, beside a loop over `rn.submit` written by hand, on an engine that answers at once.

Both run as many jobs at once, on the same photo, in the same process, in turn; every round varies other strengths, so that nothing comes from
the cache. The table and the figures of a sweep are timed by themselves.
"""

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from retouch_nb.engine import Engine
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels
from retouch_nb.providers.picwish import RetouchObject
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, laid_out, prepared
from tests.bench.measure import Row, medians, table

TILES, AT_ONCE, ROUNDS = 24, 4, 9


def instant(pixels: Pixels, subject: Any, /, *, retouch_strength: float, **other: Any) -> Pixels:
    """Change a pixel: what is left is everything around the image work."""
    changed = pixels.copy()
    changed[0, 0] = retouch_strength
    return changed


def by_hand(session: Session, photo: Photo, mask: Mask) -> None:
    """Keep a few jobs running, as anybody would write it."""
    waiting = [RetouchObject(photo, mask, retouch_strength=n) for n in range(TILES)]
    running = [session.submit(one) for one in waiting[:AT_ONCE]]
    for one in waiting[AT_ONCE:]:
        running.pop(0).result()
        running.append(session.submit(one))
    for job in running:
        job.result()


def swept(session: Session, photo: Photo, mask: Mask) -> Grid:
    """Do the same as a sweep."""
    named = {"photo": photo, "mask": mask, "retouch_strength": range(TILES)}
    grid = prepared(laid_out(RetouchObject, named), session, concurrency=AT_ONCE)
    assert isinstance(grid, Grid)
    return grid.run()


def fresh_photo(number: int, size: tuple[int, int]) -> Photo:
    """Make a photo that no run has seen before."""
    pixels = np.full((*size, 3), 90, np.uint8)
    pixels[0, 0] = (number // 256, number % 256, 1)
    return Photo.open(pixels)


def main() -> list[Row]:
    """Measure and print."""
    session = Session(home=Path(tempfile.mkdtemp()), environ={})
    session.engine = Engine(work={"retouch": instant})
    count = itertools.count()
    rows, kept = [], []
    for size in ((48, 64), (600, 800)):
        area = np.zeros(size, bool)
        area[:20, :20] = True
        mask = Mask.open(area)
        found = medians(
            {
                "by hand": lambda mask=mask, size=size: by_hand(
                    session, fresh_photo(next(count), size), mask
                ),
                "sweep": lambda mask=mask, size=size: swept(
                    session, fresh_photo(next(count), size), mask
                ),
            },
            rounds=ROUNDS,
        )
        hand, ours = (1000 * found[name] / TILES for name in ("by hand", "sweep"))
        cells = [
            f"{size[1]} x {size[0]}",
            f"{hand:.1f} ms",
            f"{ours:.1f} ms",
            f"{ours - hand:+.1f} ms",
        ]
        kept.append(
            Row(f"a tile of a sweep, {size[1]} x {size[0]}", ours, {"loop by hand": hand}, "ms")
        )
        rows.append([*cells, *_afterwards(swept(session, fresh_photo(next(count), size), mask))])
    head = (
        "photo",
        "loop by hand, a tile",
        "sweep, a tile",
        "added",
        "static grid, a tile",
        "metrics, a tile",
    )
    print(table(f"Sweep of {TILES} tiles, {AT_ONCE} at once, instant engine", head, rows))
    session.close()
    return kept


def _afterwards(grid: Grid) -> list[str]:
    """Time what is made of a finished grid; pandas is loaded before."""
    grid.to_frame(metrics=False)
    seconds = []
    for act in (grid._repr_html_, grid.to_frame):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return [f"{1000 * one / TILES:.1f} ms" for one in seconds]


if __name__ == "__main__":
    main()
