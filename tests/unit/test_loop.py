import asyncio
import threading

from retouch_nb.loop import Background


def test_all_work_runs_on_one_thread_that_is_not_the_callers() -> None:
    """Two coroutines share a loop, and the caller's thread stays free."""
    background = Background()
    seen: list[int] = []
    done = threading.Event()

    async def note() -> None:
        seen.append(threading.get_ident())
        if len(seen) == 2:
            done.set()

    background.start(note())
    background.start(note())
    assert done.wait(5)
    assert seen[0] == seen[1] != threading.get_ident()
    background.close()


def test_closing_lets_what_runs_clean_up() -> None:
    """A task that waits is cancelled and gets to its finally before the thread ends."""
    background = Background()
    running, cleaned = threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    background.start(wait())
    assert running.wait(5)
    background.close()
    assert cleaned.is_set()


def test_a_closed_loop_starts_anew_when_used_again() -> None:
    """Unloading and loading the extension leaves a working loop, and closing twice is harmless."""
    before = set(threading.enumerate())
    background = Background()
    for _ in range(2):
        done = threading.Event()
        background.call(done.set)
        assert done.wait(5)
        background.close()
        background.close()
    assert not [t for t in set(threading.enumerate()) - before if t.name == "retouch_nb"]


def test_tasks_are_of_the_c_class() -> None:
    """A patched asyncio.Task does not reach our loop."""
    background = Background()
    kinds: list[type] = []
    done = threading.Event()

    async def note() -> None:
        kinds.append(type(asyncio.current_task()))
        done.set()

    background.start(note())
    assert done.wait(5)
    background.close()
    assert kinds[0].__module__ == "_asyncio"
