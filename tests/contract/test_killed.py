"""Real processes on one journal, against an engine on a port that counts what it accepts; some are killed.

A small part of what ``make siege`` does.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retouch_nb.engine import Engine
from tests.load.kills import KINDS, Kernels, accepted, kernels, rows, siege

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernels, Engine]]:
    """Give an engine on a port, and kernels that share a journal; each test asks for requests of its own."""
    with kernels(tmp_path_factory.mktemp("crowd") / "home") as both:
        yield both


def test_killed_at_random_moments_nothing_is_lost_or_paid_twice(home: Path) -> None:
    """The next process brings the one task's picture, or says that it does not know; the file stays sound."""
    report = siege(home, kills=8, seed=20)
    assert report.findings == []
    assert report.killed == 8
    assert len(report.moments) >= 3
    assert report.then["picture"] >= 3


@pytest.mark.parametrize("processes", [2, 8])
def test_processes_that_want_the_same_get_one_task(
    crowd: tuple[Kernels, Engine], processes: int
) -> None:
    """One sends, the others wait for its row, and all get its picture."""
    started, engine = crowd
    number = KINDS * processes
    ended = started.run([{"number": number}] * processes)
    (task,) = accepted(engine, number)
    assert [each.get("picture") for each in ended] == [task] * processes


def test_processes_that_want_different_things_get_them(crowd: tuple[Kernels, Engine]) -> None:
    """Eight requests in eight processes, each twice: eight tasks, and as many rows."""
    started, engine = crowd
    numbers = [KINDS * n + n % 2 for n in range(20, 28)]
    before = rows(started.home)
    ended = started.run([{"number": number} for number in [*numbers, *numbers]])
    wanted = [accepted(engine, number) for number in numbers]
    assert [len(tasks) for tasks in wanted] == [1] * 8
    assert [each.get("picture") for each in ended] == [task for (task,) in wanted * 2]
    new = {id: state for id, state in rows(started.home).items() if id not in before}
    assert list(new.values()) == ["done"] * 8


def test_a_crowd_of_which_some_are_killed_pays_once(crowd: tuple[Kernels, Engine]) -> None:
    """Whoever dies, sender or waiter: at most one task, and who comes later gets its picture or is told of the doubt."""
    started, engine = crowd
    for number in (KINDS * 40, KINDS * 41):
        deaths = [{"number": number, "after": 0.03 + 0.02 * n} for n in range(4)]
        started.run([*deaths, {"number": number}, {"number": number}])
        (later,) = started.run([{"number": number}])
        tasks = accepted(engine, number)
        assert len(tasks) <= 1
        assert [later.get("picture")] == tasks or later["error"] == "UnknownOutcomeError"


def test_processes_share_a_services_pace(crowd: tuple[Kernels, Engine]) -> None:
    """Fifty requests a second are allowed: what eight processes send at once is accepted no faster."""
    started, engine = crowd
    before = len(engine.tasks.tickets)
    started.run([{"number": KINDS * n} for n in range(50, 58)])
    times = [ticket.created for ticket in engine.tasks.tickets[before:]]
    assert len(times) == 8
    assert max(times) - min(times) >= 7 * 0.02 * 0.8
