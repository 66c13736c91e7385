"""What Retouch4me's payload asks for: one table of plug-ins and their keys, read strictly where the page speaks.

A key the page does not give a plug-in is ignored with a note, as the service is known to do; a key it does give must
have a value it allows. A second, independent reading: the client's own table is not looked at.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from retouch_nb.engine.refusals import Refusal

MODE = "professional"
MOST_TASKS = 64
"""The page names no limit; a request of a few bytes is not to keep a thread busy for a day."""

UNACCEPTABLE = 462

Reader: TypeAlias = Callable[[Any], object]
"""Gives the value of a key, or raises ValueError with what is wanted."""
Task: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Payload:
    """A payload that is accepted.

    Attributes
    ----------
    tasks : tuple of Mapping
        In order, each with ``Plugin`` and those of its keys that mean something; numbers within their ranges,
        ``Layer`` always there as 0 or 1.
    flat_jpeg : bool
        Whether the flat picture was asked for as JPEG in so many words.
    notes : tuple of str
        What was ignored.
    """

    tasks: tuple[Task, ...]
    flat_jpeg: bool = False
    notes: tuple[str, ...] = ()

    @property
    def layered(self) -> bool:
        """Whether the result is a ZIP."""
        return any(task["Layer"] for task in self.tasks)


def read_payload(text: str) -> Payload:
    """Read the JSON text of a payload, or raise `Refusal` 462.

    Examples
    --------
    >>> read_payload('{"mode": "professional", "tasks": [{"Plugin": "Heal", "Alpha1": 1}]}').tasks
    ({'Plugin': 'Heal', 'Alpha1': 1.0, 'Layer': 0},)
    """
    payload = _object(_parsed(text), "The payload")
    if payload.get("mode") != MODE:
        _refuse(f'mode must be "{MODE}"')
    output = payload.get("outputFormat")
    if output not in (None, "jpeg", "zip"):
        _refuse('outputFormat must be "jpeg" or "zip"')
    given = payload.get("tasks")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_TASKS:
        _refuse(f"tasks must be a list of 1 to {MOST_TASKS} tasks")
    notes: list[str] = []
    tasks = tuple(_task(number, task, notes) for number, task in enumerate(given))
    accepted = Payload(tasks, output == "jpeg", tuple(notes))
    _check_together(accepted, output)
    return accepted


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refusal(UNACCEPTABLE, f"payload is not JSON: {error.msg} at {where}.") from error
    except (ValueError, RecursionError) as error:
        raise Refusal(UNACCEPTABLE, "payload is not JSON that can be read.") from error


def _task(number: int, given: Any, notes: list[str]) -> Task:
    task = _object(given, f"Task {number}")
    plugin = task.get("Plugin")
    if not isinstance(plugin, str) or plugin not in PLUGINS:
        _refuse(f"Task {number} names no plug-in of the list: {plugin!r}")
    keys = PLUGINS[plugin] | {"Layer": _flag}
    read: dict[str, Any] = {"Plugin": plugin}
    for name, value in task.items():
        if name in keys:
            read[name] = _value(f"Task {number}, {plugin}: {name}", keys[name], value)
        elif name != "Plugin":
            notes.append(f"{plugin} has no {name[:40]!r}; it was ignored.")
    return read | {"Layer": read.get("Layer", 0)}


def _check_together(payload: Payload, output: str | None) -> None:
    if output == "jpeg" and payload.layered:
        _refuse('outputFormat "jpeg" cannot hold layers')
    if output == "zip" and not payload.layered:
        _refuse('outputFormat "zip" needs a task with Layer 1')
    found = False
    for number, task in enumerate(payload.tasks):
        found = found or task["Plugin"] == "Face Detection"
        if task["Plugin"] in ("Face Lifting", "Glasses Anti Glare") and not found:
            _refuse(f"Task {number}, {task['Plugin']}, needs Face Detection before it")
        if task["Plugin"] == "Crop" and payload.layered and not task["Layer"]:
            # The page is silent; layers that do not fit the photo they came from are of no use.
            _refuse(
                f"Task {number}: a Crop among layers needs Layer 1, or nothing would fit the photo"
            )
        if task.get("LayoutMode") == "patch" and not task["Layer"]:
            _refuse(f'Task {number}: LayoutMode "patch" needs Layer 1')


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"{what} must be a JSON object")
    return dict(value)


def _value(what: str, reader: Reader, value: Any) -> object:
    try:
        return reader(value)
    except ValueError as error:
        raise Refusal(UNACCEPTABLE, f"{what} must be {error}.") from error


def _refuse(why: str) -> NoReturn:
    raise Refusal(UNACCEPTABLE, f"{why}.")


def _is_number(value: Any) -> bool:
    # true is a number to Python, not to JSON.
    return type(value) in (int, float) and abs(value) < 1e9


def _number(low: float = -math.inf, high: float = math.inf) -> Reader:
    def read(value: Any) -> float:
        if not _is_number(value) or not low <= value <= high:
            bounds = "" if math.isinf(low) else f" from {low:g}"
            raise ValueError(f"a number{bounds}{'' if math.isinf(high) else f' to {high:g}'}")
        return float(value)

    return read


def _positive(value: Any) -> float:
    if not _is_number(value) or value <= 0:
        raise ValueError("a number greater than 0")
    return float(value)


def _one_of(*allowed: object) -> Reader:
    def read(value: Any) -> object:
        for each in allowed:
            if type(value) is not bool and value == each:
                return each
        raise ValueError(f"one of {', '.join(json.dumps(each) for each in allowed)}")

    return read


def _flag(value: Any) -> int:
    """Read ``Layer``, a number to most of the page and a truth value to its part on Crop."""
    if type(value) not in (int, float, bool) or value not in (0, 1):
        raise ValueError("0 or 1")
    return int(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _version(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 1000:
        raise ValueError("a whole number from 1")
    return value


def _ratio(value: Any) -> str:
    named = ("Free", "Original", "Custom", "Square")
    if not isinstance(value, str) or not (
        value in named or re.fullmatch(r"[1-9][0-9]{0,3} : [1-9][0-9]{0,3}", value)
    ):
        raise ValueError(f'one of {", ".join(named)}, or written like "2 : 3"')
    return value


def _tree(keys: Mapping[str, Reader]) -> Reader:
    """Read an object inside the task; of its further keys nothing is known, so they go no further."""

    def read(value: Any) -> dict[str, object]:
        if not isinstance(value, dict):
            raise ValueError("a JSON object")
        return {name: _branch(name, keys[name], value[name]) for name in keys if name in value}

    return read


def _branch(name: str, reader: Reader, value: Any) -> object:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"an object whose {name!r} is {error}") from error


_SCALE = _one_of(0, 1, 2, 3)
_TO_ONE = _number(0, 1)
_TO_TWO = _number(0, 2)

PLUGINS: Mapping[str, dict[str, Reader]] = {
    "Skin Mask": {"Alpha1": _TO_TWO, "Scale": _SCALE},
    "Clean Backdrop": {"Alpha1": _TO_ONE, "Scale": _SCALE, "Automask": _truth},
    "Heal": {"Alpha1": _TO_ONE, "Scale": _SCALE},
    "Fabric": {"Alpha1": _TO_TWO, "Scale": _SCALE},
    "Dust": {"Alpha1": _TO_TWO, "Scale": _SCALE},
    "Eye Vessels": {"Alpha1": _TO_ONE, "Scale": _SCALE},
    "Eye Brilliance": {"Alpha1": _TO_TWO, "Scale": _SCALE},
    "White Teeth": {"Alpha1": _TO_ONE, "Alpha2": _TO_ONE, "Scale": _SCALE},
    "Mattifier": {"Alpha1": _TO_ONE, "Scale": _SCALE},
    "Dodge Burn": {"Alpha1": _TO_TWO, "Alpha2": _TO_ONE, "Scale": _SCALE},
    # Its Alpha2 is missing from the page's table, and sent by the page's own presets.
    "Skin Tone": {"Alpha1": _TO_TWO, "Alpha2": _TO_TWO, "Scale": _SCALE},
    "Portrait Volumes": {"Alpha1": _TO_TWO, "Scale": _SCALE},
    "Face Detection": {},
    "Face Lifting": {
        "face_lifting_version": _version,
        "Face Lifting": _TO_ONE,
        "Face Masculinity": _TO_ONE,
        "Double Chin Correction": _TO_ONE,
        "Face Lifting Depth": _TO_ONE,
        "Flow Smoothing": _number(0),
    },
    "Glasses Anti Glare": {
        "LayoutMode": _one_of("full", "patch"),
        "Glasses Glare Removal": _TO_ONE,
    },
    "Color Correction": {
        "User Params": _tree(
            {
                "AI": _tree(
                    {"Color Correction Mode": _one_of("Exposure only", "Exposure & WB", "Full")}
                ),
                "Basic": _tree({"Enable Basic": _truth}),
            }
        )
    },
    "Crop": {
        "User Params": _tree(
            {
                "AutoStraightenMode": _one_of("AI", "Person", "Manual"),
                "AspectRatio": _ratio,
                "Angle": _number(),
                "ManualCenterX": _TO_ONE,
                "ManualCenterY": _TO_ONE,
                "ManualArea": _TO_ONE,
                "ManualAspectRatio": _positive,
                "CustomAspectX": _positive,
                "CustomAspectY": _positive,
            }
        )
    },
}
"""The plug-ins in the page's order, with the keys each has besides ``Layer``."""
