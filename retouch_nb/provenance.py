"""How a picture was made, kept with the picture: an XMP packet inside the file, or a side-car beside it.

A record is enough to make the picture again from the same photo. No key, no path and no address with a query is in it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape, unescape

from retouch_nb.container import MOST_JPEG_XMP, with_xmp, xmp
from retouch_nb.contract import Operation
from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask
from retouch_nb.params import params
from retouch_nb.photo import Link, Photo, opened
from retouch_nb.receipt import Receipt
from retouch_nb.requirements import installed

FORM: Final = 1
"""Raised when the record changes so that an older reader would misread it."""

_TOOLS = ("retouch_nb", "pillow", "numpy", "opencv-python-headless")
_MOST = 4_000_000
"""Characters of a record that are read at most."""

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_DESCRIPTION = (
    '<rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:retouch="urn:retouch-nb:provenance#">'
    "<xmp:CreatorTool>{tool}</xmp:CreatorTool><xmp:ModifyDate>{time}</xmp:ModifyDate>"
    "<retouch:record>{record}</retouch:record></rdf:Description>"
)
_RECORD = re.compile(r"<retouch:record>(.*?)</retouch:record>", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """A picture that a request was made of.

    Attributes
    ----------
    name : str
        File name without folder, or the address without its query; empty for a mask.
    sha256 : str
        Of the file, of size and pixels of a mask, or of the whole address.
    size : tuple of int
        Width and height; zeros when not known.
    strokes : str
        Code that draws a mask, where it was drawn.
    """

    name: str = ""
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    strokes: str = field(default="", repr=False)

    @classmethod
    def of(cls, picture: Photo | Mask | Link) -> "Source":
        """Describe a picture of a request."""
        match picture:
            case Photo():
                return cls(picture.file_name, picture.digest, picture.size)
            case Mask():
                return cls("", picture.digest, picture.size, picture.drawn)
            case Link():
                return cls(
                    urlunsplit(urlsplit(picture.url)._replace(query="", fragment="")),
                    picture.digest,
                )


@dataclass(frozen=True)
class Record:
    """Everything that is known of the making of one picture.

    Attributes
    ----------
    operation, provider, maker : str
        As in the `Receipt`.
    options : mapping
        Parameters that differ from their defaults, as JSON has them.
    pictures : mapping
        Photo, masks and style picture of the request by parameter.
    restored : bool
        The original was put back outside the mask.
    task_id, job_id, cost : str
    seconds : float
    finished : str
        Time in UTC, ISO 8601.
    remarks : tuple of str
    versions : mapping
        Of this package, of the engine, and of what pixels depend on.
    pixels : str
        SHA-256 of size and pixels of the saved picture: other metadata does not change it.
    """

    operation: str
    provider: str
    maker: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Source] = field(default_factory=dict)
    restored: bool = False
    task_id: str = ""
    job_id: str = ""
    cost: str = ""
    seconds: float = 0.0
    finished: str = ""
    remarks: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    pixels: str = ""

    @classmethod
    def of(cls, receipt: Receipt, request: Operation | None, *, restored: bool = False) -> "Record":
        """Take everything from a receipt and the request it is for, if that is still known."""
        return cls(
            operation=receipt.operation,
            provider=receipt.provider,
            maker=receipt.maker,
            options={name: _plain(value) for name, value in receipt.options.items()},
            pictures=_pictures(request) if request else {},
            restored=restored,
            task_id=receipt.task_id,
            job_id=receipt.job_id,
            cost=receipt.cost,
            seconds=round(receipt.seconds, 2),
            finished=datetime.fromtimestamp(receipt.finished_at, UTC).isoformat(timespec="seconds"),
            remarks=receipt.remarks,
            versions=_versions(receipt),
        )

    def without_strokes(self) -> Self:
        """Leave out the code of masks; their digests stay."""
        pictures = {name: replace(source, strokes="") for name, source in self.pictures.items()}
        return replace(self, pictures=pictures)

    def to_json(self) -> str:
        """Write the record as JSON, as a side-car holds it."""
        return json.dumps({"retouch_nb": FORM, **asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record from anywhere; what it holds is checked and believed no further.

        Raises
        ------
        PictureError
            It is none, or one of a later version.
        """
        try:
            body = json.loads(text[:_MOST])
            if body["retouch_nb"] != FORM:
                raise ValueError("of another version")
            return _record(body)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PictureError(
                "The record of how this picture was made cannot be read.",
                advice="It is damaged, or was written by a later version.",
            ) from error


def _record(body: Mapping[str, Any]) -> Record:
    words = ("operation", "provider", "maker", "task_id", "job_id", "cost", "finished", "pixels")
    return Record(
        **{name: _line(body[name]) for name in words},
        options={_line(name): value for name, value in dict(body["options"]).items()},
        pictures={_line(name): _source(source) for name, source in body["pictures"].items()},
        restored=body["restored"] is True,
        seconds=float(body["seconds"]),
        remarks=tuple(_line(remark) for remark in body["remarks"]),
        versions={_line(name): _line(value) for name, value in body["versions"].items()},
    )


def _source(body: Mapping[str, Any]) -> Source:
    width, height = body["size"]
    strokes = str(body["strokes"])
    return Source(_line(body["name"]), _line(body["sha256"]), (int(width), int(height)), strokes)


def _line(value: Any) -> str:
    """Take text for one line: no control character of a stranger's file reaches a terminal."""
    if not isinstance(value, str):
        raise TypeError("text was expected")
    return "".join(letter if letter.isprintable() else " " for letter in value)[:500]


def _plain(value: Any) -> Any:
    """Turn the value of an option into what JSON has; a recipe into its name or its payload."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return getattr(value, "title", "") or getattr(value, "payload", "") or str(value)


def _pictures(request: Operation) -> dict[str, Source]:
    given = {p.name: getattr(request, p.name) for p in params(type(request)) if p.picture}
    return {name: Source.of(picture) for name, picture in given.items() if picture is not None}


def _versions(receipt: Receipt) -> dict[str, str]:
    found = {name: installed(name) for name in _TOOLS}
    found |= {"python": python_version(), "engine": receipt.version}
    return {name: text for name, text in found.items() if text}


def pixel_digest(data: bytes) -> str:
    """Give the SHA-256 of a picture's size and pixels as hexadecimal text, whatever its file says beside them.

    Examples
    --------
    >>> import numpy as np
    >>> photo = Photo.open(np.zeros((4, 4, 3), np.uint8))
    >>> pixel_digest(photo.data)[:8]
    'b542f1e3'
    """
    with opened(data) as image:
        mode = "RGBA" if image.has_transparency_data else "RGB"
        pixels = image.convert(mode)
    return hashlib.sha256(f"{mode} {pixels.size}".encode() + pixels.tobytes()).hexdigest()


def carries(data: bytes) -> bool:
    """Tell whether a file can hold a record itself: a JPEG, PNG or WebP."""
    return data.startswith((b"\xff\xd8", b"\x89PNG")) or data[8:12] == b"WEBP"


def with_pixels(record: Record, data: bytes) -> Record:
    """Bind a record to the pixels of the file it is kept with."""
    return replace(record, pixels=pixel_digest(data))


def inscribed(data: bytes, record: Record) -> bytes:
    """Put a record into a JPEG, PNG or WebP; pixels, profile and a service's own words stay as they are."""
    record = with_pixels(record, data)
    known = xmp(data)
    packet = _packet(record, known)
    if len(packet) > MOST_JPEG_XMP and data.startswith(b"\xff\xd8"):
        packet = _packet(record.without_strokes(), known)
    return with_xmp(data, packet)


def _packet(record: Record, known: bytes | None) -> bytes:
    """Write a packet, or add to the one that is there."""
    own = _DESCRIPTION.format(
        tool=f"retouch_nb {record.versions.get('retouch_nb', '')}".strip(),
        time=escape(record.finished),
        record=escape(record.to_json()),
    )
    text = known.decode("utf-8", "replace") if known and b"</rdf:RDF>" in known else _PACKET
    text = re.sub(
        r"<rdf:Description[^>]*urn:retouch-nb:.*?</rdf:Description>", "", text, flags=re.DOTALL
    )
    head, end, tail = text.rpartition("</rdf:RDF>")
    return f"{head}{own}{end}{tail}".encode()


def side_car(path: Path) -> Path:
    """Name the file beside a picture that holds its record."""
    return path.with_name(f"{path.name}.json")


def record_of(path: Path) -> Record:
    """Read how a picture was made, from the file or from beside it.

    Raises
    ------
    PictureError
        There is no such file, no record, or none that can be read.
    """
    try:
        packet = xmp(path.read_bytes()) or b""
        found = _RECORD.findall(packet.decode("utf-8", "replace"))
        if found:
            return Record.from_json(unescape(found[-1]))
        if side_car(path).is_file():
            return Record.from_json(side_car(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"Cannot read {str(path)!r}: {reason}.") from error
    raise PictureError(
        f"{path.name} does not say how it was made.",
        advice="edit.save(path) keeps a record in the file; other programs may have removed it.",
    )
