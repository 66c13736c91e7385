"""How every benchmark measures and prints: medians of interleaved runs, Markdown tables, rows for the README."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from retouch_nb.reference.measured import Row as Row

PATIENCE = 5.0
"""Seconds of a first run from which on it is the only one: whoever is that slow is not warmed up."""


def medians(
    rivals: Mapping[str, Callable[[], object]], *, rounds: int = 5, patience: float = PATIENCE
) -> dict[str, float]:
    """Time every rival once a round, in turn, so that a slow moment of the machine hits all; seconds."""
    first = {name: seconds_of(call) for name, call in rivals.items()}
    quick = [name for name, seconds in first.items() if seconds < patience]
    runs = [{name: seconds_of(rivals[name]) for name in quick} for _ in range(rounds)]
    return first | {name: statistics.median(run[name] for run in runs) for name in quick}


def seconds_of(call: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak(call: Callable[[], object]) -> float:
    """Run once and tell how far memory rose above where it stood, in MB; 0 where the system does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        call()
        return 0.0
    before = _status("VmRSS")
    call()
    return max(0, _status("VmHWM") - before) / 1000


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def against(ours: str, figures: Mapping[str, float], *missing: str) -> dict[str, float | None]:
    """Give the figures of all but ours, and the names of those that are not installed."""
    return {name: value for name, value in figures.items() if name != ours} | dict.fromkeys(missing)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay the rows out as a Markdown table below a heading."""
    lines = [" | ".join(str(cell) for cell in row) for row in [head, ["---"] * len(head), *rows]]
    return f"### {title}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n"
