"""The cell a picture came from; what a file of a stranger says never becomes code."""

from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from skimage import data
from traitlets.config import Config

import retouch_nb as rn
from retouch_nb import session as sessions
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.magics import load, unload
from retouch_nb.photo import Photo
from retouch_nb.provenance import Record, Source
from retouch_nb.providers import operations
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.recreation import cell_of, drawn, mask_of, recreate

STROKES = rn.Strokes(
    (96, 72),
    [rn.Brush([(20, 30), (60, 40)], width=14), rn.Box(5, 5, 9, 9), rn.Flood(80, 60, tolerance=2)],
    grow=1,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder with a photo and a style in it, which is the current one."""
    with chdir(tmp_path):
        Image.fromarray(data.chelsea()[100:172, 100:196]).save("my cat.png")
        Image.fromarray(data.rocket()[:80, :80]).save("style.png")
        yield tmp_path


def requests() -> list[tuple[Operation, dict[str, Any]]]:
    return [
        (Inpaint("my cat.png", STROKES), {"restore_outside": True}),
        (Inpaint("my cat.png", rectangles=[(3, 4, 20, 10), (50, 50, 9, 9)]), {}),
        (Enhance("my cat.png", type="face", scale_factor=2), {}),
        (RetouchObject("my cat.png", STROKES, type="metal", line_strength=80), {}),
        (MatchStyle("my cat.png", "style.png"), {}),
        (Retouch("my cat.png", "Dust 1.0"), {}),
        (Retouch("my cat.png", "slight"), {}),
    ]


def test_of_a_job_that_was_taken_up_again_the_operation_is_known(tmp_path: Path) -> None:
    """Its pictures are not: placeholders stand for those that are needed, and the cell says so."""
    record = Record("retouch_object", "picwish", "PicWish", {"line_strength": 80})
    cell = cell_of(record)
    assert cell.magic.splitlines()[-1] == (
        "%retouch_object photo.png --mask mask.png --line-strength 80 --provider cloud"
    )
    assert "rn.retouch_object('photo.png', mask='mask.png', line_strength=80" in cell.python
    assert "not known" in cell.magic
    found = cell_of(replace(record, operation="inpaint", options={"rectangles": [[1, 2, 3, 4]]}))
    assert "--mask" not in found.magic and "--rectangles 1,2,3,4" in found.magic


@pytest.fixture
def shell(folder: Path) -> Iterator[InteractiveShell]:
    shell = InteractiveShell(
        config=Config(HistoryManager={"enabled": False}),
        ipython_dir=str(folder / ".ipython"),
        user_module=ModuleType("notebook"),
    )
    load(shell)
    yield shell
    unload(shell)


@pytest.mark.parametrize("at", range(7))
def test_both_cells_make_the_same_picture_again(shell: InteractiveShell, at: int) -> None:
    """For every operation: pasted into a notebook, or run as Python."""
    tried = requests()
    assert {request.name for request, _ in tried} == set(operations())
    request, run = tried[at]
    edit = sessions.current().submit(request, provider="local", **run).result()
    found = recreate(edit.save("out.png"))
    shown = shell.run_cell(found.magic)
    shown.raise_error()
    assert np.array_equal(shown.result.to_numpy(), edit.to_numpy())
    names: dict[str, Any] = {}
    exec(found.python, names)
    assert np.array_equal(names["edit"].to_numpy(), edit.to_numpy())


def test_the_cell_says_who_made_it(folder: Path) -> None:
    """Maker, version, cost and which photo, in comments."""
    edit = rn.inpaint("my cat.png", STROKES, provider="local")
    magic = recreate(edit.save("out.png")).magic
    assert magic.startswith("# made by embedded engine, version ")
    assert f"SHA-256 {Photo.open('my cat.png').digest[:16]}" in magic
    assert "# mask: 96 x 72, drawn below" in magic
    assert "--provider local" in magic


RECORD = Record(
    "inpaint", "picwish", "PicWish", pictures={"photo": Source("a.png"), "mask": Source()}
)


@pytest.mark.parametrize(
    "name",
    [
        "{__import__('os')}",
        "$(rm)",
        "a.png; rm -rf",
        "../a.png",
        "a\n.png",
        "-o.png",
        "'a'.png",
        "https://x/{y}",
    ],
)
def test_a_name_that_could_be_code_is_not_pasted(name: str) -> None:
    """The cell names a plain photo instead."""
    found = cell_of(replace(RECORD, pictures={"photo": Source(name)}))
    assert found.magic.splitlines()[-1] == "%inpaint photo.png --provider cloud"
    assert found.python.splitlines()[-1] == "edit = rn.inpaint('photo.png', provider='cloud')"


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('x')",
        "rn.Strokes((9, 9), [open('x')])",
        "rn.Strokes((9, 9), [x for x in y])",
        "rn.Job('x')",
        "rn.Strokes.__subclasses__()",
        "rn.Image('x')",
        "rn.Photo('x')",
        "rn.Stamp('\x1b[2J')",
        "rn.dataclass('x')",
        "rn.Strokes(rn.strokes)()",
        "(lambda: 1)()",
        "rn.Strokes((9, 9), [])\nimport os",
        "rn.Strokes(" * 300,
        "",
    ],
)
def test_only_marks_and_numbers_are_run(code: str) -> None:
    """Anything else in the place of strokes counts as no strokes."""
    assert drawn(Source(strokes=code)) == ""
    assert mask_of(Source(strokes=code)) is None


def test_strokes_are_drawn_again() -> None:
    """The same marks, the same mask."""
    again = mask_of(Source(strokes=str(STROKES)))
    assert again == STROKES


def test_options_are_those_of_the_operation() -> None:
    """A value it would refuse, or a name it does not have, gets into no cell."""
    with pytest.raises(ParameterError):
        cell_of(
            Record("enhance", "picwish", "PicWish", {"scale_factor": 3}, {"photo": Source("a.png")})
        )
    with pytest.raises(UnknownNameError):
        cell_of(Record("enhance", "picwish", "PicWish", {"hook": "x"}, {"photo": Source("a.png")}))
    with pytest.raises(UnknownNameError):
        cell_of(replace(RECORD, operation="destroy"))
