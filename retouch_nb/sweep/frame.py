"""A grid as a table of pandas: one row a tile, with figures on how far each result is from its photo."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from retouch_nb.errors import MissingExtraError, RetouchError
from retouch_nb.photo import Photo

if TYPE_CHECKING:
    import pandas

    from retouch_nb.metrics import Metrics, Region
    from retouch_nb.sweep.grid import Grid, Tile


def to_frame(grid: "Grid", *, metrics: bool = True) -> "pandas.DataFrame":
    """Make the table; see `Grid.to_frame`."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError.of("data", "pandas", "tables of results") from error
    measured: dict[str, dict[str, float]] = {}
    return pandas.DataFrame(
        [_row(grid, tile, measured if metrics else None) for tile in grid.tiles]
    )


def _row(
    grid: "Grid", tile: "Tile", measured: dict[str, dict[str, float]] | None
) -> dict[str, Any]:
    values = {name: _cell(grid, tile, name) for name in tile.values}
    row: dict[str, Any] = {**values, "state": tile.state, "error": str(tile.error or "")}
    if tile.state != "done":
        return row
    row |= dict(_made(grid, tile))
    if measured is not None:
        if tile.request.key not in measured:
            measured[tile.request.key] = dict(_figures(tile))
        row |= measured[tile.request.key]
    return row


def _cell(grid: "Grid", tile: "Tile", name: str) -> Any:
    """Give a value as it is sorted and drawn: numbers as they are, what has a name by its name."""
    value, label = tile.values[name], tile.labels[name]
    turned = next(knob for knob in grid.plan.layout.knobs if knob.name == name)
    named = turned.param.choices.get(value) if turned.param.choices else None
    if named is not None and named != str(value):
        return label
    return value if isinstance(value, int | float | str | None) else label


def _made(grid: "Grid", tile: "Tile") -> Iterator[tuple[str, Any]]:
    """Say who made it, for how much, in what time, and where it lies."""
    assert tile.bare is not None
    receipt = tile.bare.receipt
    laid = bool(tile.request.opacities)
    path = grid.session.client.cache.find(tile.request.identity)
    yield "path", "" if path is None else str(path)
    yield "maker", receipt.maker
    yield "estimate", tile.request.estimate
    yield "cached", receipt.cached
    yield "credits", 0 if laid else receipt.price.credits
    yield "cost", "free" if laid else receipt.cost
    yield "seconds", receipt.worked
    yield "waited", receipt.waited
    yield "width", tile.bare.after.size[0]
    yield "height", tile.bare.after.size[1]
    yield "job", receipt.job_id


def _figures(tile: "Tile") -> Iterator[tuple[str, float]]:
    edit = tile.edit
    if not isinstance(edit.before, Photo):
        return
    found = _measured(edit.before, edit.after, edit.mask)
    if found is None:
        return
    yield from _named("", found.whole)
    yield from _named("_inside", found.inside)
    yield from _named("_outside", found.outside)


def _measured(before: Photo, after: Photo, mask: Any) -> "Metrics | None":
    from retouch_nb.metrics import measure  # loads OpenCV

    try:
        return measure(before.to_numpy(), after.to_numpy(), None if mask is None else mask.pixels)
    except RetouchError:
        return None


def _named(suffix: str, region: "Region | None") -> Iterator[tuple[str, float]]:
    empty = dict.fromkeys(("psnr", "ssim", "delta_e", "drift"), math.nan)
    figures = empty if region is None else asdict(region)
    yield from ((f"{name}{suffix}", figure) for name, figure in figures.items())
