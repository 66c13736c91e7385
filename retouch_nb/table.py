"""A small table that shows itself: aligned text in a terminal, HTML in a notebook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape


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
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.head, *self.rows)
        )

    def _repr_html_(self) -> str:
        head, *body = self._html_rows()
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"

    def _html_rows(self) -> Iterator[str]:
        for tag, row in [("th", self.head), *(("td", row) for row in self.rows)]:
            cells = "".join(
                f'<{tag} style="text-align:left">{escape(cell)}</{tag}>' for cell in row
            )
            yield f"<tr>{cells}</tr>"


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
