"""The one authority of a run over money: nothing billable leaves, here or on another machine, unless it was asked here first.

It writes down that something may be out before it says yes. So a photo whose worker was lost is sent again by nobody.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from retouch_nb.batches.budget import Budget
from retouch_nb.batches.manifest import Manifest, Row
from retouch_nb.batches.reasons import reason_of
from retouch_nb.batches.work import Attempt, Product
from retouch_nb.errors import (
    BudgetError,
    CredentialsError,
    MissingExtraError,
    ParameterError,
    PictureError,
    RefusedError,
    ResultExpiredError,
    RetouchError,
    StoppedError,
    TaskFailedError,
    UnknownOutcomeError,
    UnreachableError,
)

if TYPE_CHECKING:
    from retouch_nb.client import Entry

NOT_TAKEN: Final = (
    UnreachableError,
    RefusedError,
    CredentialsError,
    BudgetError,
    PictureError,
    ParameterError,
    MissingExtraError,
)
"""Errors after which nothing is out, unless the service had already named a task."""

OVER: Final = (TaskFailedError, ResultExpiredError)
"""Errors with which a service ends a task: perhaps paid, and nothing more will come."""


@dataclass(frozen=True)
class Ask:
    """What a request says of itself before it leaves.

    Attributes
    ----------
    source : str
        Which row it is for.
    token : str
        Which attempt, made where it runs: a task that Dask begins again elsewhere has another. Sending again within one is
        the client's own affair, and safe.
    job_id : str
        Its row in the journal of the machine that sends it.
    credits : int or None
        Its price.
    repeats : bool
        The service recognises it as the same request as that of the job before.
    fresh : bool
        A person said to send and pay again.
    worker : str
        Which machine of a cluster sends it.
    """

    source: str
    token: str
    job_id: str
    credits: int | None
    repeats: bool = False
    fresh: bool = False
    worker: str = ""


def ask_of(entry: "Entry", attempt: Attempt, token: str) -> Ask:
    """Write down what is about to be sent."""
    return Ask(
        attempt.row.source,
        token,
        entry.id,
        entry.credits,
        repeats=bool(entry.repetition),
        fresh=attempt.fresh,
    )


def new_token() -> str:
    """Make the name of an attempt."""
    return secrets.token_hex(8)


class Desk:
    """Gives permission to send, and writes down what is out.

    Parameters
    ----------
    manifest : Manifest
    cap : int or None
        Credits that the whole run may spend, earlier calls included.
    clock : callable
        Unix seconds.
    """

    def __init__(
        self, manifest: Manifest, cap: int | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.budget = Budget(cap, spent=manifest.spent())
        self._manifest = manifest
        self._clock = clock
        self._reserved: dict[str, int] = {}
        self._renewed: set[str] = set()
        self._closed = False

    def close(self) -> None:
        """Permit nothing any more."""
        self._closed = True

    async def permit(self, ask: Ask) -> None:
        """Say yes by returning; the row then says that something may be out.

        Raises
        ------
        UnknownOutcomeError
            An earlier attempt may be out, and nobody knows what became of it.
        BudgetError
            It would cost more than is left.
        StoppedError
            The run has been stopped.
        """
        if self._check(ask).sent_by == ask.token:
            return
        if ask.source not in self._reserved or ask.fresh:
            await self.budget.reserve(ask.credits)
            self._reserved[ask.source] = self._reserved.get(ask.source, 0) + (ask.credits or 0)
        paid = self._check(ask).credits
        self._renewed |= {ask.source} if ask.fresh else set()
        self._manifest.update(
            ask.source,
            sent_by=ask.token,
            sent_at=self._clock(),
            job_id=ask.job_id,
            task_id="",
            worker=ask.worker,
            credits=paid if ask.credits is None else (paid or 0) + ask.credits,
        )

    def heard(self, source: str, token: str, ticket: str) -> None:
        """Write down the id of a task, as soon as it is known: who comes later takes it up."""
        row = self._manifest.find(source)
        if ticket and row.task_id != ticket and row.sent_by == token:
            self._manifest.update(source, task_id=ticket)

    def known(self, source: str) -> dict[str, Any]:
        """Tell what earlier attempts have left: for whoever begins a photo, perhaps for the second time."""
        row = self._manifest.find(source)
        return {"task_id": row.task_id, "sent_by": row.sent_by, "sent_at": row.sent_at}

    async def done(self, source: str, product: Product, **facts: Any) -> Row:
        """Write down a success, and what it cost."""
        promised = self._reserved.pop(source, None)
        row = self._manifest.find(source)
        told = dict(product.facts)
        if told and (
            row.sent_by or row.credits
        ):  # what was paid stays paid, whatever the cache says now
            told |= {"credits": row.credits, "cached": told["cached"] and not row.sent_by}
        if promised is not None:
            self.budget.settle(promised, spent=True)
        changed = self._manifest.update(
            source, **{**told, **facts, "state": "done", "reason": "", "error": "", "sent_by": ""}
        )
        await self.budget.tell()
        return changed

    async def failed(self, source: str, token: str, error: BaseException, **facts: Any) -> Row:
        """Write down a failure, and whether something is still out."""
        promised = self._reserved.pop(source, None)
        row = self._manifest.find(source)
        mine = row.sent_by in {"", token}
        nothing = isinstance(error, NOT_TAKEN) and not row.task_id and mine
        if promised is not None:
            self.budget.settle(promised, spent=not nothing)
        reason = reason_of(error)
        told: dict[str, Any] = {"reason": reason, "error": reason and _said(error), **facts}
        if row.sent_by and nothing:
            told |= {"sent_by": "", "credits": (row.credits or 0) - (promised or 0) or None}
        if isinstance(error, OVER):
            told |= {"sent_by": ""}
        changed = self._manifest.update(source, **{"state": _state(error), **told})
        await self.budget.tell()
        return changed

    def _check(self, ask: Ask) -> Row:
        if self._closed:
            raise StoppedError("The run has been stopped.", advice="Nothing was sent.")
        row = self._manifest.find(ask.source)
        known = row.sent_by in {"", ask.token} or (ask.repeats and ask.job_id == row.job_id)
        if not known and (not ask.fresh or ask.source in self._renewed):
            raise UnknownOutcomeError(
                f"{ask.source} was sent before{f' by {row.worker}' if row.worker else ''}, and what became of it is not known.",
                advice="It may have been paid; it is not sent again by itself. Look at your balance, then "
                'run.retry("unknown") sends and pays again.',
                job_id=row.job_id,
            )
        return row


def _state(error: BaseException) -> str:
    match reason_of(error):
        case "unknown":
            return "unknown"
        case "" | "budget":
            return "waiting"
        case _:
            return "failed"


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, RetouchError) else f"{type(error).__name__}: {error}"
