"""What all operations of a service share: where it is, what photos it takes, how fast it may be asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retouch_nb.contract.exchange import Call
from retouch_nb.errors import PictureError
from retouch_nb.photo import Photo

MB = 1_000_000
"""The services do not say which megabyte they mean; the smaller one is safe under both readings."""


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
    refused : tuple of int
        Statuses, of the answer or in its body, that mean the key is not accepted.
    """

    call: Call
    read: Callable[[dict[str, Any]], str]
    elsewhere: Mapping[str, Any] = field(default_factory=dict)
    refused: tuple[int, ...] = (401,)


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

    call: Call
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
