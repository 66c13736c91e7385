"""What a result looks like in a cell: one static before/after figure, nothing but HTML and two previews.

Inline styles alone make a good figure, for an untrusted notebook keeps nothing else: the photo before lies in a box
that the mouse can widen. Where scripts run, a slider over both pictures takes the place of the box's corner.
"""

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from retouch_nb.photo import SHOWN, Photo
from retouch_nb.receipt import Receipt

LONGEST = SHOWN
"""Longer side of a preview in pixels: at quality 80 a pair of 12 megapixels adds about 0.7 MB to a notebook."""

FRAME = (880, 640)
"""The most CSS pixels that pictures take, so that they and their caption fit on a laptop's screen."""

_ROOM_FOR_LABELS = 240
_STATIC = Path(__file__).with_name("static")


def style_sheet(name: str) -> str:
    """Read a style sheet without comments and line breaks, for it travels with every figure."""
    css = (_STATIC / name).read_text("utf-8")
    handle = base64.b64encode((_STATIC / "handle.svg").read_bytes()).decode()
    css = css.replace("handle.svg", f"data:image/svg+xml;base64,{handle}")
    return " ".join(re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL).split())


def script(name: str) -> str:
    """Read a script without its comments, which stand on lines of their own, and indents."""
    lines = (line.strip() for line in (_STATIC / name).read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


FIGURE_STYLE = style_sheet("figure.css")
_PAGE_STYLE = style_sheet("page.css")


@dataclass(frozen=True)
class Caption:
    """What is said below a figure.

    Attributes
    ----------
    title : str
        The operation, for people: ``"Retouch object"``.
    maker : str
        Who did the work: ``"embedded engine"`` or the service's title.
    cost : str
        In words: ``"free"``, ``"2 credits"``.
    name : str
        Name of the photo; empty where it is not known.
    sizes : tuple
        Width and height of the photo before, where it is known, and after.
    options : mapping
        Parameters that differ from their defaults.
    seconds : float or None
        How long it took, without waiting in a queue.
    remarks : tuple of str
        Sentences worth reading; folded away when there are more than two.
    """

    title: str
    maker: str
    cost: str
    name: str = "photo"
    sizes: tuple[tuple[int, int], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, receipt: Receipt, before: Photo | None, after: Photo) -> "Caption":
        """Take everything from a receipt and the photos it belongs to."""
        photos = [photo for photo in (before, after) if photo is not None]
        nameless = before is None and after.name == receipt.operation
        return cls(
            title=receipt.operation.replace("_", " ").capitalize(),
            maker=receipt.maker,
            cost=receipt.cost_in_brief,
            name="" if nameless else photos[0].name,
            sizes=tuple(photo.size for photo in photos),
            options=receipt.options,
            seconds=receipt.worked,
            remarks=receipt.remarks,
        )

    @property
    def head(self) -> str:
        """What was done to which photo.

        Examples
        --------
        >>> Caption("Enhance", "PicWish", "2 credits", "cat").head
        'Enhance cat'
        """
        return f"{self.title} {self.name}".strip()

    @property
    def credit(self) -> str:
        """Who made it and for how much, in one breath.

        Examples
        --------
        >>> Caption("Enhance", "PicWish", "2 credits").credit
        'PicWish · 2 credits'
        """
        return f"{self.maker} · {self.cost}"

    @property
    def facts(self) -> str:
        """The options, the sizes and the time.

        Examples
        --------
        >>> sizes = ((600, 400), (1200, 800))
        >>> Caption("Enhance", "PicWish", "2 credits", "cat", sizes, {"type": "face"}, 1.84).facts
        'type=face · 600 × 400 -> 1200 × 800 · 1.8 s'
        """
        options = [f"{name}={_worded(value)}" for name, value in self.options.items()]
        sizes = " -> ".join(dict.fromkeys(f"{width} × {height}" for width, height in self.sizes))
        seconds = "" if self.seconds is None else _duration(self.seconds)
        return " · ".join(filter(None, [*options, sizes, seconds]))


def text(caption: Caption) -> str:
    """Say in two lines what a terminal cannot show, and each remark in one more.

    Examples
    --------
    >>> print(text(Caption("Inpaint", "embedded engine", "free", "coffee", ((600, 400),), seconds=2)))
    Inpaint coffee · embedded engine · free
      600 × 400 · 2.0 s
    """
    head = f"{caption.head} · {caption.credit}"
    return "\n  ".join(filter(None, [head, caption.facts, *caption.remarks]))


def figure(before: Photo | None, after: Photo, caption: Caption, *, longest: int = LONGEST) -> str:
    """Show two photos over each other with a slider between them, as static HTML.

    Parameters
    ----------
    before : Photo or None
        None when it is not known; `after` is then shown alone.
    after : Photo
        Shown as large as `before`, whatever its size in pixels; beside it when their shapes differ.
    caption : Caption
        What is said below.
    longest : int, keyword-only
        Longer side of the previews in pixels; smaller photos are embedded as they are.

    Returns
    -------
    str
        HTML without ids that needs no kernel and no network: two captioned pictures where styles are stripped,
        a box to widen with the mouse where scripts are, and elsewhere a slider for mouse, touch and keyboard.

    Examples
    --------
    >>> import numpy as np
    >>> grey = Photo.open(np.full((40, 60, 3), 99, np.uint8))
    >>> html = figure(grey, grey, Caption("Enhance", "embedded engine", "free"))
    >>> html.count("<img"), 'alt="before: photo, 60 x 40"' in html
    (2, True)
    """
    shown = Preview.of(after, "after", longest)
    if before is None:
        pictures = alone(shown)
    elif same_shape(before, after):
        pictures = stacked(Preview.of(before, "before", longest), shown)
    else:
        pictures = _beside(Preview.of(before, "before", longest), shown)
    return (
        f'<figure class="retouch-figure" style="margin:4px;max-width:{FRAME[0]}px">'
        f"<style>{FIGURE_STYLE}</style>{pictures}{_caption(caption)}</figure>"
    )


def page(title: str, body: str) -> str:
    """Wrap figures in one page that is complete in itself and forbidden to fetch anything.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        HTML of our own; it is not escaped.
    """
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title><style>{_PAGE_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )


@dataclass(frozen=True)
class Preview:
    """A photo made small enough for a notebook, and how it is shown there.

    Attributes
    ----------
    data : bytes
        WebP.
    label : str
        For an upper corner.
    alt : str
    shown : tuple of int
        Width and height in CSS pixels.
    transparent : bool
        A checkerboard belongs behind it.
    """

    data: bytes
    label: str
    alt: str
    shown: tuple[int, int]
    transparent: bool

    @classmethod
    def of(cls, photo: Photo, label: str, longest: int) -> "Preview":
        """Make a photo small; `longest` is its longer side in pixels."""
        small = photo.thumbnail(longest)
        width, height = photo.size
        return cls(
            data=webp(small, photo.icc_profile),
            label=label,
            alt=f"{label}: {photo.name}, {width} x {height}",
            shown=displayed(photo.size),
            transparent=small.mode == "RGBA",
        )

    def img(self, style: str) -> str:
        """Write the element; its width and height serve hosts that strip styles."""
        source = base64.b64encode(self.data).decode()
        checkered = ' class="retouch-checkered"' if self.transparent else ""
        ground = ";background:#cccccc" if self.transparent else ""
        return (
            f'<img src="data:image/webp;base64,{source}" alt="{escape(self.alt)}"'
            f' width="{self.shown[0]}" height="{self.shown[1]}"{checkered}'
            f' style="display:block;margin:0;max-width:none;{style}{ground}">'
        )

    def tag(self, side: str) -> str:
        """Write the label for an upper corner of the picture."""
        return (
            f'<div style="position:absolute;top:10px;{side}:10px;padding:1px 9px;border-radius:3px;'
            "background:rgba(0,0,0,0.55);color:white;font-size:12px;line-height:20px"
            f'">{escape(self.label)}</div>'
        )


def webp(small: Image.Image, icc: bytes | None) -> bytes:
    """Encode a preview, which is RGB: the profile of a grey photo does not fit it any more."""
    fitting = icc if icc and icc[16:20] == b"RGB " else None
    buffer = io.BytesIO()
    # Method 2 takes 40 % of the time that 4, the usual one, does, for 5 % more bytes and 0.3 dB less.
    small.save(buffer, "WEBP", quality=80, method=2, icc_profile=fitting)
    return buffer.getvalue()


def displayed(size: tuple[int, int]) -> tuple[int, int]:
    """Fit a picture into the frame; only one too narrow for its labels is enlarged."""
    width, height = size
    scale = min(FRAME[0] / width, FRAME[1] / height, max(1.0, _ROOM_FOR_LABELS / width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def same_shape(one: Photo, other: Photo) -> bool:
    """Tell whether two photos cover each other, give or take what rounding does to a side."""
    across, down = one.size[0] * other.size[1], one.size[1] * other.size[0]
    return abs(across - down) <= 0.005 * max(across, down)


_SLIDE = (
    '<input class="retouch-slide" type="range" min="0" max="100" step="any" value="50"'
    ' data-lm-suppress-shortcuts="true"'
    ' aria-label="How much of the picture shows before, in percent" style="display:none"'
    " oninput=\"this.parentNode.firstElementChild.style.width=this.value+'%'\">"
)
"""Hidden by its inline style: a sanitiser disables it, and only an enabled one is shown by the style sheet.

JupyterLab would take the arrow keys for its own, were it not for the attribute of its command library, Lumino."""


def stacked(before: Preview, after: Preview) -> str:
    """Lay the picture before over the other; a height of 100 % keeps its size when its box is narrowed."""
    before = replace(before, shown=after.shown)
    return (
        '<div class="retouch-pair" style="position:relative;z-index:0;overflow:hidden;'
        f'max-width:{after.shown[0]}px">'
        '<div class="retouch-before" title="Drag the lower right corner to compare" style="'
        "position:absolute;z-index:1;top:0;left:0;width:50%;max-width:100%;height:100%;"
        "box-sizing:border-box;border-right:2px solid white;overflow:hidden;resize:horizontal"
        f'">{before.img("width:auto;height:100%")}{before.tag("left")}</div>'
        f'<div style="margin:0">{after.img("width:100%;height:auto")}{after.tag("right")}</div>'
        f"{_SLIDE}</div>"
    )


def _beside(before: Preview, after: Preview) -> str:
    return f'<div style="display:flex;gap:8px;align-items:flex-start">{alone(before)}{alone(after)}</div>'


def alone(only: Preview) -> str:
    """Show one picture with its label."""
    return (
        f'<div style="position:relative;flex:1;max-width:{only.shown[0]}px">'
        f"{only.img('width:100%;height:auto')}{only.tag('left')}</div>"
    )


def _caption(caption: Caption) -> str:
    free = " retouch-free" if caption.cost.startswith("free") else ""
    facts = escape(caption.facts).replace("-&gt;", "→")
    return (
        '<figcaption style="margin:0;padding:8px 0 0;font-size:13px;line-height:1.6;text-align:left">'
        f"<b>{escape(caption.title)}</b> {escape(caption.name)} &nbsp; "
        f'<b class="retouch-credit{free}" style="padding:1px 9px;border-radius:10px;white-space:nowrap;'
        f'background:rgba(128,128,128,0.16)">{escape(caption.credit)}</b>'
        f'<div style="opacity:0.75">{facts}</div>{_remarks(caption.remarks)}</figcaption>'
    )


def _remarks(remarks: tuple[str, ...]) -> str:
    lines = "".join(f"<div>{escape(remark)}</div>" for remark in remarks)
    if len(remarks) > 2:
        lines = f"<details><summary>{len(remarks)} remarks</summary>{lines}</details>"
    return f'<div style="font-size:12px;opacity:0.75">{lines}</div>' if remarks else ""


def _worded(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"{len(value)} given"
    words = f"{value:g}" if isinstance(value, float) else str(value)
    return words if len(words) <= 60 else f"{words[:59]}…"


def _duration(seconds: float) -> str:
    """Write a time as people say it.

    Examples
    --------
    >>> _duration(0.01), _duration(1.84), _duration(12.4), _duration(95)
    ('0.1 s', '1.8 s', '12 s', '1 min 35 s')
    """
    if seconds < 60:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
