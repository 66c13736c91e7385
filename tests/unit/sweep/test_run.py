"""Running: so many at once and no more, stopping leaves the rest unsent, hopeless failures are not repeated."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from retouch_nb.edit import Edit
from retouch_nb.errors import OutOfCreditsError, ServiceError
from retouch_nb.job import Interrupted
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance
from retouch_nb.sweep.plan import Request
from retouch_nb.sweep.run import Outcomes, Run


class ByHand:
    """A job that ends when it is told to."""

    progress = None
    state = "running"

    def __init__(self) -> None:
        self.actions: list[Callable[[], object]] = []
        self.error: BaseException | None = None
        self.cancelled = False

    def when_done(self, action: Callable[[], object]) -> None:
        self.actions.append(action)

    def end(self, error: BaseException | None = None) -> None:
        self.error = error
        for action in self.actions:
            action()

    def exception(self) -> BaseException | None:
        return self.error

    def result(self) -> Any:
        return "the edit"

    def cancel(self) -> bool:
        self.cancelled = True
        self.end(ServiceError("stopped"))
        return True


class Bench:
    """Requests that are started by a run, and their jobs in order."""

    def __init__(self, photo: Photo, count: int, *, concurrency: int = 2) -> None:
        operation = Enhance(photo)
        self.requests = [Request(operation, None, f"id{n}") for n in range(count)]
        self.jobs: list[ByHand] = []
        self.outcomes = Outcomes()
        self.run = Run(self.requests, self.start, self.outcomes, concurrency=concurrency)

    def start(self, request: Request) -> Any:
        self.jobs.append(ByHand())
        return self.jobs[-1]

    def has(self) -> list[bool]:
        return [self.outcomes.has(request) for request in self.requests]


class Watching:
    """A view that does something at every look."""

    def __init__(self, action: Callable[[], object] = lambda: None) -> None:
        self.action = action
        self.notes: list[str] = []

    def refresh(self) -> None:
        self.action()

    def close(self, note: str) -> None:
        self.notes.append(note)


def test_only_so_many_run_at_once(photo: Photo) -> None:
    """The next one starts when one ends, well or badly."""
    bench = Bench(photo, 5)
    bench.run.begin()
    assert len(bench.jobs) == 2
    bench.jobs[0].end()
    bench.jobs[1].end(ServiceError("no"))
    assert len(bench.jobs) == 4 and bench.run.failed == 1


def test_waiting_ends_with_the_last_job(photo: Photo) -> None:
    """And the view is closed once, with nothing to say."""
    bench = Bench(photo, 3)
    bench.run.begin()
    view = Watching(lambda: bench.jobs[-1].end() if bench.run.done < 3 else None)
    bench.jobs[0].end()
    bench.jobs[1].end()
    bench.run.wait(view, parting=lambda: "left")
    assert bench.has() == [True] * 3 and view.notes == [""]


def test_equal_requests_run_once(photo: Photo) -> None:
    """By their identity."""
    bench = Bench(photo, 1)
    run = Run([*bench.requests, *bench.requests], bench.start, bench.outcomes, concurrency=9)
    run.begin()
    assert len(bench.jobs) == run.total == 1


def test_a_start_that_fails_is_a_failed_tile(photo: Photo) -> None:
    """The others go on."""
    bench = Bench(photo, 2)

    def start(request: Request) -> Any:
        if request.identity == "id0":
            raise ServiceError("refused")
        return bench.start(request)

    Run(bench.requests, start, bench.outcomes, concurrency=1).begin()
    assert isinstance(bench.outcomes.error(bench.requests[0]), ServiceError)
    assert len(bench.jobs) == 1


def test_without_credits_nothing_more_is_sent(photo: Photo) -> None:
    """What waits for the same service fails for the same reason."""
    bench = Bench(photo, 4, concurrency=1)
    bench.run.begin()
    bench.jobs[0].end(OutOfCreditsError("none left"))
    assert len(bench.jobs) == 1
    assert all(isinstance(bench.outcomes.error(r), OutOfCreditsError) for r in bench.requests)


def test_stopping_starts_nothing_more(photo: Photo) -> None:
    """What runs is told to stop; what waits stays without an outcome, to be made another time."""
    bench = Bench(photo, 4)
    bench.run.begin()
    bench.run.stop()
    assert len(bench.jobs) == 2 and all(job.cancelled for job in bench.jobs)
    assert bench.outcomes.error(bench.requests[3]) is None
    view = Watching()
    bench.run.wait(view, parting=lambda: "two are left")
    assert view.notes == ["two are left"]


def test_an_interrupt_says_what_is_left(photo: Photo) -> None:
    """The wait ends with an interrupt, and the view with the same words."""
    bench = Bench(photo, 3)

    def interrupt() -> None:
        bench.run.stop()
        raise Interrupted("left")

    view = Watching(interrupt)
    with pytest.raises(Interrupted):
        bench.run.begin().wait(view, parting=lambda: "three are left")
    assert view.notes == ["three are left"]


def test_a_failed_tile_can_be_put_back_in_line(photo: Photo) -> None:
    """While others run; afterwards there is no line any more."""
    bench = Bench(photo, 2)
    bench.run.begin()
    bench.jobs[0].end(ServiceError("no"))
    bench.run.retry(bench.requests[0])
    bench.jobs[2].end()
    bench.jobs[1].end()
    assert bench.has() == [True, True] and bench.run.total == 3
    bench.run.retry(bench.requests[0])
    assert len(bench.jobs) == 3


def test_many_threads_may_end_jobs(photo: Photo) -> None:
    """Each request is started once and noted once, whoever ends it."""
    bench = Bench(photo, 200, concurrency=8)
    bench.run.begin()
    ended: set[int] = set()
    lock = threading.Lock()

    def end_some() -> None:
        while bench.run.done < 200:
            with lock:
                job = next((j for j in bench.jobs if j.actions and id(j) not in ended), None)
                if job:
                    ended.add(id(job))
            if job:
                job.end()

    threads = [threading.Thread(target=end_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(bench.jobs) == 200 and all(bench.has())


def test_jobs_that_end_at_once_do_not_nest(photo: Photo) -> None:
    """Two thousand of them run on a stack of common depth."""
    bench = Bench(photo, 2000)

    def start(request: Request) -> Any:
        job = bench.start(request)
        job.when_done = lambda action: action()
        return job

    run = Run(bench.requests, start, bench.outcomes, concurrency=2).begin()
    assert run.done == 2000 and all(bench.has())


def test_outcomes_keep_edits_of_a_request(photo: Photo) -> None:
    """A result replaces the error that was there before."""
    outcomes = Outcomes()
    request = Request(Enhance(photo), None, "id")
    outcomes.ended("id", None, ServiceError("no"))
    assert outcomes.error(request) and not outcomes.has(request)
    edit = Edit(photo, photo, receipt=None)  # type: ignore[arg-type]
    outcomes.ended("id", edit, None)
    assert outcomes.edit(request) is edit and outcomes.error(request) is None
