"""What all tests share: small pictures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from retouch_nb.photo import Photo, Pixels

# A busy machine is not a fault: time is never a reason for a test to fail here.
# Fifty examples: ``make fuzz`` goes on where these end.
settings.register_profile(
    "calm", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")


@pytest.fixture
def pixels() -> Pixels:
    """Give a soft gradient of 64 x 48 pixels with a dark spot in it."""
    y, x = np.mgrid[0:48, 0:64]
    picture = np.stack([120 + x, 140 + y, 200 - x], axis=2).astype(np.uint8)
    picture[20:28, 30:38] = 10
    return picture


@pytest.fixture
def photo(pixels: Pixels) -> Photo:
    """Give the same as a PNG photo."""
    return Photo.open(pixels)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder for journal and cache."""
    return tmp_path / "home"
