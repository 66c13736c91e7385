"""The transparent layer that draws while the pointer moves, and the reading of what it sends.

A finished stroke is one message: a few words and, as bytes, Float32 x, y and pressure in pixels of the photo.
Whatever a browser sends is checked here before it becomes a mark.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets

from retouch_nb.errors import PictureError
from retouch_nb.marks import Box, Brush, Flood, Lasso, Mark, Pick
from retouch_nb.strokes import simplified
from retouch_nb.widgets.comm import unpin
from retouch_nb.widgets.module import STATIC, module

MOST_POINTS = 200_000
"""No hand draws a longer stroke; what is longer was not drawn."""

STRAIGHT = 0.4
"""Pixels of the photo by which a stroke's points may be off after it was shortened."""


class Ink(anywidget.AnyWidget):
    """The browser's side of the painter.

    Attributes
    ----------
    title : str
        Name of the photo.
    sizes : list
        Width and height of the photo, then of its preview.
    hand : dict
        Tool, sizes, tolerance and channel, kept by the browser so that they survive a reload.
    status : dict
        What Python knows: areas, counts, settings, running job, trouble.
    """

    _esm = module("gone.js", "ink_view.js", "ink_parts.js", "ink.js")
    _css = STATIC / "ink.css"

    title = traitlets.Unicode().tag(sync=True)
    sizes = traitlets.List(traitlets.Int()).tag(sync=True)
    hand = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)

    def __init__(
        self, hear: Callable[[Mapping[str, Any], Sequence[Any]], None], **traits: Any
    ) -> None:
        super().__init__(**traits)
        self._hear = hear
        self.on_msg(lambda widget, content, buffers: self._hear(content, buffers))
        unpin(self)

    def tell(self, **traits: Any) -> None:
        """Publish traits, from any thread."""
        with self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def answer(self, content: Mapping[str, Any], *buffers: bytes) -> None:
        """Send the browser a message, from any thread."""
        self.send(dict(content), list(buffers))


def mark_of(content: Mapping[str, Any], buffers: Sequence[Any]) -> Mark:
    """Make the mark that a message of the browser describes.

    Raises
    ------
    PictureError
        It describes none.

    Examples
    --------
    >>> points = np.array([[1, 2, 1], [9, 2, 1]], np.float32)
    >>> mark_of({"tool": "eraser", "size": 8}, [points.tobytes()])
    Brush([(1, 2), (9, 2)], width=8, erase=True)
    >>> mark_of({"tool": "box"}, [points.tobytes()])
    Traceback (most recent call last):
    ...
    retouch_nb.errors.PictureError: The browser sent a stroke that makes no sense: an empty box. ...
    """
    try:
        return _mark(content, _points(buffers))
    except PictureError as error:
        raise _senseless(error.what.rstrip(".")) from error
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _senseless(error) from error


def _senseless(reason: object) -> PictureError:
    return PictureError(
        f"The browser sent a stroke that makes no sense: {reason}.",
        advice="It was left out; everything painted before is kept.",
    )


def _points(buffers: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Read x, y and pressure, one row a sample."""
    if len(buffers) != 1 or len(buffers[0]) % 12 or not buffers[0]:
        raise ValueError("its points are not whole triples")
    points = np.frombuffer(buffers[0], "<f4").reshape(-1, 3).astype(np.float64)
    if len(points) > MOST_POINTS:
        raise ValueError(f"{len(points):,} points")
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is not a finite number")
    return points


def _mark(content: Mapping[str, Any], points: npt.NDArray[np.float64]) -> Mark:
    erase = bool(content.get("erase", False))
    match content["tool"]:
        case "brush" | "eraser" as tool:
            return Brush(_line(points), _size(content, "size"), erase or tool == "eraser")
        case "box":
            return Box(*_box(points), erase=erase)
        case "lasso" | "polygon":
            if len(points) < 3:
                raise ValueError("an outline of fewer than three points")
            return Lasso(simplified(points[:, :2].tolist(), STRAIGHT), erase)
        case "wand":
            x, y = _whole(points[0])
            return Flood(x, y, _size(content, "tolerance"), erase)
        case "object" if len(points) == 1:
            reach = _size(content, "size")
            x, y = _whole(points[0])
            side = round(2 * reach)
            return Pick(round(x - reach), round(y - reach), side, side, (x, y), erase)
        case "object":
            return Pick(*_box(points), erase=erase)
        case tool:
            raise ValueError(f"a tool {str(tool)[:20]!r}")


def _size(content: Mapping[str, Any], name: str) -> float:
    size = round(float(content[name]), 1)
    if not 0 < size < 100_000:
        raise ValueError(f"a {name} of {size:g}")
    return int(size) if size == int(size) else size


def _whole(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(np.floor(point[0])), int(np.floor(point[1]))


def _line(points: npt.NDArray[np.float64]) -> list[Any]:
    """Keep the pressure only where there is some to speak of: a mouse presses with 1."""
    pressure = np.clip(points[:, 2], 0.02, 1)
    line = points[:, :2] if (pressure == 1).all() else np.column_stack([points[:, :2], pressure])
    return simplified(line.tolist(), STRAIGHT)


def _box(points: npt.NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Span a box between the first and the last point, on whole pixels."""
    (x0, y0), (x1, y1) = (np.round(points[i, :2]).astype(int).tolist() for i in (0, -1))
    if x0 == x1 or y0 == y1:
        raise ValueError("an empty box")
    return min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)
