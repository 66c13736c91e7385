"""The types of the operations' functions, for editors and type checkers, which cannot make them of a class as Python does."""

from pathlib import Path

from retouch_nb.contract import Operation
from retouch_nb.describe import docstring, run_params, signature
from retouch_nb.params import UNSET, Param, params
from retouch_nb.photo import Photo
from retouch_nb.providers import BUILT_IN

STUB = Path(__file__).parents[1] / "operations.pyi"

_HEAD = '''"""Written from the declarations by ``make docs``; change those."""

from typing import Any, Literal

from retouch_nb.edit import Edit
from retouch_nb.mask import MaskLike
from retouch_nb.photo import Link, PhotoLike
'''


def update(path: Path = STUB, *, write: bool = True) -> bool:
    """Write the stub anew; True when it was up to date already."""
    before, after = path.read_text("utf-8") if path.is_file() else "", text()
    if write and after != before:
        path.write_text(after, "utf-8")
    return after == before


def text() -> str:
    """Give the whole file."""
    return "\n\n".join([_HEAD, *map(_function, BUILT_IN)])


def _function(operation: type[Operation]) -> str:
    known = {param.name: param for param in (*params(operation), *run_params(operation))}
    lines: list[str] = []
    for name, parameter in signature(operation).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in lines:
            lines.append("*")
        lines.append(f"{name}: {type_text(known[name])}{_default(known[name])}")
    told = "".join(f"    {line}\n" if line else "\n" for line in docstring(operation).splitlines())
    head = "".join(f"    {line},\n" for line in lines)
    return f'def {operation.name}(\n{head}) -> Edit:\n    r"""{told.lstrip()}    """\n'


def type_text(param: Param) -> str:
    """Write what a parameter takes as a type.

    Examples
    --------
    >>> from retouch_nb.providers.picwish import RetouchObject
    >>> [type_text(param) for param in params(RetouchObject)][1:5]
    ['MaskLike | Link', 'MaskLike | Link | None', "Literal[1, ..., 'bags']", 'int']
    """
    taken = _taken(param)
    empty = taken != "Any" and (param.optional or param.default is None)
    return f"{taken} | None" if empty else taken


def _taken(param: Param) -> str:
    if param.picture:
        return ("PhotoLike" if param.type is Photo else "MaskLike") + " | Link" * param.links
    if param.reads:
        return "Any"
    if param.choices:
        words = dict.fromkeys([*param.choices, *param.choices.values()])
        numbers = {str(value) for value in param.choices if not isinstance(value, str)}
        return f"Literal[{', '.join(repr(word) for word in words if word not in numbers)}]"
    return param.type.__name__


def _default(param: Param) -> str:
    if param.default is UNSET:
        return ""
    shows = isinstance(param.default, bool | int | float | str | None)
    return f" = {param.default!r}" if shows else " = ..."
