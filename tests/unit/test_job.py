import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from retouch_nb.contract import Price
from retouch_nb.edit import Edit
from retouch_nb.errors import StoppedError, TaskFailedError, WaitTimeout
from retouch_nb.job import Job
from retouch_nb.loop import Background
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from retouch_nb.receipt import Receipt

PHOTO = Photo.open(np.zeros((20, 20, 3), np.uint8))
EDIT = Edit(PHOTO, PHOTO, Receipt("j1", "enhance", "picwish", "PicWish", Price(0)))
EVENT = SimpleNamespace(state="running", progress=0.4, step="", ticket="t-1", detail="", requests=1)


@pytest.fixture
def background() -> Iterator[Background]:
    loop = Background()
    yield loop
    loop.close()


def job(**options: object) -> Job:
    return Job("j1", Enhance(PHOTO), "PicWish", really_cancels=False, **options)


def gated() -> tuple[threading.Event, Callable[..., Awaitable[Edit]]]:
    """Make work that reports once and then waits for a gate."""
    gate = threading.Event()

    async def work(watch: Callable[[object], None]) -> Edit:
        watch(EVENT)
        while not gate.is_set():
            await asyncio.sleep(0.001)
        return EDIT

    return gate, work


def reported(one: Job) -> Job:
    seen = threading.Event()
    one.watch(lambda event: seen.set())
    assert one.progress is not None or seen.wait(5)
    return one


def test_a_job_gives_its_result_to_whoever_waits(background: Background) -> None:
    """Waiting returns the edit, any number of times."""
    gate, work = gated()
    one = job().start(work, background)
    gate.set()
    assert one.result() is EDIT
    assert one.result() is EDIT
    assert (one.state, one.progress, one.done()) == ("done", 1.0, True)


def test_a_job_says_how_far_it_is(background: Background) -> None:
    """State and progress are those of the last event, and the repr shows both."""
    gate, work = gated()
    one = job()
    seen = threading.Event()
    one.watch(lambda event: seen.set())
    one.start(work, background)
    assert seen.wait(5)
    assert (one.state, one.progress) == ("running", 0.4)
    assert repr(one) == "<Job j1 enhance by PicWish: running 40%>"
    gate.set()
    one.result()


def test_an_error_reaches_the_waiter(background: Background) -> None:
    """What went wrong is raised where the result was expected, and kept."""

    async def work(watch: object) -> Edit:
        raise TaskFailedError("broken")

    one = job().start(work, background)
    with pytest.raises(TaskFailedError, match="broken"):
        one.result()
    assert one.state == "failed"
    assert isinstance(one.exception(), TaskFailedError)


def test_a_wait_that_ends_leaves_the_task_running(background: Background) -> None:
    """A time-out names the job and how to resume; a later wait still gets the result."""
    gate, work = gated()
    one = job().start(work, background)
    with pytest.raises(WaitTimeout, match="resume j1"):
        one.result(timeout=0.01)
    gate.set()
    assert one.result() is EDIT


def test_stopping_says_that_a_service_goes_on(background: Background) -> None:
    """No service documents cancel, so the words are that waiting has stopped and how to resume."""
    _, work = gated()
    one = job().start(work, background)
    assert one.cancel()
    with pytest.raises(StoppedError, match=r"may go on at PicWish.*resume j1"):
        one.result()
    assert one.state == "stopped"
    assert not one.cancel()


def test_the_embedded_engine_really_cancels() -> None:
    """Only where cancelling is real is the word used."""
    assert job().stop_word == "Stop waiting"
    assert Job("j", Enhance(PHOTO), "embedded engine", really_cancels=True).stop_word == "Cancel"


def test_an_interrupt_ends_the_wait_after_the_clean_up(background: Background) -> None:
    """SIGINT stops the job, waits for it to leave a truthful record, and only then raises."""
    cleaned: list[bool] = []

    async def work(watch: Callable[[object], None]) -> Edit:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
            return EDIT
        finally:
            cleaned.append(True)

    before = signal.getsignal(signal.SIGINT)
    one = job()
    gate = threading.Event()

    async def gated_work(watch: Callable[[object], None]) -> Edit:
        while not gate.is_set():
            await asyncio.sleep(0.001)
        return await work(watch)

    one.start(gated_work, background)
    one._view = lambda waiting: gate.set()
    with pytest.raises(KeyboardInterrupt):
        while True:
            one.result()
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_view_sees_the_events_and_is_closed(background: Background) -> None:
    """While somebody waits the view is told everything; in the end it is closed, with words on failure."""
    calls: list[object] = []
    gate, work = gated()

    class View:
        def show(self, event: object) -> None:
            calls.append(event)
            gate.set()

        def close(self, html: str | None, text: str) -> None:
            calls.append(("closed", text))

    start = threading.Event()

    async def late(watch: Callable[[object], None]) -> Edit:
        while not start.is_set():
            await asyncio.sleep(0.001)
        return await work(watch)

    one = job(view=lambda waiting: (start.set(), View())[1]).start(late, background)
    assert one.result() is EDIT
    assert calls[-1] == ("closed", "")


def test_a_broken_display_does_not_fail_a_paid_task(background: Background) -> None:
    """A watcher that raises is ignored."""
    gate, work = gated()
    one = job()
    one.watch(lambda event: 1 / 0)
    one.start(work, background)
    gate.set()
    assert one.result() is EDIT


def test_a_job_can_be_awaited_on_another_loop(background: Background) -> None:
    """In a cell with a running loop ``await job`` gives the edit."""
    gate, work = gated()
    one = job().start(work, background)
    gate.set()

    async def cell() -> Edit:
        return await one

    assert asyncio.run(cell()) is EDIT


def test_cancelling_an_await_stops_the_job_and_waits_for_its_clean_up(
    background: Background,
) -> None:
    """An interrupted ``await`` leaves no orphan: the job is over when the cancellation comes out."""
    _, work = gated()
    one = job().start(work, background)

    async def cell() -> None:
        waiting = asyncio.ensure_future(one._awaited())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert one.state == "stopped"

    asyncio.run(cell())
