"""Reading a form: its size limited while it arrives, its fields by name and kind, and a clear word where one is wrong."""

import asyncio
import contextlib
import json
import math
import re
from collections.abc import AsyncIterator, Collection
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive

from retouch_nb.engine.refusals import Refusal

KINDS = ("multipart/form-data", "application/x-www-form-urlencoded")
CHARSETS = (b"utf-8", b"utf8", b"us-ascii")
MB = 2**20
"""The pages do not say which megabyte they mean; a service had better accept either reading."""


class Form:
    """The fields of a request; empty text counts as not sent, and a field sent twice is refused when asked for.

    Parameters
    ----------
    fields : FormData
        As Starlette parsed them.
    """

    def __init__(self, fields: FormData) -> None:
        self._fields = fields

    def file(self, name: str) -> UploadFile | None:
        """Give an uploaded file."""
        match self._only(name):
            case None | "":
                return None
            case UploadFile(filename="", size=0):
                return None
            case UploadFile() as upload:
                return upload
        raise Refusal(400, f"{name} must be a file, not text (with curl: -F {name}=@photo.jpg).")

    def text(self, name: str) -> str | None:
        """Give a text that is not empty."""
        match self._only(name):
            case str() as text:
                return text.strip() or None
            case None:
                return None
        raise Refusal(400, f"{name} must be text, not a file.")

    def texts(self, name: str) -> list[str]:
        """Give all texts of a field that may be sent several times."""
        values = self._fields.getlist(name)
        if any(not isinstance(value, str) for value in values):
            raise Refusal(400, f"{name} must be text, not a file.")
        return [str(value).strip() for value in values if value]

    def integer(self, name: str, allowed: Collection[int]) -> int | None:
        """Give one of some integers, written in decimal digits."""
        if (text := self.text(name)) is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) not in allowed:
            raise Refusal(400, f"{name} must be one of {', '.join(map(str, allowed))}.")
        return int(text)

    def number(self, name: str, within: tuple[float, float], *, default: float) -> float:
        """Give a decimal number within a closed range."""
        if (text := self.text(name)) is None:
            return default
        low, high = within
        number = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else math.nan
        if not low <= number <= high:
            raise Refusal(400, f"{name} must be a number from {low:g} to {high:g}.")
        return number

    def word(self, name: str, allowed: Collection[str]) -> str | None:
        """Give one of some words."""
        if (text := self.text(name)) is None:
            return None
        if text not in allowed:
            raise Refusal(400, f"{name} must be one of {', '.join(allowed)}.")
        return text

    def json(self, name: str) -> Any:
        """Give the value of a JSON text; None when it was not sent."""
        if (text := self.text(name)) is None:
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise Refusal(400, f"{name} is not JSON: {error.msg} at {where}.") from error
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"{name} is not JSON that can be read.") from error

    def close(self) -> None:
        """Let go of the uploaded files."""
        for _, value in self._fields.multi_items():
            if isinstance(value, UploadFile):
                value.file.close()

    def _only(self, name: str) -> UploadFile | str | None:
        values = self._fields.getlist(name)
        if len(values) > 1:
            raise Refusal(400, f"{name} was sent more than once.")
        return values[0] if values else None


async def read_form(request: Request, *, limit: int, seconds: float) -> Form:
    """Read the form of a request; close it in the end.

    Parameters
    ----------
    request : Request
        A POST whose body was not touched yet.
    limit : int
        The largest body in bytes; a larger one is refused with 413 as soon as that is known.
    seconds : float
        The longest time the body may take to arrive.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.decode("latin-1") not in KINDS:
        raise Refusal(400, f"Send the parameters as {KINDS[0]}.")
    # The parser would decode by any codec of Python: some take minutes for what this form may hold.
    if options.get(b"charset", b"utf-8").lower() not in CHARSETS:
        raise Refusal(400, "Send text as UTF-8.")
    try:
        async with _arriving(request, limit, seconds) as metered:
            return Form(await metered.form(max_files=16, max_fields=64))
    except FormParserError as error:
        raise Refusal(400, "The form cannot be read.") from error


async def read_json(request: Request, *, limit: int, seconds: float) -> Any:
    """Read the JSON body of a request, within the same bounds as a form."""
    try:
        async with _arriving(request, limit, seconds) as metered:
            return await metered.json()
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The body is not JSON that can be read.") from error


@contextlib.asynccontextmanager
async def _arriving(request: Request, limit: int, seconds: float) -> AsyncIterator[Request]:
    """Give a request whose body may be so large and take so long, and no more."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            yield Request(request.scope, _metered(request.receive, limit))
    except TimeoutError as error:
        raise Refusal(408, f"The request took longer than {seconds:g} s to arrive.") from error


def _metered(receive: Receive, limit: int) -> Receive:
    read = 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return counting


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The request is larger than {limit / MB:.0f} MB.")
