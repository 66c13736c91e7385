import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.blend import BlendMode
from retouch_nb.engine import hooks, pictures
from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.pictures import Picture
from retouch_nb.engine.quota import Quota
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.retouch4me import BOUNDS
from retouch_nb.engine.retouch4me_result import file_name, flat, framed, layered

PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.1"


@dataclass
class Patch:
    pixels: Any
    offset: tuple[int, int] = (0, 0)
    blend_mode: BlendMode = BlendMode.NORMAL
    kind: str = "layer"


@dataclass
class Step:
    index: int
    plugin: str
    patch: Patch | None = None
    layered: bool = True
    metadata: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Made:
    flat: Any
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def png_header(width: int, height: int) -> bytes:
    """Give a PNG that says how large it is and holds no pixels."""
    size = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunk = b"\0\0\0\x0d" + size + zlib.crc32(size).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big")


# limits


def test_up_to_250_megapixels_are_taken() -> None:
    """Also those of which Pillow alone would say that they are a bomb."""
    limit = Image.MAX_IMAGE_PIXELS
    assert pictures.size_of(png_header(25_000, 10_000), bounds=BOUNDS) == (25_000, 10_000)
    with pytest.raises(Failure, match="250 megapixels") as caught:
        pictures.size_of(png_header(25_001, 10_000), bounds=BOUNDS)
    assert caught.value.cause is Cause.TOO_LARGE
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"GIF89a", b"\xff\xd8\xff", b"BM" + bytes(60)]
)
def test_only_jpeg_and_png_are_read(data: bytes) -> None:
    """By content, and a broken one is a failure like any other."""
    with pytest.raises(Failure) as caught:
        pictures.size_of(data, bounds=BOUNDS)
    assert caught.value.cause is Cause.BROKEN


# the quota


def test_a_quota_is_counted_by_owner_and_day_of_utc() -> None:
    """The last second of a day is still that day; the first of the next forgets."""
    now = [86399.9]
    quota = Quota(1, clock=lambda: now[0])
    quota.spend("a")
    assert (quota.left("a"), quota.left("b")) == (0, 1)
    with pytest.raises(Refusal) as caught:
        quota.spend("a")
    assert caught.value.status == 461
    assert quota.left("a") == 0
    now[0] = 86400.0
    assert quota.left("a") == 1


# results


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (Step(1, "Heal", Patch(None)), "01_Heal_blendmode=normal.png"),
        (
            Step(12, "Dodge Burn", Patch(None, blend_mode=BlendMode.SOFT_LIGHT)),
            "12_Dodge Burn_blendmode=softLight.png",
        ),
        (Step(0, "Skin Mask", Patch(None, kind="mask")), "00_Skin Mask.png"),
        (Step(2, "Face Lifting", Patch(None, kind="flow")), "02_Face Lifting_blendmode=flow.png"),
        (
            Step(3, "Glasses Anti Glare", Patch(None, (0, 0), BlendMode.LINEAR_LIGHT, "patch")),
            "03_Glasses Anti Glare_blendmode=linearLight_patch.png",
        ),
        (Step(4, "Glasses Anti Glare"), "04_Glasses Anti Glare_blendmode=linearLight.png"),
        (Step(5, "Skin Tone"), "05_Skin Tone_blendmode=softLight.png"),
        (Step(6, "Mattifier"), "06_Mattifier_blendmode=normal.png"),
    ],
)
def test_files_are_named_by_order_plug_in_and_mode(step: Step, name: str) -> None:
    """What has a layer says its mode; what found nothing has the one the page gives its plug-in."""
    assert file_name(step) == name


@pytest.mark.parametrize("offset", [(0, 0), (2, 1), (-1, -2), (5, 4), (9, 9), (-9, 0)])
def test_a_part_is_laid_where_it_belongs_and_cut_at_the_edges(offset: tuple[int, int]) -> None:
    """Pixel by pixel the same as asking for each whether the part is there."""
    part = np.arange(1, 13, dtype=np.uint8).reshape(3, 4)
    sheet = framed(part, offset, (5, 6))
    for y in range(5):
        for x in range(6):
            u, v = x - offset[0], y - offset[1]
            inside = 0 <= u < 4 and 0 <= v < 3
            assert sheet[y, x] == (part[v, u] if inside else 0)


def test_a_picture_of_another_size_loses_its_transparency() -> None:
    """A crop has no place for the old one, and the notes say so."""
    photo = Picture(np.zeros((8, 9, 3), np.uint8), alpha=np.full((8, 9), 7, np.uint8))
    product = flat(photo, Made(np.zeros((4, 5, 3), np.uint8)), jpeg=False)
    assert Image.open(io.BytesIO(product.data)).mode == "RGB"
    assert "transparency" in str(product.facts["notes"])
    assert "transparency" not in str(flat(photo, Made(photo.pixels), jpeg=False).facts["notes"])


def test_a_task_that_is_not_layered_has_no_file_and_its_facts_stay() -> None:
    """Only what was asked for as a layer is one; a mask is black where nothing was found."""
    photo = Picture(np.zeros((8, 9, 3), np.uint8))
    steps = (
        Step(0, "Face Detection", layered=False, metadata={"faces": []}),
        Step(1, "Heal", Patch(np.ones((2, 2, 4), np.uint8)), layered=False, notes=("Two spots.",)),
        Step(2, "Skin Mask", notes=("Two spots.",)),
    )
    product = layered(photo, Made(photo.pixels, steps), notes=["Ignored."])
    with zipfile.ZipFile(io.BytesIO(product.data)) as archive:
        assert archive.namelist() == ["02_Skin Mask.png", "result.json"]
        mask = Image.open(io.BytesIO(archive.read("02_Skin Mask.png")))
    assert (mask.size, mask.mode, mask.getextrema()) == ((9, 8), "L", (0, 0))
    assert product.facts["notes"] == ["Ignored.", "Two spots."]


def test_without_facts_there_is_no_result_json() -> None:
    """It comes when there is any metadata."""
    photo = Picture(np.zeros((8, 9, 3), np.uint8))
    product = layered(photo, Made(photo.pixels, (Step(0, "Heal"),)))
    with zipfile.ZipFile(io.BytesIO(product.data)) as archive:
        assert archive.namelist() == ["00_Heal_blendmode=normal.png"]


# hooks


class Receiver:
    """Takes what is sent to an address and answers with a redirect."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(307, headers={"location": "http://10.0.0.1/"})


def test_a_hook_is_called_at_the_address_that_was_judged() -> None:
    """The name stays in the host header, and a redirect is not followed."""
    receiver = Receiver()
    url = "https://hooks.example.org:8443/done?x=1"
    hooks.call(url, "id", "completed", resolve=lambda *_: [PUBLIC], transport=receiver.transport)
    [request] = receiver.requests
    assert (request.method, str(request.url)) == ("POST", f"https://{PUBLIC}:8443/done?x=1")
    assert request.headers["host"] == "hooks.example.org:8443"
    assert request.headers["content-type"] == "application/json"
    assert (
        request.content
        == b'{"id": "id", "state": "completed", "sender": "retouch_nb embedded engine"}'
    )


@pytest.mark.parametrize("addresses", [[PRIVATE], [PUBLIC, PRIVATE], ["127.0.0.1"], []])
def test_a_private_hook_is_not_called_unless_allowed(addresses: list[str]) -> None:
    """One private address of a name is enough; nobody waits for the call, so nothing is raised."""
    receiver = Receiver()
    options: dict[str, Any] = {"resolve": lambda *_: addresses, "transport": receiver.transport}
    hooks.call("http://inside.example.org/", "id", "failed", **options)
    assert receiver.requests == []
    hooks.call("http://inside.example.org/", "id", "failed", allow_private=True, **options)
    assert len(receiver.requests) == bool(addresses)


def test_a_hook_that_cannot_be_reached_is_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the query, in which people keep their secrets."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    transport = httpx.MockTransport(broken)
    url = "http://example.org/hook?key=secret"
    hooks.call(url, "id", "failed", resolve=lambda *_: [PUBLIC], transport=transport)
    assert "http://example.org/hook" in caplog.text
    assert "secret" not in caplog.text


def test_the_address_of_a_hook_is_checked_before_a_job_starts() -> None:
    """The scheme is http or https, with a name, of bounded length, without credentials."""
    assert hooks.hook_of(None) is None
    assert hooks.hook_of("https://example.org/hook") == "https://example.org/hook"
    for bad in (
        "x",
        "file:///etc/passwd",
        "https://u@example.org",
        "http:///",
        "http://e:port/",
        "http://e/" + "x" * 600,
    ):
        with pytest.raises(Refusal) as caught:
            hooks.hook_of(bad)
        assert caught.value.status == 400
