"""What lies under the ink: an ipycanvas with the photo, the committed masks and guides, drawn by Python alone.

It shows a preview; nothing is ever read back from it.
"""

import io
import threading
from collections.abc import Sequence

import ipywidgets as widgets
from ipycanvas import MultiCanvas, hold_canvas

from retouch_nb.mask import Rectangle
from retouch_nb.photo import Photo

LONGEST = 1600
"""Longer side of the preview, in pixels."""

_PHOTO, _MASKS, _GUIDES = range(3)
_drawing = threading.Lock()
"""ipycanvas collects the commands of all canvases in one place, without a lock of its own."""


class Easel:
    """Three canvases on top of each other.

    Attributes
    ----------
    view : MultiCanvas
        What is displayed.
    photo : Photo
        What lies on it.
    """

    def __init__(self, photo: Photo) -> None:
        self.photo = photo
        self._photo = widgets.Image(format="jpeg")
        self._masks = widgets.Image(format="png")
        self._guides: Sequence[tuple[float, float, float, float]] = ()
        self.view = MultiCanvas(3, width=1, height=1)
        self.view.add_class("retouch-easel")
        self.view.on_client_ready(lambda *_: self.redraw())
        self.put(photo)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the preview."""
        return self.view.width, self.view.height

    def put(self, photo: Photo) -> None:
        """Take another photo; the masks are drawn anew by who knows them."""
        self.photo = photo
        small = photo.thumbnail(LONGEST).convert("RGB")
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=88)
        self._photo.value = buffer.getvalue()
        if self.size != small.size:
            self.view.width, self.view.height = small.size
        self._draw(_PHOTO)

    def show(self, masks: bytes, guides: Sequence[Rectangle], scale: float) -> None:
        """Show masks, a PNG as large as the preview, and rectangles given in pixels of the photo."""
        self._masks.value = masks
        self._guides = [
            (r.x * scale, r.y * scale, r.width * scale, r.height * scale) for r in guides
        ]
        self._draw(_MASKS, _GUIDES)

    def redraw(self) -> None:
        """Draw everything again, for a page that was reloaded."""
        self._draw(_PHOTO, _MASKS, _GUIDES)

    def _draw(self, *layers: int) -> None:
        """Draw layers in one message, which names its canvas first: a new page does not know the last one (ipycanvas #322)."""
        with _drawing, hold_canvas():
            self.view[0]._canvas_manager._current_canvas = None
            for layer in layers:
                canvas = self.view[layer]
                canvas.clear()
                self._paint(layer, canvas)

    def _paint(self, layer: int, canvas: object) -> None:
        if layer == _GUIDES:
            self._paint_guides(canvas)
        elif (image := self._photo if layer == _PHOTO else self._masks).value:
            canvas.draw_image(image, 0, 0, *self.size)  # type: ignore[attr-defined]

    def _paint_guides(self, canvas: object) -> None:
        for colour, dash in (("rgba(0,0,0,0.75)", []), ("white", [6, 5])):
            canvas.stroke_style = colour  # type: ignore[attr-defined]
            canvas.line_width = 1.5  # type: ignore[attr-defined]
            canvas.set_line_dash(dash)  # type: ignore[attr-defined]
            for guide in self._guides:
                canvas.stroke_rect(*guide)  # type: ignore[attr-defined]
