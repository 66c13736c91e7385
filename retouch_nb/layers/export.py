"""What all layered files share: no transparency below, what of a layer is shown, and the error when it reads back otherwise."""

import numpy as np

from retouch_nb.errors import PictureError, RetouchError
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.placement import Piece
from retouch_nb.photo import Photo, Pixels

BACKGROUND = "Photo"


def opaque(base: Photo) -> Pixels:
    """Decode the photo below the layers, which must not be transparent anywhere."""
    pixels = base.to_numpy()
    if pixels.shape[2] == 4 and pixels[..., 3].min() < 255:
        raise PictureError(
            "Layered files of photos with transparency are not supported.",
            advice="Nothing was written. Flatten the photo first, or use save_zip.",
        )
    return np.ascontiguousarray(pixels[..., :3])


def differs(kind: str) -> RetouchError:
    """Make the error for a file that does not read back as what was written."""
    return RetouchError(
        f"The {kind} that was written does not give the same picture back.",
        advice="It was not kept. save_zip keeps the layers as they came.",
    )


def own_pixels(layer: Layer) -> Piece:
    """Decode what a file shows of a layer; a single clear pixel where that is nothing."""
    if layer.kind == "mask":
        return Piece(np.full((layer.size[1], layer.size[0], 4), 255, np.uint8), (0, 0))
    if layer.kind == "flow" or layer.placement is None:
        return Piece(layer.to_numpy(), (0, 0))
    return layer.cut_out() or Piece(np.zeros((1, 1, 4), np.uint8), (0, 0))
