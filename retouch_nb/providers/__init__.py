"""The services this package knows, and the table of what they can do.

A service is one module here. An installed package adds its own through the entry-point group ``retouch_nb``,
each entry naming an `Operation` class.
"""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from retouch_nb.contract import Operation, Provider
from retouch_nb.errors import UnknownNameError
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch

BUILT_IN: tuple[type[Operation], ...] = (Inpaint, Enhance, RetouchObject, MatchStyle, Retouch)


@cache
def operations() -> dict[str, type[Operation]]:
    """Give every known operation by its name, the built-in ones first.

    Examples
    --------
    >>> list(operations())[:2]
    ['inpaint', 'enhance']
    """
    installed = brought(entry_points(group="retouch_nb"))
    return {operation.name: operation for operation in (*BUILT_IN, *installed)}


def brought(entries: Iterable[EntryPoint]) -> Iterator[type[Operation]]:
    """Load what other packages bring; a broken one is named in a warning, and all others work."""
    for entry in entries:
        try:
            operation = entry.load()
            if not _is_whole(operation):
                raise TypeError("it is no Operation with a name and a provider")
        except Exception as error:
            warnings.warn(
                f"The operation {entry.name!r} is left out, for {entry.value} cannot be loaded: {error}",
                stacklevel=3,
            )
        else:
            yield operation


def _is_whole(found: object) -> bool:
    own = isinstance(found, type) and issubclass(found, Operation)
    return own and bool(getattr(found, "name", "") and getattr(found, "provider", None))


def operation_named(name: str) -> type[Operation]:
    """Find an operation by its name.

    Raises
    ------
    UnknownNameError
        There is none; the message names the nearest.
    """
    known = operations()
    if name not in known:
        raise UnknownNameError.among(name, known, what="operation")
    return known[name]


def providers() -> dict[str, Provider]:
    """Give every known service by its short name."""
    return {operation.provider.name: operation.provider for operation in operations().values()}


def provider_named(name: str) -> Provider:
    """Find a service by its short name.

    Raises
    ------
    UnknownNameError
        There is none; the message names the nearest.
    """
    known = providers()
    if name not in known:
        raise UnknownNameError.among(name, known, what="service")
    return known[name]
