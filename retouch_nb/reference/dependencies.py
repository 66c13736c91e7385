"""What the package stands on: its extras, and the licence of everything an installation brings.

Read from the project's own file in a checkout, whose installed metadata may be old, else from the metadata.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, metadata, requires
from pathlib import Path
from typing import NamedTuple

from retouch_nb.reference.tables import table

PROJECT = "retouch_nb"

PURPOSES: Mapping[str, str] = {
    "fast": "object removal a sixth to a third faster, layers faster",
    "onnx": "a LaMa-style model of your own",
    "psd": "writing PSD files",
    "keyring": "remembering keys in the system's keyring",
    "dask": "batches on a cluster",
    "data": "data frames, Parquet manifests, photos behind s3:// and other addresses",
    "demo": "`make demo` and JupyterLab on the notebooks",
    "test": "everything the tests need",
    "bench": "`make bench`: the peers",
}

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")


class Licensed(NamedTuple):
    """An installed distribution and its licence, in the words of its own metadata."""

    name: str
    version: str
    licence: str


def extras() -> dict[str, list[str]]:
    """Give the requirements of every extra."""
    file = Path(__file__).parents[2] / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        return dict(project["optional-dependencies"])
    named = metadata(PROJECT).get_all("Provides-Extra") or []
    return {extra: [line.partition(";")[0] for line in _lines(PROJECT, extra)] for extra in named}


def _lines(name: str, extra: str) -> Iterator[str]:
    for line in requires(name) or ():
        found = _EXTRA.search(line)
        if found and found[1] == extra:
            yield line


def extra_table() -> str:
    """Give every extra, what it is for, and what it brings."""
    rows = [
        (f"`{name}`", PURPOSES.get(name, ""), ", ".join(_NAME.match(line)[0] for line in lines))  # type: ignore[index]
        for name, lines in extras().items()
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
    lines: Iterable[str] = requires(name) or ()
    return {m[0] for line in lines if not _EXTRA.search(line) and (m := _NAME.match(line))}


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
