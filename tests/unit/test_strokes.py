import numpy as np
import pytest

from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask
from retouch_nb.strokes import Box, Brush, Lasso, Strokes


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
    ],
)
def test_malformed_strokes_are_refused(wrong: object) -> None:
    """No size, foreign marks, numbers that are none, another shape of photo: one clear error each."""
    with pytest.raises(PictureError):
        wrong()
