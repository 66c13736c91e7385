"""Every notebook runs to its end offline, and shows what its text promises."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted(Path(__file__).parents[2].joinpath("notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Execute a notebook in an empty folder, as a newcomer would."""
    notebook = nbformat.read(request.param, as_version=4)
    folder = tmp_path_factory.mktemp(request.param.stem)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_shows_figures_and_no_errors(executed: Any) -> None:
    """At least one before/after figure stands in it, and nothing on stderr."""
    shown = outputs(executed)
    figures = [o for o in shown if "retouch-figure" in o.get("data", {}).get("text/html", "")]
    assert figures
    assert not [o for o in shown if o.output_type == "error" or o.get("name") == "stderr"]


def test_no_live_widget_is_left_in_it(executed: Any) -> None:
    """What stays is plain HTML: a saved notebook shows the same with no kernel."""
    assert not [
        o
        for o in outputs(executed)
        if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]


def test_it_stays_small(executed: Any) -> None:
    """Previews, not full pictures, travel in the file."""
    assert len(nbformat.writes(executed)) < 6_000_000


def test_it_is_committed_without_outputs() -> None:
    """Pictures of an old version are never shown as today's."""
    for path in NOTEBOOKS:
        assert not outputs(nbformat.read(path, as_version=4)), path.name
