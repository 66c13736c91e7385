"""One class per endpoint: its fields are its parameters, its pure methods its wire."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, dataclass_transform

from retouch_nb.contract.exchange import Answer, Call, Outcome
from retouch_nb.contract.provider import Limits, Provider
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.mask import Mask
from retouch_nb.params import Param, params
from retouch_nb.photo import Photo, is_link, open_photo


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
        """Say what is accepted and may still not be meant, and what was done to the photos before; each a sentence."""
        given = (getattr(self, param.name) for param in params(type(self)) if param.type is Photo)
        photos = [photo for photo in given if isinstance(photo, Photo)]
        return tuple(dict.fromkeys(note for photo in photos for note in photo.notes))

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
        own = {param.name: param for param in params(type(self))}
        return "".join(f"{before}{n}={_called(own[n], v)}" for n, v in self.changed().items())

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


def _called(param: Param, value: Any) -> str:
    """Write a value as people name it."""
    named = bool(param.choices) and value in param.choices
    return param.choices[value] if named else _short(value)


def _short(value: Any) -> str:
    return f"{len(value)} given" if isinstance(value, tuple) else str(value)
