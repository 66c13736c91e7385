"""What became of every photo: one row each, on disk before the next step is taken, shown as one Parquet file.

The rows live in a SQLite file, which survives a kill at any moment and needs no memory; the Parquet file is written from it as a
whole, again and again while the run goes on, and replaced at once.
"""

import csv
import json
import os
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from retouch_nb.batches.sources import Item
from retouch_nb.errors import HomeError, MissingExtraError, ParameterError
from retouch_nb.files import replacing
from retouch_nb.photo import FORMATS

BOOK: Final = ".manifest.sqlite3"
AT_ONCE: Final = 500
"""Rows in memory while the file is written."""

RECENT: Final = 64
"""Rows that are kept at hand: as many as are commonly under way."""


@dataclass(frozen=True)
class Row:
    """One photo of a run.

    Attributes
    ----------
    source : str
        Where it came from: path, address, or ``row 17``.
    position : int
        Its place in the source, from 0.
    state : str
        ``waiting``, ``running``, ``done``, ``failed`` or ``unknown``.
    reason, error : str
        Why it failed: one word of `REASONS`, and the message.
    operation, provider, maker, parameters : str
        What was done and by whom; parameters as JSON.
    photo_sha256, photo_bytes, photo_width, photo_height, mask_sha256
        What was sent; of the file as it was sent, which is the file itself where it could be kept.
    output : str
        The result, relative to the folder of the manifest.
    output_sha256, output_bytes, output_width, output_height
        What came back.
    job_id, task_id : str
        Our id and the service's.
    credits : int or None
        What the photo has cost in all calls, as far as is documented; None where it is not, or where nothing was sent.
    cost : str
        What the result cost, in words.
    cached : bool
        It came from the cache and was not paid again.
    attempts, requests : int
        How often it was begun; HTTP requests of the last time.
    seconds : float
        The last time, from beginning to result.
    started_at, finished_at : float or None
        Unix time; moments in UTC in the Parquet file.
    remarks : str
        What the maker said of the result.
    worker : str
        The Dask worker, where there was one.
    """

    source: str
    position: int
    name: str
    state: str = "waiting"
    reason: str = ""
    error: str = ""
    operation: str = ""
    provider: str = ""
    maker: str = ""
    parameters: str = ""
    photo_sha256: str = ""
    photo_bytes: int | None = None
    photo_width: int | None = None
    photo_height: int | None = None
    mask_sha256: str = ""
    output: str = ""
    output_sha256: str = ""
    output_bytes: int | None = None
    output_width: int | None = None
    output_height: int | None = None
    job_id: str = ""
    task_id: str = ""
    credits: int | None = None
    cost: str = ""
    cached: bool = False
    attempts: int = 0
    requests: int = 0
    seconds: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    remarks: str = ""
    worker: str = ""
    stamp: str = ""
    sent_by: str = ""
    sent_at: float | None = None
    turn: int = 0

    def public(self) -> dict[str, Any]:
        """Give what the file shows, in its order."""
        values = asdict(self)
        moments = {name: _moment(values[name]) for name in ("started_at", "finished_at")}
        return {name: moments.get(name, values[name]) for name in PUBLIC}


PRIVATE: Final = {"stamp", "sent_by", "sent_at", "turn"}
"""What only the next call needs: whether the file has changed, whether something may be out, and whose turn it was."""

COLUMNS: Final = tuple(field.name for field in fields(Row))
PUBLIC: Final = tuple(name for name in COLUMNS if name not in PRIVATE)
_TYPES: Final = {
    name: (get_args(kind) or (kind,))[0].__name__ for name, kind in get_type_hints(Row).items()
}
_SQL: Final = {"int": "integer", "float": "real", "bool": "integer", "str": "text"}


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class Manifest:
    """The rows of one folder of results.

    Parameters
    ----------
    folder : Path
        Where results go; made when it is not there.
    recipe : mapping
        What is done to every photo of the folder. One folder, one recipe.
    clock : callable
        Unix seconds.

    Raises
    ------
    ParameterError
        The folder holds results of another recipe.
    HomeError
        It cannot be written, or another run is writing there.

    Examples
    --------
    >>> import tempfile
    >>> manifest = Manifest(Path(tempfile.mkdtemp()), {"operation": "enhance"})
    >>> row = manifest.enter(Item("photos/cat.jpg", "cat", None), 0)
    >>> manifest.update(row.source, state="done").state, manifest.counts
    ('done', Counter({('done', ''): 1}))
    >>> manifest.close()
    """

    def __init__(
        self,
        folder: Path,
        recipe: Mapping[str, Any],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self.clock = clock
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._recent: OrderedDict[str, Row] = OrderedDict()
        self._recipe = json.dumps(recipe, sort_keys=True, default=str)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.open()

    @property
    def path(self) -> Path:
        """The file that is read by others."""
        return self.folder / f"manifest.{'parquet' if _pyarrow() else 'csv'}"

    def open(self) -> None:
        """Take hold of the folder, unless it is held already."""
        with self._lock:
            if self._database is not None:
                return
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._database = _connected(self.folder / BOOK)
                self._begin(self._database)
            except (sqlite3.Error, OSError) as error:
                self.close()
                raise _unusable(self.folder, error) from error
            except ParameterError:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the folder, until it is opened again."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._recent.clear()

    def next_turn(self) -> None:
        """Begin another walk over the source, in which every photo is met once."""
        with self._lock:
            self._turn += 1

    def enter(self, item: Item, position: int) -> Row:
        """Give the row of a photo, made and named when it is met for the first time.

        A photo met twice in one walk has two rows.
        """
        source = _writable(item.key)
        with self._lock:
            for nth in range(1, 1_000_000):
                key = source if nth == 1 else f"{source} ({nth})"
                row = self._find(key)
                if row is None:
                    return self._insert(Row(key, position, self._free_name(item), turn=self._turn))
                if row.turn < self._turn:
                    return self.update(key, turn=self._turn, position=position)
        raise AssertionError("unreachable")

    def update(self, source: str, **facts: Any) -> Row:
        """Write down what was found out about a photo."""
        sets = ", ".join(f"{name} = ?" for name in facts)
        facts = {name: _writable(fact) for name, fact in facts.items()}
        with self._lock:
            before = self.find(source)
            after = replace(before, **facts)
            self._run(f"update photos set {sets} where source = ?", *facts.values(), source)
            self._count(before, -1)
            self._count(after, 1)
            self._remember(after)
        return after

    def find(self, source: str) -> Row:
        """Give a row as it stands now."""
        with self._lock:
            row = self._find(source)
        if row is None:
            raise KeyError(source)
        return row

    def rows(self, *, states: Collection[str] = (), reasons: Collection[str] = ()) -> Iterator[Row]:
        """Walk the rows in the order of the source, all or those of some states or reasons."""
        last = (-1, "")
        while True:
            with self._lock:
                found = [Row(*_typed(values)) for values in self._page(last)]
            if not found:
                return
            last = (found[-1].position, found[-1].source)
            for row in found:
                if (not states or row.state in states) and (not reasons or row.reason in reasons):
                    yield row

    def spent(self) -> int:
        """Add up the credits of all that was sent, also of what was lost: never less than was paid."""
        with self._lock:
            query = "select coalesce(sum(credits), 0) from photos"
            return int(self._run(query).fetchone()[0])

    def export(self, target: Path | None = None) -> Path:
        """Write the file that others read, whole and at once: `path`, or another one in the form its ending says.

        Raises
        ------
        ParameterError
            The ending is none of ``.parquet``, ``.csv`` and ``.jsonl``.
        MissingExtraError
            pyarrow is not installed, and the file is to be Parquet.
        """
        target = target or self.path
        write = WRITERS.get(target.suffix.lower())
        if write is None:
            raise ParameterError(
                f"{target.suffix or 'a name without ending'!r} is no form of a manifest.",
                advice=f"Nothing was written. Use one of {', '.join(WRITERS)}.",
            )
        with replacing(target) as partial:
            write(partial, self.rows())
        return target

    def _begin(self, database: sqlite3.Connection) -> None:
        columns = ", ".join(f"{name} {_SQL[_TYPES[name]]}" for name in COLUMNS)
        database.executescript(
            f"create table if not exists photos ({columns}, primary key (source)) without rowid;"
            "create index if not exists photos_by_name on photos (name collate nocase);"
            "create index if not exists photos_by_position on photos (position, source);"
            "create table if not exists recipe (text text not null);"
            "update photos set state = 'waiting' where state = 'running';"
        )
        known = database.execute("select text from recipe").fetchone()
        if known is None:
            database.execute("insert into recipe values (?)", (self._recipe,))
        elif known[0] != self._recipe:
            raise _other_recipe(self.folder, json.loads(known[0]), json.loads(self._recipe))
        query = "select state, reason, count(*) from photos group by state, reason"
        self.counts = Counter({(s, r): n for s, r, n in database.execute(query)})
        (self._turn,) = database.execute("select coalesce(max(turn), 0) + 1 from photos").fetchone()

    def _free_name(self, item: Item) -> str:
        """Give a name that no other result and no file of somebody else has."""
        for nth in range(1, 1_000_000):
            name = item.name if nth == 1 else f"{item.name}-{nth}"
            query = "select 1 from photos where name = ? collate nocase"
            if self._run(query, name).fetchone() is None and not self._taken(name):
                return name
        raise AssertionError("unreachable")

    def _taken(self, name: str) -> bool:
        return any((self.folder / f"{name}.{ending}").exists() for ending in FORMATS.values())

    def _insert(self, row: Row) -> Row:
        marks = ", ".join("?" * len(COLUMNS))
        self._run(f"insert into photos values ({marks})", *asdict(row).values())
        self._count(row, 1)
        self._remember(row)
        return row

    def _find(self, source: str) -> Row | None:
        """Give a row; nobody else writes here, so those of the last photos are known without asking the file."""
        row = self._recent.get(source)
        if row is None:
            values = self._run("select * from photos where source = ?", source).fetchone()
            row = Row(*_typed(values)) if values else None
        return row

    def _remember(self, row: Row) -> None:
        self._recent[row.source] = row
        self._recent.move_to_end(row.source)
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def _page(self, after: tuple[int, str]) -> list[Any]:
        query = "select * from photos where (position, source) > (?, ?) order by position, source limit ?"
        return self._run(query, *after, AT_ONCE).fetchall()

    def _run(self, query: str, *values: Any) -> sqlite3.Cursor:
        if self._database is None:  # a thread of a run that was stopped comes too late
            raise HomeError("The manifest is closed.")
        try:
            return self._database.execute(query, values)
        except sqlite3.Error as error:
            raise _unusable(self.folder, error) from error

    def _count(self, row: Row, change: int) -> None:
        self.counts[row.state, row.reason] += change
        if not self.counts[row.state, row.reason]:
            del self.counts[row.state, row.reason]


def _writable(fact: Any) -> Any:
    """Give text that every file can hold: bytes of a file's name that are no UTF-8 are written as their numbers."""
    if not isinstance(fact, str):
        return fact
    return os.fsencode(fact).decode("utf-8", "backslashreplace")


def _connected(path: Path) -> sqlite3.Connection:
    """Open the book for one process alone, which also spares shared memory on network disks."""
    database = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = normal"):
            database.execute(f"pragma {pragma}")
        database.execute("begin exclusive")
        database.commit()
    except BaseException:
        database.close()
        raise
    return database


def _typed(values: tuple[Any, ...]) -> Iterator[Any]:
    for name, value in zip(COLUMNS, values, strict=True):
        yield bool(value) if _TYPES[name] == "bool" else value


def _unusable(folder: Path, error: Exception) -> HomeError:
    if "locked" in str(error):
        return HomeError(
            f"Another run is writing to {str(folder)!r}.",
            advice="Nothing was sent. Wait for it, stop it, or give another folder.",
        )
    return HomeError(
        f"The manifest in {str(folder)!r} cannot be used: {error}.",
        advice="Free some space or see to its rights, or give another folder.",
    )


def _other_recipe(folder: Path, was: dict[str, Any], now: dict[str, Any]) -> ParameterError:
    differs = ", ".join(
        f"{name} {was.get(name)!r} there and {now.get(name)!r} here"
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    )
    return ParameterError(
        f"{str(folder)!r} holds results of another recipe: {differs}.",
        advice="Nothing was sent. Give another folder: one folder, one recipe.",
    )


def _pyarrow() -> Any:
    with suppress(ImportError):
        import pyarrow

        return pyarrow
    return None


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise MissingExtraError.of("data", "pyarrow", "a manifest as Parquet") from None
    kinds = {"int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_()}
    moment = pyarrow.timestamp("us", tz="UTC")
    schema = pyarrow.schema(
        (name, moment if name.endswith("_at") else kinds.get(_TYPES[name], pyarrow.string()))
        for name in PUBLIC
    )
    with ParquetWriter(path, schema, compression="zstd") as writer:
        for some in _some(rows):
            writer.write_table(pyarrow.Table.from_pylist(some, schema=schema))


def _some(rows: Iterator[Row]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row.public())
        if len(some) >= AT_ONCE:
            yield some
            some = []
    yield some


def _write_csv(path: Path, rows: Iterator[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, PUBLIC)
        writer.writeheader()
        for row in rows:
            writer.writerow(_plain(row))


def _write_jsonl(path: Path, rows: Iterator[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")


def _plain(row: Row) -> dict[str, Any]:
    """Give what the file shows, moments as text."""
    values = row.public()
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in values.items()}


WRITERS: Final[dict[str, Callable[[Path, Iterator[Row]], None]]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
}
"""How rows are written, by the ending of the file."""
