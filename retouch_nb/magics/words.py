"""The words of a magic, told apart: which are options, which belong to which parameter. Nothing is converted.

The options are those of `Param`, so a parameter is declared once and never named here.
"""

import difflib
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from retouch_nb.errors import ParameterError
from retouch_nb.params import Param

SHORT = {"-o": "--output", "-h": "--help"}

_PIECES = re.compile(
    r"""\\. | "(?:\\.|[^"\\])*" | '[^']*' | (?P<comment>(?<!\S)\#) | .""", re.VERBOSE | re.DOTALL
)


def tidy(line: str) -> tuple[str, bool]:
    """Drop a trailing comment and semicolon; also tell whether there was a semicolon.

    Examples
    --------
    >>> tidy("portrait.jpg --type face;  # eyes and lips")
    ('portrait.jpg --type face', True)
    """
    end = next((m.start() for m in _PIECES.finditer(line) if m["comment"]), len(line))
    text = line[:end].rstrip()
    return text.rstrip("; \t"), text.endswith(";")


def split(line: str) -> list[str]:
    """Split a line at blanks outside quotes, as a shell does; on Windows a backslash is just itself.

    Raises
    ------
    ParameterError
        A quote is not closed.

    Examples
    --------
    >>> split("'my photo.png' --scale-factor 2")
    ['my photo.png', '--scale-factor', '2']
    """
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = "" if os.sep == "\\" else "\\"
    try:
        return list(lexer)
    except ValueError as error:
        raise ParameterError(
            f"A quote is not closed in: {line.strip()}",
            advice="Nothing was sent. Put names with blanks between two quotes of one kind.",
        ) from error


def is_flag(word: str) -> bool:
    """Tell an option from a value; a negative number is a value."""
    return re.match(r"--?[A-Za-z]", word) is not None


def nearest(word: str, known: Iterable[str]) -> str:
    """Ask whether a known word that begins so, or is similar, was meant; empty when there is none.

    Examples
    --------
    >>> nearest("--scal", ["--scale-factor", "--type"])
    "Did you mean '--scale-factor'?"
    """
    names = list(known)
    begin = [name for name in names if name.startswith(word)]
    near = begin or difflib.get_close_matches(word, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Grammar:
    """The words one magic understands.

    Attributes
    ----------
    magic : str
        Its name.
    params : tuple of Param
        Every option.
    positional : tuple of Param
        Those of them that may be given without their option, in this order.
    body : Param or None
        The parameter that takes lines of a cell's body which are no options.
    """

    magic: str
    params: tuple[Param, ...]
    positional: tuple[Param, ...]
    body: Param | None = None

    @cached_property
    def flags(self) -> dict[str, Param]:
        """Every option by its flag."""
        return {param.flag: param for param in self.params}

    def named(self, flag: str) -> Param | None:
        """Find an option by its flag: short, or with underscores, if people like."""
        return self.flags.get(SHORT.get(flag, flag).replace("_", "-"))

    def read(self, line: str, body: str = "") -> dict[str, str]:
        """Sort the words of a line and of a cell's body by parameter.

        Raises
        ------
        ParameterError
            An unknown option, a missing value, a word too many, something given twice.
        """
        words = split(line)
        if {"--help", "-h"} & set(words):
            return {"help": "true"}
        given = _Given(self)
        for word in self._loose(words, given):
            given.put_next(word)
        self._read_body(body, given)
        return given.words

    def _loose(self, words: list[str], given: "_Given") -> Iterator[str]:
        """Take the options out of some words and give the others."""
        rest = iter(words)
        for word in rest:
            if is_flag(word):
                flag, equals, value = word.partition("=")
                param = self._option(flag)
                given.put(param, value if equals else self._value(param, rest))
            else:
                yield word

    def _option(self, flag: str) -> Param:
        param = self.named(flag)
        if param is None:
            guess = nearest(flag, self.flags) or f"%{self.magic} --help lists the options."
            raise ParameterError(
                f"%{self.magic} has no option {flag}.", advice=f"Nothing was sent. {guess}"
            )
        return param

    def _value(self, param: Param, rest: Iterator[str]) -> str:
        if param.type is bool:
            return "true"
        value = next(rest, None)
        if value is None or self.named(value):
            raise ParameterError(
                f"{param.flag} needs a value: {param.accepts}.", advice="Nothing was sent."
            )
        return value

    def _read_body(self, body: str, given: "_Given") -> None:
        """Read ``--option value`` and ``key: value`` lines; the others are the text of one parameter, where they stand."""
        free = [""] * len(body.splitlines())
        for number, line in enumerate(body.splitlines()):
            written = tidy(line)[0]
            text = written.strip()
            key, colon, value = text.partition(":")
            param = self.named(f"--{key.strip()}") if colon else None
            if param:
                given.put(param, _unquoted(value.strip()))
            elif is_flag(text):
                free[number] = "\n".join(self._loose(split(text), given))
            elif text:
                free[number] = written
        first = next(filter(None, free), "")
        if first:
            # Errors of who reads it name its lines and columns.
            given.put(self._free(first.strip()), "\n".join(free).rstrip())

    def _free(self, line: str) -> Param:
        if self.body is None:
            keys = [flag.removeprefix("--") for flag in self.flags]
            guess = nearest(line.partition(":")[0], keys) or "Write one option a line: key: value."
            raise ParameterError(
                f"%%{self.magic} does not understand the line {line!r}.",
                advice=f"Nothing was sent. {guess}",
            )
        return self.body


class _Given:
    """Words by parameter, each parameter once."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.words: dict[str, str] = {}
        self._next = iter(grammar.positional)

    def put(self, param: Param, word: str) -> None:
        if param.name in self.words:
            raise ParameterError(
                f"{param.name} is given twice: {self.words[param.name]!r} and {word!r}.",
                advice="Nothing was sent. Values with blanks need quotes.",
            )
        self.words[param.name] = word

    def put_next(self, word: str) -> None:
        param = next(self._next, None)
        if param is None:
            places = " and ".join(place.name for place in self.grammar.positional) or "only options"
            raise ParameterError(
                f"%{self.grammar.magic} takes {places}; {word!r} is one word too many.",
                advice="Nothing was sent. Options begin with --, values with blanks need quotes.",
            )
        self.put(param, word)


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
