"""What an operation gives back: the photo before, the photo after, and the receipt."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from retouch_nb import figure
from retouch_nb.drift import Drift
from retouch_nb.gallery import gallery
from retouch_nb.layers import LayerStack
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, Pixels
from retouch_nb.receipt import Receipt


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
    """

    before: Photo | None
    after: Photo
    receipt: Receipt
    layers: LayerStack | None = None
    mask: Mask | None = None
    longest: int = field(default=1280)
    drift: Drift | None = None

    def __photo__(self) -> Photo:
        return self.after

    def __repr__(self) -> str:
        return figure.text(self._caption())

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

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result; byte for byte as it came when the ending fits its format.

        Raises
        ------
        PictureError
            The ending is no picture format.
        """
        return self.after.save(path)

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained page with the slider, which works with no kernel and no network."""
        target = Path(path).expanduser()
        target.write_text(figure.page(self._caption().title, self._repr_html_()), "utf-8")
        return target

    def _caption(self) -> figure.Caption:
        return figure.Caption.of(self.receipt, self.before, self.after)

    def _repr_html_(self) -> str:
        shown = figure.figure(self.before, self.after, self._caption(), longest=self.longest)
        return shown + (gallery(self.layers) if self.layers else "")
