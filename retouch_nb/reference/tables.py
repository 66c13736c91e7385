"""Tables in Markdown, each read from one declaration: operations, options, settings, errors, the engine's calls."""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from retouch_nb import errors
from retouch_nb.config import Retouch
from retouch_nb.contract import Operation, Provider
from retouch_nb.describe import limits_text, markdown_table, summary
from retouch_nb.engine import SERVED, Engine, EngineSettings, Fault
from retouch_nb.magics.listing import listing
from retouch_nb.magics.manage import commands
from retouch_nb.magics.manual import price_text
from retouch_nb.magics.operations import MagicOptions, grammar_of
from retouch_nb.magics.words import SHORT
from retouch_nb.params import params
from retouch_nb.providers import operations, providers
from retouch_nb.reference.docstrings import attributes, below, code

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Write a table in Markdown.

    Examples
    --------
    >>> print(table(("option", "accepts"), [("`--as`", "png | jpg")]))
    | option | accepts |
    |---|---|
    | `--as` | png \| jpg |
    """
    lines = [head, ["---"] * len(head), *rows]
    written = [
        [code(" ".join(cell.split())).replace("|", "\\|") for cell in line] for line in lines
    ]
    start, rule, *body = (" | ".join(line) for line in written)
    return "\n".join(
        [f"| {start} |", f"|{rule.replace(' ', '')}|", *(f"| {line} |" for line in body)]
    )


def operation_table() -> str:
    """Give one line for each operation: what it does, at which service, for how much, to which photos."""
    head = ("magic", "what it does", "service", "price there", "photos")
    rows = [
        (f"`%{name}`", summary(kind), kind.provider.title, price_text(kind), limits_text(kind))
        for name, kind in operations().items()
    ]
    return table(head, rows)


def parameters() -> str:
    """Give the parameters of every operation, one table each."""
    return "\n\n".join(
        f"**`%{name}`** ({operation.provider.title}). {summary(operation)} Photos {limits_text(operation)}.\n\n"
        f"{markdown_table(operation)}"
        for name, operation in operations().items()
    )


def notebooks() -> str:
    """Give one line for each notebook of a checkout: its title and the first sentence of its text."""
    found = sorted(NOTEBOOKS.glob("*.ipynb"))
    return "\n".join(
        f"- [{title}](notebooks/{path.name}). {told}"
        for path in found
        for title, told in [_opening(path)]
    )


def _opening(path: Path) -> tuple[str, str]:
    first = "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])
    title, _, text = first.partition("\n")
    sentence = re.match(r".+?[.:](?=\s|$)", " ".join(text.split()))
    return title.lstrip("# "), sentence[0].rstrip(".:") + "." if sentence else ""


def options(operation: type[Operation] | None = None) -> str:
    """Give the options that every operation's magic takes; of one operation with its own values."""
    short = {flag: f"`{letter}`, " for letter, flag in SHORT.items()}
    known = grammar_of(operation).flags if operation else {}
    shared = [known.get(param.flag, param) for param in params(MagicOptions)]
    rows = [
        (f"{short.get(p.flag, '')}`{p.flag}`", p.doc, "" if p.type is bool else p.accepts)
        for p in shared
    ]
    return table(("option", "meaning", "accepts"), rows)


def magics() -> str:
    """Give one line for every magic that the extension registers."""
    rows = [(f"`%{m.name}`" + (f", `%%{m.name}`" if m.cell else ""), m.summary) for m in listing()]
    return table(("magic", "what it does"), rows)


def command_table() -> str:
    """Give the commands of ``%retouch_nb``."""
    return table(("command", "what it does"), [(f"`{usage}`", told) for usage, told in commands()])


def settings() -> str:
    """Give what ``%config Retouch`` changes."""
    rows = [
        (f"`{name}`", trait.help, f"`{trait.default()!r}`")
        for name, trait in sorted(Retouch.class_own_traits(config=True).items())
    ]
    return table(("setting", "meaning", "default"), rows)


def environment() -> str:
    """Give the environment variables: those of every service, and our own."""
    rows = [row for provider in providers().values() for row in _variables(provider)]
    own = [
        ("`RETOUCH_NB_HOME`", "folder of journal and cache"),
        ("`NO_COLOR`", "errors without colour"),
    ]
    return table(("variable", "meaning"), [*rows, *own])


def _variables(provider: Provider) -> Iterator[tuple[str, str]]:
    yield f"`{provider.key_env}`", f"key of {provider.title}; get one at <{provider.key_page}>"
    yield f"`{provider.base_env}`", f"address instead of `{provider.base_url}`"
    elsewhere = provider.balance.elsewhere if provider.balance else {}
    if "base_env" in elsewhere:
        told = f"address of the balance instead of `{elsewhere['base_url']}`"
        yield f"`{elsewhere['base_env']}`", told


def error_tree() -> str:
    """Give the tree of errors as it stands in the module that defines it."""
    tree = (errors.__doc__ or "").partition("::\n\n")[2]
    lines = [line.removeprefix("    ") for line in tree.rstrip().splitlines()]
    return "\n".join(["```", *lines, "```"])


def calls() -> str:
    """Give every call the engine answers on a port, those of an owner's choice included."""
    engine = Engine(dataclasses.replace(SERVED, fault_route=True, limits_route=True))
    rows = [(f"`{line.method}`", f"`{line.path}`", line.purpose) for line in engine.routes()]
    engine.close()
    return table(("method", "path", "what it does"), rows)


def faults() -> str:
    """Give what can be made to go wrong on purpose."""
    told = below(Fault)
    return table(("fault", "what it does"), [(f"`{f.value}`", told[f.name]) for f in Fault])


def engine_settings() -> str:
    """Give what the owner of an engine decides, and what holds on a port."""
    told = attributes(EngineSettings.__doc__ or "")
    rows = [(f"`{name}`", text, f"`{getattr(SERVED, name)!r}`") for name, text in told.items()]
    return table(("setting", "meaning", "on a port"), rows)
