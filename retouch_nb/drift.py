"""What of a photo changed that should not have: outside the mask, in size, colour, profile or position.

Measured on the means of 8 x 8 pixels, JPEG's own blocks: recompression hardly moves them, a change does.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, opened, reduced

Size: TypeAlias = tuple[int, int]
Tones: TypeAlias = npt.NDArray[np.float32]
"""Means of cells, shape (rows, columns, 3), 0 to 255."""
Cells: TypeAlias = npt.NDArray[np.bool_]

CELL = 8

# Measured on six photos. JPEG of quality 75 with halved colour moves a cell by 9 tones at most and 0.1 % of the
# cells by more than 6; halving and doubling a photo by 6. None of these moves the mean of all cells by 0.4.
MOVED = 10.0
"""Tones from which a cell has changed."""
SHIFTED = 1.5
"""Tones from which the mean colour has changed."""
SPREAD = 0.001
"""Share of the cells outside the mask that may change."""
STILL = 1.0
"""Tones by which the inside must change more than the outside to have changed at all."""
NOISE = 5.0
"""Tones of change outside that are put down to compression."""
NEAR = 2
"""Cells around a mask that belong to neither side: services widen masks, JPEG smears colours that far."""

_VIEW = (24, 24)
_BACK = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "mirrored and upside down": Image.Transpose.FLIP_TOP_BOTTOM,
    "upside down": Image.Transpose.ROTATE_180,
    "turned to the right": Image.Transpose.ROTATE_90,
    "turned to the left": Image.Transpose.ROTATE_270,
    "mirrored and turned": Image.Transpose.TRANSPOSE,
    "mirrored and turned the other way": Image.Transpose.TRANSVERSE,
}
"""How a result may lie, and what would put it right."""


@dataclass(frozen=True)
class Drift:
    """How far a result is from its photo, where it should be the same.

    Attributes
    ----------
    inside, outside : float or None
        By how many tones of 255 nearly all cells (99 %) changed at most, in the mask and away from it; without a
        mask everything is outside. None where there are no such cells.
    moved : float
        Share of the cells outside that changed visibly, 0 to 1.
    shift : tuple of float
        Mean change of red, green and blue outside, in tones.
    size, wanted : tuple of int
        Width and height of the result, and those it should have.
    profile : str
        ``"kept"``, ``"lost"`` or ``"changed"``.
    turned : str
        How the result lies, where it does not lie as the photo does.
    masked, coloured : bool
        There was a mask; colours may change everywhere.
    """

    inside: float | None
    outside: float | None
    moved: float
    shift: tuple[float, float, float]
    size: Size = (0, 0)
    wanted: Size = (0, 0)
    profile: str = "kept"
    turned: str = ""
    masked: bool = False
    coloured: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know, each a sentence; nothing where the result is as it should be."""
        return tuple(self._remarks())

    def _remarks(self) -> Iterator[str]:
        if self.size != self.wanted:
            size, wanted = (f"{width} x {height}" for width, height in (self.size, self.wanted))
            yield f"The result is {size} pixels; {wanted} was expected."
        if self.profile != "kept":
            yield f"The colour profile was {self.profile}: other programs may show other colours."
        if self.turned:
            yield f"The result is {self.turned}, compared to the photo."
            return
        if self.inside is not None and self.inside <= STILL + min(self.outside or 0, NOISE):
            yield "Nothing changed inside the mask; it may have been ignored."
        if self.coloured:
            return
        if self.masked and self.moved > SPREAD:
            yield f"{self.moved:.1%} of the photo outside the mask changed too; restore_outside=True puts it back."
        if max(map(abs, self.shift)) > SHIFTED:
            red, green, blue = (f"{round(tones):+d}" for tones in self.shift)
            where = "Outside the mask colours" if self.masked else "Colours"
            yield f"{where} shifted: red {red}, green {green}, blue {blue} of 255."


def look(
    before: Photo,
    after: Photo,
    mask: Mask | None = None,
    *,
    size: Size | None = None,
    coloured: bool = False,
) -> Drift:
    """Compare a result with its photo.

    Parameters
    ----------
    before, after : Photo
    mask : Mask, optional
        Where the photo was to be changed, of its size.
    size : tuple of int, optional
        Width and height the result should have; its own when left out, so that any will do.
    coloured : bool
        Colours were to change.

    Returns
    -------
    Drift

    Examples
    --------
    >>> photo = Photo.open(np.full((64, 64, 3), 90, np.uint8))
    >>> red = Photo.open(np.full((64, 64, 3), (120, 90, 90), np.uint8))
    >>> look(photo, red).remarks
    ('Colours shifted: red +30, green +0, blue +0 of 255.',)
    """
    grid = _Grid.over(before.size)
    with ThreadPoolExecutor(2) as pool:
        old, new = pool.map(lambda photo: _cells(photo, grid), (before, after))
    found = measured(old, new, _touched(mask, grid) if mask else None)
    return replace(
        found,
        size=after.size,
        wanted=size or after.size,
        profile=_profile(before, after),
        turned="" if coloured else turned(old, new),
        coloured=coloured,
    )


def measured(old: Tones, new: Tones, touched: Cells | None = None) -> Drift:
    """Measure the change of cells; `touched` are those in which something may change."""
    change = new - old
    most = np.abs(change).max(axis=2)
    away = np.ones(most.shape, bool) if touched is None else ~_grown(touched, NEAR)
    outside = most[away]
    shift = change[away].mean(axis=0) if outside.size else (0, 0, 0)
    return Drift(
        inside=None if touched is None else _nearly_most(most[touched]),
        outside=_nearly_most(outside),
        moved=float((outside > MOVED).mean()) if outside.size else 0.0,
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        masked=touched is not None,
    )


def _nearly_most(changes: Tones) -> float | None:
    return float(np.percentile(changes, 99)) if changes.size else None


def turned(old: Tones, new: Tones) -> str:
    """Say how the new picture lies, if it resembles the old one clearly more when turned or mirrored."""
    one, other = _view(old), _view(new)
    straight = _unlike(one, other)
    ways = {name: _unlike(one, other.transpose(back)) for name, back in _BACK.items()}
    name = min(ways, key=lambda way: ways[way])
    return name if straight > MOVED and ways[name] < 0.3 * straight else ""


def restored(before: Photo, after: Photo, mask: Mask) -> tuple[Photo, int]:
    """Put the original back outside the mask, in full resolution.

    Parameters
    ----------
    before, after : Photo
        A result of another size is brought to that of the photo.
    mask : Mask

    Returns
    -------
    Photo
        PNG, so that the original is the same to the last bit beyond the seam.
    int
        Width in pixels of the seam outside the mask, in which one picture fades into the other.

    Examples
    --------
    >>> photo, other = (Photo.open(np.full((50, 50, 3), tone, np.uint8)) for tone in (90, 120))
    >>> middle = np.zeros((50, 50), bool)
    >>> middle[20:30, 20:30] = True
    >>> result, seam = restored(photo, other, Mask.open(middle))
    >>> result.to_numpy()[25, [0, 19 - seam, 20], 0].tolist()
    [90, 90, 120]
    """
    seam = max(2, round(0.003 * before.long_side))
    old, new = before.to_pil(), after.to_pil()
    mode = "RGBA" if "RGBA" in {old.mode, new.mode} else "RGB"
    old, new = old.convert(mode), new.convert(mode)
    if new.size != old.size:
        new = new.resize(old.size, Image.Resampling.LANCZOS)
    joined = Image.composite(new, old, _feathered(mask, seam))
    joined.info["icc_profile"] = before.icc_profile
    return replace(Photo.open(joined), name=after.name), seam


def _feathered(mask: Mask, seam: int) -> Image.Image:
    """White in the mask, fading to black within the seam around it, which keeps what was to go from shining through."""
    hard = mask.to_pil()
    soft = hard.filter(ImageFilter.BoxBlur(seam)).point(lambda tone: min(255, 2 * tone))
    soft.paste(255, mask=hard)
    return soft


@dataclass(frozen=True)
class _Grid:
    """Cells over a photo: how many, and the share of its width and height that whole ones cover."""

    size: Size
    share: tuple[float, float]

    @classmethod
    def over(cls, size: Size) -> "_Grid":
        """Divide a photo; a tiny one into smaller cells, so that there are a few."""
        counts = [side // CELL if side >= 4 * CELL else min(4, side) for side in size]
        covered = [
            count * CELL / side if side >= 4 * CELL else 1.0
            for count, side in zip(counts, size, strict=True)
        ]
        return cls((counts[0], counts[1]), (covered[0], covered[1]))

    def means(self, image: Image.Image, size: tuple[float, float]) -> Image.Image:
        """Average each cell of an image of this width and height, which a reduced one has in fractions."""
        box = (0.0, 0.0, size[0] * self.share[0], size[1] * self.share[1])
        return image.resize(self.size, Image.Resampling.BOX, box=box)


def _cells(photo: Photo, grid: _Grid) -> Tones:
    """Decode a photo no larger than needed: of a JPEG the means of its blocks, which it holds."""
    if photo.format != "JPEG":
        image, step = reduced(photo)
        size = photo.size[0] / step, photo.size[1] / step
        return np.asarray(grid.means(_flat(image), size), np.float32)
    with opened(photo.data) as image:
        drafted = image.draft("RGB", grid.size)
        size = drafted[1][2:] if drafted else image.size
        return np.asarray(grid.means(_flat(image), size), np.float32)


def _flat(image: Image.Image) -> Image.Image:
    """Hide what is transparent: its colours may change unseen."""
    if image.mode not in {"RGBA", "LA"}:
        return image if image.mode == "RGB" else image.convert("RGB")
    ground = Image.new("RGBA", image.size, (128, 128, 128, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _touched(mask: Mask, grid: _Grid) -> Cells:
    """Tell which cells have a white pixel."""
    height, width = mask.pixels.shape
    columns, rows = grid.size
    if height < CELL * rows or width < CELL * columns:
        return np.asarray(grid.means(mask.to_pil(), mask.size)) > 0
    whole = mask.pixels[: CELL * rows, : CELL * columns]
    strips = whole.reshape(rows, CELL, CELL * columns).any(axis=1)
    return np.asarray(strips.reshape(rows, columns, CELL).any(axis=2))


def _grown(cells: Cells, by: int) -> Cells:
    image = Image.fromarray(cells.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * by + 1))) > 0


def _view(cells: Tones) -> Image.Image:
    return Image.fromarray(cells.astype(np.uint8)).convert("L").resize(_VIEW, Image.Resampling.BOX)


def _unlike(one: Image.Image, other: Image.Image) -> float:
    difference = np.asarray(one, np.float32) - np.asarray(other, np.float32)
    return float(np.abs(difference).mean())


def _profile(before: Photo, after: Photo) -> str:
    if before.icc_profile == after.icc_profile or before.icc_profile is None:
        return "kept"
    return "changed" if after.icc_profile else "lost"
