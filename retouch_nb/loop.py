"""One asyncio loop on one daemon thread, on which everything that waits for a service runs.

Nothing is nested: the main thread hands coroutines over and waits, or does not.
"""

import _asyncio
import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """A loop that starts when first used and ends with `close` or with the process.

    Examples
    --------
    >>> background = Background()
    >>> done = threading.Event()
    >>> async def work():
    ...     done.set()
    >>> background.start(work())
    >>> done.wait(5)
    True
    >>> background.close()
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = threading.Lock()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop; it must deal with its own errors."""
        self.call(lambda: self._keep(coroutine))

    def call(self, action: Callable[[], object]) -> None:
        """Call a plain function on the loop's thread."""
        self._running().call_soon_threadsafe(action)

    def result(self, coroutine: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Run a coroutine on the loop and wait for what it returns; for short questions only."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result(seconds)

    def close(self) -> None:
        """Cancel what runs, let it clean up, and stop the thread; may be used again afterwards."""
        with self._starting:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._finish(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Hold a reference: a loop itself holds its tasks only weakly."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()
                self._loop.set_task_factory(_plain_task)
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="retouch_nb", daemon=True
                )
                self._thread.start()
            return self._loop


def _plain_task(loop: Any, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
    """Make tasks of the C class: somebody's nest_asyncio replaces asyncio's, which breaks httpx on 3.14."""
    task: asyncio.Task[Any] = _asyncio.Task(coroutine, loop=loop, **options)
    return task
