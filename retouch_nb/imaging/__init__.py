"""Pure functions on arrays: the image work of the embedded engine, with no service in sight.

Pictures are ``uint8`` arrays of shape (height, width, 3) in RGB order; masks are ``bool`` arrays of shape
(height, width), true where something is to happen. Nothing is changed in place, nothing is random.
"""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[float], None]
"""Called with the fraction done, 0 to 1; whatever it raises stops the work, which is how a task is cancelled."""


def ignore_progress(fraction: float, /) -> None:
    """Take a fraction and do nothing with it: for callers who do not watch."""
