"""AILabTools' photo retouching on the wire: two files in, one answer when the work is done, a link for 24 hours.

Answers are of the newest generation, which says success by HTTP 200 alone; `older` puts the former two around them.
"""

import asyncio
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retouch_nb.engine import pictures
from retouch_nb.engine.failures import Cause, Failure
from retouch_nb.engine.forms import MB, Form, read_form
from retouch_nb.engine.pictures import Bounds, Picture
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.store import Product
from retouch_nb.engine.tickets import Status, Ticket, Watch
from retouch_nb.engine.workshop import Workshop
from retouch_nb.imaging.note import SCOPE, Note

PATHS = ("/api/image/", "/api/common/")
RETOUCHING = "/api/image/editing/photo-retouching"
CREDITS = "/api/common/query-credits"
KEY = "ailabapi-api-key"

SERVICE = "photo-retouching"
LIFETIME = 86400
MOST_BYTES = 3 * MB
SMALLEST_SIDE = 33  # the page wants sides larger than 32 and smaller than 3000
BOUNDS = Bounds(("JPEG", "PNG"), 2999)
METHOD = "method: optimal transport between the colours of both pictures"
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")

MEANINGS: Mapping[str, str] = {
    "MISSING_PARAMETERS": "A parameter is missing.",
    "PARAMETERS_CANNOT_EMPTY": "A parameter is empty.",
    "ERROR_PARAMETERS": "A parameter is wrong.",
    "PROCESSING_FAILURE": "Processing failed.",
    "ERROR_USER_NOT_EXISTS": "The key is not known.",
    "ERROR_AI_NOT_EXISTS": "There is no such capability.",
    "FILE_SIZE_EXCEEDS_LIMIT": "The file has too many bytes.",
    "FILE_RESOLUTION_EXCEEDS_LIMITS": "The sides of the picture are outside of the limits.",
    "UNSUPPORTED_FILE_TYPES": "The type of the file is not supported.",
    "FILE_DECODING_FAILURE": "The file cannot be decoded.",
    "ERROR_NOT_ENOUGH_CREDITS": "No credits are left.",
    "EXCEEDING_LIMITS": "Too many requests.",
    "ERROR_INSUFFICIENT_RESOURCES": "Resources are short.",
    "AI_SERVICE_TIMEOUT": "Processing took too long.",
}

CODES: Mapping[int, str] = {
    401: "ERROR_USER_NOT_EXISTS",
    404: "ERROR_AI_NOT_EXISTS",
    413: "FILE_SIZE_EXCEEDS_LIMIT",
    429: "EXCEEDING_LIMITS",
    500: "PROCESSING_FAILURE",
}
"""What a status means that was refused before this module saw the request; 400 and the rest are ERROR_PARAMETERS."""

CLASSES: Mapping[int, str] = {
    400: "PARAMETER_ERROR",
    401: "AUTHENTICATION_FAILURE",
    413: "FILE_CONTENT_NON_COMPLIANCE",
    415: "FILE_CONTENT_NON_COMPLIANCE",
    422: "FILE_CONTENT_NON_COMPLIANCE",
}
"""The oldest generation's class of an error; the page shows one, for 422, and the others are ours."""

ENDS: Mapping[Cause, tuple[int, str]] = {
    Cause.PROCESSING: (500, "PROCESSING_FAILURE"),
    Cause.STORAGE: (500, "PROCESSING_FAILURE"),
    Cause.FETCH: (500, "PROCESSING_FAILURE"),
    Cause.TOO_LARGE: (413, "FILE_RESOLUTION_EXCEEDS_LIMITS"),
    Cause.BROKEN: (422, "FILE_DECODING_FAILURE"),
    Cause.TIMED_OUT: (504, "AI_SERVICE_TIMEOUT"),
    Cause.CANCELLED: (503, "ERROR_INSUFFICIENT_RESOURCES"),
}


class Problem(Refusal):
    """A refusal that has a code of the page's table.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        What ``error_detail.code`` says.
    message : str
        The cause, for a person to read.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


class AILabTools:
    """Answers on AILabTools' paths.

    Parameters
    ----------
    shop : Workshop
        What the engine's services share.
    """

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route(RETOUCHING, self.retouch, methods=["POST"]),
            Route(CREDITS, self.credits, methods=["GET"]),
        ]

    async def retouch(self, request: Request) -> Response:
        """Give a photo the look of another one; the answer comes when it is done."""
        owner = self._shop.owner(request.headers.get(KEY))
        self._shop.tasks.check_room()
        seconds = self._shop.settings.upload_seconds
        form = await read_form(request, limit=2 * MOST_BYTES + MB, seconds=seconds)
        try:
            photo, style = await run_in_threadpool(self._shop.look, _both, form)
        finally:
            form.close()
        job = partial(_perform, self._shop, photo, style, request.scope.get(SCOPE))
        ticket = self._shop.tasks.submit(job, service=SERVICE, owner=owner, lifetime=LIFETIME)
        return self._answer(ticket, await self._over(ticket), request)

    async def credits(self, request: Request) -> Response:
        """Tell the credits, of which nothing is ever used."""
        self._shop.owner(request.headers.get(KEY))
        now, plenty = int(self._shop.clock()), 1_000_000.0
        common = {
            "unique_sign": "common",
            "name": "Common credits",
            "balance": plenty,
            "total": plenty,
            "last_recharge_balance": plenty,
            "balance_warning": 0.0,
            "first_buy_time": now,
            "last_update_time": now,
        }
        return JSONResponse(_document() | {"error_code": 0, "data": [common]})

    async def _over(self, ticket: Ticket) -> Status:
        try:
            return await ticket.over()
        except asyncio.CancelledError:
            # Who asked is gone, and nothing but this answer ever leads to the result.
            self._shop.tasks.forget(ticket)
            raise

    def _answer(self, ticket: Ticket, status: Status, request: Request) -> Response:
        if status.result is None:
            code = ENDS[status.failure.cause if status.failure else Cause.PROCESSING]
            raise Problem(*code, str(status.failure or ""))
        link = self._shop.links.sign(request.base_url, status.result, expires=ticket.expires)
        name = f"retouch_nb embedded engine {self._shop.version}"
        notes = status.result.facts.get("notes", [])
        said = {"data": {"image_url": link}, "engine": {"name": name, "notes": notes}}
        return JSONResponse(_document() | said)


def refuse(request: Request, refusal: Exception) -> Response:
    """Put a refusal into the error body of the page."""
    match refusal:
        case Problem(status=status, code=code):
            return problem(status, code, str(refusal))
        case Refusal(status=status, retry_after=seconds):
            headers = {"retry-after": str(seconds)} if seconds else None
            return problem(status, _code(status), str(refusal), headers=headers)
        case HTTPException(status_code=status, detail=detail):
            return problem(status, _code(status), detail, headers=refusal.headers)
    raise refusal


def problem(status: int, code: str, message: str, *, headers: Any = None) -> Response:
    """Answer with an error of the newest generation."""
    return JSONResponse(_document(code, message), status, headers)


def older(
    document: Mapping[str, Any], status: int, /, *, generation: Literal[1, 2]
) -> dict[str, Any]:
    """Give an answer of the newest generation the public fields of an older one.

    Examples
    --------
    >>> older({"error_detail": {"code": ""}}, 200, generation=2)
    {'error_detail': {'status_code': 200, 'code': ''}, 'error_code': 0}
    """
    detail = {"status_code": status} | document["error_detail"]
    aged = {**document, "error_detail": detail, "error_code": 0 if status == 200 else status}
    if generation == 1:
        failed = status != 200
        aged["error_code_str"] = CLASSES.get(status, detail["code"]) if failed else ""
        aged["error_msg"] = detail["code_message"] if failed else ""
    return aged


def _code(status: int) -> str:
    return CODES.get(status, "ERROR_PARAMETERS")


def _document(code: str = "", message: str = "") -> dict[str, Any]:
    return {
        "request_id": str(uuid.uuid4()),
        "log_id": str(uuid.uuid4()),
        "error_detail": {
            "code": code,
            "code_message": MEANINGS.get(code, ""),
            "message": message,
        },
    }


def _both(form: Form) -> tuple[bytes, bytes]:
    return _checked(form, "image"), _checked(form, "style")


def _checked(form: Form, name: str) -> bytes:
    """Give the bytes of one file, or raise `Problem`; all that can be seen without decoding is looked at."""
    if (upload := form.file(name)) is None:
        raise Problem(400, "MISSING_PARAMETERS", f"{name} is missing.")
    if not upload.size:
        raise Problem(400, "PARAMETERS_CANNOT_EMPTY", f"{name} is empty.")
    if upload.size > MOST_BYTES:
        most = f"{name} is larger than {MOST_BYTES // MB} MB."
        raise Problem(413, "FILE_SIZE_EXCEEDS_LIMIT", most)
    data = upload.file.read()
    if not data.startswith(SIGNATURES):
        raise Problem(415, "UNSUPPORTED_FILE_TYPES", f"{name} is neither JPEG nor PNG.")
    try:
        size = pictures.size_of(data, bounds=BOUNDS)
    except Failure as failure:
        raise Problem(*ENDS[failure.cause], f"{name}: {failure}.") from failure
    if min(size) < SMALLEST_SIDE:
        small = f"{name}: a side has fewer than {SMALLEST_SIDE} pixels."
        raise Problem(413, "FILE_RESOLUTION_EXCEEDS_LIMITS", small)
    return data


def _perform(
    shop: Workshop, photo: bytes, style: bytes, note: Note | None, watch: Watch
) -> Product:
    picture, reference = (pictures.decode(data, bounds=BOUNDS) for data in (photo, style))
    look = pictures.in_profile(reference, picture.profile)
    telling = {"note": note} if note else {}
    with watch.turn("matching"):
        match_style = shop.work()["match"]
        pixels = match_style(picture.pixels, look, progress=watch.progress, **telling)
        made = Picture(pixels, picture.alpha, picture.profile, picture.lossy)
        return pictures.encode(made, notes=[METHOD])
