"""What a person is asked when a request may be paid already: look, take it for lost, or pay again.

The question is a plain line of input, which every front end, terminal and screen reader knows; where nobody can answer, nobody is
asked.
"""

import inspect
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TextIO

from retouch_nb.errors import UnknownOutcomeError

Ask = Callable[[str], str]


class Choice(StrEnum):
    """What can be done, by the word that is typed for it."""

    LOOK = "look"
    LOST = "lost"
    AGAIN = "again"


MEANS = {
    Choice.LOOK: "ask the service what is left on the account",
    Choice.LOST: "it never arrived: drop the record; nothing is sent now",
    Choice.AGAIN: "send it again, and pay again",
}


def choose(
    error: UnknownOutcomeError, *, ask: Ask | None, look: Callable[[], str]
) -> Choice | None:
    """Ask until something is decided.

    Parameters
    ----------
    error : UnknownOutcomeError
        What is not known. It is asked about only if it was before this request: nobody decides about money by surprise.
    ask : callable or None
        Shows a question and gives what was typed; raises `EOFError` or `NotImplementedError` where nobody can answer.
    look : callable
        Tells the balance.

    Returns
    -------
    Choice or None
        `Choice.LOST` or `Choice.AGAIN`; None where everything is to stay as it is.

    Examples
    --------
    >>> error = UnknownOutcomeError("Sent before.", job_id="j1", earlier=True)
    >>> answers = iter(["look", "lost"])
    >>> choose(error, ask=lambda question: next(answers), look=lambda: "PicWish: 98 credits")
    <Choice.LOST: 'lost'>
    """
    if ask is None or not error.earlier:
        return None
    seen = ""
    while True:
        match _answer(ask, _question(error, seen)):
            case Choice.LOOK:
                seen = look()
            case choice:
                return choice


def ask_whoever_is_there(question: str, *, stdin: TextIO | None = None) -> str:
    """Ask at the prompt of the cell or terminal; raises `EOFError` where there is none."""
    stdin = stdin or sys.stdin
    in_a_cell = not inspect.isbuiltin(input)  # a kernel puts its own in its place
    if not in_a_cell and not (stdin and stdin.isatty()):
        raise EOFError
    return input(question)


def _answer(ask: Ask, question: str) -> Choice | None:
    try:
        typed = ask(question).strip().lower()
    except (EOFError, NotImplementedError):  # a front end without input raises the latter
        return None
    return next((choice for choice in Choice if typed == choice), None)


def _question(error: UnknownOutcomeError, seen: str) -> str:
    lines = [f"  {choice:<6} {means}" for choice, means in MEANS.items()]
    asked = "What shall be done? Enter leaves everything as it is: "
    return "\n".join([error.what, *filter(None, [seen]), *lines, asked])
