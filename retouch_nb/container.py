"""The boxes a picture file is made of: taken out or put in without touching a pixel.

JPEG segments, PNG chunks, WebP chunks and TIFF tags. What shows the picture is listed and stays; all else is
private: place, camera, owner, thumbnails, comments, pictures behind the picture.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from retouch_nb.errors import PictureError

MOST_JPEG_XMP: Final = 65_502
"""Bytes of a packet that fit into one segment."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_BIG_TIFF = (b"II+\0", b"MM\0+")

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_SOS, _EOI, _COMMENT, _TEM = 0xDA, 0xD9, 0xFE, 0x01
_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"

_PNG_XMP: Final = b"XML:com.adobe.xmp\0"
_PNG_SHOWS = {
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs", b"bKGD", b"hIST", b"sPLT",
    b"cICP", b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip
"""Optional chunks by which a picture looks as it does; those with a capital are needed to read it at all."""

_WEBP_SHOWS = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}
_HAS_ALPHA, _HAS_EXIF, _HAS_XMP = 0x10, 0x08, 0x04

_TIFF_SHOWS = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284),
    *(290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339),
    *(340, 341, 342, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 34675),
}  # fmt: skip
_TIFF_FOLDERS = {34665, 34853, 40965}
"""Tags that lead to more tags: camera, place, interoperability."""
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


@dataclass(frozen=True)
class Box:
    """A part of a file: what it is called there, and where its bytes are, which nearly all of the file may be."""

    kind: bytes
    data: bytes = field(repr=False)
    start: int
    end: int

    @property
    def raw(self) -> bytes:
        """All its bytes."""
        return self.data[self.start : self.end]

    @property
    def marker(self) -> int:
        """The number of a JPEG segment."""
        return self.kind[0]

    def holds(self, begin: bytes, at: int = 4) -> bool:
        """Tell whether its content begins so, behind as many bytes of its own head."""
        return self.data.startswith(begin, self.start + at, self.end)


def bare(data: bytes) -> bytes:
    """Take everything private out of a picture file; its pixels, size and colours stay to the last bit.

    Parameters
    ----------
    data : bytes
        JPEG, PNG, WebP or TIFF; other formats have nothing to take out and come back as they are.

    Raises
    ------
    PictureError
        The file is not built as its format says, so that nobody knows what is in it.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file, exif = io.BytesIO(), Image.Exif()
    >>> exif[0x013B] = "Ada"
    >>> Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    >>> b"Ada" in file.getvalue(), b"Ada" in bare(file.getvalue())
    (True, False)
    """
    try:
        return _bare(data)
    except (IndexError, OverflowError, struct.error, ValueError) as error:
        raise PictureError(
            "What is in this file beside its picture cannot be told.",
            advice="Nothing was sent. Save it anew, or send it whole: %config Retouch.keep_metadata = True",
        ) from error


def _bare(data: bytes) -> bytes:
    if data.startswith(_JPEG):
        return _of_boxes(data, len(_JPEG), (box for box in _segments(data) if _shows(box)))
    if data.startswith(_PNG):
        kept = (box for box in _chunks(data) if not box.kind[0] & 32 or box.kind in _PNG_SHOWS)
        return _of_boxes(data, len(_PNG), kept)
    if _is_webp(data):
        return _webp([box for box in _riff(data) if box.kind in _WEBP_SHOWS])
    if data[:4] in _TIFF:
        return _bare_tiff(data, _TIFF[data[:4]])
    if data[:4] in _BIG_TIFF:
        raise ValueError("BigTIFF")
    return data


def _of_boxes(data: bytes, head: int, boxes: Iterable[Box]) -> bytes:
    """Give the head and these parts of a file, and the file itself where that is all of it: photos are large."""
    spans = [(0, head), *((box.start, box.end) for box in boxes)]
    if sum(end - start for start, end in spans) == len(data):
        return data
    whole = memoryview(data)
    return b"".join([whole[start:end] for start, end in spans])


def xmp(data: bytes) -> bytes | None:
    """Give the XMP packet of a JPEG, PNG or WebP; None where there is none or the file is broken."""
    try:
        return next(_packets(data), None)
    except (IndexError, struct.error, ValueError, zlib.error):
        return None


def _packets(data: bytes) -> Iterator[bytes]:
    if data.startswith(_JPEG):
        yield from (box.raw[4 + len(_JPEG_XMP) :] for box in _segments(data) if _is_jpeg_xmp(box))
    elif data.startswith(_PNG):
        yield from (_png_text(box.raw[8:-4]) for box in _chunks(data) if _is_png_xmp(box))
    elif _is_webp(data):
        yield from (_content(box) for box in _riff(data) if box.kind == b"XMP ")


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """Put an XMP packet into a JPEG, PNG or WebP, in the place of one that is there.

    Raises
    ------
    PictureError
        The file is not built as its format says, or the packet is too large for a JPEG.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (8, 8)).save(file, "WEBP")
    >>> xmp(with_xmp(file.getvalue(), b"<x/>"))
    b'<x/>'
    """
    try:
        if data.startswith(_JPEG):
            return _JPEG + b"".join(_jpeg_with(list(_segments(data)), packet)) + _behind(data)
        if data.startswith(_PNG):
            return _PNG + b"".join(_png_with(_chunks(data), packet))
        return _webp(
            [*(box for box in _riff(data) if box.kind != b"XMP "), _riffed(b"XMP ", packet)]
        )
    except (IndexError, OverflowError, struct.error, ValueError) as error:
        raise PictureError("The file is not built as its format says.") from error


def _segments(data: bytes) -> Iterator[Box]:
    """Walk through a JPEG up to the end of its picture; what follows belongs to other pictures."""
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker, end = data[at + 1], at + 2
        if marker == 0xFF:
            at += 1
            continue
        if marker not in (_TEM, _EOI):
            end += int.from_bytes(data[at + 2 : at + 4])
        if marker == _SOS:
            found = _NEXT_MARKER.search(data, end)
            end = found.start() if found else len(data)
        if end > len(data) or end < at + 2:
            raise ValueError("cut short")
        yield Box(bytes([marker]), data, at, end)
        if marker == _EOI:
            return
        at = end


def _behind(data: bytes) -> bytes:
    return data[2 + sum(box.end - box.start for box in _segments(data)) :]


def _shows(box: Box) -> bool:
    match box.marker:
        case marker if marker == _APP0:
            return box.holds(b"JFIF\0")
        case marker if marker == _APP2:
            return box.holds(b"ICC_PROFILE\0")
        case marker:
            return marker == _APP14 or not (_APP0 <= marker <= _APP15 or marker == _COMMENT)


def _is_jpeg_xmp(box: Box) -> bool:
    return box.marker == _APP1 and box.holds(_JPEG_XMP)


def _jpeg_with(boxes: list[Box], packet: bytes) -> Iterator[bytes]:
    """Put the packet behind the segments that must come first: JFIF, then Exif."""
    if len(packet) > MOST_JPEG_XMP:
        raise ValueError("too large")
    content = _JPEG_XMP + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    others = [box for box in boxes if not _is_jpeg_xmp(box)]
    first = next((at for at, box in enumerate(others) if not _leads(box)), len(others))
    yield from (box.raw for box in others[:first])
    yield segment
    yield from (box.raw for box in others[first:])


def _leads(box: Box) -> bool:
    return box.marker == _APP0 or (box.marker == _APP1 and box.holds(b"Exif"))


def _chunks(data: bytes) -> Iterator[Box]:
    at = len(_PNG)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if end > len(data) or not kind.isalpha():
            raise ValueError("cut short")
        yield Box(kind, data, at, end)
        if kind == b"IEND":
            return
        at = end


def _is_png_xmp(box: Box) -> bool:
    return box.kind == b"iTXt" and box.holds(_PNG_XMP, 8)


def _png_text(content: bytes) -> bytes:
    """Read an international text: key, two flags, language, translated key, and the text, perhaps compressed."""
    _, _, rest = content.partition(b"\0")
    compressed, rest = rest[0], rest[2:]
    text = rest.split(b"\0", 2)[2]
    return zlib.decompressobj().decompress(text, 1 << 22) if compressed else text


def _png_with(boxes: Iterable[Box], packet: bytes) -> Iterator[bytes]:
    content = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + packet
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    for box in boxes:
        if not _is_png_xmp(box):
            yield box.raw
        if box.kind == b"IHDR":
            yield chunk


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _riff(data: bytes) -> Iterator[Box]:
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ValueError("cut short")
    while at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise ValueError("cut short")
        yield Box(data[at : at + 4], data, at, min(at + 8 + size + size % 2, len(data)))
        at += 8 + size + size % 2


def _riffed(kind: bytes, content: bytes) -> Box:
    size = struct.pack("<I", len(content))
    raw = kind + size + content + b"\0" * (len(content) % 2)
    return Box(kind, raw, 0, len(raw))


def _content(box: Box) -> bytes:
    return box.raw[8 : 8 + int.from_bytes(box.raw[4:8], "little")]


def _webp(boxes: list[Box]) -> bytes:
    """Join chunks under a head that says which there are; a picture alone needs none, and gets none."""
    kinds = {box.kind for box in boxes}
    if b"VP8X" in kinds or b"XMP " in kinds:
        head = next((_content(box) for box in boxes if box.kind == b"VP8X"), None) or _head(
            boxes[0]
        )
        flags = head[0] & ~(_HAS_EXIF | _HAS_XMP)
        flags |= _HAS_EXIF * (b"EXIF" in kinds) | _HAS_XMP * (b"XMP " in kinds)
        others = (box for box in boxes if box.kind != b"VP8X")
        boxes = [_riffed(b"VP8X", bytes([flags]) + head[1:]), *others]
    body = b"WEBP" + b"".join(box.raw for box in boxes)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _head(picture: Box) -> bytes:
    """Make the head of a file that had a picture alone: flags, and width and height less one."""
    content = _content(picture)
    if picture.kind == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        across, down, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        sides = (int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        across, down, alpha = *(side - 1 for side in sides), 0
    sizes = across.to_bytes(3, "little") + down.to_bytes(3, "little")
    return bytes([_HAS_ALPHA * alpha, 0, 0, 0]) + sizes


def _bare_tiff(data: bytes, order: str) -> bytes:
    """Overwrite what private tags hold with zeros and close the gaps in the list; nothing else moves."""
    file = bytearray(data)
    at: int = struct.unpack_from(f"{order}I", data, 4)[0]
    entries = _tags(data, at, order)
    kept = [raw for tag, raw in entries if tag in _TIFF_SHOWS]
    for tag, raw in entries:
        if tag not in _TIFF_SHOWS:
            _wipe(file, raw, order)
    rest = data[at + 2 + 12 * len(entries) : at + 6 + 12 * len(entries)]
    listed = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + rest
    file[at : at + 6 + 12 * len(entries)] = listed.ljust(6 + 12 * len(entries), b"\0")
    return bytes(file)


def _tags(data: bytes | bytearray, at: int, order: str) -> list[tuple[int, bytes]]:
    count: int = struct.unpack_from(f"{order}H", data, at)[0]
    raws = [bytes(data[at + 2 + 12 * n : at + 14 + 12 * n]) for n in range(count)]
    return [(struct.unpack_from(f"{order}H", raw)[0], raw) for raw in raws]


def _wipe(file: bytearray, raw: bytes, order: str, *, depth: int = 0) -> None:
    tag, kind, count, place = struct.unpack(f"{order}HHII", raw)
    size = _TIFF_SIZES.get(kind, 1) * count
    if tag in _TIFF_FOLDERS and depth < 2:
        entries = _tags(file, place, order)
        for _, entry in entries:
            _wipe(file, entry, order, depth=depth + 1)
        file[place : place + 6 + 12 * len(entries)] = bytes(6 + 12 * len(entries))
    elif size > 4:
        end = min(place + size, len(file))
        file[place:end] = bytes(max(0, end - place))
