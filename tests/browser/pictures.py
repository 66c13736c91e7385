"""The pictures of the README, taken in a real JupyterLab: ``make pictures``; look at them before they are committed."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbformat.v4 import new_code_cell
from PIL import Image
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parents[2] / "notebooks" / "images"
LOAD = "%load_ext retouch_nb\nfrom skimage import data\n"
TOWERS = """rocket = data.rocket()
import retouch_nb as rn
towers = rn.Strokes((640, 427), [
    rn.Lasso([(194, 116), (206, 116), (212, 190), (214, 372), (164, 372), (178, 230), (188, 185)]),
    rn.Lasso([(438, 116), (452, 116), (462, 185), (470, 230), (484, 426), (432, 372), (434, 230)]),
])
warm = rn.inpaint(rocket, rectangles=[(300, 20, 40, 40)])"""
CUP = "coffee = data.coffee()\nfrom PIL import Image, ImageDraw\ncup = Image.new('L', (600, 400))\nImageDraw.Draw(cup).ellipse((165, 8, 440, 392), fill=255)"
FACE = (
    "import retouch_nb as rn\nportrait = rn.enhance(data.astronaut()[:310, 60:370], scale_factor=2)"
)
STEPS = """%%retouch portrait -o edit --interactive
Heal 1.0
Eye Brilliance 0.5
White Teeth 0.25 0.25
Dodge Burn 1.0 0.2 scale=2
Skin Tone 1.0 1.0
Portrait Volumes 0.5"""


@pytest.fixture
def page(chromium: Page) -> Page:
    """Give a window without the columns beside the notebook."""
    chromium.set_default_timeout(120_000)
    return chromium


def show(page: Page, jupyter: "Jupyter", name: str, *cells: str, width: int = 1200) -> None:
    """Run cells, the first of which prepares, in a window that the notebook has to itself."""
    page.set_viewport_size({"width": width, "height": 1100})
    jupyter.write(f"{name}.ipynb", *map(new_code_cell, cells))
    jupyter.open(page, f"{name}.ipynb")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    jupyter.run(page)


def keep(page: Page, name: str, first: int, *, last: str, shown: str) -> None:
    """Take what lies between the top of a cell and the bottom of an element."""
    page.locator(shown).first.wait_for()
    cell = page.locator(".jp-CodeCell").nth(first)
    cell.scroll_into_view_if_needed()
    above, below = cell.bounding_box(), page.locator(last).last.bounding_box()
    assert above
    assert below
    clip = {**above, "height": below["y"] + below["height"] - above["y"] + 8}
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
    picture.convert("RGB").save(FOLDER / f"{name}.webp", quality=86, method=6)


def test_quickstart(page: Page, jupyter: "Jupyter") -> None:
    """A removal, the slider between a tower and the rocket."""
    show(page, jupyter, "quickstart", LOAD + TOWERS, "%inpaint rocket --mask towers", width=820)
    page.get_by_role("slider").fill("44")
    page.get_by_role("slider").blur()
    keep(page, "quickstart", 1, last=".jp-OutputArea-output", shown=".jp-OutputArea img")


def test_painter(page: Page, jupyter: "Jupyter") -> None:
    """Three tools used, the brush at hand."""
    show(page, jupyter, "painter", LOAD + "rocket = data.rocket()", "%mask rocket -o spots")
    stage = page.locator(".retouch-ink-stage")
    stage.wait_for()
    expect(page.locator(".retouch-ink-root")).to_have_attribute("data-step", "0")
    left, top, scale = page.locator("canvas.retouch-easel").evaluate(
        "e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width / 640] }"
    )

    def use(tool: str, *points: tuple[int, int], drag: bool) -> None:
        stage.focus()
        page.keyboard.press(tool)
        for at, (x, y) in enumerate(points):
            page.mouse.move(left + x * scale, top + y * scale, steps=4)
            if not drag:
                page.mouse.click(left + x * scale, top + y * scale)
            elif at == 0:
                page.mouse.down()
        page.mouse.up()

    corners = [(192, 110), (213, 110), (217, 350), (169, 350)]
    use("p", *corners, corners[0], drag=False)
    use("o", (297, 116), (344, 409), drag=True)
    use("b", drag=False)
    page.get_by_role("slider", name="Size").fill("30")
    use("b", (447, 124), (456, 344), drag=True)
    expect(page.locator(".retouch-ink-root")).to_have_attribute("data-step", "3")
    page.mouse.move(left + 420 * scale, top + 190 * scale)
    keep(page, "painter", 0, last=".retouch-ink-root", shown=".retouch-ink-root")


def test_sweep(page: Page, jupyter: "Jupyter") -> None:
    """A grid of three by three, one tile chosen."""
    sweep = "%sweep retouch_object coffee cup type=normal,metal,bags retouch_strength=0:100:50"
    show(page, jupyter, "sweep", LOAD + CUP, sweep, width=1060)
    tiles = page.locator("td.retouch-tile img[src^=data]")
    expect(tiles).to_have_count(page.locator("td.retouch-tile").count(), timeout=120_000)
    tiles.nth(2).click()
    keep(page, "sweep", 1, last=".retouch-grid", shown=".retouch-chosen code")


def test_studio(page: Page, jupyter: "Jupyter") -> None:
    """A retouched portrait, two layers changed."""
    show(page, jupyter, "studio", LOAD + FACE, STEPS)
    studio = page.locator(".retouch-studio")
    studio.get_by_role("checkbox", name="Heal: visible").uncheck()
    studio.get_by_role("slider", name="Skin Tone: opacity").fill("40")
    studio.locator("summary").click()
    expect(studio.locator("textarea")).to_have_value(re.compile("Skin Tone 0.4"))
    keep(page, "studio", 1, last=".retouch-studio", shown=".retouch-studio textarea")
