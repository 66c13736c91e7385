"""Why a photo failed, as one word to sort and to retry by."""

from typing import Final

from retouch_nb.errors import (
    BudgetError,
    CredentialsError,
    HomeError,
    MissingExtraError,
    OutOfCreditsError,
    ParameterError,
    PictureError,
    RateLimitError,
    RefusedError,
    ResultExpiredError,
    ServiceError,
    StoppedError,
    TaskFailedError,
    UnknownOutcomeError,
    UnreachableError,
    WaitTimeout,
)

REASONS: Final = {
    "transient": "no connection, too busy, not done in time: trying again may help and is not paid twice",
    "input": "the photo or its mask cannot be used",
    "refused": "the service did not take it",
    "failed": "the service took it and could not do it, or its result is gone",
    "budget": "it would cost more than is allowed",
    "account": "no key, a refused key, or no credits left",
    "unknown": "sent, and the answer was lost: maybe paid, never sent again by itself",
    "disk": "a file could not be written",
    "fault": "something unforeseen; the message says more",
}
"""Every word and what it means."""

HALTING: Final = frozenset({"account", "disk"})
"""Reasons that would stop every other photo as well: the run ends, and what is left stays waiting."""

_CLASSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (UnknownOutcomeError, "unknown"),
    (BudgetError, "budget"),
    (CredentialsError, "account"),
    (OutOfCreditsError, "account"),
    (MissingExtraError, "account"),
    (PictureError, "input"),
    (ParameterError, "input"),
    (RateLimitError, "transient"),
    (RefusedError, "refused"),
    (TaskFailedError, "failed"),
    (ResultExpiredError, "failed"),
    (ServiceError, "transient"),
    (UnreachableError, "transient"),
    (WaitTimeout, "transient"),
    (StoppedError, ""),
    (HomeError, "disk"),
)


def reason_of(error: BaseException) -> str:
    """Give the class of an error; empty where somebody stopped it, which is no failure.

    Examples
    --------
    >>> reason_of(PictureError("broken")), reason_of(KeyError("?"))
    ('input', 'fault')
    """
    return next((word for kind, word in _CLASSES if isinstance(error, kind)), "fault")
