"""How long a start takes, in fresh processes: the package, its extension, and what a notebook has loaded anyway.

The extension is loaded into a shell that has IPython and ipywidgets; that is what it adds to a notebook's first cell.
"""

import os
import statistics
import subprocess
import sys

from tests.bench.measure import Row, table

ROUNDS = 7
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import ipywidgets
"""
EXTENSION = "%load_ext retouch_nb"
STARTS = {
    "import retouch_nb": ("", "import retouch_nb"),
    EXTENSION: (SHELL, "shell.run_line_magic('load_ext', 'retouch_nb')"),
    "import numpy, PIL.Image": (SHELL, "import numpy, PIL.Image"),
    "import cv2": (SHELL, "import cv2"),
    "IPython and ipywidgets": ("", SHELL),
}
"""What is loaded before, and what is timed."""


def seconds(before: str, timed: str) -> float:
    """Time code in a process of its own, from within, so that Python's own start does not count."""
    code = f"{before}\nfrom time import perf_counter\nbegan = perf_counter()\n{timed}\nprint(perf_counter() - began)"
    command, env = [sys.executable, "-c", code], os.environ.copy()
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return float(done.stdout.split()[-1])


def main() -> list[Row]:
    """Print one table: after a run that fills the system's caches, every start in turn."""
    runs = [{name: seconds(*code) for name, code in STARTS.items()} for _ in range(ROUNDS + 1)]
    found = {name: statistics.median(run[name] for run in runs[1:]) for name in STARTS}
    print(table("Starting", ["what", "s"], [(name, f"{s:.2f}") for name, s in found.items()]))
    alone = {
        name: value for name, value in found.items() if name not in ("import retouch_nb", EXTENSION)
    }
    return [
        Row(f"`{EXTENSION}`, ipywidgets loaded", found[EXTENSION], alone, readme=True),
        Row("`import retouch_nb`", found["import retouch_nb"], alone),
    ]


if __name__ == "__main__":
    main()
