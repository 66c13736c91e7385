"""What the benchmarks measured: their rows, the file these are kept in, and the tables written from it.

A row is figures and their names; whatever compares them is computed when a table is written.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from retouch_nb.reference.tables import table

FIGURES = Path(__file__).parents[2] / "tests" / "bench" / "figures.json"
"""Written by ``make bench``; part of a checkout, not of an installation."""

TIMES = frozenset({"s", "ms", "MB", "requests"})
"""Units of what one would have little of: peers are told as multiples of ours; dB as differences."""


@dataclass(frozen=True)
class Row:
    """One claim: what was measured, ours, and the same of each peer.

    Attributes
    ----------
    what : str
        What was done, to how much.
    ours : float
        Our figure: the median, where it is a time.
    peers : mapping
        The figure of each peer by its name; None where it is not installed.
    unit : str
        ``"s"``, ``"ms"``, ``"MB"``, ``"requests"``, ``"dB"``, or empty for a share or a ratio.
    readme : bool
        Whether the README tells it; the reference tells every row.

    Examples
    --------
    >>> row = Row("nine layers", 0.43, {"psd-tools": 25, "pyvips": None})
    >>> row.told
    ('nine layers', '0.43 s', 'psd-tools 25 s (58×); pyvips not installed')
    """

    what: str
    ours: float
    peers: Mapping[str, float | None] = field(default_factory=dict)
    unit: str = "s"
    readme: bool = False

    @property
    def told(self) -> tuple[str, str, str]:
        """The row in words: what, ours, and the peers compared to it."""
        peers = (f"{name} {self._peer(value)}" for name, value in self.peers.items())
        return self.what, self._figure(self.ours), "; ".join(peers)

    def _peer(self, value: float | None) -> str:
        if value is None:
            return "not installed"
        return f"{self._figure(value)}{self._compared(value)}"

    def _compared(self, value: float) -> str:
        if self.unit == "dB":
            return f" ({value - self.ours:+.1f})"
        return f" ({_short(value / self.ours)}×)" if self.unit in TIMES and self.ours else ""

    def _figure(self, value: float) -> str:
        digits = {"dB": f"{value:.1f}", "": f"{value:.3g}"}
        short = digits.get(self.unit) or _short(value)
        return f"{short} {self.unit}".strip()


@dataclass(frozen=True)
class Topic:
    """What one benchmark found, and where.

    Attributes
    ----------
    about : str
        The first lines of the benchmark's own docstring.
    date, python : str
        When, as YYYY-MM-DD, and on which version.
    cpus : int
        Cores that could be used.
    took : float
        Seconds of the whole benchmark.
    versions : mapping
        Of the libraries that were loaded.
    rows : tuple of Row
        What was found.
    """

    about: str
    date: str
    python: str
    cpus: int
    took: float
    versions: Mapping[str, str]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, kept: Mapping[str, Any], /) -> Self:
        """Make one of what the file holds."""
        return cls(**{**kept, "rows": tuple(Row(**row) for row in kept["rows"])})


def read(path: Path = FIGURES) -> dict[str, Topic]:
    """Read every topic by its name; none where there is no file."""
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return {name: Topic.of(topic) for name, topic in kept.items()}


def write(topics: Mapping[str, Topic], path: Path = FIGURES) -> None:
    """Keep the topics in their order, a line a figure, so that a change is read as one."""
    kept = {
        name: asdict(replace(t, rows=tuple(map(_rounded, t.rows)))) for name, t in topics.items()
    }
    path.write_text(f"{json.dumps(kept, indent=1, ensure_ascii=False)}\n", "utf-8")


def readme_table() -> str:
    """Give the claims of the README, and where they were measured."""
    topics = read()
    rows = [row.told for topic in topics.values() for row in topic.rows if row.readme]
    return f"{_where(topics)}\n\n{table(HEAD, rows)}"


def page() -> str:
    """Give everything measured, a section a topic."""
    topics = read()
    if not topics:
        return "The figures are part of a checkout, where `make bench` writes them."
    return "\n\n".join([_where(topics), *_sections(topics)])


HEAD = ("what", "ours", "peers, and times ours")


def _sections(topics: Mapping[str, Topic]) -> Iterator[str]:
    for name, topic in topics.items():
        versions = ", ".join(f"{key} {value}" for key, value in topic.versions.items())
        yield f"## {name}\n\n{topic.about}"
        yield table(HEAD, [row.told for row in topic.rows])
        yield f"{topic.date}, {topic.cpus} cores, {topic.took:.0f} s; Python {topic.python}, {versions}"


def _rounded(row: Row) -> Row:
    """Keep four digits, which is more than a second run would confirm."""
    peers = {name: value and float(f"{value:.4g}") for name, value in row.peers.items()}
    return replace(row, ours=float(f"{row.ours:.4g}"), peers=peers)


def _where(topics: Mapping[str, Topic]) -> str:
    """Say on what the figures were measured, and when: a day, or from the first to the last."""
    days = sorted({topic.date for topic in topics.values()}) or ["not yet"]
    cores = " or ".join(str(count) for count in sorted({topic.cpus for topic in topics.values()}))
    when = " to ".join(dict.fromkeys([days[0], days[-1]]))
    return (
        f"Medians of `make bench` on {cores or 'no'} cores without a GPU, {when}; yours will differ."
        " Compare within a row: not all were measured while the machine was equally fast."
        " Peers ran in turn with ours; 2× is twice our figure, +1.0 a decibel more."
    )


def _short(value: float) -> str:
    """Give two significant digits, three from 100 on, and no exponent."""
    if value == 0:
        return "0"
    digits = max(0, 1 - _magnitude(value))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text and digits > 2 else text


def _magnitude(value: float) -> int:
    return int(f"{value:.1e}".partition("e")[2])
