"""Strips cover a picture once, and maps enlarged strip by strip are the map enlarged at once."""

import cv2
import numpy as np
import pytest

from retouch_nb.imaging.strips import row_strips, rows_enlarged


@pytest.mark.parametrize("height", [1, 63, 64, 65, 200])
def test_strips_cover_every_row_once(height: int) -> None:
    """In order, without a gap, none longer than asked for."""
    strips = list(row_strips(height, 64))
    assert [row for strip in strips for row in range(height)[strip]] == list(range(height))
    assert max(strip.stop - strip.start for strip in strips) <= 64


@pytest.mark.parametrize("channels", [None, 3])
def test_strips_of_a_map_join_without_a_seam(channels: int | None) -> None:
    """Together they are what OpenCV enlarges in one go, to a thirty-second of a step."""
    shape = (30, 40) if channels is None else (30, 40, channels)
    small = np.random.default_rng(0).random(shape, np.float32)
    parts = [rows_enlarged(small, (371, 467), rows) for rows in row_strips(371, 50)]
    whole = cv2.resize(small, (467, 371))
    assert np.abs(np.concatenate(parts) - whole).max() < 0.07
