"""How every benchmark measures and prints: medians of interleaved runs, one Markdown table a topic."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def medians(rivals: Mapping[str, Callable[[], object]], *, rounds: int = 5) -> dict[str, float]:
    """Time every rival once a round, in turn, so that a slow moment of the machine hits all; seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for call in rivals.values():
        call()
    for _ in range(rounds):
        for name, call in rivals.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay the rows out as a Markdown table below a heading."""
    lines = [" | ".join(str(cell) for cell in row) for row in [head, ["---"] * len(head), *rows]]
    return f"### {title}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n"
