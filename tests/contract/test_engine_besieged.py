"""The engine on a port among clients that mean it ill, and web pages that have no business there."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from retouch_nb.photo import Photo

ROOT = Path(__file__).parents[2]
INPAINT, SCALE = "/api/tasks/visual/inpaint", "/api/tasks/visual/scale"
KEY = {"X-API-KEY": "key"}
PHOTO = Photo.open(np.full((30, 40, 3), 99, np.uint8)).data
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks and pipes as POSIX has them")
SOON = 0.7
"""Seconds this engine gives a client to say what it wants."""

PROGRAM = """
import sys
from dataclasses import replace
from retouch_nb.engine import SERVED
from retouch_nb.engine.serve import serve
import numpy

def enhance(pixels, factor, /, *, kind, progress):
    side = 2000 if factor == 4 else 9
    return numpy.random.default_rng(1).integers(0, 256, (side, side, 3), numpy.uint8)

work = {"enhance": enhance, "automatic_factor": lambda width, height: 4}
settings = replace(SERVED, rate_limit=False, head_seconds=%s, upload_seconds=%s)
serve(sys.argv[1], 0, key="key", settings=settings, work=work)
"""


class Besieged:
    """An engine in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        program = ["-c", PROGRAM % (SOON, SOON), "127.0.0.1"]
        self.process = subprocess.Popen(
            [sys.executable, *(arguments or program)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        self.url = self.line.removeprefix("serving on ").strip()
        self.port = int(self.url.rpartition(":")[2] or 0)

    def connect(self, *, receive: int = 0) -> socket.socket:
        """Open a connection, perhaps with a small buffer for what comes."""
        connection = socket.socket()
        if receive:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        connection.settimeout(15)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def stop(self, how: signal.Signals = signal.SIGTERM) -> str:
        """Stop it and give what it said of troubles."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=20)[1]


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """Serve one engine for all these tests, where another one was killed with a result in its hands."""
    folder = tmp_path_factory.mktemp("besieged")
    killed = Besieged(folder)
    form, files = {"sync": 1, "scale_factor": 1}, {"image_file": PHOTO}
    requests.post(killed.url + SCALE, headers=KEY, data=form, files=files, timeout=20)
    killed.stop(signal.SIGKILL)
    assert len(list(folder.iterdir())) == 1
    os.mkfifo(trap(folder) / "claim")
    engine = Besieged(folder)
    yield engine
    assert engine.stop() == ""


def trap(folder: Path) -> Path:
    """Make a folder that looks like an engine's; what lies in it would stop whoever opens it."""
    path = folder / "retouch-nb-engine-trap"
    path.mkdir()
    return path


def ended(connection: socket.socket) -> float:
    """Wait for the other side to end a connection, and give the seconds it took."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return time.monotonic() - began


def test_what_a_killed_engine_left_goes_when_the_next_one_starts(besieged: Besieged) -> None:
    """Results do not lie about until somebody orders the next one; what is no folder of ours is not touched."""
    names = {path.name for path in besieged.folder.iterdir()}
    assert names == {"retouch-nb-engine-trap"}


HEAD = f"POST {SCALE} HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: key\r\n".encode()


@pytest.mark.parametrize(
    "begin", [b"", b"GET / HT", HEAD, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / "]
)
def test_who_does_not_finish_a_request_is_left(besieged: Besieged, begin: bytes) -> None:
    """No word, half a head, half a second head on the same connection: closed in time."""
    with besieged.connect() as connection:
        connection.sendall(begin)
        assert SOON / 2 < ended(connection) < 8


def test_who_sends_a_head_a_byte_at_a_time_is_left(besieged: Besieged) -> None:
    """Bytes that keep coming do not put it off."""
    with besieged.connect() as connection:
        connection.settimeout(0.2)
        began, broken = time.monotonic(), False
        while not broken and time.monotonic() - began < 8:
            try:
                connection.sendall(b"X")
                broken = connection.recv(10) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                broken = True
        assert broken


def test_a_body_that_does_not_come_is_refused(besieged: Besieged) -> None:
    """A half-open upload is answered with 408 and closed."""
    form = b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n"
    with besieged.connect() as connection:
        connection.sendall(HEAD + form)
        connection.shutdown(socket.SHUT_WR)
        assert ended(connection) < 8


def test_who_does_not_read_the_answer_is_left(besieged: Besieged) -> None:
    """Twelve megabytes that nobody takes do not wait for ever; what was not read is lost to the reader."""
    form = {"sync": 1, "return_type": 3, "scale_factor": 4}
    prepared = requests.Request(
        "POST", besieged.url + SCALE, headers=KEY, data=form, files={"image_file": PHOTO}
    ).prepare()
    head = "".join(f"{name}: {value}\r\n" for name, value in prepared.headers.items())
    assert isinstance(prepared.body, bytes)
    with besieged.connect(receive=4096) as connection:
        request = f"POST {SCALE} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()
        connection.sendall(request + prepared.body)
        begin = connection.recv(4096)
        announced = int(re.search(rb"content-length: (\d+)", begin)[1])  # type: ignore[index]
        threads = Path(f"/proc/{besieged.process.pid}/net/tcp")
        patience = time.monotonic() + 10
        while established(threads, besieged.port) and time.monotonic() < patience:
            os.sched_yield()
        read = len(begin)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 20):
                read += len(piece)
        assert read < announced


def established(table: Path, port: int) -> bool:
    """Tell whether the engine still has an established connection, by the system's own table."""
    if not table.exists():
        return False
    lines = [line.split() for line in table.read_text().splitlines()[1:]]
    return any(each[1].endswith(f":{port:04X}") and each[3] == "01" for each in lines)


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example:80", "10.0.0.9"])
def test_a_name_that_was_pointed_here_is_refused(besieged: Besieged, host: str) -> None:
    """A page of that name would take the engine for its own server."""
    answer = requests.get(besieged.url, headers={"Host": host}, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (403, 403)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8765", "127.9.9.9"])
def test_names_of_this_machine_are_answered(besieged: Besieged, host: str) -> None:
    """Whatever port a tunnel gives them."""
    assert requests.get(besieged.url, headers={"Host": host}, timeout=10).status_code == 200


@pytest.mark.parametrize("path", [INPAINT, "/api/v1/retoucher/start", "/api/v1/balance"])
@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://localhost:3000"])
def test_a_web_page_cannot_post(besieged: Besieged, path: str, origin: str) -> None:
    """A form on any page may be sent anywhere, and tells its origin; no answer may be read, either."""
    form = {"token": "key", "retouchtoken": "key"}
    answer = requests.post(
        besieged.url + path,
        headers=KEY | {"Origin": origin},
        data=form,
        files={"image_file": PHOTO},
        timeout=10,
    )
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    asked = requests.options(besieged.url + path, headers={"Origin": origin}, timeout=10)
    assert asked.status_code == 403


def test_a_page_of_its_own_is_no_stranger(besieged: Besieged) -> None:
    """What the engine shows in a browser comes from its own origin."""
    answer = requests.get(besieged.url, headers={"Origin": besieged.url}, timeout=10)
    assert answer.status_code == 200


def test_on_a_network_it_says_so_loudly(tmp_path: Path) -> None:
    """Whoever opens it to others is told so; it then has any name, and faults only where asked for and with a key."""
    words = ["-m", "retouch_nb", "serve", "--host", "0.0.0.0", "--port", "0", "--faults"]
    engine = Besieged(tmp_path, *words)
    faults, headers = f"http://127.0.0.1:{engine.port}/engine/faults", {"Host": "studio.lan"}
    assert requests.get(faults, headers=headers, timeout=10).status_code == 401
    answer = requests.get(faults, headers=headers | KEY, timeout=10)
    assert "drop" in answer.json()["data"]["known"]
    told = engine.stop()
    assert "open to the network" in told
    assert "any key is accepted" in told


def test_faults_are_closed_unless_opened(besieged: Besieged) -> None:
    """An engine on a port works as the services do."""
    answer = requests.get(besieged.url + "/engine/faults", headers=KEY, timeout=10)
    assert answer.status_code == 404
