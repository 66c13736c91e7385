"""The grid of a sweep: results by the values that made them, looked at from any side without another call.

A grid is a view: transposing, slicing and extending give new grids over the same outcomes.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, overload

from retouch_nb.edit import Edit
from retouch_nb.errors import (
    ParameterError,
    ResultExpiredError,
    RetouchError,
    TaskFailedError,
    UnknownNameError,
    UnknownOutcomeError,
)
from retouch_nb.figure import page
from retouch_nb.job import Job
from retouch_nb.photo import FORMATS
from retouch_nb.session import Session
from retouch_nb.sweep import frame, words
from retouch_nb.sweep.axis import Axis, is_axis, knob
from retouch_nb.sweep.pictures import Previews
from retouch_nb.sweep.plan import MOST_CALLS, Place, Plan, Request
from retouch_nb.sweep.run import GridView, Outcomes, Run, unseen
from retouch_nb.sweep.twin import BUDGET, PAGE_BUDGET, twin

if TYPE_CHECKING:
    import pandas

LONGEST_NAME: Final = 120
"""Characters of a file's name, without its ending."""

PERHAPS_PAID: Final = (UnknownOutcomeError, TaskFailedError, ResultExpiredError)
"""Errors after which nobody can say that nothing was paid."""


@dataclass(frozen=True, eq=False, repr=False)
class Tile:
    """One combination of values and what came of it.

    Attributes
    ----------
    place : tuple of int
        Where it stands: its place on every axis.
    values : mapping
        Value by name of axis.
    labels : mapping
        The same as written beside the grid.
    request : Request
        What it needs.
    pictures : mapping
        What its photos and masks are called in the notebook.
    restore_outside : bool
        The original is put back outside its mask.
    """

    place: Place
    values: Mapping[str, Any]
    labels: Mapping[str, str]
    request: Request
    pictures: Mapping[str, str]
    restore_outside: bool
    _outcomes: Outcomes

    @property
    def state(self) -> str:
        """One word: ``done``, ``failed``, ``missing``, or what a running job says of itself."""
        if self._outcomes.has(self.request):
            return "done"
        job = self._outcomes.job(self.request)
        if job is not None:
            return job.state
        return "failed" if self.error else "missing"

    @property
    def job(self) -> Job | None:
        """The running job."""
        return self._outcomes.job(self.request)

    @property
    def error(self) -> BaseException | None:
        """What went wrong."""
        return self._outcomes.error(self.request)

    @property
    def edit(self) -> Edit:
        """The result.

        Raises
        ------
        RetouchError
            What went wrong, or that it has not been made yet.
        """
        edit = self._outcomes.edit(self.request)
        if edit is not None:
            return edit
        raise self.error or RetouchError(
            f"The tile {self} has no result yet.", advice="grid.run() makes what is missing."
        )

    @property
    def bare(self) -> Edit | None:
        """The result as it came, before its layers are laid anew; None when there is none."""
        return self._outcomes.bare(self.request)

    @property
    def magic(self) -> str:
        """The cell that makes this result again."""
        return words.magic(self.request, self.pictures, restore_outside=self.restore_outside)

    def __str__(self) -> str:
        return ", ".join(f"{name}={label}" for name, label in self.labels.items())

    def __repr__(self) -> str:
        return f"<Tile {self}: {self.state}>"


@dataclass(eq=False, repr=False)
class Grid:
    """The results of a sweep; shows itself, gives its `Edit` by number, and can be looked at from any side.

    Attributes
    ----------
    plan : Plan
        What was asked for.
    session : Session
    outcomes : Outcomes
        Shared by all views of the same sweep.

    Examples
    --------
    >>> import numpy as np
    >>> from retouch_nb.sweep import sweep
    >>> from retouch_nb.providers.picwish import Enhance
    >>> photo = np.zeros((24, 32, 3), np.uint8)
    >>> grid = sweep(Enhance, photo, type=["clean", "face"], scale_factor=[1, 2], provider="local")
    >>> grid
    <Grid of enhance: type (2) x scale_factor (2), 4 of 4 done>
    >>> grid.transpose()
    <Grid of enhance: scale_factor (2) x type (2), 4 of 4 done>
    >>> [edit.after.size for edit in grid.where(type="face")]
    [(32, 24), (64, 48)]
    """

    plan: Plan
    session: Session
    outcomes: Outcomes
    view: "Callable[[Grid, Run], GridView]" = unseen
    max_credits: int | None = None
    previews: Previews | None = None
    is_shown: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.previews = self.previews or Previews()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes; the last one runs across, the others down."""
        return self.plan.layout.axes

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles, the last axis running fastest."""
        layout = self.plan.layout
        return tuple(
            Tile(
                place,
                layout.values(place),
                layout.labels(place),
                request,
                layout.pictures(place),
                layout.restore_outside,
                self.outcomes,
            )
            for place, request in self.plan.requests.items()
        )

    @property
    def failed(self) -> tuple[Tile, ...]:
        """The tiles that went wrong."""
        return tuple(tile for tile in self.tiles if tile.state == "failed")

    @property
    def missing(self) -> tuple[Tile, ...]:
        """The tiles without a result, failed ones among them."""
        return tuple(tile for tile in self.tiles if not self.outcomes.has(tile.request))

    def __len__(self) -> int:
        return len(self.plan.requests)

    def __iter__(self) -> Iterator[Edit]:
        return (tile.edit for tile in self.tiles)

    def __repr__(self) -> str:
        axes = " x ".join(f"{axis.name} ({len(axis)})" for axis in self.axes)
        done = len(self) - len(self.missing)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"<Grid of {self.plan.layout.operation.name}: {axes}, {done} of {len(self)} done{failed}>"

    @overload
    def __getitem__(self, which: int) -> Edit: ...

    @overload
    def __getitem__(self, which: slice) -> "Grid": ...

    @overload
    def __getitem__(self, which: tuple[int | slice, ...]) -> "Edit | Grid": ...

    def __getitem__(self, which: int | slice | tuple[int | slice, ...]) -> "Edit | Grid":
        """Give one result by its number or its place, or a part of the grid by slices."""
        if isinstance(which, int):
            return self.tiles[which].edit
        parts = which if isinstance(which, tuple) else (which,)
        if len(parts) > len(self.axes):
            raise ParameterError(
                f"{len(parts)} places were given; the grid has {len(self.axes)} axes.",
                advice=f"They are: {', '.join(axis.name for axis in self.axes)}.",
            )
        picked = [_places(part, len(axis)) for part, axis in zip(parts, self.axes, strict=False)]
        part_of = self._picked([*picked, *(range(len(axis)) for axis in self.axes[len(parts) :])])
        whole = len(parts) == len(self.axes) and all(isinstance(part, int) for part in parts)
        return part_of.tiles[0].edit if whole else part_of

    def where(self, **wanted: Any) -> "Grid":
        """Keep some values of some axes: ``grid.where(type="face", scale_factor=[1, 2])``.

        Points and blanks in the name of an axis are given as in ``grid.where(**{"Dodge Burn.Alpha1": 0.5})``.

        Raises
        ------
        UnknownNameError, ParameterError
            There is no such axis, or no such value on it.
        """
        places = {axis.name: list(range(len(axis))) for axis in self.axes}
        for name, values in wanted.items():
            axis = self._axis(name)
            turned = knob(self.plan.layout.operation, axis.name, self.plan.layout.fixed)
            several = is_axis(turned.param, values) and values not in axis.labels
            asked = Axis.read(turned, values).values if several else [values]
            places[axis.name] = [axis.place_of(turned, value) for value in asked]
        return self._picked(list(places.values()))

    def transpose(self, *names: str) -> "Grid":
        """Put the axes in another order: the last one runs across. Reversed when no names are given.

        Raises
        ------
        ParameterError
            An axis is missing or named twice.
        """
        order = [self._axis(name) for name in names] or list(reversed(self.axes))
        if sorted(axis.name for axis in order) != sorted(axis.name for axis in self.axes):
            raise ParameterError(
                "The new order must name each axis once.",
                advice=f"They are: {', '.join(axis.name for axis in self.axes)}.",
            )
        at = [self.axes.index(axis) for axis in order]
        return self._over(order, lambda place: tuple(place[at.index(i)] for i in range(len(at))))

    def extend(self, *, max_calls: int = MOST_CALLS, **values: Any) -> "Grid":
        """Add values to axes, or axes, and run what is new; what is here is not asked for again.

        Parameters
        ----------
        max_calls : int, keyword-only
            As in `sweep`; its cap holds for all that was asked for and for this together.
        **values
            More values by the name of an axis; those of a new axis replace what was fixed before.

        Returns
        -------
        Grid
        """
        layout = self.plan.layout
        axes = {axis.name: axis for axis in self.axes}
        for name, given in values.items():
            turned = knob(layout.operation, name, layout.fixed)
            more = Axis.read(turned, given)
            axes[turned.name] = axes[turned.name].joined(more) if turned.name in axes else more
        fixed = {name: value for name, value in layout.fixed.items() if name not in axes}
        larger = replace(layout, fixed=fixed, axes=tuple(axes.values()))
        grid = self._with(Plan.of(larger, self.session, concurrency=self.plan.concurrency))
        grid.plan.check(max_calls=max_calls)
        return grid.run()

    def run(self, *, fresh: bool = False) -> "Grid":
        """Make what is missing, what has failed too; give the grid itself.

        Raises
        ------
        Interrupted
            Somebody interrupted; `run` goes on from there.
        """
        return self._run([tile.request for tile in self.missing], fresh=fresh)

    def retry(self, *, fresh: bool = False) -> "Grid":
        """Try again what failed; give the grid itself.

        Parameters
        ----------
        fresh : bool
            Send again, and pay again, also what may have been paid: needed where the answer was lost.
        """
        return self._run([tile.request for tile in self.failed], fresh=fresh)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write every result into a folder, named by its values; give the paths."""
        target = Path(folder).expanduser()
        target.mkdir(parents=True, exist_ok=True)
        done = [tile for tile in self.tiles if tile.state == "done"]
        return [
            tile.edit.save(target / f"{name}.{FORMATS[tile.edit.after.format]}")
            for name, tile in zip(_file_names(done), done, strict=True)
        ]

    def save_html(self, path: str | os.PathLike[str], *, most_bytes: int = PAGE_BUDGET) -> Path:
        """Write one self-contained page with filter and zoom, which works with no kernel and no network.

        Parameters
        ----------
        path : path
        most_bytes : int, keyword-only
            The pictures are made small enough for it.
        """
        target = Path(path).expanduser()
        title = f"Sweep of {self.plan.layout.operation.name}"
        target.write_text(page(title, twin(self, most_bytes=most_bytes)), "utf-8")
        return target

    def to_frame(self, *, metrics: bool = True) -> "pandas.DataFrame":
        """Give one row a tile: values, state, path, cost, time, and how far the result is from its photo.

        Parameters
        ----------
        metrics : bool, keyword-only
            Measure PSNR, SSIM, CIEDE2000 and drift, inside and outside the mask; takes about half a second a megapixel.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        return frame.to_frame(self, metrics=metrics)

    def _repr_html_(self) -> str:
        return twin(self, most_bytes=BUDGET)

    def _ipython_display_(self) -> None:
        """Show nothing where the live view has just left the same picture; else leave it to the other forms."""
        if not self.is_shown():
            raise NotImplementedError

    def _run(self, requests: Sequence[Request], *, fresh: bool = False) -> "Grid":
        if not requests:
            return self
        lost = {r.identity for r in requests if self._is_lost(r) and not fresh}
        self._check_cap([request for request in requests if request.identity not in lost])

        def start(request: Request) -> Job:
            job = self.session.submit(
                request.operation,
                provider=request.provider,
                fresh=fresh,
                max_credits=self._cap(request),
                restore_outside=self.plan.layout.restore_outside,
            )
            if request.identity not in lost:  # that is counted already, and not sent again
                job.when_done(lambda: self.outcomes.paid(self._cost(request, job)))
            return job

        run = Run(requests, start, self.outcomes, concurrency=self.plan.concurrency)
        view = self.view(self, run)
        run.begin().wait(view, parting=self._parting)
        return self

    def _check_cap(self, requests: Sequence[Request]) -> None:
        """Refuse what would cost more than is left of the cap on the whole."""
        forecasts = {r.identity: self.plan.forecasts[r.identity] for r in requests}
        sent = replace(self.plan, forecasts=forecasts)
        sent.check(
            max_credits=self.max_credits, max_calls=len(forecasts), spent=self.outcomes.spent
        )

    def _cap(self, request: Request) -> int | None:
        """Let no job cost more than the plan said: so the cap on the whole holds."""
        return None if self.max_credits is None else self._promised(request)

    def _promised(self, request: Request) -> int:
        return self.plan.forecasts[request.identity].price.credits or 0

    def _is_lost(self, request: Request) -> bool:
        return isinstance(self.outcomes.error(request), UnknownOutcomeError)

    def _cost(self, request: Request, job: Job) -> int:
        """Say what a job that is over has cost, or perhaps has."""
        error = job.exception()
        if error is None:
            return job.result().receipt.price.credits or 0
        return self._promised(request) if isinstance(error, PERHAPS_PAID) else 0

    def _parting(self) -> str:
        left = len(self.missing)
        return (
            f"Stopped waiting: {len(self) - left} of {len(self)} tiles are done. Run the cell again, or grid.run(): "
            "what is done costs nothing, and tasks under way are taken up."
        )

    def _axis(self, name: str) -> Axis:
        for axis in self.axes:
            if (
                axis.name.lower() == name.lower().replace("-", "_")
                or axis.name.lower() == name.lower()
            ):
                return axis
        raise UnknownNameError.among(name, [axis.name for axis in self.axes], what="axis")

    def _picked(self, places: Sequence[Sequence[int]]) -> "Grid":
        axes = [axis.picked(at) for axis, at in zip(self.axes, places, strict=True)]
        return self._over(
            axes, lambda place: tuple(at[i] for at, i in zip(places, place, strict=True))
        )

    def _over(self, axes: Sequence[Axis], before: Callable[[Place], Place]) -> "Grid":
        """Give a view over other axes; `before` says where a tile of it stands here."""
        layout = replace(self.plan.layout, axes=tuple(axes))
        requests = {place: self.plan.requests[before(place)] for place in layout.places()}
        return self._with(replace(self.plan, layout=layout, requests=requests))

    def _with(self, plan: Plan) -> "Grid":
        return Grid(plan, self.session, self.outcomes, self.view, self.max_credits, self.previews)


def _places(part: int | slice, length: int) -> list[int]:
    if isinstance(part, slice):
        return list(range(length))[part]
    return [range(length)[part]]


def _file_names(tiles: Sequence[Tile]) -> Iterator[str]:
    """Give each a name of its own, which every system takes: without blanks and signs, and not too long."""
    taken: set[str] = set()
    for tile in tiles:
        words = "-".join(f"{name}={label}" for name, label in tile.labels.items())
        name = re.sub(r"[^\w.,=-]+", "_", words)[:LONGEST_NAME].rstrip(".")
        names = (name if nth == 1 else f"{name}-{nth}" for nth in count(1))
        yield (free := next(one for one in names if one.lower() not in taken))
        taken.add(free.lower())
