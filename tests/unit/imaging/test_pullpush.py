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


def test_a_hole_of_any_shape_is_filled_and_nothing_else_is_touched() -> None:
    """At the border, everywhere, nowhere; a picture of one known pixel becomes that pixel."""
    photo = np.random.default_rng(2).integers(0, 256, (9, 14, 3), np.uint8)
    for hole in (np.zeros((9, 14), bool), photo[..., 0] > 99, photo[..., 0] > 200):
        got = smooth_fill(photo, hole)
        assert got is not photo
        assert (got[~hole] == photo[~hole]).all()
    alone = np.ones((9, 14), bool)
    alone[4, 5] = False
    assert (smooth_fill(photo, alone) == photo[4, 5]).all()


def test_a_smooth_fill_can_be_stopped_at_every_size() -> None:
    """On a large picture the way down and up takes a second."""
    ticks: list[int] = []
    hole = np.zeros((128, 128), bool)
    hole[20:84, 20:84] = True
    smooth_fill(np.zeros((128, 128, 3), np.uint8), hole, tick=lambda: ticks.append(1))
    assert len(ticks) >= 2 * 5
