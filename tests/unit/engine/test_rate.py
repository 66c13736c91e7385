import pytest

from retouch_nb.engine.rate import CROWD, Rate
from retouch_nb.engine.refusals import Refusal


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_third_request_of_a_second_is_refused_and_told_when_to_return() -> None:
    """Two requests a second are allowed, from the first moment on."""
    rate = Rate(2.0, clock=Clock())
    rate.spend("me")
    rate.spend("me")
    with pytest.raises(Refusal) as caught:
        rate.spend("me")
    assert (caught.value.status, caught.value.retry_after) == (429, 1)


def test_keeping_the_pace_exactly_is_never_refused() -> None:
    """One request each half second goes on for ever, a millisecond early or late."""
    clock = Clock()
    rate = Rate(2.0, clock=clock)
    for number in range(200):
        clock.now = 1000 + number / 2 + (0.001 if number % 2 else -0.001)
        rate.spend("me")


def test_a_refused_request_does_not_cost_the_next_one() -> None:
    """Hammering does not lengthen the wait."""
    clock = Clock()
    rate = Rate(2.0, clock=clock)
    for _ in range(2):
        rate.spend("me")
    for _ in range(10):
        with pytest.raises(Refusal):
            rate.spend("me")
    clock.now += 0.5
    rate.spend("me")


def test_each_key_has_its_own_pace() -> None:
    """One customer's haste is not another's."""
    rate = Rate(2.0, clock=Clock())
    for _ in range(2):
        rate.spend("me")
    rate.spend("you")


def test_no_rate_counts_nothing() -> None:
    """In a kernel nobody is refused."""
    rate = Rate(None, clock=Clock())
    for _ in range(1000):
        rate.spend("me")


def test_a_crowd_of_keys_does_not_fill_the_memory() -> None:
    """Keys that were quiet for a while are forgotten."""
    clock = Clock()
    rate = Rate(2.0, clock=clock)
    for number in range(5 * CROWD):
        clock.now += 0.01
        rate.spend(str(number))
    assert len(rate._buckets) <= CROWD + 1
