"""What the package asks for: its own requirements, and those of each extra, with the oldest version that will do.

Read from the project's own file in a checkout, whose installed metadata may be old, else from the metadata.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final, NamedTuple

PROJECT: Final = "retouch_nb"

PURPOSES: Final[Mapping[str, str]] = {
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

FOR_DEVELOPERS: Final = frozenset({"demo", "test", "bench"})
"""Extras that nobody lacks who only works with photos."""

_LINE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?[^;>]*(?:>=\s*(?P<lowest>[\w.]+))?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")


class Requirement(NamedTuple):
    """A library, the oldest version that will do (empty: any), and whether only some machines need it.

    Examples
    --------
    >>> Requirement.read("nest-asyncio>=1.6; python_version < '3.14'")
    Requirement(name='nest-asyncio', lowest='1.6', sometimes=True)
    >>> Requirement.read("pyvips[binary]>=2.2.3").name
    'pyvips'
    """

    name: str
    lowest: str = ""
    sometimes: bool = False

    @classmethod
    def read(cls, line: str) -> "Requirement":
        """Read a line as packaging tools write it; who asks for an extra has met that condition."""
        wanted, _, marker = line.partition(";")
        found = _LINE.match(wanted)
        assert found, line
        condition = re.sub(rf"\s*(?:and\s+)?{_EXTRA.pattern}\s*", "", marker).strip()
        return cls(found["name"], found["lowest"] or "", bool(condition))

    def met_by(self, found: str) -> bool:
        """Tell whether an installed version is no older than the oldest that will do.

        Examples
        --------
        >>> Requirement("httpx", "0.27").met_by("0.28.1"), Requirement("pillow", "11").met_by("9.5")
        (True, False)
        """
        return _numbers(found) >= _numbers(self.lowest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version.partition("+")[0])))


def required() -> list[Requirement]:
    """Give what every installation needs; nothing where the package is not installed at all."""
    project = _project()
    if project:
        return [Requirement.read(line) for line in project["dependencies"]]
    return [Requirement.read(line) for line in _metadata() if not is_of_an_extra(line)]


def extras() -> dict[str, list[Requirement]]:
    """Give what each extra needs, by its name."""
    project = _project()
    if project:
        declared: dict[str, list[str]] = project["optional-dependencies"]
    else:
        declared = {}
        for line in _metadata():
            if found := _EXTRA.search(line):
                declared.setdefault(found[1], []).append(line)
    return {name: [Requirement.read(line) for line in lines] for name, lines in declared.items()}


def is_of_an_extra(line: str) -> bool:
    """Tell whether a line of somebody's metadata holds for those alone who ask for an extra."""
    return _EXTRA.search(line) is not None


def installed(name: str) -> str:
    """Give the installed version of a distribution, empty where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@cache
def _project() -> dict[str, Any]:
    """Read the table of the project's file; empty outside a checkout, where others leave such files too."""
    import tomllib  # only a checkout's doctor and reference need it

    file = Path(__file__).parents[1] / "pyproject.toml"
    if not file.is_file():
        return {}
    project: dict[str, Any] = tomllib.loads(file.read_text("utf-8")).get("project", {})
    return project if project.get("name") == PROJECT else {}


def _metadata() -> list[str]:
    try:
        return requires(PROJECT) or []
    except PackageNotFoundError:
        return []
