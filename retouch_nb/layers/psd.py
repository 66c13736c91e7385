"""Photoshop files, written with psd-tools and read back before they are handed out."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from retouch_nb.blend import THREADS, BlendMode, Sheet, lay_onto
from retouch_nb.errors import MissingExtraError, PictureError
from retouch_nb.files import replacing
from retouch_nb.layers.export import BACKGROUND, differs, opaque, own_pixels
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.placement import Piece
from retouch_nb.photo import Photo, Pixels

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import GroupMixin, PixelLayer
    from psd_tools.api.layers import Layer as PsdLayer
    from psd_tools.psd import PSD
    from psd_tools.psd.header import FileHeader
    from psd_tools.psd.image_data import ImageData
    from psd_tools.psd.layer_and_mask import ChannelDataList

T = TypeVar("T")
R = TypeVar("R")

GROUP = "Retouch"
AHEAD = min(2, THREADS)
"""Layers decoded before it is their turn; each takes eight bytes a pixel meanwhile."""

PSD_SIDE = 30_000
"""Longest side of a PSD in pixels; beyond it Photoshop wants a PSB."""


def save_psd(path: str | os.PathLike[str], base: Photo, layers: Sequence[Layer]) -> Path:
    """Write a Photoshop file: the photo, and a group of layers with names, modes and opacities.

    A skin mask becomes a hidden white layer with the selection as its layer mask; flow layers and
    whatever is not composited are hidden layers. Layers are cut to what they show. The colour
    profile is kept. The merged picture in the file is our composite: Photoshop's own may differ
    by its rounding, and in soft light by its formula (see `BlendMode`).

    Parameters
    ----------
    path : path
        Should end in ``.psd``, or ``.psb`` for sides above 30 000 pixels.
    base : Photo
        The photo below the layers, without transparency.
    layers : sequence of Layer
        The lowest first.

    Returns
    -------
    Path
        The file, opened again and compared.

    Raises
    ------
    MissingExtraError
        psd-tools is not installed.
    PictureError
        The photo has transparency or is too large for the format.
    RetouchError
        What was written does not read back as the same picture; nothing is kept.

    Notes
    -----
    psd-tools holds the packed layers in memory: up to four bytes a pixel for each layer.
    """
    target = Path(path).expanduser()
    large = target.suffix.lower() == ".psb"
    if max(base.size) > PSD_SIDE and not large:
        raise PictureError(
            f"A PSD has at most {PSD_SIDE} pixels a side.",
            advice="Nothing was written. Use the ending .psb.",
        )
    with replacing(target) as partial:
        record, flat = _psd(base, layers, version=2 if large else 1)
        with partial.open("wb") as file:
            record.write(file)
        del record  # as large as the file, and about to be read again
        _check_psd(partial, layers, flat)
    return target


def _psd(base: Photo, layers: Sequence[Layer], *, version: int) -> tuple["PSD", Pixels]:
    """Build the document and composite on the way, so that every layer is decoded once.

    The record is written and not the PSDImage: saving that would put psd-tools' own composite into
    the file, which takes many times longer and knows another soft light.
    """
    record, document = _empty_psd(base.size, base.icc_profile, version)
    sources: list[Photo | Layer] = [base, *layers]
    made = _ahead(partial(_decoded, version=version), sources)
    _, (photo, planes) = next(made)
    _append(document, BACKGROUND, photo, planes)
    flat = np.ascontiguousarray(photo.pixels[..., :3])
    group = document.create_group(name=GROUP)
    work = math.prod(base.size) * len(layers)
    for layer, (_, (piece, planes)) in zip(layers, made, strict=True):
        if layer.is_composited and layer.blend_mode:
            sheet = Sheet(piece.pixels, layer.blend_mode, layer.opacity, piece.offset)
            lay_onto(flat, [sheet], work=work)
        _describe(_append(group, layer.name, piece, planes), layer)
    record.image_data = _merged(flat, record.header)
    return record, flat


def _decoded(source: Photo | Layer, *, version: int) -> tuple[Piece, "ChannelDataList"]:
    """Decode and pack the photo or a layer, the two things that take long."""
    piece = own_pixels(source) if isinstance(source, Layer) else _ground(source)
    return piece, _packed(piece.pixels, version)


def _ground(base: Photo) -> Piece:
    pixels = opaque(base)
    whole = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    whole[..., :3] = pixels
    return Piece(whole, (0, 0))


def _merged(flat: Pixels, header: "FileHeader") -> "ImageData":
    from psd_tools.constants import Compression
    from psd_tools.psd.image_data import ImageData

    planes = [_plane(flat, channel) for channel in range(3)]
    made = ImageData(Compression.RLE if all(map(_has_runs, planes)) else Compression.RAW)
    made.set_data([plane.tobytes() for plane in planes], header)
    return made


def _packed(pixels: Pixels, version: int) -> "ChannelDataList":
    """Pack transparency and colours, each as it comes out smaller: runs only where there are runs."""
    from psd_tools.constants import Compression
    from psd_tools.psd.layer_and_mask import ChannelData, ChannelDataList

    height, width = pixels.shape[:2]
    channels = ChannelDataList()
    for channel in (3, 0, 1, 2):
        plane = _plane(pixels, channel)
        packed = ChannelData(Compression.RLE if _has_runs(plane) else Compression.RAW)
        packed.set_data(plane.tobytes(), width, height, 8, version)
        channels.append(packed)
    return channels


def _has_runs(plane: Pixels) -> bool:
    return bool(2 * np.count_nonzero(plane[:, 1:] == plane[:, :-1]) >= plane.size)


def _plane(pixels: Pixels, channel: int) -> Pixels:
    return np.ascontiguousarray(pixels[..., channel])


def _empty_psd(size: tuple[int, int], icc: bytes | None, version: int) -> tuple["PSD", "PSDImage"]:
    try:
        from psd_tools import PSDImage
        from psd_tools.constants import Resource
        from psd_tools.psd import PSD
        from psd_tools.psd.header import FileHeader
        from psd_tools.psd.image_resources import ImageResource, ImageResources
    except ImportError as error:
        raise MissingExtraError.of("psd", "psd-tools", "writing PSD files") from error
    resources = ImageResources.new()
    if icc:
        resources[Resource.ICC_PROFILE] = ImageResource(key=Resource.ICC_PROFILE, data=icc)
    record = PSD(
        header=FileHeader(version=version, channels=3, height=size[1], width=size[0]),
        image_resources=resources,
    )
    return record, PSDImage(record)


def _ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Work on the next items in threads while the one before them is being used."""
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(AHEAD) as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _append(
    parent: "GroupMixin", name: str, piece: Piece, channels: "ChannelDataList"
) -> "PixelLayer":
    """Add a layer with transparency; psd-tools' own way gives layers of RGB documents a mask."""
    from psd_tools.api.layers import PixelLayer
    from psd_tools.constants import ChannelID
    from psd_tools.psd.layer_and_mask import ChannelInfo, LayerRecord

    (left, top), (height, width) = piece.offset, piece.pixels.shape[:2]
    record = LayerRecord(top=top, left=left, bottom=top + height, right=left + width)
    for number, packed in zip((-1, 0, 1, 2), channels, strict=True):
        record.channel_info.append(ChannelInfo(ChannelID(number), len(packed.data) + 2))
    layer = PixelLayer(parent, record, channels)
    parent.append(layer)
    layer.name = name[:255]
    return layer


def _describe(added: "PixelLayer", layer: Layer) -> None:
    from psd_tools.constants import BlendMode as PsdMode

    added.visible = layer.is_composited
    added.opacity = round(layer.opacity * 255)
    added.blend_mode = PsdMode[_photoshop_name(layer.blend_mode or BlendMode.NORMAL)]
    if layer.kind == "mask":
        added.create_mask(Image.fromarray(layer.to_mask()))


def _photoshop_name(mode: BlendMode) -> str:
    return "SOFT_LIGHT" if mode.name.startswith("SOFT_LIGHT") else mode.name


def _check_psd(path: Path, layers: Sequence[Layer], flat: Pixels) -> None:
    """Composite what the file holds, by its own names, modes, opacities and places."""
    from psd_tools import PSDImage

    document = PSDImage.open(path)
    background, group = list(document)
    added = list(group)  # type: ignore[call-overload]
    if [layer.name for layer in added] != [layer.name[:255] for layer in layers]:
        raise differs("PSD")
    canvas = np.ascontiguousarray(_unpacked(background)[..., :3])
    shown = [pair for pair in zip(added, layers, strict=True) if pair[0].visible]
    work = canvas.size // 3 * len(shown)
    for (found, layer), pixels in _ahead(lambda pair: _unpacked(pair[0]), shown):
        mode = layer.blend_mode or BlendMode.NORMAL
        if found.blend_mode.name != _photoshop_name(mode):
            raise differs("PSD")
        lay_onto(canvas, [Sheet(pixels, mode, found.opacity / 255, found.offset)], work=work)
    merged = np.asarray(document.topil(apply_icc=False))
    if not (np.array_equal(canvas, flat) and np.array_equal(merged, flat)):
        raise differs("PSD")


def _unpacked(layer: "PsdLayer") -> Pixels:
    """Read the pixels of a layer; psd-tools' own ways go by pictures or floats, at several times the cost."""
    width, height = layer.size
    pixels = np.zeros((height, width, 4), np.uint8)
    for place, packed in zip(layer._record.channel_info, layer._channels, strict=True):
        if -1 <= place.id <= 2:
            plane = np.frombuffer(packed.get_data(width, height, 8, layer._psd.version), np.uint8)
            pixels[..., place.id] = plane.reshape(height, width)
    return pixels
