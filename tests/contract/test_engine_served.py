"""The engine on a real port, spoken to by programs that know nothing of it: requests and curl."""

import base64
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import requests
from PIL import Image

ROOT = Path(__file__).parents[2]
INPAINT = "/api/tasks/visual/inpaint"
SCALE = "/api/tasks/visual/scale"
PROGRAM = """
from dataclasses import replace
from retouch_nb.engine import SERVED
from retouch_nb.engine.serve import serve
import numpy, threading

def fill(pixels, hole, /, *, progress, model=None):
    progress(0.5)
    return numpy.where(hole[..., None], numpy.uint8(200), pixels)

def enhance(pixels, factor, /, *, kind, progress):
    if kind == "face":
        print("working", flush=True)
        while True:
            threading.Event().wait(0.01)
            progress(0.5)
    return pixels.repeat(factor, 0).repeat(factor, 1)

work = {"fill": fill, "enhance": enhance, "automatic_factor": lambda width, height: 4}
settings = replace(SERVED, rate_limit=%s, fault_route=True, allow_private_urls=True)
serve(port=0, key="key", settings=settings, work=work)
"""
KEY = {"X-API-KEY": "key"}
DEAD = "http://127.0.0.1:9"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def encoded(pixels: Any) -> bytes:
    """Encode an array of 0 to 255 as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


PIXELS = np.stack([np.full((30, 40), 10 * c) + np.arange(40) for c in (1, 2, 3)], 2).astype(
    np.uint8
)
SPOT = np.zeros((30, 40), bool)
SPOT[10:20, 5:15] = True
PHOTO, MASK = encoded(PIXELS), encoded(SPOT * 255)
REMOVED = np.where(SPOT[..., None], 200, PIXELS)


class Served:
    """An engine in a process of its own."""

    def __init__(self, folder: Path, rate_limit: bool = False) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM % rate_limit],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "http_proxy": DEAD},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.line = self.out.readline()
        self.url = self.line.removeprefix("serving on ").strip()

    @property
    def out(self) -> IO[str]:
        """What it prints."""
        assert self.process.stdout
        return self.process.stdout

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve one engine for all tests that need nothing special, and see that it was quiet to its end."""
    engine = Served(tmp_path_factory.mktemp("served"))
    yield engine
    assert engine.stop() == (0, "", "")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with the picture and its mask."""
    (tmp_path / "portrait.png").write_bytes(PHOTO)
    (tmp_path / "spots.png").write_bytes(MASK)
    return tmp_path


def decoded(data: bytes) -> Any:
    """Decode a file to an array."""
    return np.asarray(Image.open(io.BytesIO(data)))


def both() -> dict[str, Any]:
    """Give picture and mask as requests wants them."""
    return {"image_file": ("portrait.png", PHOTO), "mask_file": ("spots.png", MASK)}


def curl(folder: Path, *arguments: str) -> bytes:
    """Run curl with the key, and give what it printed."""
    done = subprocess.run(
        ["curl", "-sS", "-H", "X-API-KEY: key", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    return done.stdout


def test_the_ready_line_has_the_real_port(served: Served) -> None:
    """Exactly this line, so that a script can wait for it."""
    assert re.fullmatch(r"serving on http://127\.0\.0\.1:[1-9][0-9]*\n", served.line)


def test_requests_creates_polls_and_downloads(served: Served) -> None:
    """The program on the vendor's page, with another base address."""
    created = requests.post(
        served.url + INPAINT, headers=KEY, data={"sync": "0"}, files=both(), timeout=10
    ).json()
    query = f"{served.url}{INPAINT}/{created['data']['task_id']}"
    state = 0
    while state == 0 or state > 1:
        answer = requests.get(query, headers=KEY, timeout=10).json()
        state = answer["data"]["state"]
    assert (answer["status"], state) == (200, 1)
    picture = requests.get(answer["data"]["image"], timeout=10)
    assert np.array_equal(decoded(picture.content), REMOVED)


def test_requests_gets_base64_and_binary_at_once(served: Served) -> None:
    """sync=1 with return_type 2 and 3."""
    form = {"sync": 1, "return_type": 2}
    answer = requests.post(served.url + INPAINT, headers=KEY, data=form, files=both(), timeout=10)
    picture = base64.b64decode(answer.json()["data"]["image"], validate=True)
    assert np.array_equal(decoded(picture), REMOVED)
    form = {"sync": 1, "return_type": 3, "scale_factor": 2}
    image = {"image_file": PHOTO}
    answer = requests.post(served.url + SCALE, headers=KEY, data=form, files=image, timeout=10)
    assert answer.headers["content-type"] == "image/png"
    assert decoded(answer.content).shape == (60, 80, 3)


@needs_curl
def test_curl_creates_polls_and_downloads(served: Served, files: Path) -> None:
    """The command on the vendor's page, with another base address."""
    task = json.loads(
        curl(
            files,
            *("-X", "POST", served.url + INPAINT),
            *("-F", "image_file=@portrait.png;type=image/png"),
            *("-F", "mask_file=@spots.png;type=image/png"),
            *("-F", "sync=0", "-F", "return_type=1"),
        )
    )
    state, image = 0, ""
    while state == 0 or state > 1:
        answer = json.loads(curl(files, f"{served.url}{INPAINT}/{task['data']['task_id']}"))["data"]
        state, image = answer["state"], answer.get("image", "")
    assert np.array_equal(decoded(curl(files, image)), REMOVED)


@needs_curl
def test_curl_gets_base64_and_binary_at_once(served: Served, files: Path) -> None:
    """sync=1 with return_type 2 and 3, and -o for the picture."""
    form = ("-F", "image_file=@portrait.png", "-F", "sync=1")
    told = json.loads(curl(files, served.url + SCALE, *form, "-F", "return_type=2"))["data"]
    assert decoded(base64.b64decode(told["image"], validate=True)).shape == (120, 160, 3)
    curl(files, served.url + SCALE, *form, "-F", "return_type=3", "-o", "out.png")
    assert decoded((files / "out.png").read_bytes()).shape == (120, 160, 3)


def test_an_address_is_downloaded_where_private_ones_are_allowed(served: Served) -> None:
    """The result of one task is the picture of the next, by its link alone and past any proxy."""
    url, form = served.url + SCALE, {"sync": 1, "scale_factor": 2}
    first = requests.post(
        url, headers=KEY, data=form, files={"image_file": PHOTO}, timeout=10
    ).json()
    form |= {"image_url": first["data"]["image"]}
    second = requests.post(url, headers=KEY, data=form, timeout=10).json()
    assert (second["data"]["state"], second["data"]["image_width"]) == (1, 160)


def test_the_documented_refusals_arrive(served: Served) -> None:
    """401, 400, 404 and 413 are read by a client that was still sending."""
    large = {"image_file": ("large.png", PHOTO + bytes(25_000_000))}
    huge = {"image_file": ("huge.png", bytes(60_000_000))}
    url = served.url + SCALE
    for headers, sent, status in (
        ({}, large, 401),
        (KEY, None, 400),
        (KEY, large, 413),
        (KEY, huge, 413),
    ):
        answer = requests.post(url, headers=headers, files=sent, data={"sync": 1}, timeout=30)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert requests.get(f"{url}/unknown", headers=KEY, timeout=10).status_code == 404


@needs_curl
def test_curl_is_refused_before_it_sends_what_is_too_large(served: Served, files: Path) -> None:
    """It asks with Expect: 100-continue, and is spared the upload."""
    (files / "huge.png").write_bytes(bytes(60_000_000))
    report = ("-o", "answer.json", "-w", "%{http_code} %{size_upload}")
    said = curl(
        files,
        served.url + SCALE,
        "-H",
        "Expect: 100-continue",
        "-F",
        "image_file=@huge.png",
        *report,
    )
    assert said.split()[0] == b"413"
    assert int(said.split()[1]) < 1_000_000
    assert json.loads((files / "answer.json").read_text())["status"] == 413


def test_faults_break_real_connections(served: Served) -> None:
    """A dropped answer and a cut picture are broken connections to any program."""
    faults = served.url + "/engine/faults"
    requests.post(faults, headers=KEY, data={"fault": "drop"}, timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.post(served.url + INPAINT, headers=KEY, files=both(), timeout=10)
    form = {"sync": 1}
    told = requests.post(served.url + INPAINT, headers=KEY, data=form, files=both(), timeout=10)
    requests.post(faults, headers=KEY, data={"fault": "cut"}, timeout=10)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(told.json()["data"]["image"], timeout=10)


def test_the_pace_of_the_page_holds_when_served(tmp_path: Path) -> None:
    """Ten requests at once are more than two a second."""
    engine = Served(tmp_path, rate_limit=True)
    with requests.Session() as session:
        session.headers.update(KEY)
        answers = [
            session.get(engine.url + SCALE + "/x", timeout=10).status_code for _ in range(10)
        ]
    engine.stop()
    assert answers[:2] == [404, 404]
    assert 429 in answers


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told(tmp_path: Path, how: signal.Signals) -> None:
    """Exit status 0, no word on either stream, and no file left of the results it held."""
    engine = Served(tmp_path)
    form = {"sync": 1}
    requests.post(engine.url + INPAINT, headers=KEY, data=form, files=both(), timeout=10)
    assert any(tmp_path.iterdir())
    assert engine.stop(how) == (0, "", "")
    assert not any(tmp_path.iterdir())


def test_who_waits_is_told_when_it_stops(tmp_path: Path) -> None:
    """A request with sync=1 gets an answer, and does not keep the engine from stopping."""
    engine, form = Served(tmp_path), {"sync": 1, "type": "face"}
    with ThreadPoolExecutor(1) as elsewhere:
        waiting = elsewhere.submit(
            requests.post,
            engine.url + SCALE,
            headers=KEY,
            data=form,
            files={"image_file": PHOTO},
            timeout=20,
        )
        assert engine.out.readline() == "working\n"
        assert engine.stop() == (0, "", "")
        told = waiting.result().json()["data"]
    assert (told["state"], told["state_detail"]) == (-1, "The engine was closed")
