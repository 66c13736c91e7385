"""What the package stands on: its extras, and the licence of everything an installation brings."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from typing import NamedTuple

from retouch_nb.reference.tables import table
from retouch_nb.requirements import PROJECT, PURPOSES, Requirement, extras, is_of_an_extra


class Licensed(NamedTuple):
    """An installed distribution and its licence, in the words of its own metadata."""

    name: str
    version: str
    licence: str


def extra_table() -> str:
    """Give every extra, what it is for, and what it brings."""
    rows = [
        (f"`{name}`", PURPOSES.get(name, ""), ", ".join(needed.name for needed in brought))
        for name, brought in extras().items()
    ]
    return table(("extra", "for", "brings"), rows)


def licence_table() -> str:
    """Give the licence of everything that ``pip install retouch_nb`` brings."""
    return table(("package", "version", "licence"), licences())


def licences() -> list[Licensed]:
    """Follow the requirements from this package down; its extras are the choice of whoever asks for them.

    What a marker leaves out on this machine is not installed and not listed.

    Examples
    --------
    >>> [found.name for found in licences() if found.name.startswith("http")]
    ['httpcore', 'httpx']
    """
    found: dict[str, Licensed] = {}
    waiting = sorted(_required(PROJECT))
    while waiting:
        name = waiting.pop()
        if _plain(name) not in found and (installed := _installed(name)):
            found[_plain(name)] = Licensed(name, installed.version, _licence(installed))
            waiting += sorted(_required(name))
    return [found[name] for name in sorted(found)]


def _required(name: str) -> set[str]:
    lines = requires(name) or ()
    return {Requirement.read(line).name for line in lines if not is_of_an_extra(line)}


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(installed: Distribution) -> str:
    """Take the SPDX expression, else the classifier, else the first line of the free field."""
    told = installed.metadata
    classified = [
        line.rpartition("::")[2].strip()
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::") and line != "License :: OSI Approved"
    ]
    free = told["License"].strip().partition("\n")[0] if "License" in told else ""
    expression = told["License-Expression"] if "License-Expression" in told else ""  # noqa: SIM401
    return expression or ", ".join(classified) or free or "not told"
