import io

import numpy as np
import pytest
from PIL import Image

from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask, Rectangle, read_rectangles
from retouch_nb.photo import Photo


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


def ragged(seed: int = 0) -> Mask:
    """Some smooth blobs with holes."""
    y, x = np.mgrid[0:50, 0:70]
    return Mask.open(np.sin(x / 5 + seed) * np.cos(y / 4) > 0.3)


# What pycocotools' encode gives for these masks.
@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        (["00", "00"], "4"),
        (["11", "11"], "04"),
        (["01", "11"], "13"),
        (["0000", "0110", "0110", "0000"], "52203"),
    ],
)
def test_run_lengths_are_those_of_coco(rows: list[str], counts: str) -> None:
    """Compressed counts go down the columns, begin with black, and are differences from the third run on."""
    mask = Mask.open(np.array([[c == "1" for c in row] for row in rows]))
    assert mask.to_rle() == {"size": [len(rows), len(rows[0])], "counts": counts}
    assert Mask.from_rle(mask.to_rle()).digest == mask.digest


def test_run_lengths_come_back_to_the_pixel() -> None:
    """Compressed text, bytes and plain lists of counts give the same mask; long runs take several letters."""
    mask = ragged()
    coco = mask.to_rle()
    assert Mask.from_rle(coco).digest == mask.digest
    assert Mask.open({**coco, "counts": coco["counts"].encode()}).digest == mask.digest
    areas = [Rectangle(100, 400, 3, 300), Rectangle(999, 10, 1, 1)]
    large = Mask.from_rectangles(areas, (1000, 1000))
    assert large.to_rle()["counts"] == r"`QR3\9le0000jcZk0eFWeeTO"  # as pycocotools writes it
    assert Mask.open(large.to_rle()).digest == large.digest
    assert Mask.open({"size": [2, 2], "counts": [1, 3]}).pixels.tolist() == [
        [False, True],
        [True, True],
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"size": [2, 2], "counts": "15"},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": "\x7f"},
        {"size": [2, 2], "counts": None},
        {"size": [2], "counts": "4"},
        {"counts": "4"},
        {"size": [10**6, 10**6], "counts": [10**12]},
        {"size": [-2, -2], "counts": [4]},
    ],
)
def test_malformed_run_lengths_are_refused(given: dict[str, object]) -> None:
    """Counts that do not add up, no counts, no size, a size beyond reason: one clear error."""
    with pytest.raises(PictureError):
        Mask.open(given)


def test_rectangles_cover_the_mask_exactly() -> None:
    """Whatever boxes overlap, the rectangles found say the same mask; too many of them say none."""
    numbers = np.random.default_rng(3)
    boxes = [
        Rectangle(*map(int, (*numbers.integers(0, 60, 2), *numbers.integers(1, 25, 2))))
        for _ in range(6)
    ]
    mask = Mask.from_rectangles(boxes, (80, 80))
    assert Mask.from_rectangles(mask.rectangles(), (80, 80)).digest == mask.digest
    assert ragged().rectangles() is None
    assert len(mask.rectangles(most=1000)) > 1 and mask.rectangles(most=1) is None


def test_polygons_come_back_to_the_pixel() -> None:
    """Outlines of areas without holes, filled again, are the mask; COCO's flat form is read alike."""
    mask = ragged()
    polygons = mask.to_polygons()
    assert Mask.from_polygons(polygons, mask.size).digest == mask.digest
    flat = [[n for corner in polygon for n in corner] for polygon in polygons]
    assert Mask.from_polygons(flat, mask.size).digest == mask.digest
    assert sum(map(len, mask.to_polygons(tolerance=2))) < sum(map(len, polygons))


def test_the_alpha_channel_carries_a_mask() -> None:
    """A photo cut out by a mask gives the mask back; a photo without transparency has none to give."""
    mask = ragged()
    photo = Photo.open(np.full((50, 70, 3), 90, np.uint8))
    assert Mask.from_alpha(mask.cut_out(photo)).digest == mask.digest
    with pytest.raises(PictureError, match="no alpha"):
        Mask.from_alpha(photo)
