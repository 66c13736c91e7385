"""Looking at a saved picture: are the pixels the same, and would they come out again?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import retouch_nb as rn
from retouch_nb.container import bare, with_xmp, xmp
from retouch_nb.edit import Edit
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.provenance import Record
from retouch_nb.verification import Verdict, verify

PHOTO = data.chelsea()[100:172, 100:196]
STROKES = rn.Strokes((96, 72), [rn.Brush([(20, 30), (60, 40)], width=14)])


@pytest.fixture(scope="module")
def edit() -> Edit:
    return rn.inpaint(PHOTO, STROKES, provider="local")


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tiff"])
def test_a_saved_picture_is_found_intact_and_made_again(
    edit: Edit, tmp_path: Path, name: str
) -> None:
    """Also where it was encoded anew; the strokes are in the record, so the photo is all it needs."""
    verdict = verify(edit.save(tmp_path / name), PHOTO)
    assert (verdict.intact, verdict.repeated, verdict.notes) == (True, True, ())
    assert verdict
    assert "the same as was saved, to the last bit" in repr(verdict)


def test_an_edited_picture_is_not_intact(edit: Edit, tmp_path: Path) -> None:
    """One tone of one pixel is enough."""
    path = edit.save(tmp_path / "out.png")
    packet = xmp(path.read_bytes())
    assert packet
    pixels = edit.to_numpy()
    pixels[3, 3, 0] ^= 1
    path.write_bytes(with_xmp(rn.Photo.open(pixels).data, packet))
    verdict = verify(path)
    assert not verdict
    assert (verdict.intact, verdict.repeated) == (False, None)
    assert "have changed" in verdict._repr_html_()


def test_another_photo_is_told_from_the_right_one(edit: Edit, tmp_path: Path) -> None:
    """What comes out differs, and why is said."""
    verdict = verify(edit.save(tmp_path / "out.png"), np.flip(PHOTO, 1))
    assert verdict.repeated is False
    assert verdict.notes == ("The photo is not the one it was made of.",)


def test_another_version_of_the_engine_is_told(edit: Edit, tmp_path: Path) -> None:
    """A difference may be progress."""
    older = replace(edit, receipt=replace(edit.receipt, version="0"))
    verdict = verify(older.save(tmp_path / "out.png"), PHOTO)
    assert "version 0 of the engine" in verdict.notes[0]


def test_a_mask_that_was_not_drawn_is_asked_for(tmp_path: Path) -> None:
    """Only its digest is in the record."""
    mask = STROKES.mask().pixels
    path = rn.inpaint(PHOTO, mask, provider="local").save(tmp_path / "out.png")
    with pytest.raises(ParameterError, match="mask is needed"):
        verify(path, PHOTO)
    assert verify(path, PHOTO, mask=mask)


def test_a_service_is_not_paid_again(edit: Edit, tmp_path: Path) -> None:
    """Its pictures are compared with what was saved, and that is all."""
    theirs = replace(edit, receipt=replace(edit.receipt, maker="PicWish"))
    path = theirs.save(tmp_path / "out.png")
    assert verify(path)
    with pytest.raises(ParameterError, match="paid again"):
        verify(path, PHOTO)


def test_a_picture_without_a_record_says_so(edit: Edit, tmp_path: Path) -> None:
    """Other programs take it out."""
    path = edit.save(tmp_path / "out.png")
    path.write_bytes(bare(path.read_bytes()))
    with pytest.raises(PictureError, match="does not say how"):
        verify(path)


def test_a_verdict_escapes_what_a_file_says() -> None:
    """It may come from anywhere."""
    assert "<b>x" not in Verdict(Record("<b>x", "p", "m"), True)._repr_html_()
