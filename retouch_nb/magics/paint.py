"""``%mask``: open the painter on a photo, empty or with strokes that are replayed."""

from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import needs_local_scope, no_var_expand

from retouch_nb.errors import ParameterError
from retouch_nb.magics.completion import grammar_candidates
from retouch_nb.magics.magic import Magic
from retouch_nb.magics.manual import described, usage
from retouch_nb.magics.names import VARIABLE, picture
from retouch_nb.magics.words import Grammar, tidy
from retouch_nb.mask import Mask
from retouch_nb.params import params
from retouch_nb.photo import Photo
from retouch_nb.session import Session
from retouch_nb.table import Text

if TYPE_CHECKING:
    from retouch_nb.widgets.painter import MaskPainter

NAME = "mask"


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """What ``%mask`` takes."""

    photo: Annotated[Photo, "The photo to paint on: path, variable or earlier result."]
    output: Annotated[str | None, "Store the painter under this name.", VARIABLE] = None
    strokes: Annotated[
        Mask | None, "Begin with these: strokes, another painter, a mask picture or array."
    ] = None
    retain: Annotated[bool, "Show a second channel, for what retouch_object is to leave alone."] = (
        False
    )
    help: Annotated[bool, "Show this text."] = False


def mask_magic(shell: InteractiveShell, session: Session) -> Magic:
    """Make ``%mask``."""
    options = params(MaskOptions)
    grammar = Grammar(NAME, options, positional=options[:1])

    @needs_local_scope
    @no_var_expand
    def run(line: str, local_ns: dict[str, Any] | None = None) -> "MaskPainter | Text":
        words = grammar.read(tidy(line)[0])
        if "help" in words:
            return Text(run.__doc__)
        if "photo" not in words:
            raise ParameterError(f"%{NAME} needs a photo.", advice=f"Usage: {usage(grammar)}")
        name = grammar.flags["--output"].read(words.get("output"))
        painter = _painter(words, ChainMap(local_ns or {}, shell.user_ns), session)
        if name:
            shell.push({name: painter})  # type: ignore[no-untyped-call]
        return painter

    run.__name__ = run.__qualname__ = NAME
    run.__doc__ = _manual(grammar)
    return Magic(NAME, run, lambda *at: grammar_candidates(grammar, shell.user_ns, *at))


def _painter(words: dict[str, str], scope: Any, session: Session) -> "MaskPainter":
    from retouch_nb.widgets.painter import MaskPainter  # loads ipywidgets

    strokes = words.get("strokes")
    return MaskPainter(
        picture(words["photo"], scope, kind=Photo),
        strokes=None if strokes is None else picture(strokes, scope, kind=Mask),
        retain="retain" in words,
        session=session,
    )


def _manual(grammar: Grammar) -> str:
    return "\n".join(
        [
            "Paint a mask on a photo, in the cell.",
            "",
            f"    {usage(grammar)}",
            "",
            "The painter is accepted wherever a mask is: %inpaint photo.jpg --mask NAME. print(NAME.strokes) gives",
            "what was painted as code; --strokes replays it, also where there is no browser.",
            "",
            *described(grammar.params),
            "",
            "Example: %mask photo.jpg -o spots",
        ]
    )
