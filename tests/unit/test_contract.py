import numpy as np
import pytest

from retouch_nb.contract import Answer, Price
from retouch_nb.errors import ProtocolError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, Inpaint

PHOTO = Photo.open(np.full((60, 80, 3), 90, np.uint8))


def test_identity_holds_all_that_decides_the_picture_and_nothing_else() -> None:
    """How a result travels does not change it; every parameter and every pixel does."""
    plain = Enhance(PHOTO).identity
    assert Enhance(PHOTO.data).identity == plain
    assert Enhance(PHOTO, sync=True, return_type=3).identity == plain
    assert Enhance(PHOTO, type="face").identity != plain
    assert Enhance(np.full((60, 80, 3), 91, np.uint8)).identity != plain
    assert (
        Inpaint(PHOTO, rectangles=[(1, 1, 2, 2)]).identity
        != Inpaint(PHOTO, rectangles=[(1, 1, 2, 3)]).identity
    )


def test_an_operation_shows_what_differs_from_the_defaults() -> None:
    """A caption names the changed options only, and no picture's bytes."""
    assert Enhance(PHOTO).changed() == {}
    assert Enhance(PHOTO, scale_factor=2, sync=True).changed() == {"scale_factor": 2}
    assert len(repr(Inpaint(PHOTO, rectangles=[(1, 1, 2, 2)]))) < 100


def test_a_change_is_checked_anew() -> None:
    """Replacing a field gives a new checked request and leaves the old one as it was."""
    first = Enhance(PHOTO)
    second = first.replaced(scale_factor="4")
    assert (first.scale_factor, second.scale_factor, second.photo) == (None, 4, PHOTO)


def test_operations_cannot_be_changed() -> None:
    """What was checked is what is sent."""
    with pytest.raises(AttributeError):
        Enhance(PHOTO).type = "face"


def test_the_first_bytes_of_a_bad_answer_are_shown() -> None:
    """An HTML page in place of JSON is recognisable in the message."""
    with pytest.raises(ProtocolError, match="<html>"):
        Answer(503, {}, b"<html>maintenance").json()


def test_one_credit_is_singular() -> None:
    """Prices read as a person would say them."""
    assert [str(Price(n)) for n in (1, 2, None)] == ["1 credit", "2 credits", "unknown"]
