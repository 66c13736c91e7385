"""What PicWish's three endpoints can be asked for: one class each reads its form, checks it and does the work.

A second, independent reading of the vendor's pages: the client's own declaration of them is not looked at.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self, TypeAlias

import numpy as np
from PIL import Image

from retouch_nb.engine import pictures
from retouch_nb.engine.failures import Cause, Failure, Misfit
from retouch_nb.engine.fetch import MOST_CHARACTERS
from retouch_nb.engine.forms import MB, Form
from retouch_nb.engine.pictures import Marks, Picture, Pixels, Size
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Product
from retouch_nb.engine.tickets import Watch
from retouch_nb.engine.work import Work
from retouch_nb.imaging.note import Note

URL, BASE64, BINARY = 1, 2, 3
"""The values of ``return_type``."""


@dataclass(frozen=True)
class Upload:
    """A picture that came with the form."""

    file: BinaryIO

    def read(self) -> bytes:
        """Give its bytes, however often."""
        self.file.seek(0)
        return self.file.read()


@dataclass(frozen=True)
class Address:
    """A picture to be fetched."""

    url: str


Source: TypeAlias = Upload | Address


@dataclass(frozen=True)
class Bench:
    """What is at hand while an order is worked on: a reader of sources, a watch, the image work, a user's model.

    And, where somebody wants to learn, a note that is told every step.
    """

    read: Callable[[Source], bytes]
    watch: Watch
    work: Callable[[], Work]
    model: Path | None
    note: Note | None = None

    @property
    def telling(self) -> dict[str, Note]:
        """What image work is given beside its own parameters."""
        return {"note": self.note} if self.note else {}


@dataclass(frozen=True, kw_only=True)
class Order(ABC):
    """What every endpoint is asked for."""

    endpoint: ClassVar[str]
    most_bytes: ClassVar[int]
    most_files: ClassVar[int]

    photo: Source
    sync: bool = False
    return_type: int = URL

    @classmethod
    @abstractmethod
    def of(cls, form: Form) -> Self:
        """Read a form, or raise `Refusal`."""

    @abstractmethod
    def perform(self, bench: Bench) -> Product:
        """Do the work, or raise `Failure`."""

    @abstractmethod
    def check(self) -> None:
        """Raise `Failure` for what uploads show at once; a `Misfit` among them is a refusal."""

    @property
    def echo(self) -> dict[str, object]:
        """What answers repeat of the request."""
        return {"return_type": self.return_type}

    def _known_size(self) -> Size | None:
        return pictures.size_of(self.photo.read()) if isinstance(self.photo, Upload) else None


@dataclass(frozen=True, kw_only=True)
class Inpaint(Order):
    """Objects removal: the white of a mask, or up to 50 rectangles, is removed."""

    endpoint = "inpaint"
    most_bytes = 20 * MB
    most_files = 2
    most_rectangles: ClassVar = 50

    mask: Source | None
    rectangles: tuple["Box", ...]

    @classmethod
    def of(cls, form: Form) -> Self:
        """Read a form: one picture, and one of mask file, mask address and rectangles."""
        mask = _exclusive(form, "mask", cls.most_bytes)
        rectangles = form.json("rectangles")
        if (mask is None) == (rectangles is None):
            raise Refusal(400, "Send exactly one of mask_file, mask_url and rectangles.")
        return cls(
            photo=_photo(_exclusive(form, "image", cls.most_bytes)),
            mask=mask,
            rectangles=() if mask else _boxes(rectangles, cls.most_rectangles),
            sync=form.integer("sync", (0, 1)) == 1,
            return_type=form.integer("return_type", (URL, BASE64)) or URL,
        )

    def check(self) -> None:
        """See that the area is there, fits, and is at most half of the picture."""
        size = self._known_size()
        match self.mask:
            case Upload() as upload:
                _judged(pictures.decode_mask(upload.read(), name="The mask", size=size))
            case None if size:
                _judged(_painted(self.rectangles, size))

    def perform(self, bench: Bench) -> Product:
        """Fill the area."""
        photo = pictures.decode(bench.read(self.photo))
        if self.mask:
            mask = bench.read(self.mask)
            area = pictures.decode_mask(mask, name="The mask", size=photo.size)
        else:
            area = _painted(self.rectangles, photo.size)
        _judged(area)
        model = bench.model
        with bench.watch.turn("removing objects"):
            work = bench.work()
            pixels = work["fill"](
                photo.pixels, area, progress=bench.watch.progress, model=model, **bench.telling
            )
            told = work.get("method")
            notes = [f"Filled by: {told(area, model=model)}"] if told else []
            return _product(photo, pixels, notes=notes)


@dataclass(frozen=True, kw_only=True)
class Scale(Order):
    """Photo enhancement: sharper, and one, two or four times as large."""

    endpoint = "scale"
    most_bytes = 20 * MB
    most_files = 1
    smallest_side: ClassVar = 11
    most_pixels: ClassVar = 4 * pictures.PICWISH.most_side**2

    kind: str
    factor: int | None

    @classmethod
    def of(cls, form: Form) -> Self:
        """Read a form: one picture; a binary answer only for those who wait for it."""
        sync = form.integer("sync", (0, 1)) == 1
        return_type = form.integer("return_type", (URL, BASE64, BINARY)) or URL
        if return_type == BINARY and not sync:
            raise Refusal(400, "return_type=3 needs sync=1.")
        return cls(
            photo=_photo(_exclusive(form, "image", cls.most_bytes)),
            kind=form.word("type", ("clean", "face")) or "clean",
            factor=form.integer("scale_factor", (1, 2, 4)),
            sync=sync,
            return_type=return_type,
        )

    def check(self) -> None:
        """Find nothing: there is one upload, and nothing it would have to fit."""

    def perform(self, bench: Bench) -> Product:
        """Enhance; transparency is enlarged plainly."""
        photo = pictures.decode(bench.read(self.photo))
        width, height = photo.size
        if min(photo.size) < self.smallest_side:
            raise Failure(Cause.BROKEN, f"A side has fewer than {self.smallest_side} pixels")
        with bench.watch.turn("enhancing"):
            work = bench.work()
            factor = self.factor or work["automatic_factor"](width, height)
            if width * height * factor**2 > self.most_pixels:
                raise Failure(Cause.TOO_LARGE, f"The result of {factor}x would be too large")
            examine, seen = work.get("examine"), {}
            if examine:
                seen = {"condition": examine(photo.pixels, kind=self.kind)}
            pixels = work["enhance"](
                photo.pixels,
                factor,
                kind=self.kind,
                progress=bench.watch.progress,
                **seen,
                **bench.telling,
            )
            notes = seen["condition"].notes() if seen else []
            size = {"image_width": width * factor, "image_height": height * factor}
            return _product(photo, pixels, notes=notes, **size)

    @property
    def echo(self) -> dict[str, object]:
        """The type is a word here."""
        return super().echo | {"type": self.kind}


@dataclass(frozen=True, kw_only=True)
class RetouchingCollection(Order):
    """Object retouching inside a mask, with an optional second mask of what stays."""

    endpoint = "retouching-collection"
    most_bytes = 30 * MB - 1  # the page says *less than* 30 MB
    most_files = 3

    mask: Source
    retain: Source | None
    kind: int
    retouch_strength: float
    line_strength: float

    @classmethod
    def of(cls, form: Form) -> Self:
        """Read a form; here a file silently wins over an address."""
        if not (mask := _preferred(form, "mask", cls.most_bytes)):
            raise Refusal(400, "mask_file or mask_url is missing.")
        return cls(
            photo=_photo(_preferred(form, "image", cls.most_bytes)),
            mask=mask,
            retain=_preferred(form, "retain_mask", cls.most_bytes),
            kind=form.integer("type", range(1, 7)) or 1,
            retouch_strength=form.number("retouch_strength", (0, 100), default=37),
            line_strength=form.number("line_strength", (0, 100), default=60),
            sync=form.integer("sync", (0, 1)) == 1,
        )

    def check(self) -> None:
        """See that uploaded masks fit, and that there is a subject."""
        size = self._known_size()
        if isinstance(self.mask, Upload):
            _subject(self.mask.read(), size)
        if isinstance(self.retain, Upload):
            pictures.decode_mask(self.retain.read(), name="The retain mask", size=size)

    def perform(self, bench: Bench) -> Product:
        """Retouch the subject."""
        photo, retain = pictures.decode(bench.read(self.photo)), None
        subject = _subject(bench.read(self.mask), photo.size)
        if self.retain:
            mask = bench.read(self.retain)
            retain = pictures.decode_mask(mask, name="The retain mask", size=photo.size)
        with bench.watch.turn("retouching"):
            pixels = bench.work()["retouch"](
                photo.pixels,
                subject,
                retain=retain,
                kind=self.kind,
                retouch_strength=self.retouch_strength,
                line_strength=self.line_strength,
                progress=bench.watch.progress,
                **bench.telling,
            )
            return _product(photo, pixels)

    @property
    def echo(self) -> dict[str, object]:
        """The type is a number here."""
        return super().echo | {"type": self.kind}


ORDERS: tuple[type[Order], ...] = (Inpaint, Scale, RetouchingCollection)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int


def _boxes(value: Any, most: int) -> tuple[Box, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise Refusal(400, f"rectangles must be a JSON list of 1 to {most} rectangles.")
    return tuple(_box(number, item) for number, item in enumerate(value, 1))


def _box(number: int, item: Any) -> Box:
    sides = item if isinstance(item, dict) else {}
    numbers: list[Any] = [sides.get(name) for name in ("x", "y", "width", "height")]
    # type() and not isinstance(): true is an integer to Python, not to JSON.
    if any(type(side) is not int for side in numbers):
        raise Refusal(400, f"Rectangle {number} needs integers x, y, width and height.")
    box = Box(*numbers)
    if min(box.x, box.y) < 0 or min(box.width, box.height) < 1:
        raise Refusal(400, f"Rectangle {number} is empty, or begins outside the picture.")
    return box


def _painted(boxes: tuple[Box, ...], size: Size) -> Marks:
    area = np.zeros(size[::-1], bool)
    for box in boxes:
        area[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return area


def _judged(area: Marks) -> None:
    share = float(area.mean())
    if share == 0:
        raise Misfit("The removal area is empty; white is what is removed.")
    if share > 0.5:
        raise Misfit(f"The removal area is {share:.1%} of the picture; at most 50 % may be.")


def _subject(data: bytes, size: Size | None) -> Marks:
    subject = pictures.decode_mask(data, name="The mask", size=size)
    if not subject.any():
        raise Misfit("The mask is empty; white is what is retouched.")
    return subject


def _exclusive(form: Form, name: str, most: int) -> Source | None:
    if form.file(f"{name}_file") and form.text(f"{name}_url"):
        raise Refusal(400, f"Send {name}_file or {name}_url, not both.")
    return _preferred(form, name, most)


def _preferred(form: Form, name: str, most: int) -> Source | None:
    if upload := form.file(f"{name}_file"):
        if (upload.size or 0) > most:
            raise Refusal(413, f"{name}_file is larger than {most / MB:.0f} MB.")
        return Upload(upload.file)
    if url := form.text(f"{name}_url"):
        if len(url) > MOST_CHARACTERS:
            raise Refusal(400, f"{name}_url is longer than {MOST_CHARACTERS} characters.")
        return Address(url)
    return None


def _photo(source: Source | None) -> Source:
    if source is None:
        raise Refusal(400, "image_file or image_url is missing.")
    return source


def _product(photo: Picture, pixels: Pixels, **facts: object) -> Product:
    """Encode a result with the transparency its photo had, enlarged where the result is larger."""
    size, alpha = (pixels.shape[1], pixels.shape[0]), photo.alpha
    if alpha is not None and size != photo.size:
        alpha = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))
    return pictures.encode(Picture(pixels, alpha, photo.profile, photo.lossy), **facts)
