"""A small layered result as the vendor would send it: photo, ZIP, and the parts to take it apart."""

import io
import json
import zipfile

import numpy as np
import pytest

from retouch_nb.layers import LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels

MATRIX = [[0.45, -0.02, -3.0], [0.02, 0.45, -4.0]]

RESULT = {
    "jsonVersion": "1",
    "plugins": [
        {
            "pluginName": "Glasses Anti Glare",
            "layoutMode": "patch",
            "operationIndex": 5,
            "originalWidth": 64,
            "originalHeight": 48,
            "faces": [{"glassesAntiGlarePatchMatrix": MATRIX, "patchWidth": 20, "patchHeight": 10}],
        }
    ],
}


@pytest.fixture
def parts() -> dict[str, Pixels]:
    """Give the pictures of six layers on a photo of 64 x 48, by file name."""
    random = np.random.default_rng(5)
    full = random.integers(0, 256, (6, 48, 64, 4), np.uint8)
    full[1, :, :, 3] = 0
    full[1, 10:20, 12:30, 3] = 200
    full[5, :, :, 3] = 255
    return {
        "1_Skin Mask.png": full[0],
        "2_Heal_blendmode=normal.png": full[1],
        "3_Dodge Burn_blendmode=softLight.png": full[2],
        "4_Portrait Volumes_blendmode=softLight.png": full[3],
        "5_Face Lifting_blendmode=flow.png": full[4, :9, :11],
        "6_Glasses Anti Glare_blendmode=linearLight_patch.png": full[5, :10, :20],
    }


@pytest.fixture
def layered_zip(parts: dict[str, Pixels]) -> bytes:
    """Give them as a ZIP."""
    return zipped(parts)


def zipped(parts: dict[str, Pixels]) -> bytes:
    """Make a ZIP of pictures and the sample's result.json."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, pixels in parts.items():
            archive.writestr(f"job-7/{name}", Png.of(pixels).data)
        archive.writestr("job-7/result.json", json.dumps(RESULT))
    return buffer.getvalue()


@pytest.fixture
def stack(layered_zip: bytes, photo: Photo) -> LayerStack:
    """Give the stack read from the ZIP."""
    return LayerStack.from_zip(layered_zip, photo)
