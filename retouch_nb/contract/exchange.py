"""One exchange with a service: the request, its answer, and what the answer can mean. Values, and no I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from retouch_nb.container import bare
from retouch_nb.errors import ProtocolError, RetouchError
from retouch_nb.photo import Photo

_PLAIN = 1_000_000
"""Bytes up to which an answer may be of any structure."""

_MOST_PARTS = 10_000
"""Values of a longer one, which is long for the one picture in it."""


@dataclass(frozen=True)
class Upload:
    """One file part of a form."""

    file_name: str
    media_type: str
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, photo: Photo) -> "Upload":
        """Send a photo under a name and type that fit its content."""
        return cls(photo.file_name, photo.media_type, photo.data)


@dataclass(frozen=True)
class Call:
    """One HTTP request, without the key and without the origin: the client adds both.

    Attributes
    ----------
    method, path : str
        `path` begins with a slash, or is a whole address on another host, which then never gets the key.
    fields : mapping
        Form fields, as text.
    files : mapping
        File parts by field name.
    waits : bool
        The answer takes as long as the work does.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False

    def bare(self) -> "Call":
        """Give the same request with pictures alone in its files: no place, camera, owner or comment.

        Raises
        ------
        PictureError
            What is in a file cannot be told.
        """
        files = {name: replace(file, data=bare(file.data)) for name, file in self.files.items()}
        return replace(self, files=files)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object.

        Raises
        ------
        ProtocolError
            It is not one; the message shows how it begins.
        """
        try:
            _check_simple(self.body)
            value = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            begin = self.body[:80].decode("utf-8", "replace")
            raise ProtocolError(
                f"The answer (HTTP {self.status}) is not a JSON object; it begins with {begin!r}.",
                code=str(self.status),
            )
        return value


def _check_simple(body: bytes) -> None:
    """Refuse what would unpack to many times its size: three bytes make a list of their own."""
    if len(body) > _PLAIN and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise ValueError("too many values")


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


@dataclass(frozen=True)
class Accepted:
    """The service took the task.

    Attributes
    ----------
    ticket : str
        Id of the task at the service.
    remarks : tuple of str
        What the service says beside it, for people.
    """

    ticket: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pending:
    """The task is not over.

    Attributes
    ----------
    state : str
        A word for people: ``queued``, ``processing``.
    progress : float or None
        Fraction done, 0 to 1.
    step : str
        What the service says it is doing.
    ticket : str
        Id of the task, for a first answer that tells its state at once.
    waits : bool
        Nobody works on it yet: it stands in a queue.
    """

    state: str
    progress: float | None = None
    step: str = ""
    ticket: str = ""
    waits: bool = False


@dataclass(frozen=True)
class Finished:
    """The result exists: here (bytes), or behind a request that fetches it without the key.

    Attributes
    ----------
    result : bytes or Call
    remarks : tuple of str
        What the service says of its result, for people.
    """

    result: bytes | Call = field(repr=False)
    ticket: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The service said no.

    Attributes
    ----------
    error : RetouchError
        What to raise.
    passing : bool
        Asking again later may be answered otherwise. A request that starts a task may be repeated after it
        only when `untouched`.
    untouched : bool
        The service says that it did not take the request.
    """

    error: RetouchError
    passing: bool = False
    untouched: bool = True


Outcome: TypeAlias = Accepted | Pending | Finished | Refused
