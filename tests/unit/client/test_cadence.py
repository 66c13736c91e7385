import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.client.cadence import STEP, Known, Rule, like_this, next_wait

RETOUCH4ME, PICWISH = Rule(2.0, 5.0), Rule(1.0, 2.0)

seconds = st.floats(0.1, 2_000)
told = st.lists(st.tuples(st.floats(0, 900), st.floats(0, 1)), max_size=6).map(sorted)
rules = st.sampled_from([RETOUCH4ME, PICWISH, Rule(5.0, 20.0), Rule(0.5, 0.5)])
knowledge = st.builds(
    Known, st.floats(0, 1_000), st.integers(0, 200), st.lists(seconds, max_size=40), told
)


@given(known=knowledge, rule=rules)
def test_a_wait_is_finite_and_never_below_the_pages_least(known: Known, rule: Rule) -> None:
    """Whatever is known, and however much of it is nonsense."""
    wait = next_wait(known, rule)
    assert math.isfinite(wait)
    assert wait >= rule.least


@given(known=knowledge, rule=rules)
def test_nobody_waits_longer_for_news_than_the_budget_demands(known: Known, rule: Rule) -> None:
    """At most twice the usual pause, or until the next request is due in the vendor's own scripts."""
    due = (known.asked + 1) * rule.usual - known.elapsed
    assert next_wait(known, rule) <= max(rule.longest, rule.least, due) + STEP


@given(
    rule=rules,
    earlier=st.lists(seconds, max_size=12),
    speed=st.floats(0.001, 0.3),
    jitter=st.floats(0, 0.2),
)
def test_there_are_never_more_requests_than_the_vendors_scripts_send(
    rule: Rule, earlier: list[float], speed: float, jitter: float
) -> None:
    """Up to any time at most one more than a script that sleeps a fixed time before each."""
    known = Known(earlier=earlier)
    for asked in range(1, 8):
        elapsed = known.elapsed + next_wait(known, rule) + jitter
        assert asked <= elapsed / rule.usual + 1
        progress = (*known.progress, (elapsed, min(elapsed * speed, 1.0)))
        known = Known(elapsed, asked, earlier, progress)


def moments(known: Known, end: float) -> list[float]:
    """Give when a task is asked after that ends at `end`, having told nothing."""
    asked: list[float] = []
    while known.elapsed < end:
        elapsed = known.elapsed + next_wait(known, RETOUCH4ME)
        asked.append(elapsed)
        known = Known(elapsed, known.asked + 1, known.earlier, known.progress)
    return asked


@pytest.mark.parametrize("usual", [4.0, 12.0, 25.0, 45.0, 60.0])
def test_what_always_takes_as_long_is_noticed_at_once(usual: float) -> None:
    """A service that keeps its time is asked right after it, with requests to spare."""
    asked = moments(Known(earlier=[usual] * 12), usual)
    assert asked[-1] - usual <= 1.0
    assert len(asked) <= math.ceil(usual / 5)


def test_one_odd_task_does_not_change_the_habit() -> None:
    """Eleven tasks of 12 s and one of 300 s mean 12 s."""
    odd, even = [12.0] * 6 + [300.0] + [12.0] * 5, [12.0] * 12
    assert moments(Known(earlier=odd), 12.0)[-1] - moments(Known(earlier=even), 12.0)[-1] <= 0.5


def test_progress_is_extrapolated() -> None:
    """Half done after ten seconds: it is not asked after before it can be nearly done, and is soon after."""
    known = Known(10.0, 1, progress=[(10.0, 0.5)])
    asked = [10.0 + next_wait(known, RETOUCH4ME)]
    assert 16.0 < asked[0] < 21.0
    again = Known(asked[0], 2, progress=[(10.0, 0.5), (asked[0], asked[0] / 20)])
    assert 20.0 - STEP <= asked[0] + next_wait(again, RETOUCH4ME) <= 21.0 + RETOUCH4ME.least


def test_a_hundred_per_cent_is_nearly_the_end() -> None:
    """Progress is not an end, and no reason to wait long either."""
    assert next_wait(Known(9.0, 1, progress=[(9.0, 1.0)]), RETOUCH4ME) <= 2.5


def test_progress_that_stands_still_is_not_waited_for_for_ever() -> None:
    """Stale progress leaves the pace where it would be without."""
    stale = [(5.0 * n, 0.3) for n in range(1, 9)]
    assert next_wait(Known(40.0, 8, progress=stale), RETOUCH4ME) <= RETOUCH4ME.longest


def test_progress_in_steps_is_halfway_through_its_step() -> None:
    """Seven of eight steps done after 14 s: the eighth is half over, on the average, so 1 s is left and not 2."""
    seen = [(7.0, 0.5), (14.0, 0.87)]
    smooth, steps = (next_wait(Known(14.0, 2, progress=seen, steps=n), RETOUCH4ME) for n in (0, 8))
    assert steps < smooth


def test_a_service_that_tells_nothing_is_asked_no_more_often_than_by_a_script() -> None:
    """After a first look that taught nothing, requests come when a script's would."""
    for end in range(6, 60):
        assert len(moments(Known(), float(end))) <= math.ceil(end / 5)


def test_larger_photos_take_longer() -> None:
    """By the square root of their pixels; a size that is not known changes nothing."""
    assert like_this([(10.0, 12.0)], 48.0) == [20.0]
    assert like_this([(10.0, 12.0), (10.0, 0.0)], 0.0) == [10.0, 10.0]
