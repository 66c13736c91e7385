"""A recipe of Retouch4me: plug-ins with their settings, in order, as they travel. Values; reading them is `recipes`."""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.params import Param
from retouch_nb.providers.plugins import (
    BLENDS,
    BY_NAME,
    NEEDS_FACES,
    OPACITY,
    PLUGINS,
    Plugin,
    plain,
    wrong,
)


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
    >>> from retouch_nb.providers.recipes import read_recipe
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
        >>> from retouch_nb.providers.recipes import read_recipe
        >>> read_recipe("Heal 0.8; Dodge Burn 1.0").setting("dodge burn.alpha1").accepts
        'a number, 0 to 2'
        """
        return self._find(name)[1]

    def with_setting(self, name: str, value: Any) -> "Recipe":
        """Change one setting of one step.

        Examples
        --------
        >>> from retouch_nb.providers.recipes import read_recipe
        >>> read_recipe("Heal 0.8; Dodge Burn 1.0").with_setting("Heal.Alpha1", 0.5).steps[0].keys
        {'Scale': 0, 'Alpha1': 0.5}
        """
        index, param = self._find(name)
        if param is OPACITY:
            raise wrong("Only a layer has an opacity.", "Ask for layers: --layers (layers=True).")
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
        found = [index for index, one in enumerate(known) if plain(one) == plain(step)]
        if not found:
            raise UnknownNameError.among(step or name, known, what="step here")
        if len(found) > 1:
            raise wrong(
                f"{known[found[0]]} is given {len(found)} times.", "Vary it as whole steps."
            )
        plugin = self.steps[found[0]].plugin
        if plain(word) == OPACITY.name and plugin.delivers == "layer":
            return found[0], OPACITY
        return found[0], plugin.setting(word)

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
            raise wrong("There are no steps.", "Name a preset or write one step a line: Heal 1.0")
        if self.output_format == "jpeg" and self.layered:
            raise wrong(
                "outputFormat is jpeg and a step has Layer 1.",
                "Layers come as zip; take one of the two out.",
            )
        if self.output_format == "zip" and not self.layered:
            raise self._without_layers()
        found = False
        for step in self.steps:
            found = found or step.plugin.name == "Face Detection"
            if step.keys.get("LayoutMode") == "patch" and not step.layered:
                raise wrong(
                    "LayoutMode patch needs Layer 1.", "Add layer to the step, or use full."
                )
            if step.plugin.name in NEEDS_FACES and not found:
                raise wrong(
                    f"{step.plugin.name} needs Face Detection before it.",
                    "Put Face Detection first, or leave it out: it is added where it is needed.",
                )

    def _without_layers(self) -> ParameterError:
        if any(step.plugin.delivers for step in self.steps):
            what = "outputFormat is zip and no step has Layer 1."
            return wrong(what, "Add --layers, or take outputFormat out.")
        what = f"No layer can be asked for of {', '.join(s.plugin.name for s in self.steps)}."
        return wrong(what, "Take --layers or outputFormat out.")

    def advice(self) -> tuple[str, ...]:
        """Say what is accepted and may not be meant."""
        found = []
        if not _in_order(
            [step.plugin for step in self.steps if step.plugin.name != "Face Detection"]
        ):
            order = ", ".join(p.name for p in PLUGINS if any(s.plugin is p for s in self.steps))
            found.append(f"The vendor recommends another order: {order}. Order changes the result.")
        flat = [
            step.plugin.name
            for step in self.steps
            if not step.layered and step.plugin.name != "Face Detection"
        ]
        if self.layered and flat:
            found.append(
                f"Not delivered as layers, so missing in their composite: {', '.join(flat)}."
            )
        return tuple(found)


def _in_order(plugins: Sequence[Plugin]) -> bool:
    ranks = [PLUGINS.index(plugin) for plugin in plugins]
    return ranks == sorted(ranks)
