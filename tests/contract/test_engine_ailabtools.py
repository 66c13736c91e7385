"""The embedded engine against AILabTools' page: requests and answers are literals, nothing of the client is used."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from retouch_nb.engine import Engine, EngineSettings, Fault

PATH = "/api/image/editing/photo-retouching"
CREDITS = "/api/common/query-credits"
KEY = {"ailabapi-api-key": "key"}


def encoded(width: int = 40, height: int = 50, kind: str = "PNG", level: int = 100) -> bytes:
    """Encode a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (level, level, level)).save(file, kind)
    return file.getvalue()


PHOTO, STYLE = encoded(), encoded(60, 70, "JPEG", 200)


class Clock:
    now = 1735689600.75

    def __call__(self) -> float:
        return self.now


class Work:
    """Style matching that takes no time, and waits at its gate when that is shut."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.stopped = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def match(self, pixels: Any, style: Any, /, *, progress: Any) -> Any:
        self.running.set()
        assert self.gate.wait(10)
        try:
            progress(0.5)
        except Exception:
            self.stopped.set()
            raise
        return np.full_like(pixels, style[0, 0, 0])


class Desk:
    """A client on one event loop that goes on between calls."""

    def __init__(self, work: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock, self.work = Clock(), Work()
        names = work or {"match": self.work.match}
        self.engine = Engine(EngineSettings(**settings), clock=self.clock, work=names)
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(self.engine.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://engine.test")

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.loop.run_until_complete(self.http.request(method, url, **options))

    def match(self, image: Any = PHOTO, style: Any = STYLE, **options: Any) -> httpx.Response:
        parts = {"image": image, "style": style}
        files = {name: ("a.bin", data) for name, data in parts.items() if data is not None}
        return self.ask("POST", PATH, files=files or {"x": b"1"}, headers=KEY, **options)

    def close(self) -> None:
        self.work.gate.set()
        self.loop.run_until_complete(self.http.aclose())
        self.engine.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    """Give a function that makes a desk with settings or other image work."""
    made: list[Desk] = []

    def opened(**options: Any) -> Desk:
        made.append(Desk(**options))
        return made[-1]

    yield opened
    for each in made:
        each.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """Give an engine with default settings and a client at its door."""
    return open_desk()


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """Check the error body of the newest generation and give the cause."""
    body = answer.json()
    assert answer.status_code == status, body
    assert body.keys() == {"request_id", "log_id", "error_detail"}
    assert body["request_id"] and body["log_id"]
    detail = body["error_detail"]
    assert detail.keys() == {"code", "code_message", "message"}
    assert detail["code"] == code
    assert detail["code_message"]
    return str(detail["message"])


def test_one_call_gives_a_link_to_the_picture(desk: Desk) -> None:
    """The newest generation: ids, an empty error_detail, data.image_url; the file is there without a key."""
    answer = desk.match()
    body = answer.json()
    assert answer.status_code == 200
    assert body["error_detail"] == {"code": "", "code_message": "", "message": ""}
    assert body["request_id"] and body["log_id"]
    assert body.keys().isdisjoint({"error_code", "error_code_str", "error_msg"})
    assert body["data"].keys() == {"image_url"}
    assert "optimal transport" in body["engine"]["notes"][0]
    picture = Image.open(io.BytesIO(desk.ask("GET", body["data"]["image_url"]).content))
    assert picture.size == (40, 50)
    assert np.abs(np.asarray(picture).astype(int) - 200).max() <= 1


def test_the_result_has_the_format_of_the_photo(desk: Desk) -> None:
    """The page does not say; JPEG stays JPEG, PNG stays PNG."""
    for kind in ("JPEG", "PNG"):
        link = desk.match(encoded(kind=kind)).json()["data"]["image_url"]
        assert Image.open(io.BytesIO(desk.ask("GET", link).content)).format == kind


def test_the_link_is_good_for_24_hours(desk: Desk) -> None:
    """And worthless after them, or altered."""
    link = desk.match().json()["data"]["image_url"]
    desk.clock.now += 86399
    assert desk.ask("GET", link).status_code == 200
    assert desk.ask("GET", link[:-1] + "x").status_code == 403
    desk.clock.now += 2
    assert desk.ask("GET", link).status_code == 403


def test_a_wrong_or_missing_key_is_401(open_desk: Callable[..., Desk]) -> None:
    """And is not repeated in the answer; the right one is accepted."""
    desk = open_desk(key="right-one")
    for headers in ({}, {"ailabapi-api-key": "wrong-one"}):
        answer = desk.ask("POST", PATH, files={"image": PHOTO}, headers=headers)
        refused(answer, 401, "ERROR_USER_NOT_EXISTS")
        assert "-one" not in answer.text
    right = {"AILabAPI-API-Key": "right-one"}
    assert desk.ask("GET", CREDITS, headers=right).status_code == 200


@pytest.mark.parametrize("name", ["image", "style"])
def test_both_files_are_required(desk: Desk, name: str) -> None:
    """Missing, empty, or text where a file belongs; the answer names which."""
    assert name in refused(desk.match(**{name: None}), 400, "MISSING_PARAMETERS")
    assert name in refused(desk.match(**{name: b""}), 400, "PARAMETERS_CANNOT_EMPTY")
    parts = {"image": ("a", PHOTO), "style": ("b", STYLE)} | {name: (None, "text")}
    answer = desk.ask("POST", PATH, files=parts, headers=KEY)
    assert name in refused(answer, 400, "ERROR_PARAMETERS")


@pytest.mark.parametrize("name", ["image", "style"])
def test_limits_hold_for_both_files(desk: Desk, name: str) -> None:
    """Formats by content, 3 MB in the wider reading, sides larger than 32 and smaller than 3000."""
    webp = encoded(kind="WEBP")
    refused(desk.match(**{name: webp}), 415, "UNSUPPORTED_FILE_TYPES")
    refused(desk.match(**{name: PHOTO[:30]}), 422, "FILE_DECODING_FAILURE")
    large = PHOTO + bytes(3 * 2**20 + 1 - len(PHOTO))
    refused(desk.match(**{name: large}), 413, "FILE_SIZE_EXCEEDS_LIMIT")
    assert desk.match(**{name: large[:-1]}).status_code == 200
    for size in ((32, 50), (50, 32), (3000, 50), (50, 3000)):
        answer = desk.match(**{name: encoded(*size)})
        assert name in refused(answer, 413, "FILE_RESOLUTION_EXCEEDS_LIMITS")
    for size in ((33, 33), (2999, 33), (33, 2999)):
        assert desk.match(**{name: encoded(*size)}).status_code == 200


def test_a_body_far_too_large_is_refused_in_the_same_words(desk: Desk) -> None:
    """Already by its length."""
    refused(desk.match(PHOTO + bytes(8 * 2**20)), 413, "FILE_SIZE_EXCEEDS_LIMIT")


def test_pixels_that_break_while_decoding_are_a_decoding_failure(desk: Desk) -> None:
    """The header is right, the rest is cut off."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    refused(desk.match(file.getvalue()[:3000]), 422, "FILE_DECODING_FAILURE")


def test_a_form_that_is_none_is_a_wrong_parameter(desk: Desk) -> None:
    """Neither JSON nor nothing at all."""
    refused(desk.ask("POST", PATH, json={}, headers=KEY), 400, "ERROR_PARAMETERS")


def test_other_paths_do_not_exist(desk: Desk) -> None:
    """In this service's own words."""
    other = "/api/image/editing/teleportation"
    refused(desk.ask("POST", other, headers=KEY), 404, "ERROR_AI_NOT_EXISTS")


def test_work_that_fails_is_a_processing_failure(open_desk: Callable[..., Desk]) -> None:
    """500, and no word of what went wrong inside."""

    def match(*arrays: Any, progress: Any) -> Any:
        raise ZeroDivisionError("secret")

    answer = open_desk(work={"match": match}).match()
    assert "secret" not in refused(answer, 500, "PROCESSING_FAILURE")


def test_too_many_at_once_is_the_429_that_passes(open_desk: Callable[..., Desk]) -> None:
    """EXCEEDING_LIMITS, with a hint when to come again."""
    desk = open_desk(queue=0)
    answer = desk.match()
    refused(answer, 429, "EXCEEDING_LIMITS")
    assert answer.headers["retry-after"] == "1"


def test_running_out_of_credits_is_the_429_that_stays(desk: Desk) -> None:
    """Same status, another code; nothing is accepted."""
    desk.engine.faults.switch_on(Fault.NO_CREDITS)
    refused(desk.match(), 429, "ERROR_NOT_ENOUGH_CREDITS")
    assert desk.engine.tasks.tickets == ()
    desk.engine.faults.switch_on(Fault.TOO_FAST)
    refused(desk.match(), 429, "EXCEEDING_LIMITS")
    assert desk.match().status_code == 200


def test_the_middle_generation_has_numbers_and_no_words(desk: Desk) -> None:
    """error_code is 0 or the status, and error_detail repeats the status."""
    desk.engine.faults.switch_on(Fault.GENERATION_2, times=2)
    body = desk.match().json()
    assert (body["error_code"], body["error_detail"]["status_code"]) == (0, 200)
    assert body.keys().isdisjoint({"error_code_str", "error_msg"})
    answer = desk.match(None)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)
    assert answer.json()["error_detail"]["code"] == "MISSING_PARAMETERS"
    assert "error_code" not in desk.match().json()


def test_the_oldest_generation_has_all_fields(desk: Desk) -> None:
    """error_code_str names a class of errors, error_detail.code the reason; both are empty on success."""
    desk.engine.faults.switch_on(Fault.GENERATION_1, times=2)
    body = desk.match().json()
    assert (body["error_code"], body["error_code_str"], body["error_msg"]) == (0, "", "")
    assert body["data"]["image_url"]
    failed = desk.match(PHOTO[:30]).json()
    assert failed["error_code"] == 422
    assert failed["error_code_str"] == "FILE_CONTENT_NON_COMPLIANCE"
    assert failed["error_msg"]
    assert failed["error_detail"]["status_code"] == 422
    assert failed["error_detail"]["code"] == "FILE_DECODING_FAILURE"


def test_who_hangs_up_frees_the_engine(desk: Desk) -> None:
    """Nothing but the lost answer would lead to the result, so the work stops and is forgotten."""
    desk.work.gate.clear()

    async def hang_up() -> None:
        files = {"image": ("a", PHOTO), "style": ("b", STYLE)}
        asking = asyncio.ensure_future(desk.http.post(PATH, files=files, headers=KEY))
        await asyncio.to_thread(desk.work.running.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    desk.loop.run_until_complete(hang_up())
    assert desk.engine.tasks.tickets == ()
    desk.work.gate.set()
    assert desk.work.stopped.wait(10)


def test_the_credits_are_a_list(desk: Desk) -> None:
    """Amounts are decimal, times whole seconds."""
    body = desk.ask("GET", CREDITS, headers=KEY).json()
    assert body["error_code"] == 0
    [common] = body["data"]
    assert common["unique_sign"] == "common"
    for name in ("balance", "total", "last_recharge_balance", "balance_warning"):
        assert isinstance(common[name], float)
    assert common["last_update_time"] == 1735689600
    refused(desk.ask("GET", CREDITS), 401, "ERROR_USER_NOT_EXISTS")
