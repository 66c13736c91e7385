"""Multiplies matrices on the calling thread alone, in pieces for which BLAS wakes no thread of its own.

Those threads wait for more by spinning: several pictures at once would pay for them with a core.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from retouch_nb.imaging.smooth import Plane

_ROWS = 32
_ALONE = 4 * 65536
"""Multiplications from which OpenBLAS divides a product: ``SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD``."""


def product(left: Plane, right: Plane, /) -> Plane:
    """Multiply every row of one matrix with every row of another.

    Parameters
    ----------
    left : ndarray of float32, shape (m, k)
    right : ndarray of float32, shape (n, k)

    Returns
    -------
    ndarray of float32, shape (m, n)

    Examples
    --------
    >>> product(np.float32([[1, 2], [3, 4]]), np.float32([[5, 6]])).tolist()
    [[17.0], [39.0]]
    """
    length = left.shape[1]
    columns = max(1, _ALONE // (_ROWS * length))
    result = np.empty((len(left), len(right)), np.float32)
    for ys, high in _spans(len(left), _ROWS):
        for xs, wide in _spans(len(right), columns):
            np.matmul(
                left[ys].reshape(-1, 1, high, length),
                right[xs].reshape(1, -1, wide, length).swapaxes(2, 3),
                out=_tiles(result[ys, xs], high, wide),
            )
    return result


def _spans(length: int, size: int) -> Iterator[tuple[slice, int]]:
    """Give the part of a length that divides into pieces of a size, and the rest as one piece."""
    whole = length - length % size
    if whole:
        yield slice(0, whole), size
    if whole < length:
        yield slice(whole, length), length - whole


def _tiles(plane: Plane, high: int, wide: int) -> Plane:
    """See a matrix as a matrix of tiles; what is written there is written to it."""
    down, across = plane.strides
    shape = (plane.shape[0] // high, plane.shape[1] // wide, high, wide)
    return as_strided(plane, shape, (down * high, across * wide, down, across))
