"""How the engine says no to a request: one exception, and the body PicWish and Retouch4me share for it."""

import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("retouch_nb.engine")


class Refusal(Exception):
    """A request that is not accepted.

    Parameters
    ----------
    status : int
        The HTTP status, repeated in the body.
    message : str
        What to change, for a person to read.
    retry_after : int or None
        Whole seconds after which the same request may be accepted.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def refuse(request: Request, refusal: Exception) -> Response:
    """Put a refusal into the error body of the pages: ``{"status": ..., "message": ...}``."""
    match refusal:
        case Refusal(status=status, retry_after=seconds):
            headers = {"retry-after": str(seconds)} if seconds else None
            return error(status, str(refusal), headers=headers)
        case HTTPException(status_code=status, detail=detail):
            return error(status, detail, headers=refusal.headers)
    raise refusal


def error(status: int, message: str, *, headers: Any = None) -> Response:
    """Answer with a status, in the HTTP line and in the body."""
    return JSONResponse({"status": status, "message": message}, status, headers)


class Shield:
    """Turns what nobody foresaw into a 500 and a line in the log, so that no exception crosses into a client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except ClientDisconnect:
            pass
        except Exception:
            log.exception("An answer failed: %s %s", scope.get("method"), scope.get("path"))
            if started:
                raise
            await error(500, "The engine failed; its log says why.")(scope, receive, send)
