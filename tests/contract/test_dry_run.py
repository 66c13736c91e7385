"""What a dry run shows can be run as it stands: both commands against an engine on a real port."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from traitlets.config import Config

from retouch_nb.magics import load, unload
from retouch_nb.magics.preview import Preview
from retouch_nb.session import Session

ROOT = Path(__file__).parents[2]
KEYS = {"PICWISH_API_KEY": "k", "AILAB_API_KEY": "k", "RETOUCH_TOKEN": "k"}
LINES = [
    "%inpaint 'my cat.png' --mask mask.png",
    "%inpaint 'my cat.png' --rectangles '3,4,20,10 30,30,9,9'",
    "%enhance 'my cat.png' --scale-factor 2",
    "%retouch_object 'my cat.png' mask.png --type metal",
    "%match_style 'my cat.png' style.png",
    "%retouch 'my cat.png' 'Dust 1.0'",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An engine on a free port."""
    command = [sys.executable, "-m", "retouch_nb", "serve", "--port", "0"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout
        yield served.stdout.readline().split()[-1]
        served.terminate()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with chdir(tmp_path):
        y, x = np.mgrid[0:60, 0:80]
        Image.fromarray(np.stack([x * 3, y * 4, 200 - x], 2).astype(np.uint8)).save("my cat.png")
        Image.fromarray(np.stack([y * 3, x * 3, y + x], 2).astype(np.uint8)).save("style.png")
        Image.fromarray((x > 20) & (x < 40) & (y > 20) & (y < 40)).convert("L").save("mask.png")
        yield tmp_path


def preview(line: str, address: str, folder: Path) -> Preview:
    """Ask for a dry run in a shell, of a service whose address is the engine's."""
    bases = dict.fromkeys(("PICWISH_BASE_URL", "AILAB_BASE_URL", "RETOUCH4ME_BASE_URL"), address)
    session = Session(home=folder / "home", environ={**KEYS, **bases})
    shell = InteractiveShell(
        config=Config(HistoryManager={"enabled": False}),
        ipython_dir=str(folder / ".ipython"),
        user_module=ModuleType("notebook"),
    )
    load(shell, session=session)
    try:
        done = shell.run_cell(f"{line} --dry-run")
        done.raise_error()
        shown: Preview = done.result
        return shown
    finally:
        unload(shell)
        session.close()


def run(command: list[str], folder: Path) -> str:
    """Run a program with a key of its own: what one account may send in a second is limited."""
    environ = {**os.environ, **dict.fromkeys(KEYS, uuid4().hex), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def accepted(answer: str) -> bool:
    """Tell whether an answer names a task, a job or a picture."""
    body = json.loads(answer[answer.index("{") :])
    data = body.get("data") or {}
    return bool(data.get("task_id") or data.get("image_url") or body.get("id"))


@pytest.mark.parametrize("line", LINES)
def test_both_commands_are_accepted(line: str, address: str, folder: Path) -> None:
    """Pasted into a shell and run as a program, with the key in the environment and nowhere else."""
    shown = preview(line, address, folder)
    assert re.search(r"\bk\b", shown.curl + shown.python.replace("key", "")) is None
    assert accepted(run([sys.executable, "-c", shown.python], folder))
    if shutil.which("curl"):
        assert accepted(run(["sh", "-c", shown.curl], folder))


def test_a_command_says_that_it_sends_the_whole_file(address: str, folder: Path) -> None:
    """The run itself does not: only where there is something private in the file."""
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    with Image.open("my cat.png") as image:
        image.save("private.jpg", exif=exif)
    assert any(
        "place" in remark for remark in preview("%enhance private.jpg", address, folder).remarks
    )
    plain = preview("%enhance 'my cat.png'", address, folder).remarks
    assert not any("place" in remark for remark in plain)
