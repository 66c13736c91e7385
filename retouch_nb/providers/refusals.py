"""From a status code to an error: what services share, with a table of each one's own words."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from retouch_nb.contract import Answer, Refused
from retouch_nb.errors import CredentialsError, ProtocolError, RefusedError, ServiceError
from retouch_nb.providers.words import one_line

Meaning: TypeAlias = tuple[type[ServiceError] | type[CredentialsError], str, str]
"""Class of the error, what happened as the end of a sentence about the service, advice."""

MOVED: Final = {301, 307, 308}
"""Statuses by which whoever is at an address says that he takes nothing there; after the others below 400 nobody knows."""


def refusal(
    title: str,
    meanings: Mapping[int, Meaning],
    status: int,
    answer: Answer,
    *,
    ticket: str = "",
) -> Refused:
    """Say what a status that is not success means, and whether asking again can help.

    After 4xx the service says that it did not take the request; after 5xx nobody knows. That a task is gone is
    believed in the services' own JSON alone: a gateway's page of 404 passes, and a paid task with it would not.

    Raises
    ------
    ProtocolError
        The status is neither a refusal nor a failure: the request may have been taken.

    Examples
    --------
    >>> known = {413: (RefusedError, "finds the file too large", "Save it smaller.")}
    >>> answer = Answer(413, {}, b'{"message": "20 MB at most"}')
    >>> print(refusal("PicWish", known, 413, answer).error)
    PicWish finds the file too large: 20 MB at most. Save it smaller.
    """
    said = _said(answer)
    if status >= 500:
        what = f"{title} had a server error ({status}){said}."
        error = ServiceError(what, provider=title, code=str(status), ticket=ticket)
        return Refused(error, passing=True, untouched=False)
    kind, happened, advice = meanings.get(status) or _unlisted(status)
    what = f"{title} {happened}{said}."
    if status < 400 and status not in MOVED:
        raise ProtocolError(what, provider=title, code=str(status), ticket=ticket)
    if issubclass(kind, ServiceError):
        code = str(status)
        return Refused(
            kind(what, advice=advice, provider=title, code=code, ticket=ticket),
            passing=status == 429 or (status == 404 and bool(ticket) and not _speaks(answer)),
        )
    return Refused(kind(what, advice=advice))


def _unlisted(status: int) -> Meaning:
    if status in MOVED:
        advice = "Nothing was charged. Correct the address in the environment."
        return RefusedError, f"is no longer at this address ({status})", advice
    if status < 400:
        return ProtocolError, f"answered with status {status}, which says neither yes nor no", ""
    return RefusedError, f"refused with status {status}", ""


def _speaks(answer: Answer) -> bool:
    """Tell whether an answer is of the service itself."""
    try:
        return bool(answer.json())
    except ProtocolError:
        return False


def _said(answer: Answer) -> str:
    """Give the service's own words, if its answer has any."""
    try:
        text = one_line(answer.json().get("message"))
    except ProtocolError:
        return ""
    return f": {text}" if text else ""
