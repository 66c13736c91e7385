"""The wheel in an empty environment: what a user gets who types ``pip install`` and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from .conftest import ROOT, run

if TYPE_CHECKING:
    from .conftest import Fresh

pytestmark = pytest.mark.release

OPERATIONS = """
import numpy as np
import retouch_nb as rn

photo = np.full((60, 80, 3), 180, np.uint8)
photo[20:30, 30:45] = 0
clear = rn.inpaint(photo, rectangles=[(26, 16, 24, 18)])
large = rn.enhance(clear, scale_factor=2)
assert int(clear.to_numpy().min()) > 150 and large.after.size == (160, 120)
large.save("large.png")
print(rn.__file__, large.receipt.maker)
"""

PROGRAM = '''
"""A program as a user writes it."""

import asyncio
from pathlib import Path

import retouch_nb as rn


def without_sign(photo: Path) -> rn.Edit:
    size = rn.Photo.open(photo).size
    mask = rn.Strokes(size, [rn.Brush([(20, 30), (80, 60)], width=24)])
    try:
        edit = rn.inpaint(photo, mask, max_credits=2)
    except rn.errors.RetouchError as error:
        raise SystemExit(error.advice) from error
    return edit


async def larger(edit: rn.Edit) -> tuple[int, int]:
    job: rn.Job = rn.submit("enhance", edit, scale_factor=2)
    done = await job
    painter: rn.MaskPainter = rn.MaskPainter(edit)
    assert painter.strokes is not None
    return done.after.size


print(asyncio.run(larger(without_sign(Path("photo.jpg")))))
'''

CELLS = """
%load_ext retouch_nb
import numpy as np
photo = np.full((60, 80, 3), 180, np.uint8)
result = %enhance photo --scale-factor 2
result
"""


def test_operations_work_and_nothing_of_the_checkout_is_used(fresh: "Fresh") -> None:
    """Object removal and enlargement run with no extra installed and no key."""
    said = fresh.run("-c", OPERATIONS).split()
    assert str(fresh.folder) in said[0] and (fresh.work / "large.png").is_file()


def test_the_extension_loads_in_a_terminal(fresh: "Fresh") -> None:
    """IPython comes with the package; its magics are there after loading."""
    said = fresh.run(
        "-m", "IPython", "--no-banner", "-c", "%load_ext retouch_nb\n%retouch_nb providers"
    )
    assert "%inpaint" in said and "embedded engine, free" in said


def test_the_command_line_works(fresh: "Fresh") -> None:
    """The doctor looks, the reference is written, the demo says what it lacks."""
    assert "Python" in fresh.run("-m", "retouch_nb", "doctor")
    assert "index.md" in fresh.run("-m", "retouch_nb", "docs", "reference")
    assert "| `psd` |" in (fresh.work / "reference" / "extras.md").read_text()
    demo = subprocess.run(
        [fresh.python, "-m", "retouch_nb", "demo"], cwd=fresh.work, capture_output=True, text=True
    )
    assert demo.returncode == 1 and 'pip install "retouch_nb[demo]"' in demo.stderr


def test_a_users_program_is_checked_by_its_types(fresh: "Fresh") -> None:
    """Mypy --strict accepts it, and finds mistakes: a wrong name, a wrong option, a wrong value."""
    good, bad = fresh.work / "good.py", fresh.work / "bad.py"
    good.write_text(PROGRAM)
    wrong = PROGRAM.replace("after.size\n", "after.sizes\n").replace(
        "max_credits=2", "max_credit=2"
    )
    bad.write_text(f'{wrong}rn.enhance("cat.jpg", scale_factor=3)\n')
    check = (sys.executable, "-m", "mypy", "--strict", "--python-executable", fresh.python)
    assert "no issues found" in run(*check, good, cwd=fresh.work)
    found = subprocess.run([*check, bad], cwd=fresh.work, capture_output=True, text=True).stdout
    assert '"Photo" has no attribute "sizes"' in found
    assert 'Unexpected keyword argument "max_credit" for "inpaint"' in found
    assert 'Argument "scale_factor" to "enhance" has incompatible type "Literal[3]"' in found


def test_a_kernel_of_that_environment_shows_figures(fresh: "Fresh") -> None:
    """With ipykernel beside it, a cell shows the same plain HTML as here."""
    fresh.run("-m", "pip", "install", "-q", "--disable-pip-version-check", "ipykernel")
    kernels = fresh.folder / "kernels"
    (kernels / "fresh").mkdir(parents=True)
    argv = [str(fresh.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "fresh", "language": "python", "env": {"PYTHONPATH": ""}}
    (kernels / "fresh" / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="fresh", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(kernels)])
    )
    cells = [new_code_cell(CELLS), new_code_cell("import retouch_nb; print(retouch_nb.__file__)")]
    notebook = new_notebook(cells=cells)
    NotebookClient(
        notebook, km=manager, resources={"metadata": {"path": str(fresh.work)}}
    ).execute()
    assert "retouch-figure" in nbformat.writes(notebook)
    assert str(fresh.folder) in notebook.cells[1].outputs[0]["text"]


def test_the_notebooks_come_with_it(fresh: "Fresh") -> None:
    """``python -m retouch_nb demo`` finds the first one without a checkout."""
    [folder] = fresh.folder.glob("lib/python*/site-packages/retouch_nb/notebooks")
    names = {file.name for file in Path(ROOT / "notebooks").glob("*.ipynb")}
    assert {file.name for file in folder.glob("*.ipynb")} == names
