"""What a result says of its making: who, how, for how much, how long, and under which id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retouch_nb.contract import Price

ENGINE: Final = "embedded engine"
"""The maker of what no service made."""


@dataclass(frozen=True, repr=False)
class Receipt:
    """The record of one finished job.

    Attributes
    ----------
    job_id : str
        Our own id, for ``%retouch_nb resume``.
    operation : str
        Name of the operation, e.g. ``"inpaint"``.
    options : mapping
        Parameters that differ from their defaults.
    provider : str
        Short name of the service whose contract was used, e.g. ``"picwish"``.
    maker : str
        Who did the work: ``"embedded engine"`` or the service's title.
    price : Price
        What it cost; 0 credits from the embedded engine and from the cache.
    cached : bool
        The picture came from the cache: nothing was sent, nothing was paid.
    seconds : float
        From the start of the job to the picture on disk.
    waited : float
        Seconds of these in which nobody worked on it: until it was our turn to send, and in the queue of the maker, as
        far as that tells.
    requests : int
        HTTP requests that were made.
    task_id : str
        Id of the task at the service.
    finished_at : float
        Unix time.
    version : str
        Of the maker, where it is known.
    remarks : tuple of str
        What the maker says of the result, then our own warnings.
    """

    job_id: str
    operation: str
    provider: str
    maker: str
    price: Price
    options: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = False
    seconds: float = 0.0
    waited: float = 0.0
    requests: int = 0
    task_id: str = ""
    finished_at: float = 0.0
    version: str = ""
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        task = f", task {self.task_id}" if self.task_id else ""
        facts = f"{self.operation} by {self.maker}, {self.cost}, {self.seconds:.1f} s"
        return f"<Receipt {self.job_id}: {facts}, {self.requests} requests{task}>"

    @property
    def worked(self) -> float:
        """Seconds without those in a queue: what depends on photo and options, however many jobs ran beside it.

        Examples
        --------
        >>> Receipt("a1", "enhance", "picwish", "PicWish", Price(2), seconds=4.0, waited=2.5).worked
        1.5
        """
        return max(0.0, self.seconds - self.waited)

    @property
    def cost(self) -> str:
        """The cost in words.

        Examples
        --------
        >>> Receipt("a1", "enhance", "picwish", "PicWish", Price(2, "estimate")).cost
        '2 credits (estimate)'
        >>> Receipt("a1", "enhance", "picwish", "embedded engine", Price(0)).cost
        'free'
        """
        return self._told(self.price)

    @property
    def cost_in_brief(self) -> str:
        """The same without the reservations of a price page, for a figure's badge.

        Examples
        --------
        >>> Receipt("a1", "enhance", "picwish", "PicWish", Price(2, "estimate")).cost_in_brief
        '2 credits'
        """
        return self._told(Price(self.price.credits))

    def _told(self, price: Price) -> str:
        if self.cached:
            return "free, from the cache"
        if price.credits == 0:
            return "free"
        return f"cost {price}" if price.credits is None else str(price)
