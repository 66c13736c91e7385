"""Cancel and interrupt on old and new kernels, each with its own ipykernel in front of the one that is installed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

KERNELS = {
    "6.31": ("ipykernel==6.31.0", "ipython==8.39.0", "nest-asyncio==1.6.0", "decorator"),
    "7.3": ("ipykernel==7.3.0",),
    "7": ("ipykernel>=7.4,<8",),
}
"""The last of the line that delivers clicks only to a waiting cell; the last that does not bind them; the newest."""

SETUP = """
import dataclasses
import ipykernel
import numpy as np
import retouch_nb as rn
from skimage import data

large = rn.Photo.open(data.rocket().repeat(4, 0).repeat(4, 1))
spot = np.zeros(large.size[::-1], bool)
spot[450:1350, 300:1500] = True

def remove(name):
    photo = dataclasses.replace(large, name=name)
    try:
        return rn.inpaint(photo, mask=spot, fresh=True)
    except rn.errors.StoppedError as error:
        return f"by the button: {error}"
    except KeyboardInterrupt as error:
        return f"by an interrupt: {error}"
"""

LAST = """
print("jobs:", *[job.state for job in rn.jobs()])
print("kernel", ipykernel.__version__, "nested", hasattr(__import__("asyncio"), "_nest_patched"))
"""


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, pytestconfig: pytest.Config, jupyter: "Jupyter") -> str:
    """Register a kernel whose version comes first on its path; fetched from PyPI once, then kept."""
    version: str = request.param
    folder = pytestconfig.cache.mkdir(f"ipykernel-{version}-on-{sys.version_info.minor}")
    if not (folder / "complete").exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--upgrade",
            "--target",
        ]
        subprocess.run([*command, folder, *KERNELS[version]], check=True)
        (folder / "complete").touch()
    register(jupyter.home / "data" / "kernels" / f"kernel-{version}", folder)
    return version


def register(place: Path, folder: Path) -> None:
    """Write the specification of a kernel that looks into `folder` first."""
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": launch, "display_name": place.name, "language": "python"}
    spec["env"] = {"PYTHONPATH": f"{folder}:{ROOT}"}
    place.mkdir(parents=True, exist_ok=True)
    (place / "kernel.json").write_text(json.dumps(spec))


def test_cancel_and_interrupt_stop_the_job_and_the_queue_goes_on(
    chromium: Page, jupyter: "Jupyter", kernel: str
) -> None:
    """While a cell waits, the button reaches Python, an interrupt is heard, both end the task, and later cells run."""
    name = f"kernel-{kernel}.ipynb"
    cells = (new_code_cell(source) for source in (SETUP, "remove('one')", "remove('other')", LAST))
    jupyter.write(name, *cells, kernel=f"kernel-{kernel}")
    jupyter.open(chromium, name)
    jupyter.run(chromium)
    outputs = chromium.locator(".jp-OutputArea-output")
    one, other = (
        chromium.get_by_role("progressbar", name=f"Inpaint {name}") for name in ("one", "other")
    )
    expect(one).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    chromium.get_by_role("button", name="Cancel", exact=True).click()
    dropped = "the embedded engine has dropped the task"
    expect(outputs.filter(has_text=f"by the button: Cancelled; {dropped}")).to_be_visible()
    expect(other).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    chromium.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    expect(outputs.filter(has_text=f"by an interrupt: Cancelled; {dropped}")).to_be_visible()
    said = outputs.filter(has_text="jobs:")
    expect(said).to_contain_text("jobs: stopped stopped")
    expect(said).to_contain_text(f"kernel {kernel}")
    expect(said).to_contain_text(f"nested {kernel == '6.31' and sys.version_info < (3, 14)}")
    expect(other).to_have_count(0)
