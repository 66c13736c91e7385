"""What a mask spans."""

import numpy as np

from retouch_nb.imaging.shape import box_of


def test_a_box_stays_within_the_picture() -> None:
    """Its margin ends at the border."""
    hole = np.zeros((20, 30), bool)
    hole[2:5, 25:28] = True
    assert box_of(hole, margin=4) == (slice(0, 9), slice(21, 30))
