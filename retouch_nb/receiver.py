"""Hears a service's call that a job is over, for those whose domain the service has approved.

The call is a reason to look and nothing more: whoever makes it, its body is not even read, and only what the service
itself answers when asked counts.
"""

import hashlib
import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retouch_nb.errors import ParameterError
from retouch_nb.loop import Background

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Webhook:
    """An ASGI application that is called when a job is over, each job at an address of its own.

    Mount it in an application that the public address leads to, or let `serve` run it. The addresses cannot be
    guessed; who knows one can make us ask once after its job, at the service's pace, and no more.

    Parameters
    ----------
    public : str
        Where the world finds the application: https, http for this machine alone.
    heard : callable
        Told the id of the job at every call, on the server's event loop; should return at once.

    Raises
    ------
    ParameterError
        The address is neither https nor this machine's, or holds credentials, a query or a fragment.

    Examples
    --------
    >>> hook = Webhook("https://photos.example.org/hooks", heard=print)
    >>> hook
    <Webhook at https://photos.example.org/hooks/...>
    >>> len(hook.address("1f3a9c51"))
    106
    """

    def __init__(self, public: str, *, heard: Callable[[str], object]) -> None:
        self._public = _checked(public)
        self._secret = secrets.token_bytes(32)
        self._heard = heard
        self._server: uvicorn.Server | None = None
        self.is_open = True

    def __repr__(self) -> str:
        return f"<Webhook at {self._public}/...>"

    def __enter__(self) -> "Webhook":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def address(self, job_id: str) -> str:
        """Give the address that a service is to call when this job is over; good as long as this object lives."""
        return f"{self._public}/{job_id}-{self._seal(job_id)}"

    def serve(self, background: Background, *, host: str, port: int) -> None:
        """Listen on a port of this machine until closed.

        Raises
        ------
        ParameterError
            It cannot be listened there.
        """
        import uvicorn

        try:
            listener = socket.create_server((host, port))
        except OSError as error:
            raise ParameterError(
                f"Nobody can listen on {host}:{port}: {error.strerror or error}.",
                advice="Give another port, or none and mount the receiver in your own application.",
            ) from error
        # No log of accesses: the addresses are secrets. The user's logging stays as it is.
        config = uvicorn.Config(
            self, http="h11", ws="none", lifespan="off", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        background.start(_served(self._server, listener))

    def close(self) -> None:
        """Hear nothing more; jobs are asked after as without a receiver."""
        self.is_open = False
        if self._server is not None:
            self._server.should_exit = True

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request: 204 when it was heard, 404 elsewhere, 405 for all but a POST."""
        if scope["type"] != "http":
            raise NotImplementedError(f"not spoken here: {scope['type']}")
        # The end alone, so that it does not matter where this is mounted.
        job_id, _, seal = scope["path"].rpartition("/")[2].partition("-")
        known = self.is_open and hmac.compare_digest(seal.encode(), self._seal(job_id).encode())
        status = (204 if scope["method"] == "POST" else 405) if known else 404
        if status == 204:
            self._heard(job_id)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _seal(self, job_id: str) -> str:
        return hmac.new(self._secret, job_id.encode(), hashlib.sha256).hexdigest()


async def _served(server: "uvicorn.Server", listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    finally:
        listener.close()


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
