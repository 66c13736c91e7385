"""What plug-ins give: a patch to lay on the picture, a whole new picture, or only numbers and words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode

Pixels: TypeAlias = NDArray[np.uint8]
Settings: TypeAlias = Mapping[str, Any]
"""One task as on the wire, e.g. ``{"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0}``."""


@dataclass(frozen=True, eq=False)
class Patch:
    """One layer.

    Attributes
    ----------
    pixels : ndarray of uint8, (height, width, 4) or (height, width)
        RGB with straight alpha; a mask has one plane.
    offset : tuple of int
        Left and top of the layer in the photo.
    blend_mode : BlendMode
        How it meets what is below.
    kind : str
        "layer"; "mask" (a selection: not laid on the picture), "flow" (displacements: neither),
        "patch" (placed by the matrix in the step's metadata).
    """

    pixels: Pixels = field(repr=False)
    offset: tuple[int, int]
    blend_mode: BlendMode = BlendMode.NORMAL
    kind: str = "layer"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one plug-in did to the picture.

    Attributes
    ----------
    result : Patch, ndarray or None
        A layer; or the whole new picture, for what is no layer (it may have another size); or
        nothing.
    metadata : mapping or None
        What the plug-in's entry in ``result.json`` holds besides its name and index.
    notes : tuple of str
        What the user should know: what was skipped and why.
    """

    result: Patch | Pixels | None = None
    metadata: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Step:
    """What one task of a recipe gave.

    Attributes
    ----------
    index : int
        Which task, from 0.
    plugin : str
        Its plug-in.
    layered : bool
        Whether it was asked for as a layer of its own.
    patch : Patch or None
        The layer, if asked for and if there was anything to do.
    metadata : dict or None
        What its entry in ``result.json`` holds besides name and index.
    notes : tuple of str
        What was skipped and why.
    """

    index: int
    plugin: str
    layered: bool
    patch: Patch | None = None
    metadata: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Made:
    """What a recipe gave.

    Attributes
    ----------
    flat : ndarray of uint8, (height, width, 3)
        All steps applied, one after the other.
    steps : tuple of Step
        One for each task.
    notes : tuple of str
        Everything the steps said, each once, after the name of the plug-in.
    """

    flat: Pixels = field(repr=False)
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
