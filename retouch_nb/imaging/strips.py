"""Goes through a large picture in strips of rows, with small maps enlarged one strip at a time."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.smooth import as_plane


def row_strips(height: int, rows: int, /) -> Iterator[slice]:
    """Cut a height into slices of so many rows; the last may be shorter.

    Examples
    --------
    >>> list(row_strips(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def rows_enlarged(
    small: NDArray[np.float32], shape: tuple[int, ...], rows: slice, /
) -> NDArray[np.float32]:
    """Give some rows of what a small map would be at full size.

    Parameters
    ----------
    small : ndarray of float32, shape (height, width) or (height, width, channels)
        With at most four channels.
    shape : tuple of int
        Full size: height and width come first.
    rows : slice
        Which rows, with a start and a stop.

    Returns
    -------
    ndarray of float32
        As `cv2.resize` gives it, in straight lines between the pixels' centres.

    Examples
    --------
    >>> small = np.float32([[0, 0], [8, 8]])
    >>> rows_enlarged(small, (4, 4), slice(1, 3))[:, 0].tolist()
    [2.0, 6.0]
    """
    down, across = small.shape[0] / shape[0], small.shape[1] / shape[1]
    middle = (rows.start + 0.5) * down - 0.5
    matrix = np.array([[across, 0, across / 2 - 0.5], [0, down, middle]])
    size = (shape[1], rows.stop - rows.start)
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    return as_plane(cv2.warpAffine(small, matrix, size, flags=way, borderMode=edge))
