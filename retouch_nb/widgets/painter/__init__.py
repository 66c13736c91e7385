"""The mask painter: ink at pointer rate in the browser, the truth in Python's list of strokes."""

from retouch_nb.widgets.painter.painter import MaskPainter

__all__ = ["MaskPainter"]
