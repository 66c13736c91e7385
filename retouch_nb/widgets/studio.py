"""The layers of a result, live: visibility, opacity, blend mode and order, while the picture follows.

The browser blends a preview from Python's own blend tables, so that both give the same pixels. What is chosen there is
a few words; Python makes the stack of them, in full resolution, and the request that may give the same.
"""

import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from weakref import WeakValueDictionary

import anywidget
import numpy as np
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from PIL import Image

from retouch_nb.blend import BlendMode
from retouch_nb.errors import RetouchError
from retouch_nb.gallery import gallery
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.photo import Photo, Pixels
from retouch_nb.widgets.comm import unpin
from retouch_nb.widgets.estimate import cell_text
from retouch_nb.widgets.latest import Latest
from retouch_nb.widgets.module import STATIC, module
from retouch_nb.widgets.progress import ending
from retouch_nb.widgets.ruin import hidden

LONGEST: Final = 1200
"""The longer side of the preview is at most this: a megapixel is blended within a frame or two."""

_SHOWN_ONLY = {"mask": "selection, shown only", "flow": "displacement, shown only"}


class Studio(anywidget.AnyWidget):
    """A live view of a `LayerStack`; make one with ``edit.layers.studio()``.

    Attributes
    ----------
    given : dict
        What `chosen` is at first, and again after a reset.
    chosen : dict
        ``layers``: a list, the lowest first, of ``at`` (number in the stack given), ``visible``, ``opacity`` and
        ``blend_mode`` (empty where it is not known); ``solo``: a number, or None. What makes no sense is refused.
    payload : str
        The cell that asks for what was chosen.
    trouble : str
        Why the last choice of the browser was refused; empty when it was not.

    Examples
    --------
    >>> from retouch_nb.layers import Png
    >>> photo = Photo.open(np.full((2, 2, 3), 100, np.uint8))
    >>> light = Png.of(np.full((2, 2, 4), 255, np.uint8))
    >>> screen = Layer(name="Dodge Burn", png=light, canvas=(2, 2), blend_mode=BlendMode.SCREEN)
    >>> studio = LayerStack(photo, (screen,)).studio()
    >>> studio.adjust(0, opacity=0.5)
    >>> int(studio.composite().to_numpy().max()), studio.stack[0].opacity
    (178, 0.5)
    >>> studio.close()
    """

    _esm = module("gone.js", "studio.js")
    _css = STATIC / "studio.css"

    base = traitlets.Dict().tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    modes = traitlets.Dict().tag(sync=True)
    given = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    payload = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, stack: LayerStack) -> None:
        self._given = stack
        self._sound = _as_given(stack)  # traitlets shows a bundle of news before it is validated
        self._lock = threading.RLock()
        self._whole: tuple[Any, Photo] | None = None
        self._rendering = Latest(self._render)
        self._views: list[Any] = []
        self._twins: list[Any] = []
        small = stack.preview(LONGEST)
        super().__init__(
            base={"pixels": _packed(_rgba(small.base)), "size": list(small.base.size)},
            layers=[_facts(layer, little) for layer, little in zip(stack, small, strict=True)],
            modes={"names": [*BlendMode], "tables": _tables()},
            given=self._sound,
            chosen=self._sound,
        )
        self.payload = cell_text(stack, self.stack)
        self.on_msg(self._hear)
        unpin(self)

    def __repr__(self) -> str:
        return f"<Studio of {self.stack!r}>"

    @property
    def stack(self) -> LayerStack:
        """The stack as it is chosen now, in full resolution."""
        with self._lock:
            return _stack_of(self._given, self._sound)

    def composite(self) -> Photo:
        """Composite what is chosen in full resolution; what the view has shown so already is at hand."""
        with self._lock:
            chosen, whole = self._sound, self._whole
        if whole is None or whole[0] != chosen:
            whole = chosen, _stack_of(self._given, chosen).composite()
            with self._lock:
                self._whole = whole
        return whole[1]

    def adjust(
        self,
        which: int | str,
        *,
        opacity: float | None = None,
        visible: bool | None = None,
        blend_mode: str | None = None,
    ) -> None:
        """Change one layer from Python, as `LayerStack.adjust` does; the view follows."""
        at = self._given.names.index(self._given[which].name)
        mode = None if blend_mode is None else BlendMode(blend_mode)
        asked = {"opacity": opacity, "visible": visible, "blend_mode": mode}
        news = {name: value for name, value in asked.items() if value is not None}
        with self._lock:
            layers = [{**one, **news} if one["at"] == at else one for one in self._sound["layers"]]
            self.chosen = _checked({**self._sound, "layers": layers}, self._given)

    def insert_cell(self) -> None:
        """Put the cell that asks for what was chosen below this one; elsewhere than in a notebook, print it."""
        shell = get_ipython()
        if shell is None:
            print(self.payload)  # noqa: T201 (what else is there)
        else:
            shell.set_next_input(self.payload)

    def close(self) -> None:
        """End the view: a static gallery of what was chosen takes its place."""
        for view in filter(None, self._views):  # None where there was no shell to show it
            view.update(ending(None, ""), raw=True)
        for twin in filter(None, self._twins):
            twin.update(ending(gallery(self.stack), repr(self.stack)), raw=True)
        self._views, self._twins = [], []
        _open.pop(id(self._given), None)
        super().close()

    @traitlets.validate("chosen")
    def _sensible(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what was chosen before when a browser, or a hand, says something else than a choice."""
        try:
            wanted = _checked(proposal["value"], self._given)
        except (RetouchError, LookupError, TypeError, ValueError) as error:
            self.trouble = f"A choice was refused, the one before stays: {error}"
            return self._sound
        self.trouble = ""
        self._sound = wanted
        return wanted

    @traitlets.observe("chosen")
    def _chose(self, change: object) -> None:
        with self._lock:
            self.payload = cell_text(self._given, self.stack)

    def _hear(self, widget: object, content: object, buffers: object) -> None:
        """Answer the wish for full resolution; whatever else a browser may send changes nothing."""
        if content == {"kind": "render"}:
            self._rendering.ask()

    def _render(self) -> None:
        """Composite in full resolution, and show it at the size of the preview; errors are said in the view."""
        began, chosen = time.perf_counter(), self._sound
        try:
            whole = self.composite()
            image = whole.to_pil().convert("RGBA")
        except Exception as error:  # else it would vanish in a thread
            self.trouble = f"Full resolution failed: {error}"
            return
        small = np.asarray(image.resize(self.base["size"], Image.Resampling.BOX))
        seconds = time.perf_counter() - began
        news = {"kind": "rendered", "of": chosen, "size": whole.size, "seconds": seconds}
        with self._lock:
            if self.comm is not None:
                self.send(news, buffers=[_packed(small)])

    def _ipython_display_(self) -> None:
        """Show the view, and below it what is left of it without a kernel; a living view hides that."""
        self.show()
        twin = ending(_twin(self.stack), repr(self.stack))
        self._twins.append(display(twin, raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def show(self) -> None:
        """Show the view alone, where a gallery of the layers stands anyway."""
        bundle = self._repr_mimebundle_()
        shown = bundle[0] if isinstance(bundle, tuple) else bundle  # with or without metadata
        self._views.append(display(shown, raw=True, display_id=True))  # type: ignore[no-untyped-call]


_open: WeakValueDictionary[int, Studio] = WeakValueDictionary()


def studio(stack: LayerStack) -> Studio:
    """Give the studio of a stack: the one that is open, else a new one."""
    found = _open.get(id(stack))
    if found is None or found.comm is None:
        found = _open[id(stack)] = Studio(stack)
    return found


def _packed(pixels: Pixels) -> bytes:
    """Deflate pixels: what a browser undoes exactly, unlike a picture with alpha."""
    return zlib.compress(pixels.tobytes(), 1)


def _rgba(photo: Photo) -> Pixels:
    return np.asarray(photo.to_pil().convert("RGBA"))


def _tables() -> bytes:
    return zlib.compress(b"".join(mode.table.tobytes() for mode in BlendMode), 1)


def _facts(layer: Layer, little: Layer) -> dict[str, Any]:
    """Tell the browser what a layer is, and its inked pixels on the preview."""
    shown_only = _SHOWN_ONLY.get(layer.kind) or (
        "" if layer.placement else "place unknown, shown only"
    )
    piece = None if shown_only else little.cut_out()
    pixels = piece.pixels if piece else np.zeros((0, 0, 4), np.uint8)
    thumbnail = Image.fromarray(piece.pixels) if piece else little.to_pil().convert("RGBA")
    thumbnail.thumbnail((96, 96))
    return {
        "name": layer.name,
        "note": shown_only,
        "thumbnail": _packed(np.asarray(thumbnail)),
        "small": list(thumbnail.size),
        "pixels": _packed(pixels),
        "box": [*(piece.offset if piece else (0, 0)), pixels.shape[1], pixels.shape[0]],
    }


def _as_given(stack: LayerStack) -> dict[str, Any]:
    layers = [
        {
            "at": at,
            "visible": layer.visible,
            "opacity": layer.opacity,
            "blend_mode": layer.blend_mode or "",
        }
        for at, layer in enumerate(stack)
    ]
    return {"layers": layers, "solo": None}


def _checked(wanted: Mapping[str, Any], stack: LayerStack) -> dict[str, Any]:
    """Give a choice in its plain form; raises when it is none."""
    layers = [
        {
            "at": int(one["at"]),
            "visible": bool(one["visible"]),
            "opacity": float(one["opacity"]),
            "blend_mode": BlendMode(one["blend_mode"]) if one["blend_mode"] else "",
        }
        for one in wanted["layers"]
    ]
    solo = wanted.get("solo")
    plain = {"layers": layers, "solo": None if solo is None else int(solo)}
    if solo is not None and solo not in range(len(stack)):
        raise ValueError(f"there is no layer {solo}")
    _stack_of(stack, plain)
    return plain


def _stack_of(stack: LayerStack, chosen: Mapping[str, Any]) -> LayerStack:
    ordered = stack.reorder([one["at"] for one in chosen["layers"]])
    layers = tuple(
        replace(
            layer,
            visible=one["visible"] if chosen["solo"] is None else one["at"] == chosen["solo"],
            opacity=one["opacity"],
            blend_mode=BlendMode(one["blend_mode"]) if one["blend_mode"] else None,
        )
        for layer, one in zip(ordered, chosen["layers"], strict=True)
    )
    return replace(ordered, layers=layers)


def _twin(stack: LayerStack) -> str:
    style = hidden("retouch-studio", "retouch-studio-twin")
    return f'<div class="retouch-studio-twin">{style}{gallery(stack)}</div>'
