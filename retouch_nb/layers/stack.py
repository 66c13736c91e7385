"""A layered result as one value: look at its layers, change them, composite them, save them.

The idea: a stack is a photo and a tuple of layers, and every change gives a new stack; the
pictures inside are shared and stay encoded, so a stack of a 40-megapixel photo costs what its
files cost.
"""

import json
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image

from retouch_nb.blend import THREADS, BlendMode, lay_onto, letters
from retouch_nb.errors import ParameterError, ProtocolError, UnknownNameError
from retouch_nb.files import replacing
from retouch_nb.layers.archive import read_zip
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.naming import read_layers
from retouch_nb.layers.ora import save_ora
from retouch_nb.layers.pngrows import STRIP_PIXELS
from retouch_nb.layers.psd import save_psd
from retouch_nb.photo import Photo, PhotoLike, Pixels

if TYPE_CHECKING:
    from retouch_nb.widgets.studio import Studio

NUMBERS_ALONE = (
    "The result holds numbers and no picture; they are in `metadata`, the photo is as it was."
)
"""What a layered crop brings."""


@dataclass(frozen=True, eq=False, repr=False)
class LayerStack:
    """The layers of a retouched photo, the first one lowest.

    Iterates over its layers; index it by number or by name in any spelling. Every change gives a
    new stack.

    Attributes
    ----------
    base : Photo
        The photo that was retouched.
    layers : tuple of Layer
        In the order in which they were made.
    notes : tuple of str
        What was left out of the composite, or assumed, and why; each a sentence.
    metadata : Mapping
        ``result.json`` as it came.
    request : str
        The payload that asked for the layers; empty when it is not known.

    Examples
    --------
    >>> from retouch_nb.layers import Png
    >>> photo = Photo.open(np.full((2, 2, 3), 100, np.uint8))
    >>> light = Png.of(np.full((2, 2, 4), 255, np.uint8))
    >>> screen = Layer(name="Dodge Burn", png=light, canvas=(2, 2), blend_mode=BlendMode.SCREEN)
    >>> stack = LayerStack(photo, (screen,))
    >>> stack
    <LayerStack 2 x 2, 1 layer: Dodge Burn>
    >>> int(stack.to_numpy().max()), int(stack.adjust("dodge-burn", opacity=0.5).to_numpy().max())
    (255, 178)
    """

    base: Photo
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    request: str = ""

    @classmethod
    def from_zip(
        cls,
        source: bytes | str | os.PathLike[str],
        base: PhotoLike,
        *,
        tasks: Sequence[str] = (),
    ) -> Self:
        """Read the ZIP of a layered result.

        Parameters
        ----------
        source : bytes or path
            The ZIP as the service sent it, or as `save_zip` wrote it.
        base : PhotoLike
            The photo exactly as it was uploaded.
        tasks : sequence of str, optional
            The plug-ins of the request in their order. Left out, the order is that of the numbers
            the file names begin with, else the one the vendor recommends.

        Raises
        ------
        ProtocolError
            The archive is broken or not to be trusted.
        PictureError
            The layers belong to a photo of another size.
        """
        photo = Photo.open(base)
        read = read_zip(source, most_pixels=math.prod(photo.size))
        if not read.files and not read.result:
            raise ProtocolError("The ZIP holds no layers.", advice="Was it asked for with layers?")
        layers, notes = read_layers(read, photo.size, tasks)
        return cls(photo, layers, notes if layers else (*notes, NUMBERS_ALONE), read.result)

    def __repr__(self) -> str:
        width, height = self.base.size
        count = f"{len(self)} layer{'s' if len(self) != 1 else ''}"
        return f"<LayerStack {width} x {height}, {count}: {', '.join(self.names)}>"

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, which: int | str) -> Layer:
        return self.layers[self._index(which)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, the lowest first."""
        return tuple(layer.name for layer in self.layers)

    def adjust(
        self,
        which: int | str,
        *,
        opacity: float | None = None,
        visible: bool | None = None,
        blend_mode: str | None = None,
    ) -> Self:
        """Change one layer; what is left out stays.

        Parameters
        ----------
        which : int or str
            Number or name of the layer.
        opacity : float, optional
            0 to 1.
        visible : bool, optional
            Whether it takes part in the composite.
        blend_mode : str or BlendMode, optional
            In any spelling, e.g. ``"soft light"`` or ``"Soft Light (W3C)"``.

        Raises
        ------
        UnknownNameError
            No such layer or blend mode.
        ParameterError
            An opacity outside 0 to 1.
        """
        index = self._index(which)
        asked = {
            "opacity": opacity,
            "visible": visible,
            "blend_mode": None if blend_mode is None else BlendMode(blend_mode),
        }
        changes: dict[str, Any] = {
            name: value for name, value in asked.items() if value is not None
        }
        layers = list(self.layers)
        layers[index] = replace(layers[index], **changes)
        return replace(self, layers=tuple(layers))

    def solo(self, which: int | str) -> Self:
        """Show one layer alone on the photo."""
        index = self._index(which)
        alone = (replace(layer, visible=i == index) for i, layer in enumerate(self.layers))
        return replace(self, layers=tuple(alone))

    def reorder(self, order: Sequence[int | str]) -> Self:
        """Put the layers in another order, the lowest first; each must be named once.

        Raises
        ------
        ParameterError
            A layer is missing or named twice.
        """
        indices = [self._index(which) for which in order]
        if sorted(indices) != list(range(len(self))):
            raise ParameterError(
                "The new order must name each layer once.",
                advice=f"Layers: {', '.join(self.names)}.",
            )
        return replace(self, layers=tuple(self.layers[index] for index in indices))

    def preview(self, longest: int = 1280) -> Self:
        """Make a small copy of the stack, for looking at: same layers, fewer pixels.

        Photo and layers are averaged over whole blocks, so the longer side is `longest` or less.
        Its composite differs a little from the reduced composite, as it is blended after the
        averaging.
        """
        factor = -(-max(self.base.size) // longest)
        if factor == 1:
            return self
        base = Photo.open(self.base.to_pil().reduce(factor))
        with ThreadPoolExecutor(THREADS) as pool:
            layers = tuple(pool.map(lambda layer: layer.reduced(factor), self.layers))
        return replace(self, base=base, layers=layers)

    def studio(self) -> "Studio":
        """Open the layers in a live view: opacity, blend mode, order, and what they give while you drag.

        Returns
        -------
        Studio
            ``.stack`` and ``.composite()`` are what is chosen there, in full resolution, and ``.payload`` the cell that
            asks for it. A second call gives the same view again, until it is closed.
        """
        from retouch_nb.widgets.studio import studio  # loads ipywidgets and anywidget

        return studio(self)

    def to_numpy(self) -> Pixels:
        """Composite all visible layers: ``uint8`` (height, width, 3), or 4 if the photo has alpha.

        A photo's own alpha is kept and plays no part in the blending; the arithmetic is that of
        `retouch_nb.blend.composite`. Layers are decoded strip by strip and take a few megabytes
        each, however large the photo.
        """
        pixels = self.base.to_numpy()
        if pixels.shape[2] == 3:
            _composite_onto(pixels, self.layers)
            return pixels
        colour = np.ascontiguousarray(pixels[..., :3])
        _composite_onto(colour, self.layers)
        pixels[..., :3] = colour
        return pixels

    def composite(self) -> Photo:
        """Composite all visible layers into a photo, with the base's name and colour profile."""
        image = Image.fromarray(self.to_numpy())
        if self.base.icc_profile:
            image.info["icc_profile"] = self.base.icc_profile
        return replace(Photo.open(image), name=self.base.name)

    def save_psd(self, path: str | os.PathLike[str]) -> Path:
        """Write a Photoshop file; see `retouch_nb.layers.psd.save_psd`."""
        return save_psd(path, self.base, self.layers)

    def save_ora(self, path: str | os.PathLike[str]) -> Path:
        """Write an OpenRaster file; see `retouch_nb.layers.ora.save_ora`."""
        return save_ora(path, self.base, self.layers, self.to_numpy()[..., :3])

    def save_zip(self, path: str | os.PathLike[str]) -> Path:
        """Write a ZIP that `from_zip` reads, changes of mode, opacity and visibility included."""
        target = Path(path).expanduser()
        with replacing(target) as partial, zipfile.ZipFile(partial, "w") as stored:
            for name, data in self._files():
                stored.writestr(zipfile.ZipInfo(name), data)  # same layers, same bytes: no date
        return target

    def save_layers(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write each layer as the PNG it came as, and ``result.json``; give the paths."""
        target = Path(folder).expanduser()
        target.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, data in self._files():
            paths.append(target / name)
            paths[-1].write_bytes(data)
        return paths

    def _index(self, which: int | str) -> int:
        if isinstance(which, int):
            if not -len(self) <= which < len(self):
                raise IndexError(f"There is no layer {which}; there are {len(self)}.")
            return which % len(self)
        for index, name in enumerate(self.names):
            if letters(name) == letters(which):
                return index
        raise UnknownNameError.among(which, self.names, what="layer")

    def _files(self) -> Iterator[tuple[str, bytes]]:
        edits = {}
        for number, layer in enumerate(self.layers, 1):
            name = f"{number:02d}_{_file_name(layer)}.png"
            edits[name] = {"opacity": layer.opacity, "visible": layer.visible}
            yield name, layer.png.data
        result = {**self.metadata, "layers": edits}
        yield "result.json", json.dumps(result, indent=1).encode()


def _composite_onto(canvas: Pixels, layers: Sequence[Layer]) -> None:
    """Decode and blend strip by strip, so that only a strip of every layer is in memory at once."""
    shown = [layer for layer in layers if layer.is_composited]
    if not shown:
        return
    height, width = canvas.shape[:2]
    rows = max(1, STRIP_PIXELS // width)
    readers = [layer.sheets(rows) for layer in shown]
    with ThreadPoolExecutor(THREADS) as pool:
        for top in range(0, height, rows):
            sheets = list(pool.map(next, readers))
            strip = canvas[top : top + rows]
            lay_onto(strip, [sheet for sheet in sheets if sheet], work=width * height * len(shown))


def _file_name(layer: Layer) -> str:
    safe = re.sub(r"[^\w -]", "", layer.plugin or layer.name).strip()[:80]
    if layer.kind == "mask":
        return f"{safe}_blendmode=none"
    if layer.kind == "flow":
        return f"{safe}_blendmode=flow"
    mode = layer.blend_mode.camel if layer.blend_mode else "unknown"
    return f"{safe}_blendmode={mode}{'_patch' if layer.kind == 'patch' else ''}"
