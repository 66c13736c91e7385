"""Tables of the README, written from the declarations between markers, so that they cannot lie."""

import re
from pathlib import Path

from retouch_nb import errors
from retouch_nb.describe import limits_text, markdown_table, summary
from retouch_nb.providers import operations, providers

MARK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def update(readme: Path, *, write: bool = True) -> bool:
    """Put fresh tables between the markers of a file.

    Returns
    -------
    bool
        True when the file was up to date already.
    """
    before = readme.read_text("utf-8")
    after = MARK.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", before)
    if write and after != before:
        readme.write_text(after, "utf-8")
    return after == before


def parameters() -> str:
    """Give the parameters of every operation, one table each."""
    return "\n\n".join(
        f"**`%{name}`** ({operation.provider.title}). {summary(operation)} Photos {limits_text(operation)}.\n\n"
        f"{markdown_table(operation)}"
        for name, operation in operations().items()
    )


def environment() -> str:
    """Give the environment variables of every service."""
    rows = [
        f"| `{p.key_env}` | key of {p.title}; get one at <{p.key_page}> |\n"
        f"| `{p.base_env}` | address instead of `{p.base_url}` |"
        for p in providers().values()
    ]
    rows.append("| `RETOUCH_NB_HOME` | folder of journal and cache |")
    return "\n".join(["| variable | meaning |", "|---|---|", *rows])


def error_tree() -> str:
    """Give the tree of errors as it stands in the module that defines it."""
    tree = (errors.__doc__ or "").partition("::\n\n")[2]
    return (
        "```\n"
        + "\n".join(line.removeprefix("    ") for line in tree.rstrip().splitlines())
        + "\n```"
    )


TABLES = {"parameters": parameters, "environment": environment, "errors": error_tree}
