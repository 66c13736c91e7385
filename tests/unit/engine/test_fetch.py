import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.fetch import fetch, is_public, resolve

PUBLIC = "93.184.216.34"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def answering(*answers: httpx.Response) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """Answer requests in turn, and keep them."""
    asked: list[httpx.Request] = []
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(left)

    return httpx.MockTransport(answer), asked


def resolving(**hosts: str | list[str]) -> Callable[[str, int], list[str]]:
    """Resolve these names, dots written as underscores, and no others."""

    def looked_up(host: str, port: int) -> list[str]:
        found = hosts.get(host.replace(".", "_"))
        if found is None:
            raise OSError("no such name")
        return [found] if isinstance(found, str) else found

    return looked_up


def delivering(body: bytes) -> httpx.Response:
    """Answer as a network does: in pieces that are read once."""
    return httpx.Response(200, content=iter([body]))


def moved(to: str) -> httpx.Response:
    """Redirect."""
    return httpx.Response(302, headers={"location": to})


def failed(url: str = "http://a.test/", limit: int = 9, **options: Any) -> Cause:
    """Fetch what must fail, from a public name unless told otherwise, and give the cause."""
    with pytest.raises(Failure) as caught:
        fetch(url, limit, **{"resolve": resolving(a_test=PUBLIC)} | options)
    return caught.value.cause


def test_a_public_address_is_downloaded() -> None:
    """The body comes back; the request goes to the judged address under the host's name."""
    transport, asked = answering(delivering(b"picture"))
    body = fetch(
        "https://a.test:8443/p?q=1#frag",
        100,
        resolve=resolving(a_test=PUBLIC),
        transport=transport,
    )
    assert body == b"picture"
    assert str(asked[0].url) == f"https://{PUBLIC}:8443/p?q=1"
    assert asked[0].headers["host"] == "a.test:8443"
    assert asked[0].extensions["sni_hostname"] == "a.test"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "192.0.0.192",
        "168.63.129.16",
        "::ffff:192.0.0.192",
        "fec0::1",
        "3fff::1",
    ],
)
def test_an_address_of_no_public_network_is_not_downloaded_from(address: str) -> None:
    """Neither plain nor wrapped in IPv6 does an inner address get a request."""
    transport, asked = answering()
    assert not is_public(address)
    assert failed(resolve=resolving(a_test=address), transport=transport) is Cause.FETCH
    assert asked == []


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_public(address: str) -> None:
    """The rule does not shut out the internet, IPv6 and translated addresses included."""
    assert is_public(address)


def test_one_private_address_among_several_is_enough_to_refuse() -> None:
    """A name that points both ways is not trusted to choose."""
    transport, asked = answering()
    resolve = resolving(a_test=[PUBLIC, "10.0.0.1"])
    assert failed(resolve=resolve, transport=transport) is Cause.FETCH
    assert asked == []


def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    """A name with an IPv6 address works on a machine without IPv6."""
    tried: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if ":" in request.url.host:
            raise httpx.ConnectError("no route")
        return delivering(b"x")

    resolve = resolving(a_test=["2606:2800:220:1::1", PUBLIC])
    assert (
        fetch("http://a.test/", 9, resolve=resolve, transport=httpx.MockTransport(answer)) == b"x"
    )
    assert tried == ["2606:2800:220:1::1", PUBLIC]


def test_a_name_is_resolved_once_for_each_hop() -> None:
    """A name that changes its mind between the judgement and the connection gains nothing."""
    answers: Iterator[str] = iter([PUBLIC, "127.0.0.1"])
    transport, asked = answering(delivering(b"x"))
    fetch("http://a.test/", 9, resolve=lambda host, port: [next(answers)], transport=transport)
    assert asked[0].url.host == PUBLIC
    assert next(answers) == "127.0.0.1"


def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    """Every hop is judged anew."""
    transport, asked = answering(moved("http://inner.test/secret"))
    resolve = resolving(a_test=PUBLIC, inner_test="127.0.0.1")
    assert failed(resolve=resolve, transport=transport) is Cause.FETCH
    assert len(asked) == 1


def test_redirects_are_followed_relative_ones_too_but_not_for_ever() -> None:
    """Five hops are enough for anybody."""
    resolve = resolving(a_test=PUBLIC, b_test=PUBLIC)
    transport, asked = answering(moved("https://b.test/x/y"), moved("../z"), delivering(b"x"))
    assert fetch("http://a.test/", 9, resolve=resolve, transport=transport) == b"x"
    assert [r.headers["host"] + r.url.path for r in asked] == ["a.test/", "b.test/x/y", "b.test/z"]
    transport, asked = answering(*[moved("/") for _ in range(20)])
    assert failed(resolve=resolve, transport=transport) is Cause.FETCH
    assert len(asked) == 6


def test_private_addresses_are_downloaded_from_when_allowed() -> None:
    """The owner of the engine may say so."""
    transport, _ = answering(delivering(b"x"))
    resolve = resolving(a_test="127.0.0.1")
    assert fetch("http://a.test/", 9, allow_private=True, resolve=resolve, transport=transport)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/",
        "file:///etc/passwd",
        "a.test/p.jpg",
        "http://",
        "oss://b/k",
        "http://[",
        "\0",
    ],
)
def test_only_http_is_spoken(url: str) -> None:
    """Other schemes and things that are no addresses fail as downloads do."""
    transport, asked = answering()
    assert failed(url, transport=transport) is Cause.FETCH
    assert asked == []


def test_a_name_without_an_address_is_a_failed_download() -> None:
    """What the resolver raises does not get through."""
    assert failed(resolve=resolving()) is Cause.FETCH


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
def test_any_status_but_200_is_a_failed_download(status: int) -> None:
    """An error page is not a picture."""
    transport, _ = answering(httpx.Response(status, content=b"page"))
    assert failed(transport=transport) is Cause.FETCH


def test_a_connection_that_breaks_is_a_failed_download() -> None:
    """Errors of the transport have the same cause."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    transport = httpx.MockTransport(broken)
    assert failed(transport=transport) is Cause.FETCH


def test_bytes_are_counted_as_they_come() -> None:
    """An endless body is left at the limit, and its cause is its size."""
    taken = [0]

    def endless() -> Iterator[bytes]:
        while True:
            taken[0] += 1
            yield b"x" * 10

    transport, _ = answering(httpx.Response(200, content=endless()))
    assert failed(limit=95, transport=transport) is Cause.TOO_LARGE
    assert taken == [10]


def test_exactly_the_limit_is_allowed() -> None:
    """The limit is inclusive."""
    transport, _ = answering(delivering(b"x" * 95))
    resolve = resolving(a_test=PUBLIC)
    assert len(fetch("http://a.test/", 95, resolve=resolve, transport=transport)) == 95


def test_ten_seconds_are_enough() -> None:
    """A body that trickles is left after ten seconds in all, however lively it is."""
    clock = Clock()

    def trickle() -> Iterator[bytes]:
        while True:
            clock.now += 3
            yield b"x"

    transport, _ = answering(httpx.Response(200, content=trickle()))
    assert failed(limit=95, transport=transport, clock=clock) is Cause.FETCH
    assert clock.now == 12


@pytest.mark.parametrize("endless", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HT", b""])
def test_a_head_that_trickles_is_left_in_time(endless: bytes) -> None:
    """A server that sends a byte now and then keeps every limit but the one on all of it."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            connection.sendall(endless)
            while endless and not over.wait(0.05):
                connection.sendall(b"x")
            over.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)  # on a busy machine the time is up before anybody connects
        server = threading.Thread(target=drip, args=[listener])
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert failed(url, resolve=resolve, allow_private=True, seconds=0.3) is Cause.FETCH
        over.set()
        server.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::]/",
        "http://user:pass@127.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST./",
    ],
)
def test_this_machine_is_recognised_however_it_is_written(url: str) -> None:
    """The system reads the number, the addresses it finds are judged."""
    transport, asked = answering()
    assert failed(url, resolve=resolve, transport=transport) is Cause.FETCH
    assert asked == []


def test_a_cancelled_task_stops_its_download() -> None:
    """The check is called before and between pieces."""

    def cancelled() -> None:
        raise Failure(Cause.CANCELLED, "Cancelled")

    transport, asked = answering()
    assert failed(transport=transport, check=cancelled) is Cause.CANCELLED
    assert asked == []
