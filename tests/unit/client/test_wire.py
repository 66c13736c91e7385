import asyncio
import gzip
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from retouch_nb.client import Route, Timeouts
from retouch_nb.client.task import Left, Lost
from retouch_nb.client.wire import (
    MOST_ANSWER,
    Departure,
    Wire,
    compose,
    is_loopback,
    may_visit,
)
from retouch_nb.contract import Answer, Call, Upload
from retouch_nb.credentials import Secret
from retouch_nb.errors import ParameterError
from retouch_nb.providers.picwish import PICWISH

KEY = "canary-7f3a9c51"
FIELD = replace(PICWISH, key_header="", key_field="token")
POST = Call(
    "POST",
    "/api/start",
    {"sync": "0", "type": "face"},
    {"image_file": Upload("a.png", "image/png", b"\x89PNG...")},
)


def route(
    handle: Any = None, provider: Any = PICWISH, base: str = "https://service.example"
) -> Route:
    """Give a route to an answer."""
    return Route(provider, base, "PicWish", transport=handle and httpx.MockTransport(handle))


def composed(
    call: Call, provider: Any = PICWISH, base: str = "https://service.example/"
) -> httpx.Request:
    """Make a request with the canary key."""
    request = compose(
        route(provider=provider, base=base), call, secret=Secret(KEY), timeouts=Timeouts()
    )
    request.read()
    return request


def exchange(handle: Any, call: Call = POST, **options: Any) -> Answer | Lost:
    """Send one call to an answer."""
    return asyncio.run(
        Wire(Timeouts()).exchange(route(handle), call, secret=Secret(KEY), **options)
    )


def test_a_call_becomes_a_form_with_the_key_in_its_header() -> None:
    """Origin, path, fields, files and header are as the page shows them."""
    request = composed(POST)
    assert str(request.url) == "https://service.example/api/start"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    body = request.content.decode("latin-1")
    assert 'name="sync"\r\n\r\n0\r\n' in body
    assert (
        'name="image_file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG...' in body
    )
    assert int(request.headers["content-length"]) == len(request.content)


def test_a_form_without_files_is_multipart_too() -> None:
    """No vendor's page shows another kind."""
    request = composed(Call("POST", "/api/start", {"image_url": "https://x/y"}))
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'name="image_url"\r\n\r\nhttps://x/y' in request.content


def test_a_key_in_the_form_goes_only_where_something_starts() -> None:
    """A service that takes its key as a field gets it in a POST, and in no address or header."""
    request = composed(POST, FIELD)
    assert f'name="token"\r\n\r\n{KEY}'.encode() in request.content
    assert KEY not in str(request.headers.raw)
    asked = composed(Call("GET", "/api/status/1"), FIELD)
    assert KEY not in str(asked.headers.raw) + str(asked.url) + asked.content.decode()


@pytest.mark.parametrize("address", ["https://results.example/a", "https://service.example/a"])
def test_a_whole_address_never_gets_the_key(address: str) -> None:
    """The client adds the key to paths of the service alone."""
    for provider in (PICWISH, FIELD):
        request = composed(Call("GET", address), provider)
        assert KEY not in str(request.headers.raw) + str(request.url)


@pytest.mark.parametrize("path", ["/@evil.example/x", "//evil.example/x", "/\\evil.example"])
def test_no_path_leads_the_key_to_another_host(path: str) -> None:
    """A task id or path chosen by somebody else stays behind the service's own origin."""
    assert composed(Call("GET", path)).url.host == "service.example"


def test_what_is_uploaded_is_not_copied() -> None:
    """A hundred megabytes are sent in pieces; memory beside them stays small."""
    data = bytes(100_000_000)
    sizes: list[int] = []

    class Counting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sizes.extend([len(part) async for part in request.stream])  # type: ignore[union-attr]
            return httpx.Response(200, content=b"{}")

    path = Route(PICWISH, "https://service.example", "PicWish", transport=Counting())
    call = Call("POST", "/x", {}, {"image_file": Upload("a.png", "image/png", data)})
    tracemalloc.start()
    asyncio.run(Wire(Timeouts()).exchange(path, call))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) > 100_000_000
    assert max(sizes) <= 65_536
    assert peak < 4_000_000


def test_progress_of_an_upload_is_told() -> None:
    """Fractions grow to one."""
    told: list[float] = []
    call = Call("POST", "/x", {}, {"f": Upload("a", "image/png", bytes(300_000))})
    exchange(lambda r: httpx.Response(200), call, departure=Departure(told.append))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 4


def test_an_answer_is_given_whole() -> None:
    """Status, headers of any case, body."""
    said = exchange(lambda r: httpx.Response(429, headers={"Retry-After": "3"}, content=b"{}"))
    assert isinstance(said, Answer)
    assert (said.status, said.headers["retry-after"], said.body) == (429, "3", b"{}")


def test_a_key_in_an_answer_is_blotted_out() -> None:
    """Services quote the key they refuse; nobody after us sees it."""
    said = exchange(lambda r: httpx.Response(401, text=f"invalid {r.headers['x-api-key']}"))
    assert isinstance(said, Answer)
    assert said.body == b"invalid ********"


NOTHING = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout(""),
    httpx.PoolTimeout(""),
    httpx.ProxyError(""),
]
WHOLE = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout(""),
    httpx.RemoteProtocolError("bye"),
    RuntimeError("app"),
    TimeoutError(),
]


@pytest.mark.parametrize(
    ("error", "left"),
    [(e, Left.NOTHING) for e in NOTHING] + [(e, Left.WHOLE) for e in WHOLE],
    ids=repr,
)
def test_what_left_is_judged_by_proof(error: Exception, left: Left) -> None:
    """Only failures to connect prove that nothing left; everything after the body was read counts as sent."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    said = exchange(fail)
    assert isinstance(said, Lost)
    assert said.left is left


def test_a_request_that_broke_half_way_was_cut() -> None:
    """Some of the body was taken, not all."""

    class Half(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async for _ in request.stream:  # type: ignore[union-attr]
                raise httpx.WriteError("broken pipe")
            raise AssertionError

    path = Route(PICWISH, "https://service.example", "PicWish", transport=Half())
    said = asyncio.run(Wire(Timeouts()).exchange(path, POST))
    assert isinstance(said, Lost)
    assert said.left is Left.PART


def test_a_connection_that_is_being_made_proves_that_nothing_left() -> None:
    """The network library tells when it connects and when it begins to send."""
    departure = Departure()
    request = composed(POST)
    departure.watch(request)

    def tell(name: str) -> Left:
        asyncio.run(request.extensions["trace"](name, {}))
        return departure.left()

    assert departure.left() is Left.PART
    assert tell("connection.connect_tcp.started") is Left.NOTHING
    assert tell("connection.start_tls.started") is Left.NOTHING
    assert tell("http11.send_request_headers.started") is Left.PART


def test_words_for_what_broke_hold_no_key() -> None:
    """Whatever text an exception carries, and its frames: a value comes back, not an exception."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value b'{KEY}'")

    said = exchange(fail)
    assert isinstance(said, Lost)
    assert KEY not in repr(said)
    assert "Illegal header" in said.why


def test_a_bomb_in_the_packing_of_an_answer_takes_no_memory() -> None:
    """An answer is unpacked a megabyte at a time and left where it is too long; packed twice, not at all."""
    bomb = gzip.compress(bytes(140_000_000), 1)
    tracemalloc.start()
    once = exchange(lambda r: packed(bomb, "gzip"))
    twice = exchange(lambda r: packed(gzip.compress(bomb), "gzip, gzip"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(once, Lost)
    assert isinstance(twice, Lost)
    assert peak < 2.5 * MOST_ANSWER
    honest = exchange(lambda r: packed(gzip.compress(b"{}"), "gzip"))
    assert isinstance(honest, Answer)
    assert honest.body == b"{}"


def packed(body: bytes, name: str) -> httpx.Response:
    """Give an answer that is said to be packed."""
    stream = httpx.ByteStream(body)
    return httpx.Response(200, headers={"content-encoding": name}, stream=Pieces(stream))


class Pieces(httpx.AsyncByteStream):
    """Gives a body as the network would."""

    def __init__(self, body: httpx.ByteStream) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for whole in self.body:
            for start in range(0, len(whole), 65_536):
                yield whole[start : start + 65_536]


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/a", files={"f": Upload("\udcff.png", "image/png", b"")}),
        Call("POST", "/a", headers={"X-Note": "two\nlines \u2603"}),
    ],
)
def test_what_cannot_be_put_into_a_request_has_not_left(call: Call) -> None:
    """A name that no header holds costs nothing, and is not taken for a payment in doubt."""
    said = exchange(lambda r: httpx.Response(200), call)
    assert isinstance(said, Lost)
    assert said.left is Left.NOTHING


def test_a_proxy_that_cannot_be_used_has_let_nothing_leave() -> None:
    """A proxy of the environment in a language we do not speak is found out before anything is sent."""

    class Behind(Wire):
        def _transport(self, *anything: object) -> httpx.AsyncBaseTransport:
            return httpx.AsyncHTTPTransport(proxy="gopher://nowhere")

    said = asyncio.run(Behind(Timeouts()).exchange(route(), POST))
    assert isinstance(said, Lost)
    assert said.left is Left.NOTHING


@pytest.mark.parametrize("form", ["k/ey+1234", "k\\/ey+1234", "k%2Fey%2B1234"])
def test_a_key_is_blotted_out_however_it_is_written(form: str) -> None:
    """As it is, as PHP writes it in JSON, and as an address has it."""
    assert Secret("k/ey+1234").hide(f"bad key {form}".encode()) == b"bad key ********"


def test_an_endless_answer_is_cut_off() -> None:
    """Memory is bounded whatever a service sends."""
    taken: list[int] = []

    class Flood(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(10_000):
                taken.append(1)
                yield bytes(1_000_000)

    said = exchange(lambda r: httpx.Response(200, stream=Flood()))
    assert isinstance(said, Lost)
    assert len(taken) <= MOST_ANSWER // 1_000_000 + 1


def test_an_exchange_may_be_given_a_limit() -> None:
    """A service that never answers is left after `within`."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    assert exchange(hang, within=0.01) == Lost("no answer in time.", Left.WHOLE)


def test_limits_are_those_of_the_part() -> None:
    """Connecting, sending and waiting have their own; work that is waited for has a longer one."""
    timeouts = Timeouts(connect=1, upload=2, wait=3, work=4)
    assert timeouts.of(POST) == {"connect": 1, "pool": 1, "write": 2, "read": 3}
    assert timeouts.of(replace(POST, waits=True))["read"] == 4


@pytest.mark.parametrize(
    "base",
    [
        "https://service.example",
        "https://proxy.example/picwish/",
        "http://127.0.0.1:8765",
        "http://localhost:1",
        "http://[::1]:1",
    ],
)
def test_https_and_this_machine_are_addresses(base: str) -> None:
    """These pass."""
    route(base=base).check()


@pytest.mark.parametrize(
    "base",
    [
        "http://service.example",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "ftp://x",
        "service.example",
        "https://",
        "https://user:pw@service.example",
        "https://service.example/?x=1",
        "https://service.example#x",
        "",
    ],
)
def test_no_key_travels_readable(base: str) -> None:
    """Plain http to others, and addresses with a user or a query, are refused by the name of their variable."""
    with pytest.raises(ParameterError, match="PICWISH_BASE_URL"):
        route(base=base).check()


def test_an_engine_in_this_process_needs_no_https() -> None:
    """Nothing leaves the process."""
    route(lambda r: httpx.Response(200), base="http://engine.local").check()


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.8.9.1", "::1"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    """Names and numbers of the loopback."""
    assert is_loopback(host)
    assert not is_loopback(host.replace("1", "2").replace("localhost", "localhos"))


def test_http_is_for_insiders() -> None:
    """Https anywhere; http on this machine or inside the process; nothing else at all."""
    assert may_visit(httpx.URL("https://x.example"), inside=False)
    assert not may_visit(httpx.URL("http://x.example"), inside=False)
    assert may_visit(httpx.URL("http://x.example"), inside=True)
    assert not may_visit(httpx.URL("file:///etc/passwd"), inside=True)


def test_nothing_is_logged(caplog: Any) -> None:
    """Signed addresses and keys do not reach a log, at whatever level."""
    caplog.set_level(0)
    exchange(lambda r: httpx.Response(200), Call("GET", "https://results.example/a?signature=s-1"))
    assert not re.search("signature|canary|results", caplog.text)


def test_a_key_in_a_long_answer_is_blotted_out() -> None:
    """However much stands before it; what is short could stand in a large picture by chance."""
    text = "a" * 1_500_000
    said = exchange(lambda r: httpx.Response(401, text=f"{text} {r.headers['x-api-key']}"))
    assert isinstance(said, Answer)
    assert said.body == f"{text} ********".encode()


@pytest.mark.parametrize(
    "address",
    ["https://a/\x00", "https://xn--a.example", "not an address", "https://", "", "?"],
)
def test_an_address_that_is_none_is_refused_in_our_words(address: str) -> None:
    """A slip in the environment is a parameter to be corrected, not a stack of the network library."""
    with pytest.raises(ParameterError, match="Nothing was sent"):
        Route(PICWISH, address, "PicWish").check()


def test_what_starts_a_task_gets_a_connection_of_its_own() -> None:
    """One that was kept may be closed in the moment it is used again, and nobody could tell whether the request arrived."""
    connections: list[list[str]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods: list[str] = []
        connections.append(methods)
        while head := await reader.readuntil(b"\r\n\r\n"):
            methods.append(head.decode().partition(" ")[0])
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer(reader, writer)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        route, wire = Route(PICWISH, f"http://127.0.0.1:{port}", "PicWish"), Wire(Timeouts())
        async with server, wire.open():
            for call in (POST, Call("GET", "/a"), POST, Call("GET", "/a"), POST):
                assert isinstance(await wire.exchange(route, call), Answer)

    asyncio.run(main())
    assert sorted(connections) == [["GET", "GET"], ["POST"], ["POST"], ["POST"]]
