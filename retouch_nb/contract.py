"""What a service can do: one class per endpoint, whose fields are its parameters.

An `Operation` is pure. ``submit`` says which request starts it, ``poll`` which request asks after it, ``read``
what an answer means; the client does the sending. Facts of a service that all its operations share are its `Provider`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, dataclass_transform

from retouch_nb.container import bare
from retouch_nb.errors import ParameterError, PictureError, ProtocolError, RetouchError
from retouch_nb.mask import Mask
from retouch_nb.params import Param, params
from retouch_nb.photo import Photo, is_link, open_photo

MB = 1_000_000
"""The services do not say which megabyte they mean; the smaller one is safe under both readings."""


PLAIN = 1_000_000
"""Bytes up to which an answer may be of any structure."""

MOST_PARTS = 10_000
"""Values of a longer one, which is long for the one picture in it."""


@dataclass(frozen=True)
class Limits:
    """What a photo may be.

    Attributes
    ----------
    most_bytes : int
        Largest file, this size included.
    sides : tuple of int
        Smallest and largest width or height in pixels, both included.
    formats : tuple of str
        Accepted formats by Pillow's names.
    most_pixels : int or None
        Largest width x height.
    """

    most_bytes: int
    sides: tuple[int, int]
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
    most_pixels: int | None = None

    def check(self, photo: Photo, *, called: str = "photo") -> None:
        """Raise `PictureError` where a service would refuse the photo after the upload."""
        width, height = photo.size
        low, high = self.sides
        if len(photo.data) > self.most_bytes:
            raise _unfit(
                called,
                f"has {len(photo.data) / MB:,.1f} MB; at most {self.most_bytes / MB:,.0f} MB are accepted",
                "Save it as JPEG, or make it smaller.",
            )
        if not (low <= min(photo.size) and max(photo.size) <= high):
            raise _unfit(
                called,
                f"is {width} x {height} pixels; each side must be {low} to {high:,}",
                "Make it smaller." if max(photo.size) > high else "Use a larger one.",
            )
        if self.most_pixels and width * height > self.most_pixels:
            raise _unfit(
                called,
                f"has {width * height / 1e6:,.0f} megapixels; at most {self.most_pixels / 1e6:,.0f} are accepted",
                "Make it smaller.",
            )
        if photo.format not in self.formats:
            raise _unfit(
                called,
                f"is a {photo.format}; accepted are {', '.join(self.formats)}",
                "Save it in one of those formats.",
            )


def _unfit(called: str, why: str, advice: str) -> PictureError:
    return PictureError(f"The {called} {why}.", advice=f"Nothing was sent. {advice}")


@dataclass(frozen=True)
class Balance:
    """How a service is asked what is left on an account.

    Attributes
    ----------
    call : Call
        The request.
    read : callable
        Makes words of the answer's JSON; raises `ProtocolError` where it cannot.
    elsewhere : mapping
        What of the `Provider` differs for this question: another origin, another field for the key.
    """

    call: "Call"
    read: Callable[[dict[str, Any]], str]
    elsewhere: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """How a service is asked what photos it takes today.

    Attributes
    ----------
    call : Call
        The request; it goes without the key.
    read : callable
        Makes limits of the answer's JSON and of those its page documents, which stand where the answer makes no sense;
        may raise `ProtocolError`.
    """

    call: "Call"
    read: Callable[[dict[str, Any], Limits], Limits]


@dataclass(frozen=True)
class Provider:
    """A service: where it is, how a key reaches it and how fast it may be asked.

    Attributes
    ----------
    name, title : str
        Short name for options and settings; name for people.
    base_url, base_env : str
        Default origin, and the environment variable that replaces it.
    key_env, key_page : str
        Environment variable that holds the key, and where people get one.
    key_header, key_field : str
        Header, and form field of requests that start something, in which the key travels; empty when not used.
    per_second : float
        Requests a second that one key may make, polls included.
    polls : tuple of float
        Seconds: between two polls at least, and between those of the vendor's own scripts, which send no fewer.
    patience : float
        How long a task is waited for, seconds.
    result_hours : float
        How long the service keeps a result.
    idempotent : bool
        The service takes an ``Idempotency-Key``, so that sending again cannot charge twice.
    balance : Balance or None
        How to ask what is left.
    published : Published or None
        How to ask for its limits.
    """

    name: str
    title: str
    base_url: str
    base_env: str
    key_env: str
    key_page: str
    key_header: str
    per_second: float
    polls: tuple[float, float]
    patience: float
    result_hours: float
    key_field: str = ""
    idempotent: bool = False
    balance: Balance | None = None
    published: Published | None = None


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
    if len(body) > PLAIN and sum(map(body.count, (b",", b"[", b"{"))) > MOST_PARTS:
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
    """

    state: str
    progress: float | None = None
    step: str = ""
    ticket: str = ""


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


@dataclass(frozen=True)
class Price:
    """What a task costs at the service, as far as its pages say.

    Examples
    --------
    >>> print(Price(2, "estimate")), print(Price(None))
    2 credits (estimate)
    unknown
    (None, None)
    """

    credits: int | None
    note: str = ""

    def __str__(self) -> str:
        if self.credits is None:
            return "unknown"
        unit = "credit" if self.credits == 1 else "credits"
        return f"{self.credits} {unit}" + (f" ({self.note})" if self.note else "")


Kind: TypeAlias = Literal["picture", "zip"]


class HasSettings(Protocol):
    """The value of a field that has named settings of its own, each of which can be varied alone."""

    def setting(self, name: str) -> Param:
        """Give the declaration of a setting; `UnknownNameError` where there is none."""
        ...

    def with_setting(self, name: str, value: Any) -> Self:
        """Give the same with one setting changed."""
        ...

    def layer_of(self, name: str) -> str:
        """Name the layer whose opacity can stand for a setting; empty where none can."""
        ...


@dataclass_transform(frozen_default=True)
class Operation:
    """Base of everything a service can do; a subclass is one endpoint, an instance one checked request.

    Subclasses are frozen dataclasses by being declared: ``class Blur(Operation, name="blur", provider=...,
    limits=...)``. Fields are annotated as `retouch_nb.params` describes; `Photo` and `Mask` fields take whatever can
    be opened as one, and addresses.

    Raises
    ------
    ParameterError, PictureError
        On construction, for everything that can be known before an upload.
    """

    name: ClassVar[str] = ""
    provider: ClassVar[Provider]
    limits: ClassVar[Limits]
    kinds: ClassVar[tuple[Kind, ...]] = ("picture",)
    """What a result may be; told apart by its bytes."""
    recolours: ClassVar[bool] = True
    """Colours may change where nothing else does."""
    within: ClassVar[str] = ""
    """The field whose value `HasSettings`, where there is one."""

    photo: Any

    def __init_subclass__(
        cls, *, name: str = "", provider: Provider | None = None, limits: Limits | None = None
    ) -> None:
        super().__init_subclass__()
        cls.name = name
        cls.provider = provider or getattr(cls, "provider", None)  # type: ignore[assignment]
        cls.limits = limits or getattr(cls, "limits", None)  # type: ignore[assignment]
        dataclass(frozen=True, eq=False, repr=False)(cls)

    def __post_init__(self) -> None:
        for param in params(type(self)):
            value = self._opened(param) if param.picture else param.read(getattr(self, param.name))
            object.__setattr__(self, param.name, value)
        self.prepare()
        if isinstance(self.photo, Photo):
            self.limits.check(self.photo)
        self.check()

    def _opened(self, param: Param) -> Any:
        """Open a photo, or a mask of the photo's size; addresses stay as they are."""
        given = getattr(self, param.name)
        if given is None:
            return self._missing(param)
        if is_link(given):
            return self._linked(param, open_photo(given))
        if param.type is Photo:
            return Photo.open(given)
        photo = self.photo if isinstance(self.photo, Photo) else None
        return Mask.open(given, photo.size if photo else None, photo=photo)

    def _linked(self, param: Param, link: Any) -> Any:
        if param.links:
            return link
        raise PictureError(
            f"{self.provider.title} takes files, not addresses.",
            advice=f"Nothing was sent. Download the {param.name} and pass its path.",
        )

    def _missing(self, param: Param) -> None:
        if not param.optional:
            raise ParameterError(f"{self.name} needs a {param.name}.", advice="Nothing was sent.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.photo!r}{self.options_text(', ')}>"

    def prepare(self) -> None:
        """Bring fields that depend on each other into their final form, before anything is checked."""

    def check(self) -> None:
        """Raise where fields do not go together."""

    def warnings(self) -> tuple[str, ...]:
        """Say what is accepted and may still not be meant, each a sentence."""
        return ()

    def idle(self) -> tuple[str, ...]:
        """Name the options that have no effect in this request, by the service's own word."""
        return ()

    def plain(self) -> "Operation":
        """Give the request with its idle options at their defaults: requests that cannot differ become equal."""
        declared = [param for param in params(type(self)) if param.name in self.idle()]
        changes = {p.name: p.default for p in declared if getattr(self, p.name) != p.default}
        return self.replaced(**changes) if changes else self

    def area(self) -> Mask | None:
        """Give the pixels that may change, where that is known."""
        mask = getattr(self, "mask", None)
        return mask if isinstance(mask, Mask) else None

    @classmethod
    def has_area(cls) -> bool:
        """Tell whether only a part of the photo is to change."""
        return any(param.type is Mask for param in params(cls))

    def result_size(self) -> tuple[int, int] | None:
        """Give the width and height of the result, where they are known before."""
        return None

    def tasks(self) -> tuple[str, ...]:
        """Name the steps of a layered request in their order; nothing where there are none to name."""
        return ()

    def request(self) -> str:
        """Give the steps of a layered request as the service was asked for them; empty where there are none."""
        return ""

    def in_layers(self) -> "Operation":
        """Ask for layers where none are asked for and the service has some; else the request as it is."""
        return self

    def alike(self) -> str:
        """Name what takes about equally long, whatever the photo shows: the operation and its plain options."""
        plain = {k: v for k, v in self.changed().items() if isinstance(v, str | int | float)}
        return json.dumps([self.name, plain], sort_keys=True)

    def price(self) -> Price:
        """Say what this costs at the service, as far as is documented."""
        return Price(None)

    def submit(self) -> Call:
        """Give the request that starts the task."""
        raise NotImplementedError

    def poll(self, ticket: str) -> Call | None:
        """Give the request that asks after the task; None where the first answer is the last.

        Like `read` it uses no field, so that a task can be taken up again without its pictures.
        """
        return None

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        """Say what an answer to either request means; `ticket` is that of the task asked after."""
        raise NotImplementedError

    @classmethod
    def detached(cls) -> Self:
        """Make an instance without pictures, which can only `poll` and `read`: for resuming a task."""
        return object.__new__(cls)

    def changed(self) -> dict[str, Any]:
        """Give the options that differ from their defaults: what a caption shows."""
        return {
            p.name: getattr(self, p.name)
            for p in params(type(self))
            if not p.picture and not p.delivery and getattr(self, p.name) != p.default
        }

    def options_text(self, before: str = "") -> str:
        """Write the changed options as ``name=value``, with `before` in front of each."""
        return "".join(f"{before}{name}={_short(value)}" for name, value in self.changed().items())

    @cached_property
    def identity(self) -> str:
        """SHA-256 over all that decides the picture: the key of the cache and of joining."""
        facts = {
            p.name: _identity(getattr(self, p.name)) for p in params(type(self)) if not p.delivery
        }
        text = json.dumps([self.provider.name, self.name, facts], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def title(self) -> str:
        """The operation for people: ``Retouch object``."""
        return self.name.replace("_", " ").capitalize()

    def replaced(self, **changes: Any) -> "Operation":
        """Give the same request with some fields changed, checked anew."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


def _identity(value: Any) -> Any:
    return getattr(value, "digest", value)


def _short(value: Any) -> str:
    return f"{len(value)} given" if isinstance(value, tuple) else str(value)
