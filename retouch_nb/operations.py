"""The operations as functions, each made of its class; ``operations.pyi`` beside this tells editors what they take."""

from retouch_nb.functions import function
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch

inpaint = function(Inpaint)
enhance = function(Enhance)
retouch_object = function(RetouchObject)
match_style = function(MatchStyle)
retouch = function(Retouch)
