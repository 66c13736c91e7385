"""The embedded engine as a route: an ASGI application in this process instead of a service on the network."""

from typing import Any

import httpx

from retouch_nb.client.wire import Route
from retouch_nb.contract import Provider
from retouch_nb.imaging.note import SCOPE, Note
from retouch_nb.receipt import ENGINE


def embedded(provider: Provider, app: Any, version: str, *, note: Note | None = None) -> Route:
    """Give the route that speaks a service's contract to an ASGI application, free and without a port.

    A note travels in the scope of each request: an engine that finds one there tells it every step of its work.
    """

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, SCOPE: note}, receive, send)

    return Route(
        provider,
        "http://engine.local",
        ENGINE,
        version,
        transport=httpx.ASGITransport(app=noted if note else app),
        paced=False,
        free=True,
    )
