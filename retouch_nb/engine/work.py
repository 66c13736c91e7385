"""The one place where the image work is loaded: at the first task, never at import, for OpenCV takes its time."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from retouch_nb.errors import ParameterError

Work: TypeAlias = Mapping[str, Callable[..., Any]]
"""Functions on arrays by name, with the signatures of `retouch_nb.imaging`."""

VERSION = "1"
"""Raised whenever a change to the image work or to encoding would give another picture for the same request."""


def version(model: Path | None, /) -> str:
    """Name the image work, a user's model included; `ParameterError` when that is not there."""
    if model is None:
        return VERSION
    if not model.is_file():
        advice = "Correct the path, or unset it to do without a model."
        raise ParameterError(f"There is no model at {model}.", advice=advice)
    state = model.stat()
    mark = hashlib.sha256(f"{model.name} {state.st_size} {state.st_mtime_ns}".encode())
    return f"{VERSION}+{mark.hexdigest()[:8]}"


@functools.cache
def image_work() -> Work:
    """Load the image work this package brings."""
    from retouch_nb.imaging import enhance, fill, objects

    return {
        "fill": fill.fill,
        "enhance": enhance.enhance,
        "automatic_factor": enhance.automatic_factor,
        "retouch": objects.retouch,
    }
