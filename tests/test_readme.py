"""The code of README.md, typed line by line into a fresh shell, as a newcomer does."""

import re
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from retouch_nb.magics import unload
from retouch_nb.photo import Photo

ROOT = Path(__file__).parents[1]
SIZES = {
    "cat.jpg": (60, 40),
    "holiday.jpg": (200, 250),
    "portrait.jpg": (64, 64),
    "photo.jpg": (64, 48),
    "reference.jpg": (64, 48),
    "ring.png": (60, 40),
    "photos/a.png": (60, 40),
    "photos/b.png": (60, 40),
}
MASKS = {"my_mask.png": "holiday.jpg", "mask.png": "ring.png"}
ASKS = "%retouch_nb login"
"""Waits for somebody to type a key."""


def lines() -> list[str]:
    """Give every line of Python outside the folded reference."""
    text = re.sub(
        r"<details>.*?</details>", "", (ROOT / "README.md").read_text("utf-8"), flags=re.S
    )
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def picture(width: int, height: int) -> np.ndarray:
    """Make a soft gradient, in which nothing is to be found."""
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([90 + x % 90, 120 + y % 90, 200 - x % 90]).astype(np.uint8)


def spot(width: int, height: int) -> np.ndarray:
    """Make a mask with a white square in its middle."""
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 2, width // 3 : width // 2] = True
    return mask


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """A shell in a folder that holds what the README speaks of."""
    main = sys.modules["__main__"]
    with chdir(tmp_path):
        Path("photos").mkdir()
        for name, size in SIZES.items():
            Photo.open(picture(*size)).save(name)
        for name, photo in MASKS.items():
            Photo.open(spot(*SIZES[photo])).save(name)
        for name in ("a", "b"):
            Photo.open(spot(60, 40)).save(f"photos/{name}_mask.png")
        made = InteractiveShell(
            config=Config(HistoryManager={"enabled": False}),
            ipython_dir=str(tmp_path / ".ipython"),
            user_module=ModuleType("notebook"),
        )
        table = pd.DataFrame({"path": ["photos/a.png", "photos/b.png"]})
        made.push({"table": table, "coffee": picture(60, 40), "cup": spot(60, 40)})
        yield made
        unload(made)
        made.restore_sys_module_state()
    sys.modules["__main__"] = main


def test_every_line_of_the_readme_runs(shell: InteractiveShell) -> None:
    """One after the other, as they stand, with no key: none may raise."""
    typed = [line for line in lines() if not line.startswith(ASKS)]
    assert len(typed) > 25
    for line in typed:
        result = shell.run_cell(line, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        assert error is None, f"{line}\n{error}"
