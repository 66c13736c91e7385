"""The benchmarks there are, and how one is run and its rows told apart from those of another machine or day."""

import datetime
import importlib
import os
import platform
import sys
from importlib.metadata import packages_distributions, version

from retouch_nb.reference.measured import Row, Topic
from tests.bench.measure import seconds_of

LIBRARIES = (
    *("IPython", "PIL", "ailabtools", "blend_modes", "cv2", "dask", "distributed", "gmic", "httpx"),
    *("ipycanvas", "ipywidgets", "numba", "numpy", "psd_tools", "pyvips", "requests", "skimage"),
)
"""Whose versions are kept, where a benchmark loaded them."""


TOPICS = (
    *("removal", "enhance", "objects", "style", "composite", "notebook", "painter", "sweep"),
    *("client", "batch", "polling", "start", "growth"),
)
"""In the order of the README."""


def measure(topic: str) -> Topic:
    """Run one benchmark, in this process."""
    sys.argv[1:] = []
    bench = importlib.import_module(f"tests.bench.bench_{topic}")
    rows: list[Row] = []
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
    names = [sold.get(name, [name])[0] for name in LIBRARIES if name in sys.modules]
    return {name: version(name) for name in names}
