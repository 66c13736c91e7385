"""Where pieces meet: no specks, no hard steps, and true copies everywhere else."""

import numpy as np
import pytest

from retouch_nb.imaging._patchmatch_cuts import painted, straightened
from retouch_nb.imaging._patchmatch_levels import Level, level_of

ONE, OTHER = -40, 40
"""From the dark and from the light side."""


@pytest.fixture
def level() -> Level:
    """Give a hole between something dark and something light."""
    picture = np.full((50, 130, 5), 90, np.uint8)
    picture[:, 65:, :3] = 170
    known = np.ones((50, 130), bool)
    known[15:35, 55:75] = False
    return level_of(picture, known, np.zeros_like(known), guard=1, decay=1.6)


def laid(level: Level, shift: np.ndarray) -> np.ndarray:
    """Paint the hole by the shift of each of its pixels and give its reds."""
    plane = np.zeros(level.hole.size, np.int32)
    plane[level.holes] = shift
    painted(level, plane, np.zeros((level.hole.size, 3), np.float32))
    return level.picture[15:35, 55:75, 0].astype(int)


def test_a_stray_pixel_joins_the_piece_around_it(level: Level) -> None:
    """Of copies from elsewhere, alone in a piece, none is left."""
    stray = np.random.default_rng(0).permutation(len(level.holes)) % 25 == 0
    shift = np.where(stray, OTHER, ONE)
    source = straightened(level, (level.holes + shift).astype(np.int32), lambda: None)
    assert (source - level.holes == ONE).mean() > 0.99


def test_a_ragged_seam_gets_shorter_and_both_pieces_stay(level: Level) -> None:
    """Its teeth go; the pieces, which each fit their own side, do not."""
    column = level.holes % level.width
    teeth = np.random.default_rng(1).integers(-2, 3, 50)[level.holes // level.width]
    shift = np.where(column < 65 + teeth, ONE, OTHER)
    source = straightened(level, (level.holes + shift).astype(np.int32), lambda: None)
    after = (source - level.holes).reshape(20, 20)

    def length(pieces: np.ndarray) -> int:
        return sum(int((np.diff(pieces, axis=axis) != 0).sum()) for axis in (0, 1))

    assert length(after) < 0.7 * length(shift.reshape(20, 20))
    assert 0.3 < (after == ONE).mean() < 0.7


def test_a_seam_is_no_hard_step(level: Level) -> None:
    """Across it the tone changes over several pixels; away from it copies are true to the bit."""
    reds = laid(level, np.where(level.holes % level.width < 65, ONE, OTHER))
    assert np.abs(np.diff(reds, axis=1)).max() <= 40
    assert (reds[:, :9] == 90).all() and (reds[:, 11:] == 170).all()


def test_one_piece_is_a_true_copy(level: Level) -> None:
    """Without a seam nothing is averaged: grain comes out as it went in."""
    grain = np.random.default_rng(2).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    level.picture[:, 10:50, :3] = grain
    reds = laid(level, np.full(len(level.holes), ONE))
    assert (reds == grain[15:35, 5:25, 0]).all()
