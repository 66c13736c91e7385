"""Everything this package raises on purpose, as one tree.

::

    RetouchError                        two lines in a cell: what happened; what it means and what to type next
    ├── ParameterError(ValueError)      a parameter is wrong; nothing was sent
    ├── PictureError(ValueError)        a photo or mask cannot be used; nothing was sent
    ├── UnknownNameError(LookupError)   no such operation, service, job or variable
    ├── CredentialsError                no key, or a key that cannot be used
    ├── BudgetError                     the user's own cap would be exceeded; nothing was sent
    ├── MissingExtraError(ImportError)  an optional library is not installed
    ├── HomeError(OSError)              the folder of journal and results cannot be read or written
    ├── ServiceError                    the service answered, and not with a picture
    │   ├── RefusedError                it did not take the request
    │   ├── OutOfCreditsError           the account has no credits left
    │   ├── RateLimitError              too many requests, and patience is over
    │   ├── TaskFailedError             it took the task and could not do it
    │   ├── ResultExpiredError          the result was there and is gone
    │   └── ProtocolError               its answer makes no sense and is not trusted
    ├── UnreachableError                nothing was sent: safe to repeat
    ├── UnknownOutcomeError             sent, and the answer was lost: maybe paid, never repeated by us
    ├── StoppedError                    the user stopped waiting; the task may go on at the service
    └── WaitTimeout(TimeoutError)       the task goes on; resume it by its id
"""

import difflib
import os
from collections.abc import Iterable
from typing import Self


class RetouchError(Exception):
    """Base of all errors raised on purpose; prints itself as two lines in a notebook cell.

    Parameters
    ----------
    what : str
        What happened, one sentence.
    advice : str, optional
        What it means for the user's money or picture and what to do next.

    Examples
    --------
    >>> print(RetouchError("The mask is empty.", advice="Nothing was sent. Paint something white."))
    The mask is empty. Nothing was sent. Paint something white.
    """

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return plain(f"{self.what} {self.advice}".strip())

    def with_advice(self, advice: str) -> Self:
        """Replace the advice, for a caller who knows better what to do next."""
        self.advice = advice
        return self

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show these lines and no frames; the saved output stays typed and short."""
        colourless = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        name = type(self).__name__ if colourless else f"\x1b[31m{type(self).__name__}\x1b[0m"
        first = f"{name}: {plain(self.what)}"
        return [first, f"  {plain(self.advice)}"] if self.advice else [first]


def plain(text: str) -> str:
    r"""Leave out what is no letter but an order to a terminal, or turns the direction of writing.

    Examples
    --------
    >>> plain("a\x1b[31mb\u202ec\nd")
    'a[31mbc\nd'
    """
    return text if text.isprintable() else "".join(c for c in text if c.isprintable() or c == "\n")


class ParameterError(RetouchError, ValueError):
    """A parameter is wrong; nothing was sent."""


class PictureError(RetouchError, ValueError):
    """A photo or mask cannot be read or breaks a limit; nothing was sent."""


class UnknownNameError(RetouchError, LookupError):
    """No operation, service, job or variable has this name."""

    @classmethod
    def among(cls, name: str, known: Iterable[str], *, what: str, advice: str = "") -> Self:
        """Name what was asked for, the nearest known name and, when there are few, all of them.

        Examples
        --------
        >>> print(UnknownNameError.among("enhanse", ["enhance", "inpaint"], what="operation"))
        There is no operation 'enhanse'. Did you mean 'enhance'? Known: enhance, inpaint.
        """
        names = sorted(known)
        return cls(
            f"There is no {what} {name!r}.", advice=f"{suggestion(name, names)} {advice}".strip()
        )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, and list the known ones when there are few."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"Did you mean {near[0]!r}?" if near else ""
    return f"{guess} Known: {', '.join(names)}." if len(names) <= 24 else guess


class CredentialsError(RetouchError):
    """A key is missing, or was refused."""


class BudgetError(RetouchError):
    """The user's own cap on credits would be exceeded; nothing was sent."""


class MissingExtraError(RetouchError, ImportError):
    """An optional library is needed and not installed.

    Examples
    --------
    >>> print(MissingExtraError.of("psd", "psd-tools", "writing PSD files"))
    psd-tools is needed for writing PSD files. Install it with: pip install "retouch_nb[psd]"
    """

    @classmethod
    def of(cls, extra: str, library: str, purpose: str) -> Self:
        """Say which extra brings the library and what it is for."""
        return cls(
            f"{library} is needed for {purpose}.",
            advice=f'Install it with: pip install "retouch_nb[{extra}]"',
        )


class HomeError(RetouchError, OSError):
    """The folder of journal and results cannot be read or written: full, read-only or locked."""


class ServiceError(RetouchError):
    """The service answered, and not with a picture.

    Parameters
    ----------
    what : str
        What happened, one sentence.
    advice : str, optional
        What it means and what to do next.
    provider : str, optional
        Title of the service, e.g. ``"PicWish"``.
    code : str, optional
        HTTP status, task state or error id, as the service gave it.
    request_id : str, optional
        What the service's support asks for.
    ticket : str, optional
        Id of the task at the service.
    """

    def __init__(
        self,
        what: str,
        *,
        advice: str = "",
        provider: str = "",
        code: str = "",
        request_id: str = "",
        ticket: str = "",
    ) -> None:
        super().__init__(what, advice=advice)
        self.provider = provider
        self.code = code
        self.request_id = request_id
        self.ticket = ticket

    def answered_by(self, maker: str) -> Self:
        """Name who really answered, where another speaks the service's contract.

        Examples
        --------
        >>> print(ServiceError("PicWish failed.", provider="PicWish").answered_by("The embedded engine"))
        The embedded engine failed.
        """
        if self.provider:
            self.what = self.what.replace(self.provider, maker)
        return self


class RefusedError(ServiceError):
    """The service did not take the request."""


class OutOfCreditsError(RefusedError):
    """The account has no credits left."""


class RateLimitError(RefusedError):
    """The service asked to slow down for longer than we were allowed to wait."""


class TaskFailedError(ServiceError):
    """The service took the task and could not do it."""


class ResultExpiredError(ServiceError):
    """The task or its result is no longer at the service."""


class ProtocolError(ServiceError):
    """The answer makes no sense and is not trusted."""


class UnreachableError(RetouchError):
    """The service could not be reached; nothing was sent, so repeating is safe."""


class UnknownOutcomeError(RetouchError):
    """The request left and its answer was lost: it may have been paid, and is never repeated by us.

    Parameters
    ----------
    what : str
        What happened, one sentence.
    advice : str, optional
        How to look and how to go on.
    job_id : str, optional
        Our own id of the job, for ``%retouch_nb forget``.
    earlier : bool
        It was an equal request before this one, of which nothing was sent.
    """

    def __init__(
        self, what: str, *, advice: str = "", job_id: str = "", earlier: bool = False
    ) -> None:
        super().__init__(what, advice=advice)
        self.job_id = job_id
        self.earlier = earlier


class StoppedError(RetouchError):
    """The user stopped waiting; the task may go on at the service."""

    def __init__(self, what: str, *, advice: str = "", job_id: str = "") -> None:
        super().__init__(what, advice=advice)
        self.job_id = job_id


class WaitTimeout(RetouchError, TimeoutError):
    """The wait is over and the task is not; it goes on at the service."""

    def __init__(self, what: str, *, advice: str = "", job_id: str = "", ticket: str = "") -> None:
        super().__init__(what, advice=advice)
        self.job_id = job_id
        self.ticket = ticket
