"""The comparison in a real browser: every way of looking, by mouse and by keys, with and without trust."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_output
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from retouch_nb.compare import compare

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 30), (30, 30, 200)


def card(colour: tuple[int, int, int]) -> Any:
    """Give an even picture with a white square in its upper left quarter."""
    picture = np.full((200, 300, 3), colour, np.uint8)
    picture[40:60, 60:90] = 255
    return picture


@pytest.fixture(scope="module")
def html() -> str:
    """Give a comparison of a red, a green and a blue card."""
    cards = [card(colour) for colour in (RED, GREEN, BLUE)]
    return compare(*cards, names=["red", "green", "blue"])._repr_html_()


@pytest.fixture
def stage(chromium: Page, tmp_path: Path) -> Locator:
    """Open the page of a comparison from disk and give its stage."""
    cards = [card(colour) for colour in (RED, GREEN, BLUE)]
    saved = compare(*cards, names=["red", "green", "blue"]).save_html(tmp_path / "page.html")
    chromium.goto(saved.as_uri())
    return chromium.locator(".retouch-stage")


def pixels(shown: Locator) -> Any:
    """See what is on the screen."""
    return np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB"), int)


def near(seen: Any, colour: tuple[int, int, int]) -> Any:
    """Tell where a colour is seen; previews are lossy."""
    return np.abs(seen - colour).max(axis=-1) < 30


def share(shown: Locator, colour: tuple[int, int, int], *, down: bool = False) -> float:
    """Measure how much of a line across (or down) the stage has a colour."""
    seen = pixels(shown)
    middle = seen[:, seen.shape[1] * 7 // 10] if down else seen[seen.shape[0] * 7 // 10]
    return float(near(middle, colour).mean())


def point(shown: Locator, u: float, v: float) -> tuple[float, float]:
    """Give a point of the page by its fractions of an element."""
    box = shown.bounding_box()
    assert box is not None
    return box["x"] + u * box["width"], box["y"] + v * box["height"]


def pull(stage: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse over the stage."""
    mouse = stage.page.mouse
    mouse.move(*point(stage, *start))
    mouse.down()
    mouse.move(*point(stage, *end), steps=4)
    mouse.up()


def mode(page: Page, name: str) -> None:
    """Choose a way of looking."""
    page.get_by_role("button", name=name).click()


def test_the_line_across_follows_mouse_keys_and_range(chromium: Page, stage: Locator) -> None:
    """Wherever the mouse goes down, there is the line; arrows move it by one per cent, and so does its slider."""
    pull(stage, (0.2, 0.5), (0.7, 0.5))
    assert share(stage, RED) == pytest.approx(0.7, abs=0.02)
    stage.focus()
    chromium.keyboard.press("End")
    for _ in range(20):
        chromium.keyboard.press("ArrowLeft")
    assert share(stage, RED) == pytest.approx(0.8, abs=0.02)
    chromium.get_by_role("slider", name="Where the line is").fill("30")
    assert share(stage, RED) == pytest.approx(0.3, abs=0.02)


def test_the_line_down_follows_mouse_and_keys(chromium: Page, stage: Locator) -> None:
    """The second slider does the same from above."""
    stage.focus()
    chromium.keyboard.press("2")
    pull(stage, (0.5, 0.2), (0.5, 0.6))
    assert share(stage, RED, down=True) == pytest.approx(0.6, abs=0.02)
    chromium.keyboard.press("Home")
    chromium.keyboard.press("ArrowDown")
    assert share(stage, GREEN, down=True) > 0.9


def test_side_by_side_shows_all(chromium: Page, stage: Locator) -> None:
    """Every picture has its cell and its name."""
    mode(chromium, "Side by side")
    for at, (name, colour) in enumerate([("red", RED), ("green", GREEN), ("blue", BLUE)]):
        cell = stage.locator(".retouch-cell").nth(at)
        expect(cell.locator(".retouch-tag").first).to_have_text(name)
        assert near(pixels(cell), colour).mean() > 0.8


def test_blinking_alternates_and_pauses(chromium: Page, stage: Locator) -> None:
    """Both pictures are seen by turns; space holds one, and the next space shows the other."""
    mode(chromium, "Blink")
    tag = stage.locator(".retouch-tag").first
    for name in ("red", "green", "red"):
        expect(tag).to_have_text(name, timeout=5000)
    stage.focus()
    chromium.keyboard.press(" ")
    held = tag.inner_text()
    assert near(pixels(stage), {"red": RED, "green": GREEN}[held]).mean() > 0.8
    chromium.keyboard.press(" ")
    expect(tag).to_have_text("green" if held == "red" else "red")


def test_difference_and_heat_map_show_where(chromium: Page, tmp_path: Path) -> None:
    """Only what changed is bright in both, the mask's outline stands around it, and the heat map has its scale."""
    changed = card(RED)
    changed[100:150, 150:250] = (90, 90, 90)
    mask = np.zeros((200, 300), bool)
    mask[90:160, 140:260] = True
    page = compare(card(RED), changed, mask=mask).save_html(tmp_path / "page.html")
    chromium.goto(page.as_uri())
    stage = chromium.locator(".retouch-stage")
    for name in ("Difference", "Heat map"):
        mode(chromium, name)
        seen = pixels(stage).max(axis=2)
        height, width = seen.shape
        assert seen[int(0.85 * height), int(0.2 * width)] < 40
        assert seen[int(0.62 * height), int(0.66 * width)] > 100
        edge = seen[int(0.62 * height), int(0.44 * width) : int(0.49 * width)]
        assert edge.max() > 200
    expect(stage.page.get_by_text("and more")).to_be_visible()


def test_another_picture_can_be_chosen(chromium: Page, stage: Locator) -> None:
    """Of three pictures, any but the first is compared with the first."""
    chromium.get_by_label("Picture to compare").select_option("blue")
    assert share(stage, BLUE) == pytest.approx(0.5, abs=0.02)


def square(cell: Locator) -> tuple[float, float]:
    """Give width and left edge of the white square in fractions of its cell; zero when it is not seen."""
    seen = (
        pixels(cell)[3:-3, 3:-3].min(axis=2) > 225
    )  # without edges that share a pixel with the page
    seen[: seen.shape[0] // 6] = False  # the letters of the label
    columns = np.flatnonzero(seen.any(axis=0))
    return (len(columns) / seen.shape[1], columns[0] / seen.shape[1]) if columns.size else (0, 0)


def test_zoom_and_pan_are_linked(chromium: Page, stage: Locator) -> None:
    """Wheel, buttons, keys and dragging move all pictures alike, and a picture never leaves its cell."""
    mode(chromium, "Side by side")
    cells = stage.locator(".retouch-cell").all()
    assert [square(cell) for cell in cells] == [pytest.approx((0.1, 0.2), abs=0.02)] * 3
    stage.focus()
    chromium.mouse.move(*point(cells[1], 0.2, 0.2))
    chromium.mouse.wheel(0, -400 * np.log(2))
    assert [square(cell) for cell in cells] == [pytest.approx((0.2, 0.2), abs=0.02)] * 3
    pull(cells[2], (0.5, 0.5), (0.6, 0.5))
    assert [square(cell) for cell in cells] == [pytest.approx((0.2, 0.3), abs=0.02)] * 3
    stage.focus()
    for _ in range(9):
        chromium.keyboard.press("Shift+ArrowLeft")
    assert [square(cell) for cell in cells] == [pytest.approx((0.2, 0.4), abs=0.02)] * 3
    chromium.get_by_role("button", name="Fit").click()
    assert [square(cell) for cell in cells] == [pytest.approx((0.1, 0.2), abs=0.02)] * 3


def test_zoomed_in_the_line_still_moves_and_the_rest_pans(stage: Locator) -> None:
    """Near the line the mouse takes the line, elsewhere the picture."""
    stage.dblclick(position={"x": 20, "y": 20})
    pull(stage, (0.8, 0.7), (0.6, 0.7))
    assert share(stage, RED) == pytest.approx(0.06, abs=0.05)  # where the second click put it
    assert stage.get_attribute("data-zoomed") == "true"


def test_keys_do_not_reach_the_notebook(chromium: Page, jupyter: "Jupyter", html: str) -> None:
    """In JupyterLab with no kernel a trusted comparison works by keys, which the notebook does not take for its own."""
    write(jupyter, "compare.ipynb", html, trusted=True)
    jupyter.open(chromium, "compare.ipynb")
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    stage = chromium.locator(".retouch-stage")
    stage.focus()
    for key in ("Home", *["ArrowRight"] * 10):
        chromium.keyboard.press(key)
    assert share(stage, RED) == pytest.approx(0.1, abs=0.02)
    chromium.keyboard.press("3")
    expect(stage.locator(".retouch-cell")).to_have_count(3)
    expect(stage).to_be_focused()


def test_notebook_7_shows_the_stage(chromium: Page, jupyter: "Jupyter", html: str) -> None:
    """The other front end does the same."""
    write(jupyter, "compare7.ipynb", html, trusted=True)
    jupyter.open(chromium, "compare7.ipynb", app="notebooks")
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    stage = chromium.locator(".retouch-stage")
    pull(stage, (0.5, 0.5), (0.25, 0.5))
    assert share(stage, RED) == pytest.approx(0.25, abs=0.02)


def test_without_trust_all_is_still_there(chromium: Page, jupyter: "Jupyter", html: str) -> None:
    """An untrusted notebook shows the box to widen, all pictures, differences, heat maps with their scale, and the facts."""
    write(jupyter, "untrusted.ipynb", html, trusted=False)
    jupyter.open(chromium, "untrusted.ipynb")
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    shown = chromium.locator(".retouch-compare-static")
    expect(shown.locator("img")).to_have_count(3 + 4 + 2)
    for text in ("green: heat map", "blue: difference", "differs from red by ΔE"):
        expect(chromium.get_by_text(text).first).to_be_visible()
    expect(chromium.locator(".retouch-stage")).to_have_count(0)
    pair = shown.locator(".retouch-pair")
    pair.scroll_into_view_if_needed()
    pull(pair, (0.49, 0.99), (0.8, 0.99))
    assert share(pair, RED) == pytest.approx(0.8, abs=0.03)


def write(jupyter: "Jupyter", name: str, html: str, *, trusted: bool) -> None:
    """Put a notebook that has shown a comparison into the server's folder."""
    output = new_output("execute_result", data={"text/html": html}, execution_count=1)
    cell = new_code_cell("shown", outputs=[output], execution_count=1)
    jupyter.write(name, cell, trusted=trusted, kernel="gone")
