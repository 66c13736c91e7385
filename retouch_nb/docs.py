"""Where the reference goes: into the README between its markers, into the stub beside it, and into a folder as pages."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from retouch_nb.errors import ParameterError
from retouch_nb.reference import measured, stubs, tables
from retouch_nb.reference.dependencies import extra_table
from retouch_nb.reference.pages import write as write

README = Path(__file__).parents[1] / "README.md"
"""Of a checkout."""

MARK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def update(readme: Path, *, write: bool = True) -> bool:
    """Put fresh tables between the markers of a file; with that of a checkout, write the types of its functions anew.

    Returns
    -------
    bool
        True when everything was up to date already.

    Raises
    ------
    ParameterError
        There is no such file.
    """
    if not readme.is_file():
        raise ParameterError(
            f"There is no {readme} whose tables could be written.",
            advice="Name a folder for the pages: python -m retouch_nb docs FOLDER.",
        )
    before = readme.read_text("utf-8")
    after = MARK.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", before)
    if write and after != before:
        readme.write_text(after, "utf-8")
    typed = readme.resolve() != README or stubs.update(write=write)
    return typed and after == before


TABLES: Mapping[str, Callable[[], str]] = {
    "notebooks": tables.notebooks,
    "operations": tables.operation_table,
    "parameters": tables.parameters,
    "options": tables.options,
    "magics": tables.magics,
    "commands": tables.command_table,
    "settings": tables.settings,
    "environment": tables.environment,
    "errors": tables.error_tree,
    "calls": tables.calls,
    "faults": tables.faults,
    "extras": extra_table,
    "measured": measured.readme_table,
}
"""What may stand between markers of the README, by the word in them."""
