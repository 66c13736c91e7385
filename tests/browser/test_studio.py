"""The layer studio in a real JupyterLab: what is dragged is seen at once, and is what Python composites."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Locator, Page, expect

from retouch_nb.blend import BlendMode

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

SETUP = """
import numpy as np
import retouch_nb as rn
from retouch_nb.layers import Layer, LayerStack, Png

random = np.random.default_rng(3)
base = random.integers(0, 256, (40, 64, 3), np.uint8)
base[:2, :, :] = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[:, None], 3, axis=1)
layers = []
for number, (name, mode) in enumerate([("Heal", "Normal"), ("Dodge Burn", "Soft Light"), ("Fabric", "Multiply")]):
    ink = random.integers(0, 256, (40, 64, 4), np.uint8)
    ink[:, : 10 * number, 3] = 0
    png = Png.of(ink)
    layers.append(Layer(name=name, plugin=name, png=png, canvas=(64, 40), blend_mode=rn.BlendMode(mode)))
stack = LayerStack(rn.Photo.open(base), tuple(layers))
studio = stack.studio()
studio
"""

ASK = """
import json
said = {"pixels": studio.composite().to_numpy()[..., :3].reshape(-1).tolist(), "payload": studio.payload}
said["chosen"] = studio.chosen
print("SAID" + json.dumps(said))
"""


@pytest.fixture(scope="module")
def notebook(jupyter: "Jupyter") -> str:
    """Write a notebook that opens a studio of three layers, and can be asked what Python thinks of it."""
    jupyter.write("studio.ipynb", new_code_cell(SETUP))
    return "studio.ipynb"


@pytest.fixture
def studio(chromium: Page, jupyter: "Jupyter", notebook: str) -> Locator:
    """Open the studio and give its root."""
    jupyter.open(chromium, notebook)
    jupyter.run(chromium)
    root = chromium.locator(".retouch-studio")
    expect(root.locator(".retouch-studio-layer")).to_have_count(3)
    expect(root).to_have_attribute("data-drawn", "1")
    return root


def pixels(studio: Locator) -> Any:
    """Read the canvas."""
    canvas = studio.locator(".retouch-studio-picture")
    flat = canvas.evaluate(
        """canvas => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(
            Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)))))"""
    )
    return np.reshape(flat, (40, 64, 4))[..., :3].astype(int)


@pytest.fixture
def python(chromium: Page) -> Callable[[], dict[str, Any]]:
    """Give a function that asks the kernel for its composite, its payload and what is chosen."""

    def ask() -> dict[str, Any]:
        said: dict[str, Any] = chromium.evaluate(
            """async code => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code });
                let text = "";
                future.onIOPub = message => { text += message.content.text ?? ""; };
                await future.done;
                return JSON.parse(text.split("SAID")[1]);
            }""",
            ASK,
        )
        said["pixels"] = np.reshape(said["pixels"], (40, 64, 3)).astype(int)
        return said

    return ask


def drag(page: Page, start: Locator, *, to: tuple[float, float]) -> None:
    """Pull the middle of an element to a point of the page, and keep holding it."""
    start.hover()
    box = start.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(*to, steps=6)


def test_every_mode_gives_pythons_pixels(
    studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """For all blend modes, over noise and a ramp with every alpha, browser and Python agree to the last bit."""
    mode = studio.get_by_label("Fabric: blend mode")
    names = mode.locator("option").all_inner_texts()
    assert names[1:] == [str(mode) for mode in BlendMode]
    seen = {}
    for name in names[1:]:
        mode.select_option(name)
        seen[name] = pixels(studio)
        said = python()
        assert said["chosen"]["layers"][2]["blend_mode"] == name
        assert np.abs(seen[name] - said["pixels"]).max() == 0, name
    assert len({picture.tobytes() for picture in seen.values()}) == len(seen)


def test_dragging_opacity_changes_the_picture_before_and_python_after_the_release(
    chromium: Page, studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """The picture follows the mouse; the stack in Python follows the release, and they agree."""
    before = pixels(studio)
    slide = studio.get_by_label("Dodge Burn: opacity")
    slide.scroll_into_view_if_needed()
    box = slide.bounding_box()
    assert box is not None
    drag(chromium, slide, to=(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2))
    during = pixels(studio)
    assert np.abs(during - before).max() > 10
    assert (during[:, :10] == before[:, :10]).all()  # where the layer has nothing
    assert python()["chosen"]["layers"][1]["opacity"] == 1
    chromium.mouse.up()
    said = python()
    assert 0.2 < said["chosen"]["layers"][1]["opacity"] < 0.4
    assert (said["pixels"] == during).all() and (pixels(studio) == during).all()


def test_visibility_and_solo(studio: Locator, python: Callable[[], dict[str, Any]]) -> None:
    """A hidden layer plays no part; a layer alone is the only one, until it is not."""
    all_of_them = pixels(studio)
    studio.get_by_label("Heal: visible").uncheck()
    assert (pixels(studio) == python()["pixels"]).all()
    alone = studio.get_by_role("button", name="Fabric: alone")
    alone.click()
    assert (pixels(studio) == python()["pixels"]).all()
    assert python()["chosen"]["solo"] == 2
    alone.click()
    studio.get_by_label("Heal: visible").check()
    assert (pixels(studio) == all_of_them).all()


def test_order_by_mouse_and_keys(
    chromium: Page, studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """A layer is dragged by its grip, or moved with arrow keys; the picture and Python follow."""
    rows = studio.locator(".retouch-studio-layer")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.layer)") == [
        "Fabric",
        "Dodge Burn",
        "Heal",
    ]
    rows.nth(2).scroll_into_view_if_needed()
    target = rows.nth(0).bounding_box()
    assert target is not None
    drag(
        chromium,
        studio.get_by_role("button", name="Heal: order"),
        to=(target["x"] + 9, target["y"] + 5),
    )
    chromium.mouse.up()
    assert [one["at"] for one in python()["chosen"]["layers"]] == [1, 2, 0]
    assert (pixels(studio) == python()["pixels"]).all()
    grip = studio.get_by_role("button", name="Heal: order")
    grip.press("ArrowDown")
    expect(grip).to_be_focused()
    expect(studio.get_by_role("status")).to_have_text("Heal is number 2 of 3 from the top.")
    assert [one["at"] for one in python()["chosen"]["layers"]] == [1, 0, 2]
    assert (pixels(studio) == python()["pixels"]).all()


def test_the_payload_is_an_estimate_of_what_is_chosen(studio: Locator) -> None:
    """The cell says that it estimates, scales the strength, and leaves out what is hidden."""
    studio.get_by_text("As a cell").click()
    text = studio.get_by_label("The cell that asks for this")
    slide = studio.get_by_label("Dodge Burn: opacity")
    slide.focus()
    slide.press("Home")
    for _ in range(6):
        slide.press("PageUp")
    studio.get_by_label("Fabric: visible").uncheck()
    opacity = (
        int(studio.locator("[data-layer='Dodge Burn'] .retouch-studio-percent").inner_text()[:-2])
        / 100
    )
    assert 0 < opacity < 1
    expect(text).to_have_value(
        "%%retouch photo\n"
        "# An estimate. Only a run confirms it.\n"
        "# Fabric is left out.\n"
        "Heal 1.0 layer\n"
        f"Dodge Burn {opacity:g} layer"
    )


def test_full_resolution_follows_the_release(
    studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """When the hand rests Python's own composite of what was chosen is shown, without being asked for."""
    studio.get_by_label("Dodge Burn: opacity").press("PageDown")
    expect(studio.get_by_role("status")).to_contain_text("Full resolution: 64 × 40")
    assert (pixels(studio) == python()["pixels"]).all()


def test_full_resolution_reset_and_a_choice_from_python(
    chromium: Page, studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """Python composites on request; a choice made there is seen; reset brings back what came."""
    given = pixels(studio)
    studio.get_by_role("button", name="Full resolution").click()
    expect(studio.get_by_role("status")).to_contain_text("Full resolution: 64 × 40")
    assert (pixels(studio) == given).all()
    chromium.evaluate(
        """() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
            { code: 'studio.adjust("heal", opacity=0.5)' }).done"""
    )
    expect(studio.locator("[data-layer='Heal'] .retouch-studio-percent")).to_have_text("50 %")
    assert (pixels(studio) == python()["pixels"]).all()
    studio.get_by_role("button", name="Reset").click()
    assert (pixels(studio) == given).all()
    assert python()["chosen"]["layers"][0]["opacity"] == 1


def test_reset_means_what_came_also_on_a_new_page(
    chromium: Page, jupyter: "Jupyter", studio: Locator, python: Callable[[], dict[str, Any]]
) -> None:
    """A page opened while the kernel lives shows what was chosen, and resets to what the service gave."""
    given = pixels(studio)
    studio.get_by_label("Heal: visible").uncheck()
    assert not python()["chosen"]["layers"][0]["visible"]
    chromium.evaluate("jupyterapp.shell.currentWidget.context.save()")
    jupyter.open(chromium, "studio.ipynb")
    expect(studio.get_by_label("Heal: visible")).not_to_be_checked()
    studio.get_by_role("button", name="Reset").click()
    expect(studio.get_by_label("Heal: visible")).to_be_checked()
    assert (pixels(studio) == given).all()
    assert python()["chosen"]["layers"][0]["visible"]


def test_a_studio_without_its_kernel_says_so(chromium: Page, studio: Locator) -> None:
    """After a restart nothing chosen would be heard: the studio says that, and takes no more."""
    chromium.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(studio.get_by_role("status")).to_contain_text("Run the cell again")
    expect(studio.get_by_role("button", name="Reset")).to_be_disabled()


def test_the_twin_is_hidden_by_a_living_view_and_stays_when_it_ends(
    chromium: Page, studio: Locator, jupyter: "Jupyter"
) -> None:
    """One of both is seen: the view while it lives, the gallery of what was chosen when it was closed, or without kernel."""
    twin = chromium.locator(".retouch-studio-twin")
    expect(twin).to_be_attached()
    expect(twin).to_be_hidden()
    chromium.evaluate("jupyterapp.commands.execute('docmanager:save')")
    chromium.evaluate(
        """() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
            { code: 'studio.close()' }).done"""
    )
    expect(studio).to_have_count(0)
    expect(chromium.get_by_text("3 layers")).to_be_visible()
    jupyter.open(chromium, "studio.ipynb")
    expect(twin.get_by_text("3 layers")).to_be_visible()


@pytest.mark.parametrize("trusted", [True, False])
def test_without_a_kernel_the_layers_are_still_to_be_seen(
    chromium: Page, jupyter: "Jupyter", studio: Locator, trusted: bool
) -> None:
    """A notebook reopened with no kernel shows the gallery of the layers, and no ruin of a widget."""
    expect(chromium.locator(".retouch-studio-twin")).to_be_attached()
    chromium.evaluate("jupyterapp.shell.currentWidget.context.save()")
    kept = nbformat.read(jupyter.folder / "studio.ipynb", 4)
    first = new_code_cell(f"# trusted: {trusted}")  # what was once signed is trusted under any name
    name = f"studio-alone-{trusted}.ipynb"
    jupyter.write(name, first, *kept.cells[:1], trusted=trusted, kernel="gone")
    jupyter.open(chromium, name)
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    expect(chromium.get_by_text("3 layers", exact=True)).to_be_visible()
    ruin = chromium.get_by_text(re.compile("Loading widget|Error displaying widget"))
    expect(ruin).not_to_be_visible()


def test_notebook_7_has_it_too(
    chromium: Page, jupyter: "Jupyter", python: Callable[[], dict[str, Any]]
) -> None:
    """The other front end opens the same studio, and Python hears of what is chosen there."""
    jupyter.write("studio7.ipynb", new_code_cell(SETUP))
    jupyter.open(chromium, "studio7.ipynb", app="notebooks")
    jupyter.run(chromium)
    studio = chromium.locator(".retouch-studio")
    expect(studio).to_have_attribute("data-drawn", "1")
    studio.get_by_label("Heal: visible").uncheck()
    assert (pixels(studio) == python()["pixels"]).all()
    assert not python()["chosen"]["layers"][0]["visible"]
