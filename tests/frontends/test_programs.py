"""Where there is no cell to type into: scripts, marimo, papermill and nbconvert."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[2]
SCRIPT = """
import numpy as np
import retouch_nb as rn

edit = rn.inpaint(np.full((60, 80, 3), 180, np.uint8), rectangles=[(20, 20, 20, 20)])
print(edit.after.size)
"""
APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import numpy as np
    import retouch_nb as rn

    edit = rn.inpaint(np.full((60, 80, 3), 180, np.uint8), rectangles=[(20, 20, 20, 20)])
    edit
    return edit, rn


@app.cell
def _(rn):
    rn.jobs()
    return


if __name__ == "__main__":
    app.run()
"""


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environ = os.environ | {"PYTHONPATH": str(ROOT), "RETOUCH_NB_HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_script_prints_what_it_prints_and_nothing_else(tmp_path: Path) -> None:
    """No progress, no warning: its output may be read by another program."""
    done = run(tmp_path, "-c", SCRIPT)
    assert (done.stdout, done.stderr) == ("(80, 60)\n", "")


def test_marimo_shows_figures_and_tables(tmp_path: Path) -> None:
    """The page it exports holds the same HTML as a notebook does."""
    (tmp_path / "app.py").write_text(APP)
    run(tmp_path, "-m", "marimo", "export", "html", "app.py", "-o", "app.html")
    page = (tmp_path / "app.html").read_text("utf-8")
    assert "retouch-figure" in page and "embedded engine" in page


def test_papermill_runs_the_first_notebook(tmp_path: Path) -> None:
    """Executed without a browser, figures stand in the notebook it writes."""
    made = tmp_path / "made.ipynb"
    papermill.execute_notebook(
        ROOT / "notebooks" / "01_quickstart.ipynb",
        made,
        cwd=tmp_path,
        progress_bar=False,
        kernel_name="python3",
    )
    shown = nbformat.read(made, as_version=4)
    assert "retouch-figure" in nbformat.writes(shown)


def test_nbconvert_executes_and_writes_a_page(tmp_path: Path) -> None:
    """One command makes a page that works with no kernel."""
    cells = [new_code_cell("%load_ext retouch_nb"), new_code_cell(SCRIPT), new_code_cell("edit")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "made.ipynb")
    run(tmp_path, "-m", "nbconvert", "--to", "html", "--execute", "made.ipynb")
    assert "retouch-figure" in (tmp_path / "made.html").read_text("utf-8")
