"""A comparison measures at full size, says what it did, and is complete without scripts."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch_nb.compare import compare
from retouch_nb.contract import Price
from retouch_nb.edit import Edit
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels
from retouch_nb.receipt import Receipt


@pytest.fixture
def changed(pixels: Pixels) -> Photo:
    """Give the photo with one corner, a quarter of its width and height, twelve levels darker."""
    picture = pixels.copy()
    picture[:12, :16] -= 12
    return Photo.open(picture)


@pytest.fixture
def edit(photo: Photo, changed: Photo, pixels: Pixels) -> Edit:
    """Give a result with a mask."""
    receipt = Receipt("a1", "inpaint", "picwish", "embedded engine", Price(0))
    mask = Mask.open(np.arange(64) < 16 + np.zeros((48, 1), int), photo.size)
    return Edit(photo, changed, receipt, mask=mask)


def test_numbers_are_those_of_all_pixels(photo: Photo, changed: Photo) -> None:
    """Mean, largest and share are taken before anything is made smaller."""
    (found,) = compare(photo, changed, metric="absolute", longest=8).differences
    assert (found.mean, found.largest, found.visible) == (12 / 16, 12, 1 / 16)
    assert found.heat.shape == (6, 8, 3)


def test_equal_pictures_are_called_equal(photo: Photo) -> None:
    """Nothing is exaggerated into a difference."""
    same = compare(photo, photo, names=["one", "other"])
    assert same.facts == ("other equals one, pixel for pixel.",)
    assert same.differences[0].heat.max() < 10


def test_an_edit_alone_is_its_before_and_after(edit: Edit) -> None:
    """One result brings both photos and its mask."""
    found = compare(edit)
    assert found.names == ("before", "after")
    assert found.mask is edit.mask


def test_a_result_without_its_photo_before_cannot_be_compared(photo: Photo) -> None:
    """One picture alone is refused with what to do."""
    with pytest.raises(ParameterError, match="nothing to compare"):
        compare(photo)


def test_an_enlargement_is_fitted_and_said(photo: Photo) -> None:
    """A picture of the same shape is enlarged to the largest one, and the figure says so."""
    large = Photo.open(photo.to_pil().resize((128, 96)))
    found = compare(photo, large, names=["small", "large"])
    assert found.facts[-1] == "small is 64 x 48 and was enlarged to 128 x 96."


def test_other_shapes_are_refused(photo: Photo) -> None:
    """Pictures that do not cover each other have no difference."""
    turned = np.rot90(photo.to_numpy())
    with pytest.raises(PictureError, match="Picture 2 is 48 x 64"):
        compare(photo, turned)


@pytest.mark.parametrize("wrong", [{"metric": "psnr"}, {"names": ["one"]}])
def test_wrong_options_are_named(photo: Photo, changed: Photo, wrong: dict[str, Any]) -> None:
    """An unknown metric or a missing name is an error that says what is accepted."""
    with pytest.raises(ParameterError):
        compare(photo, changed, **wrong)


def test_a_mask_of_another_size_is_refused(photo: Photo, changed: Photo) -> None:
    """An outline in the wrong place would be a lie."""
    with pytest.raises(PictureError):
        compare(photo, changed, mask=np.zeros((9, 9), bool))


def test_pictures_of_one_name_are_numbered(photo: Photo, changed: Photo) -> None:
    """Two photos called alike can be told apart."""
    assert compare(photo, changed).names == ("photo 1", "photo 2")


def test_transparency_is_no_difference_in_itself(photo: Photo) -> None:
    """A photo and its copy with full alpha are equal; what is clear counts as white."""
    clear = photo.to_pil().convert("RGBA")
    assert not compare(photo, clear).differences[0].largest
    clear.putalpha(0)
    white = np.full((48, 64, 3), 255, np.uint8)
    assert not compare(white, clear).differences[0].largest


def test_the_figure_holds_every_picture_once(photo: Photo, changed: Photo) -> None:
    """Three photos, two differences and two heat maps with their scales; the script brings none."""
    html = compare(photo, changed, photo)._repr_html_()
    assert html.count("<img ") == 3 + 4 + 2
    assert html.count("data:image/webp") == 3 + 4 + 2


def test_names_cannot_become_markup(photo: Photo, changed: Photo) -> None:
    """Neither the figure nor its script can be left by a name."""
    evil = "</script><img src=x onerror=alert(1)>"
    html = compare(photo, changed, names=[evil, "b"])._repr_html_()
    assert evil not in html and html.count("</script>") == 1
    given = re.search(r"parentNode, (\{.*\})\);", html)
    assert given and json.loads(given[1])["names"] == [evil, "b"]


def test_a_saved_page_is_complete(photo: Photo, changed: Photo, tmp_path: Path) -> None:
    """The page names no address and forbids the browser to follow any."""
    html = compare(photo, changed).save_html(tmp_path / "page.html").read_text("utf-8")
    assert "default-src 'none'" in html and "http" not in html.replace("http-equiv", "").replace(
        "http://www.w3.org/2000/svg", ""
    )
