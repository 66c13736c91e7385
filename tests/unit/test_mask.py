import io

import numpy as np
import pytest
from PIL import Image

from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask, Rectangle, read_rectangles


def test_white_repaints_and_grey_is_cut_at_half() -> None:
    """From 128 upwards a mask pixel is white; there is nothing in between."""
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    assert Mask.open(grey).pixels.tolist() == [[False, False, True, True]]


def test_transparent_counts_as_black() -> None:
    """Where a mask picture is transparent nothing is changed, whatever colour hides there."""
    image = Image.new("RGBA", (4, 1), "white")
    image.putpixel((0, 0), (255, 255, 255, 0))
    assert Mask.open(image).pixels.tolist() == [[False, True, True, True]]


def test_the_size_must_be_the_photos() -> None:
    """A mask of another size is refused, naming both sizes."""
    with pytest.raises(PictureError, match=r"40 x 30 .* 30 x 40"):
        Mask.open(np.zeros((30, 40), bool), (30, 40))


def test_what_is_sent_is_an_8_bit_grey_png_of_pure_black_and_white() -> None:
    """The encoded mask has no transparency and no grey, which every service reads alike."""
    pixels = np.zeros((30, 40), bool)
    pixels[3:9, 5:20] = True
    image = Image.open(io.BytesIO(Mask.open(pixels).png))
    assert (image.mode, image.size) == ("L", (40, 30))
    assert np.array_equal(np.asarray(image), pixels * np.uint8(255))


def test_a_mask_cannot_be_changed_by_its_source() -> None:
    """Painting into the array afterwards changes neither the mask nor its identity."""
    pixels = np.zeros((3, 4), bool)
    mask = Mask.open(pixels)
    before = mask.digest
    pixels[:] = True
    assert mask.coverage == 0
    assert mask.digest == before == Mask.open(mask.png).digest


def test_masks_of_other_shapes_differ() -> None:
    """Identity includes the size, so an empty mask of one photo is not that of another."""
    assert Mask.open(np.zeros((3, 4), bool)).digest != Mask.open(np.zeros((4, 3), bool)).digest


def test_rectangles_cover_whole_pixels() -> None:
    """The union counts, not the sum."""
    mask = Mask.from_rectangles([Rectangle(0, 0, 5, 10), Rectangle(0, 0, 5, 10)], (10, 10))
    assert mask.coverage == 0.5


@pytest.mark.parametrize(
    "given",
    [
        "1,2,30,40",
        [1, 2, 30, 40],
        (1, 2, 30, 40),
        [(1, 2, 30, 40)],
        [{"x": 1, "y": 2, "width": 30, "height": 40}],
        '[{"x": 1, "y": 2, "width": 30, "height": 40}]',
        Rectangle(1, 2, 30, 40),
    ],
)
def test_rectangles_are_read_from_every_usual_form(given: object) -> None:
    """Text, JSON as on the vendor's page, fours and lists of fours mean the same rectangle."""
    assert read_rectangles(given) == (Rectangle(1, 2, 30, 40),)


@pytest.mark.parametrize("given", ["1,2,3", "1,2,3.5,4", "[{", 7, [{"x": 1}]])
def test_malformed_rectangles_are_refused(given: object) -> None:
    """Wrong counts, fractions, broken JSON and missing keys never become a rectangle."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_rectangles(given)
