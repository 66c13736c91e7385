"""Whatever a service sends back ends in a result or in one error with a type, and in nothing else.

Five operations of three services that keep their contract up to the moment that is tried, and then say what the test gives them.
"""

import asyncio
import base64
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Client, Route
from retouch_nb.contract import Operation
from retouch_nb.credentials import Credentials
from retouch_nb.errors import (
    ProtocolError,
    RetouchError,
    ServiceError,
    UnknownOutcomeError,
)
from retouch_nb.photo import Photo
from retouch_nb.providers import operations
from retouch_nb.providers.ailabtools import MatchStyle
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch

PHOTO = Photo.open(np.full((40, 60, 3), 90, np.uint8))
RESULT = PHOTO.data
KEY = "canary-7f3a9c51"
SPOT = np.zeros((40, 60), bool)
SPOT[9:20, 9:30] = True
OPERATIONS: dict[str, Callable[[], Operation]] = {
    "inpaint": lambda: Inpaint(PHOTO, SPOT),
    "enhance": lambda: Enhance(PHOTO),
    "retouch_object": lambda: RetouchObject(PHOTO, SPOT),
    "match_style": lambda: MatchStyle(PHOTO, PHOTO),
    "retouch": lambda: Retouch(PHOTO, "Heal 1.0", layers=True),
}
PROVIDERS = {name: operations()[name].provider for name in OPERATIONS}
POLLED = [name for name in OPERATIONS if name != "match_style"]
every = pytest.mark.parametrize("name", OPERATIONS)


def said(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    """Give an answer: bytes as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


class Service(httpx.AsyncBaseTransport):
    """Any of the five; `plans` says what comes instead of the usual answer, for ever."""

    def __init__(self, **plans: httpx.Response) -> None:
        self.plans = plans
        self.posts = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        self.posts += request.method == "POST"
        kind = self._kind(request)
        return self.plans.get(kind) or getattr(self, f"_{kind}")(request)

    def _kind(self, request: httpx.Request) -> str:
        if request.method == "POST":
            return "start"
        away = request.url.host == "results.example" or "getFile" in request.url.path
        return "result" if away else "state"

    def _start(self, request: httpx.Request) -> httpx.Response:
        if "ailab" in str(request.url) or "editing" in request.url.path:
            return said({"error_code": 0, "data": {"image_url": "https://results.example/a"}})
        return said({"status": 200, "id": "t-1", "data": {"task_id": "t-1"}})

    def _state(self, request: httpx.Request) -> httpx.Response:
        if "retoucher" in request.url.path:
            return said({"status": 200, "state": "completed"})
        task = {"task_id": "t-1", "state": 1, "image": "https://results.example/a"}
        return said({"status": 200, "data": task})

    def _result(self, request: httpx.Request) -> httpx.Response:
        return said(RESULT)


def run(home: Path, name: str, service: Service) -> Any:
    """Run an operation against a service, on a clock that jumps."""
    now = [1_700_000_000.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    environ = {provider.key_env: KEY for provider in PROVIDERS.values()}
    client = Client(
        home,
        credentials=Credentials(environ, keyring=lambda: None),
        clock=lambda: now[0],
        monotonic=lambda: now[0],
        sleep=sleep,
        random=lambda: 0.0,
    )
    provider = PROVIDERS[name]
    route = Route(provider, "https://service.example", provider.title, transport=service)
    try:
        return asyncio.run(client.run(OPERATIONS[name](), route))
    finally:
        client.close()


def ends(home: Path, name: str, service: Service) -> RetouchError:
    """Run an operation that must end in an error, and look at all that is left behind."""
    with pytest.raises(RetouchError) as caught:
        run(home, name, service)
    kept = [path.name for path in home.parent.rglob("*") if path.is_file()]
    assert all(path.startswith("journal.sqlite3") or path.startswith(OWN) for path in kept), kept
    assert not any(c in str(caught.value) for c in "\x1b\x00\x9b\u202e")
    assert len(str(caught.value)) < 1500
    return caught.value


OWN = tuple("0123456789abcdef")
"""How the names of the files begin by which clients know of each other."""


@every
def test_the_services_of_these_tests_work(home: Path, name: str) -> None:
    """With nothing in the way there is a result, so what fails below fails for its own reason."""
    assert run(home, name, Service()).data == RESULT


DEEP = b'{"data":' * 50_000
SENSELESS = {
    "empty": b"",
    "html": b"<!doctype html><script>alert(1)</script>",
    "deep": DEEP,
    "list": b"[]",
    "nan": b'{"status": NaN}',
    "infinity": b'{"status": 200, "data": {"state": Infinity}}',
    "digits": b'{"status": ' + b"9" * 5000 + b"}",
    "large": b'{"status": 1e308, "data": 1e308}',
    "negative": b'{"status": -1}',
    "wrong types": b'{"status": [200], "data": [1], "id": {"a": 1}, "state": {"b": 2}}',
    "no keys": b'{"status": 200}',
    "null": b'{"status": 200, "data": null, "id": null, "state": null}',
    "many": b'{"data": [' + b"{}," * 700_000 + b"0]}",
    "surrogate": b'{"status": 200, "id": "\\ud800", "data": {"task_id": "\\ud800"}}',
    "long id": json.dumps({"id": "x" * 300, "data": {"task_id": "x" * 300}}).encode(),
    "odd id": json.dumps({"id": "\x1b[2J", "data": {"task_id": "\x1b[2J"}}).encode(),
    "twice": b'{"status": 200, "status": 204, "id": "", "data": 3}',
    "utf-16": '{"status": 200}'.encode("utf-16"),
    "half a character": b'{"status": "\xff\xfe',
    "packed twice": b"\x1f\x8b",
}


@every
@pytest.mark.parametrize("what", SENSELESS)
def test_a_senseless_answer_to_a_start_is_one_error(home: Path, name: str, what: str) -> None:
    """It may have been paid: the error says so, names the service, and nothing is sent twice."""
    service = Service(start=said(SENSELESS[what]))
    error = ends(home, name, service)
    assert isinstance(error, UnknownOutcomeError | ServiceError)
    assert PROVIDERS[name].title in str(error)
    assert service.posts == 1 or PROVIDERS[name].idempotent


@pytest.mark.parametrize("name", POLLED)
@pytest.mark.parametrize("what", sorted(SENSELESS))
def test_a_senseless_state_is_one_error_with_the_id(home: Path, name: str, what: str) -> None:
    """The task is paid for, so the error names service, code and task, and it can be taken up again."""
    service = Service(state=said(SENSELESS[what]))
    error = ends(home, name, service)
    told = str(error)
    assert "t-1" in told and PROVIDERS[name].title in told
    assert service.posts == 1
    if isinstance(error, ServiceError):
        assert (error.provider, error.ticket) == (PROVIDERS[name].title, "t-1")
        assert error.code


def chunk(kind: bytes, body: bytes) -> bytes:
    """Make a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes, extra: bytes = b"") -> bytes:
    """Make a PNG that claims a size."""
    header = struct.pack(">II", width, height) + bytes([8, 2, 0, 0, 0])
    parts = [chunk(b"IHDR", header), extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return RESULT[:8] + b"".join(parts)


def zipped(*files: tuple[str, bytes]) -> bytes:
    """Make a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files:
            archive.writestr(file, data)
    return buffer.getvalue()


NO_PICTURES = {
    "empty": b"",
    "html": b"<html><script>alert(1)</script>",
    "json": b'{"status": 200}',
    "escapes": b"\x1b]0;title\x07\x1b[2J",
    "cut": RESULT[: len(RESULT) // 2],
    "half a jpeg": b"\xff\xd8\xff\xe0" + bytes(100),
    "gif": b"GIF89a" + bytes(100),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "too many pixels": png(60_000, 60_000, b""),
    "no pixels": png(60, 40, zlib.compress(b"")),
    "no size": png(0, 0, b""),
    "a bomb beside": png(6, 4, zlib.compress(bytes(76)), chunk(b"iCCP", b"i\0\0" + zlib.compress(bytes(9**8)))),
    "texts": png(6, 4, zlib.compress(bytes(76)), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9**8)))),
    "bmp of nothing": b"BM" + bytes(60),
    "bmp of much": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 2**30, -(2**30), 1, 24, 0) + bytes(40),
    "tiff in a circle": b"II*\x00\x08\x00\x00\x00" + struct.pack("<HI", 0, 8),
    "webp": b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(30),
}  # fmt: skip


@every
@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_is_one_error_with_the_id(home: Path, name: str, what: str) -> None:
    """Cut, mislabelled or built to unpack: refused by what it is, in little memory, and never handed out."""
    service = Service(result=said(NO_PICTURES[what], **{"content-type": "image/png"}))
    tracemalloc.start()
    error = ends(home, name, service)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, ServiceError)
    assert error.provider == PROVIDERS[name].title
    assert error.code
    assert error.ticket == ("" if name == "match_style" else "t-1")
    assert service.posts == 1
    assert peak < 50_000_000


@pytest.mark.parametrize(
    "image",
    [
        "",
        7,
        ["https://results.example/a"],
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//results.example/a",
        "https://",
        "https://results.example/\ud800",
        "https://results.example/\r\nX-Api-Key: x",
        "https://results.example/" + "a" * 70_000,
        "http://127.0.0.1:1/a",
        "data:image/png;base64,%%%",
        "naïve",
        "A" * 5,
        "a " * 3_000_000,
        base64.b64encode(b"<html>").decode(),
        base64.b64encode(zlib.compress(RESULT)).decode(),
    ],
    ids=lambda image: str(image)[:30].encode("ascii", "backslashreplace").decode(),
)
def test_a_result_that_is_nowhere_is_one_error_with_the_id(home: Path, image: object) -> None:
    """What stands for the picture is an address we follow, or base64 of a picture."""
    task = {"task_id": "t-1", "state": 1, "image": image}
    tracemalloc.start()
    error = ends(home, "enhance", Service(state=said({"status": 200, "data": task})))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, ProtocolError)
    assert (error.provider, error.ticket) == ("PicWish", "t-1")
    assert error.code
    assert peak < 60_000_000


@every
def test_a_result_of_far_too_many_pixels_is_not_decoded(home: Path, name: str) -> None:
    """Sixty bytes that stand for 124 megapixels, of a photo of two thousand pixels, are refused by their head."""
    side = struct.pack("<HH", 11024, 11243)
    bomb = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\x30\1\0\x9d\1\x2a" + side + bytes(14)
    error = ends(home, name, Service(result=said(bomb)))
    assert "11024 x 11243 pixels" in str(error) or "broken" in str(error)


def test_a_long_message_of_a_service_takes_little_memory(home: Path) -> None:
    """Blanks by the million are not taken apart to make one short line of them."""
    service = Service(start=said({"status": 400, "message": "a " * 5_000_000}))
    tracemalloc.start()
    error = ends(home, "enhance", service)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, ServiceError)
    assert peak < 60_000_000


def test_many_small_values_are_not_unpacked(home: Path) -> None:
    """Three bytes on the wire would be seventy in memory."""
    service = Service(start=said(b'{"data": [' + b"{}," * 4_000_000 + b"0]}"))
    tracemalloc.start()
    ends(home, "enhance", service)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
