"""A batch in JupyterLab: it is seen to go on, stops at a click, and leaves a summary that needs no kernel."""

import re

import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Page, expect

from .conftest import Jupyter

pytestmark = pytest.mark.browser

PHOTOS = """
import numpy as np
import retouch_nb as rn
from skimage import data
coffee = data.coffee()[::2, ::2]
photos = [np.roll(coffee, 7 * n, axis=1) for n in range(400)] + [None]
"""
RUN = 'run = rn.batch("enhance", [photos[-1], *photos[:-1]], out="results", scale_factor=2)'


def test_a_batch_is_seen_stopped_and_summed_up(chromium: Page, jupyter: Jupyter) -> None:
    """Figures, reasons and the newest results stand in the cell; a click stops it; the twin takes its place."""
    jupyter.write("batch.ipynb", new_code_cell(PHOTOS), new_code_cell(RUN), new_code_cell("run"))
    jupyter.open(chromium, "batch.ipynb")
    jupyter.run(chromium)
    live = chromium.locator(".retouch-run")
    expect(live.locator(".retouch-run-figures")).to_contain_text("of 401")
    expect(live.get_by_text("1 input")).to_be_visible()
    expect(live.locator("img").nth(2)).to_be_visible()
    assert live.locator("img").first.evaluate("image => image.naturalWidth") > 0
    assert float(live.get_by_role("progressbar").get_attribute("aria-valuenow") or 0) >= 1
    live.get_by_role("button", name="Stop").click()
    twins = chromium.locator(".jp-OutputArea .retouch-batch")
    expect(twins.first).to_contain_text("stopped after")
    expect(twins.first).to_contain_text(re.compile(r"[1-9]\d* done"))
    expect(twins).to_have_count(2)  # the cell that waited, and the one that asks for it
    expect(live).to_have_count(0)
