"""The semicolon that hides a figure, moved to where IPython looks for it.

IPython puts a magic's line into a call, semicolon and all; behind the call it hides what a cell shows
and leaves ``r = %enhance photo;`` its value.
"""

import ast
import re
from collections.abc import Callable, Container

from retouch_nb.magics.words import tidy

_CALL = re.compile(
    r"(?P<before>.*get_ipython\(\)\.run_line_magic\('(?P<name>\w+)', )(?P<words>.+)\)\n?"
)


def semicolons(names: Container[str]) -> Callable[[list[str]], list[str]]:
    r"""Make the transformer of a cell's lines, for the magics of these names.

    Examples
    --------
    >>> move = semicolons({"enhance"})
    >>> move(["r = get_ipython().run_line_magic('enhance', 'cat.png;  # not now')"])
    ["r = get_ipython().run_line_magic('enhance', 'cat.png');\n"]
    """

    def move(lines: list[str]) -> list[str]:
        return [_moved(line, names) for line in lines]

    return move


def _moved(line: str, names: Container[str]) -> str:
    call = _CALL.fullmatch(line)
    if call is None or call["name"] not in names:
        return line
    try:
        words, hidden = tidy(ast.literal_eval(call["words"]))
    except (ValueError, SyntaxError, TypeError):
        return line
    return f"{call['before']}{words!r});\n" if hidden else line
