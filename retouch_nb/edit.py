"""What an operation gives back: the photo before, the photo after, and the receipt."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from retouch_nb import figure
from retouch_nb.contract import Operation
from retouch_nb.drift import Drift
from retouch_nb.explanation import Explanation
from retouch_nb.files import write_whole
from retouch_nb.gallery import gallery
from retouch_nb.layers import LayerStack
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels
from retouch_nb.provenance import Record, carries, inscribed, side_car, with_pixels
from retouch_nb.receipt import Receipt
from retouch_nb.recreation import page_section


@dataclass(frozen=True, eq=False, repr=False)
class Edit:
    """The result of one operation; shows itself as before and after in a notebook.

    An edit can be passed wherever a photo is expected: its `after` is used.

    Attributes
    ----------
    before : Photo or None
        None when the photo was given by its address.
    after : Photo
        The result in full resolution.
    receipt : Receipt
        Who made it, how, for how much, how long.
    layers : LayerStack or None
        The layers of a layered result.
    mask : Mask or None
        Where the photo was to be changed.
    drift : Drift or None
        How far the result, as it came, is from the photo where it should be the same.
    request : Operation or None
        What was asked for; None for a job that was taken up again.
    restored : bool
        The original was put back outside the mask.
    explanation : Explanation or None
        How it was made, where that was asked for.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> edit = rn.enhance(np.full((40, 60, 3), 120, np.uint8), scale_factor=2, provider="local")
    >>> edit.before.size, edit.after.size, edit.receipt.maker
    ((60, 40), (120, 80), 'embedded engine')
    >>> rn.enhance(edit, scale_factor=2, provider="local").to_numpy().shape
    (160, 240, 3)
    """

    before: Photo | None
    after: Photo
    receipt: Receipt
    layers: LayerStack | None = None
    mask: Mask | None = None
    longest: int = figure.LONGEST
    drift: Drift | None = None
    request: Operation | None = None
    restored: bool = False
    explanation: Explanation | None = None

    def __photo__(self) -> Photo:
        return self.after

    def __repr__(self) -> str:
        shown = figure.text(self._caption())
        return f"{shown}\n{self.explanation!r}" if self.explanation else shown

    @property
    def task_id(self) -> str:
        """Id of the task at the service, for its support."""
        return self.receipt.task_id

    def to_numpy(self) -> Pixels:
        """Give the result as ``uint8`` of shape (height, width, 3) in RGB order, or (height, width, 4)."""
        return self.after.to_numpy()

    def to_pil(self) -> Image.Image:
        """Give the result as a Pillow image in mode RGB or RGBA."""
        return self.after.to_pil()

    @property
    def record(self) -> Record:
        """How it was made: what `save` keeps with the picture."""
        return Record.of(self.receipt, self.request, restored=self.restored)

    def save(
        self, path: str | os.PathLike[str], *, provenance: bool | Literal["beside"] = True
    ) -> Path:
        """Write the result, pixel for pixel as it came when the ending fits its format, with how it was made.

        Parameters
        ----------
        path : path
        provenance : bool or "beside", keyword-only
            True puts the record of the making into JPEG, PNG and WebP (as XMP) and beside any other file, as
            ``NAME.json``; "beside" always puts it there and leaves the bytes as they came; False keeps none. It
            holds operation, parameters, strokes, maker, task id, cost and versions; never a key or a path.

        Raises
        ------
        PictureError
            The ending is no picture format.

        See Also
        --------
        retouch_nb.recreate, retouch_nb.verify
        """
        target = Path(path).expanduser()
        data = self.after.as_format(target)
        if provenance is True and carries(data):
            return write_whole(target, inscribed(data, self.record))
        if provenance:
            write_whole(side_car(target), with_pixels(self.record, data).to_json().encode())
        return write_whole(target, data)

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained page with slider, receipt and how to make it again; no kernel or network needed."""
        target = Path(path).expanduser()
        body = self._repr_html_() + page_section(self.record)
        return write_whole(target, figure.page(self._caption().head, body).encode())

    def _caption(self) -> figure.Caption:
        return figure.Caption.of(self.receipt, self.before, self.after)

    def _repr_html_(self) -> str:
        shown = figure.figure(self.before, self.after, self._caption(), longest=self.longest)
        layers = "" if self.layers is None else gallery(self.layers)
        return shown + layers + (self.explanation._repr_html_() if self.explanation else "")
