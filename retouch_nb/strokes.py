"""A mask as a short readable list of marks, which draws the same mask on every machine and at every size.

The list is the truth: print it, keep it in git, replay it in a notebook that runs without a browser. A mark changes what
the marks before it have painted; growing, softening and filling holes apply to the whole and can be changed at any time.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from retouch_nb.errors import PictureError
from retouch_nb.marks import (
    Board,
    Box,
    Brush,
    Flood,
    Grey,
    Invert,
    Lasso,
    Mark,
    Pick,
    Point,
    Stamp,
    check_numbers,
    code,
    short,
    written,
)
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, PhotoLike

__all__ = ["Box", "Brush", "Flood", "Invert", "Lasso", "Pick", "Stamp", "Strokes"]
"""The words of a printed list, and of nothing else."""


@dataclass(frozen=True, repr=False)
class Strokes:
    """Marks in the order in which they were made, on a photo of a given size.

    `print` it for code that can be pasted. Marks that select by colour, `Flood` and `Pick`, need the photo: an
    operation hands it to them, and elsewhere it is given as ``mask(photo=...)`` or once with `on`.

    Attributes
    ----------
    size : tuple of int
        Width and height of the photo the marks were made on.
    marks : tuple of Brush, Box, Lasso, Flood, Pick, Stamp or Invert
    grow : float
        Pixels by which the outline of the whole is moved outwards, or inwards when negative.
    feather : float
        Pixels over which the edge fades in `soft`. A mask is only black or white and is cut at half, which rounds it.
    fill_holes : bool
        Holes are filled.

    Examples
    --------
    >>> from retouch_nb.marks import Box, Brush
    >>> strokes = Strokes((60, 40), [Box(10, 10, 20, 20), Brush([(20, 20)], width=6, erase=True)])
    >>> strokes.mask()
    <Mask 60 x 40, 15.1 % white>
    >>> strokes.mask((120, 80)).size
    (120, 80)
    >>> print(strokes)
    rn.Strokes(
        (60, 40),
        [
            rn.Box(10, 10, 20, 20),
            rn.Brush([(20, 20)], width=6, erase=True),
        ],
    )
    """

    size: tuple[int, int]
    marks: Sequence[Mark] = field(default=())
    _: KW_ONLY
    grow: float = 0
    feather: float = 0
    fill_holes: bool = False
    photo: Photo | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        width, height = _whole_size(self.size)
        object.__setattr__(self, "marks", tuple(self.marks))
        if min(width, height) < 1:
            raise PictureError(f"Strokes need a photo of at least 1 x 1 pixel, not {self.size}.")
        if not all(isinstance(mark, Mark) for mark in self.marks):
            raise PictureError(
                "Strokes hold Brush, Box, Lasso, Flood, Pick, Stamp and Invert marks only."
            )
        check_numbers((self.grow, self.feather))

    def on(self, photo: PhotoLike) -> Self:
        """Bind the strokes to the photo that marks by colour are to look at.

        Examples
        --------
        >>> from retouch_nb.marks import Flood
        >>> photo = np.zeros((40, 60, 3), np.uint8); photo[:, 30:] = 200
        >>> Strokes((60, 40), [Flood(45, 20)]).on(photo).mask().coverage
        0.5
        """
        return dataclasses.replace(self, photo=Photo.open(photo))

    def mask(
        self, size: tuple[int, int] | None = None, *, photo: "PhotoLike | None" = None
    ) -> Mask:
        """Draw the marks on a photo of this width and height.

        Parameters
        ----------
        size : tuple of int, optional
            Of the mask; that of `photo`, or the strokes' own, when left out.
        photo : photo, keyword-only, optional
            What `Flood` and `Pick` look at; the photo the strokes were bound to when left out. What they select depends
            on nothing but this photo and the mark.

        Raises
        ------
        PictureError
            The size has another shape than the photo the marks were made on; a mark needs the photo.
        """
        pixels = self._finished(size, photo)
        if self.feather:
            pixels = self._blurred(pixels) >= 128
        return Mask(_locked(pixels), straight=self.straight)

    @property
    def straight(self) -> bool:
        """Tell whether nothing but boxes, and masks from elsewhere that may be boxes, was painted."""
        boxes = all(isinstance(mark, Box | Stamp | Invert) for mark in self.marks)
        return bool(self.marks) and boxes and self.grow <= 0 and not self.feather

    def soft(
        self, size: tuple[int, int] | None = None, *, photo: "PhotoLike | None" = None
    ) -> Grey:
        """Draw the marks with their feathered edge: ``uint8`` of shape (height, width); as `mask` else."""
        return self._blurred(self._finished(size, photo))

    def __mask__(self, size: tuple[int, int]) -> Mask:
        return self.mask(size)

    def __mask_on__(self, photo: Photo) -> Mask:
        return self.mask(photo=photo)

    def __repr__(self) -> str:
        return code(self)

    def __str__(self) -> str:
        marks = "".join(f"\n        {code(mark, 'rn.')}," for mark in self.marks)
        parts = [str(self.size), f"[{marks}\n    ]" if marks else "[]", *self._settings()]
        return "\n    ".join(["rn.Strokes(", *(f"{part}," for part in parts)]) + "\n)"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _settings(self) -> Iterator[str]:
        for name, usual in (("grow", 0), ("feather", 0), ("fill_holes", False)):
            value = getattr(self, name)
            if value != usual:
                yield f"{name}={written(value)}"

    def board(self, size: tuple[int, int] | None = None, photo: Photo | None = None) -> Board:
        """Give an empty board of this size for the marks to be put on."""
        photo = photo or self.photo
        width, height = size or (photo.size if photo else self.size)
        scale = width / self.size[0]
        if abs(self.size[1] * scale - height) > max(1.0, scale):
            raise PictureError(
                f"The strokes were made on a photo of {self.size[0]} x {self.size[1]} pixels; "
                f"{width} x {height} has another shape.",
                advice="Nothing was sent. Replay them on the same photo, at any size.",
            )
        return Board((width, height), scale, photo)

    def finished(self, pixels: Grey, scale: float) -> npt.NDArray[np.bool_]:
        """Fill holes and grow what the marks have painted, as far as that is asked for."""
        flags = pixels.view(bool)
        if not (self.fill_holes or self.grow):
            return flags
        from retouch_nb.imaging import shape  # loads OpenCV

        return shape.grow(
            shape.without_holes(flags) if self.fill_holes else flags, self.grow * scale
        )

    def _finished(
        self, size: tuple[int, int] | None, photo: "PhotoLike | None"
    ) -> npt.NDArray[np.bool_]:
        board = self.board(size, None if photo is None else Photo.open(photo))
        for mark in self.marks:
            board.put(mark)
        return self.finished(board.pixels, board.scale)

    def _blurred(self, flags: npt.NDArray[np.bool_]) -> Grey:
        from retouch_nb.imaging import shape  # loads OpenCV

        return shape.soft(flags, self.feather * flags.shape[1] / self.size[0])


def simplified(points: Sequence[Point], tolerance: float) -> list[Point]:
    """Drop points that a straight line passes within some pixels, and round to a tenth: a list a person can read.

    Pressure counts as well, in hundredths. Source: Ramer (1972), Douglas and Peucker (1973).

    Examples
    --------
    >>> simplified([(0, 0), (5, 0.1), (10, 0), (10, 8)], 0.5)
    [(0, 0), (10, 0), (10, 8)]
    """
    given = np.asarray(points, np.float64)
    kept = np.zeros(len(given), bool)
    kept[[0, -1]] = True
    spans = [(0, len(given) - 1)]
    while spans:
        first, last = spans.pop()
        away = _away(given[first : last + 1])
        if away.size and away.max() > tolerance:
            middle = first + 1 + int(away.argmax())
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return [_rounded(point) for point in given[kept]]


def _away(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Measure how far the inner points are from the straight piece between the first and the last."""
    xy, ends = points[1:-1, :2], points[[0, -1], :2]
    along = ends[1] - ends[0]
    length = float(along @ along)
    share = np.clip((xy - ends[0]) @ along / length, 0, 1) if length else np.zeros(len(xy))
    away = np.hypot(*(xy - ends[0] - share[:, None] * along).T)
    if points.shape[1] > 2:
        expected = points[0, 2] + share * (points[-1, 2] - points[0, 2])
        away = np.maximum(away, 20 * np.abs(points[1:-1, 2] - expected))
    return np.asarray(away)


def _rounded(point: npt.NDArray[np.float64]) -> Point:
    x, y, *pressure = point.tolist()
    return (short(x, 1), short(y, 1), *(short(p, 2) for p in pressure))  # type: ignore[return-value]


def _whole_size(size: Any) -> tuple[int, int]:
    try:
        width, height = size
        return int(width), int(height)
    except (TypeError, ValueError) as error:
        raise PictureError(f"A size is a width and a height, not {size!r}.") from error


def _locked(pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    pixels.setflags(write=False)
    return pixels
