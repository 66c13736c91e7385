"""The exchange is cut at every step: at most one task is ever accepted, and the journal always says which.

Cut by killing the process, by interrupting it, and by breaking the connection at byte offsets; on a transport made for
it, on a real socket, and with real signals.
"""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Client, Entry, Result, Route, State
from retouch_nb.client.wire import proxy_for
from retouch_nb.credentials import Credentials
from retouch_nb.errors import UnknownOutcomeError, UnreachableError
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import PICWISH, Enhance, Inpaint, RetouchObject

DEAD = "http://127.0.0.1:9"
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # of the killed

PHOTO = Photo.open(np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8))
RESULT = Photo.open(np.full((24, 32, 3), 90, np.uint8)).data
PAID = {State.ACCEPTED, State.RUNNING, State.FETCHED, State.DONE}


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def new_client(home: Path) -> Client:
    """Start a kernel."""
    clock = Clock()
    return Client(
        home,
        credentials=Credentials({"PICWISH_API_KEY": "canary-7f3a9c51"}, keyring=lambda: None),
        clock=clock,
        monotonic=clock,
        sleep=clock.sleep,
        random=lambda: 0.0,
    )


class Service(httpx.AsyncBaseTransport):
    """PicWish, with a pause wherever a real one could be when the world ends."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.cancelled: list[str] = []
        self.starts = 0
        self.pending = 2

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        async for part in request.stream:  # type: ignore[union-attr]
            if len(part) > 1000 or part.endswith(b"--\r\n"):
                await asyncio.sleep(0)
        answer = self.answer(request)
        await asyncio.sleep(0)
        return httpx.Response(200, stream=Dripping(answer))

    def answer(self, request: httpx.Request) -> bytes:
        ticket = request.url.path.rsplit("/", 1)[1]
        if request.url.host == "results.example":
            return RESULT
        if request.method == "DELETE":
            self.cancelled.append(ticket)
            return said({})
        if request.method == "POST":
            self.starts += 1
            self.accepted.append(f"t-{len(self.accepted) + 1}")
            return said({"task_id": self.accepted[-1]})
        self.pending -= 1
        if self.pending >= 0:
            return said({"task_id": ticket, "state": 4, "progress": 50})
        return said({"task_id": ticket, "state": 1, "image": f"https://results.example/{ticket}"})

    def route(self, *, free: bool = False) -> Route:
        maker = "embedded engine" if free else "PicWish"
        return Route(
            PICWISH, "https://service.example", maker, transport=self, paced=not free, free=free
        )


class Dripping(httpx.AsyncByteStream):
    """An answer that arrives in two pieces."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        middle = len(self.body) // 2
        yield self.body[:middle]
        await asyncio.sleep(0)
        yield self.body[middle:]


def said(task: dict[str, Any]) -> bytes:
    """Answer as PicWish does."""
    return json.dumps({"status": 200, "data": task}).encode()


class Inline(ThreadPoolExecutor):
    """Does at once what would go to a thread, so that steps can be counted."""

    def submit(self, work: Any, /, *args: Any, **options: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


class Steps:
    """A loop that runs a step at a time."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(Inline())
        self.task = self.loop.create_task(work)

    def take(self, steps: int) -> bool:
        """Take some steps; false when the work ended before."""
        for _ in range(steps):
            if self.task.done():
                return False
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        return not self.task.done()

    def kill(self) -> None:
        """Never go on, as in a process that died; what it left unread is told to nobody."""
        self.loop.set_exception_handler(lambda _loop, _context: None)

    def cancel(self) -> None:
        """Interrupt the work and let it clean up."""
        self.task.cancel()
        self.loop.run_until_complete(asyncio.wait({self.task}))
        self.loop.close()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end."""
    return asyncio.run(work)


def check_journal(entries: list[Entry], service: Service) -> State | None:
    """See that the journal tells the truth about what was accepted; give the state it tells."""
    assert len(entries) <= 1
    if not entries:
        assert service.accepted == []
        return None
    (entry,) = entries
    if entry.state in PAID:
        assert [entry.ticket] == service.accepted
    elif entry.state is State.STOPPED:
        assert set(service.accepted) == set(service.cancelled)
    else:
        assert entry.state is State.UNKNOWN
    return entry.state


def check_another_run(home: Path, service: Service, state: State | None) -> None:
    """See that a later kernel gets the one task's picture, or asks; and never starts a second."""
    client = new_client(home)
    if state is State.UNKNOWN:
        starts = service.starts
        with pytest.raises(UnknownOutcomeError):
            run(client.run(Enhance(PHOTO), service.route()))
        assert service.starts == starts
    else:
        assert run(client.run(Enhance(PHOTO), service.route())).photo.data == RESULT
        assert len(service.accepted) == 1
    client.close()


def at_every_step(
    tmp_path: Path, cut: Callable[[Steps, Client], None], *, free: bool = False
) -> dict[State | None, int]:
    """Cut a run after every possible number of steps and look at what is left; give how often each state was."""
    found: dict[State | None, int] = {}
    graves = []  # nobody cleans up after a killed process
    for step in range(1000):
        service, home = Service(), tmp_path / str(step)
        client = new_client(home)
        client.journal.hold(service.route().lane, 1_700_000_001.0)
        steps = Steps(client.run(Enhance(PHOTO), service.route(free=free)))
        on_the_way = steps.take(step)
        cut(steps, client)
        graves.append(steps)
        later = new_client(home)
        state = check_journal(later.jobs(), service)
        later.close()
        found[state] = found.get(state, 0) + 1
        if not free:
            check_another_run(home, service, state)
        if not on_the_way:
            break
    return found


def killed(steps: Steps, client: Client) -> None:
    """End it as kill -9 does: nothing more is run, and the system gives back the locks."""
    client.close()
    steps.kill()


def interrupted(steps: Steps, client: Client) -> None:
    """End it as a person does."""
    steps.cancel()
    client.close()


def test_killed_at_any_step_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    """Whatever the moment: the row is true, the next kernel takes up the task or asks, and one task is accepted."""
    found = at_every_step(tmp_path, killed)
    gc.collect()
    assert set(found) >= {State.STOPPED, State.UNKNOWN, State.ACCEPTED, State.RUNNING, State.DONE}
    assert found[State.UNKNOWN] < sum(found.values()) / 2


def test_interrupted_at_any_step_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    """The same for a person's interrupt, which also leaves nothing that looks like it were being sent."""
    found = at_every_step(tmp_path, interrupted)
    assert set(found) >= {State.STOPPED, State.ACCEPTED, State.RUNNING, State.DONE}


def test_the_embedded_engine_is_left_with_nothing_to_do(tmp_path: Path) -> None:
    """Interrupted at any step, a free task that was accepted is cancelled there, or done."""
    found = at_every_step(tmp_path, interrupted, free=True)
    assert set(found) <= {None, State.STOPPED, State.FETCHED, State.DONE}


def test_another_mask_is_another_task_and_the_same_is_none(tmp_path: Path) -> None:
    """A cache that looked past the mask would hand out somebody's other picture, and one that looked at too much would pay."""
    service, client = Service(), new_client(tmp_path)
    spots = np.zeros((2, 24, 32), bool)
    spots[0, 2:9, 2:9] = spots[1, 12:20, 12:20] = True
    spots[:, 5, 5] = ~spots[:, 5, 5]  # no rectangles, which travel as such
    for mask in (spots[0], spots[1], spots[0], spots[1]):
        service.pending = 0
        run(client.run(Inpaint(PHOTO, mask), service.route()))
    assert len(service.accepted) == 2
    for retained in (None, spots[0], spots[1], spots[1]):
        service.pending = 0
        run(client.run(RetouchObject(PHOTO, spots[0], retain_mask=retained), service.route()))
    assert len(service.accepted) == 5
    client.close()


class Socket:
    """PicWish on a loopback port, which breaks the first start off after so many bytes in or out."""

    def __init__(self, *, hear: int | None = None, tell: int | None = None) -> None:
        self.hear, self.tell = hear, tell
        self.accepted: list[str] = []
        self.starts = 0
        self.port = 0

    async def serve(self, work: Callable[[Route], Coroutine[Any, Any, Any]]) -> Any:
        """Serve while the work runs."""
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            return await work(Route(PICWISH, f"http://127.0.0.1:{self.port}", "PicWish"))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.starts == 0 and self.hear is not None:
            self.starts += 1
            await reader.readexactly(self.hear)
            writer.transport.abort()
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
        await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
        if not head.startswith("POST"):
            writer.write(self._reply(head))
            await writer.drain()
            return
        self.starts += 1
        self.accepted.append(f"t-{len(self.accepted) + 1}")
        reply = self._reply(head)
        writer.write(reply[: self.tell] if self.starts == 1 else reply)
        await writer.drain()

    def _reply(self, head: str) -> bytes:
        if head.startswith("POST"):
            body = said({"task_id": self.accepted[-1]})
        elif head.startswith("GET /result"):
            body = RESULT
        else:
            link = f"http://127.0.0.1:{self.port}/result.png"
            body = said({"task_id": self.accepted[-1], "state": 1, "image": link})
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n{"status": 200, "data": {"task_id": "t-1"}}'


@pytest.mark.parametrize("bytes_heard", [0, 1, 100, 300, 500, 1000, 2000])
def test_a_request_that_was_cut_is_unknown_and_not_sent_again(
    tmp_path: Path, bytes_heard: int
) -> None:
    """Cut on a real socket after any number of bytes of the request: nothing accepted, unknown, and no second try."""
    service = Socket(hear=bytes_heard)
    client = new_client(tmp_path)

    async def start(route: Route) -> None:
        with pytest.raises(UnknownOutcomeError):
            await client.run(Enhance(PHOTO), route, job_id="j1")
        with pytest.raises(UnknownOutcomeError):
            await client.run(Enhance(PHOTO), route)

    asyncio.run(service.serve(start))
    assert (service.starts, service.accepted) == (1, [])
    assert client.find("j1").state is State.UNKNOWN
    client.close()


@pytest.mark.parametrize("bytes_told", [0, 1, 12, 17, 38, len(ANSWER) // 2, 60, 70])
def test_an_answer_that_was_cut_is_unknown_and_not_asked_for_again(
    tmp_path: Path, bytes_told: int
) -> None:
    """Cut after any number of bytes of the answer: one task accepted, unknown, and no second one."""
    service = Socket(tell=bytes_told)
    client = new_client(tmp_path)

    async def start(route: Route) -> None:
        with pytest.raises(UnknownOutcomeError):
            await client.run(Enhance(PHOTO), route, job_id="j1")
        with pytest.raises(UnknownOutcomeError):
            await client.run(Enhance(PHOTO), route)

    asyncio.run(service.serve(start))
    assert (service.starts, service.accepted) == (1, ["t-1"])
    assert client.find("j1").state is State.UNKNOWN
    client.close()


def test_a_whole_exchange_on_a_socket_brings_the_picture(tmp_path: Path) -> None:
    """The counterpart of the cuts: the same socket, uncut."""
    service = Socket()
    client = new_client(tmp_path)
    result = asyncio.run(service.serve(lambda route: client.run(Enhance(PHOTO), route)))
    assert result.photo.data == RESULT
    assert service.starts == 1
    client.close()


@pytest.fixture
def dead_proxy() -> Iterator[str]:
    """Set a proxy that answers nobody, as a company's network might while one is at home."""
    before = dict(os.environ)
    proxies = dict.fromkeys(["http_proxy", "https_proxy", "all_proxy"], DEAD)
    for name, value in {**proxies, "no_proxy": "spared.example"}.items():
        os.environ[name] = os.environ[name.upper()] = value
    yield DEAD
    os.environ.clear()
    os.environ.update(before)


def test_a_proxy_is_for_the_network_not_for_this_machine(tmp_path: Path, dead_proxy: str) -> None:
    """What runs here is reached directly whatever the environment says; others through the proxy that it names."""
    client = new_client(tmp_path)
    service = Socket()
    result = asyncio.run(service.serve(lambda route: client.run(Enhance(PHOTO), route)))
    assert result.photo.data == RESULT
    assert proxy_for(httpx.URL("https://service.example")) == dead_proxy
    assert proxy_for(httpx.URL("https://spared.example")) == ""
    elsewhere = Route(PICWISH, "https://service.example", "PicWish")
    with pytest.raises(UnreachableError):
        run(client.run(Enhance(PHOTO), elsewhere, fresh=True))
    client.close()


def test_a_port_where_nobody_listens_costs_nothing(tmp_path: Path) -> None:
    """Refused connections prove that nothing left: tried again, and then free to run anew."""
    service = Socket()
    client = new_client(tmp_path)

    async def gone(route: Route) -> Route:
        return route

    route = asyncio.run(service.serve(gone))
    with pytest.raises(UnreachableError):
        run(client.run(Enhance(PHOTO), route))
    assert [entry.state for entry in client.jobs()] == [State.STOPPED]
    client.close()


KERNEL = textwrap.dedent(
    """
    import asyncio, json, os, signal, sys
    from pathlib import Path
    import httpx, numpy as np
    from retouch_nb.client import Client, Route
    from retouch_nb.credentials import Credentials
    from retouch_nb.errors import RetouchError
    from retouch_nb.photo import Photo
    from retouch_nb.providers.picwish import PICWISH, Enhance

    home, log, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    result = Photo.open(np.full((24, 32, 3), 90, np.uint8)).data

    def at(name):
        if name == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def said(task):
        return httpx.Response(200, content=json.dumps({"status": 200, "data": task}).encode())

    async def service(request):
        if request.url.host == "results.example":
            at("fetching")
            return httpx.Response(200, content=result)
        if request.method == "POST":
            at("sent")
            with open(log, "a") as file:
                file.write("t-1\\n")
            at("accepted")
            return said({"task_id": "t-1"})
        at("asking")
        return said({"task_id": "t-1", "state": 1, "image": "https://results.example/t-1"})

    async def main():
        client = Client(home, credentials=Credentials({"PICWISH_API_KEY": "k-123456"}, keyring=lambda: None))
        route = Route(PICWISH, "https://service.example", "PicWish", transport=httpx.MockTransport(service), paced=False)
        photo = Photo.open(np.full((24, 32, 3), 120, np.uint8))
        try:
            result = await client.run(Enhance(photo), route, watch=lambda event: at(event.state))
            print("picture", result.receipt.task_id)
        except RetouchError as error:
            print(type(error).__name__)

    asyncio.run(main())
    """
)


def kernel(home: Path, moment: str = "") -> "subprocess.Popen[str]":
    """Start a kernel that runs the cell, and kills itself at a moment."""
    return subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(home), str(home.parent / "service.log"), moment],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("moment", "accepted", "then"),
    [
        ("sending", 0, "UnknownOutcomeError\n"),
        ("sent", 0, "UnknownOutcomeError\n"),
        ("accepted", 1, "UnknownOutcomeError\n"),
        ("queued", 1, "picture t-1\n"),
        ("asking", 1, "picture t-1\n"),
        ("fetching", 1, "picture t-1\n"),
    ],
)
def test_a_killed_kernel_is_followed_by_one_that_knows(
    home: Path, moment: str, accepted: int, then: str
) -> None:
    """Kill -9, a new process, the same cell: it brings the picture or asks, and nothing is accepted twice."""
    home.mkdir()
    first = kernel(home, moment)
    assert first.wait() == -signal.SIGKILL
    second = kernel(home)
    assert second.communicate()[0] == then
    log = home.parent / "service.log"
    assert (log.read_text().splitlines() if log.exists() else []) == ["t-1"] * accepted


def test_kernels_that_run_the_same_cell_at_once_start_one_task(home: Path) -> None:
    """Four processes on one journal: one sends, all get the picture."""
    kernels = [kernel(home) for _ in range(4)]
    assert [k.communicate()[0] for k in kernels] == ["picture t-1\n"] * 4
    assert (home.parent / "service.log").read_text() == "t-1\n"
