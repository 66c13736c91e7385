import asyncio
import threading
from dataclasses import replace

import pytest

from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.tickets import Stage, Status, Ticket, Watch


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def ticket() -> Ticket:
    """Give a ticket."""
    return Ticket("scale", "me", created=1000.0, expires=4600.0, echo={})


def watch(of: Ticket, clock: Clock, *, turns: int = 1, seconds: float = 30.0) -> Watch:
    """Give the watch of a ticket."""
    return Watch(of, threading.Semaphore(turns), seconds=seconds, clock=clock)


def test_the_first_end_is_the_last() -> None:
    """A worker that finishes after a cancel changes nothing."""
    task = ticket()
    assert task.advance(stage=Stage.FAILED)
    ended = task.status
    assert not task.advance(stage=Stage.DONE, progress=1.0)
    assert task.status is ended


def test_a_status_that_was_read_does_not_change() -> None:
    """Readers hold a value, not a view."""
    task = ticket()
    before = task.status
    task.advance(stage=Stage.WORKING, progress=0.5)
    assert before == Status()
    assert task.status == replace(before, stage=Stage.WORKING, progress=0.5)


def test_callbacks_run_once_at_the_end_and_at_once_after_it() -> None:
    """Who asks to be told is told exactly once, whenever it asks."""
    task, told = ticket(), []
    task.when_over(lambda: told.append("before"))
    task.advance(stage=Stage.WORKING)
    assert told == []
    task.advance(stage=Stage.DONE)
    task.when_over(lambda: told.append("after"))
    assert told == ["before", "after"]


def test_waiting_on_the_loop_ends_when_a_thread_ends_the_task() -> None:
    """The loop is woken from another thread, and runs on meanwhile."""
    task = ticket()

    async def wait() -> tuple[Stage, bool]:
        waiting = asyncio.create_task(task.over())
        await asyncio.sleep(0)
        ran_on = not waiting.done()
        thread = threading.Thread(target=task.advance, kwargs={"stage": Stage.DONE})
        thread.start()
        status = await waiting
        thread.join()
        return status.stage, ran_on

    assert asyncio.run(wait()) == (Stage.DONE, True)


def test_ending_a_task_whose_loop_is_gone_is_quiet() -> None:
    """A cell that was interrupted leaves a dead loop behind; the worker does not stumble over it."""
    task = ticket()

    async def give_up() -> None:
        waiting = asyncio.create_task(task.over())
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(give_up())
    assert task.advance(stage=Stage.DONE)


def test_progress_rises_and_leaves_room_for_storing() -> None:
    """Whatever a work function reports, the progress never falls, and 1 is for a stored result alone."""
    task = ticket()
    seen = []
    for fraction in (0.0, 0.5, 0.25, 1.0, 7.0, -1.0):
        watch(task, Clock()).progress(fraction)
        seen.append(task.status.progress)
    assert seen == sorted(seen)
    assert 0.0 < seen[0] < seen[-1] < 1.0


def test_a_cancelled_task_stops_its_worker_at_the_next_progress() -> None:
    """Progress is where the work notices."""
    task = ticket()
    task.advance(stage=Stage.FAILED)
    with pytest.raises(Failure) as caught:
        watch(task, Clock()).progress(0.5)
    assert caught.value.cause is Cause.CANCELLED


def test_the_time_limit_counts_from_the_turn() -> None:
    """Waiting for others is not processing; after the limit the next progress raises."""
    clock = Clock()
    task = ticket()
    mine = watch(task, clock, seconds=30.0)
    clock.now += 1000
    mine.check()
    with mine.turn():
        clock.now += 30
        mine.progress(0.5)
        clock.now += 1
        with pytest.raises(Failure) as caught:
            mine.progress(0.6)
    assert caught.value.cause is Cause.TIMED_OUT


def test_a_turn_shows_in_the_stage_and_is_given_back_whatever_happens() -> None:
    """An error in the work does not cost a place."""
    task, turns = ticket(), threading.Semaphore(1)
    mine = Watch(task, turns, seconds=30.0, clock=Clock())
    with pytest.raises(ZeroDivisionError), mine.turn("filling"):
        assert task.status.stage is Stage.WORKING
        assert task.status.step == "filling"
        assert not turns.acquire(blocking=False)
        raise ZeroDivisionError
    assert turns.acquire(blocking=False)


def test_a_task_cancelled_while_it_waits_for_a_turn_stops_waiting() -> None:
    """No place is taken by a task nobody wants."""
    task, turns = ticket(), threading.Semaphore(0)
    task.when_over(lambda: None)
    waiting = Watch(task, turns, seconds=30.0, clock=Clock())
    raised: list[Failure] = []

    def work() -> None:
        try:
            with waiting.turn():
                pass
        except Failure as failure:
            raised.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    task.advance(stage=Stage.FAILED)
    thread.join(5)
    assert [failure.cause for failure in raised] == [Cause.CANCELLED]
