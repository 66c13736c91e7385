import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Product, Store
from retouch_nb.engine.tasks import Tasks
from retouch_nb.engine.tickets import Job, Stage, Status, Ticket, Watch
from retouch_nb.errors import MissingExtraError

PICTURE = Product(b"12345", "image/png", ".png")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """A job that says how far it is, and ends when it is let."""

    turns = threading.Semaphore(0)

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.running = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, watch: Watch) -> Product:
        self.begun.set()
        with watch.turn("standing"):
            self.running.set()
            self.turns.release()
            self.may_end.wait(5)
            watch.progress(0.5)
        return PICTURE


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands."""
    return Clock()


@pytest.fixture
def tasks(tmp_path: Path, clock: Clock) -> Iterator[Tasks]:
    """Give tasks with two turns, a queue of three and room for two results."""
    made = Tasks(Store(tmp_path), workers=2, queue=3, store_bytes=12, clock=clock)
    yield made
    made.close()


def submit(tasks: Tasks, job: Job, *, lifetime: float = 3600.0) -> Ticket:
    """Submit a job of mine."""
    return tasks.submit(job, service="scale", owner="me", lifetime=lifetime)


def end(ticket: Ticket) -> Status:
    """Wait for the end of a task."""

    async def wait() -> Status:
        return await asyncio.wait_for(ticket.over(), 5)

    return asyncio.run(wait())


def occupy(tasks: Tasks) -> list[Gate]:
    """Give every thread a job: two have a turn, two wait for one."""
    Gate.turns = threading.Semaphore(0)
    gates = [Gate() for _ in range(4)]
    for gate in gates:
        submit(tasks, gate)
        assert gate.begun.wait(5)
    for _ in range(2):
        assert Gate.turns.acquire(timeout=5)
    return sorted(gates, key=lambda gate: not gate.running.is_set())


def test_a_job_ends_with_its_product_on_disk(tasks: Tasks, clock: Clock) -> None:
    """Done means stored, with the times of the injected clock."""
    status = end(submit(tasks, lambda watch: PICTURE))
    assert status.stage is Stage.DONE
    assert status.progress == 1.0
    assert (status.started, status.ended) == (clock.now, clock.now)
    assert status.result and status.result.path.read_bytes() == b"12345"


def test_a_failure_is_the_tasks_end_and_not_the_threads(tasks: Tasks) -> None:
    """Four threads survive forty failures of every kind."""

    def broken(watch: Watch) -> Product:
        raise Failure(Cause.BROKEN, "Invalid image")

    def surprised(watch: Watch) -> Product:
        raise KeyError("secret")

    causes = set()
    for _ in range(20):
        for job in (broken, surprised):
            failure = end(submit(tasks, job)).failure
            assert failure and "secret" not in str(failure)
            causes.add(failure.cause)
    assert causes == {Cause.BROKEN, Cause.PROCESSING}
    assert end(submit(tasks, lambda watch: PICTURE)).stage is Stage.DONE


def test_an_error_raised_on_purpose_is_told_in_its_own_words(tasks: Tasks) -> None:
    """It was written for the person who asked, a missing extra for one."""

    def unequipped(watch: Watch) -> Product:
        raise MissingExtraError.of("onnx", "onnxruntime", "a model")

    failure = end(submit(tasks, unequipped)).failure
    assert failure and "onnx" in str(failure)


def test_a_disk_that_is_full_is_a_failure_of_storing(tmp_path: Path) -> None:
    """The work was done and could not be kept: that has a cause of its own."""
    nowhere = tmp_path / "missing"
    tasks = Tasks(Store(nowhere))
    failure = end(submit(tasks, lambda watch: PICTURE)).failure
    assert failure and failure.cause is Cause.STORAGE
    tasks.close()


def test_the_queue_is_bounded_and_says_when_to_come_back(tasks: Tasks) -> None:
    """One task more than may wait is refused with 429, and accepted again once there is room."""
    gates = occupy(tasks)
    waiting = [submit(tasks, lambda watch: PICTURE) for _ in range(3)]
    with pytest.raises(Refusal) as caught:
        submit(tasks, lambda watch: PICTURE)
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    for gate in gates:
        gate.may_end.set()
    assert end(waiting[-1]).stage is Stage.DONE
    assert end(submit(tasks, lambda watch: PICTURE)).stage is Stage.DONE


def test_no_more_pictures_are_worked_on_at_once_than_there_are_workers(tasks: Tasks) -> None:
    """Threads read for more tasks than they work on, so that a slow address blocks nobody."""
    gates = occupy(tasks)
    assert [gate.running.is_set() for gate in gates] == [True, True, False, False]
    for gate in gates[:2]:
        gate.may_end.set()
    assert all(gate.running.wait(5) for gate in gates[2:])
    for gate in gates[2:]:
        gate.may_end.set()


def test_cancelling_a_queued_task_takes_it_out_of_the_queue(tasks: Tasks) -> None:
    """It never runs, and its place is free for another."""
    gates = occupy(tasks)
    ran = threading.Event()

    def job(watch: Watch) -> Product:
        ran.set()
        return PICTURE

    ticket = submit(tasks, job)
    tasks.cancel(ticket)
    for gate in gates:
        gate.may_end.set()
    assert ticket.status.failure and ticket.status.failure.cause is Cause.CANCELLED
    assert end(submit(tasks, lambda watch: PICTURE)).stage is Stage.DONE
    assert not ran.is_set()


def test_the_product_of_a_task_that_was_cancelled_is_not_kept(tmp_path: Path) -> None:
    """Work that does not look up before its end leaves no file nobody can reach."""
    store = Store(tmp_path)
    tasks = Tasks(store, workers=1)
    running, may_end = threading.Event(), threading.Event()

    def blind(watch: Watch) -> Product:
        running.set()
        may_end.wait(5)
        return PICTURE

    gate, ticket = Gate(), submit(tasks, blind)
    submit(tasks, gate)
    assert running.wait(5) and gate.begun.wait(5)
    tasks.cancel(ticket)
    may_end.set()
    # Of two threads one is held at the gate, so the next task waits for the blind one's thread.
    assert end(submit(tasks, lambda watch: PICTURE)).stage is Stage.DONE
    assert store.size == len(PICTURE.data)
    gate.may_end.set()
    tasks.close()


def test_cancelling_a_running_task_ends_it_at_once_and_frees_its_turn(tasks: Tasks) -> None:
    """The answer does not wait for the worker."""
    gate = Gate()
    ticket = submit(tasks, gate)
    assert gate.running.wait(5)
    tasks.cancel(ticket)
    assert ticket.status.stage is Stage.FAILED
    gate.may_end.set()
    assert end(submit(tasks, lambda watch: PICTURE)).stage is Stage.DONE
    assert ticket.status.result is None


def test_a_ticket_is_found_by_its_owner_on_its_path_alone(tasks: Tasks) -> None:
    """An id is no permission."""
    ticket = submit(tasks, lambda watch: PICTURE)
    assert tasks.find(ticket.id, service="scale", owner="me") is ticket
    assert tasks.find(ticket.id, service="scale", owner="you") is None
    assert tasks.find(ticket.id, service="inpaint", owner="me") is None
    assert tasks.find("unknown", service="scale", owner="me") is None


def test_a_task_expires_with_its_result(tasks: Tasks, clock: Clock) -> None:
    """After its lifetime a task is unknown and its file is gone; a younger one stays."""
    old = submit(tasks, lambda watch: PICTURE)
    result = end(old).result
    assert result
    clock.now += 1800
    young = submit(tasks, lambda watch: PICTURE)
    clock.now += 1799
    assert tasks.find(old.id, service="scale", owner="me") is old
    clock.now += 1
    assert tasks.find(old.id, service="scale", owner="me") is None
    assert tasks.find(young.id, service="scale", owner="me") is young
    assert not result.path.exists()


def test_a_task_that_expires_while_it_runs_is_cancelled(tasks: Tasks, clock: Clock) -> None:
    """Nobody can fetch it any more, so nobody works on it."""
    gate = Gate()
    ticket = submit(tasks, gate, lifetime=10)
    assert gate.running.wait(5)
    clock.now += 10
    assert tasks.find(ticket.id, service="scale", owner="me") is None
    assert ticket.status.failure and ticket.status.failure.cause is Cause.CANCELLED
    gate.may_end.set()


def test_the_oldest_results_make_room_for_the_newest(tasks: Tasks) -> None:
    """Twelve bytes hold two results of five; the third costs the first."""
    tickets = []
    for _ in range(3):
        tickets.append(submit(tasks, lambda watch: PICTURE))
        end(tickets[-1])
    tasks.close()  # room is made on the thread that ended the last task
    found = [tasks.find(ticket.id, service="scale", owner="me") for ticket in tickets]
    assert found == [None, *tickets[1:]]


def test_closing_ends_every_task_wakes_the_waiting_and_stops_the_threads(tasks: Tasks) -> None:
    """Nothing is left behind: no thread, no waiting coroutine, no file."""
    before = set(threading.enumerate())
    gates = occupy(tasks)
    waiting = submit(tasks, lambda watch: PICTURE)
    for gate in gates:
        gate.may_end.set()
    tasks.close()
    tasks.close()
    assert end(waiting).stage in (Stage.FAILED, Stage.DONE)
    assert set(threading.enumerate()) <= before
    with pytest.raises(Refusal, match="closed"):
        submit(tasks, lambda watch: PICTURE)


def test_tasks_are_not_remembered_without_end(tmp_path: Path, clock: Clock) -> None:
    """However many fail or succeed, the oldest that are over are forgotten before their time."""

    def fail(watch: Watch) -> Product:
        raise Failure(Cause.BROKEN, "broken")

    made = Tasks(Store(tmp_path), queue=3, most_tickets=4, clock=clock)
    first = submit(made, fail)
    for _ in range(8):
        asyncio.run(submit(made, fail).over())
    assert len(made.tickets) == 4
    assert first not in made.tickets
    made.close()


def test_no_room_is_said_before_an_upload(tmp_path: Path, clock: Clock) -> None:
    """A queue that is full needs no photo to know it."""
    made = Tasks(Store(tmp_path), queue=0, clock=clock)
    with pytest.raises(Refusal) as caught:
        made.check_room()
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    made.close()
