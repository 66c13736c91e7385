"""The record of what was asked for and paid: written before the first byte leaves, shared by all notebooks.

One SQLite file. A row that a killed process left behind is told from one in progress by a lock that dies with it.
"""

import dataclasses
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from retouch_nb.client.cadence import NEWEST
from retouch_nb.client.pace import next_turn
from retouch_nb.client.task import Earlier, State, become, earlier, truth
from retouch_nb.contract import Price
from retouch_nb.errors import HomeError, UnknownNameError

VERSION: Final = 1
BUSY_SECONDS: Final = 5.0
CAME_TO_NOTHING: Final = {State.FAILED, State.STOPPED}
"""States that say nothing of an equal job before them: one that may be paid still stands."""

OLD: Final = 30 * 86_400
"""Seconds after which the row of a free job that is over is dropped; what may have been paid stays."""


@dataclass(frozen=True)
class Entry:
    """One job as the journal knows it; never a key, never a picture.

    Attributes
    ----------
    id : str
        Our own id of the job.
    identity : str
        Hash over the request and its maker: equal for equal requests.
    operation, provider, maker, version, base_url : str
        What was asked for, of whom, and where.
    options, pictures : mapping
        Options that differ from their defaults; SHA-256 of the pictures by parameter.
    state : State
        See `State`.
    ticket : str
        Id of the task at the service.
    link : str
        Where the result is, for services that keep no task to ask after; gone when fetched.
    result : str
        SHA-256 of the result's bytes, when they are in the cache.
    note : str
        Last error, one or two sentences.
    credits, credits_note : int or None, str
        The price as far as it is known.
    free : bool
        Made by the embedded engine.
    remarks : tuple of str
        What the maker said of the result, and our own warnings.
    repetition : str
        The ``Idempotency-Key`` under which it was sent, empty where the service takes none.
    owner : str
        Which client is or was sending it.
    created_at, updated_at, expires_at : float
        Unix time; the service is expected to keep the result until ``expires_at``.
    """

    id: str
    identity: str
    operation: str
    provider: str
    maker: str
    version: str
    base_url: str
    state: State = State.PLANNED
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    ticket: str = ""
    link: str = field(default="", repr=False)
    result: str = ""
    note: str = ""
    credits: int | None = None
    credits_note: str = ""
    free: bool = False
    remarks: tuple[str, ...] = ()
    repetition: str = field(default="", repr=False)
    owner: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    expires_at: float | None = None

    @property
    def price(self) -> Price:
        """What it costs."""
        return Price(0) if self.free else Price(self.credits, self.credits_note)

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        return "free" if self.free else str(self.price)

    def expired(self, now: float) -> bool:
        """Tell whether the service is expected to have dropped it."""
        return self.expires_at is not None and now >= self.expires_at

    def overdue(self, now: float) -> bool:
        """Tell whether the clock alone says that the task is over: asking the service costs nothing, a new task does."""
        is_open = self.state in {State.ACCEPTED, State.RUNNING}
        return is_open and bool(self.ticket or self.link) and self.expired(now)

    def means(self, now: float, *, idempotent: bool) -> Earlier:
        """Say what this job means for a new request that equals it."""
        known = bool(self.ticket or self.link or self.state is State.UNKNOWN)
        # By a clock that was set back nobody knows how long ago it was sent.
        idempotent = idempotent and self.created_at <= now
        return earlier(self.state, idempotent=idempotent, askable=known and not self.expired(now))


def new_id() -> str:
    """Make an id that a person can type."""
    return secrets.token_hex(4)


class Journal:
    """The jobs of all notebooks that share one folder; safe for threads and processes.

    Parameters
    ----------
    home : Path
        The folder; made with rights for its owner alone when first used.
    clock : callable
        Unix seconds.
    busy : float
        Seconds to wait for another process that holds the file.

    Raises
    ------
    HomeError
        From every method, when the file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()))
    >>> entry = Entry("a1", "f00d", "enhance", "picwish", "PicWish", "", "https://example.org")
    >>> journal.move(journal.begin(entry), State.SENDING).state
    <State.SENDING: 'sending'>
    >>> journal.close()
    """

    def __init__(
        self, home: Path, *, clock: Callable[[], float] = time.time, busy: float = BUSY_SECONDS
    ) -> None:
        self.path = home / "journal.sqlite3"
        self._home = home
        self._clock = clock
        self._busy = busy
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._presence: Presence | None = None

    def begin(self, entry: Entry, *, again: bool = False, idempotent: bool = False) -> Entry:
        """Write down a new job, unless an earlier one of the same request stands in its way.

        Parameters
        ----------
        entry : Entry
            The job, not yet sent.
        again : bool
            Whatever was before: the person wants to send (and pay) again.
        idempotent : bool
            The service recognises a repetition.

        Returns
        -------
        Entry
            The new job, or the earlier one.
        """
        with self._transaction() as database:
            before = None if again else self._standing(database, entry, idempotent=idempotent)
            if before is not None:
                return before
            now = self._clock()
            begun = dataclasses.replace(
                entry, created_at=now, updated_at=now, owner=self._present().token
            )
            self._insert(database, begun)
            return begun

    def standing(self, entry: Entry, *, idempotent: bool = False) -> Entry | None:
        """Give the earlier job that stands in the way of this one, if there is any; see `Entry.overdue`."""
        with self._transaction() as database:
            return self._standing(database, entry, idempotent=idempotent)

    def move(self, entry: Entry, state: State, **facts: Any) -> Entry:
        """Write down what was found out about a job, as one step.

        It survives a power cut where that decides about money: before a paid request leaves, and when its task is known. What
        else a power cut takes is found out again for nothing. Facts may be ``ticket``, ``link``, ``result``, ``note``, ``remarks``, ``expires_at``. What somebody else
        found out later stands.
        """
        durable = state in {State.SENDING, State.ACCEPTED} and not entry.free
        with self._transaction(durable=durable) as database:
            known = self._one(database, "where id = ?", entry.id) or entry
            to = become(known.state, state)
            if to is not state:
                return known
            if state is State.SENDING:
                facts["owner"] = self._present().token
            moved = dataclasses.replace(known, state=to, updated_at=self._clock(), **facts)
            self._write(database, moved)
            return moved

    def find(self, job_id: str) -> Entry:
        """Give a job by its id.

        Raises
        ------
        UnknownNameError
            There is no such job.
        """
        with self._transaction() as database:
            return self._find(database, job_id)

    def made(self, identity: str, result: str) -> Entry | None:
        """Give the newest job that brought a result, by request and SHA-256 of the bytes."""
        where = "where identity = ? and result = ? order by rowid desc limit 1"
        with self._transaction() as database:
            return self._one(database, where, identity, result)

    def entries(self) -> list[Entry]:
        """Give all jobs, the newest first."""
        with self._transaction() as database:
            return [self._true(database, entry) for entry in self._all(database)]

    def waiting(self) -> list[Entry]:
        """Give the paid jobs whose result nobody has seen and nobody alive waits for, the newest first."""
        open_ended = {State.ACCEPTED, State.RUNNING, State.FETCHED, State.UNKNOWN}
        return [
            entry
            for entry in self.entries()
            if entry.state in open_ended
            and not entry.free
            and not is_present(self._home, entry.owner)
        ]

    def mine(self, entry: Entry) -> bool:
        """Tell whether it is this journal's client that sends it."""
        return self._presence is not None and entry.owner == self._presence.token

    def seconds(self, entry: Entry) -> list[float]:
        """Give how long the latest jobs of the same operation and maker took."""
        query = (
            "select updated_at - created_at from jobs where operation = ? and maker = ? and state = 'done' "
            "order by rowid desc limit 20"
        )
        with self._transaction() as database:
            found = database.execute(query, (entry.operation, entry.maker))
            return [seconds for (seconds,) in found]

    def forget(self, job_id: str) -> str:
        """Drop a job, also one whose row is damaged, and give its id at the service.

        An equal request is then sent, and paid, as if it had never been.
        """
        with self._transaction() as database:
            query = "select ticket from jobs where id = ?"
            row = database.execute(query, (job_id,)).fetchone()
            if row is None:
                self._find(database, job_id)
            database.execute("delete from jobs where id = ?", (job_id,))
            return str(row[0])

    def turn(self, lane: str, spacing: float, now: float) -> float:
        """Reserve the next turn of a lane and give its time; see `Pace`."""
        with self._transaction() as database:
            row = database.execute("select free_from from pace where lane = ?", (lane,)).fetchone()
            mine, following = next_turn(row[0] if row else now, spacing, now)
            database.execute("insert or replace into pace values (?, ?)", (lane, following))
            return mine

    def hold(self, lane: str, until: float) -> None:
        """Give no turn of a lane before `until`."""
        with self._transaction() as database:
            database.execute(
                "insert into pace values (?, ?) on conflict (lane) do update "
                "set free_from = max(free_from, excluded.free_from)",
                (lane, until),
            )

    def learn(self, alike: str, seconds: float, megapixels: float) -> None:
        """Remember how long a task took at the service; the newest of each kind stay."""
        with self._transaction() as database:
            database.execute("insert into lasted values (?, ?, ?)", (alike, seconds, megapixels))
            database.execute(
                "delete from lasted where alike = ? and rowid not in "
                "(select rowid from lasted where alike = ? order by rowid desc limit ?)",
                (alike, alike, NEWEST),
            )

    def lasted(self, alike: str) -> list[tuple[float, float]]:
        """Give seconds and megapixels of earlier tasks of a kind, the newest first."""
        with self._transaction() as database:
            newest = "select seconds, megapixels from lasted where alike = ? order by rowid desc"
            return list(database.execute(newest, (alike,)))

    def close(self) -> None:
        """Let go of the files; used again, it opens them again."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            if self._presence is not None:
                self._presence.release()
            self._database = self._presence = None

    def _standing(
        self, database: sqlite3.Connection, entry: Entry, *, idempotent: bool
    ) -> Entry | None:
        where = "where identity = ? and base_url = ? order by rowid desc"
        now = self._clock()
        found = list(self._all(database, where, entry.identity, entry.base_url))
        known = (each if each.overdue(now) else self._true(database, each) for each in found)
        before = next((each for each in known if each.state not in CAME_TO_NOTHING), None)
        means = before and before.means(now, idempotent=idempotent)
        return None if means in {None, Earlier.NOTHING} else before

    def _find(self, database: sqlite3.Connection, job_id: str) -> Entry:
        entry = self._one(database, "where id = ?", job_id)
        if entry is None:
            known = [str(row[0]) for row in database.execute("select id from jobs")]
            raise UnknownNameError.among(
                job_id, known, what="job", advice="%retouch_nb jobs lists them."
            )
        return entry

    def _one(self, database: sqlite3.Connection, where: str, *values: str) -> Entry | None:
        entry = next(self._all(database, where, *values), None)
        return entry and self._true(database, entry)

    def _all(self, database: sqlite3.Connection, where: str = "", *values: str) -> Iterator[Entry]:
        where = where or "order by rowid desc"
        for row in database.execute(f"select {', '.join(COLUMNS)} from jobs {where}", values):
            yield _to_entry(row)

    def _true(self, database: sqlite3.Connection, entry: Entry) -> Entry:
        """Correct a row that a killed process or the passing of time has made untrue."""
        open_ended = entry.state in {State.PLANNED, State.SENDING}
        state = truth(
            entry.state,
            alive=not open_ended or is_present(self._home, entry.owner),
            expired=entry.expired(self._clock()),
        )
        corrected = dataclasses.replace(entry, state=state)
        if not open_ended or state is entry.state:
            return corrected  # a clock that jumps has not made a paid task vanish
        corrected = dataclasses.replace(corrected, updated_at=self._clock())
        self._write(database, corrected)
        return corrected

    def _write(self, database: sqlite3.Connection, entry: Entry) -> None:
        """Change a row, or write it anew when somebody dropped it meanwhile."""
        sets = ", ".join(f"{name} = ?" for name in COLUMNS)
        done = database.execute(f"update jobs set {sets} where id = ?", (*_to_row(entry), entry.id))
        if not done.rowcount:
            self._insert(database, entry)

    def _insert(self, database: sqlite3.Connection, entry: Entry) -> None:
        marks = ", ".join("?" * len(COLUMNS))
        database.execute(
            f"insert into jobs ({', '.join(COLUMNS)}) values ({marks})", _to_row(entry)
        )

    @contextmanager
    def _transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Hold the file alone; with `durable`, what was written survives a power cut from here on."""
        with self._lock, _clearly(self.path):
            database = self._open()
            database.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
            database.execute("begin immediate")
            try:
                yield database
            except BaseException:
                with suppress(sqlite3.Error):
                    database.rollback()
                raise
            database.commit()

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            make_private(self._home)
            database = sqlite3.connect(
                self.path, timeout=self._busy, isolation_level=None, check_same_thread=False
            )
            try:
                with _alone(self.path, self._busy):
                    self._prepare(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _prepare(self, database: sqlite3.Connection) -> None:
        database.execute("pragma journal_mode = wal")
        (version,) = database.execute("pragma user_version").fetchone()
        if version > VERSION:
            raise HomeError(
                f"The journal {self.path} was written by a newer retouch_nb.",
                advice="Nothing was sent. Upgrade, or set RETOUCH_NB_HOME to another folder.",
            )
        if version < VERSION:
            database.executescript(SCHEMA)
        database.execute(LASTED)
        database.execute(
            "delete from jobs where free and state not in ('planned', 'sending') and updated_at < ?",
            (self._clock() - OLD,),
        )

    def _present(self) -> "Presence":
        if self._presence is None:
            self._presence = Presence(self._home)
        return self._presence


@contextmanager
def _alone(journal: Path, seconds: float) -> Iterator[None]:
    """Let clients open a journal one after another: SQLite waits for all but for another that changes a file's mode."""
    lock = sqlite3.connect(f"{journal}.lock", timeout=seconds, isolation_level=None)
    with closing(lock):
        lock.execute("begin exclusive")
        yield


class Presence:
    """A file lock that ends with its process, however that ends.

    SQLite's lock on a file of its own is the one lock of the standard library that works alike on every system and
    is given back by the system after a kill.
    """

    def __init__(self, home: Path) -> None:
        self.token = secrets.token_hex(8)
        self._path = _lock_file(home, self.token)
        make_private(self._path.parent)
        self._lock = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._lock.execute("pragma journal_mode = off")  # no second file beside it
        self._lock.execute("begin exclusive")

    def release(self) -> None:
        """Be gone."""
        self._lock.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def is_present(home: Path, token: str) -> bool:
    """Tell whether the client with this token still lives."""
    path = _lock_file(home, token)
    if not token or not path.exists():
        return False
    lock = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        lock.execute("begin exclusive")
    except sqlite3.OperationalError:
        return True
    finally:
        lock.close()
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return False


def _lock_file(home: Path, token: str) -> Path:
    return home / "present" / f"{token}.lock"


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter.

    Raises
    ------
    HomeError
        It cannot be made.
    """
    with _clearly(folder):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _clearly(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of a full, locked or read-only disk into our own words."""
    try:
        yield
    except HomeError:
        raise
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HomeError(f"{path} cannot be used: {reason}.", advice=_advice(reason)) from error


def _advice(reason: str) -> str:
    if "locked" in reason:
        return "Another program holds it; try again in a moment."
    if "malformed" in reason or "not a database" in reason:
        return (
            "It is damaged. Move it away to begin a new one; what it knew of paid tasks is then known to the services "
            "alone."
        )
    return "Free some space or see to its rights, or set RETOUCH_NB_HOME to another folder."


_CODED: Final = {"options": dict, "pictures": dict, "remarks": tuple}
_TYPES: Final = {
    "created_at": "real",
    "updated_at": "real",
    "expires_at": "real",
    "credits": "integer",
    "free": "integer",
}
MOST_SECONDS: Final = 2e11
"""A moment of the year 8000, and more than any price."""

COLUMNS: Final = tuple(f.name for f in dataclasses.fields(Entry))
SCHEMA: Final = f"""
    begin immediate;
    create table if not exists jobs (
        {", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)}, primary key (id)
    );
    create index if not exists jobs_by_identity on jobs (identity, base_url);
    create table if not exists pace (lane text primary key, free_from real not null);
    pragma user_version = {VERSION};
    commit;
"""
LASTED: Final = """
    create table if not exists lasted (alike text not null, seconds real not null, megapixels real not null)
"""
"""Beside the version: a journal without this table gets it, and one that has it is read by those who do not know it."""


def _to_row(entry: Entry) -> list[Any]:
    values = {name: getattr(entry, name) for name in COLUMNS}
    coded = {name: json.dumps(values[name], default=str, sort_keys=True) for name in _CODED}
    return list({**values, **coded, "state": entry.state.value}.values())


def _check_kind(name: str, value: object) -> None:
    """Raise where a value is not what its column holds: SQLite itself takes anything anywhere."""
    if value is None and name in {"expires_at", "credits"}:
        return
    match _TYPES.get(name, "text"):
        case "text":
            fits = isinstance(value, str)
        case _:
            fits = isinstance(value, int | float) and 0 <= value < MOST_SECONDS
    if not fits:
        raise ValueError(f"{name} is {value!r:.40}")


def _to_entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        for name, value in values.items():
            _check_kind(name, value)
        decoded = {name: kind(json.loads(values[name])) for name, kind in _CODED.items()}
        state = State(values["state"])
    except (ValueError, TypeError) as error:
        raise HomeError(
            f"The row of job {values['id']} in the journal is damaged: {error}.",
            advice=f"Its task at {values['maker']}: {values['ticket'] or values['link'] or 'not known'}. "
            f"%retouch_nb forget {values['id']} drops the row.",
        ) from error
    return Entry(**{**values, **decoded, "state": state, "free": bool(values["free"])})
