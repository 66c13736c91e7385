"""The list of known jobs, as a table that shows itself."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retouch_nb.table import Table

HEAD = ("id", "service", "operation", "state", "started", "expires", "cost", "task id")
WAITING = ("sending", "accepted", "running", "fetched", "unknown")
"""States of jobs that may have been paid and whose result nobody has seen yet."""

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


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

    def cells(self, now: float | None = None) -> tuple[str, ...]:
        """Give the row as text, in the order of the table's head; ages as of `now`."""
        now = time.time() if now is None else now
        return (
            self.id,
            self.service,
            self.operation,
            self.state,
            f"{_moment(self.started_at)}, {_span(now - self.started_at)} ago",
            "" if self.expires_at is None else _due(self.expires_at, now),
            self.cost,
            self.task_id,
        )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


def _due(at: float, now: float) -> str:
    return f"{_moment(at)}, {'over' if at <= now else f'in {_span(at - now)}'}"


def _span(seconds: float) -> str:
    """Give a time as one number.

    Examples
    --------
    >>> _span(7100), _span(42)
    ('1 h', '42 s')
    """
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in UNITS if whole >= size), UNITS[-1])
    return f"{whole // size} {unit}"


def may_wait(home: Path) -> bool:
    """Look quickly whether the journal of a folder holds a paid job that is not over; never waits, never complains.

    Examples
    --------
    >>> may_wait(Path("/no/such/folder"))
    False
    """
    query = f"select 1 from jobs where not free and state in {WAITING} limit 1"
    path = home / "journal.sqlite3"
    try:
        if not path.is_file():
            return False
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", 0, uri=True)) as file:
            return file.execute(query).fetchone() is not None
    except (sqlite3.Error, OSError):  # a folder that may not even be looked into
        return False


class JobTable(list[JobRow]):
    """Jobs, the newest first; a list that shows itself as a table.

    Examples
    --------
    >>> print(JobTable([JobRow("a1", "PicWish", "enhance", "running", 0.0, None, "2 credits", "t-9")]))
    id  service  operation  state    started  expires  cost       task id
    a1  PicWish  enhance    running  1970-01-01 ... ago            2 credits  t-9
    """

    def __repr__(self) -> str:
        return repr(self._table()) if self else "No jobs yet."

    def _table(self) -> Table:
        return Table(HEAD, [row.cells() for row in self])

    def _repr_html_(self) -> str:
        return self._table()._repr_html_() if self else "<p>No jobs yet.</p>"
