import asyncio
import contextlib
import io
import json
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retouch_nb.engine import Engine, EngineSettings
from retouch_nb.engine.faults import Answer, Fault, Faults, Spoiler, spoil

PICTURE = bytes(range(100))
TASK = {"status": 200, "data": {"task_id": "t", "state": 4, "progress": 40}}
DONE = {"status": 200, "data": {"task_id": "t", "state": 1, "progress": 100, "image": "http://x"}}


class Service:
    """A small service that counts what it accepted."""

    def __init__(self) -> None:
        self.accepted = 0
        self.faults = Faults(seconds=5.0, sleep=self._sleep)
        self.slept: list[float] = []
        routes = [
            Route("/task", self.create, methods=["POST"]),
            Route("/task", self.query, methods=["GET"]),
            Route("/picture", self.picture, methods=["GET"]),
        ]
        self.app = Spoiler(Starlette(routes=routes), self.faults)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def create(self, request: Request) -> Response:
        self.accepted += 1
        return JSONResponse({"status": 200, "data": {"task_id": "t"}})

    async def query(self, request: Request) -> Response:
        return JSONResponse(TASK)

    async def picture(self, request: Request) -> Response:
        return Response(PICTURE, media_type="image/png")

    def ask(self, method: str, path: str) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://s") as client:
                return await client.request(method, path)

        return asyncio.run(go())


@pytest.fixture
def service() -> Service:
    """Give a service behind the switches."""
    return Service()


def json_answer(document: Any) -> Answer:
    """Give a JSON answer of status 200."""
    return Answer(200, ((b"content-type", b"application/json"),), json.dumps(document).encode())


def test_without_a_fault_everything_passes_untouched(service: Service) -> None:
    """The wrapper is not there."""
    assert service.ask("POST", "/task").json()["data"] == {"task_id": "t"}
    assert service.ask("GET", "/picture").content == PICTURE


def test_a_drop_accepts_and_says_nothing(service: Service) -> None:
    """The client meets a broken connection, the service has a task: exactly the case money is lost in."""
    service.faults.switch_on(Fault.DROP)
    with pytest.raises(httpx.RemoteProtocolError):
        service.ask("POST", "/task")
    assert service.accepted == 1
    assert service.ask("POST", "/task").status_code == 200


@pytest.mark.parametrize("status", [429, 500])
def test_a_refusal_on_purpose_accepts_nothing(service: Service, status: int) -> None:
    """The body has the usual form."""
    service.faults.switch_on(str(status))
    answer = service.ask("POST", "/task")
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert service.accepted == 0


def test_slow_is_late_and_otherwise_right(service: Service) -> None:
    """The wait is the injected one."""
    service.faults.switch_on(Fault.SLOW)
    assert service.ask("GET", "/task").json() == TASK
    assert service.slept == [5.0]


def test_a_truncated_picture_is_half_of_it_and_says_so_nowhere(service: Service) -> None:
    """Only who decodes it notices."""
    service.faults.switch_on(Fault.TRUNCATED)
    answer = service.ask("GET", "/picture")
    assert answer.content == PICTURE[:50]
    assert answer.headers["content-length"] == "50"


def test_a_cut_breaks_the_connection_within_the_picture(service: Service) -> None:
    """The transport notices."""
    service.faults.switch_on(Fault.CUT)
    with pytest.raises(httpx.RemoteProtocolError):
        service.ask("GET", "/picture")
    assert service.ask("GET", "/picture").content == PICTURE


def test_a_wrong_type_leaves_the_bytes_alone(service: Service) -> None:
    """Only the header lies."""
    service.faults.switch_on(Fault.WRONG_TYPE)
    answer = service.ask("GET", "/picture")
    assert (answer.headers["content-type"], answer.content) == ("text/html", PICTURE)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.STATE_ZERO, {"task_id": "t", "state": 0, "state_detail": "Queued", "progress": 100}),
        (
            Fault.UNLISTED_STATE,
            {"task_id": "t", "state": 9, "state_detail": "Unlisted", "progress": 100},
        ),
        (
            Fault.UNLISTED_FAILURE,
            {"task_id": "t", "state": -6, "state_detail": "Unlisted", "progress": 100},
        ),
    ],
)
def test_a_state_on_purpose_replaces_the_true_one(fault: Fault, expected: dict[str, Any]) -> None:
    """A picture that is there is not shown with it."""
    assert json.loads(spoil(json_answer(DONE), fault).body)["data"] == expected


def test_stale_progress_says_100_of_a_task_that_runs_and_leaves_a_finished_one() -> None:
    """Progress is no sign of success."""
    spoilt = json.loads(spoil(json_answer(TASK), Fault.STALE_PROGRESS).body)
    assert spoilt["data"] == {"task_id": "t", "state": 4, "progress": 100}
    assert spoil(json_answer(DONE), Fault.STALE_PROGRESS) == json_answer(DONE)


def test_a_fault_waits_for_an_answer_it_is_about(service: Service) -> None:
    """A fault of pictures is not used up by a query, nor one of tasks by a create."""
    service.faults.switch_on(Fault.TRUNCATED)
    service.faults.switch_on(Fault.STATE_ZERO)
    assert service.ask("POST", "/task").json()["data"] == {"task_id": "t"}
    assert service.faults.on == {"truncated": 1, "state-0": 1}
    assert service.ask("GET", "/task").json()["data"]["state"] == 0
    assert service.faults.on == {"truncated": 1}


def test_a_fault_befalls_as_many_answers_as_it_was_switched_on_for(service: Service) -> None:
    """Twice is twice, and None is always."""
    service.faults.switch_on("500", times=2)
    assert [service.ask("GET", "/task").status_code for _ in range(3)] == [500, 500, 200]
    service.faults.switch_on("500", times=None)
    assert [service.ask("GET", "/task").status_code for _ in range(3)] == [500, 500, 500]
    service.faults.clear()
    assert service.ask("GET", "/task").status_code == 200


def test_an_unknown_fault_is_refused(service: Service) -> None:
    """A typing slip does not make a test pass."""
    with pytest.raises(ValueError, match="flood"):
        service.faults.switch_on("flood")


def png() -> bytes:
    """Encode a small picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 80, 70)).save(file, "PNG")
    return file.getvalue()


class Errands:
    """All that can be asked of an engine, on one loop, with work that waits for its gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        work = {
            "enhance": self._work,
            "portrait": self._portrait,
            "match": self._work,
            "automatic_factor": lambda width, height: 1,
        }
        self.engine = Engine(EngineSettings(fault_route=True), work=work)
        self.engine.faults.sleep = lambda seconds: asyncio.sleep(0)

    def _work(self, pixels: Any, *rest: Any, progress: Any, **more: Any) -> Any:
        while not self.gate.wait(0.005):
            progress(0.5)
        return pixels

    def _portrait(self, pixels: Any, tasks: Any, *, progress: Any, at: Any) -> Any:
        at("Heal")
        return SimpleNamespace(flat=self._work(pixels, progress=progress), steps=(), notes=())

    async def befall(self, fault: Fault) -> None:
        """Switch a fault on and go through everything until it has struck."""
        faults = self.engine.faults
        faults.switch_on(fault)
        transport = httpx.ASGITransport(self.engine.app)
        headers = {"X-API-KEY": "k", "ailabapi-api-key": "k", "X-Retouch-Token": "k"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://e", headers=headers
        ) as http:
            for errand in (self._picwish, self._retouch4me, self._ailabtools):
                if faults.on:
                    self.gate.clear()
                    with contextlib.suppress(httpx.RemoteProtocolError):
                        await errand(http)
                    self.gate.set()

    async def _picwish(self, http: httpx.AsyncClient) -> None:
        path = "/api/tasks/visual/scale"
        made = await http.post(path, files={"image_file": png()})
        if made.status_code == 200:
            await self._followed(http, f"{path}/{made.json()['data']['task_id']}")

    async def _retouch4me(self, http: httpx.AsyncClient) -> None:
        path = "/api/v1/retoucher"
        payload = '{"mode": "professional", "tasks": [{"Plugin": "Heal"}]}'
        form = {"payload": payload}
        made = await http.post(f"{path}/start", data=form, files={"file": png()})
        if made.status_code == 200:
            await self._followed(http, f"{path}/status/{made.json()['id']}")

    async def _ailabtools(self, http: httpx.AsyncClient) -> None:
        self.gate.set()
        both = {"image": png(), "style": png()}
        await http.post("/api/image/editing/photo-retouching", files=both)

    async def _followed(self, http: httpx.AsyncClient, path: str) -> None:
        for _ in range(400):
            told = (await http.get(path)).json()
            task = told.get("data", told)
            if not self.engine.faults.on or task["state"] in ("completed", "failed", -1):
                return
            if task["state"] == 1:
                await http.get(task["image"])
                return
            if task["state"] in (4, "active"):
                self.gate.set()
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_that_is_documented_can_be_met(fault: Fault) -> None:
    """Switched on, each strikes somewhere among the requests of the three services."""
    errands = Errands()
    asyncio.run(errands.befall(fault))
    assert errands.engine.faults.on == {}
    errands.gate.set()
    errands.engine.close()
