"""Runs the two small nets of the folder ``weights``: from planes to the rest that is missing."""

import threading
from importlib.resources import files
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.smooth import Plane, as_plane

Planes: TypeAlias = NDArray[np.float32]
"""Several channels of one size, shape (planes, height, width)."""


class _Loaded(threading.local):
    """OpenCV's nets keep their layers' outputs: one that two threads use at once mixes them up."""

    def __init__(self) -> None:
        self.nets: dict[str, cv2.dnn.Net] = {}

    def __getitem__(self, name: str) -> cv2.dnn.Net:
        if name not in self.nets:
            model = files("retouch_nb.imaging").joinpath("weights", f"{name}.onnx").read_bytes()
            self.nets[name] = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        return self.nets[name]


_loaded = _Loaded()


def find_rest(name: str, planes: Planes, /) -> Planes:
    """Run a net.

    Parameters
    ----------
    name : str
        "enlarge" or "clear".
    planes : ndarray of float32, shape (planes, height, width)
        Luma from -0.5 to 0.5: one plane for "enlarge"; for "clear" four (see `split`), then noise
        in tenths of the range and softness in units of two pixels.

    Returns
    -------
    ndarray of float32, shape (4, height, width)
        What to add to the four pixels of every square, in units of the range; for "enlarge" to
        the bicubic enlargement. Within eight pixels of the border it is less certain.

    Examples
    --------
    >>> find_rest("enlarge", np.zeros((1, 16, 24), np.float32)).shape
    (4, 16, 24)
    """
    net = _loaded[name]
    net.setInput(planes[None])
    return as_plane(net.forward()[0])


def split(plane: Plane, /) -> Planes:
    """Deal the pixels of every 2 x 2 square out to four planes; undone by `joined`.

    Examples
    --------
    >>> split(np.float32([[0, 1], [2, 3]])).ravel()
    array([0., 1., 2., 3.], dtype=float32)
    """
    height, width = (edge // 2 for edge in plane.shape)
    return plane.reshape(height, 2, width, 2).transpose(1, 3, 0, 2).reshape(4, height, width)


def joined(planes: Planes, /) -> Plane:
    """Put the four planes of `split` together again.

    Examples
    --------
    >>> joined(np.float32([[[0]], [[1]], [[2]], [[3]]]))
    array([[0., 1.],
           [2., 3.]], dtype=float32)
    """
    _, height, width = planes.shape
    squares = planes.reshape(2, 2, height, width).transpose(2, 0, 3, 1)
    return squares.reshape(height * 2, width * 2)
