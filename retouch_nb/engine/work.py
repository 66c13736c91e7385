"""The one place where the image work is loaded: at a service's first task, never at import, for OpenCV takes its time."""

import hashlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from retouch_nb.errors import ParameterError

Work: TypeAlias = Mapping[str, Callable[..., Any]]
"""Functions on arrays by name, with the signatures of `retouch_nb.imaging`."""

VERSION = "2"
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


WHERE: Mapping[str, str] = {
    "fill": "retouch_nb.imaging.fill:fill",
    "method": "retouch_nb.imaging.fill:method",
    "enhance": "retouch_nb.imaging.enhance:enhance",
    "examine": "retouch_nb.imaging.enhance:examine",
    "automatic_factor": "retouch_nb.imaging.enhance:automatic_factor",
    "retouch": "retouch_nb.imaging.objects:retouch",
    "match": "retouch_nb.imaging.style:match",
    "portrait": "retouch_nb.imaging.portrait.recipe:perform",
}
"""Where each function is; a service loads its own and no other's."""


class _Brought(Mapping[str, Callable[..., Any]]):
    """The image work this package brings, each function imported when it is first asked for."""

    def __getitem__(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = pkgutil.resolve_name(WHERE[name])
        return function

    def __iter__(self) -> Iterator[str]:
        return iter(WHERE)

    def __len__(self) -> int:
        return len(WHERE)


def image_work() -> Work:
    """Give the image work this package brings."""
    return _Brought()
