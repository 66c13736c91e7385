"""A batch while it runs: in a notebook a bar, figures, reasons and the newest results; on a terminal one line; elsewhere nothing.

The waiting thread publishes a snapshot four times a second; clicks come on another thread. In the end static HTML takes the place.
"""

import sys
from typing import Any, TextIO

import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from tqdm import tqdm  # type: ignore[import-untyped]

from retouch_nb.batches.reasons import REASONS
from retouch_nb.batches.run import Run, View
from retouch_nb.batches.summary import PARTS, Snapshot, html, text
from retouch_nb.widgets.cell import this_cell
from retouch_nb.widgets.module import STATIC, module
from retouch_nb.widgets.stoppable import Stoppable


def view(run: Run) -> View | None:
    """Begin to show a run, in the way that suits the place."""
    if getattr(get_ipython(), "kernel", None) is not None:
        return CellView(run)
    return on_stream(sys.stderr)


def on_stream(stream: TextIO) -> View | None:
    """Show a run as text where somebody is there to see it, else not at all."""
    return TextBar(stream) if stream.isatty() else None


class TextBar:
    """One line on a terminal that rewrites itself, and says at the end what became of it."""

    def __init__(self, stream: TextIO) -> None:
        self._bar = tqdm(file=stream, leave=False, dynamic_ncols=True, unit="photo")

    def show(self, snapshot: Snapshot) -> None:
        """Rewrite the line."""
        self._bar.total = snapshot.total
        self._bar.set_description_str(snapshot.title, refresh=False)
        words = [f"{n} {word}" for word, n in snapshot.reasons.items()]
        self._bar.set_postfix_str(", ".join(words), refresh=False)
        self._bar.n = snapshot.over
        self._bar.refresh()

    def close(self, snapshot: Snapshot) -> None:
        """Clear the line and write the last one."""
        self._bar.close()
        self._bar.fp.write(f"{text(snapshot)}\n")


class Batch(Stoppable):
    """The widget: a run as it stands, and a button to stop it.

    Attributes
    ----------
    news : dict
        The last snapshot, as `news_of` writes it.
    latest : list of dict
        The newest results: ``name`` and ``picture``, a WebP as bytes.
    """

    _esm = module("gone.js", "stop.js", "batch.js")
    _css = STATIC / "batch.css"

    latest: Any = traitlets.List().tag(sync=True)

    def tell(self, snapshot: Snapshot) -> None:
        """Publish a snapshot; pictures only when there are new ones."""
        names = [picture.name for picture in snapshot.latest]
        with self._lock:
            if names != [picture["name"] for picture in self.latest]:
                self.latest = [{"name": p.name, "picture": p.webp} for p in snapshot.latest]
            self.publish(news_of(snapshot))


class CellView:
    """The widget in the output of the cell that waits; in the end the summary takes its place."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._widget = Batch(run.snapshot().title, on_stop=run.stop)
        self._output = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, snapshot: Snapshot) -> None:
        """Update the widget."""
        self._widget.tell(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        """Replace the widget; the value of the same cell then has nothing to add."""
        shown = {"text/html": html(snapshot), "text/plain": text(snapshot)}
        self._output.update(shown, raw=True)
        self._widget.finish()
        self._run.is_shown = this_cell(get_ipython())


def news_of(snapshot: Snapshot) -> dict[str, Any]:
    """Write a snapshot as the browser reads it.

    Examples
    --------
    >>> news = news_of(Snapshot("Enhance", total=8, states={"done": 3, "failed": 1}, reasons={"input": 1}))
    >>> news["parts"], news["percent"], news["reasons"][0]["word"]
    ({'done': 37.5, 'failed': 12.5, 'unknown': 0.0}, 50, 'input')
    """
    total = snapshot.total or max(snapshot.over, 1)
    return {
        "percent": None if snapshot.total is None else round(100 * snapshot.over / total),
        "parts": {part: 100 * snapshot.states.get(part, 0) / total for part in PARTS},
        "figures": snapshot.figures(),
        "reasons": [
            {"word": word, "count": n, "meaning": REASONS[word]}
            for word, n in sorted(snapshot.reasons.items(), key=lambda item: -item[1])
        ],
        "seconds": round(snapshot.seconds, 1),
        "out": snapshot.out,
    }
