import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retouch_nb.client.cadence import NEWEST
from retouch_nb.client.journal import COLUMNS, OLD, Entry, Journal, new_id
from retouch_nb.client.task import Earlier, State
from retouch_nb.errors import HomeError, UnknownNameError
from retouch_nb.jobs import may_wait
from retouch_nb.session import Session

ENTRY = Entry(
    id="j1",
    identity="f00d",
    operation="enhance",
    provider="picwish",
    maker="PicWish",
    version="",
    base_url="https://service.example",
    options={"scale_factor": 2},
    pictures={"photo": "abc"},
    credits=2,
    credits_note="estimate",
    remarks=("a warning",),
)


@pytest.fixture
def journal(home: Path, moment: Any) -> Iterator[Journal]:
    """Give a journal on the test's clock."""
    journal = Journal(home, clock=moment)
    yield journal
    journal.close()


def reached(journal: Journal, *states: State, entry: Entry = ENTRY, **facts: Any) -> Entry:
    """Begin a job and move it on."""
    found = journal.begin(entry)
    for state in states:
        found = journal.move(found, state, **facts)
    return found


def test_a_job_is_read_as_it_was_written(journal: Journal, moment: Any) -> None:
    """Everything but time and owner comes back as it went in."""
    begun = journal.begin(ENTRY)
    assert journal.find("j1") == begun
    assert begun == replace(ENTRY, created_at=moment.now, updated_at=moment.now, owner=begun.owner)
    assert begun.cost == "2 credits (estimate)"


def test_another_kernel_reads_it_too(journal: Journal, home: Path) -> None:
    """The file is what is shared, not the process."""
    reached(journal, State.SENDING, State.ACCEPTED, ticket="t-1")
    other = Journal(home)
    assert other.find("j1").ticket == "t-1"
    other.close()


def test_steps_are_written_down_with_their_facts(journal: Journal, moment: Any) -> None:
    """A step keeps what was known, adds what was found out, and notes when."""
    moment.now += 5
    done = reached(journal, State.SENDING, State.ACCEPTED, ticket="t-1")
    assert (done.state, done.ticket, done.updated_at) == (State.ACCEPTED, "t-1", moment.now)
    assert journal.move(done, State.RUNNING).ticket == "t-1"


def test_older_news_does_not_overwrite(journal: Journal) -> None:
    """A second notebook that still sees it running does not undo that it is done."""
    late = reached(journal, State.SENDING, State.ACCEPTED)
    journal.move(late, State.FETCHED, result="beef")
    journal.move(late, State.DONE)
    assert journal.move(late, State.RUNNING, note="late").state is State.DONE
    assert journal.find("j1").note == ""


def test_a_row_that_somebody_dropped_meanwhile_is_written_anew(journal: Journal) -> None:
    """Forgetting a job in another notebook must not lose a ticket that comes a second later."""
    sending = reached(journal, State.SENDING)
    journal.forget("j1")
    journal.move(sending, State.ACCEPTED, ticket="t-1")
    assert journal.find("j1").ticket == "t-1"


@pytest.mark.parametrize(
    ("states", "stands"),
    [
        ((), True),
        ((State.SENDING,), True),
        ((State.SENDING, State.ACCEPTED), True),
        ((State.SENDING, State.UNKNOWN), True),
        ((State.SENDING, State.FAILED), False),
        ((State.STOPPED,), False),
    ],
    ids=str,
)
def test_an_equal_request_meets_what_is_open(
    journal: Journal, states: tuple[State, ...], stands: bool
) -> None:
    """A second row is begun only when the first can no longer bring or cost anything."""
    reached(journal, *states)
    before = journal.standing(replace(ENTRY, id="j2"))
    assert (before is not None and before.id == "j1") == stands
    assert journal.begin(replace(ENTRY, id="j2")).id == ("j1" if stands else "j2")


def test_only_equal_requests_to_the_same_place_meet(journal: Journal) -> None:
    """Another picture or another address is another request; `again` begins in any case."""
    journal.begin(ENTRY)
    assert journal.begin(replace(ENTRY, id="j2", identity="beef")).id == "j2"
    assert journal.begin(replace(ENTRY, id="j3", base_url="https://other.example")).id == "j3"
    assert journal.begin(replace(ENTRY, id="j4"), again=True).id == "j4"


def test_time_ends_what_the_service_keeps_no_longer(journal: Journal, moment: Any) -> None:
    """A task that nobody fetched in time is expired, and an equal request begins anew."""
    running = reached(
        journal, State.SENDING, State.ACCEPTED, State.RUNNING, expires_at=moment.now + 3600
    )
    moment.now += 3601
    assert journal.find(running.id).state is State.EXPIRED
    assert journal.begin(replace(ENTRY, id="j2")).id == "j2"


def test_a_clock_that_jumps_ahead_and_back_loses_no_task(journal: Journal, moment: Any) -> None:
    """Expired is what the clock says, and is not written down: set right, it is a running task again."""
    reached(journal, State.SENDING, State.ACCEPTED, ticket="t", expires_at=moment.now + 3600)
    moment.now += 86_400
    assert [entry.state for entry in journal.entries()] == [State.EXPIRED]
    moment.now -= 86_400
    assert journal.find("j1").state is State.ACCEPTED
    assert journal.begin(replace(ENTRY, id="j2")).id == "j1"


@pytest.mark.parametrize(
    "states", [(State.SENDING, State.ACCEPTED), (State.SENDING, State.UNKNOWN)]
)
@pytest.mark.parametrize("end", [State.FAILED, State.STOPPED])
def test_what_came_to_nothing_hides_nothing(
    journal: Journal, states: tuple[State, ...], end: State
) -> None:
    """A second, wanted attempt that cost nothing leaves the first as it was: paid, or perhaps paid."""
    reached(journal, *states, ticket="t")
    journal.move(journal.begin(replace(ENTRY, id="j2"), again=True), State.SENDING)
    journal.move(journal.find("j2"), end)
    assert journal.begin(replace(ENTRY, id="j3")).id == "j1"


def test_what_was_paid_again_settles_the_doubt(journal: Journal) -> None:
    """The person has decided: the task that was accepted stands, not the unknown one before it."""
    reached(journal, State.SENDING, State.UNKNOWN)
    again = journal.begin(replace(ENTRY, id="j2"), again=True)
    journal.move(journal.move(again, State.SENDING), State.ACCEPTED, ticket="t-2")
    assert journal.begin(replace(ENTRY, id="j3")).id == "j2"


def test_what_waits_is_paid_open_and_nobodys(journal: Journal, home: Path) -> None:
    """A task somebody alive follows, a free one and one that is over are no reason to speak up."""
    for n, (free, states) in enumerate(
        [(False, ()), (True, ()), (False, (State.FETCHED, State.DONE))]
    ):
        entry = replace(ENTRY, id=f"j{n}", identity=f"{n}", free=free)
        reached(journal, State.SENDING, State.ACCEPTED, *states, entry=entry, ticket="t")
    assert may_wait(home)
    other = Journal(home)
    assert other.waiting() == []
    journal.close()
    assert [entry.id for entry in other.waiting()] == ["j0"]
    other.forget("j0")
    assert not may_wait(home)
    other.close()


def test_a_damaged_row_is_named_with_its_task_and_can_be_dropped(
    journal: Journal, home: Path
) -> None:
    """One broken row loses neither the id that was paid for nor the other rows."""
    reached(journal, State.SENDING, State.ACCEPTED, ticket="t-77")
    journal.begin(replace(ENTRY, id="j2", identity="beef"))
    with sqlite3.connect(journal.path) as database:
        database.execute("update jobs set options = '{' where id = 'j1'")
    database.close()
    with pytest.raises(HomeError, match="t-77"):
        journal.entries()
    assert journal.forget("j1") == "t-77"
    assert [entry.id for entry in journal.entries()] == ["j2"]


def test_a_done_job_can_be_asked_for_again_while_the_service_keeps_it(
    journal: Journal, moment: Any
) -> None:
    """When its cached picture is gone, the paid task is taken up for as long as it lives."""
    hour = moment.now + 3600
    done = reached(
        journal,
        State.SENDING,
        State.ACCEPTED,
        State.FETCHED,
        State.DONE,
        ticket="t",
        expires_at=hour,
    )
    assert done.means(moment.now, idempotent=False) is Earlier.RESUME
    assert done.means(hour, idempotent=False) is Earlier.NOTHING


@pytest.mark.parametrize(("state", "truth"), [(None, "stopped"), (State.SENDING, "unknown")])
def test_a_killed_process_leaves_the_truth(home: Path, state: State | None, truth: str) -> None:
    """Kill -9 while planned: nothing left. While sending: unknown. Told at once, not after some timeout."""
    script = f"""
import os, signal
from pathlib import Path
from retouch_nb.client.journal import Entry, Journal
from retouch_nb.client.task import State
journal = Journal(Path({str(home)!r}))
entry = journal.begin(Entry("j1", "f00d", "enhance", "picwish", "PicWish", "", "https://s"))
if {state is not None}:
    journal.move(entry, State.SENDING)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    journal = Journal(home)
    assert [entry.state.value for entry in journal.entries()] == [truth]
    journal.close()


def test_a_living_sender_is_not_taken_for_dead(journal: Journal, home: Path) -> None:
    """Another kernel sees that somebody is still sending."""
    reached(journal, State.SENDING)
    other = Journal(home)
    assert other.find("j1").state is State.SENDING
    journal.close()
    assert other.find("j1").state is State.UNKNOWN
    other.close()


def test_of_many_at_once_one_begins(home: Path) -> None:
    """Eight kernels that open a new folder and begin the same requests at the same moments make one row each."""
    barrier = threading.Barrier(8, timeout=20)
    begun: list[tuple[str, str]] = []

    def begin() -> None:
        journal = Journal(home)
        barrier.wait()
        for n in range(25):
            entry = replace(ENTRY, id=new_id(), identity=f"request {n}")
            begun.append((entry.identity, journal.begin(entry).id))
        barrier.wait()
        journal.close()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 8 * 25
    assert len(set(begun)) == 25


def test_jobs_are_listed_newest_first_and_forgotten_one_by_one(journal: Journal) -> None:
    """The list is in the order of beginning."""
    for n in range(3):
        journal.begin(replace(ENTRY, id=f"j{n}", identity=f"{n}"))
    assert [entry.id for entry in journal.entries()] == ["j2", "j1", "j0"]
    journal.forget("j1")
    assert [entry.id for entry in journal.entries()] == ["j2", "j0"]


def test_a_wrong_id_is_guessed_at(journal: Journal) -> None:
    """Ids are typed by people."""
    journal.begin(replace(ENTRY, id="3fa29c01"))
    with pytest.raises(UnknownNameError, match="Did you mean '3fa29c01'"):
        journal.find("3fa29c07")


def test_who_made_a_result_is_found_by_its_bytes(journal: Journal) -> None:
    """The newest job of the same request that brought them."""
    reached(journal, State.SENDING, State.ACCEPTED, State.FETCHED, State.DONE, result="beef")
    found = journal.made("f00d", "beef")
    assert found is not None
    assert found.id == "j1"
    assert journal.made("f00d", "cafe") is None


def test_the_folder_is_for_its_owner_alone(journal: Journal, home: Path) -> None:
    """What was retouched when is nobody else's business."""
    journal.begin(ENTRY)
    assert home.stat().st_mode & 0o077 == 0


def test_a_home_that_cannot_be_made_is_said_clearly(tmp_path: Path) -> None:
    """The error names the path, the reason and the variable."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError) as caught:
        Journal(tmp_path / "file" / "home").begin(ENTRY)
    assert "file/home" in str(caught.value)
    assert "RETOUCH_NB_HOME" in str(caught.value)


def test_a_file_that_is_no_journal_is_said_clearly(home: Path) -> None:
    """Somebody's other file is neither read nor overwritten."""
    home.mkdir()
    (home / "journal.sqlite3").write_bytes(
        b"not a database, but long enough to be taken for one" * 40
    )
    with pytest.raises(HomeError, match="not a database"):
        Journal(home).begin(ENTRY)


def test_a_journal_of_a_newer_version_is_left_alone(home: Path) -> None:
    """An older program does not write into what it does not understand."""
    home.mkdir()
    with sqlite3.connect(home / "journal.sqlite3") as database:
        database.execute("pragma user_version = 99")
    with pytest.raises(HomeError, match="newer"):
        Journal(home).entries()


def test_free_jobs_of_long_ago_are_dropped_and_paid_ones_kept(home: Path, moment: Any) -> None:
    """A slider makes thousands of rows; what may have been paid is never dropped."""
    journal = Journal(home, clock=moment)
    for n, free in enumerate([True, False]):
        reached(journal, State.SENDING, State.FAILED, entry=replace(ENTRY, id=f"j{n}", free=free))
    journal.close()
    moment.now += OLD + 1
    assert [entry.id for entry in journal.entries()] == ["j1"]
    journal.close()


def test_presence_files_are_cleared_away(home: Path) -> None:
    """A closed journal leaves no lock behind."""
    journal = Journal(home)
    journal.begin(ENTRY)
    assert len(list((home / "present").iterdir())) == 1
    journal.close()
    assert not list((home / "present").iterdir())


def test_what_was_learnt_is_kept_by_kind_and_only_the_newest(journal: Journal, home: Path) -> None:
    """Another kernel finds it, the newest first; another kind is another habit."""
    for seconds in range(NEWEST + 3):
        journal.learn("a", float(seconds), 12.0)
    journal.learn("b", 1.5, 0.0)
    other = Journal(home)
    assert [seconds for seconds, _ in other.lasted("a")] == list(range(NEWEST + 2, 2, -1))
    assert other.lasted("b") == [(1.5, 0.0)]
    assert other.lasted("c") == []
    other.close()


def test_a_journal_of_before_learns_too(home: Path) -> None:
    """A file without that table gets it, keeps its version, and loses nothing."""
    journal = Journal(home)
    reached(journal)
    journal.close()
    with sqlite3.connect(journal.path) as database:
        database.execute("drop table lasted")
        version = database.execute("pragma user_version").fetchone()
    database.close()
    journal.learn("a", 3.0, 12.0)
    assert journal.lasted("a") == [(3.0, 12.0)]
    assert [entry.id for entry in journal.entries()] == ["j1"]
    journal.close()
    with sqlite3.connect(journal.path) as database:
        assert database.execute("pragma user_version").fetchone() == version
    database.close()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", [None, b"\xff", "x", -1, 1e300, float("nan"), "[1]", "{}"])
def test_a_row_that_holds_anything_is_read_or_called_damaged(
    journal: Journal, home: Path, column: str, value: object
) -> None:
    """SQLite takes any value in any column: nothing but our own error comes of it, and nothing when the extension loads."""
    reached(journal, State.SENDING, State.ACCEPTED, ticket="t-77", expires_at=2e9)
    journal.close()
    with suppress(sqlite3.Error), closing(sqlite3.connect(journal.path)) as database, database:
        database.execute(f"update jobs set {column} = ?", (value,))
    session = Session(home=home, environ={})
    for look in (session.jobs, session.waiting, lambda: journal.standing(ENTRY)):
        with suppress(HomeError):
            repr(look())
    session.close()


def test_what_decides_about_money_survives_a_power_cut(journal: Journal) -> None:
    """The row of a paid request before it leaves, and its task's id; what is free or found out again for nothing need not."""
    told: list[str] = []
    journal._open().set_trace_callback(told.append)

    def durable(entry: Entry, *states: State) -> list[bool]:
        """Tell for each step whether it waits until the disk has it."""
        found = []
        for state in states:
            told.clear()
            entry = journal.move(entry, state, ticket="t-1")
            found.append("pragma synchronous = full" in told)
        return found

    steps = (State.SENDING, State.ACCEPTED, State.RUNNING, State.FETCHED)
    assert durable(journal.begin(ENTRY), *steps) == [True, True, False, False]
    free = replace(ENTRY, id="j2", identity="beef", free=True)
    assert durable(journal.begin(free), *steps) == [False] * 4


def test_journals_are_opened_one_after_another(home: Path) -> None:
    """SQLite does not wait for another process that makes the same new file: one of two kernels would fail at once."""
    home.mkdir(exist_ok=True)
    journal = Journal(home, busy=0.0)
    with closing(sqlite3.connect(f"{journal.path}.lock", isolation_level=None)) as another:
        another.execute("begin exclusive")
        with pytest.raises(HomeError, match="Another program holds it"):
            journal.begin(ENTRY)
    assert journal.begin(ENTRY).id == ENTRY.id
    journal.close()


def test_nobody_begins_between_somebodys_look_and_his_row(home: Path) -> None:
    """Two kernels that look at the same moment would both find nothing, and both pay."""
    one, other = Journal(home), Journal(home, busy=0.0)
    other.begin(replace(ENTRY, identity="beef"))
    meanwhile: list[str] = []

    def meddle(statement: str) -> None:
        if statement.startswith("insert into jobs"):
            try:
                meanwhile.append(other.begin(replace(ENTRY, id="j2")).id)
            except HomeError as error:
                meanwhile.append(str(error))

    one._open().set_trace_callback(meddle)
    assert one.begin(replace(ENTRY, id="j3")).id == "j3"
    assert len(meanwhile) == 1
    assert "locked" in meanwhile[0]
    assert other.begin(replace(ENTRY, id="j2")).id == "j3"
    one.close()
    other.close()
