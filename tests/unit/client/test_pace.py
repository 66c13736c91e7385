import asyncio
import itertools
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.client.journal import Journal
from retouch_nb.client.pace import LONGEST_HOLD, Pace, growing, next_turn, retry_after

NOW = 1_700_000_000.0


def test_turns_come_no_faster_than_allowed(home: Path, moment: Any) -> None:
    """Ten cells that want to ask at once leave half a second and a margin between their requests."""
    journal = Journal(home, clock=moment)
    pace = Pace(journal, clock=moment, sleep=moment.sleep)
    times: list[float] = []

    async def ask() -> None:
        await pace.turn("picwish", 2)
        times.append(moment.now)

    async def all_at_once() -> None:
        for _ in range(10):
            await ask()

    asyncio.run(all_at_once())
    journal.close()
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert times[0] == NOW
    assert min(gaps) >= 0.5


def test_processes_that_share_a_journal_share_its_turns(home: Path, moment: Any) -> None:
    """Two kernels take turns of one lane, not two lanes; another service has its own."""
    one, two = Journal(home, clock=moment), Journal(home, clock=moment)
    turns = [journal.turn("picwish", 0.5, NOW) for journal in (one, two, one, two)]
    assert turns == [NOW, NOW + 0.5, NOW + 1.0, NOW + 1.5]
    assert two.turn("ailab", 0.5, NOW) == NOW
    one.close()
    two.close()


def test_threads_do_not_get_the_same_turn(home: Path) -> None:
    """Turns are reserved, not looked at and then taken."""
    journal = Journal(home)
    turns: list[float] = []

    def take() -> None:
        for _ in range(25):
            turns.append(journal.turn("picwish", 0.5, NOW))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert sorted(turns) == [NOW + 0.5 * n for n in range(100)]


def test_a_service_that_asks_for_time_gets_it_from_everybody(home: Path, moment: Any) -> None:
    """After `Retry-After` nobody of this machine has a turn before it is over."""
    journal = Journal(home, clock=moment)
    pace = Pace(journal, clock=moment, sleep=moment.sleep)
    pace.hold("picwish", 7)
    pace.hold("picwish", 3)
    told: list[float] = []
    asyncio.run(pace.turn("picwish", 2, long=told.append))
    journal.close()
    assert moment.now == NOW + 7
    assert told == [7]


@given(st.floats(-1e12, 1e12), st.floats(0.001, 60), st.floats(0, 1e10))
def test_a_jump_of_the_clock_blocks_nobody(free_from: float, spacing: float, now: float) -> None:
    """Whatever stands in the journal, a turn comes within minutes and never in the past."""
    mine, following = next_turn(free_from, spacing, now)
    assert now <= mine <= now + LONGEST_HOLD
    assert following >= mine + spacing * 0.99


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_grow_and_never_undercut_the_service(nth: int, chance: float) -> None:
    """A pause is at least the service's shortest and at most a fifth above its longest."""
    assert 5.0 <= growing((5.0, 20.0), nth, chance) <= 24.0
    assert growing((5.0, 20.0), nth + 1, 0.0) >= growing((5.0, 20.0), nth, 0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("999999", LONGEST_HOLD),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Tue, 99 Nov 2023 22:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(text: str, seconds: float | None) -> None:
    """Seconds or a date, bounded; what makes no sense counts as not said."""
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_retry_after_may_be_absent() -> None:
    """No header, no wish."""
    assert retry_after({"content-type": "text/html"}, NOW) is None


@given(st.text(max_size=40))
def test_no_retry_after_breaks_us(text: str) -> None:
    """Any text is a wish within bounds, or none."""
    wish = retry_after({"retry-after": text}, NOW)
    assert wish is None or 0 <= wish <= LONGEST_HOLD
