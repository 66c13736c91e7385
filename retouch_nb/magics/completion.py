"""Completion inside our magics: options, their values, variables and files, and nothing else.

A matcher of the completer itself, because only such a one can ask the others, Jedi above all, to be silent.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from retouch_nb.errors import ParameterError
from retouch_nb.magics.magic import Candidate, Completes, Magic
from retouch_nb.magics.names import FILE, paths, variables
from retouch_nb.magics.words import Grammar, is_flag, split
from retouch_nb.params import Param

_CALL = re.compile(r"(?:^|=)\s*%{1,2}(?P<name>\w+)\s+(?P<words>.*)$", re.DOTALL)
_CELL = re.compile(r"\s*%%(?P<name>\w+)")
_KEY = re.compile(r"\s*(?P<key>[\w-]+):\s*(?P<words>.*)$")
_WORD = re.compile(r"""(?: "[^"]*(?:"|$) | '[^']*(?:'|$) | \\. | [^\s"'\\] )+""", re.VERBOSE)


class Place(NamedTuple):
    """Where the cursor is: in which magic, after which words, in which unfinished word.

    `key` tells that this is the beginning of a line in a cell's body.
    """

    magic: str
    before: Sequence[str]
    fragment: str
    key: bool = False


def place(text: str, line: int, column: int, names: Container[str]) -> Place | None:
    """Find the magic around the cursor; None outside of those with these names.

    Parameters
    ----------
    text : str
        The whole cell.
    line, column : int
        Of the cursor, from 0.
    names : container of str
        Of our magics.

    Examples
    --------
    >>> place("r = %enhance cat.png --ty", 0, 25, {"enhance"})
    Place(magic='enhance', before=['cat.png'], fragment='--ty', key=False)
    """
    lines = text.split("\n")
    here = lines[line][:column]
    cell = _CELL.match(text)
    if cell and cell["name"] in names and line > text[: cell.start("name")].count("\n"):
        return _in_body(cell["name"], here)
    call = _CALL.search(_continued(lines[:line]) + here)
    return Place(call["name"], *_words(call["words"])) if call and call["name"] in names else None


def _continued(lines: Sequence[str]) -> str:
    """Join the lines above that end in a backslash: they belong to the same magic."""
    start = len(lines)
    while start and lines[start - 1].endswith("\\"):
        start -= 1
    return "".join(line[:-1] + " " for line in lines[start:])


def _in_body(name: str, here: str) -> Place:
    entry = _KEY.match(here)
    if entry:
        return Place(name, [f"--{entry['key']}"], entry["words"])
    before, fragment = _words(here)
    return Place(name, before, fragment, key=not before and not fragment.startswith("-"))


def _words(text: str) -> tuple[list[str], str]:
    """Tell finished words from the one at the cursor, which keeps its quote."""
    found = list(_WORD.finditer(text))
    start = found[-1].start() if found and found[-1].end() == len(text) else len(text)
    try:
        return split(text[:start]), text[start:]
    except ParameterError:
        return [], text[start:]


def grammar_candidates(
    grammar: Grammar, scope: Mapping[str, Any], before: Sequence[str], fragment: str
) -> Iterator[Candidate]:
    """Give what may stand at the cursor in a magic whose words follow a grammar."""
    flag, equals, _ = fragment.partition("=")
    if equals and (param := grammar.named(flag)):
        values = _values(param, scope, fragment[len(flag) + 1 :])
        yield from (Candidate(f"{flag}={text}", kind) for text, kind in values)
        return
    param = grammar.named(before[-1]) if before else None
    if param and param.type is not bool:
        yield from _values(param, scope, fragment)
        return
    position = len(_loose(grammar, before))
    if position < len(grammar.positional) and not fragment.startswith("-"):
        yield from _values(grammar.positional[position], scope, fragment)
    if not fragment or fragment.startswith("-"):
        used = [grammar.named(word.partition("=")[0]) for word in before]
        yield from (Candidate(p.flag, "option") for p in grammar.params if p not in used)


def _loose(grammar: Grammar, words: Sequence[str]) -> list[str]:
    """Give the words that are neither options nor values of options."""
    loose, rest = [], iter(words)
    for word in rest:
        param = grammar.named(word.partition("=")[0])
        if not is_flag(word):
            loose.append(word)
        elif param and param.type is not bool and "=" not in word:
            next(rest, None)
    return loose


def _values(param: Param, scope: Mapping[str, Any], fragment: str) -> Iterator[Candidate]:
    if param.picture:
        yield from (Candidate(name, "variable") for name in variables(scope, param.type))
    if param.picture or param.reads is FILE:
        quote = fragment[:1] if fragment[:1] in {"'", '"'} else ""
        yield from (
            Candidate(_quoted(path, quote), "path") for path in paths(fragment[len(quote) :])
        )
    yield from (Candidate(text, "value") for text in param.values())


def _quoted(path: str, quote: str) -> str:
    """Quote a path that needs it; a folder stays open, so that one can go on."""
    quote = quote or ("'" if re.search(r"[\s;#]", path) else "")
    return f"{quote}{path}{'' if path.endswith('/') else quote}"


def matcher(magics: Iterable[Magic]) -> Any:
    """Make the matcher to be appended to a completer's ``custom_matchers``."""
    completes: dict[str, Completes] = {magic.name: magic.completes for magic in magics}

    @context_matcher(identifier="retouch_nb.matcher")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        cursor = context.cursor_line, context.cursor_position
        found = place(context.full_text, *cursor, completes)
        if found is None:
            return SimpleMatcherResult(completions=[])
        return SimpleMatcherResult(
            completions=_simple(found, completes[found.magic]),
            matched_fragment=found.fragment,
            suppress=True,
            ordered=True,
        )

    return match


def _simple(found: Place, completes: Completes) -> list[SimpleCompletion]:
    """Keep what begins like the fragment; the fragment itself when nothing does.

    IPython grants silence only to a matcher that offers something.
    """
    candidates = list(completes(found.before, found.fragment))
    if found.key:
        flags = completes([], "-")
        candidates = [Candidate(f"{flag.removeprefix('--')}: ", kind) for flag, kind in flags]
    typed = found.fragment.lstrip("'\"")
    fitting = [c for c in candidates if c.text.lstrip("'\"").startswith(typed)]
    return [SimpleCompletion(text, type=kind) for text, kind in fitting] or [
        SimpleCompletion(found.fragment)
    ]
