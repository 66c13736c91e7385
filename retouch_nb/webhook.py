"""Hears a service's call that a job is over, for those whose domain the service has approved.

The call is a reason to look and nothing more: whoever makes it, its body is not even read, and only what the service
itself answers when asked counts.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from retouch_nb.errors import ParameterError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Webhook:
    """An ASGI application that calls back when its one address, which cannot be guessed, is posted to.

    Mount it in an application that the public address leads to, or run it alone; pass `url` as ``hook``.

    Parameters
    ----------
    public : str
        Where the world finds the application: https, http for this machine alone.
    heard : callable
        Called without anything at every call, on the server's event loop; should return at once, e.g. set
        an event, upon which the job's state is asked for.

    Attributes
    ----------
    url : str
        What to pass as ``hook``; who knows it can make us look, and no more.

    Raises
    ------
    ParameterError
        The address is neither https nor this machine's, or holds credentials, a query or a fragment.

    Examples
    --------
    >>> hook = Webhook("https://photos.example.org/hooks", heard=print)
    >>> hook
    <Webhook at https://photos.example.org/hooks/...>
    >>> len(hook.url)
    76
    """

    def __init__(self, public: str, *, heard: Callable[[], object]) -> None:
        self._public = _checked(public)
        self._secret = secrets.token_urlsafe(32)
        self._heard = heard

    def __repr__(self) -> str:
        return f"<Webhook at {self._public}/...>"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self._public}/{self._secret}"

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request: 204 when it was heard, 404 elsewhere, 405 for all but a POST."""
        if scope["type"] != "http":
            raise NotImplementedError(f"not spoken here: {scope['type']}")
        status = self._status(scope["method"], scope["path"])
        if status == 204:
            self._heard()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _status(self, method: str, path: str) -> int:
        # The end alone, so that it does not matter where this is mounted.
        end = path.rpartition("/")[2]
        if not hmac.compare_digest(end.encode(), self._secret.encode()):
            return 404
        return 204 if method == "POST" else 405


def _checked(public: str) -> str:
    parts = urlsplit(public)
    own = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or own):
        advice = "Give the https address under which the service reaches this application."
        raise ParameterError(f"A hook needs an https address, not {public!r}.", advice=advice)
    if parts.username or parts.password or parts.query or parts.fragment:
        advice = "Leave out user name, password, query and fragment."
        raise ParameterError("The address of a hook is only scheme, host and path.", advice=advice)
    return public.rstrip("/")
