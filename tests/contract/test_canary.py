"""A key that would sing: every flow in a real kernel, and then a search for the key in all that is left of it.

The service repeats the key it was given in whatever it says. It may be in the requests to the service's own origin, and
nowhere else: not in outputs, logs, tracebacks with their variables, files, or requests to other origins.
"""

import base64
import html
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from retouch_nb.photo import Photo

ROOT = Path(__file__).parents[2]
KEY = "canary/7f3a+9c51=Zq8"
PICTURE = Photo.open(np.full((40, 60, 3), 90, np.uint8)).data


class Origin(ThreadingHTTPServer):
    """A server that keeps what it is asked, and answers as its `mode` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.heard: list[bytes] = []
        self.mode = "well"
        self.other = self
        self.elsewhere = ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Asked(BaseHTTPRequestHandler):
    """One request."""

    server: Origin

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/mode/"):
            for server in (self.server, self.server.other):
                server.mode = self.path.rpartition("/")[2]
            return self._say(200, {})
        head = f"{self.command} {self.path}\n{self.headers}".encode()
        self.server.heard.append(head + body)
        if self.path.startswith("/result"):
            return self._result()
        if self.command == "POST":
            return self._start()
        return self._state()

    do_GET = do_POST = do_DELETE = _answer

    def _start(self) -> None:
        match self.server.mode:
            case "refused" | "401" | "429" | "500" | "503":
                code = {"refused": 400}.get(self.server.mode) or int(self.server.mode)
                self._say(code, {"status": code, "message": f"bad key {KEY} ({quote(KEY)})"})
            case "escaped":
                said = json.dumps({"status": 401, "message": f"bad key {KEY}"})
                self._say(200, said.replace("/", "\\/"))
            case "html":
                self._say(200, f"{KEY} <p>{KEY}</p>")
            case "dropped":
                self.connection.close()
            case "moved":
                self._say(302, {}, location=f"{self.server.elsewhere}/result?key={quote(KEY)}")
            case "named":
                self._say(200, {"status": 200, "id": KEY, "data": {"task_id": KEY}})
            case _ if "editing" in self.path:
                link = f"{self.server.elsewhere}/result/1"
                self._say(200, {"error_code": 0, "data": {"image_url": link}})
            case _:
                self._say(200, {"status": 200, "id": "t-1", "data": {"task_id": "t-1"}})

    def _state(self) -> None:
        link = f"{self.server.elsewhere}/result/1"
        state = {"failed": -1, "done": 1}.get(self.server.mode, 1)
        task = {"state": state, "err_message": KEY, "state_detail": KEY, "image": link}
        if self.server.mode == "nonsense":
            return self._say(200, f"{KEY}")
        if "retoucher" in self.path and "getFile" not in self.path:
            return self._say(200, {"status": 200, "state": "completed", "pluginName": KEY})
        if "getFile" in self.path:
            return self._say(302, {}, location=f"{self.server.elsewhere}/result/1")
        notes = {"engine": {"notes": [f"done with {KEY}"]}}
        self._say(200, {"status": 200, "data": {"task_id": "t-1", **task, **notes}})
        return None

    def _result(self) -> None:
        match self.server.mode:
            case "expired":
                self._say(404, {"message": KEY})
            case "no-picture":
                self._say(200, f"<html>{KEY}")
            case "led-on" if not self.path.endswith("/2"):
                self._say(302, {}, location="/result/2")
            case _:
                self._say(200, PICTURE)

    def _say(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
        data = json.dumps(body).encode() if data is None else data
        self.send_response(status)
        own = {} if self.server.elsewhere == "" else {"X-Echo": KEY, "Set-Cookie": f"key={KEY}"}
        for name, value in {"Content-Length": str(len(data)), **own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


BEGIN = """
import asyncio, copy, logging, pickle, sys, traceback, urllib.request, warnings
logging.basicConfig(level=1, stream=sys.stdout, force=True)
logging.getLogger().addHandler(logging.FileHandler("all.log"))
%load_ext retouch_nb
%xmode Verbose
import retouch_nb as rn
from retouch_nb import session
from retouch_nb.client import Client
now = [1.7e9]
async def sleep(seconds):
    now[0] += seconds
desk = session.current()
clock = lambda: now[0]
desk.client = Client(desk.home, credentials=desk.credentials, clock=clock, monotonic=clock, sleep=sleep)
def mode(name):
    urllib.request.urlopen(SERVICE + "/mode/" + name).close()
def confess():
    error = sys.last_value
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    print(type(error).__name__, *told.format())
"""

ERRORS = (
    "refused", "401", "429", "500", "503", "escaped", "html", "dropped", "moved", "failed",
    "nonsense", "expired", "no-picture",
)  # fmt: skip
WELL = [
    "%enhance p.png -o made",
    "made",
    "print(repr(made), made.receipt, made._repr_html_()); made.save_html('made.html'); made.save('m.png')",
    "mode('led-on')\n%enhance p.png --fresh",
    "mode('named')\n%enhance p.png --fresh",
    "mode('well')\n%inpaint p.png --rectangles 1,1,5,5 --sync",
    "%match_style p.png p.png",
    "%retouch p.png 'Heal 1.0'",
    "%enhance p.png --dry-run --scale-factor 2",
    "print(_)",
    "%retouch p.png 'Heal 0.5' --dry-run",
    "%retouch_nb doctor",
    "%retouch_nb jobs",
    "print(rn.jobs())",
    "%retouch_nb balance",
    "%retouch_nb providers",
    "%retouch_nb cache",
    "%config Retouch",
    "%whos",
    "%enhance?",
    "job = rn.submit('enhance', 'p.png', fresh=True); job.result(); job",
]
THINGS = """
secret = desk.credentials.need(rn.providers.provider_named("picwish"))
kit = desk.client._kit
entries = desk.client.jobs()
route = desk.route(rn.providers.operation_named("enhance"))
things = [desk, desk.credentials, secret, kit, desk.client, entries, route, job, job.operation, made, made.receipt]
for thing in things:
    print(repr(thing), str(thing), f"{thing}", [thing], ascii(thing))
    for way in (pickle.dumps, copy.copy, copy.deepcopy, vars):
        try:
            print(repr(way(thing)) if way is not vars else way(thing).keys())
        except Exception as error:
            print(type(error).__name__, error)
"""
OTHERS = [
    "%retouch_nb login picwish",
    "%retouch_nb resume nothing",
    "desk.environ = {}; 1 / 0",
    "desk.credentials.login(rn.providers.provider_named('picwish'), 'two words')",
    "from retouch_nb.credentials import Credentials\n"
    "from retouch_nb.providers.picwish import PICWISH\n"
    "Credentials({'PICWISH_API_KEY': __import__('os').environ['PICWISH_API_KEY'] + ' x'}).find(PICWISH)",
]


def cells(service: str) -> list[str]:
    """Give the notebook: what goes well, what goes wrong, and every thing that can be looked at."""
    wrong = []
    for nth, name in enumerate(ERRORS):
        wrong += [f"mode({name!r})\n%enhance p.png --fresh", "confess()"]
        if nth % 5 == 0:
            wrong += ["%tb Verbose"]
            wrong += ["%retouch p.png 'Heal 0.7' --fresh", "%match_style p.png p.png --fresh"]
    others = [line for other in OTHERS for line in (other, "confess()")]
    begin = BEGIN.replace("SERVICE", repr(service))
    return [begin, *WELL, THINGS, *wrong, "rn.jobs()", *others]


def written(key: str) -> dict[str, bytes]:
    """Give every way in which a key may be written so that somebody could read it."""
    ways = {
        "plain": key,
        "json": json.dumps(key)[1:-1].replace("/", "\\/"),
        "quoted": quote(key, safe=""),
        "quoted path": quote(key),
        "form": quote_plus(key),
        "html": html.escape(key),
        "hex": key.encode().hex(),
        "HEX": key.encode().hex().upper(),
        "reversed": key[::-1],
        "core": key[1:-1],
    }
    for shift in range(3):
        packed = base64.b64encode(b"x" * shift + key.encode())
        middle = packed[4:-4].decode()
        ways[f"base64 {shift}"] = middle
        ways[f"base64url {shift}"] = middle.replace("+", "-").replace("/", "_")
    return {name: text.encode() for name, text in ways.items()}


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the whole notebook against the service, and give all that is left of it."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / "p.png").write_bytes(PICTURE)
    service, elsewhere = Origin(), Origin()
    service.elsewhere, service.other = elsewhere.url, elsewhere
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells(service.url)])
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=120,
        allow_errors=True,
        ipython_hist_file=str(folder / "history.sqlite"),
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=_environment(folder, service.url))
    nbformat.write(notebook, folder / "saved.ipynb")
    yield {"folder": folder, "notebook": notebook, "service": service, "elsewhere": elsewhere}
    for server in (service, elsewhere):
        server.shutdown()
        server.server_close()


def _environment(folder: Path, url: str) -> dict[str, str]:
    services = {
        "PICWISH_API_KEY": "PICWISH_BASE_URL",
        "AILAB_API_KEY": "AILAB_BASE_URL",
        "RETOUCH_TOKEN": "RETOUCH4ME_BASE_URL",
    }
    return {
        **os.environ,
        **dict.fromkeys(services, KEY),
        **dict.fromkeys([*services.values(), "RETOUCH4ME_BALANCE_URL"], url),
        "RETOUCH_NB_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
    }


def found(data: bytes) -> list[str]:
    """Name the ways in which the key stands in something."""
    return [name for name, way in written(KEY).items() if way in data]


def texts(notebook: Any) -> list[str]:
    """Give the outputs of each cell as text."""
    return [json.dumps(cell.get("outputs", []), ensure_ascii=False) for cell in notebook.cells]


def test_the_flows_really_went_as_they_should(sung: dict[str, Any]) -> None:
    """What goes well has a figure and what goes wrong an error: else this search would find nothing in nothing."""
    outputs = dict(
        zip((c.source for c in sung["notebook"].cells), texts(sung["notebook"]), strict=True)
    )
    for source in WELL[:1] + WELL[3:8]:
        assert "retouch-figure" in outputs[source], (source, outputs[source][:2000])
    for name in ERRORS:
        told = outputs[f"mode({name!r})\n%enhance p.png --fresh"]
        assert '"output_type": "error"' in told, (name, told[:2000])
        assert "Error" in told
    plain = [line for line in outputs if line.startswith(("%retouch_nb", "print", "job"))]
    broken = {"%retouch_nb login picwish", "%retouch_nb resume nothing"}
    assert not [s for s in plain if '"output_type": "error"' in outputs[s] and s not in broken]
    assert "receive_response_body" in (sung["folder"] / "all.log").read_text()


def test_the_service_got_the_key_in_its_own_place(sung: dict[str, Any]) -> None:
    """Every request to the service has it, in the header or field of its page and never in an address."""
    heard = sung["service"].heard
    assert len(heard) > 40
    for request in heard:
        line, _, rest = request.partition(b"\n")
        assert not found(line)
        named = re.search(rb"(?i)\n(x-api-key|ailabapi-api-key|x-retouch-token): ", b"\n" + rest)
        assert found(rest) == [] or named
    assert any(b'name="token"' in request and KEY.encode() in request for request in heard)


def test_no_other_origin_heard_the_key(sung: dict[str, Any]) -> None:
    """Not where results lie, and not where the service leads on to."""
    heard = sung["elsewhere"].heard
    assert len(heard) > 5
    assert not [request for request in heard if found(request)]


def test_the_key_is_in_no_output(sung: dict[str, Any]) -> None:
    """Figures, tables, errors, tracebacks with their variables, logs at every level, reprs and copies."""
    for cell, told in zip(sung["notebook"].cells, texts(sung["notebook"]), strict=True):
        ways = found(told.encode())
        assert not ways, (ways, cell.source, told[max(0, told.find(KEY) - 300) :][:600])


def test_the_key_is_in_no_file(sung: dict[str, Any]) -> None:
    """Journal with its log, cache, saved notebook, page, IPython's history, and a log of everything."""
    files = [path for path in sung["folder"].rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"journal.sqlite3", "history.sqlite", "saved.ipynb", "all.log", "made.html"} <= names
    for path in files:
        assert not found(path.read_bytes()), path
