import pytest

from retouch_nb.engine.pace import CROWD, Pace
from retouch_nb.engine.refusals import Refusal


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_third_request_of_a_second_is_refused_and_told_when_to_return() -> None:
    """Two requests a second are allowed, from the first moment on."""
    pace = Pace(2.0, clock=Clock())
    pace.spend("me")
    pace.spend("me")
    with pytest.raises(Refusal) as caught:
        pace.spend("me")
    assert (caught.value.status, caught.value.retry_after) == (429, 1)


def test_keeping_the_pace_exactly_is_never_refused() -> None:
    """One request each half second goes on for ever, a millisecond early or late."""
    clock = Clock()
    pace = Pace(2.0, clock=clock)
    for number in range(200):
        clock.now = 1000 + number / 2 + (0.001 if number % 2 else -0.001)
        pace.spend("me")


def test_a_refused_request_does_not_cost_the_next_one() -> None:
    """Hammering does not lengthen the wait."""
    clock = Clock()
    pace = Pace(2.0, clock=clock)
    for _ in range(2):
        pace.spend("me")
    for _ in range(10):
        with pytest.raises(Refusal):
            pace.spend("me")
    clock.now += 0.5
    pace.spend("me")


def test_each_key_has_its_own_pace() -> None:
    """One customer's haste is not another's."""
    pace = Pace(2.0, clock=Clock())
    for _ in range(2):
        pace.spend("me")
    pace.spend("you")


def test_no_rate_counts_nothing() -> None:
    """In a kernel nobody is refused."""
    pace = Pace(None, clock=Clock())
    for _ in range(1000):
        pace.spend("me")


def test_a_crowd_of_keys_does_not_fill_the_memory() -> None:
    """Keys that were quiet for a while are forgotten."""
    clock = Clock()
    pace = Pace(2.0, clock=clock)
    for number in range(5 * CROWD):
        clock.now += 0.01
        pace.spend(str(number))
    assert len(pace._buckets) <= CROWD + 1
