"""Plain IPython in a real terminal: text, files, and a progress line that goes away."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pexpect
import pytest

from retouch_nb.photo import Photo

ROOT = Path(__file__).parents[2]


class Terminal:
    """IPython in a terminal 100 columns wide."""

    def __init__(self, folder: Path) -> None:
        options = ("--no-banner", "--simple-prompt", "--no-confirm-exit")
        own = {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", *options],
            cwd=str(folder),
            env={k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}} | own,
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 100),
            echo=False,
        )
        self._cell = 1
        self._wait_for_prompt()

    def __call__(self, line: str) -> str:
        """Type a line and give what appears before the next prompt."""
        self._child.sendline(line)
        self._cell += 1
        return self._wait_for_prompt()

    def _wait_for_prompt(self) -> str:
        """Wait for the number that is due: a prompt may be drawn twice."""
        self._child.expect_exact(f"In [{self._cell}]: ")
        return str(self._child.before)

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Start IPython in a folder with a photo, and load the extension."""
    folder = tmp_path_factory.mktemp("terminal")
    Photo.open(np.full((300, 400, 3), 120, np.uint8)).save(folder / "grey.png")
    started = Terminal(folder)
    assert started("%load_ext retouch_nb").strip() == ""
    yield started
    started.close()


def test_progress_is_drawn_on_one_line_and_wiped(terminal: Terminal) -> None:
    """Each state replaces the one before; what stays are the words about the result, and its file."""
    seen = terminal("%enhance grey.png --scale-factor 2 --save large.png")
    assert "Enhance grey: " in seen and "\r" in seen
    after = (
        seen.rpartition("\r")[2]
        if "Out[" in seen.rpartition("\r")[2]
        else seen[seen.index("Out[") :]
    )
    assert "Enhance grey · embedded engine · free" in after and "400 × 300 -> 800 × 600" in after
    assert "(800, 600)" in terminal("from PIL import Image; Image.open('large.png').size")


def test_a_result_in_a_variable_is_text_and_pixels(terminal: Terminal) -> None:
    """No HTML, no widget: words, and an array."""
    terminal("r = %inpaint grey.png --rectangles 20,20,30,30")
    seen = terminal("r")
    assert "Inpaint grey · embedded engine · free" in seen and "<" not in seen
    assert "(300, 400, 3)" in terminal("r.to_numpy().shape")


def test_an_error_is_two_lines_without_escapes(terminal: Terminal) -> None:
    """Whoever wants no colour gets none."""
    seen = terminal("%enhance grey.png --scale-factor 3").strip().splitlines()
    assert seen[0].startswith("ParameterError: --scale-factor 3 is not accepted")
    assert seen[1].strip() == "Nothing was sent." and len(seen) == 2


def test_tables_keep_to_the_width(terminal: Terminal) -> None:
    """Long cells go over several lines instead of the edge."""
    lines = terminal("%retouch_nb providers").splitlines()
    assert any("%retouch_object" in line for line in lines)
    assert max(map(len, lines)) <= 100
