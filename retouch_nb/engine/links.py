"""Links to results as an object store signs them: fresh at every query, good without a key, worthless when altered."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Store, Stored

PATH = "/results"


class Links:
    """Signs links to stored results and answers those who follow them.

    Parameters
    ----------
    store : Store
        Where the results are.
    clock : callable
        Unix seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def sign(self, base: URL, stored: Stored, *, expires: float) -> str:
        """Make a new link to a result below ``base``, good until ``expires`` (Unix seconds)."""
        nonce = secrets.token_urlsafe(9)
        link = base.replace(path=f"{PATH}/{stored.path.name}", query="", fragment="")
        signature = self._signature(stored.path.name, str(int(expires)), nonce)
        return str(
            link.include_query_params(expires=int(expires), nonce=nonce, signature=signature)
        )

    def routes(self) -> list[Route]:
        """Where the links lead."""
        return [Route(PATH + "/{name}", self.download, methods=["GET"])]

    async def download(self, request: Request) -> Response:
        """Download a result; the signed link is the permission, no key is asked for."""
        name, asked = request.path_params["name"], request.query_params
        expires, nonce = asked.get("expires", ""), asked.get("nonce", "")
        expected = self._signature(name, expires, nonce)
        if not hmac.compare_digest(expected.encode(), asked.get("signature", "").encode()):
            raise Refusal(403, "The signature of this link is wrong.")
        if self._clock() >= int(expires):
            raise Refusal(403, "This link has expired; query the task for a fresh one.")
        if not (stored := self._store.find(name)):
            raise Refusal(404, "This result is gone.")
        return send(stored)

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def send(stored: Stored) -> Response:
    """Answer with the bytes of a result."""
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return FileResponse(stored.path, media_type=stored.media_type, headers=headers)
