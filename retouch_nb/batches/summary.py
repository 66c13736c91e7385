"""How a run looks: figures that do not change, as HTML that needs no kernel and as one line of text."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from retouch_nb.batches.reasons import REASONS

PARTS: Final = ("done", "failed", "unknown")
"""States in the order of the bar; what is left of it is waiting."""

COLOURS: Final = {"done": "#2e7d32", "failed": "#c62828", "unknown": "#b26a00"}


@dataclass(frozen=True)
class Thumbnail:
    """One of the newest results."""

    name: str
    webp: bytes = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes
    ----------
    title : str
        What is done, by whom.
    state : str
        ``running``, ``stopping``, ``finished``, ``stopped``, or ``halted`` when going on made no sense.
    total : int or None
        How many photos there are, where that is known.
    states, reasons : mapping
        How many rows are in which state, and how many failed why.
    cached : int
        How many came from the cache in this call.
    spent, cap : int, int or None
        Credits.
    seconds : float
        Of this call.
    rate : float
        Photos a second, of this call.
    latest : tuple of Thumbnail
    out : str
        The folder of the results.
    note : str
        Why it ended early.
    """

    title: str
    state: str = "running"
    total: int | None = None
    states: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    cached: int = 0
    spent: int = 0
    cap: int | None = None
    seconds: float = 0.0
    rate: float = 0.0
    latest: tuple[Thumbnail, ...] = ()
    out: str = ""
    note: str = ""

    @property
    def over(self) -> int:
        """How many need nothing more by themselves."""
        return sum(self.states.get(state, 0) for state in PARTS)

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on like this."""
        if self.total is None or not self.rate or self.state != "running":
            return None
        return max(self.total - self.over, 0) / self.rate

    def figures(self) -> list[str]:
        """Say it in short words, the most important first.

        Examples
        --------
        >>> Snapshot("Enhance", total=9, states={"done": 3, "failed": 1}, rate=2.0).figures()
        ['4 of 9', '3 done', '1 failed', '2.0 photos/s', '0:02 left']
        """
        of = "" if self.total is None else f" of {self.total:,}"
        words = [f"{self.over:,}{of}"]
        words += [f"{n:,} {state}" for state in PARTS if (n := self.states.get(state, 0))]
        words += [f"{self.cached:,} from the cache"] if self.cached else []
        words += (
            [f"{self.rate:.3g} photos/s" if self.rate < 1 else f"{self.rate:.1f} photos/s"]
            if self.rate
            else []
        )
        cap = "" if self.cap is None else f" of {self.cap:,}"
        words += [f"{self.spent:,}{cap} credits"] if self.spent or self.cap is not None else []
        words += [f"{clock(self.left)} left"] if self.left is not None else []
        return words


def clock(seconds: float) -> str:
    """Write a time.

    Examples
    --------
    >>> clock(75.2), clock(7260)
    ('1:15', '2:01:00')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def text(snapshot: Snapshot) -> str:
    """Write a run on one line, with its failures by reason."""
    reasons = ", ".join(f"{n} {word}" for word, n in snapshot.reasons.items())
    note = f" {snapshot.note}" if snapshot.note else ""
    failures = f" ({reasons})" if reasons else ""
    return f"<Run {snapshot.title}, {snapshot.state}: {' · '.join(snapshot.figures())}{failures}, in {snapshot.out!r}>{note}"


def html(snapshot: Snapshot) -> str:
    """Show a run as it stands, in HTML that works untrusted and without a kernel.

    Examples
    --------
    >>> shown = html(Snapshot("Enhance", "finished", 2, {"done": 1, "failed": 1}, {"input": 1}))
    >>> "1 done" in shown, "input" in shown, "<script" in shown
    (True, True, False)
    """
    return (
        '<div class="retouch-batch" style="max-width:760px;margin:4px;padding:10px 14px;border:1px solid '
        'rgba(128,128,128,0.35);border-radius:6px;font-size:13px;line-height:1.5">'
        f"<b>{escape(snapshot.title)}</b> · {escape(snapshot.state)} after {clock(snapshot.seconds)}"
        f"{_bar(snapshot)}"
        f'<div style="font-variant-numeric:tabular-nums">{escape(" · ".join(snapshot.figures()))}</div>'
        f"{_note(snapshot)}{_reasons(snapshot)}{_thumbnails(snapshot)}"
        f'<div style="opacity:0.75;margin-top:6px">Results and manifest in <code>{escape(snapshot.out)}</code></div></div>'
    )


def _bar(snapshot: Snapshot) -> str:
    total = snapshot.total or max(snapshot.over, 1)
    parts = "".join(
        f'<div style="width:{100 * snapshot.states.get(state, 0) / total:.2f}%;background:{COLOURS[state]}"></div>'
        for state in PARTS
    )
    return (
        f'<div role="img" aria-label="{escape(", ".join(snapshot.figures()[:3]))}" style="display:flex;height:8px;'
        f'margin:8px 0 6px;border-radius:4px;overflow:hidden;background:rgba(128,128,128,0.25)">{parts}</div>'
    )


def _note(snapshot: Snapshot) -> str:
    return f'<div style="margin-top:4px">{escape(snapshot.note)}</div>' if snapshot.note else ""


def _reasons(snapshot: Snapshot) -> str:
    if not snapshot.reasons:
        return ""
    rows = "".join(
        f'<tr><td style="text-align:right">{n:,}</td><td style="text-align:left"><b>{escape(word)}</b></td>'
        f'<td style="text-align:left">{escape(REASONS[word])}</td></tr>'
        for word, n in sorted(snapshot.reasons.items(), key=lambda item: -item[1])
    )
    return f'<table style="margin:6px 0">{rows}</table>'


def _thumbnails(snapshot: Snapshot) -> str:
    pictures = "".join(
        f'<figure style="margin:0;width:96px"><img src="data:image/webp;base64,{base64.b64encode(t.webp).decode()}" '
        f'alt="{escape(t.name)}" style="display:block;width:96px;height:72px;object-fit:cover;margin:0;border-radius:3px">'
        f'<figcaption style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:11px;opacity:0.75">'
        f"{escape(t.name)}</figcaption></figure>"
        for t in snapshot.latest
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin-top:8px">{pictures}</div>'
        if pictures
        else ""
    )
