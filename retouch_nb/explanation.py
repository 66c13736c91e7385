"""How the embedded engine made a picture, step by step, as static HTML: for teaching, and for wondering.

The image work calls a `Recorder` while it works; what it tells becomes an `Explanation`, which needs no kernel.
"""

import base64
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

import numpy as np
from PIL import Image

from retouch_nb.figure import webp

SIDE: Final = 440
"""Longer side of a picture in pixels; it is shown at half of that, for dense screens."""

_LEAST: Final = 200
"""Smaller pictures, such as those of a pyramid, are enlarged with their pixels visible."""


@dataclass(frozen=True)
class Moment:
    """One step: what it is called, what was done and why, and what it looked like."""

    title: str
    words: str
    picture: Image.Image | None = field(default=None, repr=False)

    def _html(self, number: int) -> str:
        return (
            '<figure style="margin:0;min-width:0">'
            f"{self._img()}"
            '<figcaption style="font-size:13px;line-height:1.5;padding-top:4px;text-align:left">'
            f'<b>{number}. {escape(self.title)}</b><div style="opacity:0.8">{escape(self.words)}</div>'
            "</figcaption></figure>"
        )

    def _img(self) -> str:
        if self.picture is None:
            return ""
        width, height = self.picture.size
        scale = min(SIDE / 2 / width, SIDE / 2 / height, 1.0)
        coded = base64.b64encode(webp(self.picture, None)).decode()
        return (
            f'<img src="data:image/webp;base64,{coded}" alt="{escape(self.title)}"'
            f' width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}"'
            ' style="display:block;margin:0;max-width:100%;height:auto;border-radius:3px">'
        )


@dataclass(frozen=True)
class Explanation:
    """What was done, in order; shows itself in a notebook.

    Attributes
    ----------
    maker : str
        Who did it.
    moments : tuple of Moment
    told : bool
        The maker tells what it does; services do not.

    Examples
    --------
    >>> Explanation("embedded engine", (Moment("Enlarged", "By a small net."),))
    How it was done by the embedded engine, in 1 step
      1. Enlarged: By a small net.
    >>> Explanation("PicWish", (), told=False)
    PicWish does not tell what it does to a picture; --provider local explains how the embedded engine does it.
    """

    maker: str
    moments: tuple[Moment, ...]
    told: bool = True

    @property
    def title(self) -> str:
        """The heading, or the reason why there is nothing to show."""
        count = len(self.moments)
        if not self.told:
            return (
                f"{self.maker} does not tell what it does to a picture; "
                "--provider local explains how the embedded engine does it."
            )
        if not count:
            return "An equal run was under way already; only the one that began it is explained."
        return f"How it was done by the {self.maker}, in {count} step{'s' if count > 1 else ''}"

    def __repr__(self) -> str:
        steps = (f"  {n}. {m.title}: {m.words}" for n, m in enumerate(self.moments, 1))
        return "\n".join([self.title, *steps])

    def _repr_html_(self) -> str:
        if not self.moments:
            return f'<p style="font-size:13px;opacity:0.8">{escape(self.title)}</p>'
        steps = "".join(moment._html(number) for number, moment in enumerate(self.moments, 1))
        return (
            '<details open style="margin:12px 4px 4px;max-width:1100px">'
            f'<summary style="cursor:pointer"><b>{escape(self.title)}</b></summary>'
            '<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));'
            f'gap:18px;margin-top:10px;align-items:start">{steps}</div></details>'
        )


class Recorder:
    """Notes what image work tells of itself; pictures are reduced at once, so that a large photo costs little."""

    def __init__(self) -> None:
        self._moments: list[Moment] = []

    def __call__(self, title: str, words: str, picture: Any = None, /) -> None:
        """Take one step."""
        self._moments.append(Moment(title, words, None if picture is None else _shown(picture)))

    def explanation(self, maker: str, *, told: bool = True) -> Explanation:
        """Give what was told so far."""
        return Explanation(maker, tuple(self._moments), told)


def _shown(picture: Any) -> Image.Image:
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8:
        pixels = (np.clip(pixels.astype(np.float32), 0, 1) * 255 + 0.5).astype(np.uint8)
    image = _on_checks(Image.fromarray(np.ascontiguousarray(pixels)))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    times = -(-_LEAST // max(image.size))
    size = (image.width * times, image.height * times)
    return image.resize(size, Image.Resampling.NEAREST) if times > 1 else image


def _on_checks(image: Image.Image) -> Image.Image:
    """Lay what is transparent on a checkerboard."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    y, x = np.mgrid[0 : image.height, 0 : image.width] * 28 // max(image.size)
    ground = Image.fromarray(np.where((x + y) % 2, 240, 196).astype(np.uint8)).convert("RGBA")
    return Image.alpha_composite(ground, image).convert("RGB")
