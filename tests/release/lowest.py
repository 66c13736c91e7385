"""Lower bounds as constraints for pip: ``name>=1.2`` of the project's file becomes ``name==1.2``.

``python tests/release/lowest.py EXTRA ...`` prints them; ``make lowest`` installs and tries them.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def constraints(lines: Iterable[str]) -> Iterator[str]:
    """Pin each requirement with a lower bound to it.

    >>> list(constraints(["httpx>=0.27", "numpy>=1.26,<3; python_version < '4'", "retouch_nb[demo]"]))
    ['httpx==0.27', "numpy==1.26; python_version < '4'"]
    """
    for line in lines:
        requirement, semicolon, marker = line.partition(";")
        bound = re.match(r"\s*([\w.-]+)>=([\w.]+)", requirement)
        if bound:
            yield f"{bound[1]}=={bound[2]}{semicolon}{marker}"


def main() -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    extras = [line for name in sys.argv[1:] for line in project["optional-dependencies"][name]]
    print("\n".join(constraints([*project["dependencies"], *extras])))


if __name__ == "__main__":
    main()
