"""The notebooks as they are in git, opened by somebody who has not run a cell of them."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
FIRST = "01_quickstart.ipynb"
PAID = "06_real_services.ipynb"


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_the_first_notebook_shows_its_figures_before_it_is_run(
    chromium: Page, jupyter: "Jupyter", app: str
) -> None:
    """JupyterLab and Notebook 7 do not trust it, and show before and after all the same."""
    shutil.copy(ROOT / "notebooks" / FIRST, jupyter.folder)
    jupyter.open(chromium, FIRST, app=app)
    figure = chromium.locator(".retouch-figure").first
    expect(figure).to_be_visible(timeout=30_000)
    assert figure.locator("img").first.evaluate("image => image.naturalWidth") > 400


def test_errors_on_purpose_stand_in_two_lines(chromium: Page, jupyter: "Jupyter") -> None:
    """What was lost, and what it means for the money, is read without a kernel; no frame of Python is shown."""
    shutil.copy(ROOT / "notebooks" / PAID, jupyter.folder)
    jupyter.open(chromium, PAID)
    error = chromium.locator(".jp-OutputArea-output", has_text="UnknownOutcomeError").first
    error.scroll_into_view_if_needed()
    expect(error).to_contain_text("it is not sent again by itself")
    expect(error).not_to_contain_text("Traceback")
