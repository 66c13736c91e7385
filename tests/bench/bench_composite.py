"""Compositing and layered files: ours against whole-frame numpy, psd-tools, blend_modes and pyvips.

Blending is measured on decoded layers, so that only the blending counts; whole stacks from their PNGs.
Peers that lack Linear Light blend another mode of the same cost instead. Pass ``--large`` for 250 MP.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from retouch_nb.blend import LARGE_JOB, BlendMode, Sheet, lay_onto
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.placement import Affine
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels
from tests.bench.measure import medians, table

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


def peak(call: Callable[[], object]) -> str:
    """Run once and tell how far memory rose above where it stood, in MB; Linux only."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        call()
        return "–"
    before = _status("VmRSS")
    call()
    return f"{max(0, _status('VmHWM') - before) / 1000:.0f}"


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def ours(base: Pixels, sheets: list[Sheet], *, compiled: bool) -> Pixels:
    """Blend on a copy, in numpy or with numba."""
    canvas = base.copy()
    lay_onto(canvas, sheets, work=LARGE_JOB if compiled else 0)
    return canvas


def rivals(base: Pixels, sheets: list[Sheet], *, slow: bool) -> dict[str, Callable[[], object]]:
    """Give the contestants; the slow ones take most of a minute each."""
    found: dict[str, Callable[[], object]] = {
        "ours, numba": lambda: ours(base, sheets, compiled=True),
        "ours, numpy": lambda: ours(base, sheets, compiled=False),
    }
    peers = {"pyvips": with_pyvips()}
    if slow:
        peers |= {"numpy, whole frame": whole_frame, "psd-tools": with_psd_tools()}
        peers |= {"blend_modes": with_blend_modes()}
    for name, peer in peers.items():
        if peer:
            found[name] = lambda peer=peer: peer(base, sheets)
    return found


def blending(title: str, width: int, height: int, make: Callable[..., list[Sheet]]) -> None:
    """Time the contestants on nine decoded layers."""
    base, sheets = picture(width, height, channels=3, seed=99), make(width, height)
    contest = rivals(base, sheets, slow=make is dense)
    seconds = medians(contest, rounds=1 if make is dense else 3)
    best = seconds["ours, numpy"]
    rows = [
        (name, f"{seconds[name]:.2f}", f"{seconds[name] / best:.1f}", peak(contest[name]))
        for name in contest
    ]
    print(table(title, ("method", "s", "times ours on numpy", "MB above the inputs"), rows))


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


def stacks() -> None:
    """Composite and save whole stacks, decoding and reading back included."""
    rows = []
    sizes = [("40 MP, 9 sparse", 7542, 5304)]
    sizes += [("250 MP, 9 sparse", 20_000, 12_500)] if "--large" in sys.argv else []
    for title, width, height in sizes:
        stack = stack_of(width, height, sparse, count=9)
        rows.append((f"composite, {title}", *_timed(stack.to_numpy)))
    for kind, make in (("sparse", sparse), ("dense", dense)):
        rows += files(f"12 MP, 10 {kind}", stack_of(4000, 3000, make, count=10))
    print(table("Whole stacks, from PNGs", ("what", "s", "MB above the stack"), rows))


def files(title: str, stack: LayerStack) -> list[tuple[str, str, str]]:
    """Save layered files, which includes reading them back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        return [
            (f"PSD, {title}", *_timed(lambda: stack.save_psd(path))),
            (f"OpenRaster, {title}", *_timed(lambda: stack.save_ora(path))),
        ]


def _timed(call: Callable[[], object]) -> tuple[str, str]:
    start = time.perf_counter()
    memory = peak(call)
    return f"{time.perf_counter() - start:.2f}", memory


def placement() -> None:
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

    seconds = medians({"place": place}, rounds=3)["place"]
    print(
        table(
            "Glasses patch on 7542 x 5304", ("what", "s"), [("place and blend", f"{seconds:.2f}")]
        )
    )


def main() -> None:
    """Print one Markdown table a topic."""
    blending("9 dense layers, 24 MP", 6000, 4000, dense)
    blending("9 sparse layers, 24 MP", 6000, 4000, sparse)
    blending("9 sparse layers, 40 MP", 7542, 5304, sparse)
    placement()
    stacks()


if __name__ == "__main__":
    main()
