"""The embedded engine against PicWish's pages: requests and answers are literals, nothing of the client is used."""

import asyncio
import base64
import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.engine import Engine, EngineSettings, Fault

INPAINT = "/api/tasks/visual/inpaint"
SCALE = "/api/tasks/visual/scale"
RETOUCH = "/api/tasks/visual/retouching-collection"
MB = 1_000_000


def encoded(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    """Encode an array of 0 to 255."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Any:
    """Decode a file to an array."""
    return np.asarray(Image.open(io.BytesIO(data)))


PIXELS = np.stack([np.full((30, 40), 10 * c) + np.arange(40) for c in (1, 2, 3)], 2).astype(
    np.uint8
)
PHOTO = encoded(PIXELS)
SPOT = np.zeros((30, 40), bool)
SPOT[10:20, 5:15] = True
MASK = encoded(SPOT * 255)
BLACK = encoded(SPOT * 0)
IMAGE = {"image_file": ("p.png", PHOTO, "image/png")}
BOTH = IMAGE | {"mask_file": ("m.png", MASK, "image/png")}
BOX = '[{"x": 5, "y": 10, "width": 10, "height": 10}]'


class Clock:
    now = 1735689600.75

    def __call__(self) -> float:
        return self.now


class Work:
    """Image work that takes no time, says what it was asked, and waits at its gate when that is shut."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: dict[str, Any] = {}
        self.running = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.names: dict[str, Callable[..., Any]] = {
            "fill": self.fill,
            "enhance": self.enhance,
            "retouch": self.retouch,
            "automatic_factor": lambda width, height: 2,
            "method": lambda area, *, model: "a stand-in",
        }

    def _begin(self, progress: Callable[[float], None], **asked: Any) -> None:
        self.asked = asked
        self.clock.now += 1.5
        progress(0.5)
        self.running.set()
        assert self.gate.wait(10)
        progress(1.0)

    def fill(self, pixels: Any, hole: Any, /, *, progress: Any, model: Any = None) -> Any:
        self._begin(progress, hole=hole, model=model)
        return np.where(hole[..., None], np.uint8(200), pixels)

    def enhance(self, pixels: Any, factor: int, /, *, kind: str, progress: Any) -> Any:
        self._begin(progress, factor=factor, kind=kind)
        return pixels.repeat(factor, 0).repeat(factor, 1)

    def retouch(self, pixels: Any, subject: Any, /, *, progress: Any, **asked: Any) -> Any:
        self._begin(progress, subject=subject, **asked)
        return np.where(subject[..., None], 255 - pixels, pixels)


class Desk:
    """A client on one event loop that goes on between calls, as the one of a kernel does."""

    def __init__(self, settings: EngineSettings) -> None:
        self.clock = Clock()
        self.work = Work(self.clock)
        self.engine = Engine(settings, clock=self.clock, work=self.work.names)
        self.loop = asyncio.new_event_loop()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.engine.app),
            base_url="http://engine.test",
            headers={"X-API-KEY": "key"},
        )

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.loop.run_until_complete(self.http.request(method, url, **options))

    def post(
        self, path: str, data: Any = None, files: Any = None, **options: Any
    ) -> httpx.Response:
        return self.ask("POST", path, data=data, files=files, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def finish(self, task_id: str) -> None:
        """Wait for the end of a task without asking for it over and over."""
        [ticket] = [ticket for ticket in self.engine.tasks.tickets if ticket.id == task_id]
        self.loop.run_until_complete(asyncio.wait_for(ticket.over(), 10))

    def close(self) -> None:
        self.work.gate.set()
        self.loop.run_until_complete(self.http.aclose())
        self.engine.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Give an engine with default settings and a client at its door."""
    made = Desk(EngineSettings())
    yield made
    made.close()


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    """Give a function that makes such a desk with other settings."""
    made: list[Desk] = []

    def opened(**settings: Any) -> Desk:
        made.append(Desk(EngineSettings(**settings)))
        return made[-1]

    yield opened
    for each in made:
        each.close()


def refused(answer: httpx.Response, status: int) -> str:
    """Check the error body of the pages and give its message."""
    body = answer.json()
    assert answer.status_code == status, body
    assert answer.headers["content-type"] == "application/json"
    assert body.keys() == {"status", "message"}
    assert body["status"] == status
    return str(body["message"])


def succeeded(answer: httpx.Response) -> dict[str, Any]:
    """Check the first two gates and give the data."""
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, 200), body
    return dict(body["data"])


# create, poll, download


def test_create_answers_with_a_task_id_alone(desk: Desk) -> None:
    """sync=0: status 200, message success, data.task_id and nothing else; the id is a uuid."""
    answer = desk.post(INPAINT, {"sync": "0", "return_type": "1"}, BOTH)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["message"]) == (200, "success")
    assert body["data"].keys() == {"task_id"}
    uuid.UUID(body["data"]["task_id"])


def test_a_task_goes_through_its_states_to_a_link(desk: Desk) -> None:
    """4 while it is worked on, 1 with an image once it is done, progress rising, and times in whole seconds."""
    desk.work.gate.clear()
    task_id = succeeded(desk.post(INPAINT, {"sync": "0"}, BOTH))["task_id"]
    assert desk.work.running.wait(10)
    running = succeeded(desk.get(f"{INPAINT}/{task_id}"))
    assert (running["task_id"], running["state"]) == (task_id, 4)
    assert running["state_detail"] == "Processing"
    assert 0 < running["progress"] < 100
    assert "image" not in running
    assert "completed_at" not in running
    desk.work.gate.set()
    desk.finish(task_id)
    done = succeeded(desk.get(f"{INPAINT}/{task_id}"))
    assert (done["state"], done["progress"], done["state_detail"]) == (1, 100, "Complete")
    assert (done["created_at"], done["processed_at"], done["completed_at"]) == (
        1735689600,
        1735689600,
        1735689602,
    )
    assert done["time_elapsed"] == 1500.0
    assert done["return_type"] == 1
    picture = desk.get(done["image"], headers={"X-API-KEY": ""})
    assert picture.headers["content-type"] == "image/png"
    assert np.array_equal(decoded(picture.content), np.where(SPOT[..., None], 200, PIXELS))


def test_tasks_that_wait_are_queued_or_waiting(open_desk: Callable[..., Desk]) -> None:
    """0 in the queue, 3 with its picture read and no turn yet; both say so in words."""
    desk = open_desk(workers=1)
    desk.work.gate.clear()
    ids = [succeeded(desk.post(INPAINT, None, BOTH))["task_id"] for _ in range(4)]
    assert desk.work.running.wait(10)
    seen: dict[int, str] = {}
    for task_id in 10_000 * ids:
        told = succeeded(desk.get(f"{INPAINT}/{task_id}"))
        if told["state"] != 2:
            seen[told["state"]] = told["state_detail"]
        if len(seen) == 3:
            break
    assert seen == {0: "Queued", 3: "Waiting", 4: "Processing"}


def test_a_url_encoded_form_starts_a_task_too(desk: Desk) -> None:
    """Without a file, curl -d is enough; the address then fails, which is told by the state."""
    form = {"image_url": "http://127.0.0.1:9/p.png", "rectangles": BOX, "sync": "1"}
    told = succeeded(desk.post(INPAINT, form))
    assert told["state"] == -3
    assert "private" in told["state_detail"]


def test_a_request_as_curl_writes_it_is_understood(desk: Desk) -> None:
    """The literal bytes of a multipart form, with file names and types as curl sends them."""
    head = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: image/png\r\n\r\n'
    body = head % (b"image_file", b"portrait.png") + PHOTO + b"\r\n"
    body += head % (b"mask_file", b"spots.png") + MASK + b"\r\n"
    body += b'--b\r\nContent-Disposition: form-data; name="sync"\r\n\r\n1\r\n--b--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert succeeded(desk.post(INPAINT, content=body, headers=kind))["state"] == 1


def test_sync_answers_with_the_finished_task(desk: Desk) -> None:
    """sync=1 gives what a query would."""
    told = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))
    queried = succeeded(desk.get(f"{INPAINT}/{told['task_id']}"))
    assert (told["state"], told["progress"]) == (1, 100)
    assert {**told, "image": ""} == {**queried, "image": ""}


def test_sync_does_not_hold_up_the_loop(desk: Desk) -> None:
    """Others are answered while one waits."""
    desk.work.gate.clear()

    async def both() -> tuple[int, int]:
        waiting = asyncio.create_task(desk.http.post(INPAINT, data={"sync": "1"}, files=BOTH))
        await asyncio.to_thread(desk.work.running.wait, 10)
        other = await desk.http.get("/api/customers/package-credits")
        desk.work.gate.set()
        return other.status_code, (await waiting).json()["data"]["state"]

    assert desk.loop.run_until_complete(both()) == (200, 1)


def test_base64_is_bare_and_decodes_to_the_picture(desk: Desk) -> None:
    """return_type=2: no prefix, strict base64, on create and on query."""
    told = succeeded(desk.post(INPAINT, {"sync": "1", "return_type": "2"}, BOTH))
    assert told["return_type"] == 2
    picture = decoded(base64.b64decode(told["image"], validate=True))
    assert np.array_equal(picture, np.where(SPOT[..., None], 200, PIXELS))
    assert succeeded(desk.get(f"{INPAINT}/{told['task_id']}"))["image"] == told["image"]


def test_every_query_signs_a_fresh_link_and_the_old_ones_still_work(desk: Desk) -> None:
    """Links cannot be guessed from the task, and none is taken back before its hour."""
    first = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))
    second = succeeded(desk.get(f"{INPAINT}/{first['task_id']}"))
    assert first["image"] != second["image"]
    assert first["task_id"] not in first["image"]
    assert desk.get(first["image"]).content == desk.get(second["image"]).content


def test_task_and_link_live_one_hour(desk: Desk) -> None:
    """At the hour the task is unknown and the link is refused."""
    told = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))
    created = 1735689600.75
    desk.clock.now = created + 3599
    assert desk.get(told["image"]).status_code == 200
    desk.clock.now = created + 3600
    refused(desk.get(f"{INPAINT}/{told['task_id']}"), 404)
    refused(desk.get(told["image"]), 403)


# keys, paths, pace


@pytest.mark.parametrize("path", [f"{INPAINT}/some-id", "/api/customers/package-credits"])
def test_no_key_is_401(desk: Desk, path: str) -> None:
    """On every path, and an empty key is none."""
    del desk.http.headers["x-api-key"]
    refused(desk.get(path), 401)
    refused(desk.get(path, headers={"X-API-KEY": ""}), 401)
    refused(desk.post(SCALE, None, IMAGE), 401)


def test_a_configured_key_is_the_only_one(open_desk: Callable[..., Desk]) -> None:
    """Any other is refused, of whatever bytes, and the message does not give the right one away."""
    desk, credits = open_desk(key="secret"), "/api/customers/package-credits"
    for wrong in ("key", "Secret", "secret2", "secre", "ß".encode()):
        assert "secret" not in refused(desk.get(credits, headers={"X-API-KEY": wrong}), 401)
    assert desk.get(credits, headers={"X-API-KEY": "secret"}).status_code == 200


@pytest.mark.parametrize("path", [INPAINT, SCALE, RETOUCH])
def test_an_unknown_task_is_404(desk: Desk, path: str) -> None:
    """So is a task of another endpoint or of another key."""
    refused(desk.get(f"{path}/0b7f4f0e-6d4c-4c5e-9a2c-3f6b0f6f7a11"), 404)
    refused(desk.get(f"{path}/..%2F..%2Fetc%2Fpasswd"), 404)
    task_id = succeeded(desk.post(INPAINT, None, BOTH))["task_id"]
    if path != INPAINT:
        refused(desk.get(f"{path}/{task_id}"), 404)
    refused(desk.get(f"{INPAINT}/{task_id}", headers={"X-API-KEY": "another"}), 404)


def test_an_unknown_path_is_404_and_a_wrong_method_405_in_the_same_form(desk: Desk) -> None:
    """Every error has the one body."""
    refused(desk.get("/api/tasks/visual/watermark"), 404)
    refused(desk.ask("PUT", INPAINT), 405)


def test_the_third_request_of_a_second_is_429_when_the_pace_is_on(
    open_desk: Callable[..., Desk],
) -> None:
    """Polls and creates count together, for each key; the next second is free again."""
    desk, credits = open_desk(rate_limit=True), "/api/customers/package-credits"
    image = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))["image"]
    desk.clock.now += 10
    refused(desk.get(f"{INPAINT}/x"), 404)
    refused(desk.post(SCALE), 400)
    answer = desk.get(credits)
    refused(answer, 429)
    assert answer.headers["retry-after"] == "1"
    assert desk.get(image).status_code == 200
    assert desk.get(credits, headers={"X-API-KEY": "another"}).status_code == 200
    desk.clock.now += 1
    assert desk.get(credits).status_code == 200


def test_in_process_nobody_is_too_fast(desk: Desk) -> None:
    """The pace is off unless it is switched on."""
    assert {desk.get("/api/customers/package-credits").status_code for _ in range(50)} == {200}


def test_a_full_queue_is_429_with_a_time_to_come_back(open_desk: Callable[..., Desk]) -> None:
    """Tasks beyond the bound are refused and nothing of them is kept."""
    desk = open_desk(workers=1, queue=1)
    desk.work.gate.clear()
    answers = [desk.post(INPAINT, None, BOTH) for _ in range(8)]
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 429}
    refused(answers[-1], 429)
    assert answers[-1].headers["retry-after"] == "1"


def test_credits_answer_the_observed_shape_and_plenty(desk: Desk) -> None:
    """A list of packages with remaining and used credits; nothing is ever used."""
    desk.post(INPAINT, {"sync": "1"}, BOTH)
    body = desk.get("/api/customers/package-credits").json()
    assert body["status"] == 200
    assert [package.keys() for package in body["data"]] == [{"remaining_credits", "used_credits"}]
    assert body["data"][0]["remaining_credits"] >= 1000
    assert body["data"][0]["used_credits"] == 0


# what every endpoint refuses


@pytest.mark.parametrize(
    ("path", "form", "files"),
    [
        (INPAINT, {"rectangles": BOX}, None),
        (SCALE, {"type": "clean"}, None),
        (RETOUCH, None, {"mask_file": ("m.png", MASK)}),
        (RETOUCH, None, IMAGE),
        (INPAINT, {"image_url": "http://a.test/p.png", "rectangles": BOX}, IMAGE),
        (SCALE, {"image_url": "http://a.test/p.png"}, IMAGE),
        (INPAINT, None, IMAGE),
        (INPAINT, {"rectangles": BOX}, BOTH),
        (INPAINT, {"mask_url": "http://a.test/m.png"}, BOTH),
        (INPAINT, {"mask_url": "http://a.test/m.png", "rectangles": BOX}, IMAGE),
        (INPAINT, {"sync": "2"}, BOTH),
        (INPAINT, {"sync": "yes"}, BOTH),
        (INPAINT, {"return_type": "0"}, BOTH),
        (INPAINT, {"return_type": "3", "sync": "1"}, BOTH),
        (SCALE, {"return_type": "3", "sync": "0"}, IMAGE),
        (SCALE, {"return_type": "3"}, IMAGE),
        (SCALE, {"return_type": "4"}, IMAGE),
        (SCALE, {"scale_factor": "3"}, IMAGE),
        (SCALE, {"scale_factor": "0"}, IMAGE),
        (SCALE, {"scale_factor": "2.0"}, IMAGE),
        (SCALE, {"type": "1"}, IMAGE),
        (SCALE, {"type": "Face"}, IMAGE),
        (RETOUCH, {"type": "0"}, BOTH),
        (RETOUCH, {"type": "7"}, BOTH),
        (RETOUCH, {"type": "metal"}, BOTH),
        (RETOUCH, {"retouch_strength": "101"}, BOTH),
        (RETOUCH, {"line_strength": "-1"}, BOTH),
        (RETOUCH, {"line_strength": "nan"}, BOTH),
        (SCALE, {"image_file": "p.png"}, None),
        (SCALE, {"image_url": "http://a.test/" + "x" * 500}, None),
        (INPAINT, {"mask_url": "http://a.test/" + "x" * 500}, IMAGE),
        (RETOUCH, {"retain_mask_url": "http://a.test/" + "x" * 500}, BOTH),
    ],
)
def test_a_missing_wrong_or_forbidden_parameter_is_400(
    desk: Desk, path: str, form: Any, files: Any
) -> None:
    """With a message that names what is meant, and no task."""
    message = refused(desk.post(path, form, files), 400)
    assert len(message) > 10
    assert not desk.engine.tasks.tickets


def test_a_json_body_is_400(desk: Desk) -> None:
    """The pages know forms only."""
    refused(desk.post(SCALE, json={"image_url": "http://a.test/p.png"}), 400)


@pytest.mark.parametrize(
    ("path", "size"), [(INPAINT, 21 * MB), (SCALE, 21 * MB), (RETOUCH, 30 * 2**20)]
)
def test_a_file_over_the_limit_is_413(desk: Desk, path: str, size: int) -> None:
    """20 MB are inclusive on two endpoints, 30 MB exclusive on the third."""
    files = BOTH | {"image_file": ("p.png", b"\0" * size)}
    refused(desk.post(path, None, files), 413)


def test_a_file_at_the_limit_is_accepted(desk: Desk) -> None:
    """The whole of 20 MB is: what is wrong with this file is its content, told by the state."""
    for path, size in ((INPAINT, 20 * 2**20), (SCALE, 20 * MB), (RETOUCH, 30 * MB - 1)):
        files = {"image_file": ("p.png", PHOTO + b"\0" * (size - len(PHOTO)))}
        files |= {"mask_file": ("m.png", MASK)} if path != SCALE else {}
        assert succeeded(desk.post(path, {"sync": "1"}, files))["state"] == 1


def test_a_request_of_any_size_is_refused_without_keeping_it(desk: Desk) -> None:
    """A body beyond all files together is 413, also when its length is not declared."""

    async def endless() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="p"\r\n\r\n'
        for _ in range(100):
            yield b"\0" * MB

    kind = {"content-type": "multipart/form-data; boundary=b"}
    refused(desk.post(SCALE, content=endless(), headers=kind), 413)


def test_unknown_fields_are_ignored(desk: Desk) -> None:
    """Callers send a callback_url or a format; the service does not mind."""
    form = {"sync": "1", "callback_url": "http://a.test", "format": "png"}
    assert succeeded(desk.post(SCALE, form, IMAGE))["state"] == 1


# what is wrong with a picture is told by the state


@pytest.mark.parametrize("path", [INPAINT, SCALE, RETOUCH])
@pytest.mark.parametrize("data", [b"", b"GIF89a no", PHOTO[:80]])
def test_a_broken_picture_is_state_minus_7(desk: Desk, path: str, data: bytes) -> None:
    """HTTP 200, body status 200, and the third gate shut."""
    files = {"image_file": ("p.png", data)} | (
        {} if path == SCALE else {"mask_file": BOTH["mask_file"]}
    )
    told = succeeded(desk.post(path, {"sync": "1"}, files))
    assert (told["state"], told["state_detail"]) == (-7, "Invalid image")
    assert "image" not in told


def test_a_broken_mask_is_state_minus_7(desk: Desk) -> None:
    """A mask is a picture, too."""
    files = BOTH | {"mask_file": ("m.png", b"not a mask")}
    assert succeeded(desk.post(INPAINT, {"sync": "1"}, files))["state"] == -7


@pytest.mark.parametrize("path", [INPAINT, SCALE, RETOUCH])
def test_a_picture_with_too_many_pixels_is_state_minus_5(desk: Desk, path: str) -> None:
    """4096 a side is the limit."""
    large = {"image_file": ("p.png", encoded(np.zeros((11, 4097))))}
    files = BOTH | large if path != SCALE else large
    told = succeeded(desk.post(path, {"sync": "1"}, files))
    assert (told["state"], "4096" in told["state_detail"]) == (-5, True)


def test_work_that_fails_is_state_minus_1(desk: Desk) -> None:
    """Outside, only the kind of error is told."""
    desk.work.names["enhance"] = lambda *args, **named: 1 + "secret"
    told = succeeded(desk.post(SCALE, {"sync": "1"}, IMAGE))
    assert told["state"] == -1
    assert told["state_detail"] == "Processing failed: TypeError"


def test_work_that_takes_too_long_is_state_minus_8(open_desk: Callable[..., Desk]) -> None:
    """The limit is the engine's setting."""
    desk = open_desk(time_limit=1.0)
    assert succeeded(desk.post(SCALE, {"sync": "1"}, IMAGE))["state"] == -8


@pytest.mark.parametrize(
    "url", ["http://localhost:9/p.png", "http://nobody.invalid/", "ftp://a/b", "x"]
)
def test_an_address_that_cannot_be_downloaded_is_state_minus_3(desk: Desk, url: str) -> None:
    """Unreachable, private, or no address at all."""
    told = succeeded(desk.post(SCALE, {"image_url": url, "sync": "1"}))
    assert told["state"] == -3
    assert url not in told["state_detail"]


# inpaint


def test_inpaint_removes_the_white_of_the_mask(desk: Desk) -> None:
    """White removes, black keeps; the work gets exactly that area."""
    desk.post(INPAINT, {"sync": "1"}, BOTH)
    assert np.array_equal(desk.work.asked["hole"], SPOT)
    assert desk.work.asked["model"] is None


def test_inpaint_removes_the_union_of_the_rectangles(desk: Desk) -> None:
    """One field with a JSON list; origin at the top left, clipped at the edges."""
    rectangles = [
        {"x": 0, "y": 0, "width": 3, "height": 2},
        {"x": 38, "y": 28, "width": 10, "height": 10, "comment": "ignored"},
    ]
    desk.post(INPAINT, {"sync": "1", "rectangles": json.dumps(rectangles)}, IMAGE)
    expected = np.zeros((30, 40), bool)
    expected[:2, :3] = True
    expected[28:, 38:] = True
    assert np.array_equal(desk.work.asked["hole"], expected)


@pytest.mark.parametrize(
    "rectangles",
    [
        "[]",
        "{}",
        "not json",
        "[[1, 2, 3, 4]]",
        '[{"x": 1, "y": 1, "width": 1}]',
        '[{"x": -1, "y": 1, "width": 1, "height": 1}]',
        '[{"x": 1, "y": 1, "width": 0, "height": 1}]',
        '[{"x": 1.5, "y": 1, "width": 1, "height": 1}]',
        '[{"x": true, "y": 1, "width": 1, "height": 1}]',
        '[{"x": NaN, "y": 1, "width": 1, "height": 1}]',
        '[{"x": "1", "y": 1, "width": 1, "height": 1}]',
        json.dumps([{"x": 1, "y": 1, "width": 1, "height": 1}] * 51),
    ],
)
def test_rectangles_of_another_form_or_number_are_400(desk: Desk, rectangles: str) -> None:
    """One to fifty objects of four integers."""
    refused(desk.post(INPAINT, {"rectangles": rectangles}, IMAGE), 400)


def test_fifty_rectangles_are_allowed(desk: Desk) -> None:
    """The limit is inclusive, and overlapping ones are counted as the area they cover."""
    rectangles = json.dumps([{"x": 0, "y": 0, "width": 20, "height": 10}] * 50)
    assert (
        succeeded(desk.post(INPAINT, {"sync": "1", "rectangles": rectangles}, IMAGE))["state"] == 1
    )


def test_an_area_that_is_empty_is_400(desk: Desk) -> None:
    """By mask or by rectangles beyond the picture."""
    refused(desk.post(INPAINT, None, BOTH | {"mask_file": ("m.png", BLACK)}), 400)
    outside = '[{"x": 40, "y": 0, "width": 5, "height": 5}]'
    refused(desk.post(INPAINT, {"rectangles": outside}, IMAGE), 400)


def test_more_than_half_of_the_picture_is_400_and_half_is_not(desk: Desk) -> None:
    """The message says how much it is."""
    for rows, status in ((15, 200), (16, 400)):
        area = np.zeros((30, 40))
        area[:rows] = 255
        answer = desk.post(INPAINT, None, BOTH | {"mask_file": ("m.png", encoded(area))})
        assert answer.status_code == status
        form = {"rectangles": f'[{{"x": 0, "y": 0, "width": 40, "height": {rows}}}]'}
        assert desk.post(INPAINT, form, IMAGE).status_code == status
    assert "53.3%" in answer.json()["message"]


@pytest.mark.parametrize("path", [INPAINT, RETOUCH])
def test_a_mask_of_another_size_is_400(desk: Desk, path: str) -> None:
    """Both sizes are named."""
    files = BOTH | {"mask_file": ("m.png", encoded(SPOT.T * 255))}
    message = refused(desk.post(path, None, files), 400)
    assert "30 x 40" in message
    assert "40 x 30" in message


def test_a_picture_turned_by_exif_takes_a_mask_of_its_upright_size(desk: Desk) -> None:
    """What people see is what they paint on."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(PIXELS, "JPEG", exif=exif)
    files = {"image_file": ("p.jpg", turned), "mask_file": ("m.png", encoded(SPOT.T * 255))}
    told = succeeded(desk.post(INPAINT, {"sync": "1"}, files))
    assert decoded(desk.get(told["image"]).content).shape == (40, 30, 3)


# scale


@pytest.mark.parametrize(
    ("form", "factor"),
    [({"scale_factor": "1"}, 1), ({"scale_factor": "4"}, 4), ({}, 2), ({"scale_factor": ""}, 2)],
)
def test_scale_enlarges_by_the_factor_or_by_the_automatic_rule(
    desk: Desk, form: dict[str, str], factor: int
) -> None:
    """Absent and empty are automatic; the size of the output is told and true."""
    told = succeeded(desk.post(SCALE, {"sync": "1", **form}, IMAGE))
    assert desk.work.asked == {"factor": factor, "kind": "clean"}
    assert (told["image_width"], told["image_height"]) == (40 * factor, 30 * factor)
    assert decoded(desk.get(told["image"]).content).shape == (30 * factor, 40 * factor, 3)


def test_the_type_of_scale_is_a_word_and_echoed(desk: Desk) -> None:
    """It is clean unless it is face."""
    assert succeeded(desk.post(SCALE, {"sync": "1"}, IMAGE))["type"] == "clean"
    assert succeeded(desk.post(SCALE, {"sync": "1", "type": "face"}, IMAGE))["type"] == "face"
    assert desk.work.asked["kind"] == "face"


def test_binary_is_the_picture_itself(desk: Desk) -> None:
    """return_type=3 with sync=1: the body is the picture, an error still JSON."""
    form = {"sync": "1", "return_type": "3", "scale_factor": "2"}
    answer = desk.post(SCALE, form, IMAGE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert decoded(answer.content).shape == (60, 80, 3)
    assert succeeded(desk.post(SCALE, form, {"image_file": ("p", b"x")}))["state"] == -7
    refused(desk.post(SCALE, form | {"scale_factor": "3"}, IMAGE), 400)


def test_transparency_is_enlarged_with_the_picture(desk: Desk) -> None:
    """A PNG with alpha comes back with alpha of the new size."""
    rgba = np.dstack([PIXELS, np.where(SPOT, 0, 255)])
    files = {"image_file": ("p.png", encoded(rgba))}
    told = succeeded(desk.post(SCALE, {"sync": "1", "scale_factor": "2"}, files))
    alpha = decoded(desk.get(told["image"]).content)[..., 3]
    assert alpha.shape == (60, 80)
    assert (alpha[24:36, 14:26] == 0).all()
    assert (alpha[:, 40:] == 255).all()


@pytest.mark.parametrize("shape", [(10, 40), (40, 10)])
def test_ten_pixels_are_too_few_to_scale(desk: Desk, shape: tuple[int, int]) -> None:
    """The page's intervals begin above ten."""
    files = {"image_file": ("p.png", encoded(np.zeros(shape)))}
    assert succeeded(desk.post(SCALE, {"sync": "1"}, files))["state"] == -7


def test_a_result_of_more_pixels_than_four_pictures_is_state_minus_5(desk: Desk) -> None:
    """Four times the sides of a large picture would not fit a browser, nor a small machine."""
    files = {"image_file": ("p.png", encoded(np.zeros((2049, 4096))))}
    form = {"sync": "1", "scale_factor": "4"}
    assert succeeded(desk.post(SCALE, form, files))["state"] == -5
    assert desk.work.asked == {}


# retouching-collection


def test_retouching_gets_its_defaults(desk: Desk) -> None:
    """Type 1, strengths 37 and 60, nothing retained; the type is a number and echoed."""
    told = succeeded(desk.post(RETOUCH, {"sync": "1"}, BOTH))
    assert (told["state"], told["type"], told["return_type"]) == (1, 1, 1)
    subject = desk.work.asked.pop("subject")
    assert np.array_equal(subject, SPOT)
    assert desk.work.asked == {
        "retain": None,
        "kind": 1,
        "retouch_strength": 37,
        "line_strength": 60,
    }


def test_retouching_gets_what_was_asked(desk: Desk) -> None:
    """Both ends of the strengths are allowed, and 0 is not taken for absent."""
    retain = np.zeros((30, 40))
    retain[12:14, 7:9] = 255
    files = BOTH | {"retain_mask_file": ("r.png", encoded(retain))}
    form = {"sync": "1", "type": "5", "retouch_strength": "0", "line_strength": "100"}
    assert succeeded(desk.post(RETOUCH, form, files))["type"] == 5
    asked = desk.work.asked
    assert (asked["kind"], asked["retouch_strength"], asked["line_strength"]) == (5, 0, 100)
    assert np.array_equal(asked["retain"], retain > 0)


def test_a_file_wins_over_an_address_in_retouching(desk: Desk) -> None:
    """Precedence, not exclusion: the addresses are not even looked at."""
    dead = "http://127.0.0.1:9/x.png"
    form = {"sync": "1", "image_url": dead, "mask_url": dead, "retain_mask_url": dead}
    files = BOTH | {"retain_mask_file": ("r.png", MASK)}
    assert succeeded(desk.post(RETOUCH, form, files))["state"] == 1


def test_a_subject_that_is_empty_is_400_and_all_of_the_picture_is_not(desk: Desk) -> None:
    """The page has no rule about half of the picture."""
    refused(desk.post(RETOUCH, None, BOTH | {"mask_file": ("m.png", BLACK)}), 400)
    everything = BOTH | {"mask_file": ("m.png", encoded(np.full((30, 40), 255)))}
    assert succeeded(desk.post(RETOUCH, {"sync": "1"}, everything))["state"] == 1


def test_a_retain_mask_of_another_size_is_400(desk: Desk) -> None:
    """All three pictures have one size."""
    files = BOTH | {"retain_mask_file": ("r.png", encoded(SPOT.T * 255))}
    assert "retain" in refused(desk.post(RETOUCH, None, files), 400)


def test_a_return_type_is_not_a_parameter_of_retouching(desk: Desk) -> None:
    """The page lists none, so it is ignored as any unknown field."""
    told = succeeded(desk.post(RETOUCH, {"sync": "1", "return_type": "2"}, BOTH))
    assert told["return_type"] == 1
    assert told["image"].startswith("http://engine.test/results/")


# the engine's own


def test_a_running_task_can_be_cancelled(desk: Desk) -> None:
    """DELETE ends it at once with state -1, for the one who asks and for the one who waits."""
    desk.work.gate.clear()
    task_id = succeeded(desk.post(INPAINT, {"sync": "0"}, BOTH))["task_id"]
    assert desk.work.running.wait(10)
    told = succeeded(desk.ask("DELETE", f"{INPAINT}/{task_id}"))
    assert (told["state"], told["state_detail"]) == (-1, "Cancelled")
    assert succeeded(desk.get(f"{INPAINT}/{task_id}"))["state"] == -1


def test_a_finished_task_can_be_thrown_away(desk: Desk) -> None:
    """DELETE removes task and result before their hour."""
    told = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))
    succeeded(desk.ask("DELETE", f"{INPAINT}/{told['task_id']}"))
    refused(desk.get(f"{INPAINT}/{told['task_id']}"), 404)
    refused(desk.get(told["image"]), 404)
    refused(desk.ask("DELETE", f"{INPAINT}/{told['task_id']}"), 404)


def test_the_answer_says_who_did_the_work(desk: Desk) -> None:
    """An extra no client trips over names the engine, its version and its method."""
    told = succeeded(desk.post(INPAINT, {"sync": "1"}, BOTH))
    assert told["engine"]["name"] == f"retouch_nb embedded engine {desk.engine.version}"
    assert told["engine"]["notes"] == ["Filled by: a stand-in"]


def test_closing_wakes_who_waits(desk: Desk) -> None:
    """A request with sync=1 is answered when the engine is closed under it."""
    desk.work.gate.clear()

    async def closed() -> int:
        waiting = asyncio.create_task(desk.http.post(INPAINT, data={"sync": "1"}, files=BOTH))
        await asyncio.to_thread(desk.work.running.wait, 10)
        desk.work.gate.set()
        await asyncio.to_thread(desk.engine.close)
        return int((await waiting).json()["data"]["state"])

    assert desk.loop.run_until_complete(closed()) in (-1, 1)


def test_faults_are_off_limits_unless_the_owner_opens_them(open_desk: Callable[..., Desk]) -> None:
    """By default there is no such route; opened, it needs the key."""
    refused(open_desk().get("/engine/faults"), 404)
    desk = open_desk(fault_route=True)
    refused(desk.get("/engine/faults", headers={"X-API-KEY": ""}), 401)
    data = desk.post("/engine/faults", {"fault": "429", "times": "2"}).json()["data"]
    assert data["on"] == {"429": 2}
    assert set(data["known"]) == {fault.value for fault in Fault}
    statuses = [desk.get("/api/customers/package-credits").status_code for _ in range(3)]
    assert statuses == [429, 429, 200]
    assert desk.post("/engine/faults", {"fault": "slow", "times": "0"}).json()["data"]["on"] == {
        "slow": None
    }
    assert desk.ask("DELETE", "/engine/faults").json()["data"]["on"] == {}
    refused(desk.post("/engine/faults", {"fault": "flood"}), 400)


def test_a_dropped_answer_leaves_a_task_behind(desk: Desk) -> None:
    """The case money is lost in, on the real application."""
    desk.engine.faults.switch_on(Fault.DROP)
    with pytest.raises(httpx.RemoteProtocolError):
        desk.post(INPAINT, {"sync": "0"}, BOTH)
    assert len(desk.engine.tasks.tickets) == 1
