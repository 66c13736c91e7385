"""The door to the plug-ins: tasks as they come over the wire, one after the other, on one photo.

Layers come first: every step is made as an 8-bit layer on what is there so far and laid on it at once, so
the flat picture *is* the composite of its layers.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from retouch_nb.blend import BlendMode, Sheet, lay_onto
from retouch_nb.errors import UnknownNameError
from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.note import Note, marked
from retouch_nb.imaging.portrait.backdrop import clean_backdrop
from retouch_nb.imaging.portrait.colour import color_correction
from retouch_nb.imaging.portrait.crop import crop
from retouch_nb.imaging.portrait.detection import face_detection
from retouch_nb.imaging.portrait.dust import dust
from retouch_nb.imaging.portrait.eyes import eye_brilliance, eye_vessels
from retouch_nb.imaging.portrait.fabric import fabric
from retouch_nb.imaging.portrait.glare import glasses_anti_glare, placed
from retouch_nb.imaging.portrait.heal import heal
from retouch_nb.imaging.portrait.lifting import face_lifting
from retouch_nb.imaging.portrait.made import Made, Outcome, Patch, Pixels, Settings, Step
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.portrait.skin import (
    dodge_burn,
    mattifier,
    portrait_volumes,
    skin_mask,
    skin_tone,
)
from retouch_nb.imaging.portrait.teeth import white_teeth

Result: TypeAlias = Outcome | Patch | Pixels | None


@dataclass(frozen=True)
class Plugin:
    """A plug-in: what does its work, and whether it can do nothing at all without a face."""

    work: Callable[[Scene, Pixels, Settings], Result]
    needs_face: bool = True


PLUGINS: Mapping[str, Plugin] = {
    "Skin Mask": Plugin(skin_mask),
    "Clean Backdrop": Plugin(clean_backdrop, needs_face=False),
    "Heal": Plugin(heal),
    "Fabric": Plugin(fabric, needs_face=False),
    "Dust": Plugin(dust, needs_face=False),
    "Eye Vessels": Plugin(eye_vessels),
    "Eye Brilliance": Plugin(eye_brilliance),
    "White Teeth": Plugin(white_teeth),
    "Mattifier": Plugin(mattifier),
    "Dodge Burn": Plugin(dodge_burn),
    "Skin Tone": Plugin(skin_tone),
    "Portrait Volumes": Plugin(portrait_volumes),
    "Face Detection": Plugin(face_detection, needs_face=False),
    "Face Lifting": Plugin(face_lifting),
    "Glasses Anti Glare": Plugin(glasses_anti_glare),
    "Color Correction": Plugin(color_correction, needs_face=False),
    "Crop": Plugin(crop, needs_face=False),
}
"""Every plug-in by the name its vendor gives it, in the vendor's order."""


def perform(
    pixels: Pixels,
    tasks: Sequence[Settings],
    /,
    *,
    progress: Progress = ignore_progress,
    at: Callable[[str], None] = lambda name: None,
    note: Note | None = None,
) -> Made:
    """Retouch a photo by a list of tasks.

    Parameters
    ----------
    pixels : ndarray of uint8, (height, width, 3)
        RGB photo; not changed.
    tasks : sequence of mapping
        As on the wire, e.g. ``{"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0, "Layer": 1}``; checked
        before, so wrong values are not looked for here.
    progress : callable
        Told the share of the tasks done.
    at : callable
        Told the name of the plug-in that begins.
    note : callable, optional
        Told what each plug-in made, see `retouch_nb.imaging.note`.

    Returns
    -------
    Made
        The flat picture; with a layer for every task that asked for one.

    Raises
    ------
    UnknownNameError
        For a plug-in that is not in `PLUGINS`.

    Notes
    -----
    Masks and flows asked for as layers are delivered and not applied, so that all layers fit the
    photo as it was given.

    Examples
    --------
    >>> photo = np.full((64, 64, 3), 128, np.uint8)
    >>> made = perform(photo, [{"Plugin": "Heal", "Alpha1": 1.0}])
    >>> made.notes
    ('Heal: no frontal face was found: nothing was changed',)
    """
    chosen = [_plugin(str(task["Plugin"])) for task in tasks]
    current, scene, steps = pixels.copy(), Scene(pixels), []
    if note:
        _tell_faces(note, scene, pixels)
    for index, (task, plugin) in enumerate(zip(tasks, chosen, strict=True)):
        progress(index / len(tasks))
        at(str(task["Plugin"]))
        outcome = _outcome(plugin, scene, current, task)
        if isinstance(outcome.result, np.ndarray):
            current = outcome.result.copy()
            scene = Scene(outcome.result)
        else:
            _lay(current, outcome)
        steps.append(_step(index, task, outcome))
        if note:
            _tell_step(note, plugin, task, outcome, current)
    progress(1.0)
    notes = dict.fromkeys(f"{step.plugin}: {note}" for step in steps for note in step.notes)
    return Made(current, tuple(steps), tuple(notes))


def _tell_faces(note: Note, scene: Scene, pixels: Pixels) -> None:
    seen, count = np.zeros(pixels.shape[:2], bool), len(scene.faces)
    for face in scene.faces:
        left, top, right, bottom = (max(0, round(edge)) for edge in face.box)
        seen[top:bottom, left:right] = True
    words = f"{count or 'No'} frontal face{'' if count == 1 else 's'} found; most plug-ins work on faces, measured in eye distances."
    note("Faces", words, marked(pixels, seen))


def _tell_step(
    note: Note, plugin: Plugin, task: Settings, outcome: Outcome, current: Pixels
) -> None:
    """Tell a plug-in's layer as it is, or why there is none, and the picture with it."""
    name, about = str(task["Plugin"]), (inspect.getdoc(plugin.work) or "").partition("\n")[0]
    amounts = ", ".join(f"{key} {value}" for key, value in task.items() if key != "Plugin")
    words = " ".join(filter(None, [about, f"({amounts})" if amounts else "", *outcome.notes]))
    if isinstance(outcome.result, Patch):
        note(
            f"{name}: its layer",
            f"{words} Laid on as {outcome.result.blend_mode}.",
            outcome.result.pixels,
        )
        note(
            f"{name}: laid on",
            "The photo so far, around the layer.",
            _near(outcome.result, current),
        )
    elif outcome.result is None:
        note(name, words)
    else:
        note(name, words, current)


def _near(patch: Patch, current: Pixels) -> Pixels:
    """Cut out what a layer touches, with some air around it."""
    (left, top), (height, width) = patch.offset, patch.pixels.shape[:2]
    air = max(60, max(height, width) // 4)
    return current[max(0, top - air) : top + height + air, max(0, left - air) : left + width + air]


def _plugin(name: str) -> Plugin:
    if name not in PLUGINS:
        raise UnknownNameError.among(name, PLUGINS, what="plug-in")
    return PLUGINS[name]


def _outcome(plugin: Plugin, scene: Scene, current: Pixels, task: Settings) -> Outcome:
    if plugin.needs_face and not scene.faces:
        return Outcome(notes=("no frontal face was found: nothing was changed",))
    result = plugin.work(scene, current, task)
    outcome = result if isinstance(result, Outcome) else Outcome(result)
    if task.get("Layer") and isinstance(outcome.result, np.ndarray):
        outcome = replace(outcome, result=_opaque(outcome.result))
    empty = outcome.result is None and outcome.metadata is None and not outcome.notes
    if empty and task.get("Layer"):
        return Outcome(notes=("there was nothing to change, so there is no layer",))
    return outcome


def _opaque(picture: Pixels) -> Patch:
    """Make a layer of a whole new picture, for what has no layer of its own and is asked for one."""
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return Patch(np.concatenate([picture, alpha], axis=2), (0, 0), BlendMode.NORMAL)


def _lay(current: Pixels, outcome: Outcome) -> None:
    """Lay a layer on the picture, in place; masks and flows change nothing."""
    match outcome:
        case Outcome(result=Patch(kind="patch") as patch, metadata={"faces": [face]}):
            matrix = np.array(face["glassesAntiGlarePatchMatrix"])
            if layer := placed(patch.pixels, matrix, current.shape[:2]):
                _lay_layer(current, layer)
        case Outcome(result=Patch(kind="layer") as layer):
            _lay_layer(current, layer)


def _lay_layer(current: Pixels, layer: Patch) -> None:
    """Only the layer's own box is visited, for most layers are small and photos large."""
    (left, top), (height, width) = layer.offset, layer.pixels.shape[:2]
    box = current[top : top + height, left : left + width]
    lay_onto(box, [Sheet(layer.pixels, layer.blend_mode)])


def _step(index: int, task: Settings, outcome: Outcome) -> Step:
    layered = bool(task.get("Layer"))
    patch = outcome.result if layered and isinstance(outcome.result, Patch) else None
    metadata = dict(outcome.metadata) if outcome.metadata is not None else None
    return Step(index, str(task["Plugin"]), layered, patch, metadata, outcome.notes)
