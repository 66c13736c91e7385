"""The one place where the image work is loaded: at the first task, never at import, for OpenCV takes its time."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Work: TypeAlias = Mapping[str, Callable[..., Any]]
"""Functions on arrays by name, with the signatures of `retouch_nb.imaging`."""

VERSION = "1"
"""Raised whenever a change to the image work or to encoding would give another picture for the same request."""


def version(model: Path | None, /) -> str:
    """Name the image work, a user's model included; `FileNotFoundError` when that is not there."""
    if model is None:
        return VERSION
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
