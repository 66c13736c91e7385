"""Parameters, declared once as annotated dataclass fields and read by everybody else from here.

A field ``Annotated[type, "what it does.", Range(0, 100)]`` becomes a `Param`, which parses words of a
magic, checks values of Python, and describes itself to help, completion, widgets and documentation.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from retouch_nb.errors import ParameterError, RetouchError, suggestion
from retouch_nb.mask import Mask
from retouch_nb.photo import Link, Photo


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Named:
    """Numbers that also have names: either is accepted, the number is kept."""

    names: Mapping[int, str]


@dataclass(frozen=True)
class Reads:
    """A field of its own kind: how to make its value from words or Python, and how to call it."""

    convert: Callable[[Any], Any]
    words: str


@dataclass(frozen=True)
class Delivery:
    """Marks a field that says how the result travels; it does not change the picture."""


class Unset:
    """The default of a field that has none."""

    def __repr__(self) -> str:
        return "required"


UNSET: Final = Unset()


@dataclass(frozen=True)
class Param:
    """One parameter of an operation, as read from its field.

    Attributes
    ----------
    name : str
        As in Python.
    doc : str
        One or two sentences.
    type : type
        ``int``, ``float``, ``str``, ``bool``, ``Photo``, ``Mask``, or ``object`` for kinds of their own.
    default : object
        `UNSET` when the parameter is required.
    choices : mapping
        Accepted values and the name of each; empty when any value of the type will do.
    range : Range or None
        Bounds of a number.
    optional : bool
        None is accepted.
    delivery : bool
        Says how the result travels and does not change the picture.
    links : bool
        A picture may be given by its address, for the service to fetch.
    reads : Reads or None
        How a value of its own kind is made.

    Examples
    --------
    >>> strength = Param("strength", "How much.", int, 37, range=Range(0, 100))
    >>> strength.read("60"), strength.flag, strength.accepts
    (60, '--strength', 'a whole number, 0 to 100')
    >>> strength.read("160")
    Traceback (most recent call last):
    ...
    retouch_nb.errors.ParameterError: --strength 160 is not accepted: a whole number, 0 to 100. ...
    """

    name: str
    doc: str
    type: type
    default: Any = UNSET
    choices: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    range: Range | None = None
    optional: bool = False
    delivery: bool = False
    links: bool = False
    reads: Reads | None = None

    @property
    def flag(self) -> str:
        """The option of a magic, e.g. ``--scale-factor``."""
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """There is no default."""
        return self.default is UNSET

    @property
    def picture(self) -> bool:
        """The value is a photo or a mask."""
        return self.type in {Photo, Mask}

    @property
    def accepts(self) -> str:
        """What is accepted, in words."""
        if self.choices:
            return "one of " + ", ".join(self._spellings())
        if self.reads:
            return self.reads.words
        words = _WORDS.get(self.type, self.type.__name__)
        return f"{words}, {self.range}" if self.range else words

    def values(self) -> list[str]:
        """Every accepted word, when they can be listed: for completion."""
        return ["true", "false"] if self.type is bool else self._spellings()

    def read(self, given: Any) -> Any:
        """Check one value, given as a word or in Python, and return it as the operation keeps it.

        Raises
        ------
        ParameterError
            Not accepted; the message names the option, the value and what would be.
        """
        if given is None and (self.optional or self.default is None):
            return None
        try:
            return self._read(given)
        except RetouchError:
            raise
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._refusal(given, error) from None

    def _read(self, given: Any) -> Any:
        if self.reads:
            return self.reads.convert(given)
        if self.choices:
            return self._choice(given)
        value = _CONVERT[self.type](given)
        if self.range and not self.range.low <= value <= self.range.high:
            raise ValueError
        return value

    def _choice(self, given: Any) -> Any:
        word = str(given).strip().lower()
        for value, name in self.choices.items():
            if not isinstance(given, bool) and word in {str(value).lower(), name.lower()}:
                return value
        raise ValueError

    def _refusal(self, given: Any, error: Exception) -> ParameterError:
        reason = str(error) if self.reads and str(error) else self.accepts
        near = suggestion(str(given), self.choices.values()) if self.choices else ""
        guess = near.split(" Known:")[0] if "Did you mean" in near else ""
        return ParameterError(
            f"{self.flag} {given} is not accepted: {reason}.",
            advice=f"Nothing was sent. {guess}".strip(),
        )

    def _spellings(self) -> list[str]:
        words = [str(value) for value in self.choices]
        names = [name for value, name in self.choices.items() if name != str(value)]
        return words + names


def params(declared: type) -> tuple[Param, ...]:
    """Read the parameters of a dataclass in the order of its constructor, those of delivery last.

    Examples
    --------
    >>> @dataclass
    ... class Blur:
    ...     radius: Annotated[int, "How far, in pixels.", Range(1, 9)] = 3
    >>> params(Blur)[0].accepts
    'a whole number, 1 to 9'
    """
    return _params(declared)


@cache
def _params(declared: Any) -> tuple[Param, ...]:
    hints = get_type_hints(declared, include_extras=True)
    found = [_param(f, hints[f.name]) for f in dataclasses.fields(declared) if f.init]
    return tuple(sorted(found, key=lambda param: param.delivery))


def _param(declared: "dataclasses.Field[Any]", hint: Any) -> Param:
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else [hint]
    members = get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)
    kinds = [member for member in members if member not in {type(None), Link}]
    literal = [value for k in kinds if get_origin(k) is Literal for value in get_args(k)]
    named = next((note.names for note in notes if isinstance(note, Named)), None)
    reads = next((note for note in notes if isinstance(note, Reads)), None)
    return Param(
        name=declared.name,
        doc=next((note for note in notes if isinstance(note, str)), ""),
        type=object if reads else type(literal[0]) if literal else kinds[0],
        default=UNSET if declared.default is dataclasses.MISSING else declared.default,
        choices=named or {value: str(value) for value in literal},
        range=next((note for note in notes if isinstance(note, Range)), None),
        optional=type(None) in members,
        delivery=any(isinstance(note, Delivery) for note in notes),
        links=Link in members,
        reads=reads,
    )


def _whole(given: Any) -> int:
    if isinstance(given, bool):
        raise ValueError
    number = float(given)
    if number != math.floor(number):
        raise ValueError
    return int(number)


def _number(given: Any) -> float:
    if isinstance(given, bool) or not math.isfinite(float(given)):
        raise ValueError
    return float(given)


def _truth(given: Any) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    return words[str(given).strip().lower()]


_CONVERT: Final[Mapping[type, Callable[[Any], Any]]] = {
    int: _whole,
    float: _number,
    bool: _truth,
    str: str,
}
_WORDS: Final[Mapping[type, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Photo: "a photo: path, address, variable",
    Mask: "a mask: path, address, variable",
}
