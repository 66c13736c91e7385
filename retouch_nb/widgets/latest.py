"""Work that is asked for more often than it can be done: one at a time on a thread of its own, and once more if asked meanwhile."""

import threading
from collections.abc import Callable


class Latest:
    """Does something for whoever asks; many who ask while it is done are served by one more time.

    Parameters
    ----------
    action : callable
        What is done; it looks for itself at what is wanted by then, and deals with its own errors.
    start : callable, keyword-only
        Calls a function on another thread.

    Examples
    --------
    >>> asked = []
    >>> latest = Latest(lambda: asked.append("done"), start=lambda work: work())
    >>> latest.ask(); latest.ask(); asked
    ['done', 'done']
    """

    def __init__(
        self,
        action: Callable[[], object],
        *,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._action = action
        self._start = start or _on_a_thread
        self._lock = threading.Lock()
        self._wanted = self._busy = False

    def ask(self) -> None:
        """Let it be done, soon; returns at once."""
        with self._lock:
            busy, self._wanted, self._busy = self._busy, True, True
        if not busy:
            self._start(self._work)

    def _work(self) -> None:
        while self._more():
            self._action()

    def _more(self) -> bool:
        with self._lock:
            self._busy, self._wanted = self._wanted, False
            return self._busy


def _on_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="retouch_nb latest", daemon=True).start()
