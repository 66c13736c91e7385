"""What makes a magic: its name, the function that runs it, and the words that may come next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias


class Candidate(NamedTuple):
    """A word that may stand at the cursor, and what it is: option, value, variable, path, command."""

    text: str
    kind: str


Completes: TypeAlias = Callable[[Sequence[str], str], Iterable[Candidate]]
"""Gives what may follow the words before the cursor, beginning with the unfinished word at it."""


@dataclass(frozen=True)
class Magic:
    """One magic, ready to be registered.

    Attributes
    ----------
    name : str
        Without percent signs.
    run : callable
        Takes the line; with `cell`, also the body of a cell. Its docstring is the help.
    completes : callable
        Gives the candidates at the cursor.
    cell : bool
        There is a form for a whole cell.
    """

    name: str
    run: Callable[..., Any]
    completes: Completes
    cell: bool = False
