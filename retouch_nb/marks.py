"""What a mask is painted with: a brush, boxes, outlines, and pointing at colours and objects.

A mark is a value that prints as the code that makes it, and draws itself on a `Board` of any size.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from retouch_nb import rle
from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels

Point: TypeAlias = tuple[float, float] | tuple[float, float, float]
Grey: TypeAlias = npt.NDArray[np.uint8]

FARTHEST = 1_000_000
"""Coordinates beyond this are a mistake, and would keep a rasteriser busy for nothing."""


class Board:
    """The mask while it is painted: one array, 0 or 1, into which Pillow and numpy both draw.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels.
    scale : float
        Pixels of the board for one pixel of the marks.
    photo : Photo or None
        What marks that select by colour look at.
    """

    def __init__(self, size: tuple[int, int], scale: float, photo: Photo | None) -> None:
        self.size = size
        self.scale = scale
        self.photo = photo
        self.pixels = np.zeros((size[1], size[0]), np.uint8)
        self._image = Image.frombuffer("L", size, self.pixels, "raw", "L", 0, 1)
        self._image.readonly = 0  # else Pillow would copy it on the first stroke
        self.draw = ImageDraw.Draw(self._image)

    def put(self, mark: "Mark") -> None:
        """Paint one mark."""
        mark._draw(self)


class _Mark:
    """What all marks share: they print as the code that makes them, leaving out what is usual."""

    erase: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_numbers(self)

    def __repr__(self) -> str:
        return code(self)

    def _draw(self, board: Board) -> None:
        raise NotImplementedError

    @property
    def _ink(self) -> int:
        return 0 if self.erase else 1


@dataclass(frozen=True, repr=False)
class Brush(_Mark):
    """A round brush pulled through points.

    Attributes
    ----------
    points : sequence of (x, y) or (x, y, pressure)
        In pixels of the photo the strokes were made on. A pen's pressure, 0 to 1, narrows the brush.
    width : float
        Diameter of the brush in the same pixels.
    erase : bool
        Paint black instead of white.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> rn.Strokes((60, 40), [rn.Brush([(10, 20), (50, 20)], width=8)]).mask()
    <Mask 60 x 40, 17.5 % white>
    """

    points: Sequence[Point]
    width: float = 20
    erase: bool = False  # type: ignore[misc]

    def _draw(self, board: Board) -> None:
        """Lay a disc on every point and a quadrilateral between neighbours: no gaps at sharp turns."""
        discs = [_disc(point, self.width / 2, board.scale) for point in self.points]
        for x, y, r in discs:
            board.draw.ellipse((x - r, y - r, x + r, y + r), fill=self._ink)
        for start, end in itertools.pairwise(discs):
            if start[:2] != end[:2]:
                board.draw.polygon(_band(start, end), fill=self._ink)


@dataclass(frozen=True, repr=False)
class Box(_Mark):
    """A filled axis-aligned rectangle: left, top, width and height in pixels.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> rn.Strokes((60, 40), [rn.Box(10, 10, 20, 20), rn.Box(15, 15, 10, 10, erase=True)]).mask()
    <Mask 60 x 40, 12.5 % white>
    """

    x: float
    y: float
    width: float
    height: float
    erase: bool = False  # type: ignore[misc]

    def _draw(self, board: Board) -> None:
        left, top, right, bottom = _corners(self, board.scale)
        if right > left and bottom > top:
            board.draw.rectangle((left, top, right - 1, bottom - 1), fill=self._ink)


@dataclass(frozen=True, repr=False)
class Lasso(_Mark):
    """A filled outline through points (x, y), closed by itself: a polygon, or one drawn freely.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> rn.Strokes((60, 40), [rn.Lasso([(0, 0), (59, 0), (0, 39)])]).mask()
    <Mask 60 x 40, 50.8 % white>
    """

    points: Sequence[Point]
    erase: bool = False  # type: ignore[misc]

    def _draw(self, board: Board) -> None:
        corners = [(point[0] * board.scale, point[1] * board.scale) for point in self.points]
        if len(corners) > 2:
            board.draw.polygon(corners, fill=self._ink)


@dataclass(frozen=True, repr=False)
class Flood(_Mark):
    """The connected area of one colour around a point of the photo: a magic wand.

    Attributes
    ----------
    x, y : float
        In pixels of the photo the strokes were made on.
    tolerance : float
        How far red, green and blue may each be from the colour there, 0 to 255.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> photo = np.zeros((40, 60, 3), np.uint8)
    >>> photo[:, 30:] = 200
    >>> rn.Strokes((60, 40), [rn.Flood(45, 20)]).mask(photo=photo)
    <Mask 60 x 40, 50.0 % white>
    """

    x: float
    y: float
    tolerance: float = 24
    erase: bool = False  # type: ignore[misc]

    def _draw(self, board: Board) -> None:
        _select(board, dataclasses.replace(self, erase=False), self._ink)


@dataclass(frozen=True, repr=False)
class Pick(_Mark):
    """The object in a box, told from its ground by colour and edges (GrabCut).

    Attributes
    ----------
    x, y, width, height : float
        A box with the object and a little of its ground in it.
    at : tuple of float, optional
        A point of the object; without one it is whatever differs from the ground around the box.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> photo = np.full((40, 60, 3), 90, np.uint8)
    >>> photo[10:30, 20:40] = (200, 40, 40)
    >>> rn.Strokes((60, 40), [rn.Pick(14, 4, 32, 32)]).mask(photo=photo).rectangles()
    (Rectangle(x=20, y=10, width=20, height=20),)
    """

    x: float
    y: float
    width: float
    height: float
    at: tuple[float, float] | None = None
    erase: bool = False  # type: ignore[misc]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at is None:
            return
        try:
            x, y = self.at
        except (TypeError, ValueError) as error:
            raise PictureError(f"A point of an object is x and y, not {self.at!r}.") from error
        object.__setattr__(self, "at", (x, y))  # a key of what was selected, so no list

    def _draw(self, board: Board) -> None:
        _select(board, dataclasses.replace(self, erase=False), self._ink)


@dataclass(frozen=True, repr=False)
class Stamp(_Mark):
    """A mask from elsewhere, as COCO's compressed run lengths of a picture of some size.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> left = np.arange(60) < np.full((40, 1), 30)
    >>> rn.Strokes((60, 40), [rn.Stamp.of(rn.Mask.open(left)), rn.Invert()]).mask().rectangles()
    (Rectangle(x=30, y=0, width=30, height=40),)
    """

    size: tuple[int, int]
    counts: str
    erase: bool = False  # type: ignore[misc]

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """Make a stamp of any mask.

        Examples
        --------
        >>> Stamp.of(Mask.open(np.array([[False, True], [True, True]])))
        Stamp((2, 2), '13')
        """
        return cls(mask.size, rle.encode(mask.pixels))

    def _draw(self, board: Board) -> None:
        board.pixels[_fitted(rle.decode(self.counts, self.size), board.size)] = self._ink


@dataclass(frozen=True, repr=False)
class Invert(_Mark):
    """White becomes black and black white, in everything painted so far.

    Examples
    --------
    >>> import retouch_nb as rn
    >>> rn.Strokes((60, 40), [rn.Box(0, 0, 60, 10), rn.Invert()]).mask()
    <Mask 60 x 40, 75.0 % white>
    """

    def _draw(self, board: Board) -> None:
        board.pixels ^= 1


Mark: TypeAlias = Brush | Box | Lasso | Flood | Pick | Stamp | Invert


def check_numbers(mark: Any) -> None:
    """Refuse a mark whose numbers are none, or far beside any picture.

    Raises
    ------
    PictureError
    """
    try:
        numbers = np.asarray(list(_numbers(mark)), np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise PictureError(
            f"A mark holds something that is no number: {str(mark)[:80]}."
        ) from error
    if not np.isfinite(numbers).all():
        raise PictureError("A mark has a coordinate that is not a finite number.")
    if (np.abs(numbers) > FARTHEST).any():
        raise PictureError(f"A mark lies more than {FARTHEST:,} pixels away.")
    if isinstance(mark, Brush | Lasso) and {len(point) for point in mark.points} - {2, 3}:
        raise PictureError("A point has two numbers, x and y, or three with the pen's pressure.")
    if isinstance(mark, Brush) and mark.width < 0:
        raise PictureError(f"A brush cannot be {mark.width:g} pixels wide.")


def _numbers(held: Any) -> Iterator[Any]:
    if isinstance(held, _Mark):
        for part in dataclasses.fields(held):  # type: ignore[arg-type]
            if part.name != "counts":
                yield from _numbers(getattr(held, part.name))
    elif isinstance(held, list | tuple | np.ndarray):
        for part in held:
            yield from _numbers(part)
    elif held is not None:
        yield held


def _disc(point: Point, radius: float, scale: float) -> tuple[float, float, float]:
    x, y, *pressure = point
    return x * scale, y * scale, radius * scale * (pressure[0] if pressure else 1)


def _band(
    start: tuple[float, float, float], end: tuple[float, float, float]
) -> list[tuple[float, float]]:
    """Corners of the straight piece of a round brush between two discs."""
    (x0, y0, r0), (x1, y1, r1) = start, end
    length = float(np.hypot(x1 - x0, y1 - y0))
    dx, dy = (y1 - y0) / length, (x0 - x1) / length
    return [
        (x0 + dx * r0, y0 + dy * r0),
        (x1 + dx * r1, y1 + dy * r1),
        (x1 - dx * r1, y1 - dy * r1),
        (x0 - dx * r0, y0 - dy * r0),
    ]


def _corners(box: Box | Pick, scale: float) -> tuple[int, int, int, int]:
    """Round a box to whole pixels: left, top, right and bottom."""
    return (
        round(box.x * scale),
        round(box.y * scale),
        round((box.x + box.width) * scale),
        round((box.y + box.height) * scale),
    )


def _select(board: Board, mark: Flood | Pick, ink: int) -> None:
    if board.photo is None:
        raise PictureError(
            f"A {type(mark).__name__} selects by colour and needs the photo.",
            advice="Nothing was sent. Give it: strokes.mask(photo=photo), or strokes.on(photo).",
        )
    scale = board.photo.size[0] * board.scale / board.size[0]
    packed = _selected(board.photo, mark, scale)
    width, height = board.photo.size
    flags = np.unpackbits(packed, count=width * height).reshape(height, width).view(bool)
    board.pixels[_fitted(flags, board.size)] = ink


@lru_cache(maxsize=64)
def _selected(photo: Photo, mark: Flood | Pick, scale: float) -> Grey:
    """Select at the photo's own size; kept packed, for every undo asks again."""
    from retouch_nb.imaging import select  # loads OpenCV

    def placed(x: float, y: float) -> tuple[int, int]:
        return int(np.floor(x * scale)), int(np.floor(y * scale))

    if isinstance(mark, Flood):
        flags = select.flood(_pixels(photo), placed(mark.x, mark.y), tolerance=mark.tolerance)
    else:
        left, top, right, bottom = _corners(mark, scale)
        at = None if mark.at is None else placed(*mark.at)
        flags = select.pick(_pixels(photo), (left, top, right - left, bottom - top), at=at)
    return np.packbits(flags)


@lru_cache(maxsize=1)
def _pixels(photo: Photo) -> Pixels:
    return photo.to_numpy()


def _fitted(flags: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Bring a mask to another size; a pixel is white when at least half of what it covers is."""
    height, width = flags.shape
    if (width, height) == size:
        return flags
    smaller = size[0] < width
    grey = Image.fromarray(flags.astype(np.uint8) * np.uint8(255))
    how = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.asarray(grey.resize(size, how)) >= 128


def code(held: Any, prefix: str = "") -> str:
    """Write the call that makes a mark or strokes: what comes first by position, the rest by name, the usual left out."""
    placed, named = [], []
    for part in dataclasses.fields(held):
        value = getattr(held, part.name)
        if not part.repr or part.name == "photo":
            continue
        if part.default is dataclasses.MISSING or part.name == "marks":
            placed.append(written(value))
        elif value != part.default:
            named.append(f"{part.name}={written(value)}")
    return f"{prefix}{type(held).__name__}({', '.join([*placed, *named])})"


def written(value: Any) -> str:
    """Write a value as code, numbers with no more than four decimals.

    Examples
    --------
    >>> written([(1.0, 2.25), (3.123456, 4)])
    '[(1, 2.25), (3.1235, 4)]'
    """
    match value:
        case bool() | np.bool_():
            return str(bool(value))
        case float() | np.floating():
            return repr(short(float(value), 4))
        case list() | np.ndarray():
            return f"[{', '.join(map(written, value))}]"
        case tuple() if value and isinstance(value[0], _Mark | tuple | list):
            return written(list(value))
        case tuple():
            return f"({', '.join(map(written, value))})"
    return repr(value)


def short(value: float, digits: int) -> float:
    """Round, and drop a fraction that is none."""
    rounded = round(value, digits)
    return int(rounded) if np.isfinite(rounded) and rounded == int(rounded) else rounded
