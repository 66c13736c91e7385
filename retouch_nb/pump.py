"""On ipykernel 6 a click cannot reach Python while a cell waits; here the waiting cell lets it through.

This is the only use of nest-asyncio, and only there: newer kernels deliver clicks on a thread of their own.
"""

import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

CLICKS = {"comm_open", "comm_msg", "comm_close"}


@contextmanager
def clicks() -> Iterator[Callable[[], None]]:
    """Give what a waiting cell calls now and then; it does nothing where nothing must be done."""
    kernel = old_kernel()
    if kernel is None:
        yield lambda: None
        return
    pump = _Pump(kernel)
    try:
        yield pump.deliver
    finally:
        pump.restore()


def old_kernel() -> Any | None:
    """Give the running kernel when it needs the pump: ipykernel before 7, Python before 3.14, main thread."""
    ipykernel, ipython = sys.modules.get("ipykernel"), sys.modules.get("IPython")
    if ipykernel is None or ipython is None or not needed(ipykernel.version_info, sys.version_info):
        return None
    if threading.current_thread() is not threading.main_thread():
        return None
    return getattr(ipython.get_ipython(), "kernel", None)


def needed(kernel: tuple[Any, ...], python: tuple[Any, ...]) -> bool:
    """Tell whether versions are such that nest-asyncio helps and does no harm.

    On ipykernel 7 it silently loses queued cells, and on Python 3.14 it breaks every other use of asyncio.

    Examples
    --------
    >>> needed((6, 31, 0), (3, 11)), needed((7, 0), (3, 11)), needed((6, 31, 0), (3, 14))
    (True, False, False)
    """
    return kernel[0] < 7 and python[:2] < (3, 14)


def _nothing() -> None:
    pass


class _Pump:
    """Takes the kernel's messages from its queue, delivers clicks at once, and puts the rest back in order."""

    def __init__(self, kernel: Any) -> None:
        import nest_asyncio

        self._kernel = kernel
        self._loop = kernel.io_loop.asyncio_loop
        self._held: list[Any] = []
        self._ident, self._parent = kernel._parent_ident["shell"], kernel.get_parent("shell")
        self._interrupt = getattr(kernel, "saved_sigint_handler", None)
        nest_asyncio.apply(self._loop)

    def deliver(self) -> None:
        """Deliver the clicks that have arrived and give the cell back its place as the source of output."""
        delivered = False
        for item in self._arrived():
            if self._is_click(item):
                _, dispatch, arguments = item
                self._run(dispatch(*arguments))
                delivered = True
            else:
                self._held.append(item)
        if delivered:
            self._kernel.set_parent(self._ident, self._parent, channel="shell")
            self._kernel.saved_sigint_handler = self._interrupt

    def restore(self) -> None:
        """Put back what was held, before whatever came later."""
        later = self._arrived()
        for item in [*self._held, *later]:
            self._kernel.msg_queue.put_nowait(item)
        self._held.clear()

    def _run(self, dispatched: Coroutine[Any, Any, None]) -> None:
        """Run it on the loop that waits for the cell, and leave that as much to do as it counts on.

        A round of the loop that began before nest-asyncio came takes as many handles as there were; where the inner run
        has done them already, it would find none and end the kernel.
        """
        ready = self._loop._ready
        counted_on = len(ready)
        try:
            self._loop.run_until_complete(dispatched)
        finally:
            while len(ready) < counted_on:
                self._loop.call_soon(_nothing)

    def _arrived(self) -> list[Any]:
        self._kernel.shell_stream.flush()
        queue = self._kernel.msg_queue
        return [queue.get_nowait() for _ in range(queue.qsize())]

    def _is_click(self, item: Any) -> bool:
        """Read the message's type from its frames; anything unreadable is left to the kernel."""
        try:
            _, frames = self._kernel.session.feed_identities(item[2][0], copy=False)
            return self._kernel.session.unpack(frames[1].bytes)["msg_type"] in CLICKS
        except Exception:
            return False
