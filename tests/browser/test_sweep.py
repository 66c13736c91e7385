"""A sweep in a real JupyterLab: the grid fills while it runs, all tiles zoom together, and it outlives its kernel."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_output
from playwright.sync_api import Locator, Page, expect

import retouch_nb as rn
from retouch_nb.sweep import Grid

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

GATED = """
%load_ext retouch_nb
import time
from pathlib import Path

import numpy as np
from retouch_nb import session
from retouch_nb.engine import Engine

def enhance(pixels, factor, /, *, kind, progress):
    gate = Path(f"{kind}-{factor}")
    while not gate.exists():
        progress(0.5)
        time.sleep(0.02)
    if gate.read_text():
        raise ValueError("broken for once")
    return pixels.repeat(factor, 0).repeat(factor, 1)

session.current().engine = Engine(work={"enhance": enhance, "automatic_factor": lambda w, h: 4})
photo = np.random.default_rng().integers(0, 255, (60, 80, 3), np.uint8)
"""
SWEEP = "grid = %sweep enhance photo type=clean,face scale_factor=1,2 --concurrency 2"
"""Two at a time is what the engine does, so they are worked on in their order."""


@pytest.fixture
def gates(jupyter: "Jupyter") -> Iterator[Path]:
    """Give the folder in which a file lets a request through; a file with words in it makes it fail."""
    for gate in jupyter.folder.glob("*-[124]"):
        gate.unlink()
    yield jupyter.folder
    for name in ("clean-1", "clean-2", "face-1", "face-2"):
        (jupyter.folder / name).write_text("")


def tile(page: Page, index: int) -> Locator:
    return page.locator(f"td[data-tile='{index}']")


def start(page: Page, jupyter: "Jupyter", *cells: str) -> None:
    jupyter.write("sweep.ipynb", new_code_cell(GATED), *map(new_code_cell, cells))
    jupyter.open(page, "sweep.ipynb")
    jupyter.run(page)


def test_the_grid_fills_while_it_runs_and_is_static_in_the_end(
    chromium: Page, jupyter: "Jupyter", gates: Path
) -> None:
    """All tiles stand at once; each shows its picture when it comes; at the end no widget is left."""
    start(chromium, jupyter, SWEEP)
    expect(chromium.locator("td.retouch-tile")).to_have_count(4, timeout=60_000)
    expect(tile(chromium, 0)).to_contain_text("%", timeout=30_000)
    (gates / "clean-2").write_text("")
    expect(tile(chromium, 1).locator("img")).to_be_visible()
    expect(tile(chromium, 0).locator("img")).to_have_count(0)
    expect(chromium.locator(".retouch-grid-facts")).to_contain_text("1 of 4")
    for name in ("clean-1", "face-1", "face-2"):
        (gates / name).write_text("")
    expect(chromium.locator(".jupyter-widgets td.retouch-tile")).to_have_count(0, timeout=30_000)
    expect(chromium.locator("td.retouch-tile img[src^=data]")).to_have_count(4)


def test_a_failed_tile_is_retried_while_others_run(
    chromium: Page, jupyter: "Jupyter", gates: Path
) -> None:
    """Its reason stands in it, and its button sends it again."""
    (gates / "clean-1").write_text("fail")
    for name in ("clean-2", "face-1"):
        (gates / name).write_text("")
    start(chromium, jupyter, SWEEP)
    expect(tile(chromium, 0)).to_contain_text("failed", timeout=60_000)
    (gates / "clean-1").write_text("")
    tile(chromium, 0).get_by_role("button", name="Retry").click()
    expect(tile(chromium, 0).locator("img")).to_be_visible()
    expect(tile(chromium, 3).locator("img")).to_have_count(0)


def test_stopping_leaves_the_grid_as_it_stands(
    chromium: Page, jupyter: "Jupyter", gates: Path
) -> None:
    """What is done stays to be seen, what is not can be made by running the cell again, and the next cell runs."""
    start(chromium, jupyter, SWEEP, "print('went', 'on')")
    (gates / "clean-1").write_text("")
    expect(tile(chromium, 0).locator("img")).to_be_visible(timeout=60_000)
    chromium.get_by_role("button", name="Stop", exact=True).click()
    expect(chromium.get_by_text("1 of 4 tiles are done").first).to_be_visible()
    expect(chromium.locator("td.retouch-tile img")).to_have_count(1)


def test_a_sweep_whose_kernel_is_gone_does_not_seem_to_run(
    chromium: Page, jupyter: "Jupyter", gates: Path
) -> None:
    """After a restart the person is told what to do, and no button pretends to be heard."""
    start(chromium, jupyter, SWEEP)
    (gates / "clean-1").write_text("")
    expect(tile(chromium, 0).locator("img")).to_be_visible(timeout=60_000)
    chromium.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(chromium.locator(".retouch-grid-facts")).to_contain_text("Run the cell again")
    expect(chromium.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


@pytest.fixture(scope="module")
def grid() -> Grid:
    """Give a finished grid of two by two."""
    photo = np.random.default_rng(5).integers(0, 255, (60, 80, 3), np.uint8)
    made = rn.sweep("enhance", photo, type="clean,face", scale_factor=[1, 2], provider="local")
    assert isinstance(made, Grid)
    return made


@pytest.fixture
def page(chromium: Page, grid: Grid, tmp_path: Path) -> Page:
    """Show it as a page of its own."""
    chromium.goto(grid.save_html(tmp_path / "grid.html").as_uri())
    return chromium


def moves(page: Page) -> list[str]:
    return page.locator(".retouch-shot img").evaluate_all(
        "all => all.map(one => one.style.transform)"
    )


def test_all_tiles_zoom_and_pan_together(page: Page) -> None:
    """By buttons, by dragging, by keys: every picture is moved alike, and stays inside its frame."""
    page.get_by_role("button", name="Zoom all in").click()
    expect(page.locator(".retouch-zoom")).to_have_text("150 %")
    assert len(set(moves(page))) == 1 and "scale(1.5)" in moves(page)[0]
    picture = tile(page, 0).locator("img")
    before = picture.get_attribute("style")
    assert before
    box = tile(page, 2).locator(".retouch-shot").bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.up()
    expect(picture).not_to_have_attribute("style", before)
    assert len(set(moves(page))) == 1
    tile(page, 0).press("0")
    expect(page.locator(".retouch-zoom")).to_have_text("100 %")
    assert "scale(1)" in moves(page)[3]


def test_the_difference_to_the_first_is_nothing_on_the_first(page: Page) -> None:
    """Its own tile turns black, but for what scaling rounds; the others carry the first picture over them."""
    page.get_by_role("button", name="Difference to the first").click()
    expect(page.locator("img.retouch-first")).to_have_count(4)
    shown = tile(page, 0).locator(".retouch-shot").screenshot()
    assert rn.Photo.open(shown).to_numpy()[10:-10, 10:-10, :3].mean() < 1


def test_a_tile_can_be_taken_as_a_magic(page: Page) -> None:
    """Picked by keyboard, its cell stands ready to be copied."""
    tile(page, 0).press("ArrowRight")
    tile(page, 1).press("Enter")
    expect(page.locator(".retouch-chosen code")).to_have_text(
        "%enhance photo --scale-factor 2 --provider local"
    )
    expect(page.get_by_role("button", name="Copy as magic")).to_be_visible()


def test_values_can_be_filtered_out(page: Page) -> None:
    """A row and a column vanish, and come back."""
    page.get_by_text("Filter").click()
    page.get_by_label("type = clean").uncheck()
    page.get_by_label("scale_factor = 1").uncheck()
    expect(page.locator("td.retouch-tile:visible")).to_have_count(1)
    page.get_by_label("type = clean").check()
    expect(page.locator("td.retouch-tile:visible")).to_have_count(2)


def test_a_tile_of_a_folded_row_is_filtered_out_by_itself(chromium: Page, tmp_path: Path) -> None:
    """No column has its value in common with others; arrows still walk over the rows."""
    photo = np.random.default_rng(6).integers(0, 255, (30, 40, 3), np.uint8)
    made = rn.sweep(
        "retouch_object", photo, np.ones((30, 40), bool), retouch_strength="0:4", provider="local"
    )
    assert isinstance(made, Grid)
    chromium.goto(made.save_html(tmp_path / "folded.html").as_uri())
    expect(chromium.locator("tbody tr")).to_have_count(2)
    tile(chromium, 1).press("ArrowDown")
    expect(tile(chromium, 4)).to_be_focused()
    chromium.get_by_text("Filter").click()
    chromium.get_by_label("retouch_strength = 3").uncheck()
    expect(chromium.locator("td.retouch-tile:visible")).to_have_count(4)
    expect(tile(chromium, 3)).to_be_hidden()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_notebook_opened_without_its_kernel_shows_the_grid(
    chromium: Page, jupyter: "Jupyter", grid: Grid, trusted: bool
) -> None:
    """Pictures and labels in any case; zoom where the notebook is trusted."""
    bundle: dict[str, Any] = {"text/html": grid._repr_html_(), "text/plain": repr(grid)}
    output = new_output("display_data", data=bundle)
    cell = new_code_cell("", outputs=[output])
    jupyter.write("kept.ipynb", cell, trusted=trusted, kernel="there-is-none")
    jupyter.open(chromium, "kept.ipynb")
    chromium.keyboard.press("Escape")
    pictures = chromium.locator(".jp-OutputArea-output td img")
    expect(pictures).to_have_count(4)
    assert all(pictures.evaluate_all("all => all.map(one => one.naturalWidth > 0)"))
    expect(chromium.locator("tbody th", has_text="type = face")).to_be_visible()
    expect(chromium.get_by_role("button", name="Zoom all in")).to_have_count(1 if trusted else 0)
