"""Retouch photos in a notebook cell: remove objects, enhance, retouch; paid services or an embedded engine.

``%load_ext retouch_nb`` brings the magics; the functions below do the same without them.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from retouch_nb import errors, session
from retouch_nb.compare import Comparison, compare
from retouch_nb.edit import Edit
from retouch_nb.functions import batch, jobs, resume, submit, webhook
from retouch_nb.job import Job, View
from retouch_nb.layers import BlendMode, Layer, LayerStack
from retouch_nb.marks import Box, Brush, Flood, Invert, Lasso, Pick, Stamp
from retouch_nb.mask import Mask, Rectangle
from retouch_nb.operations import enhance, inpaint, match_style, retouch, retouch_object
from retouch_nb.photo import Link, Photo
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.recreation import recreate
from retouch_nb.strokes import Strokes
from retouch_nb.sweep import run as sweep_run
from retouch_nb.sweep import sweep
from retouch_nb.sweep.grid import Grid
from retouch_nb.verification import verify

if TYPE_CHECKING:
    from retouch_nb.batches import Run
    from retouch_nb.widgets.painter import MaskPainter

__version__ = "0.1.0"

# Quiet unless somebody listens: a failed task is an error in its cell, not a traceback beside it.
logging.getLogger("retouch_nb").addHandler(logging.NullHandler())

__all__ = [
    "inpaint",
    "enhance",
    "retouch_object",
    "match_style",
    "retouch",
    "compare",
    "submit",
    "batch",
    "Run",
    "sweep",
    "jobs",
    "resume",
    "webhook",
    "recreate",
    "verify",
    "Photo",
    "Link",
    "Mask",
    "Rectangle",
    "Strokes",
    "Brush",
    "Box",
    "Lasso",
    "Flood",
    "Pick",
    "Stamp",
    "Invert",
    "MaskPainter",
    "Edit",
    "Comparison",
    "LayerStack",
    "Layer",
    "BlendMode",
    "Job",
    "Inpaint",
    "Enhance",
    "RetouchObject",
    "MatchStyle",
    "Retouch",
    "errors",
    "__version__",
]


_LATER = {"Run": "retouch_nb.batches", "MaskPainter": "retouch_nb.widgets.painter"}


def __getattr__(name: str) -> Any:
    """Load what only few need when it is asked for: batches, and the painter, which brings ipywidgets."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def _progress(job: Job) -> View:
    from retouch_nb.widgets import progress  # loads ipywidgets and anywidget

    return progress.view(job.title, cancel_word=job.stop_word, on_cancel=job.cancel)


def _grid(grid: Grid, run: sweep_run.Run) -> sweep_run.GridView:
    from retouch_nb.widgets import grid as grids  # loads ipywidgets and anywidget

    return grids.view(grid, run)


session.default_view = _progress
sweep_run.default_view = _grid


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics, completion and settings: what ``%load_ext retouch_nb`` does."""
    from retouch_nb.magics import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take everything back: what ``%unload_ext retouch_nb`` does."""
    from retouch_nb.magics import unload

    unload(ipython)
