"""The list of known jobs, as a table that shows itself."""

from dataclasses import dataclass
from datetime import UTC, datetime

from retouch_nb.table import Table

HEAD = ("id", "service", "operation", "state", "started", "expires", "cost", "task id")


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
    expires_at : float or None
        Unix time at which the service is expected to drop the result.
    cost : str
    task_id : str
        Id at the service.
    """

    id: str
    service: str
    operation: str
    state: str
    started_at: float
    expires_at: float | None = None
    cost: str = ""
    task_id: str = ""

    def cells(self) -> tuple[str, ...]:
        """Give the row as text, in the order of the table's head."""
        return (
            self.id,
            self.service,
            self.operation,
            self.state,
            _moment(self.started_at),
            "" if self.expires_at is None else _moment(self.expires_at),
            self.cost,
            self.task_id,
        )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


class JobTable(list[JobRow]):
    """Jobs, the newest first; a list that shows itself as a table.

    Examples
    --------
    >>> print(JobTable([JobRow("a1", "PicWish", "enhance", "running", 0.0, None, "2 credits", "t-9")]))
    id  service  operation  state    started           expires  cost       task id
    a1  PicWish  enhance    running  1970-01-01 ...             2 credits  t-9
    """

    def __repr__(self) -> str:
        return repr(self._table()) if self else "No jobs yet."

    def _table(self) -> Table:
        return Table(HEAD, [row.cells() for row in self])

    def _repr_html_(self) -> str:
        return self._table()._repr_html_() if self else "<p>No jobs yet.</p>"
