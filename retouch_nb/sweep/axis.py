"""An axis of a sweep: a parameter and the values it takes, read from Python or from words.

Values are checked by the parameter's own declaration, so an axis accepts exactly what the operation does.
"""

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from retouch_nb.contract import HasSettings, Operation
from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.mask import HasMask
from retouch_nb.params import Param, params
from retouch_nb.photo import HasPhoto, Photo, open_photo

LONGEST_LABEL: Final = 60
"""Characters of a recipe beside its tiles."""

MOST_VALUES: Final = 10_000
"""On one axis: beyond this a range is a mistake."""

PROVIDER: Final = Param("provider", "Who does the work.", str, None, optional=True)

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_STEPS = re.compile(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}))?")
_COUNT = re.compile(rf"({_NUMBER})\.\.({_NUMBER})/(\d+)")


@dataclass(frozen=True)
class Axis:
    """One parameter and its values, in the order in which they are shown.

    Attributes
    ----------
    name : str
        Of the parameter; of a setting inside one, with the step before it: ``"Dodge Burn.Alpha1"``.
    values : tuple
        As the operation keeps them, each once.
    labels : tuple of str
        What is written beside the values, each once.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import RetouchObject
    >>> Axis.read(knob(RetouchObject, "retouch_strength", {}), "0:100:50")
    Axis(name='retouch_strength', values=(0, 50, 100), labels=('0', '50', '100'))
    """

    name: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def read(cls, knob: "Knob", given: Any) -> "Axis":
        """Read the values of an axis; equal ones count once.

        Raises
        ------
        ParameterError
            There are none, or one is not accepted.
        """
        named = dict(given) if isinstance(given, Mapping) else None
        values = list(named.values()) if named else _listed(knob.param, given)
        if not values:
            raise ParameterError(
                f"The axis {knob.name} has no values.",
                advice=f"Nothing was sent. Give some: {knob.name}=value,another.",
            )
        read = [knob.read(value) for value in values]
        words = (
            [str(word) for word in named]
            if named
            else [_label(knob.param, value, one) for value, one in zip(values, read, strict=True)]
        )
        kept = _each_once(read)
        return cls(
            knob.name,
            tuple(read[index] for index in kept),
            _apart([words[index] for index in kept]),
        )

    def picked(self, wanted: Iterable[int]) -> "Axis":
        """Keep the values at these places."""
        places = list(wanted)
        return Axis(
            self.name,
            tuple(self.values[place] for place in places),
            tuple(self.labels[place] for place in places),
        )

    def place_of(self, knob: "Knob", value: Any) -> int:
        """Find a value, given in any form in which it is accepted.

        Raises
        ------
        ParameterError
            It is not on the axis.
        """
        if isinstance(value, str) and value in self.labels:
            return self.labels.index(value)
        wanted = _fingerprint(knob.read(value))
        for place, held in enumerate(self.values):
            if _fingerprint(held) == wanted:
                return place
        raise ParameterError(
            f"{value!r} is not on the axis {self.name}.",
            advice=f"There are: {', '.join(self.labels)}.",
        )

    def joined(self, other: "Axis") -> "Axis":
        """Add the values of another axis that are new; numbers are put in order."""
        values = [*self.values, *other.values]
        words = [*self.labels, *other.labels]
        kept = _each_once(values)
        if all(isinstance(value, int | float) for value in values):
            kept.sort(key=values.__getitem__)
        return Axis(self.name, tuple(values[i] for i in kept), _apart([words[i] for i in kept]))


@dataclass(frozen=True)
class Knob:
    """What an axis turns.

    Attributes
    ----------
    name : str
    param : Param
        How its values are read.
    layer : str
        Name of the layer whose opacity stands for it; empty where every value needs a request.
    """

    name: str
    param: Param
    layer: str = ""

    @property
    def inner(self) -> bool:
        """It is a setting inside a parameter's value."""
        return "." in self.name

    @property
    def sent(self) -> bool:
        """Requests differ by it; the opacity of a layer is changed here and nowhere else."""
        return not self.layer or self.param.name != "opacity"

    def read(self, value: Any) -> Any:
        """Check one value as the operation would, and open pictures once for all combinations."""
        if not self.param.picture:
            return self.param.read(value)
        if value is None and self.param.optional:
            return None
        return open_photo(value) if self.param.type is Photo else value


def knob(operation: type[Operation], name: str, fixed: Mapping[str, Any]) -> Knob:
    """Find what a name stands for: a parameter, a setting inside one, or who does the work.

    Parameters
    ----------
    operation : type of Operation
    name : str
        Hyphens and underscores are the same.
    fixed : mapping
        Parameters that stay as they are; settings are looked for in them.

    Raises
    ------
    UnknownNameError
        There is no such parameter; the message guesses.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance
    >>> knob(Enhance, "scale-factor", {}).param.accepts
    'one of 1, 2, 4'
    """
    if "." in name:
        return _setting(operation, name, fixed)
    known = {param.name: param for param in (*params(operation), PROVIDER)}
    word = name.strip().lstrip("-").replace("-", "_")
    if word not in known:
        raise UnknownNameError.among(
            name, known, what=f"parameter of {operation.name}", advice="Nothing was sent."
        )
    return Knob(word, known[word])


def _setting(operation: type[Operation], name: str, fixed: Mapping[str, Any]) -> Knob:
    declared = {param.name: param for param in params(operation)}.get(operation.within)
    if declared is None:
        raise UnknownNameError.among(
            name,
            [param.name for param in params(operation)],
            what=f"parameter of {operation.name}",
            advice="Nothing was sent.",
        )
    value: HasSettings = declared.read(fixed.get(declared.name, declared.default))
    return Knob(name, value.setting(name), value.layer_of(name) if fixed.get("layers") else "")


def is_axis(param: Param, given: Any) -> bool:
    """Tell several values from one: a list, a range and whatever is counted through is an axis; a tuple may be one value.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import Enhance
    >>> [is_axis(knob(Enhance, "type", {}).param, given) for given in (["face"], "face", "face,clean")]
    [True, False, True]
    """
    if isinstance(given, str):
        return not (param.picture or param.reads) and bool(re.search(r"[,:*]|\.\.", given))
    if isinstance(given, Mapping):
        return not param.reads
    if param.picture and getattr(given, "ndim", 1) in {2, 3}:
        return False
    if isinstance(given, tuple):
        return param.reads is None
    single = bytes, bytearray, memoryview, HasPhoto, HasMask
    return isinstance(given, Iterable) and not isinstance(given, single)


def split_alternatives(param: Param, text: str) -> list[str]:
    """Split the words of an axis as typed in a magic: at commas, or at bars where a value has commas itself.

    Examples
    --------
    >>> from retouch_nb.providers.retouch4me import Retouch
    >>> split_alternatives(knob(Retouch, "steps", {}).param, "slight | balanced")
    ['slight', 'balanced']
    """
    pieces = [piece.strip() for piece in text.split("|" if param.reads else ",")]
    return [piece for piece in pieces if piece]


def _listed(param: Param, given: Any) -> list[Any]:
    """Give every value as given; ranges are counted out."""
    if isinstance(given, str) and not (param.picture or param.reads):
        pieces = split_alternatives(param, given)
        return [value for piece in pieces for value in _counted(param, piece)]
    if is_axis(param, given):
        plain = hasattr(given, "tolist") and getattr(given, "ndim", 1) == 1
        return list(given.tolist() if plain else given)
    return [given]


def _counted(param: Param, piece: str) -> list[Any]:
    if piece == "*" and (param.choices or param.type is bool):
        return list(param.choices) or [False, True]
    if steps := _STEPS.fullmatch(piece):
        return _stepped(param, piece, *(Decimal(number or "1") for number in steps.groups()))
    if count := _COUNT.fullmatch(piece):
        return _spread(param, piece, Decimal(count[1]), Decimal(count[2]), int(count[3]))
    if param.type in {int, float} and re.search(r":|\.\.", piece):
        raise _wrong(piece, "it is not written as one")
    return [piece]


def _stepped(param: Param, piece: str, start: Decimal, stop: Decimal, step: Decimal) -> list[Any]:
    """Count from start to stop, both included; in decimals, so that 0.1 stays 0.1."""
    if step == 0:
        raise _wrong(piece, "its step is zero")
    count = (stop - start) / step
    if count < 0:
        raise _wrong(piece, "its step leads away from its end")
    if count >= MOST_VALUES:
        raise _wrong(piece, f"it has more than {MOST_VALUES:,} values")
    return [_as(param, start + index * step) for index in range(int(count) + 1)]


def _spread(param: Param, piece: str, start: Decimal, stop: Decimal, count: int) -> list[Any]:
    """Give `count` values at equal distances, both ends included; rounded where only whole numbers are accepted."""
    if not 1 <= count <= MOST_VALUES:
        raise _wrong(piece, f"give a number of values from 1 to {MOST_VALUES:,} behind the slash")
    step = (stop - start) / (count - 1) if count > 1 else Decimal(0)
    values = [start + index * step for index in range(count)]
    return [_as(param, round(v) if param.type is int else v) for v in values]


def _as(param: Param, number: Decimal | int) -> Any:
    try:
        return int(number) if number == int(number) else float(round(Decimal(number), 12))
    except InvalidOperation:
        raise _wrong(str(number), f"{param.accepts} is accepted") from None


def _wrong(piece: str, why: str) -> ParameterError:
    return ParameterError(
        f"The range {piece} cannot be counted out: {why}.",
        advice="Nothing was sent. Write start:stop:step or start..stop/count; both ends are included.",
    )


def _each_once(values: Sequence[Any]) -> list[int]:
    seen: dict[Any, int] = {}
    for index, value in enumerate(values):
        seen.setdefault(_fingerprint(value), index)
    return list(seen.values())


def _fingerprint(value: Any) -> Any:
    """Give what makes values equal; pictures that are not opened yet are as different as objects are."""
    digest = getattr(value, "digest", None)
    if digest is not None:
        return digest
    try:
        return type(value).__name__, hash(value), value
    except TypeError:
        return id(value)


def _label(param: Param, given: Any, value: Any) -> str:
    """Write a value for people; a picture as it was given."""
    if value is None:
        return "default"
    if param.picture:
        return _picture_word(param, given, value)
    if param.choices and value in param.choices:
        return param.choices[value]
    if param.reads and isinstance(given, str):
        lines = "; ".join(filter(None, map(str.strip, given.splitlines())))
        return textwrap.shorten(lines, LONGEST_LABEL, placeholder=" ...")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "; ".join(",".join(map(str, one)) for one in value)
    return str(value)


def _picture_word(param: Param, given: Any, value: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return str(given)
    return str(getattr(value, "name", "")) or param.type.__name__.lower()


def _apart(words: Sequence[str]) -> tuple[str, ...]:
    """Give equal labels a number, so that each says which one it is."""
    count: Callable[[str], int] = list(words).count
    seen: dict[str, int] = {}
    found = []
    for word in words:
        seen[word] = seen.get(word, 0) + 1
        found.append(f"{word} {seen[word]}" if count(word) > 1 else word)
    return tuple(found)
