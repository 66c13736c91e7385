"""What a grid looks like in a notebook and on a page: one table of pictures, which needs no kernel and no script.

Where scripts run, the module of the live widget adds zoom, difference and filter to the very same table.
"""

import base64
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retouch_nb.errors import RetouchError

if TYPE_CHECKING:
    from retouch_nb.sweep.grid import Grid, Tile
    from retouch_nb.sweep.pictures import Preview

BUDGET: Final = 1_500_000
"""Bytes that a grid may add to a notebook, pictures written as text included."""
PAGE_BUDGET: Final = 20_000_000
"""The same for a page of its own, whose pictures are there to be zoomed into."""

LARGEST, PAGE_LARGEST = 720, 1280
ABREAST: Final = 4
"""Tiles beside each other where a single axis is varied; more are folded into rows, which need no scrolling."""

_ROOM = 740  # CSS pixels of a row: what a notebook beside its file browser has
_LETTER = 8  # CSS pixels, of the bold labels
_WIDEST_SIDE = 220
_OVERHEAD = 60_000  # of script, style and text, beside the pictures
_STATIC = Path(__file__).parents[1] / "widgets" / "static"


def twin(grid: "Grid", *, most_bytes: int = BUDGET) -> str:
    """Write the grid as static HTML of at most about `most_bytes`."""
    done = [tile for tile in grid.tiles if tile.state == "done"]
    page = most_bytes > BUDGET
    assert grid.previews is not None
    room = most_bytes - _OVERHEAD - 600 * len(grid)
    side = grid.previews.fitting(done, room, largest=PAGE_LARGEST if page else LARGEST)
    cells = [tile_html(grid, tile, _shot(grid, tile, side)) for tile in grid.tiles]
    return f"{table(grid, cells)}<script>{_script()}</script>"


def table(grid: "Grid", cells: Sequence[str]) -> str:
    """Lay the content of all tiles out, with a label on every row and column."""
    across = grid.axes[-1]
    columns = "".join(
        f'<th scope="col" data-values="{escape(f"{across.name} = {label}")}" style="{_HEAD}">{escape(label)}</th>'
        for label in across.labels
        if not _is_folded(grid)
    )
    span = f' colspan="{1 + _columns(grid)}"' if _is_folded(grid) else ""
    corner = f'<th{span} style="{_HEAD};opacity:0.75;font-weight:400">{_corner(grid)}</th>'
    return (
        f'<div class="retouch-grid" style="margin:4px"><style>{_style()}</style>'
        f'{_head(grid)}<div class="retouch-grid-tools"></div>'
        '<div class="retouch-grid-room" style="overflow:auto">'
        f'<table style="border-collapse:separate;border-spacing:0;margin:0;table-layout:auto">'
        f"<thead><tr>{corner}{columns}</tr></thead>"
        f"<tbody>{''.join(_rows(grid, cells))}</tbody></table></div></div>"
    )


def tile_html(grid: "Grid", tile: "Tile", source: str) -> str:
    """Write what stands in one tile; `source` is the address of its picture, empty where there is none."""
    width = tile_width(grid)
    return f"{_picture(tile, source, width)}{_says(grid, tile, width)}"


def tile_width(grid: "Grid") -> int:
    """Give the width of a tile's picture in CSS pixels."""
    room = _ROOM - _side_width(grid)
    return max(150, min(320, room // max(1, _columns(grid)) - 10))


def _is_folded(grid: "Grid") -> bool:
    """Tell whether one long row is shown as several: only the axis across has several values, and many."""
    *down, across = grid.axes
    return all(len(axis) == 1 for axis in down) and len(across) > ABREAST


def _columns(grid: "Grid") -> int:
    """Give how many tiles stand beside each other; a folded row is cut into rows of about one length."""
    across = len(grid.axes[-1])
    return math.ceil(across / math.ceil(across / ABREAST)) if _is_folded(grid) else across


def _side_width(grid: "Grid") -> int:
    """Guess how wide the labels of the rows are; longer ones are broken."""
    *down, across = grid.axes
    if _is_folded(grid):
        longest = len(" … ") + 2 * max(map(len, across.labels))
    else:
        lines = [f"{axis.name} = {label}" for axis in down for label in axis.labels]
        longest = max(map(len, [*lines, f"{across.name} →"]))
    return min(_WIDEST_SIDE, 14 + _LETTER * longest)


def data_address(preview: "Preview") -> str:
    """Write a picture as an address that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(preview.data).decode()}"


_HEAD = "padding:4px 8px 4px 0;text-align:left;vertical-align:bottom;font-size:13px;border:0;background:none"
_SIDE = (
    "padding:4px 12px 4px 0;text-align:left;vertical-align:top;font-size:13px;border:0;background:none;"
    "box-sizing:border-box;overflow-wrap:anywhere"
)
_CELL = "padding:0 10px 12px 0;text-align:left;vertical-align:top;border:0;background:none;max-width:none"


def _head(grid: "Grid") -> str:
    layout = grid.plan.layout
    photo = getattr(layout.fixed.get("photo"), "name", "")
    makers = ", ".join(dict.fromkeys(f.maker for f in grid.plan.forecasts.values()))
    remarks = "".join(f"<div>{escape(remark)}</div>" for remark in grid.plan.remarks)
    retry = "<div>Try the failed ones again: <code>grid.retry()</code></div>" if grid.failed else ""
    title = layout.operation.name.replace("_", " ").capitalize()
    return (
        '<div style="font-size:13px;line-height:1.6;padding-bottom:6px">'
        f"<b>{title}</b> {escape(photo)} &nbsp; "
        '<b style="padding:1px 9px;border-radius:10px;white-space:nowrap;background:rgba(128,128,128,0.16)">'
        f'{escape(makers)}</b> <span class="retouch-grid-facts">{escape(facts(grid))}</span>'
        f'<div style="font-size:12px;opacity:0.75">{remarks}{retry}</div></div>'
    )


def facts(grid: "Grid") -> str:
    """Say how far it is and what it has cost."""
    failed = f" · {len(grid.failed)} failed" if grid.failed else ""
    done = len(grid) - len(grid.missing)
    return f"{done} of {len(grid)} tiles{failed} · {_spent(grid)}"


def _spent(grid: "Grid") -> str:
    """Say what the results cost, as far as is known."""
    edits = {tile.request.identity: tile.bare for tile in grid.tiles}
    credits = [edit.receipt.price.credits for edit in edits.values() if edit]
    if None in credits:
        return "cost unknown"
    total = sum(credit for credit in credits if credit)
    return f"{total} credit{'s' * (total != 1)}" if total else "free"


def _corner(grid: "Grid") -> str:
    *down, across = grid.axes
    single = {axis.name: f"{axis.name} = {axis.labels[0]}" for axis in down if _is_folded(grid)}
    lines = [f"{across.name} →", *(single.get(axis.name, f"{axis.name} ↓") for axis in down)]
    return "".join(f"<div>{escape(line)}</div>" for line in lines)


def _rows(grid: "Grid", cells: Sequence[str]) -> Iterator[str]:
    tiles, width = grid.tiles, _side_width(grid)
    *down, across = grid.axes
    for start in range(0, len(tiles), _columns(grid)):
        here = tiles[start : start + _columns(grid)]
        labels = [f"{axis.name} = {here[0].labels[axis.name]}" for axis in down]
        ends = [here[0].labels[across.name], here[-1].labels[across.name]]
        shown = [" … ".join(dict.fromkeys(ends))] if _is_folded(grid) else labels
        lines = "".join(f"<div>{escape(label)}</div>" for label in shown)
        row = "".join(
            _cell(tile, index, cells[index], own=across.name if _is_folded(grid) else "")
            for index, tile in enumerate(here, start)
        )
        yield (
            f'<tr data-values="{escape("|".join(labels))}">'
            f'<th scope="row" style="{_SIDE};min-width:{width}px;max-width:{width}px">{lines}</th>{row}</tr>'
        )


def _cell(tile: "Tile", index: int, content: str, *, own: str = "") -> str:
    """Write a tile; `own` is the axis whose value is its own, where no column has it in common."""
    values = f' data-values="{escape(f"{own} = {tile.labels[own]}")}"' if own else ""
    return (
        f'<td class="retouch-tile" data-tile="{index}"{values} data-state="{escape(tile.state)}"'
        f' data-name="{escape(str(tile))}" data-magic="{escape(tile.magic)}" style="{_CELL}">{content}</td>'
    )


def _picture(tile: "Tile", source: str, width: int) -> str:
    size = (
        tile.bare.after.size if tile.bare else getattr(tile.request.operation.photo, "size", (4, 3))
    )
    height = max(1, round(width * size[1] / size[0]))
    box = f"width:{width}px;position:relative;overflow:hidden;border-radius:4px"
    if tile.state == "done":
        alt = f"{tile}, {size[0]} x {size[1]}"
        return (
            f'<div class="retouch-shot" style="{box}"><img src="{source}" alt="{escape(alt)}" width="{width}"'
            f' height="{height}" style="display:block;margin:0;width:100%;height:auto;max-width:none"></div>'
        )
    return (
        f'<div class="retouch-shot" style="{box};min-height:{min(height, 260)}px;box-sizing:border-box;padding:10px;'
        f'background:rgba(128,128,128,0.1);font-size:12px;line-height:1.5">{_instead(tile)}</div>'
    )


def _instead(tile: "Tile") -> str:
    """Say why there is no picture."""
    error = tile.error
    if error is None:
        return f'<span style="opacity:0.75">{escape(_state(tile))}</span>'
    what = error.what if isinstance(error, RetouchError) else repr(error)
    advice = getattr(error, "advice", "")
    return (
        f'<b style="color:#d32f2f">failed</b> {escape(what)}'
        f'<div style="opacity:0.75">{escape(advice)}</div>'
    )


def _state(tile: "Tile") -> str:
    job = tile.job
    if job is None:
        return "waiting" if tile.state == "missing" else tile.state
    percent = "" if job.progress is None else f" · {job.progress:.0%}"
    return f"{job.state}{percent}"


def _says(grid: "Grid", tile: "Tile", width: int) -> str:
    edit = tile.bare
    facts = ""
    first = grid.plan.firsts[tile.request.key]
    if first != tile.place:
        labels = grid.plan.layout.labels(first)
        facts = f"cannot differ from {', '.join(labels.values())}"
    elif edit is not None:
        receipt = edit.receipt
        made = (
            "estimate, free"
            if tile.request.estimate
            else "free"
            if tile.request.opacities
            else receipt.cost
        )
        seconds = "" if receipt.cached or tile.request.opacities else f" · {receipt.worked:.1f} s"
        facts = f"{edit.after.size[0]} × {edit.after.size[1]} · {made}{seconds}"
    return (
        f'<div style="width:{width}px;padding-top:3px;font-size:12px;line-height:1.45">'
        f'<div>{escape(str(tile))}</div><div style="opacity:0.75">{escape(facts)}</div></div>'
    )


def _shot(grid: "Grid", tile: "Tile", side: int) -> str:
    assert grid.previews is not None
    return data_address(grid.previews.get(tile, side)) if tile.state == "done" else ""


@cache
def _style() -> str:
    css = (_STATIC / "grid.css").read_text("utf-8")
    return " ".join(re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL).split())


@cache
def _script() -> str:
    """Read what the widget shares, as a script that acts on every grid of the page which has no tools yet."""
    code = (_STATIC / "tiles.js").read_text("utf-8")
    plain = re.sub(r"^\s*//.*$\n", "", code, flags=re.MULTILINE)
    return f"(() => {{{plain}document.querySelectorAll('.retouch-grid').forEach(addTools);}})()"
