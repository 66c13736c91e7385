"""Which mask belongs to which photo: one for all, one each, or a rule over names or over the photos themselves."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from retouch_nb.batches.places import File, is_remote, located, material, place_of, stamp_of
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.mask import HasMask, Mask
from retouch_nb.photo import HasPhoto, Link, Photo, is_link

Chosen: TypeAlias = tuple[Any, str]
"""A mask, not opened yet, and its stamp: empty where only reading would tell whether it has changed."""

FIELDS = ("stem", "name", "folder")


@dataclass(frozen=True)
class Pattern:
    """A rule over names: ``{stem}`` is the photo's name without ending, ``{name}`` with it, ``{folder}`` its folder.

    Relative patterns begin in the photo's own folder.

    Examples
    --------
    >>> Pattern("{stem}_mask.png").place("photos/cat.jpg")
    'photos/cat_mask.png'
    >>> Pattern("s3://masks/{name}.png").place("photos/cat.jpg")
    's3://masks/cat.jpg.png'
    >>> Pattern("{stem}_mask.png").is_mask("photos/cat_mask.png")
    True
    """

    text: str

    def __post_init__(self) -> None:
        try:
            self.text.format(**dict.fromkeys(FIELDS, ""))
        except (KeyError, IndexError, ValueError) as error:
            raise ParameterError(
                f"masks={self.text!r} is no pattern: {error} is not known.",
                advice=f"Nothing was sent. Known are {', '.join(f'{{{name}}}' for name in FIELDS)}.",
            ) from None

    def choose(self, place: str) -> Chosen:
        """Give the mask of the photo at a place."""
        if not place:
            return None, ""
        mask = self.place(place)
        stamp = "" if is_remote(mask) else stamp_of(Path(mask).expanduser())
        return Expected(mask), stamp

    def place(self, photo: str) -> str:
        """Write the path or address of a photo's mask."""
        folder, slash, name = photo.replace("\\", "/").rpartition("/")
        mask = self.text.format(stem=PurePosixPath(name).stem, name=name, folder=folder)
        own = is_remote(mask) or Path(mask).expanduser().is_absolute() or "{folder}" in self.text
        return mask if own else f"{folder}{slash}{mask}"

    def is_mask(self, place: str) -> bool:
        """Tell whether a file is somebody's mask by its name, and thus no photo."""
        text = re.escape(self.text.removeprefix("../"))
        for name in FIELDS:
            text = text.replace(rf"\{{{name}\}}", ".*" if name == "folder" else "[^/]+")
        return re.fullmatch(f"(.*/)?{text}", place.replace("\\", "/")) is not None


@dataclass(frozen=True)
class Expected:
    """The file in which a pattern looks for a mask."""

    place: str

    def load(self, photo: "Photo | Link") -> Any:
        """Give what opens as the mask; a missing one is named as such."""
        if is_remote(self.place):
            return material(self.place, "mask")
        if not Path(self.place).expanduser().is_file():
            raise PictureError(
                f"The mask is missing: {self.place}", advice="Nothing was sent for this photo."
            )
        return self.place


@dataclass(frozen=True)
class Function:
    """A rule over photos: called with each, gives its mask."""

    call: Callable[[Any], Any] = field(repr=False)

    def choose(self, place: str) -> Chosen:
        """Give the rule itself: the photo is not open yet."""
        return self, ""

    def load(self, photo: "Photo | Link") -> Any:
        """Give what opens as the mask."""
        return material(self.call(photo), "mask: the rule gave nothing")


@dataclass(frozen=True)
class Same:
    """One mask for all photos, or none."""

    given: Any = field(default=None, repr=False)
    stamp: str = "none"

    def choose(self, place: str) -> Chosen:
        """Give it."""
        return self.given, self.stamp


MaskRule: TypeAlias = Pattern | Function | Same


def rule(masks: Any) -> MaskRule:
    """Read what was given for the masks of all photos; one mask for all is opened at once."""
    if masks is None:
        return Same()
    if isinstance(masks, str) and "{" in masks:
        return Pattern(masks)
    if isinstance(masks, HasMask) and not isinstance(masks, Mask):
        return Same(masks, "")  # strokes and painters need the photo's size
    if callable(masks):
        return Function(masks)
    if is_link(masks):
        return Same(masks, str(masks))
    if isinstance(masks, str | Path) and Path(masks).expanduser().is_dir():
        raise ParameterError(
            f"masks={str(masks)!r} is a folder.",
            advice=f"Nothing was sent. Say how a photo's mask is called there: masks={f'{Path(masks).absolute()}/{{stem}}.png'!r}.",
        )
    mask = Mask.open(material(masks, "mask"))
    return Same(mask, mask.digest)


def one_each(masks: Any) -> bool:
    """Tell a list or a column of masks from one mask and from a rule.

    Examples
    --------
    >>> one_each(["a.png", "b.png"]), one_each("{stem}.png"), one_each(np.zeros((2, 2), bool))
    (True, False, False)
    """
    single = (str, bytes, bytearray, dict, Image.Image, HasMask, HasPhoto, Link, Path)
    if isinstance(masks, np.ndarray):
        return masks.dtype.kind in "OU" or masks.ndim > 2
    return isinstance(masks, Iterable) and not isinstance(masks, single) and not callable(masks)


def of_value(value: Any) -> Chosen:
    """Give the mask that stands beside a photo in a list or a column."""
    place = place_of(value) if isinstance(value, str | Path | File) else ""
    if place and not is_remote(place):
        return place, stamp_of(Path(place).expanduser())
    return (located(place), "") if place else (value, "")


def load(given: Any, photo: "Photo | Link") -> Any:
    """Give what an operation opens as its mask; None where there is none."""
    if isinstance(given, Expected | Function):
        return given.load(photo)
    return None if given is None else material(given, "mask")
