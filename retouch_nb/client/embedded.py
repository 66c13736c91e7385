"""The embedded engine as a route: an ASGI application in this process instead of a service on the network."""

from typing import Any

import httpx

from retouch_nb.client.wire import Route
from retouch_nb.contract import Provider
from retouch_nb.receipt import ENGINE


def embedded(provider: Provider, app: Any, version: str) -> Route:
    """Give the route that speaks a service's contract to an ASGI application, free and without a port."""
    return Route(
        provider,
        "http://engine.local",
        ENGINE,
        version,
        transport=httpx.ASGITransport(app=app),
        paced=False,
        free=True,
    )
