"""``%retouch_nb batch``: the words of an operation's magic, for many photos."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.magics import load, unload
from retouch_nb.photo import Photo
from retouch_nb.session import Session


@pytest.fixture
def cell(bare: InteractiveShell, folder: Path) -> Iterator[Callable[[str], Any]]:
    """Run a cell in a shell whose session works with the embedded engine."""
    session = Session(home=folder / "home", environ={})
    session.settings.progress = False
    load(bare, session=session)

    def run(source: str) -> Any:
        result = bare.run_cell(source, store_history=True)
        result.raise_error()
        return result.result

    yield run
    unload(bare)
    session.close()


def test_a_folder_is_worked_through_with_masks_by_name(
    cell: Callable[[str], Any], folder: Path
) -> None:
    """Options are those of the operation's magic, plus masks."""
    (folder / "photos").mkdir()
    for name in ("coffee", "tea"):
        (folder / "photos" / f"{name}.png").write_bytes((folder / "coffee.png").read_bytes())
        (folder / "photos" / f"{name}_mask.png").write_bytes((folder / "spot.png").read_bytes())
    run = cell('%retouch_nb batch inpaint photos results --masks "{stem}_mask.png"')
    assert run.counts == {"done": 2}
    assert sorted(path.name for path in (folder / "results").glob("*.png")) == [
        "coffee.png",
        "tea.png",
    ]


def test_a_variable_is_a_source(cell: Callable[[str], Any]) -> None:
    """A table of the notebook with its column, and values as variables."""
    cell("import pandas as pd\ntable = pd.DataFrame({'p': ['coffee.png'], 'q': [1]})\nfactor = 2")
    run = cell("%retouch_nb batch enhance table out --column p --scale-factor $factor")
    assert run.counts == {"done": 1}
    assert Photo.open("out/coffee.png").size == (120, 80)
    assert np.array_equal(run.to_frame()["output"], ["coffee.png"])


def test_a_dry_run_is_a_plan_and_leaves_no_trace(cell: Callable[[str], Any], folder: Path) -> None:
    """It counts and prices; nothing is sent and no folder is made."""
    plan = cell("%retouch_nb batch enhance coffee.png out --provider picwish --dry-run")
    assert "1 photo · 1 new request · cost 2 credits" in repr(plan)
    assert "a plan sends nothing" in plan._repr_html_()
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("enhanse photos out", UnknownNameError, "Did you mean 'enhance'"),
        ("enhance nowhere out", PictureError, "no folder or file"),
        ("enhance coffee.png out --scale 2", ParameterError, "no option --scale"),
        ("enhance coffee.png", ParameterError, "batch OPERATION PHOTOS OUT"),
        (
            "enhance coffee.png --type face",
            ParameterError,
            "folder for the results before the options",
        ),
        ("enhance coffee.png out too", ParameterError, "takes only options; 'too'"),
        ("enhance coffee.png out --concurrency 0", ParameterError, "not accepted"),
    ],
)
def test_wrong_words_are_answered_before_anything_begins(
    cell: Callable[[str], Any], folder: Path, line: str, error: type[Exception], words: str
) -> None:
    """The message says what is known, and no folder is made."""
    with pytest.raises(error, match=words):
        cell(f"%retouch_nb batch {line}")
    assert not (folder / "out").exists()


def test_help_of_a_batch_is_its_own(cell: Callable[[str], Any]) -> None:
    """With an operation named, its parameters are told as well."""
    assert "--masks" in cell("%retouch_nb batch --help")
    assert "--type" not in cell("%retouch_nb batch --help")
    assert "--type" in cell("%retouch_nb batch enhance photos out --help")
