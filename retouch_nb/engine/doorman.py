"""Keeps web pages out: a browser on this machine reaches the engine, and so does every page it shows.

No page has business here. One that posts tells its origin, which is not ours; one whose name was pointed at this machine
after it was loaded (DNS rebinding) tells that name. Programs tell no origin and ask for the address they were given.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from retouch_nb.engine.dialects import refuse
from retouch_nb.engine.refusals import Refusal


class Doorman:
    """Stands in front of an application and lets in who has business there.

    Parameters
    ----------
    app : ASGIApp
        Who answers.
    own : bool
        The application is reached from this machine alone, so it is asked for by this machine's names alone.
    """

    def __init__(self, app: ASGIApp, *, own: bool) -> None:
        self.app = app
        self.own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        if scope["type"] == "http" and (why := self._objection(Headers(scope=scope))):
            refusal = refuse(Request(scope), Refusal(403, why))
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _objection(self, headers: Headers) -> str:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.own and host and not is_own(host):
            return "This engine answers to localhost and 127.0.0.1 alone."
        if origin is not None and origin.partition("://")[2] != host:
            return "This engine does not answer to web pages of other origins."
        return ""


def is_own(host: str) -> bool:
    """Tell whether a host, with or without a port, is this machine by its name.

    Examples
    --------
    >>> is_own("localhost:8765"), is_own("127.0.0.1"), is_own("[::1]:8765"), is_own("127.0.0.1.attacker.example")
    (True, True, True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
