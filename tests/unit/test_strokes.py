import numpy as np
import pytest

from retouch_nb.errors import PictureError
from retouch_nb.marks import Box, Brush, Flood, Invert, Lasso, Pick, Stamp
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.strokes import Strokes, simplified


def test_the_printed_list_is_code_that_draws_the_same_mask() -> None:
    """What is printed can be pasted into a cell and gives the same mask, pixel for pixel."""
    strokes = Strokes(
        (60, 40),
        [Brush([(5, 5), (50, 30)], width=7), Box(2, 30, 9, 4), Lasso([(40, 2), (58, 2), (50, 12)])],
    )
    again = eval(repr(strokes))
    assert again == strokes
    assert again.mask().digest == strokes.mask().digest


def test_a_box_covers_exactly_its_pixels() -> None:
    """Width and height are pixels, so a box of 20 x 10 covers 200 of them."""
    assert Strokes((60, 40), [Box(5, 5, 20, 10)]).mask().pixels.sum() == 200


def test_a_brush_leaves_no_gap() -> None:
    """Between two far points every column the brush passes is covered to its width."""
    pixels = Strokes((100, 40), [Brush([(10, 20), (90, 20)], width=10)]).mask().pixels
    assert (pixels[:, 10:90].sum(axis=0) >= 10).all()


def test_marks_apply_in_order() -> None:
    """An eraser removes what lies below it and nothing that comes later."""
    strokes = Strokes(
        (20, 20), [Box(0, 0, 20, 20), Box(0, 0, 10, 20, erase=True), Box(0, 0, 2, 20)]
    )
    assert strokes.mask().pixels.sum() == 20 * 10 + 20 * 2


def test_a_larger_copy_of_the_photo_gets_the_same_shape() -> None:
    """On a photo of twice the size the mask covers the same part of it."""
    strokes = Strokes((60, 40), [Brush([(10, 10), (40, 30)], width=8)])
    assert strokes.mask((120, 80)).coverage == pytest.approx(strokes.mask().coverage, abs=0.02)
    assert Mask.open(strokes, (60, 40)).digest == strokes.mask().digest


def test_marks_outside_the_photo_draw_nothing() -> None:
    """A stroke beside the picture is no error and changes no pixel."""
    assert not Strokes((20, 20), [Brush([(-50, -50), (-60, 90)], width=9)]).mask().pixels.any()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Strokes((0, 5)),
        lambda: Strokes((5, 5), ["brush"]),
        lambda: Strokes((5, 5), [Brush([(np.nan, 1)])]),
        lambda: Strokes((60, 40), [Box(0, 0, 5, 5)]).mask((60, 60)),
        lambda: Strokes("large"),
        lambda: Strokes((5, 5), [Brush([(1, 2)], width=-3)]),
        lambda: Strokes((5, 5), [Brush([(1,)])]),
        lambda: Strokes((5, 5), [Brush("abc")]),
        lambda: Strokes((5, 5), [Box(0, 0, 1e9, 1)]),
        lambda: Strokes((5, 5), [Box(0, 0, "wide", 1)]),
        lambda: Strokes((5, 5), grow=float("inf")),
        lambda: Strokes((5, 5), [Flood(1, 1)]).mask(),
        lambda: Strokes((5, 5), [Pick(0, 0, 5, 5, at=3)]),
        lambda: Strokes((5, 5), [Pick(0, 0, 5, 5, at=(1, 2, 3))]),
        lambda: Strokes((5, 5), [Stamp((5, 5), "zz~")]).mask(),
        lambda: Strokes((5, 5), [Stamp((4, 5), "i0")]).mask(),
    ],
)
def test_malformed_strokes_are_refused(wrong: object) -> None:
    """No size, foreign marks, numbers that are none, another shape of photo: one clear error each."""
    with pytest.raises(PictureError):
        wrong()


def square() -> Photo:
    """Grey with a bright square of 20 x 30 pixels."""
    pixels = np.full((80, 120, 3), 60, np.uint8)
    pixels[30:50, 40:70] = (220, 180, 40)
    return Photo.open(pixels)


@pytest.mark.parametrize(
    "mark",
    [
        Flood(50, 40, 20),
        Pick(35, 25, 40, 30),
        Pick(20, 10, 60, 60, at=(50, 40)),
        Pick(20, 10, 60, 60, at=[50, 40]),
    ],
)
def test_pointing_selects_what_is_there(mark: object) -> None:
    """A flood, a box around an object and a click on it find the square, to the pixel."""
    found = Strokes((120, 80), [mark]).mask(photo=square()).pixels
    assert found.sum() == 600
    assert found[30:50, 40:70].all()


def test_pointing_is_repeatable_and_scales() -> None:
    """On a copy of the photo of twice the size, the same list selects the same part of it."""
    strokes = Strokes((120, 80), [Flood(50, 40), Pick(35, 25, 40, 30, erase=True), Flood(5, 5, 30)])
    large = Photo.open(square().to_numpy().repeat(2, 0).repeat(2, 1))
    small = strokes.mask(photo=square())
    assert (
        small.digest
        == strokes.on(square()).mask().digest
        == Mask.open(strokes, (120, 80), photo=square()).digest
    )
    assert strokes.mask(photo=large).size == (240, 160)
    assert strokes.mask(photo=large).coverage == pytest.approx(small.coverage, abs=0.003)
    assert strokes.mask((60, 40), photo=large).coverage == pytest.approx(small.coverage, abs=0.02)


def test_refinements_apply_to_the_whole_and_stay_adjustable() -> None:
    """Holes are filled first, then the outline moves; changing the settings back gives the marks alone."""
    ring = [Box(20, 20, 40, 40), Box(35, 35, 10, 10, erase=True)]
    assert Strokes((80, 80), ring, fill_holes=True).mask().pixels.sum() == 1600
    grown = Strokes((80, 80), ring, grow=2).mask().pixels
    assert grown[18, 40] and not grown[17, 40] and grown[36, 40] and not grown[37, 40]
    shrunk = Strokes((80, 80), ring, grow=-2, fill_holes=True).mask()
    assert shrunk.pixels.sum() == 36 * 36
    assert Strokes((160, 160), [Box(40, 40, 80, 80)], grow=4).mask().coverage == pytest.approx(
        Strokes((80, 80), [Box(20, 20, 40, 40)], grow=2).mask((160, 160)).coverage
    )


def test_a_feather_fades_over_the_outline() -> None:
    """The soft mask passes through half where the mask ends; the mask itself stays black and white."""
    strokes = Strokes((80, 80), [Box(0, 0, 40, 80)], feather=8)
    row = strokes.soft()[40]
    assert row[20] > 250 and row[60] < 5 and abs(int(row[39]) - int(255 - row[40])) <= 1
    assert strokes.mask().pixels.sum() == 40 * 80


def test_inverting_is_a_mark_among_others() -> None:
    """What was painted before is swapped, what is painted later is not."""
    marks = [Box(0, 0, 10, 20), Invert(), Box(0, 0, 5, 20)]
    assert Strokes((20, 20), marks).mask().pixels.sum() == 10 * 20 + 5 * 20


def test_a_stamp_carries_any_mask() -> None:
    """A mask from elsewhere becomes one mark that prints, replays to the pixel, and scales."""
    pixels = np.random.default_rng(1).random((40, 60)) > 0.7
    strokes = Strokes((60, 40), [Stamp.of(Mask.open(pixels))])
    assert np.array_equal(eval(repr(strokes)).mask().pixels, pixels)
    assert strokes.mask((120, 80)).coverage == pytest.approx(pixels.mean(), abs=0.1)


def test_a_mark_is_drawn_at_the_photos_size_in_a_moment() -> None:
    """Drawing into an array of 16 megapixels does not copy it: the mask's pixels are the board's own."""
    strokes = Strokes((64, 48), [Brush([(5, 5)], 8)])
    board = strokes.board()
    board.put(strokes.marks[0])
    assert board.pixels.any()


def test_a_shortened_line_stays_within_its_tolerance() -> None:
    """Of a hand-drawn circle a fraction of the points is kept, and the mask hardly differs."""
    turn = np.linspace(0, 2 * np.pi, 500)
    circle = np.column_stack([200 + 150 * np.cos(turn), 200 + 150 * np.sin(turn)]).tolist()
    short = simplified(circle, 0.4)
    assert len(short) < 80
    full, kept = (Strokes((400, 400), [Brush(p, 20)]).mask().pixels for p in (circle, short))
    assert (full != kept).sum() < 0.04 * full.sum()
