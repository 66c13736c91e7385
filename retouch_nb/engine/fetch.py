"""Downloading a picture a client names, without becoming the client's arm into a private network.

A name is resolved once, every address it has is judged, and the connection goes to the address that was judged; a
redirect starts all over. Proxies of the environment are not used: they would resolve the name a second time.
"""

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias

import httpx

from retouch_nb.engine.failures import Cause, Failure

MOST_CHARACTERS = 512
SECONDS = 10.0
MOST_REDIRECTS = 5

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Iterable[str]]

NAT64 = ipaddress.ip_network("64:ff9b::/96")

INNER = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "168.63.129.16/32", "fec0::/10", "3fff::/20")
]
"""What some versions of Python take for the public internet: Oracle's and Azure's clouds tell machines their secrets there."""


def resolve(host: str, port: int, /) -> list[str]:
    """Ask the system for the addresses of a name; `OSError` when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_public(address: str, /) -> bool:
    """Tell whether an address, and the one that may be wrapped in it, is on the public internet.

    Examples
    --------
    >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    return all(
        ip.is_global
        and not (ip.is_multicast or ip.is_reserved)
        and not any(ip in network for network in INNER)
        for ip in _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    )


def _unwrapped(ip: Address) -> list[Address]:
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip in NAT64:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    return [ip, *(inner for inner in (ip.sixtofour, *(ip.teredo or ())) if inner)]


def fetch(
    url: str,
    limit: int,
    /,
    *,
    allow_private: bool = False,
    check: Callable[[], None] = lambda: None,
    resolve: Resolve = resolve,
    transport: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = SECONDS,
) -> bytes:
    """Download the bytes behind an address.

    Parameters
    ----------
    url : str
        An http or https address.
    limit : int
        The most bytes taken.
    allow_private : bool
        Whether addresses that are not on the public internet may be used.
    check : callable
        Called between pieces; whatever it raises stops the download.
    resolve, transport, clock
        The system's own unless given.
    seconds : float
        The longest time all of it may take.

    Returns
    -------
    bytes
        The body of the answer, which had status 200.

    Raises
    ------
    Failure
        `Cause.FETCH` for everything that goes wrong, `Cause.TOO_LARGE` for too many bytes.
    """
    deadline = clock() + seconds

    def in_time() -> None:
        check()
        if clock() > deadline:
            raise Failure(Cause.FETCH, f"The address did not deliver within {seconds:g} s")

    try:
        with Fuse(seconds) as fuse, _client(transport) as client:
            target = httpx.URL(url)
            for _ in range(MOST_REDIRECTS + 1):
                addresses = judged(target, resolve, allow_private=allow_private)
                with contextlib.closing(_ask(client, fuse, target, addresses, in_time)) as response:
                    if not response.has_redirect_location:
                        return _body(response, limit, in_time)
                    target = target.join(response.headers["location"])
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise Failure(Cause.FETCH, "The address could not be downloaded") from error
    raise Failure(Cause.FETCH, "The address redirects too often")


def _client(transport: httpx.BaseTransport | None) -> httpx.Client:
    return httpx.Client(transport=transport, trust_env=False, timeout=SECONDS)


class Fuse:
    """Cuts connections when the time is up: a server that sends its head a byte at a time keeps every other limit.

    Parameters
    ----------
    seconds : float
        Until then.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._blow)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._blown = False
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def guarding(self, request: httpx.Request) -> httpx.Request:
        """Watch over the connection a request is going to be sent on."""
        request.extensions["trace"] = self._see
        return request

    def _see(self, name: str, told: Mapping[str, Any]) -> None:
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = told["return_value"].get_extra_info("socket")
                self._cut()

    def _blow(self) -> None:
        with self._lock:
            self._blown = True
            self._cut()

    def _cut(self) -> None:
        if self._blown and self._socket is not None:
            with contextlib.suppress(OSError):
                # The plain socket's own: that of TLS would change what the reading thread holds.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]


def judged(url: httpx.URL, resolve: Resolve, *, allow_private: bool) -> list[str]:
    """Give the addresses of a name, or raise `Failure` when one may not be talked to."""
    if url.scheme not in ("http", "https") or not url.host:
        raise Failure(Cause.FETCH, "Only http and https addresses can be used")
    addresses = list(resolve(url.host, _port(url)))
    if not allow_private and not all(map(is_public, addresses)):
        raise Failure(Cause.FETCH, "The address is private and is not used")
    return addresses


def _ask(
    client: httpx.Client,
    fuse: "Fuse",
    url: httpx.URL,
    addresses: list[str],
    in_time: Callable[[], None],
) -> httpx.Response:
    """Ask the first of the judged addresses that can be connected to."""
    missed: httpx.TransportError = httpx.ConnectError("the name has no address")
    for address in addresses:
        in_time()
        try:
            return client.send(fuse.guarding(pinned(url, address)), stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            missed = error
    raise missed


def pinned(
    url: httpx.URL, address: str, *, method: str = "GET", content: bytes = b""
) -> httpx.Request:
    """Aim a request at an address, with the name kept for the host header and the certificate."""
    return httpx.Request(
        method,
        url.copy_with(host=address, port=_port(url), fragment=None),
        content=content or None,
        headers={
            "host": url.netloc.decode("ascii"),
            "accept-encoding": "identity",
            "user-agent": "retouch_nb-engine",
        },
        extensions={
            "sni_hostname": url.raw_host.decode("ascii"),
            "timeout": httpx.Timeout(SECONDS).as_dict(),
        },
    )


def _body(response: httpx.Response, limit: int, in_time: Callable[[], None]) -> bytes:
    if response.status_code != 200:
        raise Failure(Cause.FETCH, f"The address answered with {response.status_code}")
    body = bytearray()
    for piece in response.iter_raw():
        in_time()
        body += piece
        if len(body) > limit:
            raise Failure(Cause.TOO_LARGE, f"The address holds more than {limit / 2**20:.0f} MB")
    return bytes(body)
