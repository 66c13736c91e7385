"""Photos from folders, globs, addresses, lists, columns and data sets, walked one at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from retouch_nb.batches.sources import Item, Source, clean, find_photos
from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.photo import Photo

RED = np.full((12, 16, 3), (200, 0, 0), np.uint8)
DATA = Photo.open(RED).data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three photos, one of them deeper, and what is none."""
    place = tmp_path / "photos"
    (place / "more").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "more/a.png", ".hidden.png"):
        (place / name).write_bytes(DATA)
    (place / "notes.txt").write_text("no photo")
    return place


def walked(found: Source) -> list[Item]:
    return list(found.walk())


def names(found: Source) -> list[str]:
    return [item.name for item in walked(found)]


def test_a_folder_gives_its_pictures_by_name_and_with_their_folders(
    folder: Path, tmp_path: Path
) -> None:
    """Hidden files and other kinds are left alone; results keep the folders of their photos."""
    found = find_photos(folder, out=tmp_path / "out")
    assert names(found) == ["a", "b", "more/a"]
    assert found.count == 3


def test_results_in_the_folder_of_photos_are_no_photos(folder: Path) -> None:
    """A folder of results inside the folder of photos is never walked."""
    (folder / "out").mkdir()
    (folder / "out" / "a.png").write_bytes(DATA)
    assert names(find_photos(folder, out=folder / "out")) == ["a", "b", "more/a"]
    assert names(find_photos(str(folder / "**/*.png"), out=folder / "out")) == ["b", "more/a"]


@pytest.mark.parametrize("place", ["", "/*.png"])
def test_results_never_go_among_the_photos(folder: Path, place: str) -> None:
    """The folder of photos as the folder of results is refused before anything is sent."""
    with pytest.raises(ParameterError, match="out is the folder of the photos"):
        find_photos(f"{folder}{place}", out=folder)


@pytest.mark.parametrize(
    ("photos", "words"),
    [("empty", "has no pictures"), ("*.gif", "Nothing matches"), ("nowhere", "no folder or file")],
)
def test_nothing_to_do_is_an_error(folder: Path, photos: str, words: str) -> None:
    """An empty folder, a glob without a match and a path that is not there say what they are."""
    (folder / "empty").mkdir()
    with pytest.raises(PictureError, match=words):
        find_photos(str(folder / photos), out=folder / "out")


def test_a_link_that_leads_back_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """Every photo is met once, by its own path; a link to a folder elsewhere is a folder."""
    (folder / "more" / "loop").symlink_to(folder, target_is_directory=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.png").write_bytes(DATA)
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = find_photos(folder, out=tmp_path / "out")
    assert names(found) == ["a", "b", "linked/c", "more/a"]


def test_pictures_that_no_service_takes_are_left_out_and_named(
    folder: Path, tmp_path: Path
) -> None:
    """By their endings and how many; a folder that has no others says so."""
    for name in ("x.HEIC", "more/y.heic", "more/z.gif"):
        (folder / name).write_bytes(b"...")
    found = find_photos(folder, out=tmp_path / "out")
    assert (found.count, "1 .gif, 2 .heic" in found.note) == (3, True)
    (folder / "only").mkdir()
    (folder / "only" / "x.heic").write_bytes(b"...")
    with pytest.raises(PictureError, match=r"no pictures that can be used.*1 \.heic"):
        find_photos(folder / "only", out=tmp_path / "out")


def test_a_folder_that_is_gone_is_named(folder: Path, tmp_path: Path) -> None:
    """Also while it is walked."""
    walk = find_photos(folder, out=tmp_path / "out").walk()
    next(walk)
    (folder / "more" / "a.png").unlink()
    (folder / "more").rmdir()
    with pytest.raises(PictureError, match="more"):
        list(walk)


def test_photos_by_name_are_called_by_it(tmp_path: Path) -> None:
    """So are masks with the same names; a picture as data sets keep it is one photo, not two."""
    mask = np.zeros((12, 16), bool)
    found = find_photos({"day": RED, 7: DATA}, masks={"day": mask, 7: mask}, out=tmp_path)
    assert [(item.key, item.name) for item in walked(found)] == [("day", "day"), ("7", "7")]
    assert all(item.open()[1] is mask for item in walked(found))
    assert find_photos({"bytes": DATA, "path": "cat.png"}, out=tmp_path).count == 1
    with pytest.raises(ParameterError, match="other names"):
        find_photos({"day": RED}, masks={"night": mask}, out=tmp_path)
    with pytest.raises(ParameterError, match="photos by name"):
        find_photos([RED], masks={"day": mask}, out=tmp_path)


def test_a_folder_of_masks_asks_how_they_are_called(folder: Path, tmp_path: Path) -> None:
    """The message shows the pattern."""
    with pytest.raises(ParameterError, match=r"more/\{stem\}\.png"):
        find_photos(folder, masks=folder / "more", out=tmp_path)


class Parts(dict[str, Any]):
    """Several tables, as ``datasets.DatasetDict`` holds them."""

    @property
    def column_names(self) -> dict[str, list[str]]:
        return {name: ["image"] for name in self}


def test_several_tables_are_asked_apart(tmp_path: Path) -> None:
    """Which part of a data set is meant is for its owner to say."""
    with pytest.raises(ParameterError, match="'train', 'test'"):
        find_photos(Parts(train=1, test=2), column="image", out=tmp_path)


def test_a_table_that_is_not_computed_yet_is_refused(tmp_path: Path) -> None:
    """The message says what brings its rows."""
    with pytest.raises(ParameterError, match=r"photos\.collect\(\)"):
        find_photos(pl.LazyFrame({"p": ["a.png"]}), column="p", out=tmp_path)


def test_an_address_is_listed_and_read_when_its_turn_comes(tmp_path: Path) -> None:
    """Folders and globs behind fsspec's addresses are walked like local ones."""
    memory = fsspec.filesystem("memory")
    for name in ("/set/x/one.png", "/set/two.png", "/set/readme.md"):
        memory.pipe(name, DATA)
    found = find_photos("memory://set", out=tmp_path)
    assert names(found) == ["two", "x/one"]
    assert names(find_photos("memory://set/*.png", out=tmp_path)) == ["two"]
    photo, mask = walked(found)[1].open()
    assert (photo.size, photo.name, mask) == ((16, 12), "one", None)
    assert all(item.stamp for item in walked(found))


def test_an_address_without_pictures_says_so(tmp_path: Path) -> None:
    """What is not there is an error of the run, not of every photo."""
    with pytest.raises(PictureError, match="memory://nothing"):
        find_photos("memory://nothing/*.png", out=tmp_path)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
def test_a_column_of_any_table_will_do(make: Any, folder: Path, tmp_path: Path) -> None:
    """A table with the name of its column, and the column alone, give the same photos."""
    paths = [str(folder / "b.png"), str(folder / "a.JPG")]
    table = make({"path": paths, "label": ["x", "y"]})
    for found in (
        find_photos(table, column="path", out=tmp_path),
        find_photos(table["path"], out=tmp_path),
    ):
        assert [item.key for item in walked(found)] == paths
        assert found.count == 2
        assert walked(found)[0].open()[0].size == (16, 12)


def test_an_unknown_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    """A slip of the pen and a forgotten name are both answered with the columns."""
    table = pd.DataFrame({"path": ["a.png"], "label": ["x"]})
    with pytest.raises(UnknownNameError, match="Did you mean 'path'"):
        find_photos(table, column="paht", out=tmp_path)
    with pytest.raises(ParameterError, match="path, label"):
        find_photos(table, out=tmp_path)
    with pytest.raises(ParameterError, match="is for tables"):
        find_photos(["a.png"], column="path", out=tmp_path)


class Dataset:
    """The part of Hugging Face's data set that is used: it decodes while it is walked, and only what was selected."""

    def __init__(self, rows: list[dict[str, Any]], names: list[str] | None = None) -> None:
        self.rows = rows
        self.column_names = names or list(rows[0])

    def select_columns(self, names: list[str]) -> "Dataset":
        return Dataset(self.rows, names)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({name: row[name] for name in self.column_names} for row in self.rows)


@pytest.mark.parametrize(
    "value",
    [Image.fromarray(RED), DATA, {"bytes": DATA, "path": None}, {"bytes": DATA, "path": "x.png"}],
    ids=["PIL", "bytes", "dict", "named"],
)
def test_a_data_set_gives_pictures_in_every_form_it_keeps_them(value: Any, tmp_path: Path) -> None:
    """Decoded pictures, bytes and the dictionary of undecoded ones are photos, named by row or by file."""
    rows = Dataset([{"image": value, "label": 1}, {"image": value, "label": 2}])
    items = walked(find_photos(rows, column="image", out=tmp_path))
    assert [item.key for item in items] == ["row 0", "row 1"]
    assert items[1].name == ("x" if isinstance(value, dict) and value["path"] else "000001")
    assert items[1].open()[0].size == (16, 12)


def test_a_row_without_a_photo_fails_alone() -> None:
    """None, NaN and the words that pandas has for it are missing photos, not missing tables."""
    items = walked(find_photos([None, float("nan"), pd.NA, pd.NaT, DATA], out=Path("out")))
    for item in items[:4]:
        with pytest.raises(PictureError, match="no photo"):
            item.open()
    assert items[4].open()[0].size == (16, 12)


def test_one_photo_is_a_list_of_one(tmp_path: Path) -> None:
    """An array, a picture or bytes given as such is not taken for a list of rows."""
    for one in (RED, DATA, Photo.open(RED), Image.fromarray(RED)):
        assert find_photos(one, out=tmp_path).count == 1
    assert find_photos(np.stack([RED, RED]), out=tmp_path).count == 2


def test_what_cannot_be_walked_is_refused(tmp_path: Path) -> None:
    """A number is no set of photos, and neither is an empty list."""
    with pytest.raises(ParameterError, match="not a set of photos"):
        find_photos(3, out=tmp_path)
    with pytest.raises(PictureError, match="no photos"):
        find_photos([], out=tmp_path)


def test_a_changed_file_has_another_stamp(folder: Path, tmp_path: Path) -> None:
    """The stamp tells without reading whether a file, or its mask, is still the same."""
    before = walked(find_photos(folder / "b.png", out=tmp_path))[0].stamp
    (folder / "b.png").write_bytes(DATA + b"\0")
    after = walked(find_photos(folder / "b.png", out=tmp_path))[0].stamp
    assert before
    assert before != after


def test_names_are_safe_everywhere() -> None:
    """Nothing in a name leads out of the folder or is refused by a file system."""
    for name in ("a/b", "..", "con:1", "a\nb", "", "x" * 400):
        assert "/" not in clean(name)
        assert 0 < len(clean(name)) <= 120
    item = walked(find_photos(["../../etc/cat.png"], out=Path("out")))[0]
    assert item.name == "cat"
