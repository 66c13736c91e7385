"""Compositing and layered files: ours against whole-frame numpy, psd-tools, blend_modes and pyvips.

Blending is measured on decoded layers, so that only the blending counts; whole stacks from their PNGs.
Peers that lack Linear Light blend another mode of the same cost instead. Pass ``--large`` for 250 MP.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from retouch_nb.blend import LARGE_JOB, BlendMode, Sheet, lay_onto
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.placement import Affine
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels
from tests.bench.measure import PATIENCE, Row, against, medians, peak, seconds_of, table

MODES = [BlendMode.NORMAL] * 5 + [BlendMode.LINEAR_LIGHT] + [BlendMode.SOFT_LIGHT] * 3
SPARSE = [0.25, 0.1, 0.05, 0.02, 0.01, 0.01, 0.2, 0.2, 0.004]
MATRIX = [
    [0.4455783679764828, -0.02047812768493906, -1237.0406014820285],
    [0.02047812768493906, 0.4455783679764828, -516.8577587088067],
]


def picture(width: int, height: int, *, channels: int, seed: int) -> Pixels:
    """Make something between noise and a gradient, as a photo is."""
    small = np.random.default_rng(seed).integers(
        0, 256, (height // 4 + 1, width // 4 + 1, channels)
    )
    large = cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return large.reshape(height, width, channels)


def dense(width: int, height: int) -> list[Sheet]:
    """Make nine layers with some ink everywhere."""
    layers = [picture(width, height, channels=4, seed=seed) for seed in range(9)]
    for layer in layers:
        np.maximum(layer[..., 3], 1, out=layer[..., 3])
    return [Sheet(layer, mode) for layer, mode in zip(layers, MODES, strict=True)]


def sparse(width: int, height: int) -> list[Sheet]:
    """Make nine full-frame layers with ink in a box of 0.4 to 25 per cent."""
    sheets = []
    for seed, (share, mode) in enumerate(zip(SPARSE, MODES, strict=True)):
        w, h = int(width * share**0.5), int(height * share**0.5)
        layer = np.zeros((height, width, 4), np.uint8)
        top, left = (height - h) // 3, (width - w) // 2
        layer[top : top + h, left : left + w] = picture(w, h, channels=4, seed=seed)
        sheets.append(Sheet(layer, mode))
    return sheets


def whole_frame(base: Pixels, sheets: list[Sheet]) -> Pixels:
    """Blend as a notebook would: float32, one layer after the other, no tiles."""
    out = base.astype(np.float32) / 255
    for sheet in sheets:
        layer = sheet.pixels[..., :3].astype(np.float32) / 255
        alpha = sheet.pixels[..., 3:].astype(np.float32) / 255
        match sheet.mode:
            case BlendMode.LINEAR_LIGHT:
                layer = np.clip(out + 2 * layer - 1, 0, 1)
            case BlendMode.SOFT_LIGHT:
                reach = np.where(layer <= 0.5, out - out * out, np.sqrt(out) - out)
                layer = out + (2 * layer - 1) * reach
        out = out + (layer - out) * alpha
    return (out * 255 + 0.5).astype(np.uint8)


def with_psd_tools() -> Callable[[Pixels, list[Sheet]], Pixels] | None:
    """Blend with the functions psd-tools composites with, without its overhead."""
    try:
        from psd_tools.composite.blend import BLEND_FUNC
        from psd_tools.constants import BlendMode as PsdMode
    except ImportError:
        return None

    def run(base: Pixels, sheets: list[Sheet]) -> Pixels:
        out = base.astype(np.float32) / 255
        for sheet in sheets:
            layer = sheet.pixels[..., :3].astype(np.float32) / 255
            alpha = sheet.pixels[..., 3:].astype(np.float32) / 255
            out = out + (BLEND_FUNC[PsdMode[sheet.mode.name]](out, layer) - out) * alpha
        return (out * 255 + 0.5).astype(np.uint8)

    return run


def with_blend_modes() -> Callable[[Pixels, list[Sheet]], Pixels] | None:
    """Blend with blend_modes; its grain merge stands in for Linear Light."""
    try:
        from blend_modes import blending_functions as theirs
    except ImportError:
        return None
    modes = {
        BlendMode.NORMAL: theirs.normal,
        BlendMode.LINEAR_LIGHT: theirs.grain_merge,
        BlendMode.SOFT_LIGHT: theirs.soft_light,
    }

    def run(base: Pixels, sheets: list[Sheet]) -> Pixels:
        out = np.dstack([base, np.full(base.shape[:2], 255, np.uint8)]).astype(float)
        for sheet in sheets:
            out = modes[sheet.mode](out, sheet.pixels.astype(float), 1.0)
        return out[..., :3].astype(np.uint8)

    return run


def with_pyvips() -> Callable[[Pixels, list[Sheet]], Pixels] | None:
    """Blend with libvips; its hard light stands in for Linear Light."""
    try:
        import pyvips
    except ImportError:
        return None
    modes = {
        BlendMode.NORMAL: "over",
        BlendMode.LINEAR_LIGHT: "hard-light",
        BlendMode.SOFT_LIGHT: "soft-light",
    }

    def image(pixels: Pixels) -> "pyvips.Image":
        opened = pyvips.Image.new_from_array(pixels)
        return opened.copy(interpretation="srgb")

    def run(base: Pixels, sheets: list[Sheet]) -> Pixels:
        layers = [image(base), *(image(sheet.pixels) for sheet in sheets)]
        flat = layers[0].composite(layers[1:], [modes[sheet.mode] for sheet in sheets])
        return flat[:3].cast("uchar").numpy()

    return run


def ours(base: Pixels, sheets: list[Sheet], *, compiled: bool) -> Pixels:
    """Blend on a copy, in numpy or with numba."""
    canvas = base.copy()
    lay_onto(canvas, sheets, work=LARGE_JOB if compiled else 0)
    return canvas


Contest = dict[str, Callable[[], object]]
OURS = "ours, numba"


def rivals(base: Pixels, sheets: list[Sheet], *, slow: bool) -> tuple[Contest, list[str]]:
    """Give the contestants, and the names of those that are not installed; the slow ones take long."""
    peers = {"pyvips": with_pyvips()}
    if slow:
        peers |= {"numpy, whole frame": whole_frame, "psd-tools' blending": with_psd_tools()}
        peers |= {"blend_modes": with_blend_modes()}
    found: Contest = {
        OURS: lambda: ours(base, sheets, compiled=True),
        "ours, numpy": lambda: ours(base, sheets, compiled=False),
    }
    found |= {name: partial(peer, base, sheets) for name, peer in peers.items() if peer}
    return found, [name for name, peer in peers.items() if not peer]


def blending(
    title: str, size: tuple[int, int], make: Callable[..., list[Sheet]], *, slow: bool = False
) -> list[Row]:
    """Time the contestants on nine decoded layers; the slow ones once, and their memory in the same run."""
    base, sheets = picture(*size, channels=3, seed=99), make(*size)
    contest, missing = rivals(base, sheets, slow=slow)
    memory: dict[str, float] = {}
    seconds = {
        name: seconds_of(lambda name=name, call=call: memory.update({name: peak(call)}))
        for name, call in contest.items()
    }
    quick = {name: call for name, call in contest.items() if seconds[name] < PATIENCE}
    seconds |= medians(quick, rounds=3)
    rows = [
        (
            name,
            f"{seconds[name]:.2f}",
            f"{seconds[name] / seconds[OURS]:.1f}",
            f"{memory[name]:.0f}",
        )
        for name in contest
    ]
    print(table(title, ("method", "s", "times ours on numba", "MB above the inputs"), rows))
    return [
        Row(title, seconds[OURS], against(OURS, seconds, *missing), readme=slow),
        Row(f"{title}, memory", memory[OURS], against(OURS, memory, *missing), "MB", slow),
    ]


def stack_of(
    width: int, height: int, make: Callable[..., list[Sheet]], *, count: int
) -> LayerStack:
    """Encode a photo and layers as a service would send them."""
    base = Photo.open(picture(width, height, channels=3, seed=99))
    layers = [
        Layer(
            name=f"{number}",
            png=Png.of(sheet.pixels),
            canvas=(width, height),
            blend_mode=sheet.mode,
        )
        for number, sheet in enumerate((make(width, height) * 2)[:count])
    ]
    return LayerStack(base, tuple(layers))


def stacks() -> list[Row]:
    """Composite and save whole stacks, decoding and reading back included."""
    sizes = [("40 MP, 9 sparse", 7542, 5304)]
    sizes += [("250 MP, 9 sparse", 20_000, 12_500)] if "--large" in sys.argv else []
    found: dict[str, Callable[[], object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        for title, width, height in sizes:
            found[f"composite, {title}"] = stack_of(width, height, sparse, count=9).to_numpy
        for kind, make in (("sparse", sparse), ("dense", dense)):
            stack = stack_of(4000, 3000, make, count=10)
            found[f"PSD, 12 MP, 10 {kind}"] = partial(stack.save_psd, path)
            found[f"OpenRaster, 12 MP, 10 {kind}"] = partial(stack.save_ora, path)
        rows = [row for what, call in found.items() for row in _stack(what, call)]
    lines = [(one.what, f"{one.ours:.2f}", f"{two.ours:.0f}") for one, two in pairwise(rows)]
    print(table("Whole stacks, from PNGs", ("what", "s", "MB above the stack"), lines[::2]))
    return rows


def _stack(what: str, call: Callable[[], object]) -> list[Row]:
    memory: list[float] = []
    seconds = seconds_of(lambda: memory.append(peak(call)))
    return [Row(what, seconds), Row(f"{what}, memory", *memory, unit="MB")]


def placement() -> list[Row]:
    """Measure how long placing the published patch takes on its 40-megapixel photo."""
    patch = Png.of(picture(1024, 512, channels=4, seed=1))
    layer = Layer(
        name="Glasses Anti Glare",
        png=patch,
        canvas=(7542, 5304),
        kind="patch",
        blend_mode=BlendMode.LINEAR_LIGHT,
        placement=Affine.of(MATRIX),
    )
    canvas = np.full((5304, 7542, 3), 120, np.uint8)

    def place() -> None:
        (sheet,) = layer.sheets(5304)
        lay_onto(canvas, [sheet] if sheet else [])

    row = Row(
        "glasses patch on 7542 x 5304, placed and blended", medians({"": place}, rounds=3)[""]
    )
    print(table("Glasses patch", ("what", "s"), [(row.what, f"{row.ours:.2f}")]))
    return [row]


def main() -> list[Row]:
    """Print one Markdown table a topic."""
    ours(picture(99, 99, channels=3, seed=0), dense(99, 99), compiled=True)  # compiles
    return [
        *blending("nine full layers, 6 MP", (3000, 2000), dense, slow=True),
        *blending("nine full layers, 24 MP", (6000, 4000), dense),
        *blending("nine sparse layers, 24 MP", (6000, 4000), sparse),
        *placement(),
        *stacks(),
    ]


if __name__ == "__main__":
    main()
