"""What many requests would come to, before one of them is sent: how many, at what cost, in what time; and the words for it.

It is added up forecast by forecast, so that it takes as much memory for a hundred thousand as for one.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from retouch_nb.contract import Price

if TYPE_CHECKING:
    from retouch_nb.client import Forecast

NOTHING: Final = Price(0)


@dataclass(frozen=True)
class Outlook:
    """Requests thought through and not sent.

    Attributes
    ----------
    calls : int
        New requests.
    cached : int
        Results that are here already.
    under_way : int
        Tasks of earlier calls that are taken up.
    price : Price
        Of all new requests; unknown when that of one is.
    work : float or None
        Seconds that they take one after the other, as earlier jobs did; None where that of one is not known.
    pace : float
        Seconds that the service's pace keeps them apart, all together.
    makers : tuple of str
        Who does the work.
    """

    calls: int = 0
    cached: int = 0
    under_way: int = 0
    price: Price = NOTHING
    work: float | None = 0.0
    pace: float = 0.0
    makers: tuple[str, ...] = ()

    def plus(self, forecast: "Forecast", *, times: int = 1) -> "Outlook":
        """Add a request, or so many that are like it."""
        seen = replace(
            self,
            cached=self.cached + times * (forecast.path is not None),
            under_way=self.under_way + times * forecast.under_way,
            makers=tuple(dict.fromkeys([*self.makers, forecast.maker])),
        )
        if not forecast.sends:
            return seen
        return replace(
            seen,
            calls=self.calls + times,
            price=_sum(self.price, forecast.price, times),
            work=None
            if self.work is None or forecast.seconds is None
            else self.work + times * forecast.seconds,
            pace=self.pace + times * forecast.pace,
        )

    def seconds(self, at_once: int) -> float | None:
        """How long it will take about, so many at a time and no faster than the pace; None where nobody knows."""
        if self.work is None:
            return None
        return max(self.work / max(1, min(at_once, self.calls)), self.pace)

    @property
    def cost(self) -> str:
        """What it costs and who takes it, in words."""
        cost = "free" if self.price.credits == 0 else f"cost {self.price}"
        return f"{cost} ({', '.join(self.makers)})" if self.makers else cost

    def time(self, at_once: int) -> str:
        """How long it will take, in words."""
        seconds = self.seconds(at_once)
        if seconds is not None:
            return f"about {roughly(seconds)}"
        return f"at least {roughly(self.pace)}" if self.pace >= 1 else "time unknown"

    def facts(self, at_once: int) -> list[str]:
        """Say in short parts what will happen.

        Examples
        --------
        >>> Outlook(400, 20, price=Price(800), pace=400.0, work=None, makers=("PicWish",)).facts(8)
        ['400 new requests', '20 cached', 'cost 800 credits (PicWish)', 'at least 7 min']
        """
        parts = [counted(self.calls, "new request")]
        parts += [f"{self.under_way:,} taken up"] if self.under_way else []
        parts += [f"{self.cached:,} cached"] if self.cached else []
        return [*parts, self.cost, *([self.time(at_once)] if self.calls else [])]


def _sum(before: Price, price: Price, times: int) -> Price:
    known = before.credits is not None and price.credits is not None
    credits = before.credits + times * price.credits if known else None  # type: ignore[operator]
    notes = dict.fromkeys(note for note in (*before.note.split("; "), price.note) if note)
    return Price(credits, "; ".join(notes))


def counted(number: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "photo"), counted(1200, "photo")
    ('1 photo', '1,200 photos')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def roughly(seconds: float) -> str:
    """Write a time as roughly as it is known.

    Examples
    --------
    >>> roughly(0.3), roughly(42.0), roughly(200), roughly(19_000)
    ('1 s', '42 s', '3 min', '5.3 h')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
