"""The live grid: tiles are sent when they change, clicks act once, and what it leaves is static and shown once."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, laid_out, prepared
from retouch_nb.sweep.run import Run, Unseen
from retouch_nb.widgets.grid import GridWidget, on_stream


class Clicks:
    """What a widget was asked to do."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def widget(self) -> GridWidget:
        return GridWidget(
            "<table></table>",
            3,
            on_stop=lambda: self.heard.append("stop"),
            on_retry=self.heard.append,
        )


def browser_says(widget: GridWidget, content: Any) -> None:
    """Deliver a custom message as a front end does."""
    widget._handle_msg(
        {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
    )


def test_each_tile_is_a_trait_of_its_own() -> None:
    """So that one tile travels alone, and a view that comes late finds all."""
    widget = Clicks().widget()
    widget.put(1, {"state": "done", "html": "x", "picture": b"webp"})
    assert widget.names == ["tile_0", "tile_1", "tile_2"]
    assert widget.get_state("tile_1")["tile_1"] == {
        "index": 1,
        "state": "done",
        "html": "x",
        "picture": b"webp",
    }


def test_stop_acts_once() -> None:
    """The second click, and any after the end, changes nothing."""
    clicks = Clicks()
    widget = clicks.widget()
    browser_says(widget, {"kind": "stop"})
    browser_says(widget, {"kind": "stop"})
    assert clicks.heard == ["stop"] and widget.state == "stopping"


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        {},
        "stop",
        {"kind": "retry"},
        {"kind": "retry", "tile": 3},
        {"kind": "retry", "tile": "0"},
    ],
)
def test_nonsense_from_a_browser_changes_nothing(nonsense: Any) -> None:
    """Only tiles that exist can be tried again."""
    clicks = Clicks()
    widget = clicks.widget()
    browser_says(widget, nonsense)
    browser_says(widget, {"kind": "retry", "tile": 2})
    assert clicks.heard == [2] and widget.state == "running"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def grid(tmp_path: Path, photo: Photo) -> Iterator[Grid]:
    """Give a grid that has not run."""
    session = Session(home=tmp_path / "home", environ={})
    named = {"photo": photo, "scale_factor": [1, 2]}
    made = prepared(laid_out(Enhance, named), session)
    assert isinstance(made, Grid)
    yield made
    session.close()


def run_of(grid: Grid) -> Run:
    requests = [tile.request for tile in grid.tiles]
    return Run(
        requests,
        lambda request: grid.session.submit(request.operation),
        grid.outcomes,
        concurrency=1,
    )


def test_a_terminal_counts_requests(grid: Grid) -> None:
    """In one line that vanishes."""
    stream = Terminal()
    run = run_of(grid)
    run.begin().wait(on_stream(grid, run, stream), parting=lambda: "")
    assert "Sweep enhance" in stream.getvalue() and "/2" in stream.getvalue()


def test_nothing_is_written_where_nobody_looks(grid: Grid) -> None:
    """Output that other programs read stays clean."""
    assert isinstance(on_stream(grid, run_of(grid), io.StringIO()), Unseen)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Execute a sweep in a kernel: assigned, as the last word of a cell, and looked at later."""
    cells = [
        "%load_ext retouch_nb\nimport numpy as np\nimport retouch_nb as rn\nphoto = np.zeros((20, 30, 3), np.uint8)",
        "grid = %sweep enhance photo scale_factor=1,2",
        "rn.sweep('enhance', photo, type=['clean', 'face'], scale_factor=1)",
        "grid.transpose()",
        "grid.run();",
    ]
    made = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    folder = tmp_path_factory.mktemp("grid")
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(made, timeout=120, kernel_name="python3", resources=resources).execute()
    return made


def shown(notebook: Any, number: int) -> list[str]:
    outputs = notebook.cells[number].outputs
    return [output["data"].get("text/html", "") for output in outputs if "data" in output]


def test_a_cell_shows_its_grid_once(notebook: Any) -> None:
    """Whether it is assigned or the value of the cell; later it shows itself like anything else."""
    for number in (1, 2, 3):
        (html,) = shown(notebook, number)
        assert html.count("<img") == 2
    assert shown(notebook, 4) == []


def test_no_widget_stays_in_the_notebook(notebook: Any) -> None:
    """What is saved needs no kernel."""
    assert "widget-view" not in nbformat.writes(notebook)
