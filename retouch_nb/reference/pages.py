"""The pages of the reference: one for each operation, and one for each of the other things that can be looked up."""

import inspect
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

import retouch_nb
from retouch_nb.commands import COMMANDS, parsers
from retouch_nb.contract import Operation
from retouch_nb.describe import limits_text, markdown_table, summary
from retouch_nb.magics.listing import listing
from retouch_nb.magics.manual import price_text
from retouch_nb.providers import operations
from retouch_nb.reference import measured, tables
from retouch_nb.reference.dependencies import extra_table, licence_table
from retouch_nb.reference.docstrings import call_text, markdown


def write(folder: Path) -> list[Path]:
    """Write the whole reference into a folder, which is made, and give its files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        path = folder / f"{name}.md"
        path.write_text(f"{text.strip()}\n", "utf-8")
        written.append(path)
    return written


def pages() -> dict[str, str]:
    """Give every page by the name of its file, the table of contents first."""
    found = {name: operation_page(kind) for name, kind in operations().items()}
    found |= {name: f"# {title}\n\n{body()}" for name, (title, body) in OTHERS.items()}
    return {"index": _index(found), **found}


def _index(found: dict[str, str]) -> str:
    titles = {name: text.partition("\n")[0].removeprefix("# ") for name, text in found.items()}
    lines = [f"- [{title}]({name}.md)" for name, title in titles.items()]
    return _joined(
        f"# Reference of retouch_nb {retouch_nb.__version__}",
        "Written from the declarations by `python -m retouch_nb docs FOLDER`.",
        "\n".join(lines),
    )


def operation_page(operation: type[Operation]) -> str:
    """Give all that is known about one operation."""
    name = operation.name
    return _joined(
        f"# %{name}",
        f"{summary(operation)} {operation.provider.title}; price there: {price_text(operation)};"
        " the embedded engine is free.",
        f"Photos {limits_text(operation)}.",
        "## Parameters",
        markdown_table(operation),
        "## Options of every run",
        tables.options(operation),
        "## In Python",
        f"`rn.{name}(...)` waits and gives an `Edit`; `rn.submit({name!r}, ...)` gives a `Job`.",
        "## Help of the magic",
        _block(next(magic.help for magic in listing() if magic.name == name)),
    )


def _magics() -> str:
    others = [magic for magic in listing() if magic.name not in operations()]
    helps = [f"## %{magic.name}\n\n{_block(magic.help)}" for magic in others]
    commands = ["## Commands of %retouch_nb", tables.command_table()]
    options = ["## Options of every operation", tables.options()]
    return _joined(tables.magics(), *options, *commands, *helps)


def _command_line() -> str:
    parts = [
        f"## {name}\n\n{COMMANDS[name].capitalize()}.\n\n{_block(parser.format_help())}"
        for name, parser in parsers()[1].items()
    ]
    return _joined("`python -m retouch_nb COMMAND`, in a terminal.", *parts)


def _engine() -> str:
    return _joined(
        "`python -m retouch_nb serve` puts it on a port.",
        tables.calls(),
        "## Faults on purpose",
        "Through `Engine(...).faults` in Python; through `/engine/faults` after `serve --faults`.",
        tables.faults(),
        "## What its owner decides",
        "Fields of `retouch_nb.engine.EngineSettings`.",
        tables.engine_settings(),
    )


def _python() -> str:
    names = [name for name in retouch_nb.__all__ if not name.startswith("__")]
    return _joined(*(_told(f"rn.{name}", getattr(retouch_nb, name)) for name in names))


def _told(name: str, thing: Any) -> str:
    """Describe a function, a class with its public methods, or refer to a module."""
    if isinstance(thing, types.ModuleType):
        return _joined(f"## {name}", "A module; see [the errors](errors.md).")
    if get_origin(thing) or not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return _joined(f"## {name}", " | ".join(f"`{part}`" for part in map(str, get_args(thing))))
    head = [
        f"## {name}",
        f"```python\n{call_text(name, thing)}\n```",
        markdown(inspect.getdoc(thing) or ""),
    ]
    return _joined(*head, *(_method(name, key, held) for key, held in _public(thing)))


def _public(thing: Any) -> Iterable[tuple[str, Any]]:
    """Give the documented methods and properties that a class defines itself."""
    held = vars(thing).items() if inspect.isclass(thing) else ()
    return [
        (name, value) for name, value in held if not name.startswith("_") and _documented(value)
    ]


def _documented(value: Any) -> bool:
    routine = inspect.isroutine(value) or isinstance(value, property) or hasattr(value, "func")
    return routine and bool(inspect.getdoc(value))


def _method(owner: str, name: str, held: Any) -> str:
    bare = getattr(held, "__func__", held)
    called = call_text(name, bare) if inspect.isroutine(bare) else name
    return _joined(
        f"### {owner}.{name}",
        f"`{called.replace('(self, ', '(').replace('(self)', '()')}`",
        markdown(inspect.getdoc(held) or ""),
    )


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```"


def _joined(*pieces: str) -> str:
    return "\n\n".join(piece for piece in pieces if piece)


OTHERS: dict[str, tuple[str, Callable[[], str]]] = {
    "magics": ("Magics", _magics),
    "command-line": ("The command line", _command_line),
    "settings": ("Settings: %config Retouch", tables.settings),
    "environment": ("Environment variables", tables.environment),
    "errors": ("Errors", tables.error_tree),
    "engine": ("The embedded engine's calls", _engine),
    "python": ("Python names", _python),
    "extras": ("Extras", extra_table),
    "measured": ("Measured", measured.page),
    "licences": ("Licences of what is installed", licence_table),
}
