"""The painter in real front ends: real mouse, touch, pen and keys, and the mask they leave in Python."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Jupyter

pytestmark = pytest.mark.browser

SETUP = """
import numpy as np
import retouch_nb as rn
from retouch_nb.imaging import shape

rn.session.current().settings.backend = "local"
photo = np.full((400, 600, 3), 90, np.uint8)
photo[:, :, 1] += np.arange(600, dtype=np.uint16).astype(np.uint8)[None] // 8
photo[240:320, 420:540] = (220, 190, 40)
photo = rn.Photo.open(photo)
painter = rn.MaskPainter(photo, retain=True)

def off(painter, *marks, slack=1.5):
    "Give the share of pixels that are wrong, beyond what an outline may be off."
    got, wanted = painter.mask.pixels, rn.Strokes((600, 400), marks).mask(photo=photo).pixels
    near = shape.grow(wanted, slack) & ~shape.grow(wanted, -slack)
    return float(((got ^ wanted) & ~near).sum()) / max(1, wanted.sum())
"""
SHOW = "painter"
OTHER = "other = rn.MaskPainter(photo)\nother"


@dataclass
class Hand:
    """A painter on a page, and a hand that knows where on it a pixel of the photo lies."""

    page: Page
    number: int = 0
    view: tuple[float, float, float] = (1, 0, 0)

    @property
    def root(self) -> Locator:
        return self.page.locator(".retouch-ink-root").nth(self.number)

    @property
    def stage(self) -> Locator:
        return self.root.locator(".retouch-ink-stage")

    def look(self) -> "Hand":
        """Learn where the photo lies, from the canvas below."""
        self.stage.scroll_into_view_if_needed()
        easel = self.page.locator("canvas.retouch-easel").nth(self.number)
        box = easel.evaluate(
            "e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width] }"
        )
        self.view = (box[2] / 600, box[0], box[1])
        return self

    def at(self, x: float, y: float) -> tuple[float, float]:
        scale, left, top = self.view
        return left + x * scale, top + y * scale

    def key(self, key: str) -> None:
        self.stage.focus()
        self.page.keyboard.press(key)

    def drag(self, *points: tuple[float, float], release: bool = True) -> None:
        """Press the mouse at the first point, pull it along the others, in pixels of the photo."""
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(*point), steps=6)
        if release:
            mouse.up()

    def steps(self, count: int) -> None:
        """Wait until Python has painted so many steps."""
        expect(self.root).to_have_attribute("data-step", str(count))

    def begin(self, name: str = "painter") -> None:
        """Begin anew, with nothing to undo."""
        ask(
            self.page,
            f"{name}._history.__init__(type({name}._history.now).blank(photo)); {name}._show_again()",
        )
        self.steps(0)
        self.root.get_by_role("button", name="Fit").click()
        self.key("b")
        self.root.get_by_role("slider", name="Size").fill("25")
        self.look()


def ask(page: Page, code: str) -> str:
    """Run code in the notebook's kernel and give what it prints."""
    return page.evaluate(
        """async code => {
            const notebook = window.jupyterapp.shell.currentWidget;
            const future = notebook.sessionContext.session.kernel.requestExecute({ code, store_history: false });
            let printed = "";
            future.onIOPub = ({ header, content }) => {
                if (header.msg_type === "stream") printed += content.text;
                if (header.msg_type === "error") printed += content.ename + ": " + content.evalue;
            };
            await future.done;
            return printed.trim();
        }""",
        code,
    )


def off(page: Page, *marks: str, name: str = "painter") -> float:
    """Measure how far the mask is from what these marks draw."""
    return float(ask(page, f"print(off({', '.join([name, *marks])}))"))


@pytest.fixture(scope="module")
def live(jupyter: "Jupyter", browser: Browser) -> Iterator[Hand]:
    """Give the first of two painters in a notebook whose kernel lives and whose outputs are saved."""
    jupyter.write("painter.ipynb", *map(new_code_cell, (SETUP, SHOW, OTHER)))
    page = _page(browser, 1)
    jupyter.open(page, "painter.ipynb")
    jupyter.run(page)
    page.locator(".retouch-ink-root").nth(1).wait_for()
    Hand(page, 1).steps(0)
    save(page)
    yield Hand(page).look()
    page.context.close()


@pytest.fixture(scope="module", params=[1, 1.5, 2])
def again(
    request: pytest.FixtureRequest, jupyter: "Jupyter", browser: Browser, live: Hand
) -> Iterator[Hand]:
    """Give the same painter on a page with this pixel ratio, opened while the kernel lives."""
    page = _page(browser, request.param)
    jupyter.open(page, "painter.ipynb")
    page.locator(".retouch-ink-root").first.wait_for()
    yield Hand(page).look()
    page.context.close()


def _page(browser: Browser, ratio: float) -> Page:
    page = browser.new_page(
        viewport={"width": 1200, "height": 1000}, device_scale_factor=ratio, has_touch=True
    )
    page.set_default_timeout(60_000)
    return page


def save(page: Page) -> None:
    """Save the notebook."""
    page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")


def brush(hand: Hand) -> list[str]:
    hand.drag((60, 60), (200, 80), (220, 200))
    return ["rn.Brush([(60, 60), (200, 80), (220, 200)], 25)"]


def eraser(hand: Hand) -> list[str]:
    marks = brush(hand)
    hand.key("e")
    hand.drag((130, 40), (130, 120))
    return [*marks, "rn.Brush([(130, 40), (130, 120)], 25, erase=True)"]


def box(hand: Hand) -> list[str]:
    hand.key("r")
    hand.drag((300, 50), (380, 120))
    return ["rn.Box(300, 50, 80, 70)"]


def subtracted(hand: Hand) -> list[str]:
    marks = box(hand)
    hand.key("x")
    hand.drag((320, 60), (340, 100))
    hand.key("x")
    return [*marks, "rn.Box(320, 60, 20, 40, erase=True)"]


def polygon(hand: Hand) -> list[str]:
    hand.key("p")
    corners = [(60, 250), (200, 240), (240, 330), (100, 360)]
    for corner in corners:
        hand.page.mouse.click(*hand.at(*corner))
    hand.page.mouse.click(*hand.at(61, 251))
    return [f"rn.Lasso({corners})"]


def lasso(hand: Hand) -> list[str]:
    hand.key("l")
    corners = [(300, 200), (400, 190), (390, 300), (280, 310)]
    hand.drag(*corners)
    return [f"rn.Lasso({corners})"]


def wand(hand: Hand) -> list[str]:
    hand.key("w")
    hand.page.mouse.click(*hand.at(480, 280))
    return ["rn.Box(420, 240, 120, 80)"]


def around(hand: Hand) -> list[str]:
    hand.key("o")
    hand.drag((405, 225), (555, 335))
    return ["rn.Box(420, 240, 120, 80)"]


def clicked(hand: Hand) -> list[str]:
    hand.key("o")
    hand.page.mouse.click(*hand.at(480, 280))
    return ["rn.Box(420, 240, 120, 80)"]


TOOLS = (brush, eraser, box, subtracted, polygon, lasso, wand, around, clicked)


def test_every_tool_paints_where_it_points(again: Hand) -> None:
    """At this pixel ratio each tool leaves the mask that its points say, fitted and zoomed in."""
    hand = again
    for paint in TOOLS:
        hand.begin()
        marks = paint(hand)
        hand.steps(2 if paint in (eraser, subtracted) else 1)
        assert off(hand.page, *marks) == 0, paint.__name__
    hand.begin()
    for _ in range(4):
        hand.page.mouse.move(*hand.at(130, 70))
        hand.page.mouse.wheel(0, -150)
    hand.page.wait_for_function(
        "() => document.querySelector('canvas.retouch-easel').getBoundingClientRect().width > 1100"
    )
    hand.look()
    hand.drag((100, 60), (160, 60), (160, 90))
    hand.steps(1)
    assert off(hand.page, "rn.Brush([(100, 60), (160, 60), (160, 90)], 25)") == 0


def test_a_reloaded_page_shows_what_was_painted(
    jupyter: "Jupyter", browser: Browser, live: Hand
) -> None:
    """The kernel lives: a page opened anew shows photo, mask and state, and painting goes on."""
    live.begin()
    box(live)
    live.steps(1)
    page = _page(browser, 1)
    jupyter.open(page, "painter.ipynb")
    new = Hand(page)
    new.steps(1)
    colour = """([e, x, y]) => [...e.getContext("2d").getImageData(x, y, 1, 1).data]"""
    easel = page.locator("canvas.retouch-easel").first.element_handle()
    page.wait_for_function(f"(...a) => ({colour})(...a)[0] > 150", arg=[easel, 340, 80])
    assert page.evaluate(colour, [easel, 100, 100])[0] == pytest.approx(90, abs=4)
    new.look().drag((60, 60), (200, 80))
    new.steps(2)
    page.context.close()
    live.steps(2)


def test_a_stroke_ends_where_the_button_is_released_outside(live: Hand) -> None:
    """Beside the canvas the stroke goes on and ends; moving on without a button paints nothing."""
    live.begin()
    live.drag((500, 100), (590, 100), (700, 100))
    live.page.mouse.move(*live.at(500, 300))
    live.page.mouse.move(*live.at(300, 300))
    live.steps(1)
    assert off(live.page, "rn.Brush([(500, 100), (700, 100)], 25)") == 0


def cdp(page: Page) -> CDPSession:
    return page.context.new_cdp_session(page)


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    """Put fingers on the screen, move or lift them."""
    fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


def test_fingers_paint_and_two_of_them_zoom(live: Hand) -> None:
    """One finger paints; two move and enlarge the photo and leave no mark."""
    live.begin()
    session = cdp(live.page)
    touch(session, "touchStart", live.at(100, 100))
    for x in range(110, 210, 10):
        touch(session, "touchMove", live.at(x, 100))
    touch(session, "touchEnd")
    live.steps(1)
    assert off(live.page, "rn.Brush([(100, 100), (200, 100)], 25)") == 0
    before = live.view[0]
    touch(session, "touchStart", live.at(280, 200))
    touch(session, "touchStart", live.at(280, 200), live.at(320, 200))
    for i in range(1, 9):
        touch(session, "touchMove", live.at(280 - 10 * i, 200), live.at(320 + 10 * i, 200))
    touch(session, "touchEnd")
    live.page.wait_for_function(
        f"() => document.querySelector('canvas.retouch-easel').getBoundingClientRect().width > {900 * before}"
    )
    assert ask(live.page, "print(len(painter.strokes.marks))") == "1"


def test_a_finger_sets_corners_where_it_touches(live: Hand) -> None:
    """A finger comes down without having moved there: each corner of a polygon is where it was, the last one too."""
    live.begin()
    live.root.get_by_role("button", name="Polygon").click()
    session = cdp(live.page)
    corners = [(60, 250), (200, 240), (240, 330), (100, 360)]
    for corner in [*corners, (61, 251)]:
        touch(session, "touchStart", live.at(*corner))
        touch(session, "touchEnd")
    live.steps(1)
    assert off(live.page, f"rn.Lasso({corners})") == 0


@pytest.mark.parametrize("tool", ["Polygon", "Wand", "Object", "Brush"])
def test_two_fingers_leave_no_mark_with_any_tool(live: Hand, tool: str) -> None:
    """The first of two fingers neither selects nor sets a corner: what came before is continued as if nothing were."""
    live.begin()
    live.root.get_by_role("button", name=tool).first.click()
    session = cdp(live.page)
    touch(session, "touchStart", live.at(480, 280))
    touch(session, "touchStart", live.at(480, 280), live.at(500, 280))
    touch(session, "touchMove", live.at(470, 280), live.at(520, 280))
    touch(session, "touchEnd")
    live.root.get_by_role("button", name="Fit").click()
    live.look()
    live.key("p")
    corners = [(60, 250), (200, 240), (240, 330)]
    for corner in corners:
        live.page.mouse.click(*live.at(*corner))
    live.page.keyboard.press("Enter")
    live.steps(1)
    assert off(live.page, f"rn.Lasso({corners})") == 0


def test_a_hand_beside_the_pen_paints_nothing(live: Hand) -> None:
    """While a pen is down, fingers are the hand that holds it; the stroke goes on."""
    live.begin()
    session = cdp(live.page)

    def pen(kind: str, x: float) -> None:
        left, top = live.at(x, 200)
        place = {"x": left, "y": top, "button": "left", "buttons": 1, "clickCount": 1}
        event = {"type": kind, "pointerType": "pen", "force": 1, **place}
        session.send("Input.dispatchMouseEvent", event)

    pen("mousePressed", 100)
    pen("mouseMoved", 200)
    touch(session, "touchStart", live.at(400, 350))
    pen("mouseMoved", 300)
    touch(session, "touchEnd")
    pen("mouseReleased", 300)
    live.steps(1)
    assert off(live.page, "rn.Brush([(100, 200), (300, 200)], 25)") == 0


def test_a_change_of_mind_in_the_middle_of_a_shape(live: Hand) -> None:
    """Another mode counts for an open outline, Ctrl+Z takes its last corner back, another tool keeps a stroke."""
    live.begin()
    live.key("r")
    live.drag((50, 50), (250, 250))
    live.key("p")
    for corner in [(60, 60), (200, 60), (300, 300)]:
        live.page.mouse.click(*live.at(*corner))
    live.key("Control+z")
    live.key("x")
    for corner in [(200, 200), (60, 200)]:
        live.page.mouse.click(*live.at(*corner))
    live.page.keyboard.press("Enter")
    live.key("x")
    live.steps(2)
    hole = "rn.Lasso([(60, 60), (200, 60), (200, 200), (60, 200)], erase=True)"
    assert off(live.page, "rn.Box(50, 50, 200, 200)", hole) == 0
    live.key("b")
    live.drag((300, 300), (400, 300), release=False)
    live.page.keyboard.press("r")
    live.page.mouse.up()
    live.steps(3)
    assert "rn.Brush" in ask(live.page, "print(painter.strokes)")


def test_a_pen_paints_as_hard_as_it_presses(live: Hand) -> None:
    """The stroke of a pen is as wide as its pressure says, from its beginning to its end."""
    live.begin()
    session = cdp(live.page)

    def pen(kind: str, x: float, force: float) -> None:
        left, top = live.at(x, 200)
        event = {
            "type": kind,
            "x": left,
            "y": top,
            "button": "left",
            "buttons": 1,
            "pointerType": "pen",
        }
        session.send("Input.dispatchMouseEvent", {**event, "force": force, "clickCount": 1})

    pen("mousePressed", 100, 0.2)
    for i in range(1, 21):
        pen("mouseMoved", 100 + 10 * i, 0.2 + 0.04 * i)
    pen("mouseReleased", 300, 1.0)
    live.steps(1)
    widths = json.loads(
        ask(live.page, "print(painter.mask.pixels.sum(axis=0)[[110, 200, 290]].tolist())")
    )
    assert widths == pytest.approx([25 * 0.24, 25 * 0.6, 25 * 0.96], abs=2.5)


def test_every_tool_works_by_keyboard(live: Hand) -> None:
    """Arrow keys and Space paint with each tool; nothing but keys is used."""

    def go(*moves: str) -> None:
        for move in moves:
            name, _, count = move.partition("*")
            for _ in range(int(count or 1)):
                live.page.keyboard.press(name)

    begun = [("b", "Brush"), ("e", "Brush"), ("l", "Lasso"), ("r", "Box")]
    for key, kind in begun:
        live.begin()
        live.key(key)
        go("ArrowLeft*3", "Space", "ArrowRight*6", "ArrowDown*4", "ArrowLeft*3", "Space")
        live.steps(1)
        assert kind in ask(live.page, "print(painter.strokes)")
    live.begin()
    live.key("p")
    go("Space", "ArrowRight*5", "Space", "ArrowDown*5", "Space", "ArrowLeft*5", "Enter")
    live.steps(1)
    assert "Lasso" in ask(live.page, "print(painter.strokes)")
    for key, kind in [("w", "Flood"), ("o", "Pick")]:
        live.begin()
        live.key(key)
        go("ArrowDown", "Enter")
        live.steps(1)
        assert kind in ask(live.page, "print(painter.strokes)")
    go("Control+z")
    live.steps(0)
    go("Control+Shift+z")
    live.steps(1)


def test_the_keyboard_is_never_trapped(live: Hand) -> None:
    """Escape drops an open polygon and then leaves the stage; Tab leaves it too; every control has a name."""
    live.begin()
    live.key("p")
    live.page.mouse.click(*live.at(100, 100))
    live.page.keyboard.press("Escape")
    live.page.keyboard.press("Escape")
    expect(live.stage).not_to_be_focused()
    live.stage.focus()
    live.page.keyboard.press("Tab")
    expect(live.stage).not_to_be_focused()
    assert ask(live.page, "print(len(painter.strokes.marks))") == "0"
    unnamed = """root => [...root.querySelectorAll("button, input")].filter(
        e => !e.hidden && !e.getAttribute("aria-label") && !e.closest("label")?.textContent.trim()).length"""
    assert live.root.evaluate(unnamed) == 0


def test_size_follows_brackets_and_dragging(live: Hand) -> None:
    """Each tool keeps its own size; the round cursor is as large as the brush on the photo."""
    live.begin()
    cursor = live.root.locator(".retouch-ink-cursor")
    live.page.mouse.move(*live.at(200, 200))
    size = lambda: cursor.evaluate("e => e.getBoundingClientRect().width") / live.view[0]  # noqa: E731
    first = size()
    live.key("]")
    assert size() > first
    live.page.keyboard.down("Alt")
    live.drag((200, 200), (240, 200))
    live.page.keyboard.up("Alt")
    assert size() == pytest.approx(first * 1.15 + 0.5 + 80, abs=3)
    live.key("e")
    assert size() == pytest.approx(first, abs=0.5)
    live.key("b")


def test_painters_do_not_disturb_each_other(live: Hand) -> None:
    """Two painters in one notebook keep their own masks, also when painted in turn."""
    other = Hand(live.page, 1)
    live.begin()
    box(live)
    other.begin("other")
    polygon(other)
    other.steps(1)
    live.look()
    live.key("r")
    live.drag((20, 20), (60, 60))
    live.steps(2)
    assert off(live.page, "rn.Box(300, 50, 80, 70)", "rn.Box(20, 20, 40, 40)") == 0
    assert (
        off(live.page, "rn.Lasso([(60, 250), (200, 240), (240, 330), (100, 360)])", name="other")
        == 0
    )


def test_strokes_arrive_while_a_cell_runs(live: Hand) -> None:
    """A busy cell hinders nothing: ink is drawn, and Python hears of it before the cell is over."""
    live.begin()
    running = """code => { window.busy = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }); }"""
    live.page.evaluate(
        running,
        "import time\nend = time.time() + 30\n"
        "while time.time() < end and len(painter.strokes.marks) < 2: time.sleep(0.02)\n"
        "heard = end - time.time() > 0",
    )
    live.drag((60, 60), (200, 80))
    live.steps(1)
    live.drag((60, 260), (200, 280))
    live.steps(2)
    live.page.evaluate("window.busy.done")
    assert ask(live.page, "print(heard)") == "True"


def test_space_pans_in_the_middle_of_a_stroke(live: Hand) -> None:
    """While the button is down, Space moves the photo below the pointer, and the stroke goes on from there."""
    live.begin()
    live.drag((100, 100), (150, 100), release=False)
    live.page.keyboard.down("Space")
    live.page.mouse.move(*live.at(200, 150))
    live.page.keyboard.up("Space")
    live.page.mouse.move(*live.at(250, 150))
    live.page.mouse.up()
    live.steps(1)
    assert off(live.page, "rn.Brush([(100, 100), (200, 100)], 25)") == 0


def test_remove_goes_on_with_the_result(live: Hand) -> None:
    """The button removes what is painted, shows before and after below, and leaves a painter for the next round."""
    live.begin()
    live.key("r")
    live.drag((410, 230), (550, 330))
    live.steps(1)
    live.root.get_by_role("button", name="Remove", exact=False).first.click()
    expect(live.page.locator(".retouch-painter .retouch-slide").first).to_be_visible(timeout=60_000)
    live.steps(2)
    assert (
        ask(
            live.page,
            "print(len(painter.rounds), painter.photo is painter.rounds[0].after, painter.mask.coverage)",
        )
        == "1 True 0.0"
    )
    assert int(ask(live.page, "print(painter.photo.to_numpy()[280, 480, 0])")) < 120
    expect(live.root).to_contain_text("after round 1")
    live.look()
    box(live)
    live.steps(3)
    for _ in range(2):
        live.key("Control+z")
    live.steps(1)
    assert (
        ask(
            live.page,
            "print(len(painter.rounds), painter.photo is photo, len(painter.strokes.marks))",
        )
        == "0 True 1"
    )


def test_trouble_is_said_where_one_looks(live: Hand) -> None:
    """An empty mask and one of more than half of the photo are told in the widget, and nothing is lost."""
    live.begin()
    alert = live.root.locator(".retouch-ink-trouble[role=alert]")
    live.root.get_by_role("button", name="Remove", exact=False).first.click()
    expect(alert).to_contain_text("Nothing is painted yet")
    live.key("r")
    live.drag((2, 2), (598, 300))
    expect(alert).to_contain_text("More than half")
    live.key("Control+z")
    live.steps(0)
    expect(alert).to_be_empty()


def test_a_slider_pulled_fast_is_not_drawn_late(live: Hand) -> None:
    """Of two hundred values that a slider passes Python draws the few it can; the last counts, and is one step to undo."""
    live.begin()
    box(live)
    live.steps(1)
    ask(live.page, "drawn = []; painter._ink.observe(lambda _: drawn.append(0), 'status')")
    slide = live.root.get_by_role("slider", name="Grow")
    slide.evaluate(
        """input => { for (let i = 0; i <= 200; i++) { input.value = i % 21; input.dispatchEvent(new Event("input")); } }"""
    )
    live.steps(2)
    for _ in range(200):
        if ask(live.page, "print(painter.strokes.grow)") == "11.0":  # 200 % 21
            break
    expect(slide).to_have_value("11")
    assert 0 < int(ask(live.page, "print(len(drawn))")) < 10
    live.key("Control+z")
    live.steps(1)
    expect(slide).to_have_value("0")


def test_a_file_too_large_for_a_page_is_not_sent(live: Hand) -> None:
    """A server drops such a message without a word, so the painter says it, and how it can be done."""
    live.begin()
    box(live)
    live.steps(1)
    large = {"name": "large.png", "mimeType": "image/png", "buffer": bytes(9_500_000)}
    live.root.locator("input[type=file]").set_input_files(large)
    alert = live.root.locator(".retouch-ink-trouble[role=alert]")
    expect(alert).to_contain_text('painter.load("large.png")')
    live.key("Control+z")
    live.steps(0)
    expect(alert).to_be_empty()


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_a_painter_without_its_kernel_says_so(chromium: Page, jupyter: "Jupyter", app: str) -> None:
    """After a restart nothing painted would be kept: the painter says that, and takes no more."""
    jupyter.write("restart.ipynb", *map(new_code_cell, (SETUP, SHOW)))
    jupyter.open(chromium, "restart.ipynb", app=app)
    jupyter.run(chromium)
    hand = Hand(chromium)
    hand.steps(0)
    chromium.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    alert = hand.root.locator(".retouch-ink-trouble[role=alert]")
    expect(alert).to_contain_text("Run the cell again")
    expect(hand.stage).to_have_js_property("inert", True)


def test_the_painter_works_in_notebook_7(jupyter: "Jupyter", browser: Browser, live: Hand) -> None:
    """The same notebook in Notebook 7: mouse and keys paint the same mask."""
    live.begin()
    page = _page(browser, 1)
    jupyter.open(page, "painter.ipynb", app="notebooks")
    hand = Hand(page)
    hand.steps(0)
    hand.look()
    polygon(hand)
    live.steps(1)
    assert off(live.page, "rn.Lasso([(60, 250), (200, 240), (240, 330), (100, 360)])") == 0
    page.context.close()


@pytest.mark.parametrize("trusted", [True, False])
def test_without_a_kernel_the_mask_is_still_to_be_seen(
    chromium: Page, jupyter: "Jupyter", live: Hand, trusted: bool
) -> None:
    """A notebook reopened with no kernel shows the photo with its mask, and no ruin of a widget."""
    live.begin()
    box(live)
    live.steps(1)
    ask(live.page, "painter._twins.write()")
    save(live.page)
    notebook = nbformat.read(jupyter.folder / "painter.ipynb", 4)
    first = new_code_cell(f"# trusted: {trusted}")  # what was once signed is trusted under any name
    cells = [first, *notebook.cells[:2]]
    jupyter.write(f"alone-{trusted}.ipynb", *cells, trusted=trusted, kernel="gone")
    jupyter.open(chromium, f"alone-{trusted}.ipynb")
    chromium.locator(".jp-Dialog button", has_text="No Kernel").click()
    picture = chromium.get_by_alt_text(re.compile("photo with its mask: 2.3 % subject"))
    expect(picture).to_be_visible()
    expect(
        chromium.get_by_text(re.compile("Loading widget|Error displaying widget"))
    ).not_to_be_visible()
    seen = picture.evaluate(
        """img => { const c = document.createElement("canvas"); c.width = 600; c.height = 400;
        const g = c.getContext("2d"); g.drawImage(img, 0, 0, 600, 400); return [...g.getImageData(340, 85, 1, 1).data]; }"""
    )
    assert seen[0] > 140
