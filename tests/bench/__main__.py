"""Runs the benchmarks, each in a process of its own, and keeps their rows: ``python -m tests.bench [TOPIC ...]``."""

import datetime
import importlib
import os
import platform
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import packages_distributions, version
from multiprocessing import get_context
from pathlib import Path

from retouch_nb.reference import measured
from retouch_nb.reference.measured import Topic
from tests.bench.measure import seconds_of

LIBRARIES = (
    *("IPython", "PIL", "ailabtools", "blend_modes", "cv2", "dask", "distributed", "gmic", "httpx"),
    *("ipycanvas", "ipywidgets", "numba", "numpy", "psd_tools", "pyvips", "requests", "skimage"),
)
"""Whose versions are kept, where a benchmark loaded them."""


def topics() -> list[str]:
    """Give the names of all benchmarks."""
    files = Path(__file__).parent.glob("bench_*.py")
    return sorted(path.stem.removeprefix("bench_") for path in files)


def measure(topic: str) -> Topic:
    """Run one benchmark, in this process."""
    sys.argv[1:] = []
    bench = importlib.import_module(f"tests.bench.bench_{topic}")
    rows: list[measured.Row] = []
    took = seconds_of(lambda: rows.extend(bench.main()))
    return Topic(
        about=(bench.__doc__ or "").strip(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        python=platform.python_version(),
        cpus=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        took=round(took, 1),
        versions=versions(),
        rows=tuple(rows),
    )


def versions() -> dict[str, str]:
    """Give the versions of what is loaded."""
    sold = packages_distributions()
    return {sold[name][0]: version(sold[name][0]) for name in LIBRARIES if name in sys.modules}


def main(wanted: list[str]) -> int:
    """Measure the topics named, or all; what was found is kept at once, and those that failed are told at the end."""
    unknown = set(wanted) - set(topics())
    if unknown:
        print(f"No such topic: {', '.join(unknown)}. There are {', '.join(topics())}.")
        return 2
    failed = []
    for topic in wanted or topics():
        print(f"## {topic}\n", flush=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:
            try:
                found = own.submit(measure, topic).result()
            except Exception:  # the others are worth having
                traceback.print_exc()
                failed.append(topic)
                continue
        measured.write(measured.read() | {topic: found})
        print(f"{topic}: {found.took:.0f} s, {len(found.rows)} rows kept\n", flush=True)
    if failed:
        print(f"Failed, their old figures stand: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
