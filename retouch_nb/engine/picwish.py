"""PicWish's three visual tasks on the wire: forms in, tickets, states by number, links that live an hour."""

import base64
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retouch_nb.engine.failures import Cause, Failure, Misfit
from retouch_nb.engine.fetch import fetch
from retouch_nb.engine.forms import MB, read_form
from retouch_nb.engine.links import send
from retouch_nb.engine.picwish_orders import BASE64, BINARY, ORDERS, Bench, Order, Source, Upload
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Product, Stored
from retouch_nb.engine.tickets import Stage, Status, Ticket, Watch
from retouch_nb.engine.workshop import Workshop
from retouch_nb.imaging.note import SCOPE, Note

VISUAL = "/api/tasks/visual"
CREDITS = "/api/customers/package-credits"
KEY = "x-api-key"
PER_SECOND = 2.0

STATES = {
    Stage.QUEUED: (0, "Queued"),
    Stage.PREPARING: (2, "Preparing"),
    Stage.WAITING: (3, "Waiting"),
    Stage.WORKING: (4, "Processing"),
    Stage.DONE: (1, "Complete"),
}
FAILURES = {
    Cause.PROCESSING: -1,
    Cause.CANCELLED: -1,
    Cause.STORAGE: -2,
    Cause.FETCH: -3,
    Cause.TOO_LARGE: -5,
    Cause.BROKEN: -7,
    Cause.TIMED_OUT: -8,
}


class PicWish:
    """Answers on PicWish's paths.

    Parameters
    ----------
    shop : Workshop
        What the engine's services share.
    """

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    def routes(self) -> list[Route]:
        """Where it answers."""
        routes = [Route(CREDITS, self.credits, methods=["GET"])]
        for kind in ORDERS:
            path = f"{VISUAL}/{kind.endpoint}"
            routes += [
                Route(path, partial(self.create, kind), methods=["POST"]),
                Route(path + "/{task_id}", partial(self.query, kind), methods=["GET"]),
                Route(path + "/{task_id}", partial(self.cancel, kind), methods=["DELETE"]),
            ]
        return routes

    async def create(self, kind: type[Order], request: Request) -> Response:
        """Accept a task; with sync=1, answer when it is over."""
        owner = self._admit(request)
        self._shop.tasks.check_room()
        seconds = self._shop.settings.upload_seconds
        form = await read_form(
            request, limit=kind.most_files * kind.most_bytes + MB, seconds=seconds
        )
        try:
            order = kind.of(form)
            await run_in_threadpool(self._shop.look, _check, order)
            ticket = self._submit(order, owner, request.scope.get(SCOPE))
        except BaseException:
            form.close()
            raise
        ticket.when_over(form.close)
        if not order.sync:
            return _success({"task_id": ticket.id})
        status = await ticket.over()
        if status.result and order.return_type == BINARY:
            return send(status.result)
        return await self._answer(ticket, request)

    async def query(self, kind: type[Order], request: Request) -> Response:
        """Tell how a task stands, with a fresh link once it is done."""
        return await self._answer(self._find(kind, request), request)

    async def cancel(self, kind: type[Order], request: Request) -> Response:
        """Stop a task, or throw away one that is over: an extra of the engine, no vendor documents it."""
        ticket = self._find(kind, request)
        if ticket.status.over:
            self._shop.tasks.forget(ticket)
            return _success({"task_id": ticket.id})
        self._shop.tasks.cancel(ticket)
        return await self._answer(ticket, request)

    async def credits(self, request: Request) -> Response:
        """Tell the balance, of which nothing is ever used."""
        self._admit(request)
        return _success([{"remaining_credits": 1_000_000, "used_credits": 0}])

    def _admit(self, request: Request) -> str:
        owner = self._shop.owner(request.headers.get(KEY))
        self._shop.rate.spend(owner)
        return owner

    def _find(self, kind: type[Order], request: Request) -> Ticket:
        owner = self._admit(request)
        task_id = request.path_params["task_id"]
        ticket = self._shop.tasks.find(task_id, service=kind.endpoint, owner=owner)
        if ticket is None:
            raise Refusal(404, "There is no such task, or it has expired.")
        return ticket

    def _submit(self, order: Order, owner: str, note: Note | None) -> Ticket:
        return self._shop.tasks.submit(
            partial(_perform, self._shop, order, note),
            service=order.endpoint,
            owner=owner,
            lifetime=self._shop.settings.lifetime,
            echo=order.echo,
        )

    async def _answer(self, ticket: Ticket, request: Request) -> Response:
        status = ticket.status
        told = _told(ticket, status) | {"engine": self._remark(status)}
        match status.result:
            case Stored(path=path) if ticket.echo["return_type"] == BASE64:
                told["image"] = base64.b64encode(await run_in_threadpool(path.read_bytes)).decode()
            case Stored() as stored:
                links, expires = self._shop.links, ticket.expires
                told["image"] = links.sign(request.base_url, stored, expires=expires)
        return _success(told)

    def _remark(self, status: Status) -> dict[str, object]:
        """Say who does the work, and how: an extra of the engine, which clients ignore."""
        notes = status.result.facts.get("notes", []) if status.result else []
        name = f"retouch_nb embedded engine {self._shop.version}"
        return {"name": name, "step": status.step, "notes": notes}


def _check(order: Order) -> None:
    """Refuse at once what can be seen at once; what is wrong with a picture itself is told by the task's state."""
    try:
        order.check()
    except Misfit as misfit:
        raise Refusal(400, str(misfit)) from misfit
    except Failure:
        return


def _perform(shop: Workshop, order: Order, note: Note | None, watch: Watch) -> Product:
    def read(source: Source) -> bytes:
        if isinstance(source, Upload):
            return source.read()
        watch.step("downloading")
        allow_private = shop.settings.allow_private_urls
        return fetch(source.url, order.most_bytes, allow_private=allow_private, check=watch.check)

    return order.perform(Bench(read, watch, shop.work, shop.settings.model, note))


def _told(ticket: Ticket, status: Status) -> dict[str, Any]:
    """Put a status into PicWish's words and numbers."""
    if status.failure:
        state, detail = FAILURES[status.failure.cause], str(status.failure)
    else:
        state, detail = STATES[status.stage]
    told: dict[str, Any] = {
        "task_id": ticket.id,
        "created_at": int(ticket.created),
        "progress": int(100 * status.progress),
        "state": state,
        "state_detail": detail,
        **ticket.echo,
    }
    if status.started is not None:
        told["processed_at"] = int(status.started)
    if status.ended is not None:
        told["completed_at"] = int(status.ended)
        told["time_elapsed"] = 1000 * (status.ended - (status.started or status.ended))
    facts = status.result.facts if status.result else {}
    return told | {side: facts[side] for side in ("image_width", "image_height") if side in facts}


def _success(data: object) -> Response:
    return JSONResponse({"status": 200, "message": "success", "data": data})
