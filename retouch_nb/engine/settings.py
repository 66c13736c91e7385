"""What the owner of an engine decides: one frozen value, the same in a kernel and on a port but for the pace."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class EngineSettings:
    """How an engine behaves; every field has a default that suits a notebook.

    Attributes
    ----------
    key : str or None
        The one key all five services accept; None accepts any key that is not empty.
    rate_limit : bool
        Whether PicWish's limit of two requests a second for each key holds.
    allow_private_urls : bool
        Whether ``image_url`` and its like may name a private, loopback or link-local address.
    workers : int
        How many pictures are worked on at once, each on a thread of its own.
    queue : int
        How many tasks may wait; one more is answered with 429.
    time_limit : float
        Seconds of image work after which a task ends with state -8.
    lifetime : float
        Seconds a PicWish task and its links live, counted from the submission.
    upload_seconds : float
        Seconds a client may take to send a request.
    head_seconds : float
        Seconds a client of a port may take to say what it wants; an answer nobody reads may stand still as long.
    store_bytes : int
        Bytes of results kept on disk; beyond it the oldest are dropped before their time.
    model : Path or None
        A LaMa-style ONNX model of the user's own, for object removal.
    fault_route : bool
        Whether ``/engine/faults`` can be reached by those who have the key.
    quota : int
        Jobs a Retouch4me token may start a day (UTC); what the balance tells, too.
    limits_route : bool
        Whether Retouch4me's ``/api/v1/info/limits`` answers; its page says that it does not at present.

    Examples
    --------
    >>> EngineSettings(rate_limit=True).workers
    2
    """

    key: str | None = field(default=None, repr=False)
    rate_limit: bool = False
    allow_private_urls: bool = False
    workers: int = 2
    queue: int = 100
    time_limit: float = 300.0
    lifetime: float = 3600.0
    upload_seconds: float = 120.0
    head_seconds: float = 20.0
    store_bytes: int = 4 * 2**30
    model: Path | None = None
    fault_route: bool = False
    quota: int = 1_000_000
    limits_route: bool = False


IN_PROCESS = EngineSettings()
"""Inside a kernel there is one user, and nobody to be protected from a fast poller."""

SERVED = EngineSettings(rate_limit=True, quota=100)
"""On a port the documented pace holds, two requests a second for each key, and a day has its quota."""
