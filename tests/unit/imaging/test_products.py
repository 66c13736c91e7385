"""Products of matrices in small pieces."""

import numpy as np
import pytest

from retouch_nb.imaging.products import product


@pytest.mark.parametrize(("m", "k", "n"), [(1, 245, 3), (32, 49, 167), (75, 245, 1001), (64, 9, 0)])
def test_the_pieces_make_up_the_product(m: int, k: int, n: int) -> None:
    """Whatever the sizes leave over, every row is multiplied with every other."""
    random = np.random.default_rng(m)
    left, right = (random.random((rows, k), np.float32) for rows in (m, n))
    assert np.allclose(product(left, right), left.astype(float) @ right.T.astype(float), rtol=1e-5)
