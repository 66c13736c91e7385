"""A tile written as the cell that makes it again."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from retouch_nb.contract import Operation
from retouch_nb.params import Param, params

if TYPE_CHECKING:
    from retouch_nb.sweep.plan import Request


def magic(
    request: "Request", pictures: Mapping[str, str] | None = None, *, restore_outside: bool = False
) -> str:
    """Write the magic, and below it what is done to the layers here.

    Parameters
    ----------
    request : Request
    pictures : mapping, optional
        What photos and masks are called in the notebook, by parameter; by their own names when left out.
    restore_outside : bool, keyword-only
        The original is put back outside the mask.
    """
    operation = request.asked or request.operation
    parts = [*_parts(operation, request.provider, pictures or {})]
    line = f"%{' '.join([*parts, *['--restore-outside'] * restore_outside])}"
    if not request.opacities or request.estimate:
        return line
    changes = "".join(f".adjust({name!r}, opacity={o:g})" for name, o in request.opacities.items())
    return f"edit = {line}\nedit.layers{changes}"


def _parts(
    operation: Operation, provider: str | None, pictures: Mapping[str, str]
) -> Iterator[str]:
    yield operation.name
    for param in params(type(operation)):
        value = getattr(operation, param.name)
        if param.picture and value is not None:
            word = shlex.quote(pictures.get(param.name) or getattr(value, "name", "") or param.name)
            yield word if param.name == "photo" else f"{param.flag} {word}"
        elif not param.picture and value != param.default:
            yield _option(param, value)
    if provider:
        yield f"--provider {provider}"


def _option(param: Param, value: Any) -> str:
    if value is True:
        return param.flag
    return f"{param.flag} {shlex.quote(_word(value))}"


def _word(value: Any) -> str:
    """Write a value so that its own parameter reads it."""
    if hasattr(value, "payload"):
        return str(value.payload)
    if isinstance(value, tuple):
        return json.dumps([list(one) if isinstance(one, tuple) else one for one in value])
    return f"{value:g}" if isinstance(value, float) else str(value)
