"""The examples of CONTRIBUTING.md, taken out of its text and really run."""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path_

from retouch_nb.client import Client, Route
from retouch_nb.contract import Operation
from retouch_nb.credentials import Credentials
from retouch_nb.errors import ParameterError, RefusedError
from retouch_nb.magics.manual import manual
from retouch_nb.magics.operations import grammar_of
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```(?:python|js)\n(?:#|//) retouch_nb/(\S+)\n(.*?)```", re.DOTALL)
KEY = "canary-5d1e"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write every example to the file it names."""
    folder = tmp_path_factory.mktemp("examples")
    for name, source in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return folder


def module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec and spec.loader
    made = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run(operation: Operation, service: Any, home: Path) -> Any:
    """Send an operation through the client to an ASGI application that plays its service."""
    transport = httpx.ASGITransport(app=service)
    route = Route(operation.provider, "https://service.example", "Example", transport=transport)
    credentials = Credentials({operation.provider.key_env: KEY}, keyring=lambda: None)
    client = Client(home, credentials=credentials)
    try:
        return asyncio.run(client.run(operation, route))
    finally:
        client.close()


def test_the_operation_reaches_its_endpoint_and_brings_the_picture(
    folder: Path, home: Path, photo: Photo
) -> None:
    """Its parameter is sent, checked and documented without another line."""
    blur = module(folder / "providers" / "blur.py").Blur
    seen: dict[str, str] = {}

    async def create(request: Request) -> Response:
        seen["key"] = request.headers["X-API-KEY"]
        seen["radius"] = str((await request.form())["radius"])
        return Response(photo.data, media_type="image/png")

    service = Starlette(routes=[Path_("/api/tasks/visual/blur", create, methods=["POST"])])
    result = run(blur(photo, radius=9, sync=True), service, home)
    assert result.path.read_bytes() == photo.data
    assert seen == {"key": KEY, "radius": "9"}
    assert "--radius (a whole number, 1 to 99)" in manual(blur, grammar_of(blur))
    with pytest.raises(ParameterError, match="--radius 100 is not accepted"):
        blur(photo, radius=100)


def test_the_service_is_paid_once_and_understood(folder: Path, home: Path, photo: Photo) -> None:
    """The key travels in its header, its refusal is an error of ours, and what was fetched is not asked for again."""
    sepia = module(folder / "providers" / "sepia.py").Sepia
    seen: list[str] = []

    async def create(request: Request) -> Response:
        form = await request.form()
        seen.append(f"{request.headers['X-Sepia-Key']} {form['age']}")
        if form["age"] == "1":
            return JSONResponse({"why": "too old"}, 422)
        return Response(await form["image"].read(), media_type="image/png")  # type: ignore[union-attr]

    service = Starlette(routes=[Path_("/v1/sepia", create, methods=["POST"])])
    for _ in range(2):
        assert run(sepia(photo, age=0.2), service, home).path.read_bytes() == photo.data
    assert seen == [f"{KEY} 0.2"]
    assert sepia(photo).price().credits == 1
    with pytest.raises(RefusedError, match="Sepia refused"):
        run(sepia(photo, age=1), service, home)


def test_an_installed_package_brings_its_magic(folder: Path) -> None:
    """The entry point alone makes the operation known to magics, functions and the reference."""
    (folder / "your_package").mkdir()
    (folder / "your_package" / "sepia.py").write_text(
        (folder / "providers" / "sepia.py").read_text()
    )
    installed = folder / "your_package-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: your_package\nVersion: 1\n")
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    [entry] = re.findall(r"```toml\n\[project.entry-points.retouch_nb\]\n(.*?)```", text, re.DOTALL)
    (installed / "entry_points.txt").write_text("[retouch_nb]\n" + entry.replace('"', ""))
    source = (
        "from retouch_nb.magics.listing import listing\n"
        "from retouch_nb.reference.pages import pages\n"
        "print([m.summary for m in listing() if m.name == 'sepia'], '| `age` |' in pages()['sepia'])"
    )
    path = os.pathsep.join([str(folder), str(ROOT)])
    said = subprocess.run(
        [sys.executable, "-c", source],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "['Turn a photo brown.'] True"


def test_the_widget_draws_and_hears(folder: Path, photo: Photo) -> None:
    """What a browser sets comes back as a new picture, and the widget is a mask for any operation."""
    widget = module(folder / "widgets" / "threshold.py").Threshold(photo)
    assert "export default { render };" in str(widget._esm)
    before = widget.picture
    widget.set_state({"level": 100})
    assert widget.picture != before
    assert np.array_equal(
        Mask.open(widget, photo.size).pixels, Mask.open(Photo.open(widget.picture)).pixels
    )
    widget.close()


def test_the_algorithm_reports_progress_and_can_be_stopped(folder: Path) -> None:
    """It changes nothing in place, ends at 1, gives the same twice, and lets through what progress raises."""
    vignette = module(folder / "imaging" / "vignette.py").vignette
    pixels = np.full((600, 300, 3), 200, np.uint8)
    told: list[float] = []
    made = vignette(pixels, progress=told.append)
    assert told == sorted(told) and told[-1] == 1 and len(told) > 2
    assert (pixels == 200).all() and np.array_equal(made, vignette(pixels))
    assert made[0, 0, 0] < made[300, 150, 0] == 200

    class Cancelled(Exception):
        pass

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        vignette(pixels, progress=stop)


def test_every_example_is_short_and_keeps_the_rules_of_the_house(folder: Path) -> None:
    """Each is read at a glance and passes the linter; only its imports may stand on one line."""
    rooms = ("providers", "widgets", "imaging")
    files = [file for room in rooms for file in (folder / room).rglob("*.*")]
    files = [file for file in files if file.parent.name != "__pycache__"]
    assert {file.suffix for file in files} == {".py", ".js"}
    assert all(len(file.read_text().splitlines()) <= 46 for file in files)
    lint = [sys.executable, "-m", "ruff", "check", "-q", "--extend-ignore=I001"]
    checked = [file for file in files if file.suffix == ".py"]
    subprocess.run([*lint, "--config", ROOT / "pyproject.toml", *checked], check=True)
