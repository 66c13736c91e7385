"""From layers as somebody chose them back to a request: the cell whose run may give the same.

It is an estimate, and says so: a strength and an opacity need not agree, and some choices have no setting at all.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retouch_nb.layers import Layer, LayerStack
from retouch_nb.providers.plugins import BY_NAME
from retouch_nb.providers.recipes import read_recipe
from retouch_nb.providers.steps import Recipe, Step

STRENGTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "Skin Mask": (),
    "Heal": (),
    "White Teeth": ("Alpha1", "Alpha2"),
    "Glasses Anti Glare": ("Glasses Glare Removal",),
}
"""The settings that an opacity scales, where it is not Alpha1; a sensitivity is no strength."""

_BLENDS: Final = ("Alpha1",)


def cell_text(given: LayerStack, chosen: LayerStack) -> str:
    r"""Write the cell that asks for what was chosen.

    Parameters
    ----------
    given, chosen : LayerStack
        As they came, and as somebody left them: order, visibility, opacity and blend mode may differ.

    Returns
    -------
    str
        A ``%%retouch`` cell; its first comment calls it an estimate, others name what cannot be asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from retouch_nb.layers import Png
    >>> from retouch_nb.photo import Photo
    >>> light = Png.of(np.full((2, 2, 4), 255, np.uint8))
    >>> burn = Layer(name="Dodge Burn", plugin="Dodge Burn", png=light, canvas=(2, 2))
    >>> given = LayerStack(Photo.open(np.zeros((2, 2, 3), np.uint8)), (burn,))
    >>> print(cell_text(given, given.adjust(0, opacity=0.6)))
    %%retouch photo
    # An estimate. Only a run confirms it.
    Dodge Burn 0.6 layer
    """
    asked = _asked(given)
    parts = [_part(layer, _original(given, layer), asked) for layer in chosen]
    steps = [*asked.before, *(part.step for part in parts if part.step), *asked.after]
    remarks = [remark for part in parts for remark in part.remarks]
    return "\n".join(
        [
            f"%%retouch {shlex.quote(given.base.name)}",
            "# An estimate. Only a run confirms it.",
            *(f"# {' '.join(remark.replace(';', ',').split())}" for remark in remarks),
            *map(as_line, steps),
        ]
    )


def as_line(step: Step) -> str:
    """Write a step as one line, which `read_recipe` reads; defaults are left out.

    Examples
    --------
    >>> as_line(read_recipe('[{"Plugin": "White Teeth", "Alpha1": 0.25, "Alpha2": 0.2, "Scale": 1}]').steps[0])
    'White Teeth 0.25 0.2 scale=1'
    """
    given = dict(_flat(step.keys))
    settings = [
        param
        for param in step.plugin.settings
        if param.name in given and (given[param.name] != param.default or param.name == "Alpha1")
    ]
    placed = {"Alpha1", "Alpha2"} if "Alpha1" in given else set()
    words = [
        _word(param.name, given[param.name], named=param.name not in placed)
        for param in settings
        if param.name != "Layer"
    ]
    return " ".join([step.plugin.name, *words, *(["layer"] if step.layered else [])])


def _word(name: str, value: Any, *, named: bool) -> str:
    if not named:
        return str(value)
    return shlex.quote(f"{name.lower().replace(' ', '_')}={value}")


@dataclass(frozen=True)
class _Asked:
    """What was asked for: steps without a layer, and those of each plug-in's layers in their order."""

    before: tuple[Step, ...]
    after: tuple[Step, ...]
    layered: Mapping[str, Sequence[Step]]


@dataclass(frozen=True)
class _Part:
    """What becomes of one layer: its step, unless it is left out, and what is to be said."""

    step: Step | None
    remarks: tuple[str, ...] = ()


def _asked(given: LayerStack) -> _Asked:
    steps = _recipe(given).steps
    first = next((at for at, step in enumerate(steps) if step.layered), len(steps))
    layered: dict[str, list[Step]] = defaultdict(list)
    for step in steps[first:]:
        if step.layered:
            layered[step.plugin.name].append(step)
    rest = tuple(step for step in steps[first:] if not step.layered)
    return _Asked(steps[:first], rest, layered)


def _recipe(given: LayerStack) -> Recipe:
    """Give the request, or the plug-ins of the layers at full strength where it is not known."""
    if given.request:
        return read_recipe(given.request)
    names = [layer.plugin for layer in given if layer.plugin in BY_NAME]
    return read_recipe([f"{name} layer" for name in names])


def _original(given: LayerStack, layer: Layer) -> Layer:
    return next(one for one in given if one.name == layer.name)


def _part(layer: Layer, original: Layer, asked: _Asked) -> _Part:
    steps = asked.layered.get(layer.plugin, [])
    nth = _number(layer)
    if nth >= len(steps):
        return _Part(None, (f"{layer.name}: it is not known which step made it.",))
    if not layer.visible or not layer.opacity:
        return _Part(None, (f"{layer.name} is left out.",))
    remarks = []
    if layer.blend_mode != original.blend_mode:
        remarks.append(f"{layer.name}: {layer.blend_mode} cannot be asked for.")
    step, keys = steps[nth], STRENGTHS.get(layer.plugin, _BLENDS)
    if layer.opacity != 1 and not keys:
        remarks.append(f"{layer.name}: {layer.opacity:.0%} cannot be asked for.")
    return _Part(Step(step.plugin, _scaled(step.keys, keys, layer.opacity)), tuple(remarks))


def _number(layer: Layer) -> int:
    """Count a plug-in's layers from 0, by the number that the second and later ones bear."""
    rest = layer.name.removeprefix(layer.plugin).strip()
    return max(0, int(rest) - 1) if rest.isdecimal() else 0


def _scaled(values: Mapping[str, Any], keys: Iterable[str], by: float) -> dict[str, Any]:
    return {
        name: _scaled(value, keys, by)
        if isinstance(value, Mapping)
        else round(value * by, 3)
        if name in keys
        else value
        for name, value in values.items()
    }


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value
