"""A photo as every operation wants it: encoded, upright, checked, and known by the hash of its bytes.

The idea: a file that is already fit is kept byte for byte; only one that is not (turned by EXIF, palette,
CMYK, 16 bits, an unusual format) is encoded anew, and ``notes`` says so.
"""

from retouch_nb.photo.codec import FORMATS, MOST_PIXELS, Pixels, opened
from retouch_nb.photo.link import Link, called, is_link
from retouch_nb.photo.photo import SHOWN, HasPhoto, Photo, PhotoLike, open_photo, reduced

__all__ = [
    "FORMATS",
    "MOST_PIXELS",
    "SHOWN",
    "HasPhoto",
    "Link",
    "Photo",
    "PhotoLike",
    "Pixels",
    "called",
    "is_link",
    "open_photo",
    "opened",
    "reduced",
]
