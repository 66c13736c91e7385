"""PicWish: objects removal, photo enhancement and object retouching, three endpoints of one shape.

A result exists only behind three gates: HTTP 200, ``status`` 200 in the body, ``state`` 1 with an image.
"""

import base64
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

from retouch_nb.contract import (
    MB,
    Accepted,
    Answer,
    Balance,
    Call,
    Finished,
    Limits,
    Operation,
    Outcome,
    Pending,
    Price,
    Provider,
    Refused,
    Upload,
)
from retouch_nb.errors import (
    CredentialsError,
    ParameterError,
    PictureError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ResultExpiredError,
    TaskFailedError,
)
from retouch_nb.mask import Mask, Rectangle, read_rectangles
from retouch_nb.params import Delivery, Named, Range, Reads
from retouch_nb.photo import Link, Photo
from retouch_nb.providers.refusals import Meaning, refusal
from retouch_nb.providers.words import (
    address_of,
    engine_notes,
    fraction,
    integer,
    one_line,
    ticket_of,
)


def _credits(body: Mapping[str, Any]) -> str:
    """Add up what the packages have left; the vendor's page and its service differ, so nothing is taken for granted."""
    packages = body.get("data")
    left = (
        [integer(p.get("remaining_credits")) for p in packages if isinstance(p, dict)]
        if isinstance(packages, list)
        else []
    )
    if not left or None in left:
        raise ProtocolError("The answer does not tell the balance.", provider="PicWish")
    return f"{sum(n for n in left if n is not None)} credits"


PICWISH = Provider(
    name="picwish",
    title="PicWish",
    base_url="https://techhk.aoscdn.com",
    base_env="PICWISH_BASE_URL",
    key_env="PICWISH_API_KEY",
    key_page="https://picwish.com/my-account?subRoute=api-key",
    key_header="X-API-KEY",
    per_second=2,
    polls=(1.0, 2.0),
    patience=300,
    result_hours=1,
    balance=Balance(Call("GET", "/api/customers/package-credits"), _credits),
)

RUNNING = {0: "queued", 2: "preparing", 3: "waiting", 4: "processing"}
QUEUED = {0, 3}

FAILED: Mapping[int, tuple[str, str]] = {
    -1: (
        "it could not process the picture",
        "Failed calls are not charged; you may try once more.",
    ),
    -2: ("it could not store the result", "Failed calls are not charged; try once more."),
    -3: (
        "it could not download the picture's address",
        "Pass the file itself instead of its address.",
    ),
    -5: (
        "the picture is larger than it allows",
        "Its pages name 15 MB in one place and 20 or 30 MB in another; save the picture smaller.",
    ),
    -7: ("it cannot read the picture", "Save it anew as JPEG or PNG."),
    -8: (
        "it took longer than the 30 seconds it allows",
        "Failed calls are not charged; try a smaller picture.",
    ),
}

REFUSED: Mapping[int, Meaning] = {
    400: (RefusedError, "did not accept the parameters", "Nothing was charged."),
    401: (
        CredentialsError,
        "refused the key",
        "It is wrong, or this service is not enabled for the account. %retouch_nb login picwish",
    ),
    404: (
        ResultExpiredError,
        "knows no such task",
        "Tasks and results live one hour; a wrong base address answers so too.",
    ),
    413: (RefusedError, "finds the file too large", "Nothing was charged. Save it smaller."),
    429: (RateLimitError, "asks to slow down", "It allows 2 requests a second."),
}

WARN_ABOVE = 15 * MB
LONGEST_ADDRESS = 512


class PicWishTask(Operation, provider=PICWISH):
    """What the three endpoints share: how a task is started, asked after and read."""

    endpoint: ClassVar[str]
    recolours = False

    photo: Annotated[
        Photo | Link, "The photo: path, address, bytes, image, array or earlier result."
    ]
    _: KW_ONLY
    sync: Annotated[bool, "Wait for the result in one request instead of polling.", Delivery()] = (
        False
    )

    def check(self) -> None:
        for address in self._links().values():
            if len(address) > LONGEST_ADDRESS:
                raise ParameterError(
                    f"The address has {len(address)} characters; the service takes {LONGEST_ADDRESS}.",
                    advice="Nothing was sent. Download the picture and pass its path.",
                )

    def warnings(self) -> tuple[str, ...]:
        if isinstance(self.photo, Link):
            return ("The photo is given by address: its size could not be checked.",)
        if len(self.photo.data) > WARN_ABOVE:
            return ("Above 15 MB one of PicWish's pages announces a refusal (state -5).",)
        return ()

    def result_size(self) -> tuple[int, int] | None:
        return self.photo.size if isinstance(self.photo, Photo) else None

    def submit(self) -> Call:
        return Call(
            "POST",
            f"/api/tasks/visual/{self.endpoint}",
            fields={"sync": str(int(self.sync)), **self._links(), **self._fields()},
            files=self._files(),
            waits=self.sync,
        )

    def poll(self, ticket: str) -> Call:
        return Call("GET", f"/api/tasks/visual/{self.endpoint}/{quote(ticket, safe='')}")

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        if answer.status != 200:
            known = ticket or _named(answer)
            return refusal(PICWISH.title, REFUSED, answer.status, answer, ticket=known)
        if is_picture(answer.body):
            return Finished(answer.body)
        body = answer.json()
        status = integer(body.get("status", 200))
        if status != 200:
            known = ticket or _named(answer)
            return refusal(PICWISH.title, REFUSED, status or 0, answer, ticket=known)
        task = body.get("data")
        if not isinstance(task, dict):
            raise ProtocolError("The answer has no task in it.", provider=PICWISH.title)
        return _task(task)

    def _fields(self) -> dict[str, str]:
        """Form fields of this endpoint."""
        return {}

    def _pictures(self) -> dict[str, Photo | Mask | Link | None]:
        """Pictures by the first word of their form field."""
        return {"image": self.photo}

    def _files(self) -> dict[str, Upload]:
        return {
            f"{slot}_file": _upload(slot, picture)
            for slot, picture in self._pictures().items()
            if isinstance(picture, Photo | Mask)
        }

    def _links(self) -> dict[str, str]:
        return {
            f"{slot}_url": picture.url
            for slot, picture in self._pictures().items()
            if isinstance(picture, Link)
        }


class Inpaint(PicWishTask, name="inpaint", limits=Limits(20 * MB, (1, 4096))):
    """Remove an object, a watermark or a blemish and fill the place naturally.

    The area is a mask (white is removed, black stays) or up to 50 rectangles, and at most half of the photo.
    The service asks that nobody else's mark of ownership is removed unlawfully.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 200, np.uint8)
    >>> photo[20:28, 30:38] = 0
    >>> edit = rn.inpaint(photo, rectangles=[(28, 18, 12, 12)], provider="local")
    >>> int(edit.to_numpy().min())
    200
    """

    endpoint = "inpaint"

    mask: Annotated[Mask | Link | None, "White is removed, black stays; as large as the photo."] = (
        None
    )
    _: KW_ONLY
    rectangles: Annotated[
        tuple[Rectangle, ...] | None,
        "Areas to remove instead of a mask: up to 50 of x,y,width,height in pixels.",
        Reads(read_rectangles, "rectangles x,y,width,height in pixels"),
    ] = None
    return_type: Annotated[
        Literal[1, 2], "How the result travels.", Named({1: "url", 2: "base64"}), Delivery()
    ] = 1

    def prepare(self) -> None:
        """Send painted rectangles as such: the same area in a few numbers."""
        straight = isinstance(self.mask, Mask) and self.mask.straight and self.rectangles is None
        areas = self.mask.rectangles() if straight else None  # type: ignore[union-attr]
        if areas:
            object.__setattr__(self, "rectangles", areas)
            object.__setattr__(self, "mask", None)

    def check(self) -> None:
        super().check()
        if (self.mask is None) == (self.rectangles is None):
            raise ParameterError(
                "Give a mask or rectangles, not both." if self.mask else "Say what to remove.",
                advice="Nothing was sent. Pass mask=..., or rectangles=[(x, y, width, height)].",
            )
        if self.rectangles is not None:
            _check_rectangles(self.rectangles, self.photo)
        area = self.area()
        if area is not None and area.coverage == 0:
            raise PictureError("The mask is empty: nothing is white.", advice="Nothing was sent.")
        if area is not None and area.coverage > 0.5:
            raise PictureError(
                f"The area covers {100 * area.coverage:.0f} % of the photo; at most 50 % can be removed.",
                advice="Nothing was sent. Remove less, or in several rounds.",
            )

    def area(self) -> Mask | None:
        if self.rectangles is None:
            return super().area()
        return (
            Mask.from_rectangles(self.rectangles, self.photo.size)
            if isinstance(self.photo, Photo)
            else None
        )

    def price(self) -> Price:
        return Price(1, "if the price page's “Photo Retouch” is this service")

    def _fields(self) -> dict[str, str]:
        fields = {"return_type": str(self.return_type)}
        if self.rectangles is not None:
            fields["rectangles"] = _as_json(self.rectangles)
        return fields

    def _pictures(self) -> dict[str, Photo | Mask | Link | None]:
        return {"image": self.photo, "mask": self.mask}


class Enhance(PicWishTask, name="enhance", limits=Limits(20 * MB, (11, 4096))):
    """Sharpen a photo and enlarge it.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> rn.enhance(np.full((40, 60, 3), 120, np.uint8), scale_factor=4, provider="local").after.size
    (240, 160)
    """

    endpoint = "scale"

    _: KW_ONLY
    type: Annotated[
        Literal["clean", "face"],
        "face for portraits of up to 10 people, clean for everything else.",
    ] = "clean"
    scale_factor: Annotated[
        Literal[1, 2, 4] | None,
        "How many times larger. Left out: 4 up to 512 px on the long side, 2 up to 1024 px, else 1.",
    ] = None
    return_type: Annotated[
        Literal[1, 2, 3],
        "How the result travels; binary only together with sync.",
        Named({1: "url", 2: "base64", 3: "binary"}),
        Delivery(),
    ] = 1

    def check(self) -> None:
        super().check()
        if self.return_type == 3 and not self.sync:
            raise ParameterError(
                "--return-type 3 (binary) works only together with --sync.",
                advice="Nothing was sent. Add --sync, or leave --return-type out.",
            )

    def warnings(self) -> tuple[str, ...]:
        found = list(super().warnings())
        reach = {2: 1024, 4: 512}.get(self.scale_factor or 1)
        if isinstance(self.photo, Photo) and reach and self.photo.long_side > reach:
            found.append(
                f"{self.scale_factor}x is meant for photos of up to {reach} px; it may be refused."
            )
        return tuple(found)

    def result_size(self) -> tuple[int, int] | None:
        if isinstance(self.photo, Link) or self.scale_factor is None:
            return None
        width, height = self.photo.size
        return width * self.scale_factor, height * self.scale_factor

    def price(self) -> Price:
        if isinstance(self.photo, Link):
            return Price(None)
        return Price(2 if self.photo.long_side <= 2048 else 3, "estimate by the long side")

    def _fields(self) -> dict[str, str]:
        factor = {} if self.scale_factor is None else {"scale_factor": str(self.scale_factor)}
        return {"type": self.type, "return_type": str(self.return_type), **factor}


class RetouchObject(PicWishTask, name="retouch_object", limits=Limits(30 * MB - 1, (1, 4096))):
    """Retouch the goods in a photo: texture of the material, clarity of lines, details.

    White in the mask is the subject. A second, optional mask marks what must keep its look.

    Examples
    --------
    >>> import numpy as np, retouch_nb as rn
    >>> photo = np.full((48, 64, 3), 120, np.uint8)
    >>> ring = np.zeros((48, 64), bool)
    >>> ring[10:30, 20:40] = True
    >>> edit = rn.retouch_object(photo, ring, type="metal", provider="local")
    >>> bool((edit.to_numpy()[~ring] == photo[~ring]).all())
    True
    """

    endpoint = "retouching-collection"

    mask: Annotated[Mask | Link, "White is the subject to retouch; as large as the photo."]
    _: KW_ONLY
    retain_mask: Annotated[Mask | Link | None, "White keeps its original look."] = None
    type: Annotated[
        Literal[1, 2, 3, 4, 5, 6],
        "What the subject is; the strengths act only on normal.",
        Named(
            {1: "normal", 2: "advanced", 3: "transparent", 4: "metal", 5: "jewellery", 6: "bags"}
        ),
    ] = 1
    retouch_strength: Annotated[int, "How much the material changes.", Range(0, 100)] = 37
    line_strength: Annotated[int, "How firmly lines are kept.", Range(0, 100)] = 60

    def check(self) -> None:
        super().check()
        if isinstance(self.mask, Mask) and self.mask.coverage == 0:
            raise PictureError(
                "The mask is empty: there is no subject.", advice="Nothing was sent."
            )

    def idle(self) -> tuple[str, ...]:
        return () if self.type == 1 else ("retouch_strength", "line_strength")

    def warnings(self) -> tuple[str, ...]:
        found = list(super().warnings())
        if set(self.idle()) & self.changed().keys():
            found.append("The strengths act only with type 1 (normal); they have no effect here.")
        if _covers(self.retain_mask, self.mask):
            found.append("The retain mask covers the whole subject: nothing will change.")
        return tuple(found)

    def _fields(self) -> dict[str, str]:
        return {
            "type": str(self.type),
            "retouch_strength": str(self.retouch_strength),
            "line_strength": str(self.line_strength),
        }

    def _pictures(self) -> dict[str, Photo | Mask | Link | None]:
        return {"image": self.photo, "mask": self.mask, "retain_mask": self.retain_mask}


def _upload(slot: str, picture: Photo | Mask) -> Upload:
    if isinstance(picture, Photo):
        return Upload.of(picture)
    return Upload(f"{slot}.png", "image/png", picture.png)


def _covers(retain: object, subject: object) -> bool:
    both = isinstance(retain, Mask) and isinstance(subject, Mask)
    return both and not (subject.pixels & ~retain.pixels).any()  # type: ignore[attr-defined]


def _check_rectangles(rectangles: tuple[Rectangle, ...], photo: Photo | Link) -> None:
    if not 1 <= len(rectangles) <= 50:
        raise ParameterError(
            f"{len(rectangles)} rectangles were given; 1 to 50 are accepted.",
            advice="Nothing was sent. Paint a mask instead.",
        )
    right, bottom = photo.size if isinstance(photo, Photo) else (4096, 4096)
    for one in rectangles:
        inside = (
            one.x >= 0
            and one.y >= 0
            and one.x + one.width <= right
            and one.y + one.height <= bottom
        )
        if not inside or one.width < 1 or one.height < 1:
            raise ParameterError(
                f"The rectangle {','.join(map(str, one))} does not lie inside the photo ({right} x {bottom}).",
                advice="Nothing was sent. Order: x,y,width,height in pixels from the top left.",
            )


def _as_json(rectangles: tuple[Rectangle, ...]) -> str:
    parts = [f'{{"x":{r.x},"y":{r.y},"width":{r.width},"height":{r.height}}}' for r in rectangles]
    return f"[{','.join(parts)}]"


def _named(answer: Answer) -> str:
    """Give the id of a task that an answer names though it does not say that all is well."""
    try:
        task = answer.json().get("data")
    except ProtocolError:
        return ""
    return ticket_of(task.get("task_id")) if isinstance(task, dict) else ""


def _task(task: dict[str, Any]) -> Outcome:
    """Read a task object; only its state decides, never its progress."""
    ticket = ticket_of(task.get("task_id"))
    state = integer(task.get("state"))
    if state is None:
        if not ticket:
            raise ProtocolError(
                "The answer names neither a task nor a state.", provider=PICWISH.title
            )
        return Accepted(ticket)
    if state < 0:
        return Refused(_failure(state, task, ticket))
    if state != 1:
        return Pending(
            RUNNING.get(state, "processing"),
            fraction(task.get("progress")),
            one_line(task.get("state_detail")),
            ticket,
            waits=state in QUEUED,
        )
    return Finished(_image(task, ticket), ticket, engine_notes(task))


def _failure(state: int, task: dict[str, Any], ticket: str) -> TaskFailedError:
    what, advice = FAILED.get(
        state, ("it gave a reason its pages do not list", "Ask its support with the task id.")
    )
    detail = one_line(task.get("err_message")) or one_line(task.get("state_detail"))
    return TaskFailedError(
        f"PicWish failed: {what} (state {state}{', ' + detail if detail else ''}).",
        advice=advice,
        provider=PICWISH.title,
        code=str(state),
        ticket=ticket,
    )


def _image(task: dict[str, Any], ticket: str) -> bytes | Call:
    """Find the picture: an address, or base64 with or without a prefix, whatever was asked for."""
    image = task.get("image")
    if not isinstance(image, str) or not image:
        raise ProtocolError(
            "The task is said to be done and has no picture.", provider=PICWISH.title, ticket=ticket
        )
    if address := address_of(image):
        return Call("GET", address)
    coded = image.partition(",")[2] if image.startswith("data:") else image
    try:
        # Deleted from the bytes: split, a picture of blanks would be as many pieces.
        return base64.b64decode(coded.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except ValueError as error:
        raise ProtocolError(
            "The picture is neither an address nor base64.", provider=PICWISH.title, ticket=ticket
        ) from error


def is_picture(body: bytes) -> bool:
    """Tell a picture from JSON or HTML by its first bytes."""
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*")
    return body.startswith(starts) or (body[:4] == b"RIFF" and body[8:12] == b"WEBP")
