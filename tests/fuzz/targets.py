"""Every parser of what strangers write, as a function of bytes: only a `RetouchError` may come out of it.

A target does what the package does with the bytes, and checks what it promises of the value: text that can be shown, ids
that can be asked after, pictures of the size they say.
"""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from typing import Any, Final

import numpy as np

from retouch_nb import container, provenance
from retouch_nb.client.pace import LONGEST_HOLD, retry_after
from retouch_nb.contract import Accepted, Answer, Call, Finished, Operation, Pending, Refused
from retouch_nb.credentials import Secret
from retouch_nb.errors import RetouchError
from retouch_nb.gallery import gallery
from retouch_nb.layers import LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo, opened
from retouch_nb.providers import operations
from retouch_nb.providers.picwish import Inpaint
from retouch_nb.providers.recipes import read_recipe

PIXELS = np.full((12, 16, 3), 90, np.uint8)
PHOTO = Photo.open(PIXELS)
LAYER = Png.of(np.full((12, 16, 4), 90, np.uint8)).data
PATCH = Png.of(np.full((4, 6, 4), 90, np.uint8)).data
STATUSES = (200, 200, 200, 201, 302, 400, 401, 404, 413, 429, 460, 461, 462, 500, 503)
MATRIX = [[0.45, -0.02, -3.0], [0.02, 0.45, -4.0]]
RESULT = {
    "layers": {"1_Heal_blendmode=normal.png": {"opacity": 0.5, "visible": True}},
    "plugins": [
        {
            "pluginName": "Glasses Anti Glare",
            "layoutMode": "patch",
            "operationIndex": 1,
            "originalWidth": 16,
            "originalHeight": 12,
            "faces": [{"glassesAntiGlarePatchMatrix": MATRIX, "patchWidth": 6, "patchHeight": 4}],
        }
    ],
}


def shown(text: str, most: int = 400) -> None:
    """Check that a text can be shown in a terminal, in a table, and in full."""
    assert text.isprintable(), repr(text)
    assert len(text) <= most, len(text)


def answer(data: bytes) -> None:
    """Read an answer of each service: the first byte picks operation and status, the rest is the body."""
    kinds = list(operations().values())
    pick = data[0] if data else 0
    operation: Operation = kinds[pick % len(kinds)].detached()
    status = STATUSES[pick // len(kinds) % len(STATUSES)]
    headers = {"retry-after": data[1:40].decode("latin-1")}
    outcome = operation.read(Answer(status, headers, data[1:]), "t-1")
    match outcome:
        case Accepted(ticket=ticket, remarks=remarks):
            asked(operation, ticket)
            texts(remarks)
        case Pending(state=state, progress=progress, step=step, ticket=ticket):
            texts([state, step])
            assert progress is None or 0 <= progress <= 1
            asked(operation, ticket or "t-1")
        case Finished(result=Call(path=path), ticket=ticket, remarks=remarks):
            assert path.startswith(("/", "http://", "https://"))
            path.encode()
            texts([ticket, *remarks])
        case Finished(ticket=ticket, remarks=remarks):
            texts([ticket, *remarks])
        case Refused(error=error):
            shown(str(error), 800)
        case other:
            raise AssertionError(other)


def asked(operation: Operation, ticket: str) -> None:
    """Check an id: printable, short, and fit for an address."""
    shown(ticket, 200)
    if ticket and (call := operation.poll(ticket)):
        call.path.encode("ascii")


def texts(lines: Iterable[str]) -> None:
    """Check all of some texts."""
    for line in lines:
        shown(line)


def archive(data: bytes) -> None:
    """Read a ZIP of layers, lay them onto their photo and show them."""
    stack = LayerStack.from_zip(data, PHOTO)
    assert stack.to_numpy().shape == PIXELS.shape
    html = gallery(stack)
    assert "<script" not in html.lower()
    repr(stack)


def result_json(data: bytes) -> None:
    """Read a ZIP whose pictures are sound and whose ``result.json`` is not."""
    stack = LayerStack.from_zip(zipped({**SOUND, "result.json": data}, zipfile.ZIP_STORED), PHOTO)
    assert all(0 <= layer.opacity <= 1 for layer in stack)
    assert all(layer.bbox[2] <= 16 and layer.bbox[3] <= 12 for layer in stack if layer.placement)
    json.dumps(dict(stack.metadata))


def picture(data: bytes) -> None:
    """Open a picture, as photo and as mask, and look at it; a large one takes its time and finds nothing more."""
    with opened(data) as image:
        if image.width * image.height > 1_000_000:
            return
    photo = Photo.open(data)
    assert photo.thumbnail(16).size
    Mask.open(data)


def boxes(data: bytes) -> None:
    """Take a picture file apart, and put it together again."""
    container.xmp(data)
    container.bare(data)
    if provenance.carries(data):
        container.with_xmp(data, b"<x/>")


def record(data: bytes) -> None:
    """Read how a picture says that it was made."""
    provenance.Record.from_json(data.decode("utf-8", "surrogateescape"))


def steps(data: bytes) -> None:
    """Read steps, or the vendor's JSON, and write them as the vendor wants them."""
    recipe = read_recipe(data.decode("utf-8", "surrogateescape"))
    recipe.check()
    assert read_recipe(recipe.payload).payload == recipe.payload


def rectangles(data: bytes) -> None:
    """Read rectangles as an option has them."""
    operation = Inpaint(PHOTO, rectangles=data.decode("utf-8", "surrogateescape"))
    assert 0 < operation.area().coverage <= 0.5  # type: ignore[union-attr]


def wish(data: bytes) -> None:
    """Read how long a service wants to be left alone."""
    seconds = retry_after({"Retry-After": data.decode("latin-1")}, 1.7e9)
    assert seconds is None or 0 <= seconds <= LONGEST_HOLD


def key(data: bytes) -> None:
    """Read a key, which then fits into a header and shows itself nowhere."""
    text = data.decode("utf-8", "surrogateescape")
    secret = Secret(text)
    Message()["X-API-KEY"] = secret.reveal()
    assert secret.reveal().encode("ascii").strip()
    assert len(secret.reveal()) < 9 or secret.reveal() not in repr(
        [secret, str(secret), f"{secret}"]
    )


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a ZIP that is the same every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            made.writestr(entry, data)
    return buffer.getvalue()


SOUND: Final = {"1_Heal_blendmode=normal.png": LAYER, "2_Glasses Anti Glare_patch.png": PATCH}
_TOLD = json.dumps(RESULT).encode()


def _pictures() -> list[bytes]:
    image = PHOTO.to_pil()
    made = []
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"):
        buffer = io.BytesIO()
        image.save(buffer, kind)
        made.append(buffer.getvalue())
    return made


def _record() -> bytes:
    words = ("operation", "provider", "maker", "task_id", "job_id", "cost", "finished", "pixels")
    source = {"name": "cat", "sha256": "f00d", "size": [16, 12], "strokes": ""}
    told = {"options": {"type": "face"}, "pictures": {"photo": source}, "restored": False}
    more = {"seconds": 1.5, "remarks": ["A remark."], "versions": {"retouch_nb": "0.1"}}
    facts = {"retouch_nb": provenance.FORM, **dict.fromkeys(words, "a"), **told, **more}
    return json.dumps(facts).encode()


def _answers() -> list[bytes]:
    bodies: list[Any] = [
        {"status": 200, "data": {"task_id": "t-1"}},
        {"status": 200, "data": {"task_id": "t-1", "state": 4, "progress": 40}},
        {"status": 200, "data": {"state": 1, "image": "https://results.example/a.png"}},
        {"status": 200, "data": {"state": 1, "image": "data:image/png;base64,iVBORw0KGgo="}},
        {"status": 200, "data": {"state": -1, "err_message": "no"}},
        {"status": 200, "id": "j-1", "retouchQuota": 99},
        {"status": 200, "state": "active", "progress": 3, "attempt": 2, "maxAttempts": 3},
        {"status": 200, "state": "completed", "engine": {"notes": ["A note."]}},
        {"error_code": 0, "data": {"image_url": "https://results.example/a.jpg"}},
        {"error_detail": {"status_code": 422, "code": "FILE_DECODING_FAILURE"}, "request_id": "r"},
    ]
    return [bytes([pick]) + json.dumps(body).encode() for pick in range(10) for body in bodies]


TARGETS: Final[Mapping[str, tuple[Callable[[bytes], None], list[bytes]]]] = {
    "answer": (answer, _answers()),
    "archive": (
        archive,
        [
            zipped({**SOUND, "result.json": _TOLD}),
            zipped({f"job/{n}": d for n, d in SOUND.items()}, zipfile.ZIP_STORED),
        ],
    ),
    "result_json": (result_json, [_TOLD, b"{}"]),
    "picture": (picture, _pictures()),
    "boxes": (boxes, _pictures()),
    "record": (record, [_record()]),
    "steps": (steps, [b"Heal 1.0\nDodge Burn 1.0 0.2 scale=2 layer", read_recipe("balanced").payload.encode()]),
    "rectangles": (rectangles, [b"1,2,3,4 5,6,7,4", b'[{"x":1,"y":2,"width":3,"height":4}]']),
    "wish": (wish, [b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"]),
    "key": (key, [b"k-1234567890"]),
}  # fmt: skip
"""What can be fuzzed, by name, and what it begins with."""


def fed(name: str, data: bytes) -> None:
    """Feed a target; whatever it raises beyond a `RetouchError` is a finding."""
    with contextlib.suppress(RetouchError):
        TARGETS[name][0](data)
