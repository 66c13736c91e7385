"""The layers of a retouched photo: read from a service's ZIP, composited, changed, exported.

The idea: layers stay encoded and are decoded strip by strip, so a stack costs what its files cost.
"""

from retouch_nb.blend import BlendMode
from retouch_nb.layers.layer import Layer
from retouch_nb.layers.pngrows import Png
from retouch_nb.layers.stack import LayerStack

__all__ = ["BlendMode", "Layer", "LayerStack", "Png"]
