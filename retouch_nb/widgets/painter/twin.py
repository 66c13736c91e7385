"""What a notebook shows of a painter when there is no kernel: the photo with its mask, as static HTML.

It stands below the widget; the widget's style sheet hides it as long as the widget lives, and it hides what is left of
the widget when that does not.
"""

import base64
import io
import threading
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

from IPython.display import display
from PIL import Image

from retouch_nb.figure import FRAME, LONGEST, webp
from retouch_nb.widgets.painter.history import Step
from retouch_nb.widgets.painter.overlay import Look, overlay
from retouch_nb.widgets.ruin import hidden

DELAY = 1.0
"""Seconds of rest after which the picture is written anew."""

_STYLE = hidden("retouch-painter", "retouch-painted")


def twin(step: Step, words: str, look: Look) -> str:
    """Write the HTML, with the last result where there is one.

    Parameters
    ----------
    step : Step
    words : str
        How much is painted.
    look : Look
        Colours of the masks.
    """
    small = step.photo.thumbnail(LONGEST).convert("RGBA")
    masks = overlay(step.subject.soft(small.size), step.retain.soft(small.size), look)
    small.alpha_composite(Image.open(io.BytesIO(masks)).convert("RGBA"))
    source = base64.b64encode(webp(small.convert("RGB"), step.photo.icc_profile)).decode()
    width, height = step.photo.size
    scale = min(FRAME[0] / width, FRAME[1] / height, 1.0)
    shown = max(1, round(width * scale)), max(1, round(height * scale))
    result = step.rounds[-1]._repr_html_() if step.rounds else ""
    return (
        f'<div class="retouch-painted">{_STYLE}<figure style="margin:4px;max-width:{FRAME[0]}px">'
        f'<img src="data:image/webp;base64,{source}" width="{shown[0]}" height="{shown[1]}"'
        f' style="display:block;max-width:100%;height:auto"'
        f' alt="{escape(step.photo.name)} with its mask: {escape(words)}">'
        '<figcaption style="padding:8px 0 0;font-size:13px;line-height:1.6">'
        f"<b>Mask</b> {escape(step.photo.name)} &nbsp; {escape(words)}"
        "</figcaption></figure>"
        f"{result}</div>"
    )


class Twins:
    """The pictures below all displays of one painter, written anew when it rests.

    Parameters
    ----------
    state : callable
        Gives the step, its words and its look at this moment.
    """

    def __init__(self, state: Callable[[], tuple[Step, str, Look]]) -> None:
        self._state = state
        self._shown: list[Any] = []
        self._step: Step | None = None
        self._timer: threading.Timer | None = None

    def display(self) -> None:
        """Display one more."""
        self._shown.append(display(self._bundle(), raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def refresh(self) -> None:
        """Write them anew soon, if there is something new."""
        if not self._shown or self._state()[0] is self._step:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(DELAY, self.write)
        self._timer.daemon = True
        self._timer.start()

    def write(self) -> None:
        """Write them anew."""
        bundle = self._bundle()
        for shown in self._shown:
            shown.update(bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        step, words, look = self._state()
        self._step = step
        return {"text/html": twin(step, words, replace(look, alone=False)), "text/plain": ""}
