"""What a Retouch4me job delivers: one flat picture, or a ZIP with a PNG for each layered task and ``result.json``.

The vendor does not publish its whole pattern of names. Ours keep what the page fixes (plug-in, ``blendmode=``, the
end ``patch.png``) and begin with the task's index, so that the order of the layers can be read off them.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retouch_nb.engine.pictures import Picture, Pixels, encode
from retouch_nb.engine.store import Product

RESULT = "result.json"
JSON_VERSION, WRITER_VERSION = "1", "1.055"
"""The page's own; the second is that of the vendor's program, which has written nothing here."""

NO_PICTURE = ("Face Detection", "Crop")
"""Plug-ins that yield facts and no layer; their facts stand below ``metadata``, as in the page's sample."""

MODES: Mapping[str, str] = {
    "Skin Mask": "",
    "Dodge Burn": "softLight",
    "Skin Tone": "softLight",
    "Portrait Volumes": "softLight",
    "Face Lifting": "flow",
    "Glasses Anti Glare": "linearLight",
}
"""The blend mode by plug-in where it is not Normal; for a layer that says its own, that one holds."""


def flat(photo: Picture, made: Any, /, *, jpeg: bool, notes: Iterable[str] = ()) -> Product:
    """Encode the flat picture: a JPEG where one was asked for in so many words, else as the photo was.

    Transparency is kept where the picture still has the photo's size and is a PNG.
    """
    fits = made.flat.shape[:2] == photo.pixels.shape[:2]
    alpha = photo.alpha if fits and not jpeg else None
    lost = ["The transparency of the photo was left out."] if alpha is not photo.alpha else []
    result = Picture(made.flat, alpha, photo.profile, lossy=jpeg or photo.lossy)
    return encode(result, notes=[*notes, *_notes(made), *lost])


def layered(
    photo: Picture,
    made: Any,
    /,
    *,
    notes: Iterable[str] = (),
    check: Callable[[], None] = lambda: None,
) -> Product:
    """Pack the layers into a ZIP; what has no picture to deliver still has its facts in ``result.json``."""
    file = io.BytesIO()
    facts = [_fact(step) for step in made.steps if step.metadata]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for step in made.steps:
            check()  # a large layer takes a second, in which nobody may want it any more
            if step.layered and step.plugin not in NO_PICTURE:
                archive.writestr(file_name(step), _png(step, photo))
        if facts or not archive.namelist():
            archive.writestr(RESULT, _result(facts))
    return Product(file.getvalue(), "application/zip", ".zip", {"notes": [*notes, *_notes(made)]})


def file_name(step: Any) -> str:
    """Name the file of a layered task: ``05_Dodge Burn_blendmode=softLight.png``."""
    mode = _mode(step)
    parts = [f"{step.index:02}", step.plugin, *([f"blendmode={mode}"] if mode else [])]
    if step.patch is not None and step.patch.kind == "patch":
        parts.append("patch")
    return "_".join(parts) + ".png"


def _mode(step: Any) -> str:
    if step.patch is None or step.patch.kind in ("mask", "flow"):
        return MODES.get(step.plugin, "normal")
    mode: str = step.patch.blend_mode.camel
    return mode


def _png(step: Any, photo: Picture) -> bytes:
    """Encode a layer at the photo's size, transparent (a mask: black) outside; packed ones at their own."""
    patch, size = step.patch, photo.pixels.shape[:2]
    if patch is None:  # nothing was found to work on
        pixels: Pixels = np.zeros(size if step.plugin == "Skin Mask" else (*size, 4), np.uint8)
    elif patch.kind in ("patch", "flow"):
        pixels = patch.pixels
    else:
        pixels = framed(patch.pixels, patch.offset, size)
    file = io.BytesIO()
    profile = photo.profile if pixels.ndim == 3 else None
    Image.fromarray(pixels).save(file, "PNG", compress_level=1, icc_profile=profile)
    return file.getvalue()


def framed(pixels: Pixels, offset: tuple[int, int], size: tuple[int, ...]) -> Pixels:
    """Lay a part at its offset (x, y) on an empty sheet of a size (height, width), cut at its edges."""
    sheet: NDArray[np.uint8] = np.zeros((*size, *pixels.shape[2:]), np.uint8)
    x, y = offset
    part = pixels[max(0, -y) : max(0, size[0] - y), max(0, -x) : max(0, size[1] - x)]
    left, top = max(0, x), max(0, y)
    sheet[top : top + part.shape[0], left : left + part.shape[1]] = part
    return sheet


def _fact(step: Any) -> dict[str, Any]:
    facts = dict(step.metadata)
    if step.plugin in NO_PICTURE and "metadata" not in facts:
        facts = {"metadata": facts}
    return facts | {"operationIndex": step.index, "pluginName": step.plugin}


def _result(facts: list[dict[str, Any]]) -> str:
    plugins = sorted(facts, key=lambda fact: fact["operationIndex"])
    result = {"jsonVersion": JSON_VERSION, "plugins": plugins, "qwVersion": WRITER_VERSION}
    return json.dumps(result, indent=2, sort_keys=True, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    """Turn what numpy left in the facts into what JSON has."""
    return value.tolist()


def _notes(made: Any) -> list[str]:
    """Join the notes of the whole and of its steps, which may already be among them with their plug-in's name."""
    steps = (note for step in made.steps for note in step.notes)
    fresh = [note for note in steps if not any(told.endswith(note) for told in made.notes)]
    return list(dict.fromkeys([*made.notes, *fresh]))
