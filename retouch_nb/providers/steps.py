"""Retouch4me's plug-ins and the recipe made of them: steps in order, read from JSON, lines or a preset.

Each plug-in is declared once, in the order its vendor recommends; reading, checking and help follow from that.
"""

import copy
import difflib
import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.params import UNSET, Param, Range

_UNIT, _DOUBLE = Range(0, 1), Range(0, 2)
_SCALE = Param(
    "Scale", "0 automatic, 1 close-up, 2 half-length, 3 full-length.", int, 0, range=Range(0, 3)
)
_DIRT = Param("Scale", "Size of the dirt, 1 largest to 3 finest.", int, 0, range=Range(0, 3))
OPACITY: Final = Param("opacity", "Of the step's layer; never sent.", float, 1.0, range=_UNIT)
_LAYER = Param("Layer", "1 delivers the step as a layer of its own.", int, 0, range=Range(0, 1))


def _alpha(number: int, doc: str, bounds: Range) -> Param:
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


PLUGINS: Final = (
    Plugin("Skin Mask", "Selects the skin.", (_alpha(1, "Sensitivity.", _DOUBLE), _SCALE, _LAYER), "mask", ""),
    Plugin(
        "Clean Backdrop",
        "Cleans a studio backdrop.",
        (
            _alpha(1, "Blend.", _UNIT),
            _DIRT,
            Param("Automask", "Protect the person.", bool, False),
            _LAYER,
        ),
    ),
    Plugin("Heal", "Removes blemishes.", (_alpha(1, "Sensitivity.", _UNIT), _SCALE, _LAYER)),
    Plugin("Fabric", "Smooths wrinkles of clothes.", (_alpha(1, "Blend.", _DOUBLE), _SCALE, _LAYER)),
    Plugin("Dust", "Removes dust and specks.", (_alpha(1, "Blend.", _DOUBLE), _DIRT, _LAYER)),
    Plugin("Eye Vessels", "Removes red vessels.", (_alpha(1, "Blend.", _UNIT), _SCALE, _LAYER)),
    Plugin("Eye Brilliance", "Brightens the iris.", (_alpha(1, "Blend.", _DOUBLE), _SCALE, _LAYER)),
    Plugin(
        "White Teeth",
        "Whitens teeth.",
        (_alpha(1, "Whiten.", _UNIT), _alpha(2, "Brighten.", _UNIT), _SCALE, _LAYER),
    ),
    Plugin("Mattifier", "Takes shine off the skin.", (_alpha(1, "Blend.", _UNIT), _SCALE, _LAYER)),
    Plugin(
        "Dodge Burn",
        "Evens light and shade of the skin.",
        (_alpha(1, "Blend.", _DOUBLE), _alpha(2, "Warmth.", _UNIT), _SCALE, _LAYER),
        blend_mode="Soft Light",
    ),
    Plugin(
        "Skin Tone",
        "Evens the colour of the skin.",
        (_alpha(1, "Blend.", _DOUBLE), _alpha(2, "Tone smoothing.", _DOUBLE), _SCALE, _LAYER),
        blend_mode="Soft Light",
    ),
    Plugin(
        "Portrait Volumes",
        "Gives a face more depth.",
        (_alpha(1, "Blend.", _DOUBLE), _SCALE, _LAYER),
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


@dataclass(frozen=True)
class Step:
    """One plug-in with its settings, as they travel.

    Attributes
    ----------
    plugin : Plugin
    keys : mapping
        Everything of the task but its name, spelled and nested as the service wants it.
    """

    plugin: Plugin
    keys: Mapping[str, Any]

    @property
    def layered(self) -> bool:
        """The step is delivered on its own."""
        return bool(self.keys.get("Layer"))

    def wire(self) -> dict[str, Any]:
        """Give the task as the payload holds it."""
        return {"Plugin": self.plugin.name, **self.keys}

    def with_setting(self, param: Param, value: Any) -> "Step":
        """Change one setting, wherever it lies."""
        keys = copy.deepcopy(dict(self.keys))
        path = self.plugin.tree.get(param.name)
        branch = keys if path is None else keys.setdefault("User Params", {})
        for name in path or ():
            branch = branch.setdefault(name, {})
        branch[param.name] = value
        return Step(self.plugin, keys)

    def as_layer(self) -> "Step":
        """Ask for this step as a layer, where it has one that can be laid over the photo."""
        return Step(self.plugin, {**self.keys, "Layer": 1}) if self.plugin.delivers else self


@dataclass(frozen=True, repr=False)
class Recipe:
    r"""Steps in order: what ``payload`` of a Retouch4me job holds.

    Examples
    --------
    >>> recipe = read_recipe("Heal 0.8\nDodge Burn 1.0 0.2 scale=2 layer")
    >>> recipe
    Heal, Dodge Burn
    >>> recipe.steps[1].keys
    {'Scale': 2, 'Alpha1': 1.0, 'Alpha2': 0.2, 'Layer': 1}
    """

    steps: tuple[Step, ...]
    output_format: str | None = None
    title: str = ""

    @property
    def layered(self) -> bool:
        """At least one step is delivered as a layer, so the result is a ZIP."""
        return any(step.layered for step in self.steps)

    @property
    def payload(self) -> str:
        """The recipe as compact JSON."""
        body: dict[str, Any] = {"mode": "professional"}
        if self.output_format:
            body["outputFormat"] = self.output_format
        body["tasks"] = [step.wire() for step in self.steps]
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the payload as hexadecimal text."""
        return hashlib.sha256(self.payload.encode()).hexdigest()

    def __str__(self) -> str:
        return self.title or ", ".join(step.plugin.name for step in self.steps)

    __repr__ = __str__

    def setting(self, name: str) -> Param:
        """Give the declaration of a setting of one step.

        Raises
        ------
        UnknownNameError
            No step, or no setting of it, has this name.

        Examples
        --------
        >>> read_recipe("Heal 0.8; Dodge Burn 1.0").setting("dodge burn.alpha1").accepts
        'a number, 0 to 2'
        """
        return self._find(name)[1]

    def with_setting(self, name: str, value: Any) -> "Recipe":
        """Change one setting of one step.

        Examples
        --------
        >>> read_recipe("Heal 0.8; Dodge Burn 1.0").with_setting("Heal.Alpha1", 0.5).steps[0].keys
        {'Scale': 0, 'Alpha1': 0.5}
        """
        index, param = self._find(name)
        if param is OPACITY:
            raise _wrong("Only a layer has an opacity.", "Ask for layers: --layers (layers=True).")
        steps = list(self.steps)
        steps[index] = steps[index].with_setting(param, value)
        return Recipe(tuple(steps), self.output_format)

    def layer_of(self, name: str) -> str:
        """Name the layer whose opacity can stand for a setting; empty where none can."""
        index, param = self._find(name)
        plugin = self.steps[index].plugin.name
        blends = param is OPACITY or (param.name == "Alpha1" and plugin in BLENDS)
        return plugin if blends else ""

    def _find(self, name: str) -> tuple[int, Param]:
        """Find a setting by the name of its step and its own, with a point between them."""
        step, _, word = name.rpartition(".")
        known = [one.plugin.name for one in self.steps]
        found = [index for index, one in enumerate(known) if _plain(one) == _plain(step)]
        if not found:
            raise UnknownNameError.among(step or name, known, what="step here")
        if len(found) > 1:
            raise _wrong(
                f"{known[found[0]]} is given {len(found)} times.", "Vary it as whole steps."
            )
        plugin = self.steps[found[0]].plugin
        if _plain(word) == OPACITY.name and plugin.delivers == "layer":
            return found[0], OPACITY
        key = _key(plugin, word)
        return found[0], next(param for param in plugin.settings if param.name == key)

    def in_layers(self) -> "Recipe":
        """Ask for every step that has a layer as one."""
        return Recipe(tuple(step.as_layer() for step in self.steps), "zip", self.title)

    def with_faces_found(self) -> "Recipe":
        """Put Face Detection first where a step needs it and nothing else finds faces."""
        names = [step.plugin.name for step in self.steps]
        if not NEEDS_FACES & set(names) or "Face Detection" in names:
            return self
        found = Step(BY_NAME["Face Detection"], {})
        return Recipe((found, *self.steps), self.output_format, self.title)

    def check(self) -> None:
        """Raise where steps and output do not go together."""
        if not self.steps:
            raise _wrong("There are no steps.", "Name a preset or write one step a line: Heal 1.0")
        if self.output_format == "jpeg" and self.layered:
            raise _wrong(
                "outputFormat is jpeg and a step has Layer 1.",
                "Layers come as zip; take one of the two out.",
            )
        if self.output_format == "zip" and not self.layered:
            raise _wrong(
                "outputFormat is zip and no step has Layer 1.",
                "Add --layers, or take outputFormat out.",
            )
        for step in self.steps:
            if step.keys.get("LayoutMode") == "patch" and not step.layered:
                raise _wrong(
                    "LayoutMode patch needs Layer 1.", "Add layer to the step, or use full."
                )

    def advice(self) -> tuple[str, ...]:
        """Say what is accepted and may not be meant."""
        found = []
        if not _in_order(
            [step.plugin for step in self.steps if step.plugin.name != "Face Detection"]
        ):
            order = ", ".join(p.name for p in PLUGINS if any(s.plugin is p for s in self.steps))
            found.append(f"The vendor recommends another order: {order}. Order changes the result.")
        flat = [
            step.plugin.name for step in self.steps if not step.layered and step.plugin.delivers
        ]
        if self.layered and flat:
            found.append(
                f"Not delivered as layers, so missing in their composite: {', '.join(flat)}."
            )
        return tuple(found)


def _in_order(plugins: Sequence[Plugin]) -> bool:
    ranks = [PLUGINS.index(plugin) for plugin in plugins]
    return ranks == sorted(ranks)


def read_recipe(given: Any) -> Recipe:
    """Read a recipe from a preset's name, the vendor's JSON, a mapping, lines of steps, or a list of either.

    Raises
    ------
    ParameterError
        What is wrong and where; nothing was sent.
    """
    if isinstance(given, Recipe):
        return given
    if isinstance(given, str):
        return _from_text(given)
    if isinstance(given, Mapping):
        return _from_payload(given)
    if isinstance(given, Iterable):
        return Recipe(tuple(_step(one) for one in given))
    raise _wrong(
        f"{given!r} is not a recipe.", "Give a preset's name, a payload or lines of steps."
    )


def _from_text(text: str) -> Recipe:
    if text.strip() in PRESETS:
        return PRESETS[text.strip()]
    if text.lstrip().startswith(("{", "[")):
        return _from_payload(_json(text))
    return Recipe(
        tuple(
            _from_line(step.strip(), number)
            for number, line in enumerate(text.splitlines(), 1)
            for step in line.split("#")[0].split(";")
            if step.strip()
        )
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(
            f"The payload is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Paste it as it is, from the first { to the last }.",
        ) from None


def _from_payload(body: Any) -> Recipe:
    if isinstance(body, list):
        body = {"tasks": body}
    if not isinstance(body, Mapping):
        raise _wrong("The payload is not a JSON object.", "It begins with { and holds tasks.")
    unknown = set(body) - {"mode", "tasks", "outputFormat"}
    if unknown:
        raise _wrong(
            f"The payload has an unknown key {min(unknown)!r}.", "Known: mode, tasks, outputFormat."
        )
    if body.get("mode", "professional") != "professional":
        raise _wrong(f"mode {body['mode']!r} is not accepted: only professional.", "")
    if body.get("outputFormat") not in {None, "jpeg", "zip"}:
        raise _wrong(f"outputFormat {body['outputFormat']!r} is not accepted: jpeg or zip.", "")
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise _wrong("The payload has no tasks.", "tasks is a list with at least one step.")
    return Recipe(tuple(_step(task) for task in tasks), body.get("outputFormat"))


def _step(given: Any) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, str):
        return _from_line(given, 1)
    if not isinstance(given, Mapping) or not isinstance(given.get("Plugin"), str):
        raise _wrong(
            f"The task {_cut(given)} names no Plugin.", 'Each task is an object with "Plugin".'
        )
    plugin = plugin_named(given["Plugin"])
    keys = {key: value for key, value in given.items() if key != "Plugin"}
    return Step(plugin, _checked(plugin, keys))


def _checked(plugin: Plugin, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Check every key of a task in place, leaving spelling and nesting as they are."""
    checked: dict[str, Any] = {}
    for key, value in keys.items():
        if key == "User Params" and plugin.tree:
            checked[key] = _checked_tree(plugin, value, ())
        else:
            checked[key] = _value(plugin, key, value, nested=False)
    return checked


def _checked_tree(plugin: Plugin, branch: Any, path: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(branch, Mapping):
        raise _wrong(f"{plugin.name}: {'/'.join(path) or 'User Params'} is not an object.", "")
    groups = {where[0] for where in plugin.tree.values() if where} if not path else set()
    return {
        key: _checked_tree(plugin, value, (*path, key))
        if key in groups
        else _value(plugin, key, value, nested=True)
        for key, value in branch.items()
    }


def _value(plugin: Plugin, key: str, value: Any, *, nested: bool) -> Any:
    param = next(
        (p for p in plugin.settings if p.name == key and (key in plugin.tree) == nested), None
    )
    if param is None:
        if key == "Alpha2" and plugin.name in TOLERATES_ALPHA2:
            param = _alpha(2, "Ignored.", _DOUBLE)
        else:
            raise _unknown_key(plugin, key)
    if param.type in {int, float} and (
        isinstance(value, str) or (isinstance(value, bool) and key != "Layer")
    ):
        raise _refused(plugin, param, value)
    try:
        read = param.read(int(value) if isinstance(value, bool) and param.type is int else value)
    except ParameterError:
        raise _refused(plugin, param, value) from None
    return value if not isinstance(value, str) else read


def _refused(plugin: Plugin, param: Param, value: Any) -> ParameterError:
    return _wrong(
        f"{plugin.name}: {param.name} {_cut(value)} is not accepted: {param.accepts}.", ""
    )


def _unknown_key(plugin: Plugin, key: str) -> ParameterError:
    known = {_plain(param.name): param.name for param in plugin.settings}
    near = difflib.get_close_matches(_plain(key), known, n=1)
    guess = f"Did you mean {known[near[0]]!r}? " if near else ""
    return _wrong(
        f"{plugin.name} has no setting {key!r}.",
        f"{guess}Known: {', '.join(known.values()) or 'none'}.",
    )


def plugin_named(name: str) -> Plugin:
    """Find a plug-in by its name, in any case and spacing.

    Raises
    ------
    ParameterError
        There is none; the message names the nearest.
    """
    found = {_plain(plugin.name): plugin for plugin in PLUGINS}
    if _plain(name) in found:
        return found[_plain(name)]
    near = difflib.get_close_matches(_plain(name), found, n=1)
    guess = f"Did you mean {found[near[0]].name!r}?" if near else f"Known: {', '.join(BY_NAME)}."
    raise _wrong(f"There is no plug-in {name!r}.", guess)


def _from_line(line: str, number: int) -> Step:
    """Read a step such as ``Dodge Burn 1.0 0.2 scale=2 layer``."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise _wrong(f"Line {number} has an unbalanced quote: {line}", "") from None
    count = next(
        (
            i
            for i, word in enumerate(words)
            if _is_number(word) or "=" in word or word.lower() == "layer"
        ),
        len(words),
    )
    plugin = plugin_named(" ".join(words[:count]))
    given: dict[str, Any] = {}
    numbers = [p.name for p in plugin.settings if p.type is float]
    for word in words[count:]:
        key, equals, value = word.partition("=")
        if equals:
            given[_key(plugin, key)] = value
        elif word.lower() == "layer":
            given["Layer"] = 1
        elif _is_number(word) and numbers:
            given[numbers.pop(0)] = word
        else:
            raise _wrong(f"Line {number}: {word!r} cannot be read in {line!r}.", _line_help(plugin))
    return Step(plugin, _nested(plugin, given))


def _nested(plugin: Plugin, given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults a line leaves out and nest the settings as the service wants them."""
    keys: dict[str, Any] = {}
    for param in sorted(plugin.settings, key=lambda p: p.name != "Scale"):
        if param.name not in given and (param.required or param.name == "Layer"):
            continue
        try:
            value = param.read(given.get(param.name, param.default))
        except ParameterError:
            raise _refused(plugin, param, given[param.name]) from None
        if param.name in plugin.tree:
            branch = keys.setdefault("User Params", {})
            for name in plugin.tree[param.name]:
                branch = branch.setdefault(name, {})
            branch[param.name] = value
        else:
            keys[param.name] = value
    return keys


def _key(plugin: Plugin, word: str) -> str:
    """Find the setting a word means: its name in any spelling, or the end of it where that is clear."""
    names = [param.name for param in plugin.settings]
    same = [name for name in names if _plain(name) == _plain(word)]
    ending = [name for name in names if _plain(name).endswith(_plain(word))]
    if same or len(ending) == 1:
        return (same or ending)[0]
    raise _unknown_key(plugin, word)


def _line_help(plugin: Plugin) -> str:
    words = " ".join(p.name.lower().replace(" ", "_") + "=" for p in plugin.settings)
    return (
        f"{plugin.name} takes numbers, layer, and {words}"
        if words
        else f"{plugin.name} takes nothing."
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _cut(value: Any) -> str:
    return text if len(text := repr(value)) < 60 else f"{text[:57]}..."


def _wrong(what: str, advice: str) -> ParameterError:
    return ParameterError(what, advice=f"Nothing was sent. {advice}".strip())


def _preset(title: str, lines: str) -> Recipe:
    recipe = _from_text(lines)
    return Recipe(recipe.steps, recipe.output_format, title)


PRESETS: dict[str, Recipe] = {}
"""Filled below: reading a text looks here first."""

PRESETS.update(
    {
        title: _preset(title, lines)
        for title, lines in {
            "slight": "Heal 0.8; Eye Vessels 0.35; White Teeth 0.1 0.08; Dodge Burn 0.35 0.08 scale=2;"
            "Skin Tone 0.35 0.35; Portrait Volumes 0.18",
            "balanced": "Heal 1.0; Fabric 0.39; Eye Vessels 1.0; Eye Brilliance 0.5; White Teeth 0.25 0.25;"
            "Dodge Burn 1.0 0.2 scale=2; Skin Tone 1.0 1.0; Portrait Volumes 0.5",
            "heavy": "Heal 0.9; Fabric 0.75; Eye Vessels 0.9; Eye Brilliance 0.85; White Teeth 0.65 0.55;"
            "Dodge Burn 1.35 0.35 scale=2; Skin Tone 1.15 1.15; Portrait Volumes 0.9",
            "layers": "Skin Mask 1.0 layer; Heal 1.0 layer; Fabric 0.39 layer; Eye Vessels 1.0 layer;"
            "Eye Brilliance 0.5 layer; White Teeth 0.25 0.25 layer; Dodge Burn 1.0 0.2 scale=2 layer;"
            "Skin Tone 1.0 1.0 layer; Portrait Volumes 0.5 layer",
            "color": "Color Correction",
        }.items()
    }
)
