"""Reads a recipe of Retouch4me from what people have: a preset's name, the vendor's JSON, lines of steps.

Every key is checked against the plug-in's declaration; spelling and nesting of a payload stay as they are.
"""

import difflib
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from retouch_nb.errors import ParameterError
from retouch_nb.params import Param
from retouch_nb.providers.plugins import (
    BY_NAME,
    DOUBLE,
    TOLERATES_ALPHA2,
    Plugin,
    alpha,
    plain,
    plugin_named,
    wrong,
)
from retouch_nb.providers.steps import Recipe, Step


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
    raise wrong(f"{given!r} is not a recipe.", "Give a preset's name, a payload or lines of steps.")


def _from_text(text: str) -> Recipe:
    if text.strip() in PRESETS:
        return PRESETS[text.strip()]
    if text.lstrip().startswith(("{", "[")):
        return _from_payload(_json(text))
    near = difflib.get_close_matches(text.strip().lower(), PRESETS, n=1, cutoff=0.75)
    if near and plain(text) not in map(plain, BY_NAME):
        raise wrong(f"There is no preset {text.strip()!r}.", f"Did you mean {near[0]!r}?")
    return _from_lines(text)


def _from_lines(text: str) -> Recipe:
    return Recipe(
        tuple(
            _from_line(step.strip(), number)
            for number, line in enumerate(text.splitlines(), 1)
            for step in line.split("#")[0].split(";")
            if step.strip()
        )
    )


def _from_payload(body: Any) -> Recipe:
    if isinstance(body, list):
        body = {"tasks": body}
    if not isinstance(body, Mapping):
        raise wrong("The payload is not a JSON object.", "It begins with { and holds tasks.")
    unknown = set(body) - {"mode", "tasks", "outputFormat"}
    if unknown:
        raise wrong(
            f"The payload has an unknown key {min(unknown)!r}.", "Known: mode, tasks, outputFormat."
        )
    if body.get("mode", "professional") != "professional":
        raise wrong(f"mode {body['mode']!r} is not accepted: only professional.", "")
    if body.get("outputFormat") not in {None, "jpeg", "zip"}:
        raise wrong(f"outputFormat {body['outputFormat']!r} is not accepted: jpeg or zip.", "")
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise wrong("The payload has no tasks.", "tasks is a list with at least one step.")
    return Recipe(tuple(_step(task) for task in tasks), body.get("outputFormat"))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise wrong(
            f"The payload is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Paste it as it is, from the first { to the last }.",
        ) from None
    except (ValueError, RecursionError):
        raise wrong("The payload is not JSON that can be read.", "") from None


def _step(given: Any) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, str):
        return _from_line(given, 1)
    if not isinstance(given, Mapping) or not isinstance(given.get("Plugin"), str):
        raise wrong(
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
        raise wrong(f"{plugin.name}: {'/'.join(path) or 'User Params'} is not an object.", "")
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
            param = alpha(2, "Ignored.", DOUBLE)
        else:
            raise plugin.without(key)
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
    return wrong(f"{plugin.name}: {param.name} {_cut(value)} is not accepted: {param.accepts}.", "")


def _from_line(line: str, number: int) -> Step:
    """Read a step such as ``Dodge Burn 1.0 0.2 scale=2 layer``."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise wrong(f"Line {number} has an unbalanced quote: {line}", "") from None
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
            given[plugin.setting(key).name] = value
        elif word.lower() == "layer":
            given["Layer"] = 1
        elif _is_number(word) and numbers:
            given[numbers.pop(0)] = word
        else:
            raise wrong(f"Line {number}: {word!r} cannot be read in {line!r}.", _line_help(plugin))
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


def _cut(value: Any) -> str:
    return text if len(text := repr(value)) < 60 else f"{text[:57]}..."


PRESETS: Final[Mapping[str, Recipe]] = {
    title: replace(_from_lines(lines), title=title)
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
"""By name."""
