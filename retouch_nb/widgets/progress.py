"""A job while one waits for it: a small widget in a notebook, a text bar on a terminal, nothing elsewhere.

Events come from the background thread, clicks from a subshell's or the main thread: what they share is locked. A click is
a message that Python answers by changing ``state``; a kernel too busy to answer is interrupted by the browser.
"""

import sys
import threading
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, TextIO

import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from tqdm import tqdm  # type: ignore[import-untyped]

from retouch_nb.job import View
from retouch_nb.widgets.module import STATIC, module
from retouch_nb.widgets.stoppable import Stoppable

if TYPE_CHECKING:
    from retouch_nb.client import Event

PERIOD = 0.1
"""Seconds between two pictures of a job: more often nobody sees, and the server's message limit is real."""


def view(title: str, *, cancel_word: str, on_cancel: Callable[[], object]) -> View:
    """Begin to show a job, in the way that suits the place.

    Parameters
    ----------
    title : str
        What is done to which photo.
    cancel_word : str, keyword-only
        What the button says: ``"Cancel"`` where the work really stops, else ``"Stop waiting"``.
    on_cancel : callable, keyword-only
        Called once, on whatever thread the click arrives.
    """
    if getattr(get_ipython(), "kernel", None) is not None:
        return Paced(CellView(title, cancel_word=cancel_word, on_cancel=on_cancel))
    return on_stream(title, sys.stderr)


def on_stream(title: str, stream: TextIO) -> View:
    """Show a job as text where somebody is there to see it, else not at all."""
    return Paced(TextBar(title, stream)) if stream.isatty() else Silence()


class Silence:
    """Shows nothing: for scripts whose output is read by other programs."""

    def show(self, event: "Event") -> None:
        """Let it pass."""

    def close(self, html: str | None, text: str) -> None:
        """Leave nothing behind."""


def _start_timer(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


class Paced:
    """Shows events at most every `PERIOD` seconds, and always the last one.

    Parameters
    ----------
    shown : View
        What really shows them.
    clock : callable, keyword-only
        Gives seconds.
    later : callable, keyword-only
        Calls an action after some seconds, on another thread.
    """

    def __init__(
        self,
        shown: View,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _start_timer,
    ) -> None:
        self._shown = shown
        self._clock = clock
        self._later = later
        self._lock = threading.RLock()
        self._next = clock()
        self._held: Event | None = None
        self._closed = False

    def show(self, event: "Event") -> None:
        """Show the event now, or when the period is over unless a newer one has come."""
        with self._lock:
            wait = self._next - self._clock()
            if self._held is None and wait > 0:
                self._later(wait, self._release)
            self._held = event
            if wait <= 0:
                self._release()

    def close(self, html: str | None, text: str) -> None:
        """Drop what is held and close; a second time does nothing."""
        with self._lock:
            closed, self._closed, self._held = self._closed, True, None
        if not closed:
            self._shown.close(html, text)

    def _release(self) -> None:
        with self._lock:
            held, self._held = self._held, None
            if held is not None and not self._closed:
                self._next = self._clock() + PERIOD
                self._shown.show(held)


class TextBar:
    """One line on a terminal that rewrites itself and vanishes at the end."""

    _MEASURED = "{desc}: {percentage:3.0f} % |{bar:24}| {elapsed}{postfix}"
    _UNMEASURED = "{desc}: {elapsed}{postfix}"

    def __init__(self, title: str, stream: TextIO) -> None:
        self._bar = tqdm(
            total=1.0,
            desc=title,
            file=stream,
            leave=False,
            dynamic_ncols=True,
            bar_format=self._UNMEASURED,
        )

    def show(self, event: "Event") -> None:
        """Rewrite the line."""
        self._bar.n = event.progress or 0.0
        self._bar.bar_format = self._UNMEASURED if event.progress is None else self._MEASURED
        self._bar.set_postfix_str(
            " · ".join(filter(None, [event.state, step_of(event), event.detail]))
        )

    def close(self, html: str | None, text: str) -> None:
        """Clear the line; the result or the error that follows speaks for itself."""
        self._bar.close()


class Progress(Stoppable):
    """The widget: what is known of a job, and a button to stop it.

    Attributes
    ----------
    cancel_word : str
        What the button says.
    news : dict
        The last event, as `news_of` writes it.
    """

    _esm = module("gone.js", "stop.js", "progress.js")
    _css = STATIC / "progress.css"

    cancel_word = traitlets.Unicode().tag(sync=True)


class CellView:
    """The widget in the output of the cell that waits; in the end static HTML takes its place."""

    def __init__(self, title: str, *, cancel_word: str, on_cancel: Callable[[], object]) -> None:
        self._since = time.monotonic()
        self._widget = Progress(title, cancel_word=cancel_word, on_stop=on_cancel)
        self._output = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, event: "Event") -> None:
        """Update the widget."""
        self._widget.publish(news_of(event, time.monotonic() - self._since))

    def close(self, html: str | None, text: str) -> None:
        """Replace the widget."""
        self._output.update(ending(html, text), raw=True)
        self._widget.finish()


def news_of(event: "Event", elapsed: float) -> dict[str, Any]:
    """Write an event as the browser reads it; `elapsed` is in seconds."""
    return {
        "state": event.state,
        "progress": event.progress,
        "step": step_of(event),
        "ticket": event.ticket,
        "detail": event.detail,
        "pause": event.pause,
        "elapsed": round(elapsed, 1),
    }


def step_of(event: "Event") -> str:
    """Give what is being done, unless that only says the state again: ``processing``, ``Processing``."""
    return "" if event.step.casefold() == event.state.casefold() else event.step


def ending(html: str | None, text: str) -> dict[str, str]:
    """Give what stays in the notebook: the HTML, else the text in small type, else nothing to be seen.

    Examples
    --------
    >>> ending(None, "Stopped waiting.")["text/html"]
    '<div style="font-size:12px;opacity:0.75">Stopped waiting.</div>'
    """
    if html is None:
        html = f'<div style="font-size:12px;opacity:0.75">{escape(text)}</div>' if text else ""
    return {"text/html": html, "text/plain": text}
