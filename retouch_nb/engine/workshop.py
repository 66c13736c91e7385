"""What all services of an engine share, in one value; a service is a module that makes routes of it."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from retouch_nb.engine.links import Links
from retouch_nb.engine.rate import Rate
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.settings import EngineSettings
from retouch_nb.engine.tasks import Tasks
from retouch_nb.engine.work import Work

P = ParamSpec("P")
T = TypeVar("T")

LOOKS: Final = 4
"""Uploads that are looked into at once; the others wait on disk."""


@dataclass(frozen=True)
class Workshop:
    """The shared parts.

    Attributes
    ----------
    settings : EngineSettings
        What the owner decided.
    clock : callable
        Unix seconds.
    work : callable
        Gives the image work; called on a worker's thread only.
    tasks : Tasks
        Where jobs go.
    links : Links
        How results are handed out.
    rate : Rate
        PicWish's two requests a second.
    looks : Semaphore
        How many uploads are looked into at once.
    version : str
        Changes whenever the same request may give another picture.
    """

    settings: EngineSettings
    clock: Callable[[], float]
    work: Callable[[], Work]
    tasks: Tasks
    links: Links
    rate: Rate
    version: str
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(LOOKS))

    def look(self, work: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        """Look into an upload, as one of few at a time: each may hold a hundred megabytes while it does."""
        with self.looks:
            return work(*given, **more)

    def owner(self, key: str | None) -> str:
        """Name the owner of a key by its digest, or raise `Refusal` 401."""
        if not key:
            raise Refusal(401, "The key is missing.")
        wanted = self.settings.key
        if wanted is not None and not hmac.compare_digest(key.encode(), wanted.encode()):
            raise Refusal(401, "The key is not valid.")
        return hashlib.sha256(key.encode()).hexdigest()
