"""The embedded engine against Retouch4me's page: requests and answers are literals, nothing of the client is used."""

import asyncio
import copy
import io
import json
import queue
import re
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.blend import BlendMode
from retouch_nb.engine import SERVED, Engine, EngineSettings, Fault
from retouch_nb.layers import LayerStack

START = "/api/v1/retoucher/start"
MB = 1_000_000

STEPS: list[dict[str, Any]] = [
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0},
    {"Plugin": "Fabric", "Scale": 0, "Alpha1": 0.39},
    {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 1.0},
    {"Plugin": "Eye Brilliance", "Scale": 0, "Alpha1": 0.5},
    {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.25, "Alpha2": 0.25},
    {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.0, "Alpha2": 0.2},
    {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 1.0, "Alpha2": 1.0},
    {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.5},
]
BALANCED = {"mode": "professional", "tasks": STEPS}
HEAL = {"mode": "professional", "tasks": STEPS[:1]}
MASK = {"Plugin": "Skin Mask", "Scale": 0, "Alpha1": 1.0}
LAYERED = {"mode": "professional", "tasks": [step | {"Layer": 1} for step in (MASK, *STEPS)]}
LIFT = {
    "Plugin": "Face Lifting",
    "face_lifting_version": 3,
    "Face Lifting": 1.0,
    "Face Masculinity": 0.55,
    "Double Chin Correction": 1.0,
    "Face Lifting Depth": 0.6,
    "Flow Smoothing": 0.1,
}
GLASSES = {"Plugin": "Glasses Anti Glare", "LayoutMode": "patch", "Glasses Glare Removal": 1.0}
PATCHED = {
    "mode": "professional",
    "outputFormat": "zip",
    "tasks": [
        {"Plugin": "Face Detection"},
        {"Plugin": "Heal", "Scale": 0, "Layer": 1, "Alpha1": 1.0},
        LIFT | {"Layer": 1},
        GLASSES | {"Layer": 1},
    ],
}
FLAT_LIFT = {
    "mode": "professional",
    "outputFormat": "jpeg",
    "tasks": [
        {"Plugin": "Face Detection"},
        STEPS[0],
        {"Plugin": "Dust", "Scale": 3, "Alpha1": 1.0},
        LIFT,
        GLASSES | {"LayoutMode": "full"},
    ],
}


def encoded(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    """Encode an array of 0 to 255."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Any:
    """Decode a file to an array."""
    return np.asarray(Image.open(io.BytesIO(data)))


Y, X = np.mgrid[0:60, 0:80]
PIXELS = np.stack([60 + X, 90 + Y, 200 - X], 2).astype(np.uint8)
PHOTO = encoded(PIXELS)


@dataclass
class Patch:
    pixels: Any
    offset: tuple[int, int]
    blend_mode: BlendMode
    kind: str = "layer"


@dataclass
class Step:
    index: int
    plugin: str
    layered: bool
    patch: Patch | None = None
    metadata: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Made:
    flat: Any
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


SOFT = {"Dodge Burn", "Skin Tone", "Portrait Volumes"}


def soft_light(b: Any, s: Any) -> Any:
    """Blend by the square-root form."""
    return np.where(
        s <= 0.5, 2 * b * s + b * b * (1 - 2 * s), np.sqrt(b) * (2 * s - 1) + 2 * b * (1 - s)
    )


def laid(below: Any, patch: Patch) -> Any:
    """Composite a patch by the page's formulas, in real numbers."""
    out, (x, y) = below.astype(float), patch.offset
    part = out[y : y + patch.pixels.shape[0], x : x + patch.pixels.shape[1]]
    b, s = part / 255, patch.pixels[..., :3] / 255
    formula = {
        BlendMode.NORMAL: lambda: s,
        BlendMode.SOFT_LIGHT: lambda: soft_light(b, s),
        BlendMode.LINEAR_LIGHT: lambda: np.clip(b + 2 * s - 1, 0, 1),
    }[patch.blend_mode]
    a = patch.pixels[..., 3:] / 255
    part[:] = np.round(255 * (b * (1 - a) + formula() * a))
    return out.astype(np.uint8)


class Work:
    """Portrait work that takes no time, says what it was asked, and waits at its gate when that is shut."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.running = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.faces = True

    def perform(self, pixels: Any, tasks: Any, /, *, progress: Any, at: Any) -> Made:
        self.asked.append(tasks)
        steps, flat = [], pixels
        for index, task in enumerate(tasks):
            at(task["Plugin"])
            progress((index + 0.5) / len(tasks))
            self.running.set()
            assert self.gate.wait(10)
            step = self.step(index, task, pixels)
            if step.patch and step.patch.kind == "layer":
                flat = laid(flat, step.patch)
            steps.append(step)
        progress(1.0)
        return Made(flat, tuple(steps), ("Classical image work.",))

    def step(self, index: int, task: Any, pixels: Any) -> Step:
        plugin, layered = task["Plugin"], bool(task["Layer"])
        if not self.faces and plugin not in ("Heal", "Crop"):
            return Step(index, plugin, layered, notes=("No face was found.",))
        match plugin:
            case "Face Detection":
                face = {
                    "confidence": 0.9,
                    "x1": np.float64(0.1),
                    "landmarks": [{"x": 0.2, "y": 0.3}] * 10,
                }
                return Step(index, plugin, layered, None, {"faces": [face]})
            case "Crop":
                return Step(index, plugin, layered, None, {"angle": 1.5})
            case "Skin Mask":
                mask = Patch(np.full((10, 12), 255, np.uint8), (5, 6), BlendMode.NORMAL, "mask")
                return Step(index, plugin, layered, mask)
            case "Face Lifting":
                flow = Patch(np.full((16, 48, 4), 7, np.uint8), (0, 0), BlendMode.NORMAL, "flow")
                facts = {"blendingMode": "flow", "faceLiftingVersion": 3, **self.size(pixels)}
                return Step(index, plugin, layered, flow, facts | {"faces": [{"flowCount": 0}]})
            case "Glasses Anti Glare":
                return self.glasses(index, layered, pixels, task["LayoutMode"])
        mode = BlendMode.SOFT_LIGHT if plugin in SOFT else BlendMode.NORMAL
        layer = np.random.default_rng(index).integers(0, 256, (20, 30, 4), np.uint8)
        return Step(index, plugin, layered, Patch(layer, (3 * index, 2 * index), mode))

    def size(self, pixels: Any) -> dict[str, int]:
        return {"originalHeight": pixels.shape[0], "originalWidth": pixels.shape[1]}

    def glasses(self, index: int, layered: bool, pixels: Any, layout: str) -> Step:
        matrix = [[1.0, 0.0, -10.0], [0.0, 1.0, -20.0]]
        face = {"glassesAntiGlarePatchMatrix": matrix, "patchHeight": 16, "patchWidth": 32}
        facts = {"blendingMode": "linearLight", "layoutMode": layout, **self.size(pixels)}
        kind = "patch" if layout == "patch" else "layer"
        grey = np.full((16, 32, 4), 140, np.uint8)
        patch = Patch(grey, (10, 20), BlendMode.LINEAR_LIGHT, kind)
        return Step(index, "Glasses Anti Glare", layered, patch, facts | {"faces": [face]})


class Clock:
    now = 1735689600.75

    def __call__(self) -> float:
        return self.now


class Desk:
    """A client on one event loop that goes on between calls."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.work = Work()
        work = {"portrait": self.work.perform}
        self.engine = Engine(EngineSettings(**settings), clock=self.clock, work=work)
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(self.engine.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://engine.test")

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.loop.run_until_complete(self.http.request(method, url, **options))

    def start(
        self,
        payload: Any = HEAL,
        *,
        photo: bytes | None = PHOTO,
        token: str | None = "token",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> httpx.Response:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        data = {"payload": text, **fields} | ({"token": token} if token is not None else {})
        files = (
            {"file": ("p.png", photo, "application/octet-stream")}
            if photo is not None
            else {"x": b"1"}
        )
        return self.ask("POST", START, data=data, files=files, headers=headers or {})

    def started(self, payload: Any = HEAL, **options: Any) -> str:
        answer = self.start(payload, **options)
        body = answer.json()
        assert (answer.status_code, body["status"]) == (200, 200), body
        return str(body["id"])

    def status(self, job: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/api/v1/retoucher/status/{job}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get_file(self, job: str) -> httpx.Response:
        return self.ask("GET", f"/api/v1/retoucher/getFile/{job}")

    def finish(self, job: str) -> dict[str, Any]:
        """Wait for the end of a job without asking for it over and over."""
        [ticket] = [ticket for ticket in self.engine.tasks.tickets if ticket.id == job]
        self.loop.run_until_complete(asyncio.wait_for(ticket.over(), 10))
        return self.status(job)

    def result(self, payload: Any, **options: Any) -> bytes:
        job = self.started(payload, **options)
        assert self.finish(job)["state"] == "completed"
        answer = self.get_file(job)
        assert answer.status_code == 200, answer.text
        return answer.content

    def close(self) -> None:
        self.work.gate.set()
        self.loop.run_until_complete(self.http.aclose())
        self.engine.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    """Give a function that makes a desk with settings."""
    made: list[Desk] = []

    def opened(**settings: Any) -> Desk:
        made.append(Desk(**settings))
        return made[-1]

    yield opened
    for each in made:
        each.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """Give an engine with default settings and a client at its door."""
    return open_desk()


def refused(answer: httpx.Response, status: int) -> str:
    """Check the error body of the page and give its message."""
    body = answer.json()
    assert answer.status_code == status, body
    assert body.keys() == {"status", "message"}
    assert body["status"] == status
    return str(body["message"])


# start, follow, fetch


def test_start_answers_with_an_id_and_what_is_left_today(desk: Desk) -> None:
    """Status 200, an opaque id, a whole number; the token may stand in the form."""
    body = desk.start(BALANCED).json()
    assert body.keys() == {"status", "id", "retouchQuota"}
    assert body["status"] == 200
    assert isinstance(body["id"], str)
    assert isinstance(body["retouchQuota"], int)


def test_the_token_may_come_as_a_header(desk: Desk) -> None:
    """The page on webhooks sends X-Retouch-Token and no field."""
    answer = desk.start(token=None, headers={"X-Retouch-Token": "token"})
    assert answer.json()["status"] == 200


def test_a_job_is_waiting_active_and_completed(desk: Desk) -> None:
    """Every status has all nine fields; only the state says that a job is over."""
    desk.work.gate.clear()
    job = desk.started(BALANCED)
    assert desk.work.running.wait(10)
    running = desk.status(job)
    assert running["state"] == "active"
    assert 0 < running["progress"] < 100
    assert (running["attempt"], running["maxAttempts"]) == (1, 3)
    assert (running["currentStep"], running["pluginName"]) == ("processing", "Heal")
    assert (running["status"], running["reason"]) == (200, "")
    assert running["expireDate"] == "2025-01-02T00:00:00.750Z"
    desk.work.gate.set()
    done = desk.finish(job)
    assert (done["state"], done["progress"], done["reason"]) == ("completed", 100, "")
    assert done.keys() == running.keys()


def test_jobs_behind_others_are_waiting_or_delayed(open_desk: Callable[..., Desk]) -> None:
    """Both mean not over; queue and turn are told apart by them."""
    desk = open_desk(workers=1)
    desk.work.gate.clear()
    jobs = [desk.started() for _ in range(4)]
    assert desk.work.running.wait(10)
    states = {desk.status(job)["state"] for job in jobs}
    assert states <= {"waiting", "delayed", "active"}
    assert "waiting" in states


def test_the_id_alone_opens_status_and_result(desk: Desk) -> None:
    """No example of the page sends a token with either."""
    assert decoded(desk.result(HEAL)).shape == PIXELS.shape


def test_a_result_before_the_end_is_refused(desk: Desk) -> None:
    """Earlier calls fail, and what they bring is no file."""
    desk.work.gate.clear()
    job = desk.started()
    assert "not completed" in refused(desk.get_file(job), 400)


def test_an_unknown_job_is_not_found(desk: Desk) -> None:
    """404 for its status and for its file."""
    refused(desk.ask("GET", "/api/v1/retoucher/status/nobody"), 404)
    refused(desk.get_file("nobody"), 404)


def test_a_job_lives_24_hours(desk: Desk) -> None:
    """A second before the end it is there, then it is unknown."""
    job = desk.started()
    desk.finish(job)
    desk.clock.now += 86399
    assert desk.get_file(job).status_code == 200
    desk.clock.now += 1
    refused(desk.get_file(job), 404)
    refused(desk.ask("GET", f"/api/v1/retoucher/status/{job}"), 404)


def test_a_failed_job_tells_its_reason(desk: Desk) -> None:
    """A photo whose header is right and whose pixels are not is seen only when it is decoded."""
    job = desk.started(photo=PHOTO[: len(PHOTO) // 2])
    failed = desk.finish(job)
    assert failed["state"] == "failed"
    assert failed["reason"]
    refused(desk.get_file(job), 400)


def test_the_engine_really_cancels(desk: Desk) -> None:
    """An extra of its own: DELETE on the status ends a job, a second one forgets it."""
    desk.work.gate.clear()
    job = desk.started()
    assert desk.work.running.wait(10)
    url = f"/api/v1/retoucher/status/{job}"
    assert desk.ask("DELETE", url).json()["state"] == "failed"
    assert desk.ask("DELETE", url).status_code == 200
    refused(desk.ask("GET", url), 404)


# refusals


@pytest.mark.parametrize("token", [None, "", "  "])
def test_no_token_is_460(desk: Desk, token: str | None) -> None:
    """An empty one is none."""
    refused(desk.start(token=token), 460)


def test_a_wrong_token_is_401_with_a_text(open_desk: Callable[..., Desk]) -> None:
    """And is not repeated in it."""
    desk = open_desk(key="right")
    assert "wrong-one" not in refused(desk.start(token="wrong-one"), 401)
    assert desk.start(token="right").status_code == 200


def test_no_file_is_400_in_the_words_of_the_page(desk: Desk) -> None:
    """A missing part and an empty one alike."""
    assert refused(desk.start(photo=None), 400) == "No file uploaded"
    assert refused(desk.start(photo=b""), 400) == "No file uploaded"


def test_what_is_no_jpeg_or_png_is_refused_at_once(desk: Desk) -> None:
    """Goes by content: a name or a type does not make a photo."""
    refused(desk.start(photo=b"GIF89a" + bytes(100)), 400)
    refused(desk.start(photo=encoded(PIXELS, "WEBP")), 400)


def test_limits_are_100_megabytes_and_250_megapixels(desk: Desk) -> None:
    """More is refused before it costs a job."""
    assert "100 MB" in refused(desk.start(photo=PHOTO + bytes(105 * MB)), 400)
    too_large = png_header(16000, 16000)
    assert "250 megapixels" in refused(desk.start(photo=too_large), 400)


def png_header(width: int, height: int) -> bytes:
    """Give a PNG that says how large it is and holds no pixels."""
    small = bytearray(PHOTO)
    small[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)


@pytest.mark.parametrize(
    "payload",
    [
        "{",
        "[]",
        {"tasks": STEPS},
        {"mode": "amateur", "tasks": STEPS},
        {"mode": "professional", "tasks": []},
        {"mode": "professional", "tasks": [{"Plugin": "Make Beautiful"}]},
        {"mode": "professional", "outputFormat": "jpeg", "tasks": [STEPS[0] | {"Layer": 1}]},
    ],
)
def test_a_payload_that_is_not_acceptable_is_462(desk: Desk, payload: Any) -> None:
    """With a text, and nothing is started."""
    assert refused(desk.start(payload), 462)
    assert desk.engine.tasks.tickets == ()


def test_a_missing_payload_is_a_bad_parameter(desk: Desk) -> None:
    """400 and not 462: there is no task that could be invalid."""
    refused(desk.start(""), 400)


def test_refused_requests_cost_nothing(open_desk: Callable[..., Desk]) -> None:
    """A job is counted when it is accepted."""
    desk = open_desk(quota=5)
    for wrong in (desk.start("{"), desk.start(photo=None), desk.start(photo=b"x")):
        assert wrong.status_code in (400, 462)
    assert desk.start().json()["retouchQuota"] == 4


# money


def test_the_quota_counts_down_for_each_token_and_day(open_desk: Callable[..., Desk]) -> None:
    """461 when it is used up; others have their own, and the next day it is whole again."""
    desk = open_desk(quota=2)
    assert [desk.start().json()["retouchQuota"] for _ in range(2)] == [1, 0]
    refused(desk.start(), 461)
    assert desk.start(token="other").json()["retouchQuota"] == 1
    desk.clock.now += 86400
    assert desk.start().json()["retouchQuota"] == 1


def test_a_served_engine_has_the_quota_of_a_small_account() -> None:
    """Inside a kernel nobody is to run out of what costs nothing."""
    assert SERVED.quota == 100
    assert EngineSettings().quota > 100_000


def test_a_repeated_request_is_the_same_job_and_no_second_credit(
    open_desk: Callable[..., Desk],
) -> None:
    """Same key, same token: same id, even once the quota is used up."""
    desk = open_desk(quota=1)
    key = {"Idempotency-Key": "6f9619ff-8b86-d011-b42d-00c04fc964ff"}
    first = desk.start(headers=key).json()
    assert desk.start(headers=key).json() == first
    assert len(desk.engine.tasks.tickets) == 1
    refused(desk.start(headers={"Idempotency-Key": "another"}), 461)


def test_a_repetition_key_belongs_to_its_token(desk: Desk) -> None:
    """Nobody is given another's job, and without a key every request is one of its own."""
    key = {"Idempotency-Key": "k"}
    ids = {
        desk.started(headers=key),
        desk.started(headers=key, token="other"),
        desk.started(),
        desk.started(),
    }
    assert len(ids) == 4


def test_a_request_sent_twice_at_once_is_one_job(desk: Desk) -> None:
    """The second comes while the first is still being read."""

    async def both() -> list[httpx.Response]:
        data = {"token": "t", "payload": json.dumps(HEAL)}
        options: dict[str, Any] = {"data": data, "headers": {"Idempotency-Key": "k"}}
        sent = [
            desk.http.post(START, files={"file": ("p.png", PHOTO)}, **options) for _ in range(2)
        ]
        return list(await asyncio.gather(*sent))

    one, other = desk.loop.run_until_complete(both())
    assert one.json() == other.json()
    assert len(desk.engine.tasks.tickets) == 1


def test_both_forms_of_the_balance_tell_what_is_left(open_desk: Callable[..., Desk]) -> None:
    """Multipart, url-encoded as some clients send it, and JSON; several modes are a map."""
    desk = open_desk(quota=6, key="token")
    desk.started()
    form = {"retouchtoken": "token", "modes[]": ["professional", "other"]}
    told = {"status": 200, "remaining": {"professional": 5, "other": 0}}
    path = "/api/retouch/v1/balance"
    multipart = [("retouchtoken", (None, "token"))]
    multipart += [("modes[]", (None, mode)) for mode in ("professional", "other")]
    assert desk.ask("POST", path, files=multipart).json() == told
    assert desk.ask("POST", path, data=form).json() == told
    header, modes = {"X-Retouch-Token": "token"}, {"modes": ["professional"]}
    other = desk.ask("POST", "/api/v1/balance", json=modes, headers=header)
    assert other.json() == {"status": 200, "remaining": {"professional": 5}}
    refused(desk.ask("POST", path, data=form | {"retouchtoken": "wrong"}), 401)
    refused(desk.ask("POST", path, data={"retouchtoken": "token"}), 400)
    refused(desk.ask("POST", "/api/v1/balance", json=modes), 460)
    refused(desk.ask("POST", "/api/v1/balance", content=b"{", headers=header), 400)
    refused(desk.ask("POST", "/api/v1/balance", json=[], headers=header), 400)
    refused(desk.ask("POST", "/api/v1/balance", content=bytes(2 * MB), headers=header), 413)


def test_the_limits_are_told_only_when_switched_on(open_desk: Callable[..., Desk]) -> None:
    """The page says that production has no such route at present."""
    refused(open_desk().ask("GET", "/api/v1/info/limits"), 404)
    assert open_desk(limits_route=True).ask("GET", "/api/v1/info/limits").json() == {
        "image": {"formats": ["png", "jpg", "jpeg"], "maxFileSizeInMB": 100, "maxMegapixels": 250},
        "archive": {"formats": ["zip"]},
    }


# results


def test_a_flat_picture_is_what_was_asked_for(desk: Desk) -> None:
    """JPEG when the payload says so; else PNG for a PNG, to the last bit, and JPEG for a JPEG."""
    jpeg = HEAL | {"outputFormat": "jpeg"}
    assert desk.result(jpeg).startswith(b"\xff\xd8\xff")
    assert desk.result(HEAL, photo=encoded(PIXELS, "JPEG")).startswith(b"\xff\xd8\xff")
    wanted = desk.work.perform(PIXELS, desk.work.asked[0], progress=print, at=print).flat
    assert np.array_equal(decoded(desk.result(HEAL)), wanted)


def test_transparency_and_profile_of_a_png_are_kept(desk: Desk) -> None:
    """As JPEG the transparency cannot be, and the notes say so."""
    alpha = np.full((60, 80), 200, np.uint8)
    photo = encoded(np.dstack([PIXELS, alpha]), icc_profile=b"\0" * 16 + b"RGB " + bytes(200))
    image = Image.open(io.BytesIO(desk.result(HEAL, photo=photo)))
    assert np.array_equal(np.asarray(image)[..., 3], alpha)
    assert image.info["icc_profile"]
    job = desk.started(HEAL | {"outputFormat": "jpeg"}, photo=photo)
    assert "transparency" in " ".join(desk.finish(job)["engine"]["notes"])


def test_layers_composite_to_the_flat_picture(desk: Desk) -> None:
    """The ZIP, read by what users have for it, gives the flat result within 2 of 255."""
    stack = LayerStack.from_zip(desk.result(LAYERED), base=PHOTO)
    assert len(stack) == 9
    flat = decoded(desk.result({"mode": "professional", "tasks": [MASK, *STEPS]}))
    difference = np.abs(stack.composite().to_numpy().astype(int) - flat)
    assert difference.max() <= 2
    assert np.abs(flat.astype(int) - PIXELS).max() > 50


def test_the_zip_has_a_full_sheet_for_each_layered_task(desk: Desk) -> None:
    """PNGs of the photo's size, named by order, plug-in and mode, not packed a second time."""
    with zipfile.ZipFile(io.BytesIO(desk.result(LAYERED))) as archive:
        assert archive.namelist() == [
            "00_Skin Mask.png",
            "01_Heal_blendmode=normal.png",
            "02_Fabric_blendmode=normal.png",
            "03_Eye Vessels_blendmode=normal.png",
            "04_Eye Brilliance_blendmode=normal.png",
            "05_White Teeth_blendmode=normal.png",
            "06_Dodge Burn_blendmode=softLight.png",
            "07_Skin Tone_blendmode=softLight.png",
            "08_Portrait Volumes_blendmode=softLight.png",
        ]
        pictures = [decoded(archive.read(name)) for name in archive.namelist()]
        assert all(file.compress_type == zipfile.ZIP_STORED for file in archive.infolist())
    assert pictures[0].shape == (60, 80)
    assert {picture.shape for picture in pictures[1:]} == {(60, 80, 4)}
    assert (pictures[0] > 0).sum() == 120
    assert pictures[1][..., 3].any()


def test_a_patch_comes_with_its_place_in_result_json(desk: Desk) -> None:
    """As in the page's sample: keys in order, indexes into tasks, no entry for Heal."""
    with zipfile.ZipFile(io.BytesIO(desk.result(PATCHED))) as archive:
        names = archive.namelist()
        text = archive.read("result.json").decode()
        [patch] = [name for name in names if fnmatch(name, "*Glasses Anti Glare*patch.png")]
        assert "blendmode=linearLight" in patch
        assert decoded(archive.read(patch)).shape == (16, 32, 4)
    assert names == [
        "01_Heal_blendmode=normal.png",
        "02_Face Lifting_blendmode=flow.png",
        patch,
        "result.json",
    ]
    result = json.loads(text)
    assert (result["jsonVersion"], result["qwVersion"]) == ("1", "1.055")
    plugins = result["plugins"]
    assert [p["operationIndex"] for p in plugins] == [0, 2, 3]
    assert [p["pluginName"] for p in plugins] == [
        "Face Detection",
        "Face Lifting",
        "Glasses Anti Glare",
    ]
    assert plugins[0]["metadata"]["faces"][0]["x1"] == 0.1
    assert plugins[1]["blendingMode"] == "flow"
    assert plugins[2]["faces"][0]["patchWidth"] == 32
    assert list(result) == sorted(result)
    assert all(list(plugin) == sorted(plugin) for plugin in plugins)


def test_a_patch_is_placed_by_what_users_have_for_it(desk: Desk) -> None:
    """One face, one matrix: it lies where the engine took it from."""
    stack = LayerStack.from_zip(desk.result(PATCHED), base=PHOTO)
    glasses = stack["Glasses Anti Glare"]
    assert glasses.kind == "patch"
    assert glasses.placement is not None
    stack = stack.adjust("Heal", visible=False)
    changed = np.any(stack.composite().to_numpy() != PIXELS, axis=2)
    ys, xs = np.nonzero(changed)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (20, 35, 10, 41)


def test_a_full_layout_is_a_layer_like_others(desk: Desk) -> None:
    """Linear light, at the photo's size, no patch in its name."""
    payload = copy.deepcopy(PATCHED)
    payload["tasks"] = [*PATCHED["tasks"][:2], GLASSES | {"Layer": 1, "LayoutMode": "full"}]
    stack = LayerStack.from_zip(desk.result(payload), base=PHOTO)
    assert stack["Glasses Anti Glare"].blend_mode == BlendMode.LINEAR_LIGHT
    assert stack["Glasses Anti Glare"].size == (80, 60)


def test_a_plug_in_that_found_nothing_delivers_an_empty_layer(desk: Desk) -> None:
    """One PNG for each layered task, face or no face; the notes say why it is empty."""
    desk.work.faces = False
    job = desk.started(LAYERED)
    assert "No face was found." in desk.finish(job)["engine"]["notes"]
    stack = LayerStack.from_zip(desk.get_file(job).content, base=PHOTO)
    assert len(stack) == 9
    only_heal = stack.adjust("Heal", visible=False)
    assert np.array_equal(only_heal.composite().to_numpy(), PIXELS)


def test_a_layered_crop_is_facts_and_no_picture(desk: Desk) -> None:
    """Its predicted values stand in result.json, below metadata."""
    crop = {"Plugin": "Crop", "Layer": 1, "User Params": {"AutoStraightenMode": "AI"}}
    payload = {"mode": "professional", "outputFormat": "zip", "tasks": [crop]}
    with zipfile.ZipFile(io.BytesIO(desk.result(payload))) as archive:
        assert archive.namelist() == ["result.json"]
        [entry] = json.loads(archive.read("result.json"))["plugins"]
    assert entry == {"metadata": {"angle": 1.5}, "operationIndex": 0, "pluginName": "Crop"}


def test_flat_face_work_of_the_page_runs_to_its_end(desk: Desk) -> None:
    """Face detection, heal, dust, lifting and glasses in one flat JPEG."""
    assert decoded(desk.result(FLAT_LIFT)).shape == PIXELS.shape


def test_a_photo_is_turned_upright_before_it_is_worked_on(desk: Desk) -> None:
    """Layers are of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = encoded(PIXELS, "JPEG", exif=exif)
    assert decoded(desk.result(HEAL, photo=photo)).shape == (80, 60, 3)


# faults


def test_stale_progress_second_attempt_and_unlisted_state_can_be_taught(desk: Desk) -> None:
    """Each touches an active job only, and says nothing that would be a completed one."""
    desk.work.gate.clear()
    job = desk.started()
    assert desk.work.running.wait(10)
    desk.engine.faults.switch_on(Fault.STALE_PROGRESS)
    told = desk.status(job)
    assert (told["state"], told["progress"]) == ("active", 100)
    desk.engine.faults.switch_on(Fault.SECOND_ATTEMPT)
    told = desk.status(job)
    assert (told["attempt"], told["maxAttempts"]) == (2, 3)
    desk.engine.faults.switch_on(Fault.UNLISTED_STATE)
    assert desk.status(job)["state"] == "unlisted"
    desk.work.gate.set()
    desk.engine.faults.switch_on(Fault.STALE_PROGRESS)
    assert desk.finish(job)["state"] == "completed"
    assert desk.engine.faults.on == {"stale-progress": 1}


def test_a_zip_can_come_with_a_wrong_type(desk: Desk) -> None:
    """The bytes are right; who trusts the header loses the layers."""
    job = desk.started(PATCHED)
    desk.finish(job)
    desk.engine.faults.switch_on(Fault.WRONG_TYPE)
    answer = desk.get_file(job)
    assert answer.headers["content-type"] == "text/html"
    assert answer.content.startswith(b"PK\x03\x04")
    assert desk.get_file(job).headers["content-type"] == "application/zip"


def test_running_out_of_credits_can_be_taught(desk: Desk) -> None:
    """461, and nothing was accepted; asking about jobs does not use the fault up."""
    desk.engine.faults.switch_on(Fault.NO_CREDITS)
    refused(desk.get_file("nobody"), 404)
    refused(desk.start(), 461)
    assert desk.engine.tasks.tickets == ()
    assert desk.start().status_code == 200


# hooks


@pytest.fixture
def receiver() -> Iterator[tuple[str, "queue.Queue[Any]"]]:
    """Give the address of a receiver on this machine, and what it receives."""
    received: queue.Queue[Any] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((self.path, json.loads(body)))
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hook_is_called_when_the_job_is_over(
    open_desk: Callable[..., Desk], receiver: tuple[str, "queue.Queue[Any]"]
) -> None:
    """Once, by POST, with id and state, completed or failed; its redirect leads nowhere."""
    address, received = receiver
    desk = open_desk(allow_private_urls=True)
    job = desk.started(hook=f"{address}/done?x=1")
    told = {"id": job, "state": "completed", "sender": "retouch_nb embedded engine"}
    assert received.get(timeout=10) == ("/done?x=1", told)
    failing = desk.started(hook=address, photo=PHOTO[: len(PHOTO) // 2])
    path, told = received.get(timeout=10)
    assert (path, told["id"], told["state"]) == ("/", failing, "failed")
    assert received.empty()


@pytest.mark.parametrize(
    "hook",
    [
        "ftp://example.org",
        "no address",
        "https://u:p@example.org/x",
        "http://",
        "http://x/" + "y" * 512,
    ],
)
def test_a_hook_that_is_no_address_is_a_bad_parameter(desk: Desk, hook: str) -> None:
    """Seen before a job is started; secrets have no place in it."""
    refused(desk.start(hook=hook), 400)
    assert desk.engine.tasks.tickets == ()


def test_the_page_asks_for_dates_in_milliseconds(desk: Desk) -> None:
    """ISO 8601 with three decimals and Z, also on a whole second."""
    desk.clock.now = 1735689600.0
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", desk.status(desk.started())["expireDate"]
    )
