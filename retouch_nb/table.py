"""A small table that shows itself: aligned text in a terminal, HTML in a notebook."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

LEAST = 12
"""Columns a cell keeps in a narrow terminal."""


@dataclass(frozen=True, repr=False)
class Table:
    """Rows of text under a head.

    Attributes
    ----------
    head : sequence of str
    rows : sequence of sequences of str
        Each as long as the head.

    Examples
    --------
    >>> Table(("service", "key"), [("PicWish", "PICWISH_API_KEY"), ("AILabTools", "none")])
    service     key
    PicWish     PICWISH_API_KEY
    AILabTools  none
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __repr__(self) -> str:
        return self.text(_columns())

    def text(self, most: int | None = None) -> str:
        """Write it as aligned text; with `most` columns to fit into, long cells go over several lines.

        Examples
        --------
        >>> print(Table(("magic", "what it does"), [("%enhance", "Sharpen a photo and enlarge it.")]).text(32))
        magic     what it does
        %enhance  Sharpen a photo and
                  enlarge it.
        """
        rows = [self.head, *self.rows]
        widths = _fitting([max(map(len, column)) for column in zip(*rows, strict=True)], most)
        return "\n".join(line for row in rows for line in _lines(row, widths))

    def _repr_html_(self) -> str:
        head, *body = self._html_rows()
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"

    def _html_rows(self) -> Iterator[str]:
        for tag, row in [("th", self.head), *(("td", row) for row in self.rows)]:
            cells = "".join(
                f'<{tag} style="text-align:left;padding:0.2em 0.9em 0.2em 0">{escape(cell)}</{tag}>'
                for cell in row
            )
            yield f"<tr>{cells}</tr>"


def _columns() -> int | None:
    """Give how wide a terminal is; a file, a pipe or a notebook is as wide as it needs to be."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitting(widths: list[int], most: int | None) -> list[int]:
    """Take from the widest columns until the line fits, and leave each enough for a word."""
    widths = list(widths)
    while most and sum(widths) + 2 * (len(widths) - 1) > most and max(widths) > LEAST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in zip_longest(*cells, fillvalue=""):
        padded = (part.ljust(width) for part, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


class Text(str):
    r"""Lines that a cell shows as they are, without quotes.

    Examples
    --------
    >>> Text("two\nlines")
    two
    lines
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
