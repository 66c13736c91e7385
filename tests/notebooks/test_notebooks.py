"""Every notebook runs to its end offline, and shows what its text promises."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from .keep import NOTEBOOKS, digest, execute, kept

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
SOLUTION = re.compile(r"<summary>Solution</summary>.*?<pre><code>(.*?)</code></pre>", re.DOTALL)
ON_PURPOSE = "raises-exception"


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Execute a notebook, and the solutions folded away in it, in an empty folder, as a newcomer would."""
    notebook = nbformat.read(request.param, as_version=4)
    found = [code for cell in notebook.cells for code in SOLUTION.findall(cell.source)]
    notebook.cells += [new_code_cell(unescape(code)) for code in found]
    execute(notebook, tmp_path_factory.mktemp(request.param.stem))
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_shows_figures_and_no_errors(executed: Any) -> None:
    """At least one before/after figure stands in it, and nothing on stderr."""
    shown = outputs(executed)
    figures = [o for o in shown if "retouch-figure" in o.get("data", {}).get("text/html", "")]
    assert figures
    assert not [o for o in shown if o.get("name") == "stderr"]


def test_errors_stand_where_they_are_meant(executed: Any) -> None:
    """A cell that promises an error raises one of ours, in two lines; no other cell raises anything."""
    for cell in executed.cells:
        errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
        assert len(errors) == (ON_PURPOSE in cell.metadata.get("tags", [])), cell.source
        assert all(len(error.traceback) == 2 for error in errors), cell.source


def test_no_live_widget_is_left_in_it(executed: Any) -> None:
    """What stays is plain HTML: a saved notebook shows the same with no kernel."""
    assert not [
        o
        for o in outputs(executed)
        if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_outputs_in_git_are_those_of_the_sources_beside_them(path: Path) -> None:
    """Pictures of an old version are never shown as today's: ``make notebooks`` when this fails."""
    notebook = nbformat.read(path, as_version=4)
    assert kept(notebook) == (digest(notebook) if outputs(notebook) else None)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_stays_small(path: Path) -> None:
    """Previews, not full pictures, travel in the file: whoever clones gets them all."""
    assert path.stat().st_size < 1_500_000
