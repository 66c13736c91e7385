"""A widget of running work with a button to stop it: published from any thread, stopped once.

What its module shares with others, the time and the button, stands in ``stop.js``, which is put before it; ``gone.js`` tells
that the kernel is gone.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from retouch_nb.widgets.comm import unpin


class Stoppable(anywidget.AnyWidget):
    """The widget.

    Attributes
    ----------
    title : str
        Fixed.
    state : str
        ``"running"``, ``"stopping"`` once Python knows of the click, ``"over"``.
    news : dict
        What is known of the work, as its module reads it.
    """

    title = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("running").tag(sync=True)
    news = traitlets.Dict().tag(sync=True)

    def __init__(self, title: str, *, on_stop: Callable[[], object], **traits: Any) -> None:
        super().__init__(title=title, **traits)
        self._on_stop = on_stop
        self._lock = threading.RLock()
        self.on_msg(self._hear)
        unpin(self)

    def __repr__(self) -> str:
        return f"{self.title}: {self.state}"

    def publish(self, news: Mapping[str, Any]) -> None:
        """Publish news, from any thread."""
        with self._lock:
            self.news = dict(news)

    def finish(self) -> None:
        """Take no more clicks, and free the browser's side."""
        with self._lock:
            self.state = "over"
            self.layout.close()
            self.close()

    def _hear(self, widget: object, content: object, buffers: object) -> None:
        """Act on the first click; later ones, and whatever else a browser may send, change nothing."""
        with self._lock:
            if content != {"kind": "stop"} or self.state != "running":
                return
            self.state = "stopping"
        self._on_stop()
