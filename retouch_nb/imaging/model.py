"""Fills holes with a model of the user's own: a file in the ONNX format, of the kind LaMa is exported to.

It has an input for the picture (1, 3, height, width), 0 to 1, and one for the mask (1, 1, height, width),
1 in the hole, and gives the picture, from 0 to 1 or 0 to 255. Nothing outside the hole is taken from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.errors import MissingExtraError, ParameterError
from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.smooth import as_plane

MULTIPLE = 8
"""Sizes a model of free size is given are multiples of this: it halves them three times."""
LONGEST = 1024
"""Longest edge given to a model of free size, in pixels; larger surroundings are reduced."""
_MULTIPLIERS = (1.0, 255.0)


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model: what its inputs are called, and the size it takes, None for any."""

    run: Callable[..., Any]
    picture: str
    mask: str
    size: tuple[int, int] | None

    @classmethod
    def load(cls, path: Path, /) -> Self:
        """Load a file and find its inputs; `ParameterError` when it is no model of this kind."""
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtraError.of("onnx", "onnxruntime", "filling with your model") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        try:
            session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no common base of their own
            raise _unsuitable(path, str(error).splitlines()[0]) from None
        return cls._of(path, session)

    @classmethod
    def _of(cls, path: Path, session: Any) -> Self:
        inputs = [one for one in session.get_inputs() if len(one.shape) == 4]
        masks = [one for one in inputs if one.shape[1] == 1 or "mask" in one.name.lower()]
        pictures = [one for one in inputs if one not in masks and one.shape[1] in (3, None, "c")]
        if len(masks) != 1 or len(pictures) != 1 or len(session.get_inputs()) != 2:
            found = ", ".join(f"{one.name} {one.shape}" for one in session.get_inputs())
            raise _unsuitable(path, f"its inputs are {found}")
        if any(one.type != "tensor(float)" for one in inputs):
            raise _unsuitable(path, "it does not take float32")
        size = pictures[0].shape[2:]
        fixed = (size[0], size[1]) if all(isinstance(edge, int) for edge in size) else None
        return cls(session.run, pictures[0].name, masks[0].name, fixed)

    def __call__(self, picture: NDArray[np.float32], mask: NDArray[np.float32]) -> Any:
        """Run on a batch of one."""
        return self.run(None, {self.picture: picture[None], self.mask: mask[None]})[0][0]


def _unsuitable(path: Path, why: str) -> ParameterError:
    advice = "It should take a picture (1, 3, h, w) and a mask (1, 1, h, w) as float32."
    return ParameterError(f"{path.name} is not a model that fills holes: {why}.", advice=advice)


def fill_with(
    path: Path,
    pixels: Pixels,
    hole: NDArray[np.bool_],
    /,
    *,
    progress: Progress = ignore_progress,
) -> Pixels:
    """Fill a hole with a model.

    Parameters
    ----------
    path : Path
        The ONNX file; it is kept loaded until it changes or another is used.
    pixels : ndarray of uint8, shape (height, width, 3)
    hole : ndarray of bool, shape (height, width)
    progress : callable
        Called before and after the model's run, which cannot be stopped.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Outside the hole as it was. Where the surroundings had to be reduced to the model's size,
        the fill is as much softer.

    Raises
    ------
    MissingExtraError
        When onnxruntime is not installed.
    ParameterError
        When the file is not a model of this kind.
    """
    progress(0.0)
    model = _loaded(path, path.stat().st_mtime_ns)
    height, width = hole.shape
    scale, canvas = _fitted(model.size, height, width)
    small = max(1, round(height * scale)), max(1, round(width * scale))
    picture, mask = _resized(pixels, small), _resized(hole.astype(np.uint8) * 255, small) > 0
    below, right = canvas[0] - small[0], canvas[1] - small[1]
    edge = cv2.BORDER_REFLECT
    picture = np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, edge), np.uint8)
    shown = np.pad(mask, ((0, below), (0, right)))
    given = as_plane(picture.transpose(2, 0, 1) / np.float32(255))
    got = _in_tones(model(given, as_plane(shown)[None]), given, shown)[: small[0], : small[1]]
    progress(1.0)
    return np.where(hole[..., None], _resized(got, (height, width)), pixels)


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int) -> Model:
    return Model.load(path)


def _fitted(size: tuple[int, int] | None, height: int, width: int) -> tuple[float, tuple[int, int]]:
    """Give the scale for the surroundings and the size of the canvas they go on."""
    if size:
        return min(size[0] / height, size[1] / width, 1.0), size
    scale = min(LONGEST / max(height, width), 1.0)
    rows, columns = (-(-max(1, round(e * scale)) // MULTIPLE) * MULTIPLE for e in (height, width))
    return scale, (rows, columns)


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    if picture.shape[:2] == size:
        return picture
    way = cv2.INTER_AREA if size[0] < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=way), np.uint8)


def _in_tones(
    answer: NDArray[np.float32], given: NDArray[np.float32], mask: NDArray[np.bool_]
) -> Pixels:
    """Take the answer for fractions or for tones, whichever gives back what was known."""

    def unlike(multiplier: float) -> float:
        return float(np.abs(answer * (multiplier / 255) - given)[:, ~mask].mean())

    tones = np.rint(answer * min(reversed(_MULTIPLIERS), key=unlike))
    return np.ascontiguousarray(tones.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))
