"""Masks by pattern, by function, by column, one each and one for all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retouch_nb.batches.sources import Item, find_photos
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.strokes import Box, Strokes

GREY = Photo.open(np.full((12, 16, 3), 90, np.uint8)).data
SPOT = np.zeros((12, 16), bool)
SPOT[2:5, 3:6] = True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos; only the first has a mask beside it."""
    for name in ("cat.png", "dog.png"):
        (tmp_path / name).write_bytes(GREY)
    Mask.open(SPOT).save(tmp_path / "cat_mask.png")
    return tmp_path


def items(folder: Path, photos: object, masks: object) -> list[Item]:
    return list(find_photos(photos, masks=masks, out=folder / "out").walk())


def test_a_pattern_finds_each_mask_and_keeps_masks_from_being_photos(folder: Path) -> None:
    """A file that is a mask by its name is no photo; a missing one fails its photo with its path."""
    cat, dog = items(folder, folder, "{stem}_mask.png")
    assert Mask.open(cat.open()[1]).coverage == Mask.open(SPOT).coverage
    with pytest.raises(PictureError, match=r"mask is missing: .*dog_mask\.png"):
        dog.open()
    assert cat.stamp
    assert not dog.stamp


def test_masks_may_lie_in_a_folder_of_their_own(folder: Path) -> None:
    """A relative pattern begins at the photo, and below it masks are no photos either."""
    (folder / "masks").mkdir()
    (folder / "cat_mask.png").rename(folder / "masks" / "cat.png")
    found = items(folder, folder, "masks/{stem}.png")
    assert [item.name for item in found] == ["cat", "dog"]
    assert found[0].open()[1].endswith("masks/cat.png")


def test_a_function_is_given_the_opened_photo(folder: Path) -> None:
    """So a mask can be made of the picture itself, or of its name."""
    found = items(folder, folder / "cat.png", lambda photo: photo.to_numpy()[..., 0] > 80)
    assert Mask.open(found[0].open()[1]).coverage == 1
    named = items(folder, folder / "cat.png", lambda photo: folder / f"{photo.name}_mask.png")
    assert named[0].open()[1] == folder / "cat_mask.png"


def test_a_function_without_an_answer_fails_its_photo(folder: Path) -> None:
    """None is no mask."""
    with pytest.raises(PictureError, match="the rule gave nothing"):
        items(folder, folder / "cat.png", lambda photo: None)[0].open()


def test_a_column_of_masks_stands_beside_that_of_photos(folder: Path) -> None:
    """A name that the table has is a column; its rows go with the photos' rows."""
    table = pd.DataFrame({"photo": [GREY, GREY], "where": [SPOT, ~SPOT]})
    found = list(find_photos(table, column="photo", masks="where", out=folder).walk())
    covered = [Mask.open(item.open()[1]).coverage for item in found]
    assert covered == [Mask.open(SPOT).coverage, Mask.open(~SPOT).coverage]


def test_one_mask_serves_all_photos(folder: Path) -> None:
    """An array or a file is opened once; strokes wait for each photo's size."""
    strokes = Strokes((16, 12), [Box(2, 2, 4, 4)])
    for given in (SPOT, folder / "cat_mask.png", strokes):
        found = items(folder, [GREY, GREY], given)
        assert all(Mask.open(item.open()[1], (16, 12)).coverage for item in found)


def test_lists_of_photos_and_masks_are_equally_long(folder: Path) -> None:
    """Otherwise some photo would get another's mask."""
    with pytest.raises(ParameterError, match="2 photos and 1 masks"):
        items(folder, [GREY, GREY], [SPOT])


def test_a_pattern_with_an_unknown_field_is_refused(folder: Path) -> None:
    """The fields that there are, are named."""
    with pytest.raises(ParameterError, match=r"\{stem\}, \{name\}, \{folder\}"):
        items(folder, folder, "{base}_mask.png")


def test_a_broken_mask_for_all_is_refused_at_once(folder: Path) -> None:
    """It would fail every photo."""
    with pytest.raises(PictureError):
        items(folder, folder, b"no picture")
