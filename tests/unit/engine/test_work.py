import os
import subprocess
import sys
from pathlib import Path

import pytest

from retouch_nb.engine.work import VERSION, image_work, version
from retouch_nb.errors import ParameterError

ROOT = Path(__file__).parents[3]


def test_a_users_model_is_part_of_the_version(tmp_path: Path) -> None:
    """Another model gives other pictures, so results of one are not taken for the other's."""
    model = tmp_path / "lama.onnx"
    model.write_bytes(b"weights")
    os.utime(model, (1, 1))
    first = version(model)
    assert first == version(model) != VERSION
    model.write_bytes(b"other weights")
    assert version(model) not in (first, VERSION)
    assert version(None) == VERSION


def test_a_model_that_is_not_there_is_missed_at_once(tmp_path: Path) -> None:
    """Not only when the first photo is worked on."""
    with pytest.raises(ParameterError, match=r"missing\.onnx"):
        version(tmp_path / "missing.onnx")


@pytest.mark.parametrize("name", sorted(image_work()))
def test_every_name_of_the_image_work_leads_to_a_function(name: str) -> None:
    """A name nobody answers to would fail at a user's first photo only."""
    assert callable(image_work()[name])


def test_importing_the_engine_loads_no_image_work() -> None:
    """OpenCV comes with the first task."""
    program = (
        "import sys, retouch_nb.engine\n"
        "engine = retouch_nb.engine.Engine()\n"
        "heavy = [m for m in ('cv2', 'numba', 'onnxruntime', 'uvicorn') if m in sys.modules]\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
