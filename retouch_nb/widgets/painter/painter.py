"""The painter as the notebook's user holds it: a widget, a mask, and a list of strokes.

Messages arrive on a subshell's thread, results on a background thread, calls on the main one: one lock, and every change
is a new step of the history, shown and only then kept.
"""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import ipywidgets as widgets
from IPython.display import display
from PIL import Image

from retouch_nb import session as sessions
from retouch_nb.contract import Operation
from retouch_nb.edit import Edit
from retouch_nb.errors import ParameterError, PictureError, RetouchError
from retouch_nb.job import Job
from retouch_nb.marks import Box, Flood, Invert, Mark, Pick, Stamp
from retouch_nb.mask import Mask, MaskLike, Rectangle
from retouch_nb.photo import Photo, PhotoLike
from retouch_nb.providers.picwish import Inpaint, RetouchObject
from retouch_nb.session import Session
from retouch_nb.strokes import Strokes
from retouch_nb.widgets.painter.easel import Easel
from retouch_nb.widgets.painter.history import CHANNELS, Channel, History, Step
from retouch_nb.widgets.painter.ink import Ink, mark_of
from retouch_nb.widgets.painter.overlay import Look, overlay
from retouch_nb.widgets.painter.preview import Preview
from retouch_nb.widgets.painter.rounds import Watch
from retouch_nb.widgets.painter.twin import Twins


class MaskPainter(widgets.GridBox):  # type: ignore[misc]
    """Paint a mask on a photo, in a cell.

    A painter can be passed wherever a mask is expected. Tools and keys are told by its buttons; everything can be
    done with mouse, pen, fingers or keyboard. *Remove* in the widget removes what is painted and goes on with the result.

    Parameters
    ----------
    photo : photo
        What is painted on, in any form `Photo.open` takes.
    strokes : Strokes or mask, keyword-only, optional
        Begin with these.
    retain : bool, Strokes or mask, keyword-only, optional
        Show a second channel, for what `retouch_object` is to leave alone; also what it begins with.
    session : Session, keyword-only, optional
        Who runs what the buttons ask for; the process's own when left out.

    Raises
    ------
    PictureError
        The photo cannot be read; strokes of a photo of another shape.

    Notes
    -----
    `strokes` prints as code, which draws the same mask anywhere: ``MaskPainter(photo, strokes=...)`` goes on from there.
    Other forms come in by `load` and go out of `mask`: ``mask.save("m.png")``, ``mask.to_numpy()``,
    ``mask.rectangles()``, ``mask.to_polygons()``, ``mask.to_rle()`` for COCO, ``mask.cut_out(photo)`` as alpha channel;
    soft edges are in ``strokes.soft()``.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> painter = MaskPainter(np.zeros((40, 60, 3), np.uint8))
    >>> painter.add(rn.Box(10, 10, 20, 20))
    >>> painter
    <MaskPainter photo 60 x 40, 16.7 % subject>
    >>> rn.Mask.open(painter, (60, 40)).coverage == painter.mask.coverage
    True
    >>> painter.undo(); painter.mask.coverage
    0.0
    """

    def __init__(
        self,
        photo: PhotoLike,
        *,
        strokes: "Strokes | MaskLike | None" = None,
        retain: "bool | Strokes | MaskLike" = False,
        session: Session | None = None,
    ) -> None:
        opened = Photo.open(photo)
        self._session = session
        self._lock = threading.RLock()
        self._look = Look()
        self._two = retain is not False
        self._trouble = self._where = ""
        self._watch: Watch | None = None
        self._rectangles: tuple[Rectangle, ...] | None = None
        self._areas: dict[Channel, float] = dict.fromkeys(CHANNELS, 0.0)
        self._twins = Twins(lambda: (self._history.now, self._words(), self._look))
        self._previews: dict[Channel, Preview] = {channel: Preview() for channel in CHANNELS}
        self._history = History(_begun(opened, strokes, retain))
        self._easel = Easel(opened)
        self._figure = widgets.HTML()
        self._ink = Ink(self._hear, **self._measures())
        super().__init__([self._easel.view, self._ink, self._figure])
        self.add_class("retouch-painter")
        self._show_again()

    @property
    def photo(self) -> Photo:
        """What is painted on now: the first photo, or the result of the last round."""
        return self._history.now.photo

    @property
    def strokes(self) -> Strokes:
        """What is painted, as a list that prints as code; setting it is a step that can be undone."""
        return self._history.now.subject

    @strokes.setter
    def strokes(self, strokes: "Strokes | MaskLike") -> None:
        self.load(strokes)

    @property
    def retain(self) -> Strokes:
        """The second channel: what `retouch_object` leaves alone. Can be passed as its ``retain_mask``."""
        return self._history.now.retain

    @retain.setter
    def retain(self, strokes: "Strokes | MaskLike") -> None:
        self.load(strokes, channel="retain")

    @property
    def mask(self) -> Mask:
        """The mask at the photo's own size."""
        return self.strokes.mask()

    @property
    def rounds(self) -> tuple[Edit, ...]:
        """The results so far, in their order."""
        return self._history.now.rounds

    @property
    def rectangles(self) -> tuple[Rectangle, ...] | None:
        """The mask as at most 50 rectangles, where that is exact; else None."""
        return self._rectangles

    def __mask__(self, size: tuple[int, int]) -> Mask:
        return self.strokes.mask(size)

    def __mask_on__(self, photo: Photo) -> Mask:
        return self.strokes.mask(photo=photo)

    def __repr__(self) -> str:
        width, height = self.photo.size
        return f"<MaskPainter {self.photo.name} {width} x {height}, {self._words()}>"

    def add(self, mark: Mark, *, channel: Channel = "subject") -> None:
        """Paint one more mark.

        Raises
        ------
        PictureError
            A mark that selects by colour finds nothing; everything stays as it was.
        """
        with self._lock:
            if isinstance(mark, Flood | Pick):
                _check_found(mark, self.photo)
            self._change(channel, lambda s: replace(s, marks=(*s.marks, mark)))

    def load(
        self, source: "Strokes | MaskLike | Sequence[Any]", *, channel: Channel = "subject"
    ) -> None:
        """Take over a mask: strokes, a picture, an array, COCO's mapping, boxes; what was painted can be had back by undo.

        Raises
        ------
        PictureError
            It is none, or of another size than the photo.
        """
        with self._lock:
            taken = _strokes_of(source, self.photo)
            self._change(channel, lambda _: taken)

    def refine(
        self,
        *,
        grow: float | None = None,
        feather: float | None = None,
        fill_holes: bool | None = None,
        channel: Channel = "subject",
    ) -> None:
        """Grow, soften or fill the whole mask; stays adjustable, whatever is painted later.

        Parameters
        ----------
        grow : float, keyword-only, optional
            Pixels outwards; inwards when negative.
        feather : float, keyword-only, optional
            Pixels of soft edge.
        fill_holes : bool, keyword-only, optional
        channel : {"subject", "retain"}, keyword-only
        """
        given = {"grow": grow, "feather": feather, "fill_holes": fill_holes}
        wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        with self._lock:
            self._change(channel, lambda s: replace(s, **wanted), kind=f"{channel}-{[*wanted]}")

    def invert(self, *, channel: Channel = "subject") -> None:
        """Swap white and black; what is painted later is painted on that."""
        self.add(Invert(), channel=channel)

    def clear(self, *, channel: Channel = "subject") -> None:
        """Begin anew; undo brings everything back."""
        with self._lock:
            self._change(channel, lambda s: Strokes(s.size, photo=s.photo))

    def undo(self) -> None:
        """Take back the last step; also a whole round."""
        with self._lock:
            if self._history.undo():
                self._show_again()

    def redo(self) -> None:
        """Do again what was taken back."""
        with self._lock:
            if self._history.redo():
                self._show_again()

    def operation(self, name: str = "inpaint") -> Operation:
        """Make the checked request for ``"inpaint"`` or ``"retouch_object"``; rectangles where they say the same.

        Raises
        ------
        ParameterError, PictureError
            The mask is empty, covers too much, or the photo is beyond the service's limits.
        """
        step = self._history.now
        if not self._painted("subject"):
            raise PictureError(
                "Nothing is painted yet.", advice="Nothing was sent. Paint over what is meant."
            )
        if name == "retouch_object":
            kept = _mask(step, "retain") if self._painted("retain") else None
            return RetouchObject(step.photo, _mask(step, "subject"), retain_mask=kept)
        if name != "inpaint":
            raise ParameterError(f"A painter does not run {name!r}.", advice="Nothing was sent.")
        return Inpaint(step.photo, _mask(step, "subject"))

    def run(self, name: str = "inpaint") -> Job:
        """Start what the buttons start, without waiting; the result becomes the photo of the next round.

        Raises
        ------
        ParameterError, PictureError
            As `operation`.
        """
        with self._lock:
            if self._watch is not None:
                raise ParameterError(
                    "A round is still running.", advice="Wait for it, or cancel it."
                )
            job = (self._session or sessions.current()).submit(self.operation(name))
            self._watch = Watch(job, self._history.now, tell=self._tell, over=self._over)
            self._trouble = ""
        self._watch.start()
        return job

    def _over(self, watch: Watch) -> None:
        """Go on with the result; what was painted meanwhile is kept."""
        with self._lock:
            self._watch = None
            if watch.edit is None:
                self._trouble = watch.trouble
                self._tell()
            else:
                self._finish_round(watch.step, watch.edit)

    def _finish_round(self, asked: Step, edit: Edit) -> None:
        now = self._history.now
        after = Step.blank(edit.after, (*asked.rounds, edit))
        if now.photo is asked.photo and edit.after.size == asked.photo.size:
            for channel in CHANNELS:
                later = _since(asked.strokes(channel), now.strokes(channel))
                after = after.painted(channel, replace(after.subject, marks=later))
        self._keep(after)

    def _painted(self, channel: Channel) -> bool:
        return self._history.now.strokes(channel).mask().coverage > 0

    def _change(
        self, channel: Channel, change: Callable[[Strokes], Strokes], *, kind: str = ""
    ) -> None:
        now = self._history.now
        self._keep(now.painted(channel, change(now.strokes(channel))), kind=kind)

    def _keep(self, step: Step, *, kind: str = "") -> None:
        """Show a step, and keep it if it can be shown."""
        self._show(step)
        self._history.do(step, kind=kind)
        self._tell()

    def _show_again(self) -> None:
        self._show(self._history.now)
        self._tell()

    def _show(self, step: Step) -> None:
        if step.photo is not self._easel.photo:
            self._easel.put(step.photo)
            self._ink.tell(**self._measures(step.photo))
            self._figure.value = step.rounds[-1]._repr_html_() if step.rounds else ""
        size, scale = self._easel.size, self._easel.size[0] / step.photo.size[0]
        subject, retain = (self._previews[c].soft(step.strokes(c), size) for c in CHANNELS)
        self._rectangles = _rectangles(step.subject)
        self._areas = {c: self._area(c, step.strokes(c)) for c in CHANNELS}
        masks = overlay(subject, retain, self._look)
        self._easel.show(masks, self._rectangles or (), scale)

    def _area(self, channel: Channel, strokes: Strokes) -> float:
        """Give the share of the photo that is painted: of the preview, but of the photo where a per cent decides."""
        share = self._previews[channel].coverage
        return strokes.mask().coverage if abs(share - 0.5) < 0.01 else share

    def _tell(self) -> None:
        """Publish what is known, and soon the picture for a time without kernel."""
        with self._lock:
            self._ink.tell(status=self._status())
        self._twins.refresh()

    def _status(self) -> dict[str, Any]:
        step = self._history.now
        boxes = self._rectangles
        return {
            "areas": {c: round(100 * self._areas[c], 4) for c in CHANNELS},
            "rectangles": None if boxes is None else len(boxes),
            "channels": 2 if self._two else 1,
            "refine": {c: _refinement(step.strokes(c)) for c in CHANNELS},
            "look": asdict(self._look),
            "undo": self._history.past,
            "redo": self._history.future,
            "round": len(step.rounds),
            "where": self._where,
            "trouble": self._trouble,
            "job": self._watch.news if self._watch else None,
        }

    def _measures(self, photo: Photo | None = None) -> dict[str, Any]:
        photo = photo or self.photo
        return {"title": photo.name, "sizes": [*photo.size, *self._easel.size]}

    def _hear(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Do what a message of the browser asks for; what cannot be done is said in the widget."""
        with self._lock:
            self._trouble = ""
            try:
                self._obey(content, buffers)
            except RetouchError as error:
                self._trouble = " ".join(filter(None, [error.what, error.advice]))
            except Exception as error:  # else it would vanish in the kernel's log
                self._trouble = f"The browser sent something that makes no sense ({error}); everything painted is kept."
            finally:  # also when somebody interrupts
                if self._trouble:
                    self._tell()
                if isinstance(content, Mapping) and "id" in content:
                    self._ink.answer({"kind": "drawn", "id": content["id"]})

    def _obey(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        channel = content.get("channel", "subject")
        if channel not in CHANNELS:
            raise ValueError(f"channel {channel!r}")
        match content["kind"]:
            case "stroke":
                self.add(mark_of(content, buffers), channel=channel)
            case "refine":
                self.refine(channel=channel, **_refinements(content))
            case "tolerance":
                self._retune(float(content["tolerance"]), channel)
            case "look":
                self._restyle(content)
            case "undo" | "redo" as move:
                (self.undo if move == "undo" else self.redo)()
            case "clear" | "invert" as act:
                (self.clear if act == "clear" else self.invert)(channel=channel)
            case "load":
                self.load(bytes(buffers[0]), channel=channel)
            case "save":
                self._send_mask(channel)
            case "run":
                self.run(content.get("operation", "inpaint"))
            case "cancel":
                if self._watch:
                    self._watch.job.cancel()
            case "ready":
                self._easel.redraw()
                self._tell()
                self._where = self._asked_where()
                self._tell()
            case kind:
                raise ValueError(f"kind {kind!r}")

    def _retune(self, tolerance: float, channel: Channel) -> None:
        """Change the tolerance of a flood that was just made."""
        marks = self._history.now.strokes(channel).marks
        if marks and isinstance(marks[-1], Flood):
            again = replace(marks[-1], tolerance=min(max(tolerance, 1), 255))
            self._change(
                channel,
                lambda s: replace(s, marks=(*marks[:-1], again)),
                kind=f"flood-{len(marks)}",
            )

    def _send_mask(self, channel: Channel) -> None:
        buffer = io.BytesIO()
        Image.fromarray(self._history.now.strokes(channel).soft()).save(buffer, "PNG")
        self._ink.answer(
            {"kind": "file", "name": f"{self.photo.name}-{channel}.png"}, buffer.getvalue()
        )

    def _restyle(self, content: Mapping[str, Any]) -> None:
        known = asdict(self._look)
        changes = {name: content[name] for name in known if name in content}
        self._look = replace(self._look, **changes)
        self._show_again()

    def _asked_where(self) -> str:
        """Say who will do the work and for how much, before a button is pressed."""
        route = (self._session or sessions.current()).route(Inpaint)
        if route.free:
            return f"{route.maker} · free"
        try:
            price = str(Inpaint(self.photo, rectangles=(Rectangle(0, 0, 1, 1),)).price())
        except RetouchError:
            price = "not for this photo"
        return f"{route.maker} · {price}"

    def _words(self) -> str:
        shown = CHANNELS if self._two else CHANNELS[:1]
        return ", ".join(f"{100 * self._areas[c]:.1f} % {c}" for c in shown)

    def _ipython_display_(self) -> None:
        """Display the widget, and below it the picture that stays when no kernel is there."""
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        self._twins.display()


def _begun(photo: Photo, strokes: Any, retain: Any) -> Step:
    step = Step.blank(photo)
    if strokes is not None:
        step = step.painted("subject", _strokes_of(strokes, photo))
    if not isinstance(retain, bool):
        step = step.painted("retain", _strokes_of(retain, photo))
    return step


def _strokes_of(source: Any, photo: Photo) -> Strokes:
    """Make strokes for a photo of whatever is a mask."""
    if isinstance(source, MaskPainter):
        source = source.strokes
    if isinstance(source, Strokes):
        source.board(photo.size)
        if source.size == photo.size:
            return source.on(photo)
    if (
        isinstance(source, list | tuple)
        and source
        and all(isinstance(r, Rectangle) for r in source)
    ):
        return Strokes(photo.size, [Box(*r) for r in source], photo=photo)
    return Strokes(photo.size, [Stamp.of(Mask.open(source, photo.size, photo=photo))], photo=photo)


def _mask(step: Step, channel: Channel) -> Mask:
    """Draw a channel as an operation does, which keeps the code of the strokes with it."""
    return Mask.open(step.strokes(channel), step.photo.size, photo=step.photo)


def _check_found(mark: Flood | Pick, photo: Photo) -> None:
    """Refuse to keep a pointing at nothing."""
    alone = Strokes(photo.size, [replace(mark, erase=False)], photo=photo)
    if not alone.mask().pixels.any():
        raise PictureError(
            "Nothing was found there.",
            advice="Point inside the photo, with a larger reach or tolerance, or draw a box around the object.",
        )


def _since(asked: Strokes, now: Strokes) -> tuple[Mark, ...]:
    count = len(asked.marks)
    return tuple(now.marks[count:]) if now.marks[:count] == asked.marks else ()


def _rectangles(strokes: Strokes) -> tuple[Rectangle, ...] | None:
    """Look for rectangles only where marks can have left some: a brush never does."""
    return strokes.mask().rectangles() if strokes.straight else None


def _refinement(strokes: Strokes) -> dict[str, Any]:
    return {name: getattr(strokes, name) for name in ("grow", "feather", "fill_holes")}


def _refinements(content: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings a message changes, within what can be meant."""
    bounds = {"grow": (-500.0, 500.0), "feather": (0.0, 500.0)}
    read: dict[str, Any] = {
        name: min(max(float(content[name]), low), high)
        for name, (low, high) in bounds.items()
        if name in content
    }
    if "fill_holes" in content:
        read["fill_holes"] = bool(content["fill_holes"])
    return read
