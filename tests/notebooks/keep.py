"""Keeps outputs in the notebooks, so that they show their pictures where no kernel is: ``make notebooks``.

A digest of the sources stands beside them; a notebook whose sources have not changed is left alone.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PLACES = ("PICWISH_", "AILAB_", "RETOUCH")


def digest(notebook: Any) -> str:
    """Give a mark of what is executed and read, cell by cell."""
    cells = [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in notebook.cells]
    return hashlib.sha256(repr(cells).encode()).hexdigest()[:16]


def kept(notebook: Any) -> str | None:
    """Give the mark of the sources whose outputs are in a notebook; None when there are none."""
    return notebook.metadata.get("retouch_nb", {}).get("outputs_of")


def execute(notebook: Any, folder: Path) -> None:
    """Run a notebook as a newcomer would: without a key, in an empty folder, with an empty journal."""
    nobody = {name: text for name, text in os.environ.items() if not name.startswith(PLACES)}
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,  # what stays is static; the state would hold every picture once more
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=nobody | {"RETOUCH_NB_HOME": str(folder / "home")})


def main(names: list[str]) -> None:
    """Execute what is named, or all whose sources have changed."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if path.stem in names or (not names and kept(notebook) != digest(notebook)):
            with tempfile.TemporaryDirectory() as folder:
                execute(notebook, Path(folder))
            notebook.metadata["retouch_nb"] = {"outputs_of": digest(notebook)}
            path.write_text(nbformat.writes(notebook) + "\n", "utf-8")
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
