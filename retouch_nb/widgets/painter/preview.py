"""The mask at preview size while it grows: a further mark is drawn on what is there, anything else from the beginning."""

import numpy as np

from retouch_nb.imaging import shape
from retouch_nb.marks import Board, Grey, Mark
from retouch_nb.photo import Photo
from retouch_nb.strokes import Strokes


class Preview:
    """One channel's mask, drawn small.

    Attributes
    ----------
    coverage : float
        Fraction of the picture that is white, as of the last drawing.
    """

    def __init__(self) -> None:
        self.coverage = 0.0
        self._board: Board | None = None
        self._photo: Photo | None = None
        self._marks: tuple[Mark, ...] = ()

    def soft(self, strokes: Strokes, size: tuple[int, int]) -> Grey:
        """Draw strokes at a size, with soft edges: 0 to 255."""
        board = self._drawn(strokes, size)
        flags = strokes.finished(board.pixels, board.scale)
        grey = shape.soft(flags, strokes.feather * board.scale)
        self.coverage = float(np.count_nonzero(grey >= 128)) / grey.size
        return grey

    def _drawn(self, strokes: Strokes, size: tuple[int, int]) -> Board:
        marks, board = tuple(strokes.marks), self._board
        done = len(self._marks)
        fits = board is not None and board.size == size and self._photo is strokes.photo
        if board is None or not fits or marks[:done] != self._marks:
            board, done = strokes.board(size), 0
        self._board = None  # a mark that fails leaves it half drawn
        for mark in marks[done:]:
            board.put(mark)
        self._board, self._photo, self._marks = board, strokes.photo, marks
        return board
