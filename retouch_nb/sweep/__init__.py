"""Parameters tuned in a grid: one call for every combination that can differ, and none twice.

`axis` reads values, `plan` says what will happen, `run` does it, `grid` holds what came of it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retouch_nb import session as sessions
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError
from retouch_nb.params import params
from retouch_nb.providers import operation_named
from retouch_nb.session import Session
from retouch_nb.sweep.axis import Axis, is_axis, knob
from retouch_nb.sweep.grid import Grid, Tile
from retouch_nb.sweep.plan import AT_ONCE, MOST_CALLS, Layout, Plan
from retouch_nb.sweep.run import GridView, Outcomes, Run, shown, unseen

__all__ = ["Axis", "Grid", "Plan", "Tile", "laid_out", "prepared", "sweep"]


def sweep(
    operation: type[Operation] | str,
    /,
    *pictures: Any,
    axes: Mapping[str, Any] | None = None,
    provider: Any = None,
    fresh: bool = False,
    max_credits: int | None = None,
    max_calls: int = MOST_CALLS,
    concurrency: int = AT_ONCE,
    dry_run: bool = False,
    restore_outside: bool = False,
    **parameters: Any,
) -> Grid | Plan:
    """Run an operation over every combination of some values, and show the results as a grid.

    Parameters
    ----------
    operation : type of Operation or str
        E.g. ``Enhance`` or ``"enhance"``.
    *pictures, **parameters
        As for the operation's function. A list, a range, a set or anything else that is counted through is an axis; so is a
        mapping, whose keys are the labels; so is text such as ``"0:100:20"`` or ``"0..100/6"`` for a number. Everything
        else is one value; a tuple is one where a value is a tuple, as of rectangles.
    axes : mapping, optional
        More axes, whose names are no Python names: ``{"Dodge Burn.Alpha1": "0:2:0.5"}``.
    provider : str or list of str, optional
        ``"local"``, ``"cloud"`` or the service's name; several are an axis.
    fresh : bool
        Do it again, whatever the cache holds; a service is paid again.
    max_credits : int, optional
        Refuse to spend more than this on the whole sweep.
    max_calls : int
        Refuse to make more new requests than this.
    concurrency : int
        Jobs at once. A service's own pace is kept whatever is said here.
    dry_run : bool
        Give the `Plan`: how many calls, at what cost; nothing is sent.
    restore_outside : bool
        Put the original back outside the masks, to the last bit beyond a narrow seam.

    Returns
    -------
    Grid or Plan
        The results, in the order of the axes, the last one running fastest.

    Raises
    ------
    ParameterError, PictureError, UnknownNameError, BudgetError
        Nothing was sent.
    Interrupted
        Somebody interrupted; run the cell again, and only what is missing is made.

    Examples
    --------
    >>> import numpy as np
    >>> photo = np.zeros((24, 32, 3), np.uint8)
    >>> sweep("enhance", photo, type=["clean", "face"], scale_factor="1,2", dry_run=True)
    Plan for a sweep of enhance; a plan sends nothing: 4 tiles · ... new request... · free (embedded engine) · ...
      type: clean, face
      scale_factor: 1, 2
    """
    kind = operation_named(operation) if isinstance(operation, str) else operation
    named = {**_placed(kind, pictures, parameters), **parameters, **(axes or {})}
    layout = laid_out(kind, named, provider, restore_outside=restore_outside)
    made = prepared(
        layout,
        sessions.current(),
        view=shown,
        fresh=fresh,
        max_credits=max_credits,
        max_calls=max_calls,
        concurrency=concurrency,
        dry_run=dry_run,
    )
    return made.run(fresh=fresh) if isinstance(made, Grid) else made


def prepared(
    layout: Layout,
    session: Session,
    *,
    view: Callable[[Grid, Run], GridView] = unseen,
    fresh: bool = False,
    max_credits: int | None = None,
    max_calls: int = MOST_CALLS,
    concurrency: int = AT_ONCE,
    dry_run: bool = False,
) -> Grid | Plan:
    """Plan a sweep and, unless it is a dry run, give the grid that is ready to run; options as in `sweep`."""
    if concurrency < 1:
        raise ParameterError(
            f"concurrency={concurrency} would do nothing.",
            advice="Nothing was sent. Give 1 or more.",
        )
    plan = Plan.of(layout, session, fresh=fresh, concurrency=concurrency)
    if dry_run:
        return plan
    plan.check(max_credits=max_credits, max_calls=max_calls)
    return Grid(plan, session, Outcomes(), view, max_credits)


def laid_out(
    operation: type[Operation],
    named: Mapping[str, Any],
    provider: Any = None,
    *,
    words: Mapping[str, str] | None = None,
    restore_outside: bool = False,
) -> Layout:
    """Tell axes from what is fixed, and check every value by itself; `words` are the values as typed.

    Raises
    ------
    ParameterError, UnknownNameError
        A parameter is not known or given twice, a value not accepted, or nothing is varied.
    """
    plain = {name: value for name, value in named.items() if "." not in name}
    turned = {name: knob(operation, name, {}) for name in plain}
    _check_once([one.name for one in turned.values()])
    fixed = {
        turned[name].name: turned[name].read(value)
        for name, value in plain.items()
        if not is_axis(turned[name].param, value)
    }
    asked = {
        **named,
        **(
            {"provider": provider}
            if is_axis(knob(operation, "provider", {}).param, provider)
            else {}
        ),
    }
    axes = tuple(
        Axis.read(knob(operation, name, fixed), value)
        for name, value in asked.items()
        if "." in name or name not in turned or turned[name].name not in fixed
    )
    _check_whole(operation, {*fixed, *(axis.name for axis in axes)})
    if not axes:
        raise ParameterError(
            "Nothing is varied: every parameter has one value.",
            advice=f"Nothing was sent. Give a list: {_suggested(operation)}.",
        )
    called = {n: word for n, v in named.items() if (word := _called(v, (words or {}).get(n)))}
    maker = None if "provider" in asked else provider
    return Layout(operation, fixed, axes, maker, called, restore_outside)


def _check_once(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(
                f"{name} is given twice.", advice="Nothing was sent. Give it once."
            )


def _check_whole(operation: type[Operation], given: set[str]) -> None:
    for param in params(operation):
        if param.required and param.name not in given:
            raise ParameterError(
                f"A sweep of {operation.name} needs a {param.name}.",
                advice=f"Nothing was sent. {param.name}: {param.accepts}.",
            )


def _called(value: Any, word: str | None) -> str:
    """Give the word by which the notebook knows a value: a variable, or the path it was read from."""
    return word or (str(value) if isinstance(value, str | os.PathLike) else "")


def _placed(
    operation: type[Operation], pictures: tuple[Any, ...], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Name what was given by position."""
    names = [param.name for param in params(operation) if not param.delivery]
    if len(pictures) > len(names):
        raise ParameterError(
            f"{operation.name} takes fewer values by position than {len(pictures)}.",
            advice="Nothing was sent. Name the others.",
        )
    _check_once([*names[: len(pictures)], *parameters])
    return dict(zip(names, pictures, strict=False))


def _suggested(operation: type[Operation]) -> str:
    for param in params(operation):
        if param.choices and not param.delivery:
            return f"{param.name}={list(param.choices)[:2]!r}"
    return "photo=[one, another]"
