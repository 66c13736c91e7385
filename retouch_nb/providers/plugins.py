"""Retouch4me's plug-ins, each declared once, in the order its vendor recommends."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retouch_nb.errors import ParameterError
from retouch_nb.params import UNSET, Param, Range

_UNIT, DOUBLE = Range(0, 1), Range(0, 2)
_SCALE = Param(
    "Scale", "0 automatic, 1 close-up, 2 half-length, 3 full-length.", int, 0, range=Range(0, 3)
)
_DIRT = Param("Scale", "Size of the dirt, 1 largest to 3 finest.", int, 0, range=Range(0, 3))
OPACITY: Final = Param("opacity", "Of the step's layer; never sent.", float, 1.0, range=_UNIT)
_LAYER = Param("Layer", "1 delivers the step as a layer of its own.", int, 0, range=Range(0, 1))


def alpha(number: int, doc: str, bounds: Range) -> Param:
    """Declare ``Alpha1``, full when left out, or ``Alpha2``, nothing when left out."""
    return Param(f"Alpha{number}", doc, float, 1.0 if number == 1 else 0.0, range=bounds)


def _text(name: str, doc: str, *choices: str, default: Any = UNSET) -> Param:
    return Param(name, doc, str, default, choices={choice: choice for choice in choices})


@dataclass(frozen=True)
class Plugin:
    """One plug-in of the service.

    Attributes
    ----------
    name : str
        As the service spells it.
    doc : str
        What it does.
    settings : tuple of Param
        Its settings, named as the service does; those of `tree` lie inside ``User Params``.
    delivers : str
        What ``Layer: 1`` gives: ``"layer"``, ``"mask"``, ``"flow"``, ``"numbers"`` or ``""`` for nothing.
    blend_mode : str
        How its layer is laid over the photo, by the vendor's page; empty where it does not say.
    tree : mapping
        Where a setting lies inside ``User Params``.
    """

    name: str
    doc: str
    settings: tuple[Param, ...] = ()
    delivers: str = "layer"
    blend_mode: str = "Normal"
    tree: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def setting(self, word: str) -> Param:
        """Find the setting a word means: its name in any spelling, or the end of it where that is clear.

        Raises
        ------
        ParameterError
            There is none; the message names the nearest.
        """
        same = [param for param in self.settings if plain(param.name) == plain(word)]
        ending = [param for param in self.settings if plain(param.name).endswith(plain(word))]
        if same or len(ending) == 1:
            return (same or ending)[0]
        raise self.without(word)

    def without(self, key: str) -> ParameterError:
        """Make the error for a setting it does not have."""
        known = {plain(param.name): param.name for param in self.settings}
        near = difflib.get_close_matches(plain(key), known, n=1)
        guess = f"Did you mean {known[near[0]]!r}? " if near else ""
        return wrong(
            f"{self.name} has no setting {key!r}.",
            f"{guess}Known: {', '.join(known.values()) or 'none'}.",
        )


PLUGINS: Final = (
    Plugin("Skin Mask", "Selects the skin.", (alpha(1, "Sensitivity.", DOUBLE), _SCALE, _LAYER), "mask", ""),
    Plugin(
        "Clean Backdrop",
        "Cleans a studio backdrop.",
        (
            alpha(1, "Blend.", _UNIT),
            _DIRT,
            Param("Automask", "Protect the person.", bool, False),
            _LAYER,
        ),
    ),
    Plugin("Heal", "Removes blemishes.", (alpha(1, "Sensitivity.", _UNIT), _SCALE, _LAYER)),
    Plugin("Fabric", "Smooths wrinkles of clothes.", (alpha(1, "Blend.", DOUBLE), _SCALE, _LAYER)),
    Plugin("Dust", "Removes dust and specks.", (alpha(1, "Blend.", DOUBLE), _DIRT, _LAYER)),
    Plugin("Eye Vessels", "Removes red vessels.", (alpha(1, "Blend.", _UNIT), _SCALE, _LAYER)),
    Plugin("Eye Brilliance", "Brightens the iris.", (alpha(1, "Blend.", DOUBLE), _SCALE, _LAYER)),
    Plugin(
        "White Teeth",
        "Whitens teeth.",
        (alpha(1, "Whiten.", _UNIT), alpha(2, "Brighten.", _UNIT), _SCALE, _LAYER),
    ),
    Plugin("Mattifier", "Takes shine off the skin.", (alpha(1, "Blend.", _UNIT), _SCALE, _LAYER)),
    Plugin(
        "Dodge Burn",
        "Evens light and shade of the skin.",
        (alpha(1, "Blend.", DOUBLE), alpha(2, "Warmth.", _UNIT), _SCALE, _LAYER),
        blend_mode="Soft Light",
    ),
    Plugin(
        "Skin Tone",
        "Evens the colour of the skin.",
        (alpha(1, "Blend.", DOUBLE), alpha(2, "Tone smoothing.", DOUBLE), _SCALE, _LAYER),
        blend_mode="Soft Light",
    ),
    Plugin(
        "Portrait Volumes",
        "Gives a face more depth.",
        (alpha(1, "Blend.", DOUBLE), _SCALE, _LAYER),
        blend_mode="Soft Light",
    ),
    Plugin("Face Detection", "Finds faces for later steps.", (), "", ""),
    Plugin(
        "Face Lifting",
        "Reshapes face and chin.",
        (
            Param("face_lifting_version", "3 lifts and corrects a double chin in one pass.", int, 3),
            Param("Face Lifting", "Overall lift.", float, 1.0, range=_UNIT),
            Param("Face Masculinity", "Masculinity.", float, 0.55, range=_UNIT),
            Param("Double Chin Correction", "Double chin.", float, 1.0, range=_UNIT),
            Param("Face Lifting Depth", "Depth.", float, 0.6, range=_UNIT),
            Param("Flow Smoothing", "Smoothing of the displacement.", float, 0.1, range=_UNIT),
            _LAYER,
        ),
        "flow",
        "",
    ),
    Plugin(
        "Glasses Anti Glare",
        "Takes glare off glasses.",
        (
            _text("LayoutMode", "A full-size layer, or a patch and where it belongs.", "full", "patch", default="full"),
            Param("Glasses Glare Removal", "Strength.", float, 1.0, range=_UNIT),
            _LAYER,
        ),
        blend_mode="Linear Light",
    ),
    Plugin(
        "Color Correction",
        "Corrects exposure and colour.",
        (
            _text(
                "Color Correction Mode", "How much is corrected.",
                "Exposure only", "Exposure & WB", "Full", default="Exposure only",
            ),
            Param("Enable Basic", "Apply the correction.", bool, True),
            Param("Layer", "0 applies it to the picture.", int, 0, range=Range(0, 1)),
        ),
        "",
        "",
        tree={"Color Correction Mode": ("AI",), "Enable Basic": ("Basic",)},
    ),
    Plugin(
        "Crop",
        "Straightens and crops.",
        (
            _text("AutoStraightenMode", "Who decides.", "Manual", "AI", "Person", default="Manual"),
            _text("AspectRatio", "Shape of the crop.", "Free", "Original", "Custom", "Square", "2 : 3", "4 : 5", "16 : 9"),
            Param("Angle", "Degrees, manual.", float, range=Range(-180, 180)),
            Param("ManualCenterX", "Centre, 0 to 1.", float, 0.5, range=_UNIT),
            Param("ManualCenterY", "Centre, 0 to 1.", float, 0.5, range=_UNIT),
            Param("ManualArea", "Part of the largest possible crop.", float, range=_UNIT),
            Param("ManualAspectRatio", "Width by height, with Free.", float, range=Range(0.01, 100)),
            Param("CustomAspectX", "Width of the shape, with Custom.", float, range=Range(0.01, 10_000)),
            Param("CustomAspectY", "Height of the shape, with Custom.", float, range=Range(0.01, 10_000)),
            _LAYER,
        ),
        "numbers",
        "",
        tree=dict.fromkeys(("AutoStraightenMode", "AspectRatio", "Angle", "ManualCenterX", "ManualCenterY", "ManualArea", "ManualAspectRatio", "CustomAspectX", "CustomAspectY"), ()),
    ),
)  # fmt: skip
"""In the order the vendor recommends."""

BY_NAME: Final = {plugin.name: plugin for plugin in PLUGINS}

NEEDS_FACES: Final = {"Face Lifting", "Glasses Anti Glare"}

BLENDS: Final = frozenset(p.name for p in PLUGINS if any(s.doc == "Blend." for s in p.settings))
"""Plug-ins whose ``Alpha1`` the vendor calls the blend: what the opacity of their layer is as well."""

TOLERATES_ALPHA2: Final = {"Mattifier", "Portrait Volumes"}
"""An example of the vendor sends a superfluous ``Alpha2`` with these."""


def plugin_named(name: str) -> Plugin:
    """Find a plug-in by its name, in any case and spacing.

    Raises
    ------
    ParameterError
        There is none; the message names the nearest.
    """
    found = {plain(plugin.name): plugin for plugin in PLUGINS}
    if plain(name) in found:
        return found[plain(name)]
    near = difflib.get_close_matches(plain(name), found, n=1)
    guess = f"Did you mean {found[near[0]].name!r}?" if near else f"Known: {', '.join(BY_NAME)}."
    raise wrong(f"There is no plug-in {name!r}.", guess)


def plain(name: str) -> str:
    """Reduce a name to its letters and digits, so that all its spellings are equal."""
    return "".join(c for c in name.lower() if c.isalnum())


def wrong(what: str, advice: str) -> ParameterError:
    """Make the error for a recipe that is refused before it is sent."""
    return ParameterError(what, advice=f"Nothing was sent. {advice}".strip())
