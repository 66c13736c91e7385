"""What a notebook carries and how quickly it shows: a comparison beside full-size PNGs, the studio's redraw.

Times are those of a headless Chromium without a GPU, on pages from disk. A peer is what people do without the package.
"""

import base64
import io
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from retouch_nb.blend import BlendMode
from retouch_nb.compare import compare
from retouch_nb.figure import page as whole_page
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels
from retouch_nb.widgets.studio import Studio
from tests.bench.measure import Row, table

STATIC = Path(__file__).parents[2] / "retouch_nb" / "widgets" / "static"
ROUNDS = 5


def photo(width: int, height: int, *, seed: int = 1) -> Pixels:
    """Make something with large shapes and fine grain, as a photo has."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // 90 + 2, width // 90 + 2, 3)).astype(np.uint8)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = random.normal(0, 4, (height, width, 1)).astype(np.int16)
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def changed(picture: Pixels) -> Pixels:
    """Brighten a fifth of it."""
    height, width = picture.shape[:2]
    other = picture.copy()
    part = other[height // 4 : height * 3 // 4, width // 4 : width * 2 // 3]
    part[:] = np.clip(part.astype(np.int16) + 12, 0, 255)
    return other


def as_jpeg(picture: Pixels) -> Photo:
    """Give the photo as a camera would."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=92)
    return Photo.open(buffer.getvalue())


def as_pngs(one: Photo, other: Photo) -> str:
    """Show both pictures in full, as ``display(image)`` does."""
    shown = ""
    for picture in (one, other):
        buffer = io.BytesIO()
        picture.to_pil().save(buffer, "PNG")
        coded = base64.b64encode(buffer.getvalue()).decode()
        shown += f'<img src="data:image/png;base64,{coded}" width="880">'
    return shown


def display_seconds(chromium: Page, html: str, folder: Path) -> float:
    """Time from going to the page until every picture is decoded and painted."""
    path = folder / "page.html"
    path.write_text(whole_page("bench", html), "utf-8")
    began = time.perf_counter()
    chromium.goto(path.as_uri())
    chromium.evaluate(
        """async () => {
            await Promise.all([...document.images].map(image => image.decode()));
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        }"""
    )
    return time.perf_counter() - began


def comparisons(chromium: Page, folder: Path) -> list[Row]:
    """Print bytes and seconds of both ways of showing 12 megapixels twice, and give them."""
    pixels = photo(4000, 3000)
    one, other = (as_jpeg(each) for each in (pixels, changed(pixels)))
    ways: dict[str, Callable[[], str]] = {
        "rn.compare, with difference and heat map": lambda: compare(one, other)._repr_html_(),
        "two full PNGs": lambda: as_pngs(one, other),
    }
    found = []
    for make in ways.values():
        began = time.perf_counter()
        html = make()
        made = time.perf_counter() - began
        shown = statistics.median(display_seconds(chromium, html, folder) for _ in range(ROUNDS))
        found.append((len(html) / 1e6, made, shown))
    rows = [(name, *(f"{x:.2f}" for x in row)) for name, row in zip(ways, found, strict=True)]
    head = ("two photos of 12 MP", "MB in the notebook", "s to make", "s to display")
    print(table("Comparison", head, rows))
    titles = {
        "two photos of 12 MP compared, in the notebook": "MB",
        "two photos of 12 MP compared, to make": "s",
        "two photos of 12 MP compared, to display": "s",
    }
    return [
        Row(title, ours, {"two full PNGs": theirs}, unit, readme=not title.endswith("make"))
        for (title, unit), ours, theirs in zip(titles.items(), *found, strict=True)
    ]


def stack(width: int, height: int, *, dense: bool) -> LayerStack:
    """Make nine layers: full frames, or boxes of a twentieth."""
    random = np.random.default_rng(2)
    modes = [BlendMode.NORMAL] * 5 + [BlendMode.LINEAR_LIGHT] + [BlendMode.SOFT_LIGHT] * 3
    layers = []
    for number, mode in enumerate(modes):
        pixels = np.zeros((height, width, 4), np.uint8)
        rows = slice(None) if dense else slice(height // 4, height // 2)
        columns = slice(None) if dense else slice(width // 3, width // 2)
        part = pixels[rows, columns]
        part[:] = random.integers(1, 256, part.shape, np.uint8)
        layer = Layer(name=f"{number}", png=Png.of(pixels), canvas=(width, height), blend_mode=mode)
        layers.append(layer)
    return LayerStack(Photo.open(photo(width, height)), tuple(layers))


REDRAW = """async ({ module, base, size, modes, layers, chosen, rounds }) => {
    const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
    const { makeBlender } = await import(url);
    const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const inflate = async text => new Uint8Array(await new Response(
        new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
    const tables = await inflate(modes.tables);
    const scene = {
        base: await inflate(base), width: size[0], height: size[1],
        table: new Map(modes.names.map((name, at) => [name, tables.subarray(at << 16, (at + 1) << 16)])),
        layers: await Promise.all(layers.map(async layer => ({ ...layer, pixels: await inflate(layer.pixels) }))),
    };
    const view = document.createElement("canvas").getContext("2d");
    [view.canvas.width, view.canvas.height] = size;
    const blender = makeBlender(scene);
    const frame = new ImageData(new Uint8ClampedArray(blender.pixels.buffer), ...size);
    const time = active => {
        const took = [];
        for (let round = 0; round < rounds; round++) {
            chosen[Math.max(active, 0)].opacity = 0.9 - round / 100;
            const began = performance.now();
            view.putImageData(frame, 0, 0, ...blender.blend(chosen, active));
            took.push(performance.now() - began);
        }
        return took.slice(1).sort((one, other) => one - other)[Math.floor((rounds - 1) / 2)];
    };
    return [0, 4, 8, -1].map(time);
}"""


def redraws(chromium: Page) -> list[Row]:
    """Print how long the picture takes to follow a slider, by the layer that is dragged, and give it."""
    module = (STATIC / "studio.js").read_text("utf-8")
    rows, kept = [], []
    for name, dense in (("nine full frames", True), ("nine boxes of 4 %", False)):
        studio = Studio(stack(1200, 800, dense=dense))
        text = lambda data: base64.b64encode(data).decode()  # noqa: E731 (bytes of JSON)
        given = {
            "module": module,
            "base": text(studio.base["pixels"]),
            "size": studio.base["size"],
            "modes": {"names": studio.modes["names"], "tables": text(studio.modes["tables"])},
            "layers": [{"box": one["box"], "pixels": text(one["pixels"])} for one in studio.layers],
            "chosen": studio.chosen["layers"],
            "rounds": 21,
        }
        lowest, middle, topmost, whole = chromium.evaluate(REDRAW, json.loads(json.dumps(given)))
        rows.append((name, *(f"{value:.1f}" for value in (lowest, middle, topmost, whole))))
        kept.append(
            Row(f"studio, {name}, 1200 x 800: redraw while one is dragged", middle, unit="ms")
        )
        studio.close()
    head = ("1200 x 800 preview", "ms, lowest dragged", "ms, middle", "ms, topmost", "ms, all anew")
    print(table("Studio: blending and drawing", head, rows))
    return kept


def main() -> list[Row]:
    """Print one Markdown table a topic."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        arguments = ("--disable-gpu", "--no-first-run")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments, chromium_sandbox=False
        )
        chromium = browser.new_page()
        chromium.goto("about:blank")
        live = redraws(
            chromium
        )  # before the browser is on a page from disk, which loads no modules
        rows = comparisons(chromium, Path(folder)) + live
        browser.close()
    return rows


if __name__ == "__main__":
    main()
