"""What all services of an engine share, in one value; a service is a module that makes routes of it."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from retouch_nb.engine.links import Links
from retouch_nb.engine.rate import Rate
from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.settings import EngineSettings
from retouch_nb.engine.tasks import Tasks
from retouch_nb.engine.work import Work


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

    def owner(self, key: str | None) -> str:
        """Name the owner of a key by its digest, or raise `Refusal` 401."""
        if not key:
            raise Refusal(401, "The key is missing.")
        wanted = self.settings.key
        if wanted is not None and not hmac.compare_digest(key.encode(), wanted.encode()):
            raise Refusal(401, "The key is not valid.")
        return hashlib.sha256(key.encode()).hexdigest()
