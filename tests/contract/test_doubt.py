"""A request that may be paid already stops and asks, through a whole session; and what a forked process inherits."""

import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from retouch_nb.edit import Edit
from retouch_nb.engine import Engine
from retouch_nb.engine.faults import Fault
from retouch_nb.errors import StoppedError, UnknownOutcomeError
from retouch_nb.providers.picwish import Enhance
from retouch_nb.session import Session, current
from tests.load.siege import photo_of, served

KEYS = {"PICWISH_API_KEY": "k-doubt-1"}


class Person:
    """Types what the test says, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


@dataclass
class Doubt:
    """A session whose first request was accepted and its answer lost."""

    session: Session
    engine: Engine
    person: Person

    def again(self, *answers: str) -> Edit:
        """Run the cell again."""
        self.person.answers = list(answers)
        return self.session.run(operation())

    @property
    def accepted(self) -> int:
        return len(self.engine.tasks.tickets)


@pytest.fixture
def doubt(home: Path) -> Iterator[Doubt]:
    """Give such a session."""
    person = Person()
    with served() as (engine, url):
        session = Session(home=home, environ={**KEYS, "PICWISH_BASE_URL": url}, ask=person)
        engine.faults.switch_on(Fault.DROP)
        with pytest.raises(UnknownOutcomeError):
            session.run(operation())
        assert person.asked == []
        yield Doubt(session, engine, person)
        session.close()


def operation() -> Enhance:
    """Ask for the same picture, made while we wait."""
    return Enhance(photo_of(1), sync=True, return_type=2)


def test_a_cell_that_is_run_again_stops_to_ask(doubt: Doubt) -> None:
    """Enter leaves everything as it was and raises the error, which names the three ways to go on."""
    with pytest.raises(UnknownOutcomeError) as caught:
        doubt.again("")
    assert doubt.accepted == 1
    (row,) = doubt.session.jobs()
    for words in ("%retouch_nb balance picwish", f"%retouch_nb forget {row.id}", "--fresh"):
        assert words in str(caught.value)


def test_who_takes_it_for_lost_pays_only_with_the_next_run(doubt: Doubt) -> None:
    """After a look at the balance the record is dropped; nothing is sent until the cell is run once more."""
    with pytest.raises(StoppedError, match="Nothing was sent"):
        doubt.again("look", "lost")
    assert "PicWish: " in doubt.person.asked[1]
    assert (list(doubt.session.jobs()), doubt.accepted) == ([], 1)
    doubt.again()
    assert doubt.accepted == 2


def test_who_pays_again_gets_the_picture(doubt: Doubt) -> None:
    """The word sends it once more, as a job of its own, and from then on nobody is asked."""
    assert doubt.again("again").after.size == (48, 40)
    assert [row.state for row in doubt.session.jobs()] == ["done", "unknown"]
    doubt.again()
    assert doubt.accepted == 2


def test_who_finds_the_task_at_the_service_takes_it_up_by_its_id(home: Path) -> None:
    """An answer was lost, the task was not: its id there, typed by hand, brings the picture without paying again."""
    with served() as (engine, url):
        session = Session(home=home, environ={**KEYS, "PICWISH_BASE_URL": url})
        engine.faults.switch_on(Fault.DROP)
        with pytest.raises(UnknownOutcomeError) as caught:
            session.run(Enhance(photo_of(1)))
        (ticket,) = engine.tasks.tickets
        assert session.resume(caught.value.job_id, ticket.id).result().after.size
        assert [row.task_id for row in session.jobs()] == [ticket.id]
        assert len(engine.tasks.tickets) == 1
        session.close()


def _in_child(photo: int, told: "multiprocessing.Queue[object]") -> None:
    edit = current().run(Enhance(photo_of(photo)), provider="local")
    told.put(edit.after.size)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked there")
def test_a_forked_process_works_beside_its_parent() -> None:
    """Threads, locks and files of the parent are not touched: both get their pictures, with the same settings."""
    assert current().run(Enhance(photo_of(2), scale_factor=1), provider="local").after
    fork = multiprocessing.get_context("fork")
    told = fork.Queue()
    child = fork.Process(target=_in_child, args=(3, told))
    child.start()
    assert told.get(timeout=60)
    child.join(20)
    assert child.exitcode == 0
    assert current().run(Enhance(photo_of(4), scale_factor=1), provider="local").after
