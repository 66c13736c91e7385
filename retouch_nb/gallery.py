"""The layers of a result, unpacked in a cell: what each one holds and what it does, as static HTML.

Like the figure it needs no kernel: thumbnails in a grid, larger views behind a fold, small layers to download.
"""

import base64
from html import escape

from PIL import Image

from retouch_nb.figure import webp
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.placement import Box

THUMBNAIL, LARGE = 240, 880
"""Longer sides in CSS pixels."""

DOWNLOAD_BYTES = 60_000
"""Layers whose own file is smaller can be downloaded from the notebook; `LayerStack.save_layers` writes all."""

_GROUND = (
    "background:repeating-conic-gradient(#c4c4c4 0 25%, #f0f0f0 0 50%) 0 0 / 16px 16px,#cccccc"
)


def gallery(stack: LayerStack, *, longest: int = LARGE) -> str:
    """Show every layer of a stack: on a checkerboard, and as its effect on the photo alone.

    Parameters
    ----------
    stack : LayerStack
    longest : int, keyword-only
        Longer side of the large views in pixels.

    Returns
    -------
    str
        HTML that works untrusted and without a kernel.

    Examples
    --------
    >>> import numpy as np
    >>> from retouch_nb.layers.pngrows import Png
    >>> from retouch_nb.photo import Photo
    >>> light = Layer(name="Heal", png=Png.of(np.full((2, 2, 4), 255, np.uint8)), canvas=(2, 2))
    >>> html = gallery(LayerStack(Photo.open(np.zeros((2, 2, 3), np.uint8)), (light,)))
    >>> html.count("<figure"), "Heal" in html, "covers 100 %" in html
    (1, True, True)
    """
    small = stack.preview(longest)
    region = _region(small)
    cards = "".join(_card(stack[at], small, at, region) for at in range(len(stack)))
    notes = "".join(f"<div>{escape(note)}</div>" for note in stack.notes)
    return (
        f'<div style="margin:12px 4px 4px"><b>{len(stack)} layer{"s" if len(stack) != 1 else ""}</b>'
        f'<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax({THUMBNAIL}px,1fr));'
        f'gap:14px;margin-top:8px">{cards}</div>'
        f'<div style="font-size:12px;opacity:0.75;margin-top:8px">{notes}</div></div>'
    )


def _region(small: LayerStack) -> Box:
    """Give the part of the photo in which something happens, with some air around it: what thumbnails show."""
    width, height = small.base.size
    boxes = [layer.bbox for layer in small if layer.is_composited and any(layer.bbox)]
    if not boxes:
        return 0, 0, width, height
    left, top, right, bottom = (
        pick(edge)
        for pick, edge in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)
    )
    air = round(0.25 * max(right - left, bottom - top))
    return max(0, left - air), max(0, top - air), min(width, right + air), min(height, bottom + air)


def _card(layer: Layer, small: LayerStack, at: int, region: Box) -> str:
    """Show one layer: its pixels and its effect, and both whole and larger behind a fold."""
    own, effect = _own(small[at]), _effect(small, at)
    views = [(own, "layer", _GROUND)] + ([(effect, "effect", "")] if effect else [])
    thumbnails = "".join(
        _img(_cut(view, small, region), f"{layer.name}, {what}", THUMBNAIL // 2, style)
        for view, what, style in views
    )
    large = "".join(
        _img(view, f"{layer.name}, {what}, large", LARGE, style) for view, what, style in views
    )
    return (
        '<figure style="margin:0;min-width:0">'
        f'<div style="display:flex;gap:2px;overflow:hidden;border-radius:3px">{thumbnails}</div>'
        f'<figcaption style="font-size:13px;line-height:1.5;padding-top:4px;text-align:left"><b>{escape(layer.name)}</b>'
        f'<div style="opacity:0.75">{escape(_facts(layer))}</div>'
        f'<details><summary style="cursor:pointer">enlarge</summary>{large}{_download(layer)}</details>'
        "</figcaption></figure>"
    )


def _cut(view: Image.Image, small: LayerStack, region: Box) -> Image.Image:
    return view.crop(region) if view.size == small.base.size else view


def _facts(layer: Layer) -> str:
    """Say how it lies on the photo and how much of it it touches."""
    kinds = {"mask": "selection", "flow": "displacement, shown only"}
    mode = kinds.get(layer.kind) or str(layer.blend_mode or "unknown blend mode, left out")
    opacity = "" if layer.opacity == 1 else f" · {layer.opacity:.0%}"
    hidden = "" if layer.visible else " · hidden"
    return f"{mode}{opacity} · covers {_percent(layer.coverage)}{hidden}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _own(layer: Layer) -> Image.Image:
    """Lay the layer's own picture on an empty frame of the photo's size, where its place is known."""
    if layer.size == layer.canvas or layer.kind == "flow":
        return layer.to_pil()
    frame = Image.new("RGBA", layer.canvas)
    piece = layer.cut_out()
    if piece is not None:
        frame.paste(Image.fromarray(piece.pixels), piece.offset)
    return frame


def _effect(small: LayerStack, at: int) -> Image.Image | None:
    alone = small.solo(at)
    return Image.fromarray(alone.to_numpy()) if alone[at].is_composited else None


def _img(image: Image.Image, alt: str, width: int, style: str) -> str:
    """Embed a picture at twice the width it is shown at, for dense screens."""
    copy = image.convert("RGBA" if image.mode in {"RGBA", "LA"} else "RGB")
    copy.thumbnail((2 * width, 2 * width))
    coded = base64.b64encode(webp(copy, None)).decode()
    shown = min(width, image.width)
    height = round(shown * image.height / image.width)
    return (
        f'<img src="data:image/webp;base64,{coded}" alt="{escape(alt)}" width="{shown}" height="{height}"'
        f' style="display:block;margin:0;min-width:0;flex:0 1 50%;max-width:100%;height:auto;{style}">'
    )


def _download(layer: Layer) -> str:
    data = layer.png.data
    if len(data) > DOWNLOAD_BYTES:
        return '<div style="font-size:12px;opacity:0.75">Full size: edit.layers.save_layers("folder")</div>'
    coded = base64.b64encode(data).decode()
    name = escape(f"{layer.name}.png")
    return f'<a download="{name}" href="data:image/png;base64,{coded}" style="font-size:12px">download {name}</a>'
