"""One place where a `Call` becomes bytes on a connection and an `Answer` comes back.

httpx's transports are used without its client: no redirects, no cookies, no log lines with signed addresses. The key is
added here, to requests for the service's own address, and nowhere else.
"""

import asyncio
import io
import ipaddress
import logging
import ssl
import urllib.request
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import httpx

from retouch_nb.client.task import Left, Lost
from retouch_nb.contract import Answer, Call, Provider
from retouch_nb.credentials import Secret
from retouch_nb.errors import ParameterError

MOST_ANSWER: Final = 128_000_000
"""Bytes of an answer, which may hold a picture: 4096 x 4096 pixels as base64 of a PNG stay below."""

LONGEST: Final = 3600.0
"""Seconds for an exchange that has no limit of its own: a head may trickle a byte at a time, and keep every other limit."""

MOST_TEXT: Final = 1_000_000
"""Bytes above which an answer may hold a picture, in which a short key could stand by chance."""

NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True)
class Route:
    """Where a service is reached, through what, and who answers there.

    Attributes
    ----------
    provider : Provider
        Whose contract is spoken.
    base_url : str
        Origin, perhaps with a path in front of the service's own.
    maker : str
        Who does the work: ``"PicWish"``, ``"embedded engine"``.
    version : str
        Version of the maker, where it is known: other versions make other pictures.
    transport : httpx.AsyncBaseTransport or None
        Instead of the network; the embedded engine. Never closed here.
    paced : bool
        The service limits how often it is asked.
    free : bool
        Nothing is ever paid; needs no key, and a task that is stopped is cancelled.
    keep_metadata : bool
        Send pictures with all that their files hold: place, camera, owner.
    """

    provider: Provider
    base_url: str
    maker: str
    version: str = ""
    transport: httpx.AsyncBaseTransport | None = field(default=None, repr=False)
    paced: bool = True
    free: bool = False
    keep_metadata: bool = False

    @property
    def lane(self) -> str:
        """Who shares one pace; see `Pace`."""
        return f"{self.provider.name} {self.base_url}"

    def check(self) -> None:
        """Refuse an address to which a key and pictures would travel readable for others.

        Raises
        ------
        ParameterError
            Neither https nor this machine, or with a user name in it.
        """
        url, host = httpx.URL(), ""
        with suppress(httpx.InvalidURL, UnicodeError):  # it then has no host, either
            url = httpx.URL(self.base_url)
            host = url.host
        if url.userinfo or url.query or url.fragment or not host:
            raise self._unfit(
                "must be an origin such as https://example.org, without user or query"
            )
        if not may_visit(url, inside=self.transport is not None):
            raise self._unfit("is not https; http is allowed for this machine alone")

    def _unfit(self, why: str) -> ParameterError:
        return ParameterError(
            f"The address of {self.provider.title} {why}.",
            advice=f"Nothing was sent. Correct {self.provider.base_env}.",
        )


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each part of an exchange.

    Attributes
    ----------
    connect : float
        Until the connection stands.
    upload : float
        Without a byte going out.
    wait : float
        Without a byte of the answer.
    work : float
        The same, for an answer that takes as long as the work does.
    download : float
        For a whole answer or result, once it has begun.
    """

    connect: float = 15.0
    upload: float = 60.0
    wait: float = 60.0
    work: float = 300.0
    download: float = 900.0

    def of(self, call: Call) -> dict[str, float]:
        """Give the limits of one request as httpx's transports read them."""
        return {
            "connect": self.connect,
            "pool": self.connect,
            "write": self.upload,
            "read": self.work if call.waits else self.wait,
        }


class Departure:
    """Watches how much of a request has left, as far as can be proved.

    Parameters
    ----------
    progress : callable, optional
        Told the fraction of the body that was taken.
    """

    def __init__(self, progress: Callable[[float], None] = lambda fraction: None) -> None:
        self._progress = progress
        self._connecting = False
        self._whole = False

    def watch(self, request: httpx.Request) -> None:
        """Attach to a request that is about to be sent."""
        length = int(request.headers.get("content-length", 0))
        request.stream = _Watched(request.stream, length, self._took)
        request.extensions["trace"] = self._trace

    def left(self, error: BaseException | None = None) -> Left:
        """Say how much left; `NOTHING` only where that is certain."""
        if self._connecting or isinstance(error, NEVER_LEFT):
            return Left.NOTHING
        return Left.WHOLE if self._whole else Left.PART

    async def _trace(self, name: str, details: object) -> None:
        if name.endswith("connect_tcp.started"):
            self._connecting = True
        elif "send_request" in name:
            self._connecting = False

    def _took(self, taken: int, length: int) -> None:
        self._whole = taken >= length
        self._progress(min(taken / length, 1.0) if length else 1.0)


class _Watched(httpx.AsyncByteStream):
    """A body that tells how much of itself was taken before it gives it."""

    def __init__(self, body: Any, length: int, took: Callable[[int, int], None]) -> None:
        self._body = body
        self._length = length
        self._took = took

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._body:
            taken += len(chunk)
            self._took(taken, self._length)
            yield chunk


_speaking: ContextVar[bool] = ContextVar("_speaking", default=False)


class _Discretion(logging.Filter):
    """Drops what httpcore logs of our own exchanges: heads of answers, in which a service may repeat the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _speaking.get()


for _part in ("connection", "http11", "proxy"):
    logging.getLogger(f"httpcore.{_part}").addFilter(_Discretion())


class _Discreet(httpx.AsyncHTTPTransport):
    """A network of which nothing is logged."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        before = _speaking.set(True)
        try:
            return await super().handle_async_request(request)
        finally:
            _speaking.reset(before)


class Wire:
    """Sends requests. Connections live only as long as somebody is `open`: an idle notebook holds none.

    Parameters
    ----------
    timeouts : Timeouts
        Limits of every exchange.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._networks: dict[tuple[str, bool, bool], httpx.AsyncHTTPTransport] = {}
        self._users = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep connections for a while; the last to leave closes them."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                closing, self._networks = self._networks, {}
                for network in closing.values():
                    with suppress(
                        Exception
                    ):  # a connection that does not close well is closed all the same
                        await network.aclose()

    async def exchange(
        self,
        route: Route,
        call: Call,
        *,
        secret: Secret | None = None,
        departure: Departure | None = None,
        within: float | None = None,
    ) -> Answer | Lost:
        """Send one request and read its answer whole.

        Parameters
        ----------
        route : Route
            Where to.
        call : Call
            What.
        secret : Secret, optional
            The key; added where the call goes to the service itself.
        departure : Departure, optional
            Watches what leaves.
        within : float, optional
            Seconds for all of it.

        Returns
        -------
        Answer or Lost
            Whatever breaks on the way is `Lost`, as a value: an exception of the network library would carry
            the key in its frames.
        """
        departure = departure or Departure()
        try:
            request = compose(route, call, secret=secret, timeouts=self.timeouts)
            self._transport(route, request)
        except Exception as error:  # a name or a proxy that makes no request
            return Lost(self._why(error, secret), Left.NOTHING)
        try:
            departure.watch(request)
            async with asyncio.timeout(within or LONGEST), self.visit(route, request) as response:
                body = await self._whole(response)
        except Exception as error:  # transports of every kind, the embedded engine among them
            return Lost(self._why(error, secret), departure.left(error))
        return Answer(response.status_code, _heads(secret, response), _without(secret, body))

    @asynccontextmanager
    async def visit(self, route: Route, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        """Send a request and give the answer as it begins to arrive."""
        response = await self._transport(route, request).handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()

    async def _whole(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async with asyncio.timeout(self.timeouts.download):
            async for chunk in contents(response):
                body += chunk
                if len(body) > MOST_ANSWER:
                    raise ValueError(f"the answer has more than {MOST_ANSWER / 1e6:.0f} MB")
        return bytes(body)

    def _transport(self, route: Route, request: httpx.Request) -> httpx.AsyncBaseTransport:
        """Pick the route's own transport, or a network connection; what starts a task gets a new one.

        A connection that was kept may be closed by the service in the very moment it is used again, and nobody could
        tell whether the request arrived.
        """
        if route.transport is not None:
            return route.transport
        proxy = "" if is_loopback(request.url.host) else proxy_for(request.url)
        at = (proxy, request.method == "POST", is_loopback(request.url.host))
        if at not in self._networks:
            kept = 0 if request.method == "POST" else 10
            self._networks[at] = _Discreet(
                verify=self._certificates,
                trust_env=not is_loopback(request.url.host),
                proxy=proxy or None,
                limits=httpx.Limits(max_keepalive_connections=kept, keepalive_expiry=20),
            )
        return self._networks[at]

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    def _why(self, error: Exception, secret: Secret | None) -> str:
        """Say in words what broke, without frames, addresses or keys."""
        limits = self.timeouts
        match error:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return f"no connection within {limits.connect:g} s."
            case httpx.WriteTimeout():
                return f"nothing could be sent for {limits.upload:g} s."
            case httpx.ReadTimeout() | TimeoutError():
                return "no answer in time."
            case httpx.ConnectError():
                words = "no connection"
            case httpx.HTTPError():
                words = "the connection broke"
            case _:
                words = type(error).__name__
        text = " ".join(str(error).split()).encode("utf-8", "replace")
        said = (secret.hide(text) if secret else text)[:200].decode("utf-8", "replace").rstrip(".")
        return f"{words} ({said})." if said else f"{words}."


def compose(
    route: Route, call: Call, *, secret: Secret | None, timeouts: Timeouts
) -> httpx.Request:
    """Make the request of a call; the key is in it only if it goes to the service itself.

    Forms are always multipart, also without files: no service's page shows another kind. Files are read in pieces from
    where they are.
    """
    own = call.path.startswith("/")
    request = httpx.Request(
        call.method,
        route.base_url.rstrip("/") + call.path if own else call.path,
        headers={"User-Agent": "retouch_nb", "Accept-Encoding": "identity", **call.headers},
        files=_parts(call, route.provider.key_field, secret if own else None) or None,
        extensions={"timeout": timeouts.of(call)},
    )
    if own and secret is not None and route.provider.key_header:
        request.headers[route.provider.key_header] = secret.reveal()
    return request


def _parts(call: Call, key_field: str, secret: Secret | None) -> list[tuple[str, Any]]:
    parts: list[tuple[str, Any]] = [
        (name, (None, text.encode())) for name, text in call.fields.items()
    ]
    if secret is not None and key_field and call.method == "POST":
        parts.append((key_field, (None, secret.reveal().encode())))
    parts += [
        (name, (upload.file_name, io.BytesIO(upload.data), upload.media_type))
        for name, upload in call.files.items()
    ]
    return parts


def _heads(secret: Secret | None, response: httpx.Response) -> httpx.Headers:
    hide = secret.hide if secret else bytes
    return httpx.Headers([(name, hide(value)) for name, value in response.headers.raw])


def _without(secret: Secret | None, body: bytes) -> bytes:
    large = len(body) > MOST_TEXT
    return body if secret is None or (large and not secret.is_rare) else secret.hide(body)


PIECE: Final = 1_000_000
"""Bytes that are unpacked at a time."""

PACKINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""What zlib is told to expect; 47 is either of its own two."""


async def contents(response: httpx.Response) -> AsyncIterator[bytes]:
    """Give the body in pieces, unpacked where a service packs it though it was asked not to.

    httpx would unpack each piece whole: 64 kB on the wire become 64 MB, and packed twice 64 GB. So only one
    packing is taken, and a piece at a time.

    Raises
    ------
    ValueError
        Packed in another way, more than once, or broken.
    """
    packing = response.headers.get("content-encoding", "identity").strip().lower() or "identity"
    stream: Any = response.stream
    if packing == "identity":
        async for chunk in stream:
            yield chunk
        return
    if packing not in PACKINGS:
        raise ValueError(f"the answer is packed as {packing[:40]!r}, which was not asked for")
    unpack = zlib.decompressobj(PACKINGS[packing])
    async for chunk in stream:
        while chunk and not unpack.eof:
            try:
                piece = unpack.decompress(chunk, PIECE)
            except zlib.error as error:
                raise ValueError("the answer is broken") from error
            chunk = unpack.unconsumed_tail
            yield piece
    if not unpack.eof:
        raise ValueError("the answer was cut short")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone.

    Examples
    --------
    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("example.org")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def may_visit(url: httpx.URL, *, inside: bool) -> bool:
    """Tell whether a request may go there: https, or http on this machine or `inside` this process."""
    return url.scheme == "https" or (url.scheme == "http" and (inside or is_loopback(url.host)))


def proxy_for(url: httpx.URL) -> str:
    """Give the proxy that the system sets for an address, empty when there is none."""
    if urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
