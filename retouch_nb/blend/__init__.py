"""How a layer changes what lies below it: Photoshop's blend modes, and a tiled compositor.

The idea: in 8 bits a blend mode *is* a table of 256 x 256 results. Looking them up makes every
mode equally fast, the picture the same to the last bit however it is tiled or computed, and a
stack one that may be flattened at any height.
"""

from retouch_nb.blend.compositor import LARGE_JOB, THREADS, Sheet, composite, lay_onto
from retouch_nb.blend.modes import BlendMode, letters, soft_light_inverse

__all__ = [
    "LARGE_JOB",
    "THREADS",
    "BlendMode",
    "Sheet",
    "composite",
    "lay_onto",
    "letters",
    "soft_light_inverse",
]
