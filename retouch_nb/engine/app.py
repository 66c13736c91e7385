"""The engine: its parts put together, and one ASGI application over them."""

import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from retouch_nb.engine.ailabtools import AILabTools
from retouch_nb.engine.courtesy import Courtesy
from retouch_nb.engine.dialects import refuse
from retouch_nb.engine.faults import FaultDesk, Faults, Spoiler
from retouch_nb.engine.links import Links
from retouch_nb.engine.picwish import PER_SECOND, PicWish
from retouch_nb.engine.rate import Rate
from retouch_nb.engine.refusals import Refusal, Shield
from retouch_nb.engine.retouch4me import Retouch4me
from retouch_nb.engine.settings import IN_PROCESS, EngineSettings
from retouch_nb.engine.store import Store
from retouch_nb.engine.tasks import Tasks
from retouch_nb.engine.work import Work, image_work, version
from retouch_nb.engine.workshop import Workshop


class Line(NamedTuple):
    """One call the engine answers."""

    method: str
    path: str
    purpose: str


class Engine:
    """The services with real image work behind them, as an ASGI application.

    It needs no lifespan events: threads and the private folder come with the first task, and go with `close`, with
    the application, or with the interpreter.

    Parameters
    ----------
    settings : EngineSettings
        What the owner decides.
    clock : callable
        Unix seconds; decides about expiry and pace.
    work : mapping, optional
        Other image work, by the names of `retouch_nb.engine.work.image_work`.

    Attributes
    ----------
    app : ASGI application
        For ``httpx.ASGITransport`` or a server.
    faults : Faults
        What goes wrong on purpose.
    tasks : Tasks
        What was accepted.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.routes()[0]
    Line(method='GET', path='/api/customers/package-credits', purpose='Tell the balance, of which nothing is ever used.')
    >>> engine.close()
    """

    def __init__(
        self,
        settings: EngineSettings = IN_PROCESS,
        *,
        clock: Callable[[], float] = time.time,
        work: Work | None = None,
    ) -> None:
        store = Store()
        self.settings = settings
        self.faults = Faults()
        self.tasks = Tasks(
            store,
            workers=settings.workers,
            queue=settings.queue,
            time_limit=settings.time_limit,
            store_bytes=settings.store_bytes,
            clock=clock,
        )
        self._shop = Workshop(
            settings=settings,
            clock=clock,
            work=image_work if work is None else lambda: work,
            tasks=self.tasks,
            links=Links(store, clock=clock),
            rate=Rate(PER_SECOND if settings.rate_limit else None, clock=clock),
            version=version(settings.model),
        )
        self._routes = _routes(self._shop, self.faults)
        self.app: ASGIApp = Spoiler(_application(self._routes), self.faults)
        self._closing = weakref.finalize(self.app, self.tasks.close)

    @property
    def version(self) -> str:
        """Changes whenever the same request may give another picture."""
        return self._shop.version

    def routes(self) -> list[Line]:
        """List what the engine answers, as its documentation shows it."""
        return _lines(self._routes)

    def close(self) -> None:
        """End all tasks, stop the threads, remove the files; once is enough, more does not hurt."""
        self._closing()


def create_app(settings: EngineSettings = IN_PROCESS) -> ASGIApp:
    """Build the application alone, for a server that wants a factory; it closes its engine when it is dropped."""
    return Engine(settings).app


def _routes(shop: Workshop, faults: Faults) -> list[Route]:
    services = PicWish(shop), AILabTools(shop), Retouch4me(shop)
    routes = [route for service in services for route in service.routes()] + shop.links.routes()
    if shop.settings.fault_route:
        routes += FaultDesk(shop, faults).routes()

    async def index(request: Request) -> Response:
        """List the calls the engine answers."""
        calls = [line._asdict() for line in _lines(routes)]
        return JSONResponse(
            {"engine": f"retouch_nb embedded engine {shop.version}", "calls": calls}
        )

    return [*routes, Route("/", index, methods=["GET"])]


def _application(routes: list[Route]) -> ASGIApp:
    return Starlette(
        routes=routes,
        middleware=[Middleware(Courtesy), Middleware(Shield)],
        exception_handlers={Refusal: refuse, HTTPException: refuse},
    )


def _lines(routes: list[Route]) -> list[Line]:
    return [
        Line(method, route.path, _purpose(route.endpoint))
        for route in routes
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def _purpose(endpoint: Callable[..., object]) -> str:
    bare = endpoint.func if isinstance(endpoint, partial) else endpoint
    return (bare.__doc__ or "").partition("\n")[0]
