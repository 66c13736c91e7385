"""The cap on what a whole run may spend: what was sent and what is being sent count, before it is sent."""

import asyncio

from retouch_nb.errors import BudgetError


class Budget:
    """Credits that may be spent, shared by all that are under way; used on one loop.

    Parameters
    ----------
    cap : int or None
        The most; None sets no limit.
    spent : int
        What earlier calls of the same run have spent.

    Examples
    --------
    >>> budget = Budget(5, spent=2)
    >>> asyncio.run(budget.reserve(2)), budget.left
    (None, 1)
    >>> budget.settle(2, spent=False)
    >>> budget.left
    3
    """

    def __init__(self, cap: int | None, *, spent: int = 0) -> None:
        self.cap = cap
        self.spent = spent
        self.reserved = 0
        self._changed = asyncio.Condition()
        self._waiting = 0

    @property
    def left(self) -> int | None:
        """What may still be promised."""
        return None if self.cap is None else self.cap - self.spent - self.reserved

    async def reserve(self, credits: int | None) -> None:
        """Promise credits to something about to be sent; waits while others may yet give theirs back.

        Raises
        ------
        BudgetError
            It would go beyond the cap, or its price is not known and there is one.
        """
        if self.cap is not None:
            async with self._changed:
                await self._changed.wait_for(lambda: self._fits(credits) or not self.reserved)
                if not self._fits(credits):
                    raise self._over(credits)
                self.reserved += credits or 0
        else:
            self.reserved += credits or 0

    def settle(self, credits: int, *, spent: bool) -> None:
        """Turn a promise into money spent, or give it back."""
        self.reserved -= credits
        self.spent += credits if spent else 0

    async def tell(self) -> None:
        """Wake those who wait, after something was settled."""
        async with self._changed:
            self._changed.notify_all()

    def _fits(self, credits: int | None) -> bool:
        return self.left is None or (credits is not None and credits <= self.left)

    def _over(self, credits: int | None) -> BudgetError:
        price = "an unknown number of" if credits is None else str(credits)
        return BudgetError(
            f"It costs {price} credits; {self.spent} of the {self.cap} allowed are spent.",
            advice="Nothing was sent for this photo. Raise max_credits and run it again.",
        )
