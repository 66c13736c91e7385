"""What a batch would do, before it does anything: how many photos are missing, at what cost, and which cannot be sent at all.

Every photo that is missing is opened and its request made and checked, as the run itself would; nothing is sent, and nothing
is written into the folder: the manifest is asked on a copy of its book.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retouch_nb.batches.manifest import BOOK, Manifest
from retouch_nb.batches.run import met, wanted
from retouch_nb.batches.sources import Source
from retouch_nb.batches.work import Recipe, given_to, is_same
from retouch_nb.outlook import Outlook, counted
from retouch_nb.session import Session

if TYPE_CHECKING:
    from retouch_nb.client import Route

NAMED: Final = 5
"""Photos that cannot be sent which are named; the others are counted."""


@dataclass(frozen=True, repr=False)
class Plan:
    """A batch thought through; shows itself, and has sent nothing.

    Attributes
    ----------
    operation : str
    photos : int
        All that the source gives.
    done : int
        Those whose result is in the folder.
    left : int
        Those that an earlier call has left ``failed`` or ``unknown``, and that only `Run.retry` begins anew.
    unusable : mapping
        Why photos cannot be sent, by source.
    outlook : Outlook
        What the others come to.
    concurrency : int
        Photos at once.
    spent, cap : int, int or None
        Credits of all calls on the folder, and the most that they may spend.
    note : str
        What the source has left out.

    Examples
    --------
    >>> Plan("enhance", 25, 24, unusable={"cat.jpg": "This is not a picture in a known format."})
    Plan for a batch of enhance; a plan sends nothing: 25 photos · 24 done · 1 cannot be used · 0 new requests · free
      cat.jpg: This is not a picture in a known format.
    """

    operation: str
    photos: int = 0
    done: int = 0
    left: int = 0
    unusable: Mapping[str, str] = field(default_factory=dict)
    outlook: Outlook = field(default_factory=Outlook)
    concurrency: int = 1
    spent: int = 0
    cap: int | None = None
    note: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """Say in short parts what will happen."""
        parts = [counted(self.photos, "photo")]
        parts += [f"{self.done:,} done"] if self.done else []
        parts += [f"{self.left:,} left as failed or unknown"] if self.left else []
        parts += [f"{len(self.unusable):,} cannot be used"] if self.unusable else []
        return (*parts, *self.outlook.facts(self.concurrency))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say what may be worth knowing, each on a line: what the cap allows, and what cannot be sent."""
        return (*self._over(), *filter(None, [self.note]), *self._faults())

    def _over(self) -> Iterator[str]:
        credits = self.outlook.price.credits
        if self.cap is None or not self.outlook.calls or credits == 0:
            return
        if credits is None:
            yield f"Nothing would be sent: the price is not documented, and at most {self.cap:,} credits are allowed."
        elif self.spent + credits > self.cap:
            spent = f" of which {self.spent:,} are spent," if self.spent else ""
            yield f"At most {self.cap:,} credits are allowed,{spent} so the run will leave photos out."

    def _faults(self) -> Iterator[str]:
        yield from (f"{source}: {why}" for source, why in islice(self.unusable.items(), NAMED))
        more = len(self.unusable) - NAMED
        if more > 0:
            yield f"... and {more:,} more, in plan.unusable"

    def __repr__(self) -> str:
        head = (
            f"Plan for a batch of {self.operation}; a plan sends nothing: {' · '.join(self.facts)}"
        )
        return "\n".join([head, *(f"  {remark}" for remark in self.remarks)])

    def _repr_html_(self) -> str:
        remarks = "".join(f"<div>{escape(remark)}</div>" for remark in self.remarks)
        return (
            f"<p><b>Plan for a batch of {escape(self.operation)}</b>; a plan sends nothing: "
            f'{escape(" · ".join(self.facts))}</p><div style="font-size:12px;opacity:0.75">{remarks}</div>'
        )


def plan(
    session: Session,
    recipe: Recipe,
    source: Source,
    folder: Path,
    route: "Route",
    *,
    concurrency: int,
    cap: int | None = None,
) -> Plan:
    """Walk a source and foresee what a run would do with every photo.

    Raises
    ------
    ParameterError
        The folder holds results of another recipe.
    """
    photos = done = left = 0
    outlook, unusable = Outlook(), dict[str, str]()
    with tempfile.TemporaryDirectory() as copy:
        book = _copied(folder, Path(copy), recipe.facts(route.maker))
        spent = book.spent()
        for photos, item in enumerate(source.walk(), 1):
            row = met(book, folder, item, photos - 1)
            if not wanted(row, item):
                done, left = done + (row.state == "done"), left + (row.state != "done")
                continue
            try:
                request = recipe.request(item)
            except Exception as error:  # of a rule for masks, too
                unusable[row.source] = getattr(error, "what", f"{type(error).__name__}: {error}")
                continue
            if is_same(row, given_to(request, route.maker)):
                done += 1
            else:
                outlook = outlook.plus(session.client.foresee(request, route))
        book.close()
    name = recipe.operation.name
    return Plan(name, photos, done, left, unusable, outlook, concurrency, spent, cap, source.note)


def _copied(folder: Path, copy: Path, recipe: Mapping[str, Any]) -> Manifest:
    """Open a copy of what is known of the folder: asking leaves no trace in it, not even that it is there."""
    for name in (BOOK, f"{BOOK}-wal"):
        if (folder / name).exists():
            shutil.copyfile(folder / name, copy / name)
    return Manifest(copy, recipe)
