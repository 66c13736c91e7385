"""What many requests come to is added up one by one, and said in few words."""

from dataclasses import replace
from functools import reduce
from pathlib import Path

from retouch_nb.client import Forecast
from retouch_nb.contract import Price
from retouch_nb.outlook import Outlook

SENT = Forecast(
    "a", "PicWish", None, under_way=False, price=Price(2, "estimate"), seconds=4.0, pace=1.0
)
CACHED = replace(SENT, path=Path("a.png"), price=Price(0))
TAKEN_UP = replace(SENT, under_way=True, price=Price(0))


def outlook(*forecasts: Forecast) -> Outlook:
    return reduce(Outlook.plus, forecasts, Outlook())


def test_only_what_is_sent_costs_and_takes_time() -> None:
    """What is cached or under way is counted and adds nothing else."""
    found = outlook(SENT, CACHED, TAKEN_UP, SENT)
    assert (found.calls, found.cached, found.under_way) == (2, 1, 1)
    assert (found.price, found.work, found.pace) == (Price(4, "estimate"), 8.0, 2.0)
    assert outlook(CACHED).facts(4) == ["0 new requests", "1 cached", "free (PicWish)"]


def test_one_unknown_price_or_time_makes_the_sum_unknown() -> None:
    """And the first of them is not forgotten when others are known again."""
    unknown = replace(SENT, price=Price(None), seconds=None)
    found = outlook(SENT, unknown, SENT)
    assert (found.price.credits, found.seconds(4)) == (None, None)
    assert found.facts(4)[1:] == ["cost unknown (PicWish)", "at least 3 s"]


def test_time_is_that_of_the_workers_or_of_the_pace() -> None:
    """More workers make it shorter until the service's pace decides."""
    found = Outlook().plus(SENT, times=100)
    assert [found.seconds(n) for n in (1, 2, 4, 8)] == [400, 200, 100, 100]
    assert outlook(SENT).seconds(8) == 4


def test_many_alike_are_as_many_one_by_one() -> None:
    """Adding so many at once is the same."""
    assert Outlook().plus(SENT, times=3) == outlook(SENT, SENT, SENT)
