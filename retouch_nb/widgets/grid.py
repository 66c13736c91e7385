"""A sweep while it runs: in a notebook its grid, which fills in; on a terminal a bar of text; elsewhere nothing.

The table is the one that stays, written by Python; the widget puts pictures into it as bytes when they come. All of it
happens on the thread that waits, between two slices of waiting, so nothing here needs a lock but the clicks.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from tqdm import tqdm  # type: ignore[import-untyped]

from retouch_nb.sweep.grid import Grid, Tile
from retouch_nb.sweep.pictures import first_guess
from retouch_nb.sweep.run import GridView, Run, Unseen
from retouch_nb.sweep.twin import BUDGET, LARGEST, facts, table, tile_html
from retouch_nb.widgets.cell import this_cell
from retouch_nb.widgets.comm import unpin
from retouch_nb.widgets.module import module

PERIOD = 0.25
"""Seconds between two looks at what has changed."""


def view(grid: Grid, run: Run) -> GridView:
    """Begin to show a sweep, in the way that suits the place."""
    if getattr(get_ipython(), "kernel", None) is not None:
        return CellView(grid, run)
    return on_stream(grid, run, sys.stderr)


def on_stream(grid: Grid, run: Run, stream: TextIO) -> GridView:
    """Show a sweep as text where somebody is there to see it, else not at all."""
    return TextBar(grid, run, stream) if stream.isatty() else Unseen()


class TextBar:
    """One line on a terminal that counts the requests and vanishes at the end."""

    def __init__(self, grid: Grid, run: Run, stream: TextIO) -> None:
        self._run = run
        title = f"Sweep {grid.plan.layout.operation.name}"
        self._bar = tqdm(total=run.total, desc=title, file=stream, leave=False, dynamic_ncols=True)

    def refresh(self) -> None:
        """Rewrite the line."""
        self._bar.total = self._run.total
        self._bar.set_postfix_str(f"{self._run.failed} failed" if self._run.failed else "")
        self._bar.update(self._run.done - self._bar.n)

    def close(self, note: str) -> None:
        """Clear the line; the grid speaks for itself."""
        self._bar.close()


class GridWidget(anywidget.AnyWidget):
    """The widget: the table, and one trait for each tile, so that a late view finds everything.

    Attributes
    ----------
    html : str
        The table with all tiles empty.
    names : list of str
        Of the traits that hold the tiles: ``tile_0``, ...
    facts : str
        What is said above the table.
    state : str
        ``"running"``, ``"stopping"`` once Python knows of the click, ``"over"``.
    """

    _esm = module("gone.js", "stop.js", "tiles.js", "grid.js")

    html = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    facts = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("running").tag(sync=True)

    def __init__(
        self,
        html: str,
        count: int,
        *,
        on_stop: Callable[[], object],
        on_retry: Callable[[int], object],
    ) -> None:
        names = [f"tile_{index}" for index in range(count)]
        self.add_traits(**{name: traitlets.Dict().tag(sync=True) for name in names})
        super().__init__(html=html, names=names)
        self._on_stop = on_stop
        self._on_retry = on_retry
        self._lock = threading.RLock()
        self.on_msg(self._hear)
        unpin(self)

    def __repr__(self) -> str:
        return f"Grid of {len(self.names)} tiles: {self.state}"

    def put(self, index: int, tile: dict[str, Any]) -> None:
        """Show a tile."""
        self._publish(f"tile_{index}", {"index": index, **tile})

    def say(self, facts: str) -> None:
        """Say how far it is."""
        self._publish("facts", facts)

    def finish(self) -> None:
        """Take no more clicks, and free the browser's side."""
        with self._lock:
            self.state = "over"
            self.layout.close()
            self.close()

    def _publish(self, name: str, value: object) -> None:
        with self._lock:
            self.set_trait(name, value)

    def _hear(self, widget: object, content: object, buffers: object) -> None:
        """Act on clicks; whatever else a browser may send changes nothing."""
        match content:
            case {"kind": "stop"} if self.state == "running":
                self._publish("state", "stopping")
                self._on_stop()
            case {"kind": "retry", "tile": int(index)} if 0 <= index < len(self.names):
                self._on_retry(index)


class CellView:
    """The widget in the output of the cell that waits; in the end the static grid takes its place."""

    def __init__(
        self, grid: Grid, run: Run, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grid, self._run, self._clock = grid, run, clock
        self._shown: dict[int, str] = {}
        self._next = 0.0
        self._side = first_guess(len(grid), BUDGET, largest=LARGEST)
        empty = [tile_html(grid, tile, "") for tile in grid.tiles]
        self._widget = GridWidget(
            table(grid, empty), len(grid), on_stop=run.stop, on_retry=self._retry
        )
        self._output = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

    def refresh(self) -> None:
        """Show the tiles that have changed since the last look."""
        if self._clock() < self._next:
            return
        self._paint()
        self._next = self._clock() + PERIOD

    def close(self, note: str) -> None:
        """Replace the widget by the grid as it stands, which then need not be shown again in this cell."""
        html = self._grid._repr_html_()
        said = f'<div style="font-size:12px;opacity:0.75">{note}</div>' if note else ""
        self._output.update({"text/html": html + said, "text/plain": repr(self._grid)}, raw=True)
        self._widget.finish()
        self._grid.is_shown = this_cell(get_ipython())

    def _paint(self) -> None:
        for index, tile in enumerate(self._grid.tiles):
            look = f"{tile.state} {tile.job and tile.job.progress}"
            if self._shown.get(index) != look:
                self._shown[index] = look
                self._widget.put(index, self._described(tile))
        self._widget.say(facts(self._grid))

    def _described(self, tile: Tile) -> dict[str, Any]:
        described = {"state": tile.state, "html": tile_html(self._grid, tile, "")}
        if tile.state == "done":
            assert self._grid.previews is not None
            described["picture"] = self._grid.previews.get(tile, self._side).data  # type: ignore[assignment]
        return described

    def _retry(self, index: int) -> None:
        tile = self._grid.tiles[index]
        if tile.state == "failed":
            self._run.retry(tile.request)
