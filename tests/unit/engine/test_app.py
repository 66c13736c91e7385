import asyncio
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

from retouch_nb.engine import SERVED, Engine, EngineSettings, create_app

ROOT = Path(__file__).parents[3]
VISUAL = "/api/tasks/visual"
PROGRAM = """
import asyncio, io, sys, threading
import httpx, numpy
from PIL import Image
from retouch_nb.engine import Engine

def enhance(pixels, factor, /, *, kind, progress):
    threading.Event().wait(None if kind == "face" else 0)
    return pixels

file = io.BytesIO()
Image.fromarray(numpy.zeros((20, 20, 3), numpy.uint8)).save(file, "PNG")
engine = Engine(work={"enhance": enhance, "automatic_factor": lambda width, height: 1})

async def main():
    transport, headers = httpx.ASGITransport(engine.app), {"x-api-key": "k"}
    async with httpx.AsyncClient(transport=transport, base_url="http://e", headers=headers) as http:
        for form in ({"sync": "1"}, {"sync": "0", "type": "face"}):
            files = {"image_file": file.getvalue()}
            answer = await http.post("/api/tasks/visual/scale", data=form, files=files)
            assert answer.status_code == 200

asyncio.run(main())
"""


def get(app: Any, path: str) -> httpx.Response:
    """Ask an application for a path."""

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://e", headers={"x-api-key": "k"}
        ) as client:
            return await client.get(path)

    return asyncio.run(go())


def test_the_routes_are_listed_with_their_purpose() -> None:
    """Documentation is made of this list, so every line has all three parts."""
    engine = Engine()
    lines = engine.routes()
    calls = {(line.method, line.path) for line in lines}
    for endpoint in ("inpaint", "scale", "retouching-collection"):
        path = f"{VISUAL}/{endpoint}"
        assert {
            ("POST", path),
            ("GET", f"{path}/{{task_id}}"),
            ("DELETE", f"{path}/{{task_id}}"),
        } < calls
    assert all(line.purpose.endswith(".") for line in lines)
    assert not any("faults" in line.path for line in lines)
    assert ("POST", "/engine/faults") in {
        (line.method, line.path) for line in Engine(EngineSettings(fault_route=True)).routes()
    }


def test_the_root_lists_the_calls_for_who_opens_it_in_a_browser() -> None:
    """No key is asked for, and none of the owner's settings is told."""
    engine = Engine(EngineSettings(key="secret"))
    answer = get(engine.app, "/")
    assert answer.status_code == 200
    assert [call["path"] for call in answer.json()["calls"]] == [
        line.path for line in engine.routes()[:-1]
    ]
    assert "secret" not in answer.text


def engine_threads() -> set[threading.Thread]:
    """Give the threads of all engines, those that other tests left to the collector among them."""
    return {t for t in threading.enumerate() if t.name.startswith("retouch-nb engine")}


def test_an_engine_that_has_no_task_has_no_thread() -> None:
    """Making an engine costs nothing that has to be cleaned up."""
    before = engine_threads()
    engine = Engine()
    assert get(engine.app, f"{VISUAL}/scale/x").status_code == 404
    assert engine_threads() <= before
    engine.close()
    engine.close()


def test_the_key_is_in_no_repr() -> None:
    """Settings may be printed."""
    assert "secret" not in repr(EngineSettings(key="secret"))


def test_the_pace_is_on_when_served_and_off_in_process() -> None:
    """Two requests a second are the documented pace."""
    assert EngineSettings().rate_limit is False
    assert SERVED.rate_limit is True


def test_an_application_alone_keeps_its_engine_alive_and_takes_it_along() -> None:
    """create_app gives one object; when that is dropped, the engine closes."""
    app = create_app()
    gc.collect()
    assert get(app, "/").status_code == 200
    closing = Engine()
    tasks = closing.tasks
    del closing
    gc.collect()
    assert tasks._closed


def test_a_model_shows_in_the_version(tmp_path: Path) -> None:
    """So results of other models are not taken from a cache."""
    model = tmp_path / "m.onnx"
    model.write_bytes(b"x")
    assert Engine(EngineSettings(model=model)).version != Engine().version


def test_nothing_is_left_behind_when_the_interpreter_ends(tmp_path: Path) -> None:
    """Neither a finished result, nor a task that still runs and never ends, keeps a process or a file."""
    environment = os.environ | {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    program = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM]
    subprocess.run(program, cwd=ROOT, env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
