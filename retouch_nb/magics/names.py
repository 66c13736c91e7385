"""From a word to what it means: a variable of the notebook, a file or an address.

Values are looked up and never pasted into the text of a line, so ``$5`` and ``{"x": 1}`` stay what they are.
"""

import keyword
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.magics.words import nearest
from retouch_nb.mask import Mask
from retouch_nb.params import Param, Reads
from retouch_nb.photo import Photo, is_link, open_photo

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
"""Endings of files that are offered and guessed at; any other file can still be named."""


def _target(given: Any) -> Path:
    path = Path(given).expanduser()
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"the ending must be one of {', '.join(sorted(ENDINGS))}")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {str(path.parent)!r}")
    return path


FILE = Reads(_target, "the path of a picture file to write")
"""How an option reads the path of a file that is to be written: what would fail at the end fails at once."""


def _identifier(given: Any) -> str:
    if not str(given).isidentifier() or keyword.iskeyword(str(given)):
        raise ValueError("it cannot name a variable")
    return str(given)


VARIABLE = Reads(_identifier, "a name for a variable")
"""How an option reads where a result is to be stored."""

_EXPRESSION = re.compile(r"\$(?P<name>[^\W\d]\w*) | \{(?P<code>(?:[^\W\d]|[\[(]).*)\}", re.VERBOSE)


def value(word: str, scope: Mapping[str, Any]) -> Any:
    """Give what ``$name`` or ``{expression}`` stands for; any other word is itself.

    Raises
    ------
    UnknownNameError
        There is no variable of this name.
    ParameterError
        The expression fails.

    Examples
    --------
    >>> value("$strength", {"strength": 40}), value("{sizes[1]}", {"sizes": [1, 2]}), value("face", {})
    (40, 2, 'face')
    """
    found = _EXPRESSION.fullmatch(word)
    if not found:
        return word
    if found["name"] and found["name"] not in scope:
        raise UnknownNameError(
            f"There is no variable {found['name']!r}.",
            advice=nearest(found["name"], scope) or "Define it in a cell first.",
        )
    try:
        return eval(found["name"] or found["code"], dict(scope))
    except Exception as error:
        raise ParameterError(
            f"{word} cannot be evaluated: {type(error).__name__}: {error}.",
            advice="Nothing was sent.",
        ) from error


def picture(word: str, scope: Mapping[str, Any], *, kind: type) -> Any:
    """Give the variable, the path or the address that a word names, in this order.

    Parameters
    ----------
    word : str
    scope : mapping
        The notebook's variables.
    kind : type
        `Photo` or `Mask`: what variables are guessed at.

    Raises
    ------
    UnknownNameError
        There is neither such a variable nor such a file; the message guesses.
    """
    meant = value(word, scope)
    if meant is not word:
        return meant
    if word in scope:
        return _called(word, scope[word]) if kind is Photo else scope[word]
    if is_link(word) or Path(word).expanduser().exists():
        return word
    known = [*variables(scope, kind), *(name for name in paths(_folder(word)) if name[-1] != "/")]
    raise UnknownNameError(
        f"There is no variable or file {word!r}.",
        advice=nearest(word, known) or "Paths are relative to the notebook's folder.",
    )


def meaning(param: Param, word: str, scope: Mapping[str, Any]) -> Any:
    """Give what a word means to a parameter: a picture to one that takes pictures, else a value."""
    return picture(word, scope, kind=param.type) if param.picture else value(word, scope)


def _called(word: str, meant: Any) -> Any:
    """Open a variable as a photo; one without a name of its own is called after the variable."""
    photo = open_photo(meant)
    return (
        replace(photo, name=word) if isinstance(photo, Photo) and photo.name == "photo" else photo
    )


def variables(scope: Mapping[str, Any], kind: type) -> list[str]:
    """Name the variables that can be a photo, or a mask, as `kind` says.

    Examples
    --------
    >>> from retouch_nb.photo import Photo
    >>> variables({"cat": Path("cat.png"), "n": 3, "_": Path("dog.png")}, Photo)
    ['cat']
    """
    return [
        name
        for name, held in list(scope.items())
        if not name.startswith("_") and _can_be(held, kind)
    ]


def _can_be(held: object, kind: type) -> bool:
    if hasattr(type(held), "__mask__") and not hasattr(type(held), "__photo__"):
        return kind is Mask
    match held:
        case str():
            return is_link(held) or _is_picture(Path(held))
        case Path():
            return _is_picture(held)
        case np.ndarray():
            return held.ndim in {2, 3}
        case _:
            return isinstance(held, Image.Image) or hasattr(type(held), "__photo__")


def paths(beginning: str) -> list[str]:
    """List folders (with a slash) and pictures whose path begins like this, as one would type them."""
    typed = _folder(beginning)
    start = beginning[len(typed) :]
    try:
        entries = sorted(Path(typed or ".").expanduser().iterdir())
    except OSError:
        return []
    hidden = start.startswith(".")
    return [
        f"{typed}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(start) and entry.name.startswith(".") == hidden
        if entry.is_dir() or _is_picture(entry)
    ]


def _folder(path: str) -> str:
    """Give the part of a path before its last name, as typed."""
    return path[: max(path.rfind("/"), path.rfind("\\")) + 1]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS
