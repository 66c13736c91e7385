"""The figure in a real browser: on disk, in an exported page, and in JupyterLab with and without trust."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from retouch_nb.figure import Caption, figure, page
from retouch_nb.photo import Photo

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture(scope="module")
def html() -> str:
    """Give a figure whose photo before is red and whose photo after is blue and twice as large."""
    before, after = (
        Photo.open(np.full((*shape, 3), colour, np.uint8))
        for shape, colour in (((200, 300), RED), ((400, 600), BLUE))
    )
    return figure(before, after, Caption("Enhance", "embedded engine", "free", "card"))


def saved(folder: Path, html: str) -> str:
    """Save a page and give its address on disk."""
    path = folder / "page.html"
    path.write_text(html, "utf-8")
    return path.as_uri()


def cell(html: str) -> Any:
    """Make a cell that has shown a figure."""
    output = new_output("execute_result", data={"text/html": html}, execution_count=1)
    return new_code_cell("edit", outputs=[output], execution_count=1)


def share_before(pair: Locator) -> float:
    """Measure on the screen which fraction of the width is red, halfway between label and middle."""
    shot = Image.open(io.BytesIO(pair.screenshot())).convert("RGB")
    row = np.asarray(shot, int)[shot.height // 4]
    return float((row[:, 0] > row[:, 2]).mean())


def drag(page: Page, pair: Locator, *, start: tuple[float, float], end: float) -> None:
    """Pull with the mouse from a point, given in fractions of the pair, to a fraction of its width."""
    pair.scroll_into_view_if_needed()
    box = pair.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()


def test_the_mouse_pulls_the_line(chromium: Page, tmp_path: Path, html: str) -> None:
    """In a page opened from disk, the line follows the mouse wherever it goes down."""
    chromium.goto(saved(tmp_path, page("Results", html)))
    pair = chromium.locator(".retouch-pair")
    assert share_before(pair) == pytest.approx(0.5, abs=0.01)
    drag(chromium, pair, start=(0.1, 0.3), end=0.75)
    assert share_before(pair) == pytest.approx(0.75, abs=0.01)


def test_the_keyboard_moves_the_line(chromium: Page, tmp_path: Path, html: str) -> None:
    """Tab reaches the slider, which shows it; arrows move it by one per cent, Home and End to the edges."""
    chromium.goto(saved(tmp_path, page("Results", html)))
    pair = chromium.locator(".retouch-pair")
    chromium.keyboard.press("Tab")
    expect(chromium.get_by_role("slider")).to_be_focused()
    expect(pair).to_have_css("outline-style", "solid")
    chromium.keyboard.press("End")
    for _ in range(10):
        chromium.keyboard.press("ArrowLeft")
    assert share_before(pair) == pytest.approx(0.9, abs=0.01)


def test_a_finger_moves_the_line(browser: Browser, tmp_path: Path, html: str) -> None:
    """On a telephone the figure fits the width, and a tap puts the line there."""
    phone = browser.new_page(viewport={"width": 390, "height": 700}, has_touch=True)
    phone.goto(saved(tmp_path, page("Results", html)))
    pair = phone.locator(".retouch-pair")
    box = pair.bounding_box()
    assert box is not None and box["x"] + box["width"] <= 390
    phone.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    assert share_before(pair) == pytest.approx(0.2, abs=0.01)
    phone.close()


def test_figures_do_not_disturb_each_other(chromium: Page, tmp_path: Path, html: str) -> None:
    """Moving one line leaves the other figure's where it is."""
    chromium.goto(saved(tmp_path, page("Results", html * 2)))
    first, second = chromium.locator(".retouch-pair").all()
    drag(chromium, second, start=(0.5, 0.5), end=0.2)
    assert share_before(first) == pytest.approx(0.5, abs=0.01)
    assert share_before(second) == pytest.approx(0.2, abs=0.01)


def test_both_pictures_lie_exactly_over_each_other(
    chromium: Page, tmp_path: Path, html: str
) -> None:
    """A photo and its enlargement share place and size to half a pixel, at any width of the window."""
    chromium.goto(saved(tmp_path, page("Results", html)))
    for width in (1200, 501, 333):
        chromium.set_viewport_size({"width": width, "height": 700})
        one, other = (image.bounding_box() for image in chromium.locator("img").all())
        assert one == pytest.approx(other, abs=0.5)


def test_an_untrusted_figure_beside_a_trusted_one_keeps_its_box(
    chromium: Page, tmp_path: Path, html: str
) -> None:
    """The style sheet of a trusted figure does not lay a dead slider over an untrusted one."""
    untrusted = re.sub(r"<style>.*?</style>", "", html).replace("oninput=", "disabled data-was=")
    chromium.goto(saved(tmp_path, page("Results", html + untrusted)))
    pair = chromium.locator(".retouch-pair").nth(1)
    drag(chromium, pair, start=(0.49, 0.99), end=0.8)
    assert share_before(pair) == pytest.approx(0.8, abs=0.03)


def test_an_exported_page_needs_no_network(chromium: Page, tmp_path: Path, html: str) -> None:
    """A page of nbconvert has a slider that works when nothing can be fetched."""
    notebook = new_notebook(cells=[cell(html)])
    nbformat.validate(notebook)
    body, _ = HTMLExporter().from_notebook_node(notebook)
    chromium.route("http*://**", lambda route: route.abort())
    chromium.goto(saved(tmp_path, body))
    pair = chromium.locator(".retouch-pair")
    drag(chromium, pair, start=(0.5, 0.5), end=0.25)
    assert share_before(pair) == pytest.approx(0.25, abs=0.01)


def test_an_untrusted_notebook_shows_both_and_the_corner_can_be_pulled(
    chromium: Page, jupyter: "Jupyter", html: str
) -> None:
    """JupyterLab without trust shows both pictures and their caption, and the mouse widens the box."""
    jupyter.write("untrusted.ipynb", cell(html), trusted=False)
    jupyter.open(chromium, "untrusted.ipynb")
    pair = chromium.locator(".retouch-pair")
    expect(chromium.get_by_text("embedded engine · free")).to_be_visible()
    expect(chromium.locator(".retouch-slide")).to_be_hidden()
    assert share_before(pair) == pytest.approx(0.5, abs=0.01)
    drag(chromium, pair, start=(0.49, 0.99), end=0.8)
    assert share_before(pair) == pytest.approx(0.8, abs=0.03)


def test_a_saved_notebook_works_without_a_kernel(
    chromium: Page, jupyter: "Jupyter", html: str
) -> None:
    """Reopened in JupyterLab with no kernel, the line moves, and its keys are not taken by the notebook."""
    jupyter.write("saved.ipynb", cell(html), cell(html), kernel="gone")
    jupyter.open(chromium, "saved.ipynb")
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    pair = chromium.locator(".retouch-pair").first
    chromium.get_by_role("slider").first.focus()
    for key in ("Home", *["ArrowUp"] * 5, *["ArrowRight"] * 5):
        chromium.keyboard.press(key)
    assert share_before(pair) == pytest.approx(0.1, abs=0.01)
    expect(chromium.get_by_role("slider").first).to_be_focused()
