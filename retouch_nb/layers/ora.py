"""OpenRaster files for Krita, GIMP and MyPaint, read back before they are handed out."""

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from retouch_nb.blend import BlendMode, Sheet, lay_onto
from retouch_nb.files import replacing
from retouch_nb.layers.export import BACKGROUND, differs, opaque, own_pixels
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.placement import At
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels

_SVG = {
    BlendMode.NORMAL: "src-over",
    BlendMode.MULTIPLY: "multiply",
    BlendMode.SCREEN: "screen",
    BlendMode.OVERLAY: "overlay",
    BlendMode.DARKEN: "darken",
    BlendMode.LIGHTEN: "lighten",
    BlendMode.COLOR_DODGE: "color-dodge",
    BlendMode.COLOR_BURN: "color-burn",
    BlendMode.HARD_LIGHT: "hard-light",
    BlendMode.SOFT_LIGHT: "soft-light",
    BlendMode.SOFT_LIGHT_W3C: "soft-light",
    BlendMode.SOFT_LIGHT_PEGTOP: "soft-light",
    BlendMode.DIFFERENCE: "difference",
    BlendMode.LINEAR_DODGE: "plus",
}
"""Names of the OpenRaster layer stack specification, without their ``svg:``."""

_KRITA = {
    BlendMode.LINEAR_LIGHT: "linear light",
    BlendMode.LINEAR_BURN: "linear_burn",
    BlendMode.VIVID_LIGHT: "vivid_light",
    BlendMode.PIN_LIGHT: "pin_light",
    BlendMode.HARD_MIX: "hard mix",
    BlendMode.EXCLUSION: "exclusion",
    BlendMode.SUBTRACT: "subtract",
    BlendMode.DIVIDE: "divide",
}
"""Krita's ids for modes that OpenRaster has no name for."""


def save_ora(
    path: str | os.PathLike[str], base: Photo, layers: Sequence[Layer], flat: Pixels
) -> Path:
    """Write an OpenRaster file: the photo and its layers as PNGs, for Krita, GIMP and MyPaint.

    Layers that are not composited (masks, flow) are hidden. OpenRaster knows one soft light, the
    W3C's, so other programs show soft light layers a little differently than the merged picture
    in the file, which is our composite. Modes without a name there, such as Linear Light, get
    Krita's; programs that do not know those show Normal.

    Parameters
    ----------
    path : path
        Should end in ``.ora``.
    base : Photo
        The photo below the layers, without transparency.
    layers : sequence of Layer
        The lowest first.
    flat : ndarray of uint8, (height, width, 3)
        Their composite.

    Returns
    -------
    Path
        The file, opened again and compared.

    Raises
    ------
    PictureError
        The photo has transparency.
    RetouchError
        What was written does not read back as the same picture; nothing is kept.
    """
    target = Path(path).expanduser()
    with replacing(target) as partial:
        _write_ora(partial, base, layers, flat)
        _check_ora(partial, layers, flat)
    return target


def _write_ora(path: Path, base: Photo, layers: Sequence[Layer], flat: Pixels) -> None:
    """Write the archive as the specification wants it: the type first, nothing deflated twice."""
    below = opaque(base)
    width, height = base.size
    image = ElementTree.Element("image", version="0.0.3", w=str(width), h=str(height))
    stack = ElementTree.SubElement(image, "stack")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "image/openraster")
        for number, layer in enumerate(layers, 1):
            png, (left, top) = _ora_picture(layer)
            source = f"data/layer{number:03d}.png"
            archive.writestr(source, png.data)
            stack.insert(0, _ora_layer(layer, source, left, top))  # the highest comes first
        photo = base.data if base.format == "PNG" else _png(below, base.icc_profile)
        archive.writestr("data/photo.png", photo)
        ElementTree.SubElement(stack, "layer", name=BACKGROUND, src="data/photo.png", x="0", y="0")
        archive.writestr("stack.xml", ElementTree.tostring(image, "UTF-8", xml_declaration=True))
        archive.writestr("mergedimage.png", _png(flat, base.icc_profile))
        archive.writestr("Thumbnails/thumbnail.png", _thumbnail(flat))


def _ora_picture(layer: Layer) -> tuple[Png, tuple[int, int]]:
    """Give the PNG as it came where that will do, else what the layer shows."""
    if isinstance(layer.placement, At) or layer.placement is None:
        return layer.png, layer.offset
    piece = own_pixels(layer)
    return Png.of(piece.pixels), piece.offset


def _ora_layer(layer: Layer, source: str, left: int, top: int) -> ElementTree.Element:
    return ElementTree.Element(
        "layer",
        {
            "name": layer.name,
            "src": source,
            "x": str(left),
            "y": str(top),
            "opacity": f"{round(layer.opacity * 255) / 255:.6f}",
            "visibility": "visible" if layer.is_composited else "hidden",
            "composite-op": _composite_op(layer.blend_mode or BlendMode.NORMAL),
        },
    )


def _composite_op(mode: BlendMode) -> str:
    return f"svg:{_SVG[mode]}" if mode in _SVG else f"krita:{_KRITA[mode]}"


def _png(pixels: Pixels, icc: bytes | None) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1, icc_profile=icc)
    return buffer.getvalue()


def _thumbnail(pixels: Pixels) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((256, 256), reducing_gap=3.0)
    return _png(np.asarray(image), None)


def _check_ora(path: Path, layers: Sequence[Layer], flat: Pixels) -> None:
    """Composite what the archive holds, by its own opacities and places."""
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
        if first.filename != "mimetype" or first.compress_type != zipfile.ZIP_STORED:
            raise differs("OpenRaster file")
        *added, photo = ElementTree.fromstring(archive.read("stack.xml")).iter("layer")
        canvas = _decoded(archive.read(photo.get("src", "")))
        for element, layer in zip(reversed(added), layers, strict=True):
            mode = layer.blend_mode or BlendMode.NORMAL
            if element.get("composite-op") != _composite_op(mode):
                raise differs("OpenRaster file")
            if element.get("visibility") == "visible":
                pixels = np.asarray(Png.open(archive.read(element.get("src", ""))).to_pil())
                offset = int(element.get("x", "")), int(element.get("y", ""))
                opacity = float(element.get("opacity", ""))
                lay_onto(canvas, [Sheet(pixels, mode, opacity, offset)])
        merged = _decoded(archive.read("mergedimage.png"))
    if not (np.array_equal(canvas, flat) and np.array_equal(merged, flat)):
        raise differs("OpenRaster file")


def _decoded(data: bytes) -> Pixels:
    return np.ascontiguousarray(np.asarray(Png.open(data).to_pil())[..., :3])
