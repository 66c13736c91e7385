"""What a layered result's file names and ``result.json`` mean: plug-ins, modes, order, places.

The idea: the vendor does not publish its naming in full, so every rule here has a fallback, and
whatever had to be assumed or left out is a sentence in the notes.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from retouch_nb.blend import BlendMode, letters
from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.layers.archive import Archive, File, refused
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.placement import Affine

MODES: dict[str, BlendMode | None] = {
    "Skin Mask": None,
    "Clean Backdrop": None,
    "Heal": BlendMode.NORMAL,
    "Fabric": BlendMode.NORMAL,
    "Dust": None,
    "Eye Vessels": BlendMode.NORMAL,
    "Eye Brilliance": BlendMode.NORMAL,
    "White Teeth": BlendMode.NORMAL,
    "Mattifier": None,
    "Dodge Burn": BlendMode.SOFT_LIGHT,
    "Skin Tone": BlendMode.SOFT_LIGHT,
    "Portrait Volumes": BlendMode.SOFT_LIGHT,
    "Face Lifting": None,
    "Glasses Anti Glare": BlendMode.LINEAR_LIGHT,
    "Color Correction": None,
}
"""Retouch4me's plug-ins that can yield a layer, in the recommended order; documented modes."""

MATRIX = "glassesAntiGlarePatchMatrix"

Record = dict[str, Any]


def plugin_of(file: str) -> str:
    """Find the plug-in named in a file name; empty when none is.

    Examples
    --------
    >>> plugin_of("03_DodgeBurn_blendmode=softLight.png")
    'Dodge Burn'
    """
    for text in (_title(file), file):
        named = [plugin for plugin in MODES if letters(plugin) in letters(text)]
        if named:
            return max(named, key=len)
    return ""


def mode_text(file: str) -> str:
    """Find what stands behind ``blendmode=`` in a file name; empty when nothing does."""
    found = re.search(r"blendmode=([^.]*)", file, re.IGNORECASE)
    return found[1].strip(" _-") if found else ""


def mode_of(file: str) -> BlendMode | None:
    """Find the blend mode a file name gives; None when it gives none that is known.

    Examples
    --------
    >>> mode_of("Glasses Anti Glare blendmode=linear-light_patch.png")
    <BlendMode.LINEAR_LIGHT: 'Linear Light'>
    """
    words = re.split(r"[ _-]+", mode_text(file))
    for count in range(min(len(words), 4), 0, -1):  # "linearLight_patch": the mode is what is left
        try:
            return BlendMode(" ".join(words[:count]))
        except UnknownNameError:
            continue
    return None


def read_layers(
    archive: Archive, canvas: tuple[int, int], tasks: Sequence[str]
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Make layers of an archive, in the order of their tasks.

    Parameters
    ----------
    archive : Archive
        As `read_zip` gives it.
    canvas : tuple of int
        Width and height of the photo.
    tasks : sequence of str
        The plug-ins of the request in order; empty when not known.

    Returns
    -------
    layers, notes
        Notes are sentences about what was assumed or left out.

    Raises
    ------
    PictureError
        The layers belong to a photo of another size.
    ProtocolError
        ``result.json`` holds sizes, matrices or opacities that make no sense.
    """
    _check_geometry(archive.result, canvas)
    layers: list[Layer] = []
    notes = list(archive.notes)
    seen: Counter[str] = Counter()
    for file in _in_order(archive.files, tasks, notes):
        plugin = plugin_of(file.name)
        title = plugin or _title(file.name)
        seen[title] += 1
        name = title if seen[title] == 1 else f"{title} {seen[title]}"
        record = _record(archive.result, plugin, seen[title] - 1)
        layer, note = _layer(name, file, canvas, record)
        layers.append(_edited(layer, archive.result, file.name))
        notes += [note] if note else []
    return tuple(layers), tuple(notes)


def _title(file: str) -> str:
    """Cut the number in front and the mode behind off a file name."""
    stem = re.split("blendmode=", PurePath(file).stem, flags=re.IGNORECASE)[0]
    return re.sub(r"^\s*\d+[ _-]*", "", stem).strip(" _-") or PurePath(file).stem


def _in_order(files: Sequence[File], tasks: Sequence[str], notes: list[str]) -> list[File]:
    numbers = [_number(file.name) for file in files]
    numbered = None not in numbers and len(set(numbers)) == len(numbers)
    ranked = sorted(files, key=lambda file: _number(file.name) or 0) if numbered else list(files)
    if tasks:
        places = _places(ranked, [letters(task) for task in tasks])
        return [ranked[index] for index in sorted(range(len(ranked)), key=places.__getitem__)]
    if not numbered and len(files) > 1:
        notes.append(
            "The ZIP does not tell the order of its layers; the vendor's usual one was taken."
        )
        usual = [*MODES, ""]
        return sorted(ranked, key=lambda file: usual.index(plugin_of(file.name)))
    return ranked


def _number(file: str) -> int | None:
    found = re.match(r"\s*(\d{1,6})(?!\d)", file)
    return int(found[1]) if found else None


def _places(files: Sequence[File], tasks: Sequence[str]) -> list[int]:
    """Give the n-th layer of a plug-in the place of its n-th task."""
    waiting: defaultdict[str, list[int]] = defaultdict(list)
    for place, task in enumerate(tasks):
        waiting[task].append(place)
    plugins = [letters(plugin_of(file.name)) for file in files]
    return [waiting[name].pop(0) if waiting[name] else len(tasks) for name in plugins]


def _layer(name: str, file: File, canvas: tuple[int, int], record: Record) -> tuple[Layer, str]:
    """Make one layer, and a note when it is not simply composited."""
    plugin, written = plugin_of(file.name), letters(mode_text(file.name))
    plain = Layer(name=name, png=file.png, canvas=canvas, plugin=plugin, blend_mode=None)
    if plugin == "Face Lifting" or written.startswith("flow"):
        note = f"{name!r} moves pixels; how it is encoded is not published, so it is only kept."
        return replace(plain, kind="flow", placement=None), note
    if _is_patch(file, plugin, record, canvas):
        mode = mode_of(file.name) or MODES[plugin]
        return _patch(replace(plain, kind="patch", blend_mode=mode, placement=None), record)
    if file.png.size != canvas:
        raise _wrong_photo(f"The layer {name!r} is", file.png.size, canvas)
    if plugin == "Skin Mask" or written in {"mask", "none"}:
        return replace(plain, kind="mask"), ""
    return _with_mode(plain, file.name)


def _with_mode(layer: Layer, file: str) -> tuple[Layer, str]:
    """Take the mode from the file name, else the plug-in's, else Normal for a known plug-in."""
    text = mode_text(file)
    if mode := mode_of(file) if text else MODES.get(layer.plugin):
        return replace(layer, blend_mode=mode), ""
    if layer.plugin and not text:
        note = f"The mode of {layer.name!r} is not documented; Normal was taken."
        return replace(layer, blend_mode=BlendMode.NORMAL), note
    reason = f"its blend mode {text!r} is not known" if text else "it names no blend mode"
    return _left_out(layer, f"{reason}; choose one: stack.adjust({layer.name!r}, blend_mode=...)")


def _left_out(layer: Layer, reason: str) -> tuple[Layer, str]:
    return layer, f"{layer.name!r} was left out: {reason}."


def _is_patch(file: File, plugin: str, record: Record, canvas: tuple[int, int]) -> bool:
    if plugin != "Glasses Anti Glare":
        return False
    packed = record.get("layoutMode") == "patch" and file.png.size != canvas
    return packed or letters(PurePath(file.name).stem).endswith("patch")


def _patch(layer: Layer, record: Record) -> tuple[Layer, str]:
    """Place a patch, if it is the patch of one face and we are told where it belongs."""
    faces: Any = record.get("faces")
    if reason := _unplaced(faces, layer.size):
        return _left_out(layer, reason)
    try:
        return replace(layer, placement=Affine.of(faces[0][MATRIX])), ""
    except ParameterError as error:
        raise refused(f"result.json cannot be trusted: {error}") from error


def _unplaced(faces: Any, size: tuple[int, int]) -> str:
    """Say why a patch cannot be placed; nothing when it can."""
    if not isinstance(faces, list) or not all(isinstance(face, dict) for face in faces):
        return "result.json does not say where the patch belongs"
    if len(faces) != 1:
        return (
            f"it packs the patches of {len(faces)} faces, and how is not published; "
            "ask for LayoutMode 'full' instead"
        )
    if faces[0].get(MATRIX) is None:
        return "result.json gives no matrix for the patch"
    told = _size(faces[0], "patchWidth", "patchHeight")
    return (
        f"result.json speaks of a patch of {told[0]} x {told[1]}" if told and told != size else ""
    )


def _edited(layer: Layer, result: Record, file: str) -> Layer:
    """Apply the opacity and visibility that `LayerStack.save_zip` noted."""
    kept = result.get("layers")
    edits = kept.get(file) if isinstance(kept, dict) else None
    if not isinstance(edits, dict):
        return layer
    opacity, visible = edits.get("opacity", 1.0), edits.get("visible", True)
    try:
        return replace(layer, opacity=float(opacity), visible=bool(visible))
    except (TypeError, ValueError, OverflowError) as error:
        raise refused(f"result.json gives {file!r} an opacity that is none.") from error


def _records(result: Record) -> list[Record]:
    plugins = result.get("plugins")
    return (
        [record for record in plugins if isinstance(record, dict)]
        if isinstance(plugins, list)
        else []
    )


def _record(result: Record, plugin: str, which: int) -> Record:
    """Find a plug-in's n-th record, counted in the order of the tasks; empty when there is none."""
    own = [
        record
        for record in _records(result)
        if plugin and letters(_text(record.get("pluginName"))) == letters(plugin)
    ]
    own.sort(key=lambda record: _task_index(record.get("operationIndex")))
    return own[which] if which < len(own) else {}


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _task_index(value: object) -> int:
    return value if isinstance(value, int) else 1 << 30


def _check_geometry(result: Record, canvas: tuple[int, int]) -> None:
    for record in _records(result):
        size = _size(record, "originalWidth", "originalHeight")
        if size and size != canvas:
            raise _wrong_photo("The layers were made for a photo of", size, canvas)


def _size(record: Record, width: str, height: str) -> tuple[int, int] | None:
    """Read two sizes of a record; None when absent."""
    pair = [record.get(width), record.get(height)]
    if pair == [None, None]:
        return None
    if not all(isinstance(side, int | float) and 1 <= side < 1e6 for side in pair):
        raise refused(f"result.json gives {width} and {height} as what is no size.")
    return int(pair[0]), int(pair[1])  # type: ignore[arg-type]


def _wrong_photo(what: str, size: tuple[int, int], canvas: tuple[int, int]) -> PictureError:
    return PictureError(
        f"{what} {size[0]} x {size[1]}; the photo given is {canvas[0]} x {canvas[1]}.",
        advice="Pass the photo exactly as it was uploaded, neither scaled nor turned.",
    )
