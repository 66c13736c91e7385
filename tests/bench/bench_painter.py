"""How late ink is, how much of a stroke is lost, and how long a mask takes: beside plain ipycanvas, on one page.

Both are drawn on by the same mouse at 60 events a second, while the kernel is idle and while a cell runs.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from nbformat.v4 import new_code_cell
from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from retouch_nb.marks import Brush
from retouch_nb.strokes import Strokes, simplified
from tests.bench.measure import Row, against, medians, table
from tests.browser import conftest as jupyter

RATE = 60
SECONDS = 2
SIZE = (1600, 1200)

SETUP = f"""
import numpy as np
import ipycanvas
import retouch_nb as rn
pixels = np.random.default_rng(0).integers(60, 200, ({SIZE[1]}, {SIZE[0]}, 3), dtype=np.uint8)
painter = rn.MaskPainter(pixels)
painter
"""
PLAIN = f"""
plain = ipycanvas.MultiCanvas(2, width={SIZE[0]}, height={SIZE[1]}, layout=dict(width="800px"))
plain[0].put_image_data(pixels, 0, 0)
down = False
def press(x, y):
    global down
    down = True
def release(x, y):
    global down
    down = False
def dab(x, y):
    if down:
        plain[1].fill_circle(x, y, 12)
plain.on_mouse_down(press)
plain.on_mouse_move(dab)
plain.on_mouse_up(release)
plain.add_class("plain")
plain
"""
BUSY = {
    "idle": "",
    "a cell sleeps": "import time\ntime.sleep(6)",
    "a cell computes": "import time\nend = time.time() + 6\nwhile time.time() < end: sum(range(10_000))",
}

# Every position the browser hears of, and every position that is drawn, with the time of both.
PROBE = """() => {
    window.heard = []; window.drawn = [];
    window.addEventListener("pointermove", event => {
        if (!event.buttons) return;
        const all = event.getCoalescedEvents();
        for (const e of all.length ? all : [event]) window.heard.push([e.clientX, e.clientY, e.timeStamp]);
    }, true);
    for (const name of ["arc", "lineTo"]) {
        const inner = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (x, y, ...rest) {
            window.drawn.push([x, y, performance.now()]);
            return inner.call(this, x, y, ...rest);
        };
    }
}"""


def main() -> list[Row]:
    """Print the tables."""
    kept = rendering()
    with lab() as page:
        page.evaluate(PROBE)
        rows = {
            (state, name): latency(page, target, code)
            for state, code in BUSY.items()
            for name, target in (
                ("ours", ".retouch-ink-stage"),
                ("plain ipycanvas", "canvas.plain"),
            )
        }
        head = ["2 s of strokes at 60 Hz", "median ms", "95 % ms", "worst ms", "drawn of heard"]
        cells = [
            (f"{name}, kernel {state}", *_summary(*row)) for (state, name), row in rows.items()
        ]
        print(table("From the event to the ink", head, cells))
        took = commits(page)
        print(table("From the release to the committed mask", ["kernel", "median ms"], took))
    for state in BUSY:
        found = {name: rows[state, name] for name in ("ours", "plain ipycanvas")}
        kept += _late(state, found)
    return kept + [
        Row(f"mask after the release, {state}", float(ms), unit="ms") for state, ms in took
    ]


def _late(state: str, found: Mapping[str, tuple[list[float], int]]) -> list[Row]:
    """Give how late ink is, and the share of positions that become ink at all."""
    late = {name: statistics.median(delays) for name, (delays, _) in found.items() if delays}
    drawn = {name: len(delays) / max(heard, 1) for name, (delays, heard) in found.items()}
    readme = state == "a cell computes"
    rows = [
        Row(
            f"positions of the mouse that become ink, {state}",
            drawn["ours"],
            against("ours", drawn),
            "",
        )
    ]
    if "ours" in late:
        what = f"ink after the mouse moved, {state}"
        rows.append(Row(what, late["ours"], against("ours", late), "ms", readme))
    return rows


def rendering() -> list[Row]:
    """Time the mask of one stroke on a photo of 4096 x 4096 pixels."""
    turn = np.linspace(0, 2 * np.pi, 250)
    circle = np.column_stack([2048 + 1200 * np.cos(turn), 2048 + 1200 * np.sin(turn)])
    strokes = Strokes((4096, 4096), [Brush(simplified(circle.tolist(), 0.4), 120)])
    corners = [tuple(p) for p in circle.tolist()]

    def joined() -> np.ndarray[Any, Any]:
        image = Image.new("L", (4096, 4096))
        ImageDraw.Draw(image).line(corners, fill=255, width=120, joint="curve")
        return np.asarray(image) > 0

    y, x = np.ogrid[:4096, :4096]
    true = np.abs(np.hypot(x + 0.5 - 2048, y + 0.5 - 2048) - 1200) <= 60
    rivals = {"ours": lambda: strokes.mask().pixels, "ImageDraw.line, joint=curve": joined}
    times = medians(rivals, rounds=9)
    rows = [
        (n, f"{1000 * times[n]:.1f}", int((true & ~call()).sum())) for n, call in rivals.items()
    ]
    title = "the mask of one stroke of 250 samples, 4096 x 4096"
    print(table(title, ["", "ms", "pixels missing"], rows))
    return [Row(title, 1000 * times.pop("ours"), {n: 1000 * t for n, t in times.items()}, "ms")]


@contextmanager
def lab() -> Iterator[Page]:
    """Open a notebook with both canvases in a JupyterLab of its own."""
    import shutil
    import subprocess

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, notebooks = Path(folder), Path(folder) / "notebooks"
        notebooks.mkdir()
        jupyter._write_settings(home / "settings")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(
            jupyter._command(notebooks), env=jupyter._environment(home), **quiet
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=jupyter.QUIET, chromium_sandbox=False
        )
        try:
            desk = jupyter.Jupyter(jupyter._address(home, server), notebooks, home)
            page = browser.new_page(viewport={"width": 1200, "height": 1900})
            desk.write("bench.ipynb", new_code_cell(SETUP), new_code_cell(PLAIN))
            desk.open(page, "bench.ipynb")
            desk.run(page)
            page.locator("canvas.plain").wait_for(timeout=90_000)
            page.locator(".retouch-ink-root[data-step='0']").wait_for()
            yield page
        finally:
            browser.close()
            server.terminate()
            server.wait(30)


def execute(page: Page, code: str) -> None:
    """Begin to run code in the kernel; `finish` waits for its end."""
    page.evaluate(
        "code => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;"
        " window.running = kernel.requestExecute({ code }).done; }",
        code,
    )


def finish(page: Page) -> None:
    """Wait for the end of what runs."""
    page.evaluate("window.running")


def latency(page: Page, target: str, code: str) -> tuple[list[float], int]:
    """Draw circles for two seconds; give the delays of positions that were drawn, and how many were heard."""
    place = page.locator(target)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box
    if code:
        execute(page, code)
    page.evaluate("() => { window.heard.length = window.drawn.length = 0 }")
    circle(page, box)
    if code:
        finish(page)
    page.wait_for_timeout(1500)
    heard, drawn = json.loads(page.evaluate("JSON.stringify([window.heard, window.drawn])"))
    return _matched(page, target, heard, drawn), len(heard)


def circle(page: Page, box: Any) -> None:
    """Pull the mouse along a spiral, no place twice, at a steady pace."""
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = 0.35 * box["height"]
    turns = np.linspace(0.1, 4 * np.pi, RATE * SECONDS)
    page.mouse.move(middle[0] + radius, middle[1])
    page.mouse.down()
    begun = time.perf_counter()
    for i, turn in enumerate(turns):
        time.sleep(max(0.0, begun + i / RATE - time.perf_counter()))
        now = radius * (1 - turn / (8 * np.pi))
        page.mouse.move(middle[0] + now * np.cos(turn), middle[1] + now * np.sin(turn))
    page.mouse.up()


def _matched(page: Page, target: str, heard: Any, drawn: Any) -> list[float]:
    """Find for every position heard the first drawing of it, and give the delays in milliseconds."""
    canvas = "canvas.plain" if "plain" in target else "canvas.retouch-easel"
    left, top, width = page.locator(canvas).evaluate(
        "e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width] }"
    )
    scale = SIZE[0] / width
    delays = []
    for x, y, at in heard:
        where = (x - left) * scale, (y - top) * scale
        times = [
            t - at for a, b, t in drawn if np.hypot(a - where[0], b - where[1]) < 1.5 and t >= at
        ]
        if times:
            delays.append(min(times))
    return delays


def _summary(delays: list[float], heard: int) -> tuple[str, str, str, str]:
    if not delays:
        return "-", "-", "-", f"0 of {heard}"
    late = sorted(delays)[min(len(delays) - 1, int(0.95 * len(delays)))]
    return (
        f"{statistics.median(delays):.1f}",
        f"{late:.1f}",
        f"{max(delays):.1f}",
        f"{len(delays)} of {heard}",
    )


def commits(page: Page) -> list[tuple[str, str]]:
    """Time the way to Python and back for short strokes."""
    root = page.locator(".retouch-ink-root")
    box = page.locator(".retouch-ink-stage").bounding_box()
    assert box
    rows = []
    for state, code in BUSY.items():
        if code:
            execute(page, code)
        times = []
        for i in range(8):
            step = root.get_attribute("data-step")
            page.mouse.move(box["x"] + 100 + 20 * i, box["y"] + 100)
            page.mouse.down()
            page.mouse.move(box["x"] + 120 + 20 * i, box["y"] + 200)
            done = page.evaluate_handle(
                """([root, step]) => ({ promise: new Promise(resolve => {
                    let from; window.addEventListener("pointerup", () => (from = performance.now()), { once: true, capture: true });
                    new MutationObserver((_, o) => { if (root.dataset.step !== step) { o.disconnect(); resolve(performance.now() - from); } })
                        .observe(root, { attributes: true });
                }) })""",
                [root.element_handle(), step],
            )
            page.mouse.up()
            times.append(done.evaluate("o => o.promise"))
        rows.append((state, f"{statistics.median(times):.0f}"))
        if code:
            finish(page)
    return rows


if __name__ == "__main__":
    main()
