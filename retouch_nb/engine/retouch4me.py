"""Retouch4me on the wire: a job started with a token, followed and fetched by its id alone, for 24 hours."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retouch_nb.engine import hooks, pictures, retouch4me_result
from retouch_nb.engine.failures import Failure
from retouch_nb.engine.forms import MB, Form, read_form, read_json
from retouch_nb.engine.links import send
from retouch_nb.engine.pictures import Bounds
from retouch_nb.engine.quota import DAY, Quota
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.retouch4me_payload import MODE, Payload, read_payload
from retouch_nb.engine.store import Product
from retouch_nb.engine.tickets import Stage, Status, Ticket, Watch
from retouch_nb.engine.workshop import Workshop
from retouch_nb.imaging.note import SCOPE, Note

ROUTE = "/api/v1/retoucher"
BALANCE = "/api/retouch/v1/balance"
OTHER_BALANCE = "/api/v1/balance"
LIMITS = "/api/v1/info/limits"
TOKEN = "x-retouch-token"
REPETITION = "idempotency-key"

SERVICE = "retoucher"
ANYBODY = ""
"""The owner of every job: who knows the id of one may follow and fetch it, as the page has it."""

MOST_BYTES = 100 * MB
BOUNDS = Bounds(("JPEG", "PNG"), 250_000_000, most_pixels=250_000_000)
ATTEMPTS = 3
CROWD = 1024
"""Repetition keys kept before those of jobs that are gone are thrown away."""

STATES = {
    Stage.QUEUED: "waiting",
    Stage.PREPARING: "active",
    Stage.WAITING: "delayed",
    Stage.WORKING: "active",
    Stage.DONE: "completed",
    Stage.FAILED: "failed",
}
DOWNLOADING, PROCESSING, UPLOADING = STEPS = ("downloading", "processing", "uploading")
"""What a job is at; while it is processing, the step of its status is the name of the plug-in."""


@dataclass(frozen=True)
class Order:
    """What a job is to do."""

    photo: BinaryIO
    payload: Payload
    hook: str | None


class Retouch4me:
    """Answers on Retouch4me's paths, those of its balance host included.

    Parameters
    ----------
    shop : Workshop
        What the engine's services share.
    call : callable
        Calls a hook, as `retouch_nb.engine.hooks.call` does.
    """

    def __init__(self, shop: Workshop, *, call: Callable[..., None] = hooks.call) -> None:
        self._shop = shop
        self._call = call
        self._quota = Quota(shop.settings.quota, clock=shop.clock)
        self._repeated: dict[tuple[str, str], str] = {}

    def routes(self) -> list[Route]:
        """Where it answers."""
        routes = [
            Route(f"{ROUTE}/start", self.start, methods=["POST"]),
            Route(ROUTE + "/status/{job_id}", self.status, methods=["GET"]),
            Route(ROUTE + "/status/{job_id}", self.cancel, methods=["DELETE"]),
            Route(ROUTE + "/getFile/{job_id}", self.get_file, methods=["GET"]),
            Route(BALANCE, self.balance, methods=["POST"]),
            Route(OTHER_BALANCE, self.other_balance, methods=["POST"]),
        ]
        if self._shop.settings.limits_route:
            routes.append(Route(LIMITS, self.limits, methods=["GET"]))
        return routes

    async def start(self, request: Request) -> Response:
        """Accept a photo and its tasks; the id in the answer opens the job's status and its result."""
        if REPETITION not in request.headers:  # a repetition needs no room
            self._shop.tasks.check_room()
        seconds = self._shop.settings.upload_seconds
        form = await read_form(request, limit=MOST_BYTES + 2 * MB, seconds=seconds)
        try:
            owner = self._owner(form.text("token") or request.headers.get(TOKEN))
            key = request.headers.get(REPETITION)
            ticket = self._accepted(owner, key)
            if not ticket:
                order = await run_in_threadpool(self._shop.look, _order, form)
                # Somebody may have sent the same meanwhile.
                ticket = self._accepted(owner, key) or self._submit(
                    order, owner, key, request.scope.get(SCOPE)
                )
        except BaseException:
            form.close()
            raise
        ticket.when_over(form.close)
        left = self._quota.left(owner)
        return JSONResponse({"status": 200, "id": ticket.id, "retouchQuota": left})

    async def status(self, request: Request) -> Response:
        """Tell how a job stands."""
        return self._told(self._find(request))

    async def cancel(self, request: Request) -> Response:
        """Stop a job, or throw away one that is over: an extra of the engine, no vendor documents it."""
        ticket = self._find(request)
        if ticket.status.over:
            self._shop.tasks.forget(ticket)
        else:
            self._shop.tasks.cancel(ticket)
        return self._told(ticket)

    async def get_file(self, request: Request) -> Response:
        """Download the result of a completed job: a picture, or a ZIP when a task asked for its layer."""
        status = self._find(request).status
        if not status.result:
            raise Refusal(400, f"The job is not completed, it is {STATES[status.stage]}.")
        return send(status.result)

    async def balance(self, request: Request) -> Response:
        """Tell what is left: form fields ``retouchtoken`` and ``modes[]``."""
        form = await read_form(request, limit=MB, seconds=self._shop.settings.upload_seconds)
        try:
            token, modes = form.text("retouchtoken"), form.texts("modes[]")
        finally:
            form.close()
        return self._remaining(token, modes)

    async def other_balance(self, request: Request) -> Response:
        """Tell what is left: JSON ``{"modes": [...]}`` with the token in X-Retouch-Token."""
        seconds = self._shop.settings.upload_seconds
        asked = await read_json(request, limit=MB, seconds=seconds)
        modes = asked.get("modes") if isinstance(asked, dict) else None
        if not isinstance(modes, list) or not all(isinstance(mode, str) for mode in modes):
            raise Refusal(400, "modes must be a list of words.")
        return self._remaining(request.headers.get(TOKEN), modes)

    async def limits(self, request: Request) -> Response:
        """Tell the limits of an upload."""
        image = {"formats": ["png", "jpg", "jpeg"], "maxFileSizeInMB": 100, "maxMegapixels": 250}
        return JSONResponse({"image": image, "archive": {"formats": ["zip"]}})

    def _owner(self, token: str | None) -> str:
        if not token:
            raise Refusal(460, "The token is missing.")
        return self._shop.owner(token)

    def _find(self, request: Request) -> Ticket:
        job_id = request.path_params["job_id"]
        ticket = self._shop.tasks.find(job_id, service=SERVICE, owner=ANYBODY)
        if ticket is None:
            raise Refusal(404, "There is no such job, or it has expired.")
        return ticket

    def _accepted(self, owner: str, key: str | None) -> Ticket | None:
        """Find the job this very request started before, or raise `Refusal` 461 when no more may start."""
        job_id = self._repeated.get((owner, key)) if key else None
        ticket = self._shop.tasks.find(job_id, service=SERVICE, owner=ANYBODY) if job_id else None
        if not ticket:
            self._quota.check(owner)
        return ticket

    def _submit(self, order: Order, owner: str, key: str | None, note: Note | None) -> Ticket:
        job = partial(_perform, self._shop, order, note)
        ticket = self._shop.tasks.submit(job, service=SERVICE, owner=ANYBODY, lifetime=DAY)
        self._quota.spend(owner)
        if key:
            self._remember(owner, key, ticket)
        if order.hook:
            ticket.when_over(partial(self._report, order.hook, ticket))
        return ticket

    def _remember(self, owner: str, key: str, ticket: Ticket) -> None:
        if len(self._repeated) > CROWD:
            alive = {each.id for each in self._shop.tasks.tickets}
            self._repeated = {k: v for k, v in self._repeated.items() if v in alive}
        self._repeated[owner, key] = ticket.id

    def _report(self, hook: str, ticket: Ticket) -> None:
        """Call a hook on a thread of its own: the one that did the work has more to do."""
        state = STATES[ticket.status.stage]
        allow_private = self._shop.settings.allow_private_urls
        report = partial(self._call, hook, ticket.id, state, allow_private=allow_private)
        # An interpreter that is ending starts no threads, and has nobody left to report to.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=report, name="retouch-nb hook", daemon=True).start()

    def _remaining(self, token: str | None, modes: list[str]) -> Response:
        owner = self._owner(token)
        if not modes:
            raise Refusal(400, "modes is missing.")
        left = self._quota.left(owner)
        remaining = {mode: left if mode == MODE else 0 for mode in modes}
        return JSONResponse({"status": 200, "remaining": remaining})

    def _told(self, ticket: Ticket) -> Response:
        status = ticket.status
        notes = status.result.facts.get("notes", []) if status.result else []
        name = f"retouch_nb embedded engine {self._shop.version}"
        return JSONResponse(
            _stand(status, ticket.expires) | {"engine": {"name": name, "notes": notes}}
        )


def _stand(status: Status, expires: float) -> dict[str, Any]:
    """Put a status into Retouch4me's words; the step of a completed job is a stale one, as the page warns."""
    plugin = "" if status.step in STEPS else status.step
    return {
        "status": 200,
        "state": STATES[status.stage],
        "progress": int(100 * status.progress),
        "reason": str(status.failure or ""),
        "attempt": 1,
        "maxAttempts": ATTEMPTS,
        "currentStep": _step(status, plugin),
        "pluginName": plugin,
        "expireDate": _moment(expires),
    }


def _step(status: Status, plugin: str) -> str:
    if plugin:
        return PROCESSING
    stale = {Stage.QUEUED: "", Stage.DONE: UPLOADING, Stage.FAILED: PROCESSING}
    return status.step or stale.get(status.stage, DOWNLOADING)


def _moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def _order(form: Form) -> Order:
    """Read a form, or raise `Refusal`: a job that cannot come to anything is not to cost a credit."""
    upload = form.file("file")
    if upload is None or not upload.size:
        raise Refusal(400, "No file uploaded")
    if upload.size > MOST_BYTES:
        raise Refusal(400, f"The file is larger than {MOST_BYTES // MB} MB.")
    if (text := form.text("payload")) is None:
        raise Refusal(400, "payload is missing.")
    order = Order(upload.file, read_payload(text), hooks.hook_of(form.text("hook")))
    try:
        pictures.size_of(_content(order), bounds=BOUNDS)
    except Failure as failure:
        raise Refusal(400, f"{failure}.") from failure
    return order


def _content(order: Order) -> bytes:
    order.photo.seek(0)
    return order.photo.read()


def _perform(shop: Workshop, order: Order, note: Note | None, watch: Watch) -> Product:
    watch.step(DOWNLOADING)
    photo, payload = pictures.decode(_content(order), bounds=BOUNDS), order.payload
    telling = {"note": note} if note else {}
    with watch.turn(PROCESSING):
        perform = shop.work()["portrait"]
        made = perform(
            photo.pixels, payload.tasks, progress=watch.progress, at=watch.step, **telling
        )
        watch.step(UPLOADING)
        if payload.layered:
            notes, check = payload.notes, watch.check
            return retouch4me_result.layered(photo, made, notes=notes, check=check)
        jpeg = payload.flat_jpeg
        return retouch4me_result.flat(photo, made, jpeg=jpeg, notes=payload.notes)
