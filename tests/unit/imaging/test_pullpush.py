"""The plainest fill there is."""

import numpy as np

from retouch_nb.imaging.pullpush import smooth_fill


def test_a_smooth_fill_stays_between_the_tones_of_the_rim() -> None:
    """It blends and never overshoots, and it keeps what is known."""
    ramp = np.repeat(np.arange(40, 90, dtype=np.uint8)[None, :, None], 50, 0).repeat(3, 2)
    hole = np.zeros(ramp.shape[:2], bool)
    hole[10:40, 12:38] = True
    got = smooth_fill(ramp, hole)
    assert (got[~hole] == ramp[~hole]).all()
    assert got[hole].min() >= 50 and got[hole].max() <= 80
