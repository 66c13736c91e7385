"""What was painted, step by step: every step is a value, so undo and redo have no end and no cost."""

from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

from retouch_nb.edit import Edit
from retouch_nb.photo import Photo
from retouch_nb.strokes import Strokes

Channel: TypeAlias = Literal["subject", "retain"]
CHANNELS: tuple[Channel, ...] = ("subject", "retain")


@dataclass(frozen=True)
class Step:
    """The whole state of a painter at one moment.

    Attributes
    ----------
    photo : Photo
        What is painted on.
    subject, retain : Strokes
        The two masks.
    rounds : tuple of Edit
        The operations that led from the first photo to this one.
    """

    photo: Photo
    subject: Strokes
    retain: Strokes
    rounds: tuple[Edit, ...] = ()

    @classmethod
    def blank(cls, photo: Photo, rounds: tuple[Edit, ...] = ()) -> Self:
        """Begin on a photo with nothing painted."""
        empty = Strokes(photo.size, photo=photo)
        return cls(photo, empty, empty, rounds)

    def strokes(self, channel: Channel) -> Strokes:
        """Give the strokes of a channel."""
        return self.retain if channel == "retain" else self.subject

    def painted(self, channel: Channel, strokes: Strokes) -> Self:
        """Give the same with other strokes in a channel."""
        if channel == "retain":
            return replace(self, retain=strokes)
        return replace(self, subject=strokes)


class History:
    """Steps that can be gone back and forth.

    Examples
    --------
    >>> history = History("blank")
    >>> history.do("one stroke"); history.do("two strokes"); history.undo()
    True
    >>> history.now, history.redo(), history.now
    ('one stroke', True, 'two strokes')
    """

    def __init__(self, first: Step) -> None:
        self._steps = [first]
        self._at = 0
        self._kind = ""

    @property
    def now(self) -> Step:
        """The step one is at."""
        return self._steps[self._at]

    @property
    def past(self) -> int:
        """How many steps can be undone."""
        return self._at

    @property
    def future(self) -> int:
        """How many steps can be redone."""
        return len(self._steps) - 1 - self._at

    def do(self, step: Step, *, kind: str = "") -> None:
        """Go on to a step; one of the same named kind as the last takes its place, as while a slider is drawn."""
        if not (kind and kind == self._kind):
            self._at += 1
        self._steps[self._at :] = [step]
        self._kind = kind

    def undo(self) -> bool:
        """Go one step back; False at the beginning."""
        return self._move(-1)

    def redo(self) -> bool:
        """Go one step forward again; False at the end."""
        return self._move(1)

    def _move(self, by: int) -> bool:
        self._kind = ""
        there = 0 <= self._at + by < len(self._steps)
        self._at += by if there else 0
        return there
