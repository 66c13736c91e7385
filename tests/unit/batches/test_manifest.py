"""One row a photo: named once, never lost, shown as one file."""

import csv
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from retouch_nb.batches import manifest as module
from retouch_nb.batches.manifest import PUBLIC, Manifest
from retouch_nb.batches.sources import Item
from retouch_nb.errors import HomeError, ParameterError

RECIPE = {"operation": "enhance", "scale_factor": 2}


def item(key: str, name: str = "cat") -> Item:
    return Item(key, name, None)


@pytest.fixture
def book(tmp_path: Path) -> Manifest:
    return Manifest(tmp_path / "out", RECIPE)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_the_rows_are_written_in_the_form_that_is_asked_for(
    book: Manifest, tmp_path: Path, ending: str
) -> None:
    """Parquet, CSV and JSON lines hold the same columns and the same rows, whatever stands in a message."""
    awkward = 'no "such" file,\nin größe'
    book.enter(item("a.png"), 0)
    book.update("a.png", state="failed", error=awkward, started_at=1.5)
    written = book.export(tmp_path / f"rows.{ending}")
    table = {"parquet": pd.read_parquet, "csv": pd.read_csv, "jsonl": _read_lines}[ending](written)
    assert tuple(table.columns) == PUBLIC
    assert (table.source[0], table.error[0]) == ("a.png", awkward)
    assert pd.to_datetime(table.started_at)[0].timestamp() == 1.5


def _read_lines(path: Path) -> pd.DataFrame:
    return pd.DataFrame(json.loads(line) for line in path.read_text("utf-8").splitlines())


def test_another_form_is_refused_and_leaves_nothing(book: Manifest, tmp_path: Path) -> None:
    """The message names those there are."""
    with pytest.raises(ParameterError, match=r"\.parquet, \.csv, \.jsonl"):
        book.export(tmp_path / "rows.xlsx")
    assert not list(tmp_path.glob("*.xlsx*"))


def test_two_sources_of_one_name_get_two_names(book: Manifest) -> None:
    """Names are unique also where the system does not tell large letters from small ones."""
    found = [
        book.enter(item(f"{n}/cat.png", name), n).name
        for n, name in enumerate(["cat", "CAT", "cat"])
    ]
    assert found == ["cat", "CAT-2", "cat-3"]


def test_a_name_is_kept_in_later_calls(book: Manifest) -> None:
    """What was called cat-2 is called so for good, in whatever order photos come."""
    book.enter(item("a/cat.png"), 0)
    second = book.enter(item("b/cat.png"), 1).name
    book.next_turn()
    assert book.enter(item("b/cat.png"), 0).name == second == "cat-2"


def test_a_photo_given_twice_has_two_rows(book: Manifest) -> None:
    """Rows go with the rows of the source."""
    assert book.enter(item("cat.png"), 0).source == "cat.png"
    assert book.enter(item("cat.png"), 1).source == "cat.png (2)"
    book.next_turn()
    assert book.enter(item("cat.png"), 0).source == "cat.png"
    assert len(list(book.rows())) == 2


def test_a_name_that_is_no_utf_8_is_written_all_the_same(book: Manifest) -> None:
    """Old disks have such names; one of them must not end a run."""
    odd = os.fsdecode(b"caf\xe9.png")
    row = book.enter(item(odd, "caf"), 0)
    assert row.source == "caf\\xe9.png"
    book.update(row.source, state="failed", error=f"Cannot read {odd}")
    book.next_turn()
    assert book.enter(item(odd, "caf"), 0).error == "Cannot read caf\\xe9.png"
    assert pq.read_table(book.export())["source"].to_pylist() == [row.source]


def test_a_file_of_somebody_else_keeps_its_name(book: Manifest) -> None:
    """Results never overwrite what the run did not make."""
    (book.folder / "cat.png").write_bytes(b"mine")
    assert book.enter(item("cat.jpg"), 0).name == "cat-2"


def test_counts_follow_every_change(book: Manifest) -> None:
    """How many are in which state is known without asking the file."""
    for n in range(3):
        book.enter(item(f"{n}.png", str(n)), n)
    book.update("0.png", state="done")
    book.update("1.png", state="failed", reason="input")
    assert book.counts == {("done", ""): 1, ("failed", "input"): 1, ("waiting", ""): 1}
    book.close()
    again = Manifest(book.folder, RECIPE)
    assert again.counts == book.counts
    assert [row.source for row in again.rows(reasons={"input"})] == ["1.png"]


def test_what_was_running_when_the_process_died_is_waiting(book: Manifest) -> None:
    """Nobody is taken for working who is not there any more."""
    book.enter(item("cat.png"), 0)
    book.update("cat.png", state="running")
    book.close()
    assert Manifest(book.folder, RECIPE).find("cat.png").state == "waiting"


def test_one_folder_holds_one_recipe(book: Manifest) -> None:
    """Results of other parameters are never mixed in; the error says what differs."""
    book.close()
    with pytest.raises(ParameterError, match="scale_factor 2 there and 4 here"):
        Manifest(book.folder, {**RECIPE, "scale_factor": 4})


def test_two_runs_never_write_to_one_folder(book: Manifest) -> None:
    """A second process is told that it is taken, not let in."""
    program = textwrap.dedent(f"""
        from pathlib import Path
        from retouch_nb.batches.manifest import Manifest
        from retouch_nb.errors import HomeError
        try:
            Manifest(Path({str(book.folder)!r}), {RECIPE!r})
        except HomeError as error:
            print(error.what)
    """)
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Another run is writing" in said.stdout


def test_the_file_is_parquet_with_types(book: Manifest) -> None:
    """Numbers are numbers, moments are moments, and our own bookkeeping stays out of it."""
    book.enter(item("cat.png"), 0)
    book.update("cat.png", state="done", started_at=1_700_000_000.5, photo_width=640)
    table = pq.read_table(book.export())
    row = table.to_pylist()[0]
    assert (row["photo_width"], row["photo_height"], row["cached"]) == (640, None, False)
    assert row["started_at"].isoformat() == "2023-11-14T22:13:20.500000+00:00"
    assert not module.PRIVATE & set(table.column_names)


def test_without_pyarrow_the_file_is_csv(book: Manifest, tmp_path: Path) -> None:
    """The same columns, as text."""
    book.enter(item("cat.png"), 0)
    module._write_csv(tmp_path / "m.csv", book.rows())
    with (tmp_path / "m.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["source"] == "cat.png"
    assert tuple(rows[0]) == module.PUBLIC


def test_a_large_manifest_is_written_in_pieces(book: Manifest) -> None:
    """More rows than are held at once all arrive, in their order."""
    for n in range(module.AT_ONCE + 7):
        book.enter(item(f"{n}.png", f"n{n}"), n)
    table = pq.read_table(book.export(), columns=["position"])
    assert table["position"].to_pylist() == list(range(module.AT_ONCE + 7))


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It is said before anything is sent."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HomeError, match="cannot be used"):
        Manifest(tmp_path / "file", RECIPE)
