"""Masks as a picture to lie over the photo: an indexed PNG, where colour and opacity are but its palette.

Each channel has a ramp of indices for soft edges; where both overlap their colours alternate in stripes.
"""

import io
import re
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]

_LEVELS = 63
_SUBJECT, _RETAIN = 0, 64
_EDGES = {"subject": 128, "retain": 129}


@dataclass(frozen=True)
class Look:
    """How masks are shown.

    Attributes
    ----------
    subject, retain : str
        Colours as ``#rrggbb``.
    opacity : float
        0 to 1.
    alone : bool
        White on black, without the photo.
    """

    subject: str = "#ff2d6f"
    retain: str = "#19b5fe"
    opacity: float = 0.5
    alone: bool = False

    def __post_init__(self) -> None:
        for colour in (self.subject, self.retain):
            if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
                raise ValueError(f"colour {colour!r}")
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"opacity {self.opacity!r}")


def overlay(subject: Grey, retain: Grey, look: Look) -> bytes:
    """Draw both masks as a PNG with transparency.

    Parameters
    ----------
    subject, retain : ndarray of uint8, shape (height, width)
        0 outside to 255 inside.
    look : Look

    Examples
    --------
    >>> mask = np.full((4, 6), 255, np.uint8)
    >>> Image.open(io.BytesIO(overlay(mask, mask * 0, Look()))).convert("RGBA").getpixel((2, 2))
    (255, 45, 111, 128)
    """
    image = Image.fromarray(indices(subject, retain, edges=not look.alone))
    colours, alphas = _palette(look)
    image.putpalette(colours)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=alphas, compress_level=1)
    return buffer.getvalue()


def indices(subject: Grey, retain: Grey, *, edges: bool) -> Grey:
    """Give every pixel the index of its colour."""
    shown = subject // 4
    other = retain // 4
    if other.any():
        rows, columns = np.ogrid[: shown.shape[0], : shown.shape[1]]
        striped = (shown == 0) | ((rows + columns) // 6 % 2 == 0)
        shown = np.where((other > 0) & striped, other + _RETAIN, shown)
    if edges:
        for name, channel in (("subject", subject), ("retain", retain)):
            if channel.any():
                shown[outline(channel)] = _EDGES[name]
    return np.asarray(shown, np.uint8)


def outline(channel: Grey) -> npt.NDArray[np.bool_]:
    """Tell the pixels just inside the outline, the picture's border left out."""
    inside = np.asarray(channel >= 128, np.uint8)
    inner = cv2.erode(inside, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(inside != inner)


def _palette(look: Look) -> tuple[bytes, bytes]:
    """Give the colours and the opacity of all 256 indices."""
    colours = np.zeros((256, 3), np.uint8)
    alphas = np.zeros(256, np.uint8)
    ramp = np.arange(_LEVELS + 1) / _LEVELS
    for start, name in ((_SUBJECT, look.subject), (_RETAIN, look.retain)):
        span = slice(start, start + _LEVELS + 1)
        colour = np.array(_rgb("#ffffff" if look.alone and start == _SUBJECT else name))
        colours[span] = np.round(ramp[:, None] * colour) if look.alone else colour
        alphas[span] = 255 if look.alone else np.round(ramp * look.opacity * 255)
    for name, index in _EDGES.items():
        colours[index] = _rgb(getattr(look, name))
        alphas[index] = round(255 * min(1.0, look.opacity + 0.4))
    return colours.tobytes(), alphas.tobytes()


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
