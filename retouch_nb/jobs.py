"""The list of known jobs, as a table that shows itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

HEAD = ("id", "service", "operation", "state", "started", "expires in", "cost", "task id")


@dataclass(frozen=True)
class JobRow:
    """One job of the journal, of this kernel or an earlier one.

    Attributes
    ----------
    id : str
        For ``%retouch_nb resume ID``.
    service : str
        Who does the work.
    operation : str
    state : str
        ``planned``, ``sending``, ``accepted``, ``running``, ``fetched``, ``done``, ``failed``, ``unknown``,
        ``expired`` or ``stopped``.
    started_at : float
        Unix time.
    expires_in : float or None
        Seconds until the service drops the result; None when it is over or not known.
    cost : str
    task_id : str
        Id at the service.
    """

    id: str
    service: str
    operation: str
    state: str
    started_at: float
    expires_in: float | None = None
    cost: str = ""
    task_id: str = ""

    def cells(self) -> tuple[str, ...]:
        """Give the row as text, in the order of the table's head."""
        started = datetime.fromtimestamp(self.started_at, UTC).astimezone()
        left = "" if self.expires_in is None else f"{max(self.expires_in, 0) / 60:.0f} min"
        return (
            self.id,
            self.service,
            self.operation,
            self.state,
            f"{started:%Y-%m-%d %H:%M}",
            left,
            self.cost,
            self.task_id,
        )


class JobTable(list[JobRow]):
    """Jobs, the newest first; a list that shows itself as a table.

    Examples
    --------
    >>> print(JobTable([JobRow("a1", "PicWish", "enhance", "running", 0.0, 90.0, "2 credits", "t-9")]))
    id | service | operation | state | started | expires in | cost | task id
    a1 | PicWish | enhance | running | 1970-01-01 ... | 2 min | 2 credits | t-9
    """

    def __str__(self) -> str:
        return "\n".join(" | ".join(line) for line in self._lines()) if self else "No jobs yet."

    __repr__ = __str__

    def _lines(self) -> Iterator[tuple[str, ...]]:
        yield HEAD
        yield from (row.cells() for row in self)

    def _repr_html_(self) -> str:
        if not self:
            return "<p>No jobs yet.</p>"
        head, *body = (
            "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in line) + "</tr>"
            for tag, line in zip(["th", *["td"] * len(self)], self._lines(), strict=True)
        )
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
