"""The embedded engine changes what it was asked to change; a maker that does not is caught, and mended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from retouch_nb.contract import Operation
from retouch_nb.edit import Edit
from retouch_nb.engine import Engine
from retouch_nb.errors import ParameterError
from retouch_nb.mask import Mask
from retouch_nb.photo import Link, Photo
from retouch_nb.providers import operations
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session, _drift


def ball() -> Mask:
    y, x = np.mgrid[0:200, 0:200]
    return Mask.open(np.hypot(x - 100, y - 80) < 24)


def requests(photo: Any) -> list[Operation]:
    return [
        Inpaint(photo, ball()),
        Inpaint(photo, rectangles=[(20, 30, 30, 40)]),
        Enhance(photo, scale_factor=2),
        RetouchObject(photo, ball(), type="metal"),
        MatchStyle(photo, Image.fromarray(data.rocket()[:200, :200])),
        Retouch(photo, "Dust 1.0"),
        Retouch(photo, "Clean Backdrop 1.0", layers=True),
    ]


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    made = Session(home=home, environ={})
    yield made
    made.close()


@pytest.fixture
def face() -> Image.Image:
    return Image.fromarray(data.astronaut()[20:220, 120:320])


def run(session: Session, request: Operation, **options: Any) -> Edit:
    return session.submit(request, **options).result()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_no_operation_of_the_engine_drifts(
    session: Session, face: Image.Image, kind: str, tmp_path: Path
) -> None:
    """Size, profile, colours and everything outside a mask stay as they were."""
    face.save(tmp_path / "face", kind, quality=85)
    tried = requests(tmp_path / "face")
    assert {request.name for request in tried} == set(operations())
    for request in tried:
        edit = run(session, request)
        assert edit.drift is not None, request
        assert edit.drift.remarks == (), request


class Careless(dict[str, Any]):
    """Image work that does everything wrong at once: everywhere, in negative, at half the size."""

    def __init__(self) -> None:
        super().__init__(fill=lambda pixels, area, **_: 255 - pixels[::2, ::2])


def test_a_careless_maker_is_told_in_the_receipt(session: Session, face: Image.Image) -> None:
    """In plain words, in the caption of the figure too."""
    session.engine = Engine(work=Careless())
    edit = run(session, Inpaint(face, ball()))
    assert [remark.split(" ")[1] for remark in edit.receipt.remarks] == ["result", "of", "the"]
    assert "200 x 200 was expected" in repr(edit)
    assert "outside the mask changed too" in edit._repr_html_()


def test_a_careless_maker_is_mended(session: Session, face: Image.Image) -> None:
    """``restore_outside`` brings back photo and size, says so, and says nothing of what it mended."""
    session.engine = Engine(work=Careless())
    edit = run(session, Inpaint(face, ball()), restore_outside=True)
    beyond = np.ones((200, 200), bool)
    beyond[50:110, 70:130] = False
    assert np.array_equal(edit.to_numpy()[beyond], np.asarray(face)[beyond])
    assert edit.receipt.remarks == (
        "The original was put back outside the mask; the seam is 2 pixels wide.",
    )
    assert edit.drift is not None
    assert edit.drift.moved > 0.5


@pytest.mark.parametrize("mask", [None, Link("https://example.org/mask.png")])
def test_restoring_needs_a_mask_at_hand(
    session: Session, face: Image.Image, mask: Link | None
) -> None:
    """Said before anything is sent."""
    request = Inpaint(face, mask) if mask else Enhance(face)
    with pytest.raises(ParameterError, match="no mask at hand"):
        session.submit(request, restore_outside=True)
    assert session.jobs() == []


def test_a_photo_given_by_address_is_not_measured(home: Path, face: Image.Image) -> None:
    """There is nothing to compare with; a mask by address leaves only the size to look at."""
    photo = Photo.open(face)
    found = _drift(Inpaint(photo, Link("https://example.org/m.png")), photo, photo)
    assert (found.masked, found.coloured, found.remarks) == (False, True, ())
