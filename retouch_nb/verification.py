"""Looks whether a saved picture is still the one that was made, and whether the engine would make it again."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from retouch_nb import session as sessions
from retouch_nb.contract import Operation
from retouch_nb.errors import ParameterError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.provenance import Record, pixel_digest, record_of
from retouch_nb.providers import operation_named
from retouch_nb.receipt import ENGINE
from retouch_nb.recreation import mask_of, options
from retouch_nb.session import Session


@dataclass(frozen=True)
class Verdict:
    """What looking at a saved picture found; true where nothing speaks against it.

    Attributes
    ----------
    record : Record
        How it was made.
    intact : bool
        Its pixels are those that were saved.
    repeated : bool or None
        The embedded engine made the same picture again; None where it was not asked to.
    notes : tuple of str
        Why not, as far as it can be told.
    """

    record: Record
    intact: bool
    repeated: bool | None = None
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.intact and self.repeated is not False

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        head, *rest = self._lines()
        return f"<p><b>{escape(head)}</b><br>{'<br>'.join(map(escape, rest))}</p>"

    def _lines(self) -> list[str]:
        versions = ", ".join(f"{name} {text}" for name, text in self.record.versions.items())
        again = {
            None: [],
            True: ["Made again: the same as was saved, to the last bit."],
            False: ["Made again: not the same as was saved."],
        }
        return [
            "The pixels are those that were saved."
            if self.intact
            else "The pixels have changed since.",
            *again[self.repeated],
            *self.notes,
            f"{self.record.operation} by {self.record.maker}, {self.record.cost}, {self.record.finished}",
            f"made with {versions}",
        ]


def verify(
    file: str | os.PathLike[str],
    photo: Any = None,
    /,
    *,
    session: Session | None = None,
    **pictures: Any,
) -> Verdict:
    """Tell whether a saved picture is still as it was made.

    Parameters
    ----------
    file : path
        A picture saved by `Edit.save`.
    photo : photo, optional
        The one it was made of. When given, the embedded engine does the work again and both are compared.
    session : Session, optional
        Who does it; the process's own when left out.
    **pictures
        Masks and style picture by the operation's own names; a mask that was drawn is drawn again by itself.

    Returns
    -------
    Verdict
        True in a condition when nothing speaks against it.

    Raises
    ------
    PictureError
        The picture does not say how it was made.
    ParameterError
        A service made it, which would be paid again; or a picture is missing.

    Notes
    -----
    A record can be forged with the picture: this finds what changed by accident or by editing, and proves nothing
    against somebody who writes both.

    Examples
    --------
    >>> import tempfile, numpy as np, retouch_nb as rn
    >>> photo = Photo.open(np.zeros((40, 60, 3), np.uint8))
    >>> path = rn.enhance(photo, scale_factor=2, provider="local").save(Path(tempfile.mkdtemp()) / "large.png")
    >>> verdict = rn.verify(path, photo)
    >>> verdict.intact, verdict.repeated
    (True, True)
    """
    path = Path(file).expanduser()
    record = record_of(path)
    intact = pixel_digest(path.read_bytes()) == record.pixels
    if photo is None:
        return Verdict(record, intact)
    return _again(path, record, intact, {"photo": photo, **pictures}, session or sessions.current())


def _again(
    path: Path, record: Record, intact: bool, pictures: dict[str, Any], session: Session
) -> Verdict:
    if record.maker != ENGINE:
        raise ParameterError(
            f"{record.maker} made this picture; asking it again would be paid again, and might give another.",
            advice="Leave the photo out to look at the pixels alone.",
        )
    request = _request(record, pictures)
    edit = session.run(request, provider="local", fresh=True, restore_outside=record.restored)
    same = pixel_digest(edit.after.as_format(path)) == record.pixels
    return Verdict(record, intact, same, tuple(_differences(record, request, edit.receipt.version)))


def _request(record: Record, pictures: dict[str, Any]) -> Operation:
    kind = operation_named(record.operation)
    for name, source in record.pictures.items():
        if pictures.get(name) is None:
            pictures[name] = mask_of(source)
        if pictures[name] is None:
            raise ParameterError(
                f"The {name} is needed to make it again.",
                advice=f"Pass it: verify(file, photo, {name}=...). Its SHA-256 begins {source.sha256[:16]}.",
            )
    return kind(**pictures, **options(kind, record))


def _differences(record: Record, request: Operation, engine: str) -> list[str]:
    """Say what else is not as it was; without it, a picture that comes out otherwise would be a fault of ours."""
    found = []
    for name, source in record.pictures.items():
        picture = getattr(request, name)
        if isinstance(picture, Photo | Mask) and picture.digest != source.sha256:
            found.append(f"The {name} is not the one it was made of.")
    known = record.versions.get("engine", "")
    if known != engine:
        found.append(
            f"It was made by version {known or 'unknown'} of the engine; this is {engine}."
        )
    return found
