"""``%sweep``, and ``--sweep`` of the operations' magics: words become axes, the sweep does the rest.

Several values are written with commas, ranges with colons or points; where a value has commas itself, bars part them.
"""

import re
import shlex
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import needs_local_scope, no_var_expand

from retouch_nb.contract import Operation
from retouch_nb.describe import RunOptions
from retouch_nb.errors import ParameterError
from retouch_nb.magics.completion import grammar_candidates
from retouch_nb.magics.magic import Candidate, Magic
from retouch_nb.magics.manual import described
from retouch_nb.magics.names import VARIABLE, picture, value
from retouch_nb.magics.words import Grammar, is_flag, split, tidy
from retouch_nb.params import Param, Range, Reads, params
from retouch_nb.providers import operation_named, operations
from retouch_nb.session import Session
from retouch_nb.sweep import Grid, Plan, laid_out, prepared
from retouch_nb.sweep.axis import PROVIDER, is_axis, split_alternatives
from retouch_nb.sweep.plan import AT_ONCE, MOST_CALLS, MOST_TILES
from retouch_nb.sweep.run import shown
from retouch_nb.table import Text

NAME = "sweep"

_PAIR = re.compile(r"(?P<name>[^\W\d][\w -]*(?:\.[\w -]+)?)\s*=\s*(?P<values>.*)", re.DOTALL)


def _page(given: Any) -> Path:
    path = Path(given).expanduser()
    if path.suffix.lower() not in {".html", ".htm"} or not path.parent.is_dir():
        raise ValueError("the path of an HTML file in a folder that exists")
    return path


@dataclass(frozen=True, kw_only=True)
class SweepOptions(RunOptions):
    """What ``%sweep`` takes beside the parameters of the operation."""

    max_calls: Annotated[
        int, "Refuse to make more new requests than this.", Range(0, MOST_TILES)
    ] = MOST_CALLS
    concurrency: Annotated[int, "Jobs at once.", Range(1, 64)] = AT_ONCE
    output: Annotated[
        str | None, "Store the grid under this name, also when it is stopped.", VARIABLE
    ] = None
    dry_run: Annotated[bool, "Say how many requests at what cost; send nothing."] = False
    save_html: Annotated[
        Path | None, "Write a page with filter and zoom.", Reads(_page, "the path of an HTML file")
    ] = None
    help: Annotated[bool, "Show this text."] = False


OPTIONS: Final = tuple(param for param in params(SweepOptions) if param.name != "explain")
"""An explanation is of one result: the cell of a tile gives it."""


def grammar_of(operation: type[Operation]) -> Grammar:
    """Give the words of a sweep of an operation."""
    own = params(operation)
    return Grammar(
        NAME,
        (*own, *OPTIONS),
        positional=tuple(param for param in own if not param.delivery),
    )


def swept(
    operation: type[Operation],
    words: Mapping[str, str],
    axes: Mapping[str, str],
    *,
    scope: Mapping[str, Any],
    session: Session,
    shell: InteractiveShell,
    options: SweepOptions,
) -> Grid | Plan:
    """Do what the words say.

    Parameters
    ----------
    operation : type of Operation
    words : mapping
        Parameters of the operation as typed.
    axes : mapping
        Further axes as typed; also settings inside a parameter.
    scope : mapping
        The notebook's variables.
    session, shell, options
        Where, for whom and how.
    """
    declared = {param.name: param for param in (*params(operation), PROVIDER)}
    typed = {**words, **axes}
    named = {
        name: _values(declared[key], text, scope)
        if (key := _key(name)) in declared
        else value(text, scope)
        for name, text in typed.items()
    }
    provider = _values(PROVIDER, options.provider, scope) if options.provider else None
    layout = laid_out(
        operation, named, provider, words=typed, restore_outside=options.restore_outside
    )
    made = prepared(
        layout,
        session,
        view=shown,
        fresh=options.fresh,
        max_credits=options.max_credits,
        max_calls=options.max_calls,
        concurrency=options.concurrency,
        dry_run=options.dry_run,
    )
    if isinstance(made, Plan):
        return made
    if options.output:
        shell.push({options.output: made})  # type: ignore[no-untyped-call]
    made.run(fresh=options.fresh)
    if options.save_html:
        made.save_html(options.save_html)
    return made


def pairs(text: str) -> dict[str, str]:
    """Read ``name=values; name=values``.

    Raises
    ------
    ParameterError
        A part has no equals sign.

    Examples
    --------
    >>> pairs("Dodge Burn.Alpha1=0:2:0.5; type=1,2")
    {'Dodge Burn.Alpha1': '0:2:0.5', 'type': '1,2'}
    """
    found = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise ParameterError(
                f"{part!r} is not an axis.",
                advice="Nothing was sent. Write name=values; name=values.",
            )
        found[pair["name"].strip()] = pair["values"].strip()
    return found


def _key(name: str) -> str:
    return name.strip().replace("-", "_")


def _values(param: Param, text: str, scope: Mapping[str, Any]) -> Any:
    """Give what a word means: one value, or several as a list or a mapping of labels."""
    if param.picture:
        return _pictures(param, text, scope)
    meant = value(text, scope)
    if meant is not text:
        return meant
    if param.type in {int, float} and text in scope:
        return scope[text]  # no number is written so
    pieces = split_alternatives(param, text)
    if param.reads or param is PROVIDER:
        return pieces if len(pieces) > 1 else text
    return text if text else pieces


def _pictures(param: Param, text: str, scope: Mapping[str, Any]) -> Any:
    if text in scope and is_axis(param, scope[text]):
        return scope[text]
    meant = value(text, scope)
    if meant is not text:
        return meant
    pieces = split_alternatives(param, text)
    if len(pieces) < 2 or Path(text).expanduser().exists():
        return picture(text, scope, kind=param.type)
    return {piece: picture(piece, scope, kind=param.type) for piece in pieces}


def sweep_magic(shell: InteractiveShell, session: Session) -> Magic:
    """Make ``%sweep``."""

    @needs_local_scope
    @no_var_expand
    def run(line: str, local_ns: dict[str, Any] | None = None) -> Any:
        words = split(tidy(line)[0])
        if not words or {"--help", "-h"} & set(words):
            return Text(run.__doc__)
        operation = operation_named(words[0].lstrip("%"))
        given, axes = _told_apart(grammar_of(operation), words[1:])
        options = SweepOptions(
            **{p.name: p.read(given.pop(p.name)) for p in OPTIONS if p.name in given}
        )
        return swept(
            operation,
            given,
            axes,
            scope=ChainMap(local_ns or {}, shell.user_ns),
            session=session,
            shell=shell,
            options=options,
        )

    run.__name__ = run.__qualname__ = NAME
    run.__doc__ = _manual()
    return Magic(NAME, run, lambda *at: _candidates(shell, *at))


def _told_apart(grammar: Grammar, words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Tell parameters and options from axes over settings inside a parameter."""
    plain, inner = [], {}
    for word in words:
        pair = None if is_flag(word) else _PAIR.fullmatch(word)
        if pair and "." in pair["name"]:
            inner[pair["name"]] = pair["values"]
        else:
            plain.append(f"--{pair['name']}={pair['values']}" if pair else word)
    return grammar.read(shlex.join(plain)), inner


def _candidates(
    shell: InteractiveShell, before: Sequence[str], fragment: str
) -> Iterator[Candidate]:
    """Complete the operation, then its parameters as ``name=`` and their values."""
    if not before:
        yield from (Candidate(name, "operation") for name in operations())
        return
    if before[0] not in operations():
        return
    grammar = grammar_of(operations()[before[0]])
    name, equals, last = fragment.partition("=")
    param = grammar.named(f"--{name}") if equals and not is_flag(fragment) else None
    if param:
        done = last.rpartition(",")[0]
        start = f"{name}={done}," if done else f"{name}="
        yield from (Candidate(f"{start}{word}", "value") for word in param.values())
        return
    yield from grammar_candidates(grammar, shell.user_ns, before[1:], fragment)
    if not is_flag(fragment):
        yield from (Candidate(f"{p.name}=", "axis") for p in grammar.positional)


def _manual() -> str:
    return "\n".join(
        [
            "Run an operation over every combination of some values, and show the results as a grid.",
            "",
            "    %sweep OPERATION PHOTO [MASK] name=values name=values [options]",
            "    %sweep enhance cat.png type=clean,face scale_factor=1,2,4",
            '    %sweep retouch portrait --layers "Dodge Burn.Alpha1=0:1:0.25"',
            "",
            "values     1,2,4      one after the other; where a value has commas itself: slight | balanced",
            "           0:100:20   from, to, step; both ends included",
            "           0..100/6   so many at equal distances",
            "           *          all that are accepted",
            "           $name      a variable, or {expression}",
            "",
            "Any parameter of the operation can be varied, photos, masks and provider too; a setting of one step of a",
            "recipe is written with its step. What is cached is not asked for again: run it anew, and only what is missing",
            "is made.",
            "",
            "How to run it",
            *described(OPTIONS),
        ]
    )
