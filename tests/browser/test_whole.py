"""A real operation in a real JupyterLab: from the cell to the engine and back."""

import re
from typing import TYPE_CHECKING

import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

SETUP = """
%load_ext retouch_nb
import numpy as np
from skimage import data

large = data.rocket().repeat(4, 0).repeat(4, 1)
spot = np.zeros(large.shape[:2], bool)
spot[450:1350, 300:1500] = True
"""


def test_an_object_vanishes_between_before_and_after(chromium: Page, jupyter: "Jupyter") -> None:
    """While the engine works the cell shows how far it is; then a figure stands in its place, and no widget."""
    cell = new_code_cell(SETUP + "%inpaint large --mask spot --fresh")
    jupyter.write("whole.ipynb", cell)
    jupyter.open(chromium, "whole.ipynb")
    jupyter.run(chromium)
    expect(chromium.get_by_role("progressbar", name="Inpaint large")).to_be_visible(timeout=30_000)
    expect(chromium.locator(".retouch-slide")).to_be_visible(timeout=60_000)
    expect(chromium.get_by_text("embedded engine · free")).to_be_visible()
    expect(chromium.get_by_role("progressbar", name="Inpaint large")).to_have_count(0)


def test_cancel_stops_the_engines_task_and_says_so(chromium: Page, jupyter: "Jupyter") -> None:
    """The button of a running removal ends the cell with words on what became of the task, and no figure."""
    jupyter.write("cancel.ipynb", new_code_cell(SETUP + "%inpaint large --mask spot --fresh"))
    jupyter.open(chromium, "cancel.ipynb")
    jupyter.run(chromium)
    expect(chromium.get_by_role("progressbar", name="Inpaint large")).to_have_attribute(
        "aria-valuenow", re.compile(r"[1-9]"), timeout=30_000
    )
    chromium.get_by_role("button", name="Cancel", exact=True).click(timeout=30_000)
    expect(chromium.get_by_text("has dropped the task").first).to_be_visible(timeout=30_000)
    expect(chromium.locator(".retouch-slide")).to_have_count(0)
